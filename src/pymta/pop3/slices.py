"""
What is sent behind +OK, a slice at a time: scan listings, messages, and the top of messages.

Nothing here holds more than one slice, and nothing is read before it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final

from pymta.interfaces.content import SLICE, IContent

__all__ = ["Listing", "Text", "Top", "Whole", "has_ascii_header"]

#: Messages whose lines make one slice: with the longest number and unique id, 44 KiB; and a
#: millisecond of work.
STEP: Final = 512

# A header ends with an empty line; that of a message with bare LFs does, too.
_EMPTY_LINE: Final = re.compile(rb"\n\r?\n")
#: Enough to see an empty line that is cut in two.
_TAIL: Final = 2


class Listing:
    """
    One line a message.

    :param count: of messages.
    :param lines: those of the numbers from ``start`` up to ``stop`` that are to be listed, each
        with its CRLF.
    """

    def __init__(self, count: int, lines: Callable[[int, int], Sequence[str]]) -> None:
        self._next = 1
        self._stop = count + 1
        self._lines = lines

    async def read(self) -> bytes:
        while self._next < self._stop:
            stop = min(self._next + STEP, self._stop)
            lines = self._lines(self._next, stop)
            self._next = stop
            if lines:
                return "".join(lines).encode("ascii")
        return b""


class Text:
    """A few lines that are there already."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    async def read(self) -> bytes:
        octets, self._octets = self._octets, b""
        return octets


class Whole:
    """A message, octet for octet."""

    def __init__(self, content: IContent) -> None:
        self._content = content
        self._at = 0

    async def read(self) -> bytes:
        if self._at >= self._content.size:
            return b""
        octets = await self._content.read(self._at, self._at + SLICE)
        self._at += len(octets)
        return octets


class Top:
    """The header of a message, the empty line, and so many lines of its body."""

    def __init__(self, content: IContent, lines: int) -> None:
        self._whole = Whole(content)
        self._left = lines
        self._in_header = True
        # A message may begin with the empty line: as if behind a line's end.
        self._tail = b"\n"
        self._ended = False

    async def read(self) -> bytes:
        if self._ended:
            return b""
        octets = await self._whole.read()
        body = self._body_start(octets) if self._in_header else 0
        if self._in_header:
            return octets
        stop = self._cut(octets, body)
        return octets[:stop]

    def _body_start(self, octets: bytes) -> int:
        """Where the body begins, which ends the search; its length if it does not."""
        joined = self._tail + octets
        empty = _EMPTY_LINE.search(joined)
        if empty is None:
            before = len(self._tail)
            self._tail = joined[-_TAIL:]
            return len(joined) - before
        self._in_header = False
        return empty.end() - len(self._tail)

    def _cut(self, octets: bytes, start: int) -> int:
        """Where the last wanted line ends."""
        ends = octets.count(b"\n", start)
        if ends < self._left:
            self._left -= ends
            return len(octets)
        self._ended = True
        if not self._left:
            return start
        # In C, whatever the lines are: a loop over 64 KiB of empty ones takes 10 ms.
        rest = octets[start:].split(b"\n", self._left)[self._left]
        return len(octets) - len(rest)


async def has_ascii_header(content: IContent) -> bool:
    """Whether no UTF-8 is in the header (:rfc:`6532`); reads no further than it goes."""
    header = Top(content, 0)
    while octets := await header.read():
        if not octets.isascii():
            return False
    return True
