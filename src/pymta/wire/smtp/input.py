"""
What a client has sent and nobody has looked at yet, and how strict we are with its line ends and
its patience (:rfc:`5321#section-2.3.8`, :rfc:`2920#section-3.1`).
"""

from __future__ import annotations

from enum import Enum

from pymta.errors import RemoteProtocolError
from pymta.wire._lines import Lines
from pymta.wire.smtp import answers
from pymta.wire.smtp.data import Newlines

__all__ = ["EarlyTalkers", "Input"]


class EarlyTalkers(Enum):
    """What is done with a client that sends before it may (S07)."""

    REFUSE = "refuse"
    """554 5.5.1 and close: octets before the greeting, behind EHLO and behind DATA."""
    ALLOW = "allow"
    """Answer them as if they had waited."""


class Input:
    """
    Octets that wait to be read.

    :ivar lines: in their order; content is taken from there, too.
    """

    def __init__(self, newlines: Newlines, early_talkers: EarlyTalkers) -> None:
        self.lines = Lines()
        self._strict = newlines is Newlines.REFUSE
        self._impatient = early_talkers is EarlyTalkers.REFUSE

    def too_early(self) -> bool:
        """Whether there is something, where an answer had to be waited for, and that matters."""
        return self._impatient and len(self.lines) > 0

    def without_end(self, line: bytes) -> bytes:
        """
        A line of ours without what ends it.

        :raises RemoteProtocolError: that is a bare LF, which is refused.
        """
        if line.endswith(b"\r\n"):
            return line[:-2]
        # RFC 5321 section 2.3.8: only CRLF ends a line.
        if self._strict:
            raise RemoteProtocolError("bare LF", answers.BARE_LF)
        return line[:-1]
