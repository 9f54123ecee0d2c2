"""
Read a report: find the part for programs in it, and what it says (:rfc:`3464`, :rfc:`6533`).

Whatever others send is read as it was meant: comments where none may be, types that are missing,
groups in pieces, actions and status codes of their own making.  Bounded and linear (S18): of a
message its first megabyte is looked at, since what is returned comes last.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator, Mapping
from datetime import datetime

from pymta.errors import ReportError
from pymta.message.dates import parse_date
from pymta.message.dsn import DSN, MAX_TEXT, Action, RecipientStatus, Typed, cleaned
from pymta.message.parameters import parameter
from pymta.message.structure import Part, Structure
from pymta.message.structure_reader import StructureReader

__all__ = ["MAX_OCTETS", "MAX_RECIPIENTS", "parse_dsn", "parse_status"]

MAX_OCTETS = 1024 * 1024
"""Of a report; a part that ends behind it is read as far as it goes."""

MAX_RECIPIENTS = 10_000
"""Of a report; the others are left out.  Ten times what a message of ours may have."""

_FIELD = re.compile(rb"([!-9;-~]{1,64})[ \t]*:")
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")
_EMBEDDED = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_TYPE = re.compile(r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]{1,64}")
# A field that is folded for ever is read no further than one that is kept.
_LONGEST = 4 * MAX_TEXT

_MEDIA = frozenset(["delivery-status", "global-delivery-status"])
_ACTIONS = {action.value: action for action in Action} | {
    "failure": Action.FAILED,
    "error": Action.FAILED,
    "fail": Action.FAILED,
    "delay": Action.DELAYED,
}
_BY_CLASS = {"2": Action.DELIVERED, "4": Action.DELAYED, "5": Action.FAILED}
_UNKNOWN_STATUS = {Action.FAILED: "5.0.0", Action.DELAYED: "4.0.0"}

_PER_MESSAGE = frozenset(
    [
        b"original-envelope-id",
        b"reporting-mta",
        b"dsn-gateway",
        b"received-from-mta",
        b"arrival-date",
    ]
)
_NAMES_RECIPIENT = frozenset([b"final-recipient", b"original-recipient"])
_TELLS_FATE = frozenset([b"action", b"status"])


def parse_dsn(octets: bytes) -> DSN:
    """
    Read a message that is a report.

    What is enclosed in a message is about something else, and not looked into, except where a
    gateway has wrapped a report and says that it is one.

    :raises ReportError: it is none, or one that names no recipient.
    """
    octets = octets[:MAX_OCTETS]
    reader = StructureReader()
    reader.feed(octets)
    structure = reader.finish()
    part = _status_part(structure)
    if part is None:
        raise ReportError("no delivery status notification")
    body = octets[part.body : part.stop]
    return parse_status(_decoded(body, part.encoding))


def _status_part(structure: Structure) -> Part | None:
    said = parameter(structure.root.media.parameters, "report-type") or b""
    wrapped = said.strip().lower() == b"delivery-status"
    stack = [structure.root]
    while stack:
        part = stack.pop()
        if part.media.type == "message" and part.media.subtype in _MEDIA:
            return part
        stack += part.parts[::-1]
        if wrapped and part.message is not None:
            stack.append(part.message)
    return None


def _decoded(body: bytes, encoding: str) -> bytes:
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding == "base64":
        digits = _NOT_BASE64.sub(b"", body)
        digits = digits[:-1] if len(digits) % 4 == 1 else digits
        return binascii.a2b_base64(digits + b"=" * (-len(digits) % 4))
    return body


# -- the part for programs ---------------------------------------------------------------------

_Group = dict[bytes, str]


def parse_status(octets: bytes) -> DSN:
    """
    Read the body of a ``message/delivery-status`` or ``message/global-delivery-status`` part.

    :raises ReportError: it names no recipient.
    """
    message: _Group = {}
    recipients = []
    for group in _groups(octets[:MAX_OCTETS], message):
        recipient = _recipient(group)
        if recipient is not None:
            recipients.append(recipient)
        if len(recipients) >= MAX_RECIPIENTS:
            break
    if not recipients:
        raise ReportError("a report that names no recipient")
    envelope_id = cleaned(message.get(b"original-envelope-id", ""))
    return DSN(
        reporting_mta=_typed(message.get(b"reporting-mta"), "dns") or Typed("unknown", "-"),
        recipients=tuple(recipients),
        envelope_id=envelope_id or None,
        received_from=_typed(message.get(b"received-from-mta"), "dns"),
        arrival=_time(message, b"arrival-date"),
    )


def _groups(octets: bytes, message: _Group) -> Iterator[_Group]:
    """
    The groups of recipients; what is said of the message goes into ``message``.

    A group ends where a field comes again, and at an empty line if it says of somebody what
    became of him: some insert empty lines, some forget them.
    """
    group: _Group = {}
    for name, text in _fields(octets):
        if not name:
            if group.keys() & _NAMES_RECIPIENT and group.keys() & _TELLS_FATE:
                yield group
                group = {}
            continue
        if name in _PER_MESSAGE:
            message.setdefault(name, text)
            continue
        if name in group and name in _NAMES_RECIPIENT | _TELLS_FATE:
            yield group
            group = {}
        group.setdefault(name, text)
    yield group


def _fields(octets: bytes) -> Iterator[tuple[bytes, str]]:
    """Fields unfolded, names in lower case; an empty line is a field without a name."""
    name = b""
    lines: list[bytes] = []
    length = 0
    for line in octets.split(b"\n"):
        line = line.rstrip(b"\r")
        if line[:1] in (b" ", b"\t") and line.strip() and lines:
            if length < _LONGEST:
                lines.append(line)
                length += len(line)
            continue
        if lines:
            yield name, _text(b"".join(lines))
            lines, length = [], 0
        found = _FIELD.match(line)
        if found is not None:
            name, length = found[1].lower(), len(line)
            lines = [line[found.end() :]]
        elif not line.strip():
            yield b"", ""
    if lines:
        yield name, _text(b"".join(lines))


def _text(octets: bytes) -> str:
    octets = octets[:_LONGEST]
    try:
        text = octets.decode()
    except UnicodeDecodeError:
        # Cut in the middle of a character, or in a charset of its own.
        text = octets.decode("latin-1")
    return cleaned(text, _LONGEST)


def _recipient(group: Mapping[bytes, str]) -> RecipientStatus | None:
    final = _address(group.get(b"final-recipient"))
    original = _address(group.get(b"original-recipient"))
    final = final or original
    if final is None:
        return None
    diagnostic = _typed(group.get(b"diagnostic-code"), "unknown")
    status = _status_in(_without_comment(group.get(b"status", "")))
    status = status or _status_in("" if diagnostic is None else diagnostic.text)
    action = _action(group.get(b"action", ""), status)
    return RecipientStatus(
        final=final,
        original=original,
        action=action,
        status=status or _UNKNOWN_STATUS.get(action, "2.0.0"),
        remote_mta=_typed(group.get(b"remote-mta"), "dns"),
        diagnostic=diagnostic,
        last_attempt=_time(group, b"last-attempt-date"),
        will_retry_until=_time(group, b"will-retry-until"),
    )


def _action(text: str, status: str | None) -> Action:
    words = _without_comment(text).lower().split()
    found = _ACTIONS.get(words[0]) if words else None
    # Whoever says nothing that is known, and reports all the same, has failed.
    return found or _BY_CLASS.get((status or "5")[0], Action.FAILED)


def _status_in(text: str) -> str | None:
    found = _STATUS.search(text)
    return f"{found[1]}.{int(found[2])}.{int(found[3])}" if found else None


def _without_comment(text: str) -> str:
    return text.partition("(")[0].strip()


def _address(text: str | None) -> Typed | None:
    typed = _typed(text, "rfc822" if text and "@" in text else "unknown")
    if typed is None or typed.type != "utf-8" or not typed.text.isascii():
        return typed
    # RFC 6533 section 3: the 7bit form, converted.
    return Typed.of("utf-8", _EMBEDDED.sub(_embedded, typed.text))


def _embedded(found: re.Match[str]) -> str:
    point = int(found[1], 16)
    return chr(point) if point < 0x110000 else found[0]


def _typed(text: str | None, default: str) -> Typed | None:
    if not text:
        return None
    kind, semicolon, rest = text.partition(";")
    kind = kind.strip(" \t")
    if semicolon and _TYPE.fullmatch(kind):
        return Typed.of(kind, rest) if rest.strip(" \t") else None
    return Typed.of(default, text)


def _time(group: Mapping[bytes, str], name: bytes) -> datetime | None:
    return parse_date(group[name].encode()) if name in group else None
