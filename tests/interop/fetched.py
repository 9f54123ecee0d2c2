"""
What programs that fetch mail may change, and what must be the same in spite of it.

They keep mail as files with LF at the ends of lines, put fields of their own in front and may
leave out or move Return-Path and Delivered-To, which belong to whoever delivers.
"""

from __future__ import annotations

from email import message_from_bytes
from email.policy import compat32

__all__ = ["Letter", "letter_of"]

Letter = tuple[frozenset[tuple[str, str]], bytes]
"""The fields that nobody may change, unfolded, and the body with LF."""

_THEIRS = frozenset({"return-path", "delivered-to", "received", "status", "x-uidl"})


def letter_of(octets: bytes) -> Letter:
    """Fields and body of a message, kept with CRLF or LF."""
    octets = octets.replace(b"\r\n", b"\n")
    header, _, body = octets.partition(b"\n\n")
    parsed = message_from_bytes(header + b"\n\n", policy=compat32)
    fields = ((name.lower(), " ".join(str(value).split())) for name, value in parsed.items())
    return frozenset(field for field in fields if field[0] not in _THEIRS), body
