"""
Lines out of a stream of octets, in bounded memory: what all line protocols share.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal

__all__ = ["NEED_DATA", "TOO_LONG", "Lines", "NeedData", "TooLong"]


class NeedData(Enum):
    """The type of :data:`NEED_DATA`."""

    NEED_DATA = "need data"


class TooLong(Enum):
    """The type of :data:`TOO_LONG`."""

    TOO_LONG = "too long"


NEED_DATA: Final = NeedData.NEED_DATA
TOO_LONG: Final = TooLong.TOO_LONG


class Lines:
    """
    A buffer that is fed slices and gives lines, or raw octets, from its front.

    A line ends with LF, and comes with its end on, so that the caller can tell CRLF from a
    bare LF.  Memory is bounded by the longest line asked for and by what is fed at once:
    the octets of a line too long are dropped as they come, and it is reported once.
    """

    def __init__(self) -> None:
        self._buffer = b""
        self._start = 0
        self._searched = 0
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Add a slice at the end."""
        # One join a slice, not a line: what was taken is cut off here only.
        self._buffer = self._buffer[self._start :] + data if self._start else self._buffer + data
        self._searched -= self._start
        self._start = 0

    def __len__(self) -> int:
        return len(self._buffer) - self._start

    def next_line(self, limit: int) -> bytes | Literal[TooLong.TOO_LONG] | None:
        """
        Take the next line.

        :param limit: the longest line to give, in octets with its end.
        :returns: None while it has not all come; :data:`TOO_LONG` in the place of a line
            longer than that, when its end has come.
        """
        newline = self._buffer.find(b"\n", max(self._searched, self._start))
        if newline < 0:
            self._searched = len(self._buffer)
            if self._skipping or len(self) > limit:
                self._skipping = True
                self.clear()
            return None
        start, self._start = self._start, newline + 1
        self._searched = self._start
        if self._skipping or self._start - start > limit:
            self._skipping = False
            return TOO_LONG
        return self._buffer[start : self._start]

    def take(self, limit: int | None = None) -> bytes:
        """Take what is there, at most ``limit`` octets, whatever it is."""
        stop = len(self._buffer) if limit is None else min(self._start + limit, len(self._buffer))
        taken = self._buffer[self._start : stop]
        self._start = stop
        if stop == len(self._buffer):
            self.clear()
        return taken

    def put_back(self, data: bytes) -> None:
        """Put octets that were taken, and belong to somebody else, back at the front."""
        self._buffer = data + self._buffer[self._start :]
        self._start = self._searched = 0

    def clear(self) -> None:
        """Forget what is buffered (:rfc:`3207#section-4.2` after STARTTLS)."""
        self._buffer = b""
        self._start = self._searched = 0
