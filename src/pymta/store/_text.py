"""
The text of a message as people read it: fields without encoded-words, text parts without
transfer encoding and character set; compared by i;unicode-casemap (:rfc:`5051`).

Read slice by slice, so that the size of a message does not matter.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Awaitable, Callable, Iterator
from datetime import date
from functools import cached_property
from typing import Protocol

from pymta.errors import HeaderError
from pymta.interfaces.content import SLICE, IContent, Octets, octets_of
from pymta.message.casemap import Casemap
from pymta.message.characters import Characters, characters_of
from pymta.message.dates import parse_date
from pymta.message.encodedword import decode_words
from pymta.message.header import MAX_OCTETS, Header, HeaderReader, parse_header
from pymta.message.structure import Part, Structure
from pymta.message.structure_codec import from_bytes

__all__ = ["Casemap", "Text", "TooLong", "header_of"]


_HEADERS_A_TURN = 50


class TooLong(Exception):
    """There is more text than was asked for."""


class Text:
    """
    :param structure: as it was stored at append.
    :param breathe: lets others have their turn, between two slices; between messages, whoever
        asks does.
    """

    def __init__(
        self,
        content: IContent,
        structure: bytes,
        casemap: Casemap,
        breathe: Callable[[], Awaitable[None]],
    ) -> None:
        self._content = content
        self._record = structure
        self._casemap = casemap
        self._breathe = breathe
        self._header: Header | None = None

    @cached_property
    def _structure(self) -> Structure:
        # Made when a key needs it: a third of the time that looking at a field takes.
        return from_bytes(self._record)

    def sent(self) -> date | None:
        """The day of the Date field, in its own zone; None if it has none."""
        envelope = self._structure.root.envelope
        if envelope is None or envelope.date is None:
            return None
        moment = parse_date(envelope.date)
        return None if moment is None else moment.date()

    async def field_contains(self, name: str, sought: str) -> bool:
        """Whether a field of that name contains it; with an empty text, whether it is there."""
        needle = self._casemap.map(sought)
        return any(needle in value for value in await self.values(name))

    async def values(self, name: str) -> list[str]:
        """The fields of that name, casemapped."""
        header = await self._read_header()
        return [
            self._casemap.map(decode_words(field.unfolded)) for field in header.all(name.encode())
        ]

    async def header_contains(self, sought: str) -> bool:
        """
        Whether any field contains it, its name included.

        Fields of parts and of enclosed messages are searched too (:rfc:`9051#section-6.4.4`,
        TEXT).
        """
        needle = self._casemap.map(sought)
        header = await self._read_header()
        if any(needle in line for line in self._lines(header)):
            return True
        for inner in await self._inner_headers():
            if any(needle in line for line in self._lines(inner)):
                return True
        return False

    def _lines(self, header: Header) -> Iterator[str]:
        return (
            self._casemap.map(f"{field.name.decode()}: {decode_words(field.unfolded)}")
            for field in header.fields
        )

    async def _inner_headers(self) -> list[Header]:
        spans: dict[int, int] = {}
        for _, part in self._structure.walk():
            for each in (part, part.message):
                if each is not None and each is not self._structure.root:
                    spans[each.start] = min(each.body, each.start + SLICE)
        if not spans:
            return []
        content = await self._whole_if_small()
        headers: list[Header] = []
        for start, stop in spans.items():
            headers.append(parse_header(await content.read(start, stop)))
            if len(headers) % _HEADERS_A_TURN == 0:
                await self._breathe()
        return headers

    async def body_contains(self, sought: str) -> bool:
        """Whether a text part contains it."""
        needle = self._casemap.map(sought)
        for part in self._text_parts():
            before = ""

            def take(more: str) -> bool:
                nonlocal before
                text = before + more
                before = text[-len(needle) :] if needle else ""
                return needle in text

            if await self._read_part(part, take):
                return True
        return False

    async def whole(self, limit: int) -> tuple[str, str]:
        """
        All that is searched, casemapped: the lines of all headers, and the text parts.

        :raises TooLong: it is more than so many characters.
        """
        headers = [await self._read_header(), *await self._inner_headers()]
        head = "\n".join(line for header in headers for line in self._lines(header))
        pieces: list[str] = []
        left = limit - len(head)

        def take(more: str) -> bool:
            nonlocal left
            pieces.append(more)
            left -= len(more)
            return left < 0

        for part in self._text_parts():
            if left < 0 or await self._read_part(part, take):
                raise TooLong
            pieces.append("\n")
        return head, "".join(pieces)

    def _text_parts(self) -> Iterator[Part]:
        # A report for programs (message/delivery-status) is text, and so is an enclosed message
        # that nobody could look into.
        return (
            part
            for _, part in self._structure.walk()
            if part.media.type in ("text", "message") and part.message is None
        )

    async def _read_part(self, part: Part, take: Callable[[str], bool]) -> bool:
        """
        Give its text, casemapped, piece by piece, until ``take`` has enough.

        :returns: whether it has.
        """
        content = await self._whole_if_small()
        decoder = _decoder_of(part)
        for start in range(part.body, part.stop, SLICE):
            octets = await content.read(start, min(part.stop, start + SLICE))
            if take(self._casemap.map(decoder.decode(octets))):
                return True
            if start + SLICE < part.stop:
                await self._breathe()
        return take(self._casemap.map(decoder.finish()))

    async def _read_header(self) -> Header:
        if self._header is None:
            self._header = await header_of(await self._whole_if_small())
        return self._header

    async def _whole_if_small(self) -> IContent:
        if self._content.size <= SLICE and not isinstance(self._content, Octets):
            self._content = Octets(await octets_of(self._content))
        return self._content


async def header_of(content: IContent) -> Header:
    """The header of a message, as far as it is within the limits."""
    if isinstance(content, Octets) and content.size <= SLICE:
        return parse_header(content.octets)
    reader = HeaderReader()
    kept = bytearray()
    try:
        for start in range(0, content.size, SLICE):
            octets = await content.read(start, start + SLICE)
            kept += octets
            reader.feed(octets)
            if reader.header is not None:
                return reader.header
        return reader.finish()
    except HeaderError:
        # Beyond the limits: what is within them is searched.
        return parse_header(bytes(kept[:MAX_OCTETS]))


# -- decoding ----------------------------------------------------------------


class _Transfer(Protocol):
    """A transfer encoding, undone slice by slice."""

    def decode(self, octets: bytes) -> bytes: ...

    def finish(self) -> bytes: ...


class _Identity:
    """7bit, 8bit, binary, and what nobody knows."""

    def decode(self, octets: bytes) -> bytes:
        return octets

    def finish(self) -> bytes:
        return b""


_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


class _Base64:
    """:rfc:`2045#section-6.8`; what is no digit is passed over."""

    def __init__(self) -> None:
        self._held = b""

    def decode(self, octets: bytes) -> bytes:
        digits = self._held + _NOT_BASE64.sub(b"", octets)
        whole = len(digits) & ~3
        self._held = digits[whole:]
        return binascii.a2b_base64(digits[:whole])

    def finish(self) -> bytes:
        held = self._held if len(self._held) > 1 else b""
        return binascii.a2b_base64(held + b"=" * (-len(held) % 4))


class _QuotedPrintable:
    """:rfc:`2045#section-6.7`; what is no escape stays as it is."""

    # An escape, or a soft line break with the white space that a gateway put behind.
    _CUT = re.compile(rb"=[0-9A-Fa-f]?\Z|=[ \t]{0,99}\r?\Z")

    def __init__(self) -> None:
        self._held = b""

    def decode(self, octets: bytes) -> bytes:
        octets = self._held + octets
        found = self._CUT.search(octets, max(len(octets) - 102, 0))
        stop = len(octets) if found is None else found.start()
        self._held = octets[stop:]
        return binascii.a2b_qp(octets[:stop])

    def finish(self) -> bytes:
        return binascii.a2b_qp(self._held)


class _Decoder:
    """Transfer encoding and character set, undone slice by slice."""

    def __init__(self, transfer: _Transfer, characters: Characters) -> None:
        self._transfer = transfer
        self._characters = characters

    def decode(self, octets: bytes) -> str:
        return self._characters.decode(self._transfer.decode(octets))

    def finish(self) -> str:
        return self._characters.decode(self._transfer.finish(), final=True)


def _decoder_of(part: Part) -> _Decoder:
    transfer: _Transfer
    match part.encoding:
        case "base64":
            transfer = _Base64()
        case "quoted-printable":
            transfer = _QuotedPrintable()
        case _:
            transfer = _Identity()
    return _Decoder(transfer, characters_of(part.media.parameters))
