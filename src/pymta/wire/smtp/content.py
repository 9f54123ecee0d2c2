"""
Content on its way into a server: by DATA, by BDAT, or past it because it was refused.
"""

from __future__ import annotations

from typing import Final

from pymta.reply import Reply
from pymta.wire._lines import Lines
from pymta.wire.smtp import answers
from pymta.wire.smtp.bdat import Chunk
from pymta.wire.smtp.data import DataDecoder, TextCheck
from pymta.wire.smtp.limits import Limits

__all__ = ["Incoming"]

# What one Content event brings, but for the few octets that waited: enough to make the cost of an
# event small, and little enough for the writer and the checks behind it to give way in between.
_SLICE: Final = 64 * 1024


class Incoming:
    """
    The content of one transaction, or one stray chunk.

    :attr:`over` turns true when all octets of DATA, or of this chunk, were taken.  Once
    :attr:`refused` is set nothing is passed any more, and what comes is only counted.

    :param check: looks at line ends; None for BODY=BINARYMIME, which has none to look at.
    :param replies: how many the end of the content asks for: in LMTP one a recipient.
    """

    def __init__(self, limits: Limits, check: TextCheck | None, replies: int) -> None:
        self._limits = limits
        self._check = check
        self._decoder: DataDecoder | None = None
        self._remaining = 0
        self._size = 0
        self._discarded = 0
        self.replies = replies
        self.last = True
        self.empty = False
        self.over = False
        self.refused: Reply | None = None

    def begin_data(self) -> None:
        """DATA was answered 354."""
        self._decoder = DataDecoder()

    def begin_chunk(self, chunk: Chunk) -> None:
        """A BDAT came.  One that would make the content too big is refused before it is read."""
        self._remaining = chunk.size
        self.last = chunk.last
        self.empty = self.over = chunk.size == 0
        self._limit_size(chunk.size)

    @property
    def endless(self) -> bool:
        """Whether more was thrown away than an honest client sends."""
        return self._discarded > self._limits.discarded

    def take(self, lines: Lines) -> bytes:
        """Take octets that have come; return what of them is to be passed, maybe none."""
        content = self._next(lines)
        if self.refused is None and self._decoder is not None:
            self._limit_size(len(content))
        if self.refused is not None:
            self._discarded += len(content)
            return b""
        self._size += len(content)
        return content if self._check is None else self._checked(self._check.check(content))

    def finish(self) -> bytes:
        """All of it has come: return what the check held back."""
        if self.refused is not None or self._check is None:
            return b""
        return self._checked(self._check.end())

    def _next(self, lines: Lines) -> bytes:
        if self._decoder is None:
            content = lines.take(min(self._remaining, _SLICE))
            self._remaining -= len(content)
            self.over = not self._remaining
            return content
        content = self._decoder.decode(lines.take(_SLICE))
        if self._decoder.ended:
            self.over = True
            if self._decoder.rest:
                lines.put_back(self._decoder.rest)
        return content

    def _limit_size(self, more: int) -> None:
        # S09: declared sizes are checked at MAIL, and what comes is counted all the same.
        limit = self._limits.message_size
        if self.refused is None and limit is not None and self._size + more > limit:
            self.refused = answers.TOO_BIG

    def _checked(self, content: bytes) -> bytes:
        assert self._check is not None
        if self._check.bare_newline:
            self.refused = answers.BARE_NEWLINE
        elif self._check.line_too_long:
            self.refused = answers.TEXT_LINE_TOO_LONG
        return content if self.refused is None else b""
