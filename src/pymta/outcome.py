"""
What became of one recipient in one attempt.

Rich enough for reports (:rfc:`3461#section-5.2` tells delivered, relayed and expanded apart)
and for the schedule, which needs to know of whom a failure speaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from pymta.reply import Reply

__all__ = ["Delivered", "Dropped", "Expanded", "Failed", "Outcome", "Relayed", "Scope"]


class Scope(Enum):
    """Of whom a failure speaks."""

    RECIPIENT = "recipient"
    """This recipient alone: no such user, greylisted, over quota."""
    MESSAGE = "message"
    """This message, to anybody there: too large, content refused."""
    DESTINATION = "destination"
    """Anything for there: no connection, a refusing banner.  Slows the lane down."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """
    In the mailbox, for good.

    :param reply: for the log.
    :param dsn: whether a host that delivered it reports that itself (LMTP with DSN).
    """

    reply: Reply | None = None
    dsn: bool = False


@dataclass(frozen=True, slots=True)
class Dropped:
    """
    Taken, and kept nowhere, as somebody has decided.  :param reply: for the log.

    Neither a success nor a failure is reported: in a mailbox (:rfc:`3461#section-5.2.3`) it is not.
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class Relayed:
    """
    The next hop has said yes and is responsible now.

    :param dsn: whether it took over the duty to report (it announced DSN).
    :param remote: the host that said so.
    """

    reply: Reply
    dsn: bool
    remote: str | None = None


@dataclass(frozen=True, slots=True)
class Expanded:
    """A list or alias: its members are queued in this one's place."""

    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """
    Not delivered; ``reply.permanent`` tells whether to try again.

    :param remote: the host that said so, where one did.
    :param diagnostic: for the log and the postmaster; never for the sender.
    """

    reply: Reply
    scope: Scope
    remote: str | None = None
    diagnostic: str | None = None


Outcome: TypeAlias = Delivered | Dropped | Relayed | Expanded | Failed
