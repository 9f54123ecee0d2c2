"""
Why not now: one value for each reason why a queued recipient is not being delivered.

What is in the store says most of it (:func:`why_not`, for any process that can read the queue);
what only the running schedule knows comes from :meth:`pymta.queue.schedule.Schedule.why`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from pymta.interfaces.content import Lane
from pymta.interfaces.queue import QueuedRecipient, QueueState, SuspendedLane
from pymta.reply import Reply

__all__ = [
    "BackingOff",
    "Busy",
    "HeldFor",
    "InWork",
    "LaneSuspended",
    "RateLimited",
    "Turn",
    "WhyNot",
    "why_not",
]


@dataclass(frozen=True, slots=True)
class BackingOff:
    """The last attempt failed, or it is meant for later."""

    until: datetime
    reply: Reply | None = None

    def __str__(self) -> str:
        said = "" if self.reply is None else f": {self.reply}"
        return f"backing off until {self.until:%Y-%m-%d %H:%M:%S %Z}{said}"


@dataclass(frozen=True, slots=True)
class LaneSuspended:
    """Nobody is there, for anybody's mail."""

    lane: Lane
    until: datetime
    reason: str

    def __str__(self) -> str:
        return f"{self.lane} suspended until {self.until:%Y-%m-%d %H:%M:%S %Z}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Busy:
    """As many attempts as may be are under way.  :param where: the lane, the agent, everywhere."""

    where: str
    most: int

    def __str__(self) -> str:
        return f"{self.most} attempts under way {self.where}"


@dataclass(frozen=True, slots=True)
class RateLimited:
    """The lane has had as many messages as it may in its period."""

    until: datetime

    def __str__(self) -> str:
        return f"rate limited until {self.until:%Y-%m-%d %H:%M:%S %Z}"


@dataclass(frozen=True, slots=True)
class HeldFor:
    """A person has to decide."""

    reason: str

    def __str__(self) -> str:
        return f"held: {self.reason}"


@dataclass(frozen=True, slots=True)
class InWork:
    """Somebody has claimed it."""

    owner: str | None
    until: datetime | None

    def __str__(self) -> str:
        return f"claimed by {self.owner}"


@dataclass(frozen=True, slots=True)
class Turn:
    """Nothing is in its way but others, who come first."""

    def __str__(self) -> str:
        return "waiting for its turn"


WhyNot: TypeAlias = BackingOff | LaneSuspended | Busy | RateLimited | HeldFor | InWork | Turn


def why_not(
    recipient: QueuedRecipient, now: datetime, suspended: Mapping[Lane, SuspendedLane]
) -> WhyNot:
    """
    The reason that goes away last.

    :param suspended: the lanes of :class:`~pymta.interfaces.queue.QueueStatistics`, by lane.
    """
    if recipient.state is QueueState.HELD:
        return HeldFor(recipient.reason or "")
    if recipient.state is QueueState.CLAIMED:
        return InWork(recipient.owner, recipient.until)
    lane = suspended.get(recipient.lane)
    if lane is not None and lane.until > max(now, recipient.due):
        return LaneSuspended(lane.lane, lane.until, lane.reason)
    return BackingOff(recipient.due, recipient.reply) if recipient.due > now else Turn()
