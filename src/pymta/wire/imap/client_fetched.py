"""
FETCH as a client reads it (:rfc:`9051#section-7.5.2` and the extensions').
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pymta.wire.imap.client_cursor import ResponseCursor
from pymta.wire.imap.client_data import Fetched, FetchValue
from pymta.wire.imap.client_trees import read_body, read_envelope

__all__ = ["read_fetched"]

_NAME: Final = re.compile(rb"[A-Za-z0-9.-]++")
_PLAIN: Final = re.compile(rb'[^"{\]\r\n]++')
_ORIGIN: Final = re.compile(rb"<[0-9]{1,20}>")


def read_fetched(cursor: ResponseCursor, number: int, *, by_uid: bool) -> Fetched:
    """
    The items in parentheses.

    :raises RemoteProtocolError: they are none, or one is there twice with different values.
    """
    items: dict[str, FetchValue] = {}

    def item() -> None:
        name = _name(cursor)
        cursor.space()
        value = _value(cursor, name)
        if items.setdefault(name, value) != value:
            raise cursor.wrong(f"{name} twice")

    cursor.listed_or_none(item)
    return Fetched(number, MappingProxyType(items), by_uid)


def _name(cursor: ResponseCursor) -> str:
    start = cursor.at
    match = _NAME.match(cursor.octets, start)
    if match is None:
        raise cursor.wrong("no item of FETCH")
    cursor.at = match.end()
    if cursor.accept(b"["):
        while not cursor.accept(b"]"):
            _section(cursor)
        origin = _ORIGIN.match(cursor.octets, cursor.at)
        cursor.at = cursor.at if origin is None else origin.end()
    return cursor.octets[start : cursor.at].decode("latin-1").upper()


def _section(cursor: ResponseCursor) -> None:
    if cursor.peek() in (b'"', b"{"):
        cursor.string()
        return
    match = _PLAIN.match(cursor.octets, cursor.at)
    if match is None:
        raise cursor.wrong("a section without end")
    cursor.at = match.end()


def _value(cursor: ResponseCursor, name: str) -> FetchValue:
    if "[" in name:
        return cursor.number() if name.startswith("BINARY.SIZE[") else cursor.nstring()
    read = _READERS.get(name)
    return cursor.value() if read is None else read(cursor)


def _modseq(cursor: ResponseCursor) -> int:
    # RFC 7162 section 3.1.4.2
    cursor.expect(b"(")
    number = cursor.number()
    cursor.expect(b")")
    return number


def _object_id(cursor: ResponseCursor) -> str | None:
    # RFC 8474 section 5
    return None if cursor.nil() else cursor.listed(cursor.atom)[0]


def _save_date(cursor: ResponseCursor) -> FetchValue:
    # RFC 8514 section 4.3
    return None if cursor.nil() else cursor.date_time()


_READERS: Final[Mapping[str, Callable[[ResponseCursor], FetchValue]]] = MappingProxyType(
    {
        "BODY": read_body,
        "BODYSTRUCTURE": read_body,
        "EMAILID": _object_id,
        "ENVELOPE": read_envelope,
        "FLAGS": ResponseCursor.flags,
        "INTERNALDATE": ResponseCursor.date_time,
        "MODSEQ": _modseq,
        "PREVIEW": ResponseCursor.nstring,
        "RFC822": ResponseCursor.nstring,
        "RFC822.HEADER": ResponseCursor.nstring,
        "RFC822.SIZE": ResponseCursor.number,
        "RFC822.TEXT": ResponseCursor.nstring,
        "SAVEDATE": _save_date,
        "THREADID": _object_id,
        "UID": ResponseCursor.nz_number,
    }
)
