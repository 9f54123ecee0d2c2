"""
Lines and literals out of a stream of octets, in bounded memory (:rfc:`3501#section-4.3`).

A line that ends with ``{n}`` announces a literal of n octets, which follows it at once if there
is a ``+`` in it (:rfc:`7888`), and only after our consent otherwise.  Whatever is refused has to
be counted and read away all the same, or octets of a message would be taken for commands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

__all__ = ["Announced", "Input", "Overlong", "split_announced", "split_tag"]

_ANNOUNCED: Final = re.compile(rb"(~?)\{([0-9]+)(\+?)\}\Z")
# RFC 3501 section 9: tag is of ASTRING-CHAR without "+"
_TAG: Final = re.compile(rb"[!#$&',-\[\]^-z|-~]{1,200}")

#: Octets of a line too long that are kept: the tag, to answer it,
_HEAD: Final = 256
#: and the announcement of a literal, to keep step.
_TAIL: Final = 64


@dataclass(frozen=True, slots=True)
class Announced:
    """
    A literal that a line announces.

    :param synchronizing: the client waits for our consent.
    :param binary: a literal8 (:rfc:`3516#section-4.4`).
    """

    size: int
    synchronizing: bool = True
    binary: bool = False


@dataclass(frozen=True, slots=True)
class Overlong:
    """A line longer than asked for: its beginning and its end, without the line end."""

    head: bytes
    tail: bytes


class Input:
    """
    A buffer that is fed slices and gives lines, or counted octets, from its front.

    Memory is bounded by the longest line asked for and by what is fed at once: the octets of a
    line too long are dropped as they come, but for its beginning and its end.
    """

    __slots__ = ("_buffer", "_head", "_searched", "_start", "_tail")

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0
        self._searched = 0
        self._head: bytes | None = None
        self._tail = b""

    def feed(self, data: bytes) -> None:
        """Add a slice at the end."""
        # One join a slice, not a line: what was taken is cut off here only.
        self._buffer = self._buffer[self._start :] + data if self._start else self._buffer + data
        self._searched = max(self._searched - self._start, 0)
        self._start = 0

    def __len__(self) -> int:
        return len(self._buffer) - self._start

    def next_line(self, limit: int) -> bytes | Overlong | None:
        """
        Take the next line, without its end: CRLF, or a bare LF, which people at keyboards send.

        :param limit: the longest line to give.
        :returns: None while it has not all come.
        """
        newline = self._buffer.find(b"\n", max(self._searched, self._start))
        if newline < 0:
            self._searched = len(self._buffer)
            # One more: the CR of the end is not counted.
            if self._head is not None or len(self) > limit + 1:
                self._swallow(len(self._buffer))
            return None
        stop = newline - 1 if self._buffer[newline - 1 : newline] == b"\r" else newline
        if self._head is None and max(stop, self._start) - self._start <= limit:
            line = self._buffer[self._start : max(stop, self._start)]
            self._start = self._searched = newline + 1
            return line
        self._swallow(newline)
        overlong = Overlong(self._head or b"", self._tail.removesuffix(b"\r"))
        self._start = self._searched = newline + 1
        self._head, self._tail = None, b""
        return overlong

    def take(self, limit: int) -> bytes:
        """Take what is there, at most ``limit`` octets, whatever it is."""
        stop = min(self._start + limit, len(self._buffer))
        taken = self._buffer[self._start : stop]
        self._start = stop
        if stop == len(self._buffer):
            self.clear()
        return taken

    def drop(self, limit: int) -> int:
        """Forget what is there, at most ``limit`` octets; tells how many."""
        dropped = min(limit, len(self))
        self._start += dropped
        if self._start == len(self._buffer):
            self.clear()
        return dropped

    def clear(self) -> None:
        """Forget what is buffered (:rfc:`3501#section-6.2.1` after STARTTLS)."""
        self._buffer = b""
        self._start = self._searched = 0

    def _swallow(self, stop: int) -> None:
        """Drop the octets of a line too long up to ``stop``, remembering its two ends."""
        if self._head is None:
            self._head = self._buffer[self._start : min(self._start + _HEAD, stop)]
        self._tail = (self._tail + self._buffer[max(self._start, stop - _TAIL) : stop])[-_TAIL:]
        self._start = stop
        if stop == len(self._buffer):
            self.clear()


def split_announced(line: bytes) -> tuple[bytes, Announced | None]:
    """A line without the announcement of a literal at its end, and what it announces."""
    if not line.endswith(b"}"):
        return line, None
    # A number of more digits than these is as good as infinite.
    match = _ANNOUNCED.search(line, max(0, len(line) - _TAIL))
    if match is None:
        return line, None
    announced = Announced(
        size=min(int(match[2]), 2**64), synchronizing=not match[3], binary=bool(match[1])
    )
    return line[: match.start()], announced


def split_tag(line: bytes) -> tuple[str | None, bytes]:
    """The tag, None if there is no proper one, and what follows its space."""
    tag, _, rest = line.partition(b" ")
    return (tag.decode("ascii") if _TAG.fullmatch(tag) else None), rest
