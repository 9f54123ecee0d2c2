"""
The elements of a response, from values to octets (:rfc:`3501#section-9`).

Strings are written in the shortest form that can hold them: quoted, or as a literal where there
is a CR, LF, NUL, an octet beyond ASCII, or much of it.  A client without UTF8=ACCEPT or IMAP4rev2
gets no raw UTF-8 in a quoted string (:rfc:`6855#section-3`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from pymta.mailbox import MailboxName, UIDSet
from pymta.wire.imap import utf7
from pymta.wire.imap.calendar import write_date_time

__all__ = [
    "NIL",
    "astring",
    "date_time",
    "flags",
    "literal",
    "literal8",
    "mailbox",
    "nstring",
    "number_set",
    "parenthesised",
    "quoted",
    "string",
    "text",
]

NIL: Final = b"NIL"

#: Longer strings go as literals: old clients read lines into small buffers.
_QUOTED_LENGTH: Final = 1_000

_ASTRING: Final = re.compile(rb"[!#$&'+-\[\]^-z|-~]+")
_QUOTABLE: Final = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*")
_UNQUOTABLE: Final = re.compile(rb"[\r\n\0]")
_ESCAPABLE: Final = re.compile(rb'["\\]')


def quoted(octets: bytes) -> bytes:
    """A quoted string; the octets hold no CR, LF or NUL."""
    if b'"' in octets or b"\\" in octets:
        octets = _ESCAPABLE.sub(rb"\\\g<0>", octets)
    return b'"' + octets + b'"'


def literal(octets: bytes) -> bytes:
    """A literal, whatever the octets are."""
    return b"{%d}\r\n" % len(octets) + octets


def literal8(octets: bytes) -> bytes:
    """A literal that may hold NUL (:rfc:`3516#section-4.4`)."""
    return b"~" + literal(octets)


def string(octets: bytes) -> bytes:
    """A quoted string where that can hold the octets, else a literal."""
    if len(octets) <= _QUOTED_LENGTH and _QUOTABLE.fullmatch(octets):
        return quoted(octets)
    return literal(octets)


def nstring(octets: bytes | None) -> bytes:
    """A string, or NIL for None."""
    return NIL if octets is None else string(octets)


def astring(octets: bytes) -> bytes:
    """An atom where that can hold the octets, else a string."""
    # An atom NIL would be read as no string at all.
    if _ASTRING.fullmatch(octets) and octets.upper() != NIL:
        return octets
    return string(octets)


def text(value: str, *, utf8: bool) -> bytes:
    """A string; what is beyond ASCII is quoted if the client takes that, else a literal."""
    octets = value.encode("utf-8")
    if utf8 and len(octets) <= _QUOTED_LENGTH and not _UNQUOTABLE.search(octets):
        return quoted(octets)
    return string(octets)


def mailbox(name: MailboxName | str, *, utf8: bool) -> bytes:
    """A mailbox name: raw UTF-8 for who takes it, else modified UTF-7."""
    if not utf8:
        return astring(utf7.encode(name))
    return astring(name.encode("ascii")) if name.isascii() else text(name, utf8=True)


def number_set(ranges: UIDSet | Iterable[tuple[int, int]]) -> bytes:
    """``1:3,7``; ranges are written as they come."""
    pairs = ranges.ranges if isinstance(ranges, UIDSet) else ranges
    return b",".join(b"%d" % a if a == b else b"%d:%d" % (a, b) for a, b in pairs)


def flags(names: Iterable[str]) -> bytes:
    """Flags in parentheses, in a settled order."""
    return b"(" + " ".join(sorted(names)).encode("ascii") + b")"


def date_time(moment: datetime) -> bytes:
    """A quoted time, in the zone that the value has."""
    return b'"' + write_date_time(moment).encode("ascii") + b'"'


def parenthesised(items: Iterable[bytes]) -> bytes:
    """Items in parentheses, with single spaces between them."""
    return b"(" + b" ".join(items) + b")"
