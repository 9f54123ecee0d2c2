"""
Items of FETCH that are columns of the store: what is read for each, and how it is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache, partial
from typing import Any, Final, TypeAlias

from pymta.mailbox import Wanted
from pymta.message.structure_codec import from_bytes
from pymta.wire.imap.command.fetch import Attribute
from pymta.wire.imap.response import atoms
from pymta.wire.imap.response.bodystructure import write_body, write_body_structure
from pymta.wire.imap.response.envelope import write_envelope

__all__ = ["COLUMNS", "Writer", "writer_of"]

Writer: TypeAlias = Callable[[Any], bytes]
"""Writes the value of a column, with its name in front."""

COLUMNS: Final[Mapping[Attribute, Wanted]] = {
    Attribute.FLAGS: Wanted.FLAGS,
    Attribute.INTERNALDATE: Wanted.INTERNAL_DATE,
    Attribute.RFC822_SIZE: Wanted.SIZE,
    Attribute.MODSEQ: Wanted.MODSEQ,
    Attribute.SAVEDATE: Wanted.SAVE_DATE,
    Attribute.EMAILID: Wanted.EMAIL_ID,
    Attribute.ENVELOPE: Wanted.ENVELOPE,
    Attribute.BODY: Wanted.STRUCTURE,
    Attribute.BODYSTRUCTURE: Wanted.STRUCTURE,
}


def writer_of(attribute: Attribute, *, utf8: bool) -> Writer:
    """How a column is written.  FLAGS is not here: the view has a say in it."""
    if attribute in _WITH_TEXT:
        return partial(_WITH_TEXT[attribute], utf8=utf8)
    return _WRITERS[attribute]


@lru_cache(maxsize=1024)  # many messages come in one second
def _internal_date(moment: datetime) -> bytes:
    return b"INTERNALDATE " + atoms.date_time(moment)


def _size(octets: int) -> bytes:
    return b"RFC822.SIZE %d" % octets


def _modseq(modseq: int) -> bytes:
    return b"MODSEQ (%d)" % modseq


def _save_date(moment: datetime | None) -> bytes:
    # RFC 8514 section 4.3: NIL where it is not known
    return b"SAVEDATE " + (atoms.NIL if moment is None else atoms.date_time(moment))


def _email_id(value: str) -> bytes:
    return b"EMAILID (%s)" % value.encode("ascii")


def _thread_id(_: object) -> bytes:
    # RFC 8474 section 5.2: NIL for a server that has no such thing
    return b"THREADID NIL"


def _envelope(octets: bytes, *, utf8: bool) -> bytes:
    return b"ENVELOPE " + write_envelope(from_bytes(octets).root.envelope, utf8=utf8)


def _body(octets: bytes, *, utf8: bool) -> bytes:
    return b"BODY " + write_body(from_bytes(octets), utf8=utf8)


def _body_structure(octets: bytes, *, utf8: bool) -> bytes:
    return b"BODYSTRUCTURE " + write_body_structure(from_bytes(octets), utf8=utf8)


_WRITERS: Final[Mapping[Attribute, Writer]] = {
    Attribute.INTERNALDATE: _internal_date,
    Attribute.RFC822_SIZE: _size,
    Attribute.MODSEQ: _modseq,
    Attribute.SAVEDATE: _save_date,
    Attribute.EMAILID: _email_id,
}
_WITH_TEXT: Final = {
    Attribute.ENVELOPE: _envelope,
    Attribute.BODY: _body,
    Attribute.BODYSTRUCTURE: _body_structure,
}
