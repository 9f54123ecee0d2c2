"""
What FETCH can name of a message: sections and parts of them (:rfc:`3501#section-6.4.5`,
:rfc:`3516#section-4.2`).

The values only name; who cuts the octets out is :mod:`pymta.message`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.response import atoms

__all__ = ["Partial", "Section", "SectionText", "parse_part", "parse_partial", "parse_section"]

#: RFC 2045 sets no limit to nesting; a message with more levels than this was made to hurt.
_LEVELS: Final = 100
_FIELD: Final = re.compile(rb"[!-9;-~]+")


class SectionText(Enum):
    """What of a part is meant, where it is not the part itself."""

    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class Section:
    """
    What stands in ``BODY[…]``.

    :param part: the numbers of a part, outermost first; empty: the message.
    :param text: None: all of it.
    :param fields: names of header fields, as written; for HEADER.FIELDS(.NOT) only.
    """

    part: tuple[int, ...] = ()
    text: SectionText | None = None
    fields: tuple[str, ...] = ()

    @property
    def octets(self) -> bytes:
        """What stands between the brackets, as a response repeats it."""
        words = [str(number) for number in self.part]
        if self.text is not None:
            words.append(self.text.value)
        named = ".".join(words).encode("ascii")
        if not self.fields:
            return named
        names = (atoms.astring(name.encode("ascii")) for name in self.fields)
        return named + b" " + atoms.parenthesised(names)


@dataclass(frozen=True, slots=True)
class Partial:
    """``<start.length>``: octets from ``start``, at most ``length``, which is above 0."""

    start: int
    length: int


def parse_section(cursor: Cursor) -> Section:
    """``1.2.HEADER.FIELDS (From)]``: behind the opening bracket, up to the closing one."""
    part = _numbers(cursor)
    text: SectionText | None = None
    fields: tuple[str, ...] = ()
    if not part or cursor.accept(b"."):
        text = _text(cursor, part)
    if text in (SectionText.HEADER_FIELDS, SectionText.HEADER_FIELDS_NOT):
        cursor.space()
        fields = cursor.listed(_field)
    cursor.expect(b"]")
    return Section(part, text, fields)


def parse_part(cursor: Cursor) -> tuple[int, ...]:
    """``1.2]``, behind the opening bracket; none is the message (:rfc:`3516#section-4.2`)."""
    part = _numbers(cursor)
    cursor.expect(b"]")
    return part


def parse_partial(cursor: Cursor) -> Partial | None:
    """``<0.2048>``, if it is there."""
    if not cursor.accept(b"<"):
        return None
    start = cursor.number64()  # RFC 9051 section 9: partial-range of number64
    cursor.expect(b".")
    length = cursor.nz_number(2**63 - 1)
    cursor.expect(b">")
    return Partial(start, length)


def _numbers(cursor: Cursor) -> tuple[int, ...]:
    numbers: list[int] = []
    while cursor.peek().isdigit():
        numbers.append(cursor.nz_number())
        if len(numbers) > _LEVELS:
            raise cursor.bad(f"more than {_LEVELS} levels")
        if not cursor.peek(2)[1:].isdigit() or not cursor.accept(b"."):
            break
    return tuple(numbers)


def _text(cursor: Cursor, part: tuple[int, ...]) -> SectionText | None:
    # Longer names first: HEADER is the beginning of the others.
    for text in (
        SectionText.HEADER_FIELDS_NOT,
        SectionText.HEADER_FIELDS,
        SectionText.HEADER,
        SectionText.TEXT,
    ):
        if cursor.accept(text.value.encode("ascii")):
            return text
    # RFC 3501 section 6.4.5: MIME MUST be prefixed by numbers
    if part and cursor.accept(b"MIME"):
        return SectionText.MIME
    if part:
        raise cursor.bad("section expected")
    return None


def _field(cursor: Cursor) -> str:
    name = cursor.astring()
    if not _FIELD.fullmatch(name):
        raise cursor.bad("name of a header field expected")
    return name.decode("ascii")
