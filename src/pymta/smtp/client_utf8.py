"""
Whether a message needs SMTPUTF8 (:rfc:`6531#section-3.6`): some clients say it of all their mail,
and what is ASCII but for its bodies can go to servers that have never heard of it (section 3.2).
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.interfaces import IReactorTime

from pymta.aio import breathe
from pymta.interfaces.content import SLICE, IContent
from pymta.message.structure import Span, Structure
from pymta.message.structure_reader import StructureReader

__all__ = ["has_utf8_header"]


async def has_utf8_header(content: IContent, clock: IReactorTime) -> bool:
    """
    Whether a header in it is more than ASCII (:rfc:`6532`): its own, a part's, or one of a
    message that it encloses.

    Reads all of it, twice where a body is more than ASCII.
    """
    if await _is_ascii(content, Span(0, content.size), clock):
        return False
    reader = StructureReader()
    for start in range(0, content.size, SLICE):
        reader.feed(await content.read(start, start + SLICE))
        await breathe(clock)
    for span in _headers(reader.finish()):
        if not await _is_ascii(content, span, clock):
            return True
    return False


def _headers(structure: Structure) -> Iterator[Span]:
    yield structure.root.header_span
    for _numbers, part in structure.walk():
        yield part.header_span
        if part.message is not None:
            yield part.message.header_span


async def _is_ascii(content: IContent, span: Span, clock: IReactorTime) -> bool:
    for start in range(span.start, span.stop, SLICE):
        octets = await content.read(start, min(start + SLICE, span.stop))
        if not octets.isascii():
            return False
        if len(octets) == SLICE:
            await breathe(clock)
    return True
