"""
The client's side of one AUTH exchange (:rfc:`4954#section-4`): base64, and the initial response.

The mechanism itself is somebody else's (:mod:`pymta.sasl`); here its octets become lines.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import Final

from pymta.errors import LocalProtocolError, RemoteProtocolError

__all__ = ["CANCEL", "MAX_AUTH_LINE", "Exchange", "format_response"]

MAX_AUTH_LINE: Final = 12288
"""Octets of a challenge or response; RFC 4954 section 4 finds them sufficient."""

MAX_COMMAND: Final = 512
"""Octets of an AUTH command with its initial response (RFC 5321 section 4.5.3.1.4)."""

MAX_CHALLENGES: Final = 20
"""The longest exchanges in use have four; a server must not keep us busy with more (S11)."""

CANCEL: Final = "*"


class Exchange:
    """
    One exchange.

    :ivar command: the line that opens it.
    """

    __slots__ = ("_challenges", "_initial", "command")

    def __init__(self, mechanism: str, initial: bytes | None) -> None:
        self.command = f"AUTH {mechanism.upper()}"
        self._challenges = 0
        self._initial = initial
        if initial is not None:
            # RFC 4954 section 4: an empty one is written "=", one that does not fit is not sent.
            whole = f"{self.command} {format_response(initial) or '='}"
            if len(whole) + 2 <= MAX_COMMAND:
                self.command, self._initial = whole, None

    def challenged(self, text: str) -> bytes | str:
        """
        A 334 came: the challenge for the mechanism, or the line that answers it.

        :raises RemoteProtocolError: if there is no end of challenges.
        """
        self._challenges += 1
        if self._challenges > MAX_CHALLENGES:
            raise RemoteProtocolError("AUTH does not end")
        if self._initial is not None:
            initial, self._initial = self._initial, None
            return format_response(initial)
        try:
            return b64decode(text, validate=True)
        except ValueError:
            # RFC 4954 section 4: who cannot decode a challenge cancels.
            return CANCEL


def format_response(data: bytes) -> str:
    """
    Write a response.

    :raises LocalProtocolError: above 12,288 octets with CRLF.
    """
    line = b64encode(data).decode("ascii")
    if len(line) + 2 > MAX_AUTH_LINE:
        raise LocalProtocolError("response too long")
    return line
