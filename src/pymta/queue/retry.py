"""
When to try again, and when no more (:rfc:`5321#section-4.5.4.1`).  Pure: time and chance come in.

Waits grow by a factor and are jittered: without it, what failed together is tried together for
ever, and a destination that comes back meets all of it in one second.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

__all__ = ["Again", "Backoff", "GiveUp", "RetryRules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """
    Waits that grow from ``first`` by ``factor`` up to ``most``.

    :param jitter: the part of a wait by which chance makes it shorter or longer.
    """

    first: timedelta
    most: timedelta
    factor: float = 2.0
    jitter: float = 0.2

    def __post_init__(self) -> None:
        if not timedelta(0) < self.first <= self.most:
            raise ValueError("a backoff begins above 0 and not above its most")
        if self.factor < 1 or not 0 <= self.jitter < 1:
            raise ValueError("a backoff's factor is 1 at least, its jitter from 0 to below 1")

    def wait(self, failures: int, random: float) -> timedelta:
        """
        How long after so many failures.

        :param failures: from 1.
        :param random: 0 (shortest) up to 1.
        """
        # 64 doublings are more than any ``most``; unbounded, the power would overflow.
        grown = self.first.total_seconds() * self.factor ** min(failures - 1, 64)
        seconds = min(grown, self.most.total_seconds())
        return timedelta(seconds=seconds * (1 + self.jitter * (2 * random - 1)))


@dataclass(frozen=True, slots=True)
class Again:
    """Try again at ``due``.  :param warn: a delay is to be reported now."""

    due: datetime
    warn: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No more.  :param reason: for the report: which patience is at its end."""

    reason: str


Patience: TypeAlias = Again | GiveUp


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRules:
    """
    How patient the queue is with one recipient.

    The defaults try a dozen times in the first day: twice and more in the first hour, later every
    four hours, for five days (:rfc:`5321#section-4.5.4.1`: "at least 4-5 days").  Five minutes
    first is what greylisting waits for.

    :param warn_after: when a delay is worth a report; None is never.
    :param attempts: the most for one recipient; None leaves it to ``life``.
    """

    backoff: Backoff = field(
        default=Backoff(first=timedelta(minutes=5), most=timedelta(hours=4)),
    )
    life: timedelta = timedelta(days=5)
    warn_after: timedelta | None = timedelta(hours=4)
    attempts: int | None = None

    def __post_init__(self) -> None:
        if self.life <= timedelta(0) or (self.attempts is not None and self.attempts < 1):
            raise ValueError("mail has a life, and one attempt at least")

    def expired(self, arrived: datetime, now: datetime) -> bool:
        """Whether the life of a message is over."""
        return now - arrived >= self.life

    def after(
        self, attempts: int, *, arrived: datetime, now: datetime, warned: bool, random: float
    ) -> Patience:
        """
        What follows a failure that may pass.

        The last try is at the end of life, not hours before it.

        :param attempts: made so far, with the one that just failed.
        """
        if self.attempts is not None and attempts >= self.attempts:
            return GiveUp(f"not delivered in {attempts} attempts")
        if self.expired(arrived, now):
            return GiveUp(f"not delivered within {_in_words(self.life)}")
        due = min(now + self.backoff.wait(attempts, random), arrived + self.life)
        late = self.warn_after is not None and now - arrived >= self.warn_after
        return Again(due, late and not warned)


def _in_words(life: timedelta) -> str:
    seconds = life.total_seconds()
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size and not seconds % size:
            return f"{seconds / size:g} {name}"
    return f"{seconds:g} seconds"
