"""
Items of FETCH that are octets of a message: sections, as stretches of its content.

The structure that was computed at append says where they are, so that a section of a large message
is read without the rest of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pymta.interfaces.content import Cut, IContent, Octets, octets_of
from pymta.message.header import parse_header
from pymta.message.structure import Structure
from pymta.wire.imap.command.fetch import Attribute, Body, FetchItem
from pymta.wire.imap.sections import Partial, Section, SectionText

__all__ = ["NOTHING", "Cutting", "Piece", "cut", "cutting_of"]

MAX_HEADER: Final = 1024 * 1024
"""Octets of a header of which single fields are asked for; what is behind is not looked at."""

NOTHING: Final = Octets(b"")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """
    What is cut out of each message.

    :param label: as the response names it, the partial's start included.
    :param seen: whether it sets ``\\Seen``.
    """

    label: bytes
    section: Section
    partial: Partial | None = None
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Octets for one item; None is NIL."""

    label: bytes
    content: IContent | None


_OLD: Final = {
    Attribute.RFC822: (Section(), True),
    Attribute.RFC822_HEADER: (Section(text=SectionText.HEADER), False),
    Attribute.RFC822_TEXT: (Section(text=SectionText.TEXT), True),
}


def cutting_of(item: FetchItem) -> Cutting | None:
    """What an item of octets asks for; None for another."""
    if isinstance(item, Body):
        label = b"BODY[%s]" % item.section.octets
        if item.partial is not None:
            label += b"<%d>" % item.partial.start
        return Cutting(label=label, section=item.section, partial=item.partial, seen=not item.peek)
    if isinstance(item, Attribute) and item in _OLD:
        section, seen = _OLD[item]
        return Cutting(label=item.value.encode("ascii"), section=section, seen=seen)
    return None


async def cut(cutting: Cutting, content: IContent, structure: Structure | None) -> Piece:
    """
    Cut it out of a message.

    :param structure: of the message; None where only the whole is asked for.
    """
    found = await _section(cutting.section, content, structure)
    if found is not None and cutting.partial is not None:
        # RFC 3501 section 6.4.5: beyond the end there is an empty string
        start = min(cutting.partial.start, found.size)
        found = _cut(found, start, min(start + cutting.partial.length, found.size))
    return Piece(cutting.label, found)


async def _section(
    section: Section, content: IContent, structure: Structure | None
) -> IContent | None:
    if structure is None:
        return content
    words = [str(number) for number in section.part]
    if section.fields:
        words.append(SectionText.HEADER.value)
    elif section.text is not None:
        words.append(section.text.value)
    span = structure.section(".".join(words))
    if span is None:
        return None
    found = _cut(content, span.start, span.stop)
    if not section.fields:
        return found
    header = await octets_of(_cut(found, 0, min(found.size, MAX_HEADER)))
    return Octets(_fields(header, section.fields, section.text is SectionText.HEADER_FIELDS))


def _cut(content: IContent, start: int, stop: int) -> IContent:
    if (start, stop) == (0, content.size):
        return content
    if isinstance(content, Octets):
        return Octets(content.octets[start:stop])
    return Cut(content, start, stop)


def _fields(octets: bytes, names: Sequence[str], named: bool) -> bytes:
    """
    Fields, and the empty line behind them (:rfc:`3501#section-6.4.5`).

    :param named: those of these names; all others otherwise.
    """
    header = parse_header(octets)
    wanted = {name.lower().encode("ascii") for name in names}
    kept = [
        octets[field.offset : field.stop]
        for field in header.fields
        if (field.name.lower() in wanted) is named
    ]
    return b"".join([*kept, b"\r\n"])
