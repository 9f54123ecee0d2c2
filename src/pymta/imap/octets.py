"""
Items of FETCH that are octets of a message: sections, as stretches of its content, and parts
without their transfer encoding.

The map that was made at append says where they are, so that a section of a large message is read
without the rest of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from zope.interface import implementer

from pymta.errors import EncodingError
from pymta.interfaces.content import Cut, IContent, Octets, octets_of
from pymta.message.header import MAX_OCTETS
from pymta.message.sections import Decoded, decoded_size, fields_named, fields_not_named
from pymta.message.structure import BROKEN, Part, Span, Structure
from pymta.message.structure_codec import from_bytes, header_size
from pymta.message.transfer import transfer_of
from pymta.wire.imap.command.fetch import Attribute, Binary, BinarySize, Body, FetchItem
from pymta.wire.imap.response.fetch import (
    binary_item,
    literal8_beginning,
    literal_beginning,
    section_item,
)
from pymta.wire.imap.sections import Partial, Section, SectionText

__all__ = ["Cutting", "Letter", "Stream", "cut", "cut_slowly", "cutting_of"]

_NAMED: Final = {
    SectionText.HEADER_FIELDS: fields_named,
    SectionText.HEADER_FIELDS_NOT: fields_not_named,
}
_OLD: Final = {
    Attribute.RFC822: (Section(), True),
    Attribute.RFC822_HEADER: (Section(text=SectionText.HEADER), False),
    Attribute.RFC822_TEXT: (Section(text=SectionText.TEXT), True),
}
_IN_MEMORY: Final = 64 * 1024
"""Octets of a part that is decoded at once."""

_ANY_END: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutting:
    """
    What is cut out of each message.

    :param label: as the response names it, the partial's start included.
    :param decoded: without its transfer encoding.
    :param sized: its size, and no octets.
    :param names: of header fields, for ``section``.
    :param seen: whether it sets ``\\Seen``.
    """

    label: bytes
    section: Section
    partial: Partial | None = None
    decoded: bool = False
    sized: bool = False
    names: tuple[bytes, ...] = ()
    seen: bool = False


def cutting_of(item: FetchItem) -> Cutting | None:
    """What an item of octets asks for; None for another."""
    match item:
        case Body(section, partial, peek):
            return Cutting(
                label=_label(b"BODY", section.octets, partial),
                section=section,
                partial=partial,
                names=tuple(name.encode("ascii") for name in section.fields),
                seen=not peek,
            )
        case Binary(numbers, partial, peek):
            section = Section(numbers)
            return Cutting(
                label=_label(b"BINARY", section.octets, partial),
                section=section,
                partial=partial,
                decoded=True,
                seen=not peek,
            )
        case BinarySize(numbers):
            section = Section(numbers)
            label = _label(b"BINARY.SIZE", section.octets, None)
            return Cutting(label=label, section=section, decoded=True, sized=True)
        case Attribute() if item in _OLD:
            section, seen = _OLD[item]
            return Cutting(label=item.value.encode("ascii"), section=section, seen=seen)
    return None


def _label(word: bytes, section: bytes, partial: Partial | None) -> bytes:
    label = b"%b[%b]" % (word, section)
    return label if partial is None else b"%b<%d>" % (label, partial.start)


class Letter:
    """
    A message that is cut.

    :param structure: as the store keeps it; None where nothing needs it.
    :param octets: all of it, where that is in memory.
    :param load: fetches its content otherwise.
    """

    __slots__ = ("_content", "_load", "_map", "_structure", "octets")

    def __init__(
        self,
        structure: bytes | None,
        octets: bytes | None,
        load: Callable[[], Awaitable[IContent]],
    ) -> None:
        self.octets = octets
        self._map = structure
        self._load = load
        self._structure: Structure | None = None
        self._content: IContent | None = None if octets is None else Octets(octets)

    async def content(self) -> IContent:
        """Its octets, from where they are.  :raises pymta.errors.MessageGone: nowhere."""
        if self._content is None:
            self._content = await self._load()
        return self._content

    def part(self, numbers: tuple[int, ...]) -> Part | None:
        """The part with these numbers."""
        assert self._map is not None
        if self._structure is None:
            self._structure = from_bytes(self._map)
        return self._structure.part(numbers)

    def span(self, section: Section) -> Span | None:
        """Where a section is, up to any end; None if it is not there."""
        if section.part:
            return self._span_of_part(section)
        if section.text is None:
            return Span(0, _ANY_END)
        assert self._map is not None
        # Nearly all that is ever asked for, without reading the map.
        body = header_size(self._map)
        return Span(body, _ANY_END) if section.text is SectionText.TEXT else Span(0, body)

    def _span_of_part(self, section: Section) -> Span | None:
        part = self.part(section.part)
        if part is None:
            return None
        match section.text:
            case None:
                return part.body_span
            case SectionText.MIME:
                return part.header_span
        if part.message is None:
            return None
        if section.text is SectionText.TEXT:
            return part.message.body_span
        return part.message.header_span


@dataclass(frozen=True, slots=True)
class Stream:
    """An item whose octets are read while it is written: ``beginning``, and then they."""

    beginning: bytes
    content: IContent


def cut(cutting: Cutting, letter: Letter) -> bytes | None:
    """
    Cut it out of a message that is in memory, or whose map says enough.

    :returns: the whole item; None where :func:`cut_slowly` has to wait for octets.
    :raises EncodingError: it cannot be decoded.
    """
    if cutting.decoded and cutting.section.part:
        part = letter.part(cutting.section.part)
        if part is None:
            return _nothing(cutting)
        if part.decoded_octets == BROKEN:
            raise EncodingError(f"{part.encoding[:40]} cannot be decoded")
        if cutting.sized:
            size = part.decoded_octets
            return None if size is None else b"%b %d" % (cutting.label, size)
        if letter.octets is None:
            return None
        return binary_item(cutting.label, _partial(cutting, _decoded(part, letter.octets)))
    if letter.octets is None or cutting.sized:
        return None
    found = _section(cutting, letter, letter.octets)
    write = binary_item if cutting.decoded else section_item
    return write(cutting.label, _partial(cutting, found))


async def cut_slowly(
    cutting: Cutting, letter: Letter, breathe: Callable[[], Awaitable[None]]
) -> bytes | Stream:
    """
    Cut it out of a message that has to be read.

    :param breathe: lets others have their turn.
    :raises EncodingError: it cannot be decoded.
    :raises pymta.errors.MessageGone: it is gone.
    """
    content = await letter.content()
    if cutting.decoded and cutting.section.part:
        part = letter.part(cutting.section.part)
        if part is None:
            return _nothing(cutting)
        size = await decoded_size(content, part, breathe)
        if cutting.sized:
            return b"%b %d" % (cutting.label, size)
        return await _streamed(cutting, _DecodedContent(Decoded(content, part, size)))
    if cutting.sized:
        return b"%b %d" % (cutting.label, content.size)
    span = letter.span(cutting.section)
    if span is None:
        return _nothing(cutting)
    stop = min(span.stop, content.size)
    if not cutting.names:
        return await _streamed(cutting, Cut(content, span.start, stop))
    # Fields behind the first MiB of a header are not looked for, here and elsewhere.
    header = Cut(content, span.start, min(stop, span.start + MAX_OCTETS))
    assert cutting.section.text is not None
    found = _NAMED[cutting.section.text](await octets_of(header), cutting.names)
    return section_item(cutting.label, _partial(cutting, found))


def _nothing(cutting: Cutting) -> bytes:
    # No such part.  RFC 3516 section 4.3: the size is that of what would be told: NIL.
    return cutting.label + (b" 0" if cutting.sized else b" NIL")


async def _streamed(cutting: Cutting, content: IContent) -> bytes | Stream:
    partial = cutting.partial
    if partial is not None:
        # RFC 3501 section 6.4.5: beyond the end there is an empty string
        start = min(partial.start, content.size)
        content = Cut(content, start, min(start + partial.length, content.size))
    if not cutting.decoded:
        return Stream(literal_beginning(cutting.label, content.size), content)
    if content.size <= _IN_MEMORY:
        return binary_item(cutting.label, await octets_of(content))
    # Whether there is NUL in it would be known only behind the end.
    return Stream(literal8_beginning(cutting.label, content.size), content)


def _section(cutting: Cutting, letter: Letter, octets: bytes) -> bytes | None:
    span = letter.span(cutting.section)
    if span is None:
        return None
    found = octets[span.start : span.stop]
    if not cutting.names:
        return found
    assert cutting.section.text is not None
    return _NAMED[cutting.section.text](found[:MAX_OCTETS], cutting.names)


def _partial(cutting: Cutting, octets: bytes | None) -> bytes | None:
    partial = cutting.partial
    if partial is None or octets is None:
        return octets
    return octets[partial.start : partial.start + partial.length]


def _decoded(part: Part, octets: bytes) -> bytes:
    transfer = transfer_of(part.encoding)
    return transfer.decode(octets[part.body : part.stop]) + transfer.finish()


@implementer(IContent)
class _DecodedContent:
    """A decoded part as content, for one reader."""

    def __init__(self, decoded: Decoded) -> None:
        self.size = decoded.size
        self._decoded = decoded

    async def read(self, start: int, stop: int) -> bytes:
        return await self._decoded.read(start, stop)
