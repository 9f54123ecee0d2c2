"""
What an IMAP client machine is told, and what it is asked to send.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from pymta.wire.imap.client_data import Code, Condition, Data, Status
from pymta.wire.imap.cursor import Literal

__all__ = [
    "Challenge",
    "ClientEvent",
    "Completed",
    "Greeting",
    "Idling",
    "Lost",
    "LostReason",
    "Request",
    "Untagged",
    "astring",
]


@dataclass(frozen=True, slots=True)
class Request:
    """
    A command.

    :param name: the verb, in upper case; ``UID`` ones with it: ``UID FETCH``.
    :param arguments: what stands behind it and a space, octet for octet; literals are announced
        as the server wants it.
    """

    name: str
    arguments: tuple[bytes | Literal, ...] = ()


def astring(octets: bytes) -> bytes | Literal:
    """A string as an argument: quoted where it can be, else a literal."""
    if len(octets) > 1000 or any(each < 32 or each > 126 for each in octets):
        return Literal(octets)
    return b'"%s"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


@dataclass(frozen=True, slots=True)
class Greeting:
    """
    The first response: ``OK``, ``PREAUTH``, or ``BYE``, behind which the session is lost.
    """

    condition: Condition


@dataclass(frozen=True, slots=True)
class Untagged:
    """
    Data.

    :param during: the command that the server works at, as far as a client can know: the oldest
        that is not completed; None while nothing is asked.
    """

    data: Data
    during: Request | None


@dataclass(frozen=True, slots=True)
class Completed:
    """A command has ended."""

    tag: str
    request: Request
    condition: Condition

    @property
    def ok(self) -> bool:
        """It was done."""
        return self.condition.status is Status.OK

    @property
    def code(self) -> Code | None:
        """The response code."""
        return self.condition.code


@dataclass(frozen=True, slots=True)
class Challenge:
    """A challenge of AUTHENTICATE, decoded: call ``respond`` or ``cancel``."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Idling:
    """IDLE has begun: ``done`` ends it."""

    tag: str


class LostReason(Enum):
    """Why there is no session any more."""

    LOGOUT = "LOGOUT was answered"
    BYE = "the server said BYE"
    PEER_CLOSED = "the server closed its side"
    TOO_LONG = "a response is longer than the limits"
    MALFORMED = "what the server says is no IMAP"
    UNSOLICITED = "the server answered what was not asked"
    PIPELINED_TLS = "octets between STARTTLS and TLS"
    COMPRESSION = "what the server says is not compressed as it should be"


@dataclass(frozen=True, slots=True)
class Lost:
    """
    The last event; given again as often as asked.

    :param detail: for the log.
    """

    reason: LostReason
    detail: str = ""


ClientEvent: TypeAlias = Greeting | Untagged | Completed | Challenge | Idling | Lost
