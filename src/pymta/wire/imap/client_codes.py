"""
Response codes as a client reads them (:rfc:`5530` and the extensions').

The text of a code that is not known is kept as it is; of one that is known, the value as well.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from pymta.mailbox import UIDSet
from pymta.wire.imap.client_cursor import ResponseCursor
from pymta.wire.imap.client_data import AppendUID, Code, CopyUID, Ranges

__all__ = ["read_code"]

CodeValue: TypeAlias = (
    int | UIDSet | str | tuple[str, ...] | frozenset[str] | AppendUID | CopyUID | None
)
_TEXT: Final = re.compile(rb'(?:[^"\]]|"(?:[^"\\]|\\.)*+")*+')


def read_code(cursor: ResponseCursor) -> Code:
    """
    A code in brackets, and the space behind it.

    :raises RemoteProtocolError: there is no end, or what is behind a known name is not its value.
    """
    cursor.expect(b"[")
    name = cursor.word()
    start = cursor.at
    match = _TEXT.match(cursor.octets, start)
    stop = start if match is None else match.end()
    read = _READERS.get(name)
    value = None if read is None else read(cursor)
    cursor.at = stop if read is None else cursor.at
    text = cursor.octets[start : cursor.at].decode("utf-8", "replace").removeprefix(" ")
    cursor.expect(b"]")
    cursor.accept(b" ")
    return Code(name, text, value)


def _number(cursor: ResponseCursor) -> int:
    cursor.space()
    return cursor.number()


def _words(cursor: ResponseCursor) -> tuple[str, ...]:
    words = []
    while cursor.accept(b" "):
        words.append(cursor.word())
    return tuple(words)


def _flags(cursor: ResponseCursor) -> frozenset[str]:
    cursor.space()
    return cursor.flags()


def _charsets(cursor: ResponseCursor) -> tuple[str, ...]:
    if not cursor.accept(b" "):
        return ()
    return tuple(each.decode("latin-1") for each in cursor.listed(cursor.astring))


def _append_uid(cursor: ResponseCursor) -> AppendUID:
    cursor.space()
    uid_validity = cursor.nz_number()
    cursor.space()
    return AppendUID(uid_validity, cursor.ranges())


def _copy_uid(cursor: ResponseCursor) -> CopyUID:
    cursor.space()
    uid_validity = cursor.nz_number()
    cursor.space()
    source = cursor.ranges()
    cursor.space()
    destination = cursor.ranges()
    if _count(source) != _count(destination):
        # RFC 4315 section 3
        raise cursor.wrong("COPYUID with sides of different length")
    return CopyUID(uid_validity, source, destination)


def _count(ranges: Ranges) -> int:
    return sum(abs(last - first) + 1 for first, last in ranges)


def _modified(cursor: ResponseCursor) -> UIDSet:
    cursor.space()
    return cursor.uid_set()


def _mailbox_id(cursor: ResponseCursor) -> str:
    cursor.space()
    (found,) = cursor.listed(cursor.atom)[:1]
    return found


_READERS: Final[Mapping[str, Callable[[ResponseCursor], CodeValue]]] = MappingProxyType(
    {
        "APPENDUID": _append_uid,
        "BADCHARSET": _charsets,
        "CAPABILITY": _words,
        "COPYUID": _copy_uid,
        "HIGHESTMODSEQ": _number,
        "MAILBOXID": _mailbox_id,
        "MESSAGELIMIT": _number,
        "MODIFIED": _modified,
        "PERMANENTFLAGS": _flags,
        "UIDNEXT": _number,
        "UIDVALIDITY": _number,
        "UNSEEN": _number,
    }
)
