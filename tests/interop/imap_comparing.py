"""
What two IMAP servers answered, made comparable.

Left out is what must differ (UIDVALIDITY, mod-sequences, texts for people) and put in one form
what may be written in several (the order of flags and of untagged data, capital letters of MIME
types).  What is still different is a difference, unless :mod:`tests.interop.imap_explained` says
why it may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pymta.wire.imap.client_data import (
    Body,
    Condition,
    Data,
    ESearched,
    Exists,
    Expunge,
    Fetched,
    Flags,
    Listed,
    Multipart,
    Part,
    Recent,
    Searched,
    Sorted,
    StatusOf,
    Threaded,
    Value,
    Vanished,
)
from tests.interop.imap_session import Answer

__all__ = ["Facts", "facts_of"]

Facts = dict[str, object]
"""What was told, by a name that says of what."""

_CODES = frozenset({"UIDNEXT", "UNSEEN", "READ-ONLY", "READ-WRITE", "CLOSED"})
_TAGGED = frozenset({"READ-ONLY", "READ-WRITE", "COPYUID", "APPENDUID"})


def facts_of(answer: Answer) -> Facts:
    """What an answer told."""
    facts: Facts = {"status": answer.condition.status.value}
    code = answer.condition.code
    if code is not None and code.name in _TAGGED:
        text = code.text.partition(" ")[2] if code.name.endswith("UID") else ""
        facts[f"code {code.name}"] = text
    for data in answer.data:
        _add(facts, data)
    return facts


def _add(facts: Facts, data: Data) -> None:
    match data:
        case Exists(count):
            facts["exists"] = count
        case Recent(count):
            facts["recent"] = count
        case Expunge(number):
            facts["expunged"] = [*_list(facts.get("expunged")), number]
        case Vanished(uids):
            facts["vanished"] = uids
        case Flags(flags):
            facts["flags"] = flags
        case Condition(code=code) if code is not None and code.name in _CODES:
            facts[code.name] = code.text
        case Condition(code=code) if code is not None and code.name == "PERMANENTFLAGS":
            facts["permanent flags"] = code.value
        case Fetched():
            _add_fetched(facts, data)
        case Listed():
            facts[f"{data.verb} {data.name}"] = (data.separator, data.attributes)
        case StatusOf(name, items):
            facts[f"status {name}"] = dict(items)
        case Searched(numbers):
            facts["found"] = sorted(numbers)
        case Sorted(numbers):
            facts["sorted"] = numbers
        case Threaded(threads):
            facts["threads"] = threads
        case ESearched():
            facts["found"] = {name: value for name, value in data.items.items() if name != "MODSEQ"}


def _list(found: object) -> Iterable[object]:
    return found if isinstance(found, list) else ()


def _add_fetched(facts: Facts, data: Fetched) -> None:
    for name, value in data.items.items():
        if name == "MODSEQ":
            continue
        if isinstance(value, Part | Multipart):
            value = _plain(value)
        facts[f"{data.number} {name}"] = value


def _plain(body: Body) -> Body:
    if isinstance(body, Multipart):
        return Multipart(
            tuple(map(_plain, body.parts)), body.subtype.lower(), tuple(map(_lower, body.extension))
        )
    return replace(
        body,
        type=body.type.lower(),
        subtype=body.subtype.lower(),
        parameters=_lower(body.parameters),
        encoding=None if body.encoding is None else body.encoding.lower(),
        body=None if body.body is None else _plain(body.body),
        extension=tuple(map(_lower, body.extension)),
    )


def _lower(value: Value) -> Value:
    if isinstance(value, tuple):
        return tuple(map(_lower, value))
    return value.lower() if isinstance(value, bytes) else value
