"""
Message data as SMTP carries it: dot-stuffed lines, ended by a lone dot, and a look at the lines.

The data ends at CRLF "." CRLF and at nothing else (:rfc:`5321#section-4.1.1.4`).
All three classes work on whatever slices the network makes of the stream: what comes
out does not depend on where the slices fall.
"""

from __future__ import annotations

from enum import Enum

from pymta.wire._dots import DotDecoder as DataDecoder
from pymta.wire._dots import DotEncoder as DataEncoder

__all__ = ["DataDecoder", "DataEncoder", "Newlines", "TextCheck"]

_CRLF = b"\r\n"


class Newlines(Enum):
    """What becomes of a CR or LF that stands alone in content."""

    REFUSE = "refuse"
    """The message is refused at its end: :rfc:`5321#section-2.3.8` forbids to send them."""
    CANONICALISE = "canonicalise"
    """Each becomes a CRLF.  It breaks signatures; it never ends the data."""


class TextCheck:
    """
    Look at the lines of content: bare CR or LF, and length.

    :attr:`bare_newline` and :attr:`line_too_long` tell what was seen; with
    ``Newlines.CANONICALISE`` the first stays false and the octets are changed instead.

    :param longest: octets of the longest line, without its CRLF.
    """

    def __init__(self, newlines: Newlines, longest: int) -> None:
        self._canonicalise = newlines is Newlines.CANONICALISE
        self._longest = longest + 1  # as measured: with the CR
        self._line = 0
        self._held = b""
        self.bare_newline = False
        self.line_too_long = False

    def check(self, data: bytes) -> bytes:
        """Take the next slice; return what passes now.  A CR at its end waits for the next."""
        data = self._held + data
        self._held = b""
        if data.endswith(b"\r"):
            data, self._held = data[:-1], b"\r"
        return self._pass(data)

    def end(self) -> bytes:
        """No more comes: return what waited."""
        data, self._held = self._held, b""
        return self._pass(data)

    def _pass(self, data: bytes) -> bytes:
        # Counting is ten times faster than a regular expression here, and
        # a CRLF is never split between two calls.
        pairs = data.count(_CRLF)
        if data.count(b"\n") != pairs or data.count(b"\r") != pairs:
            if self._canonicalise:
                data = data.replace(_CRLF, b"\n").replace(b"\r", b"\n").replace(b"\n", _CRLF)
            else:
                self.bare_newline = True
        self._measure(data)
        return data

    def _measure(self, data: bytes) -> None:
        first = data.find(b"\n")
        if first < 0:
            self._line += len(data)
            longest = self._line
        else:
            longest = self._line + first
            self._line = len(data) - data.rfind(b"\n") - 1
            if self._longest < len(data):
                # Only a limit below the size of a slice needs to look at each line.
                longest = max(longest, *map(len, data[first + 1 :].split(b"\n")))
        if longest > self._longest:
            self.line_too_long = True
