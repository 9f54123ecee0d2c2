"""
What an IMAP server is asked and told.

Most commands are one :class:`Asked`, answered by any number of lines and one ending.  APPEND and
REPLACE are a stream: after their Asked, whose answer is the ending as everywhere, come for each
message :class:`MessageBegan`, its octets, :class:`MessageEnded`, and last :class:`AppendEnded`;
then the ending is due.  It may be given earlier: the machine then reads the rest away by itself.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from pymta.wire._serving import AuthCancelled, AuthResponse, Closed

__all__ = [
    "Answered",
    "AppendBroken",
    "AppendEnded",
    "Asked",
    "AuthCancelled",
    "AuthResponse",
    "Closed",
    "ClosedReason",
    "Dropped",
    "Event",
    "IdleDone",
    "LiteralBegan",
    "LiteralEnded",
    "LiteralOctets",
    "MessageBegan",
    "MessageEnded",
    "PartURL",
]


@dataclass(frozen=True, slots=True)
class Asked:
    """
    A command; no other comes before this one is finished.

    :param command: a value of :mod:`pymta.wire.imap.command`, or a third party's.
    """

    tag: str
    command: object


@dataclass(frozen=True, slots=True)
class IdleDone:
    """IDLE is over: ``finish`` it.  If the client sent something else than DONE, BAD is said."""


@dataclass(frozen=True, slots=True)
class Answered:
    """
    The machine has answered a command by itself; nothing to do.

    :param tag: None where it had none that could be read.
    :param text: what was wrong; None: nothing was.
    """

    tag: str | None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """Octets that are not wanted were read away; there may be more; nothing to do."""


# -- APPEND ------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageBegan:
    """
    A message begins; nothing to answer.

    :param size: octets, where all of it is one literal; None: CATENATE.
    :param binary: a literal8: the message may hold NUL (:rfc:`3516#section-4.4`).
    :param utf8: sent as ``UTF8 (~{n}`` (:rfc:`6855#section-4`).
    """

    flags: frozenset[str]
    internal_date: datetime | None
    size: int | None
    binary: bool = False
    utf8: bool = False


@dataclass(frozen=True, slots=True)
class LiteralBegan:
    """Octets of a message are announced: ``go_on``, or ``finish`` with NO."""

    size: int


@dataclass(frozen=True, slots=True)
class LiteralOctets:
    """A slice of them; nothing to answer."""

    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class LiteralEnded:
    """All of the literal has come; nothing to answer."""


@dataclass(frozen=True, slots=True)
class PartURL:
    """The message goes on with what this URL names (:rfc:`4469`); nothing to answer."""

    url: bytes


@dataclass(frozen=True, slots=True)
class MessageEnded:
    """A message is complete; nothing to answer."""


@dataclass(frozen=True, slots=True)
class AppendEnded:
    """The command is complete: store the messages, all or none, and ``finish``."""


@dataclass(frozen=True, slots=True)
class AppendBroken:
    """
    The command is wrong: the machine says BAD, and reads the rest away.  Forget what was taken.

    :param text: what was wrong.
    """

    text: str


# -- the end -----------------------------------------------------------------


class ClosedReason(Enum):
    """Why a session is over: of :class:`Closed`."""

    LOGOUT = "logout"
    PEER_CLOSED = "the peer closed"
    PIPELINED_TLS = "octets behind STARTTLS"
    TOO_MANY_ERRORS = "too many errors"
    TOO_MANY_COMMANDS = "too many commands without a login"
    TOO_MANY_LOGINS = "too many failed logins"
    TOO_BIG = "more octets than are read away"
    BAD_COMPRESSION = "no deflate stream"
    SHUT_DOWN = "shut down"


Event: TypeAlias = (
    Asked
    | AuthResponse
    | AuthCancelled
    | IdleDone
    | Answered
    | Dropped
    | MessageBegan
    | LiteralBegan
    | LiteralOctets
    | LiteralEnded
    | PartURL
    | MessageEnded
    | AppendEnded
    | AppendBroken
    | Closed
)
