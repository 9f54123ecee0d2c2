"""
What a message needs of the next hop, whatever its client said of it at MAIL.

Some clients say SMTPUTF8 of all their mail, and some BODY=BINARYMIME: what is ASCII in all of its
headers can go to servers that have never heard of the one (:rfc:`6531#section-3.2`), and what is
made of lines to those that have not heard of the other (:rfc:`3030#section-3`).
"""

from __future__ import annotations

from collections.abc import Iterator

from twisted.internet.interfaces import IReactorTime

from pymta.aio import breathe
from pymta.envelope import Body
from pymta.interfaces.content import SLICE, IContent
from pymta.message.structure import Part, Span, Structure
from pymta.message.structure_reader import StructureReader
from pymta.wire.smtp.data import Newlines, TextCheck

__all__ = ["has_utf8_header", "least_body"]

# RFC 5321 section 4.5.3.1.6, without CRLF.
_LONGEST_LINE = 998


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
    for entity in _entities(reader.finish()):
        if not await _is_ascii(content, entity.header_span, clock):
            return True
    return False


async def least_body(content: IContent, clock: IReactorTime) -> Body:
    """
    Binary where octets that are no text, or a part that says so, want it; reads all of it.
    """
    reader, check = StructureReader(), TextCheck(Newlines.REFUSE, _LONGEST_LINE)
    is_ascii, end = True, b"\r\n"
    for start in range(0, content.size, SLICE):
        octets = await content.read(start, start + SLICE)
        check.check(octets)
        if check.bare_newline or check.line_too_long or b"\0" in octets:
            return Body.BINARY
        is_ascii = is_ascii and octets.isascii()
        end = (end + octets)[-2:]
        reader.feed(octets)
        await breathe(clock)
    labels = {entity.encoding for entity in _entities(reader.finish())}
    # RFC 3030 section 3: it would have to be encoded, labels and all; and a last line without its
    # end would get one.
    if end != b"\r\n" or "binary" in labels:
        return Body.BINARY
    return Body.SEVEN_BIT if is_ascii else Body.EIGHT_BIT


def _entities(structure: Structure) -> Iterator[Part]:
    yield structure.root
    for _numbers, part in structure.walk():
        yield part
        if part.message is not None:
            yield part.message


async def _is_ascii(content: IContent, span: Span, clock: IReactorTime) -> bool:
    for start in range(span.start, span.stop, SLICE):
        octets = await content.read(start, min(start + SLICE, span.stop))
        if not octets.isascii():
            return False
        if len(octets) == SLICE:
            await breathe(clock)
    return True
