"""
The responses of an IMAP server, read (:rfc:`9051#section-7` and the extensions').

:func:`read_response` makes one whole response a value: :class:`Tagged`, :class:`Continue`, or
untagged data (:mod:`~pymta.wire.imap.client_data`).  A word that is not known is
:class:`~pymta.wire.imap.client_data.Other`; a known one in the wrong form is an error, since
what a client has to believe of its mailbox cannot be guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from pymta.wire.imap.client_codes import read_code
from pymta.wire.imap.client_cursor import ResponseCursor
from pymta.wire.imap.client_data import (
    ACL,
    ID,
    Capabilities,
    Condition,
    Data,
    Enabled,
    ESearched,
    Exists,
    Expunge,
    Flags,
    Listed,
    ListRights,
    Metadata,
    MyRights,
    Namespace,
    Namespaces,
    Other,
    Quota,
    QuotaRoot,
    Ranges,
    Recent,
    Resource,
    Searched,
    Sorted,
    Status,
    StatusOf,
    Threaded,
    Value,
    Vanished,
)
from pymta.wire.imap.client_fetched import read_fetched

__all__ = ["Continue", "Tagged", "read_response"]

K = TypeVar("K")
V = TypeVar("V")

_TAG: Final = re.compile(rb'[^\x00-\x20\x7f(){%*"\\+]{1,64}+')
_CONDITION: Final = re.compile(rb"(?:OK|NO|BAD|BYE|PREAUTH)(?= |\Z)", re.IGNORECASE)
_NUMBERED: Final = re.compile(rb"[0-9]{1,10}(?= )")


@dataclass(frozen=True, slots=True)
class Tagged:
    """The end of a command."""

    tag: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class Continue:
    """``+``: go on.  ``octets`` as they are written behind it."""

    octets: bytes


def read_response(
    octets: bytes, *, depth: int, name: Callable[[bytes], str]
) -> Data | Tagged | Continue:
    """
    Read one response.

    :param octets: with its literals, without the CRLF at its end.
    :param depth: how many parentheses may be open in each other.
    :param name: turns the name of a mailbox as it is sent into a name.
    :raises RemoteProtocolError: it is none.
    """
    if octets.startswith(b"+"):
        # RFC 9051 section 9: "+" SP; servers that say nothing more leave the space out.
        return Continue(octets[1:].removeprefix(b" "))
    cursor = ResponseCursor(octets, depth=depth, name=name)
    if cursor.accept(b"* "):
        return _untagged(cursor)
    match = _TAG.match(octets)
    if match is None:
        raise cursor.wrong("no response")
    cursor.at = match.end()
    cursor.space()
    condition = _condition(cursor)
    if condition is None or condition.status in (Status.BYE, Status.PREAUTH):
        raise cursor.wrong("no end of a command")
    return Tagged(match[0].decode("latin-1"), condition)


def _condition(cursor: ResponseCursor) -> Condition | None:
    match = _CONDITION.match(cursor.octets, cursor.at)
    if match is None:
        return None
    cursor.at = match.end()
    cursor.accept(b" ")
    code = read_code(cursor) if cursor.peek() == b"[" else None
    status = Status(match[0].decode("ascii").upper())
    return Condition(status, cursor.rest().decode("utf-8", "replace"), code)


def _untagged(cursor: ResponseCursor) -> Data:
    condition = _condition(cursor)
    if condition is not None:
        return condition
    match = _NUMBERED.match(cursor.octets, cursor.at)
    if match is not None:
        cursor.at = match.end() + 1
        found = _numbered(cursor, int(match[0]))
    else:
        found = _named(cursor)
    cursor.accept(b" ")  # some servers write one at the end of SEARCH
    cursor.end()
    return found


def _numbered(cursor: ResponseCursor, number: int) -> Data:
    word = cursor.word()
    if word == "EXISTS":
        return Exists(number)
    if word == "RECENT":
        return Recent(number)
    if number < 1 and word in ("EXPUNGE", "FETCH", "UIDFETCH"):
        raise cursor.wrong("no number of a message")
    if word == "EXPUNGE":
        return Expunge(number)
    if word in ("FETCH", "UIDFETCH"):
        cursor.space()
        return read_fetched(cursor, number, by_uid=word == "UIDFETCH")
    cursor.accept(b" ")
    return Other(word, cursor.rest(), number)


def _named(cursor: ResponseCursor) -> Data:
    word = cursor.word()
    if word.isdigit():
        raise cursor.wrong("a number too large")
    read = _READERS.get(word)
    if read is not None:
        return read(cursor)
    cursor.accept(b" ")
    return Other(word, cursor.rest())


def _words(cursor: ResponseCursor) -> frozenset[str]:
    words = set()
    while cursor.accept(b" ") and not cursor.at_end:
        words.add(cursor.word())
    return frozenset(words)


def _capabilities(cursor: ResponseCursor) -> Capabilities:
    return Capabilities(_words(cursor))


def _enabled(cursor: ResponseCursor) -> Enabled:
    return Enabled(_words(cursor))


def _id(cursor: ResponseCursor) -> ID:
    cursor.space()
    if cursor.nil():
        return ID(MappingProxyType({}))
    return ID(_pairs(cursor, cursor.string, cursor.nstring))


def _pairs(cursor: ResponseCursor, key: Callable[[], K], value: Callable[[], V]) -> Mapping[K, V]:
    def pair() -> tuple[K, V]:
        found = key()
        cursor.space()
        return found, value()

    return MappingProxyType(dict(cursor.listed_or_none(pair)))


def _flags(cursor: ResponseCursor) -> Flags:
    cursor.space()
    return Flags(cursor.flags())


def _list(cursor: ResponseCursor) -> Listed:
    return _listed(cursor, "LIST")


def _lsub(cursor: ResponseCursor) -> Listed:
    return _listed(cursor, "LSUB")


def _listed(cursor: ResponseCursor, verb: str) -> Listed:
    cursor.space()
    attributes = cursor.flags()
    cursor.space()
    separator = cursor.separator()
    cursor.space()
    name = cursor.mailbox()
    extended: Mapping[str, Value] = MappingProxyType({})
    if cursor.accept(b" "):
        # RFC 5258 section 6, mbox-list-extended
        extended = _pairs(cursor, lambda: cursor.astring().decode("latin-1").upper(), cursor.value)
    return Listed(
        attributes=attributes, separator=separator, name=name, extended=extended, verb=verb
    )


def _status(cursor: ResponseCursor) -> StatusOf:
    def item() -> int | str | None:
        if cursor.peek() == b"(":
            # RFC 8474 section 4.2: MAILBOXID (id)
            return cursor.listed(cursor.atom)[0]
        return None if cursor.nil() else cursor.number()

    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    return StatusOf(name, _pairs(cursor, cursor.word, item))


def _numbers(cursor: ResponseCursor) -> tuple[tuple[int, ...], int | None]:
    numbers = cursor.numbers()
    if not cursor.accept(b" (MODSEQ "):
        return numbers, None
    # RFC 7162 section 3.1.5
    modseq = cursor.number()
    cursor.expect(b")")
    return numbers, modseq


def _searched(cursor: ResponseCursor) -> Searched:
    return Searched(*_numbers(cursor))


def _sorted(cursor: ResponseCursor) -> Sorted:
    return Sorted(*_numbers(cursor))


def _threaded(cursor: ResponseCursor) -> Threaded:
    threads = []
    cursor.accept(b" ")
    while cursor.peek() == b"(":
        threads.append(_thread(cursor))
    return Threaded(tuple(threads))


def _thread(cursor: ResponseCursor) -> Value:
    found: list[Value] = []
    cursor.open()
    while cursor.peek() != b")":
        if cursor.peek() == b"(":
            found.append(_thread(cursor))
        else:
            found.append(cursor.nz_number())
            cursor.accept(b" ")
    cursor.close()
    return tuple(found)


def _esearched(cursor: ResponseCursor) -> ESearched:
    tag = mailbox = None
    uid_validity: int | None = None
    if cursor.accept(b" ("):
        # RFC 4466 section 2.6.2; MAILBOX and UIDVALIDITY: RFC 7377 section 2.1
        while not cursor.accept(b")"):
            cursor.accept(b" ")
            match cursor.word():
                case "TAG":
                    cursor.space()
                    tag = cursor.astring().decode("latin-1")
                case "MAILBOX":
                    cursor.space()
                    mailbox = cursor.mailbox()
                case "UIDVALIDITY":
                    cursor.space()
                    uid_validity = cursor.nz_number()
                case word:
                    raise cursor.wrong(f"no correlator: {word}")
    by_uid = cursor.accept(b" UID")
    items: dict[str, int | Ranges | Value] = {}
    while cursor.accept(b" "):
        name = cursor.word()
        cursor.space()
        items[name] = _esearch_value(cursor, name)
    return ESearched(
        tag=tag,
        by_uid=by_uid,
        items=MappingProxyType(items),
        mailbox=mailbox,
        uid_validity=uid_validity,
    )


def _esearch_value(cursor: ResponseCursor, name: str) -> int | Ranges | Value:
    if name == "ALL":
        return cursor.ranges()
    if name in ("MIN", "MAX", "COUNT", "MODSEQ"):
        return cursor.number()
    return cursor.value()


def _vanished(cursor: ResponseCursor) -> Vanished:
    earlier = cursor.accept(b" (EARLIER)")
    cursor.space()
    return Vanished(cursor.uid_set(), earlier)


def _namespaces(cursor: ResponseCursor) -> Namespaces:
    def one() -> tuple[Namespace, ...] | None:
        cursor.space()
        if cursor.nil():
            return None
        found = []
        cursor.open()
        while cursor.peek() == b"(":
            found.append(_namespace(cursor))
            cursor.accept(b" ")
        cursor.close()
        return tuple(found)

    return Namespaces(one(), one(), one())


def _namespace(cursor: ResponseCursor) -> Namespace:
    cursor.open()
    prefix = cursor.string()
    cursor.space()
    separator = cursor.separator()
    extension = []
    while cursor.accept(b" "):
        extension.append(cursor.value())
    cursor.close()
    return Namespace(prefix, separator, tuple(extension))


def _quota(cursor: ResponseCursor) -> Quota:
    def resource() -> Resource:
        name = cursor.word()
        cursor.space()
        usage = cursor.number()
        cursor.space()
        return Resource(name, usage, cursor.number())

    cursor.space()
    root = cursor.astring()
    cursor.space()
    return Quota(root, cursor.listed_or_none(resource))


def _astrings(cursor: ResponseCursor) -> tuple[bytes, ...]:
    found = []
    while cursor.accept(b" ") and not cursor.at_end:
        found.append(cursor.astring())
    return tuple(found)


def _quota_root(cursor: ResponseCursor) -> QuotaRoot:
    cursor.space()
    return QuotaRoot(cursor.mailbox(), _astrings(cursor))


def _acl(cursor: ResponseCursor) -> ACL:
    cursor.space()
    name = cursor.mailbox()
    words = _astrings(cursor)
    if len(words) % 2:
        raise cursor.wrong("an identifier without rights")
    return ACL(name, MappingProxyType(dict(zip(words[::2], words[1::2], strict=True))))


def _list_rights(cursor: ResponseCursor) -> ListRights:
    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    return ListRights(name, cursor.astring(), _astrings(cursor))


def _my_rights(cursor: ResponseCursor) -> MyRights:
    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    return MyRights(name, cursor.astring())


def _metadata(cursor: ResponseCursor) -> Metadata:
    cursor.space()
    name = cursor.mailbox()
    cursor.space()
    if cursor.peek() == b"(":
        return Metadata(name, _pairs(cursor, cursor.astring, cursor.nstring))
    first = cursor.astring()
    return Metadata(name, MappingProxyType({}), (first, *_astrings(cursor)))


_READERS: Final[Mapping[str, Callable[[ResponseCursor], Data]]] = MappingProxyType(
    {
        "ACL": _acl,
        "CAPABILITY": _capabilities,
        "ENABLED": _enabled,
        "ESEARCH": _esearched,
        "FLAGS": _flags,
        "ID": _id,
        "LIST": _list,
        "LISTRIGHTS": _list_rights,
        "LSUB": _lsub,
        "METADATA": _metadata,
        "MYRIGHTS": _my_rights,
        "NAMESPACE": _namespaces,
        "QUOTA": _quota,
        "QUOTAROOT": _quota_root,
        "SEARCH": _searched,
        "SORT": _sorted,
        "STATUS": _status,
        "THREAD": _threaded,
        "VANISHED": _vanished,
    }
)
