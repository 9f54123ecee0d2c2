"""
What this process has of the queue, and what it may take besides.

The schedule knows how much fits; here is counted how much there is: claims that are not settled,
and mails that are being added for this process to work on.  Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from pymta.interfaces.content import Lane, NewMail
from pymta.queue.filling import Room
from pymta.queue.leases import Leases
from pymta.queue.schedule import Schedule

__all__ = ["Holdings"]


class Holdings:
    """:ivar suspending: lanes of which nothing is claimed until the store knows of their death."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self.leases = Leases()
        self.suspending: set[Lane] = set()
        self._reserved = 0
        self._skipped: set[Lane] = set()
        self._starved = False

    @property
    def _held(self) -> int:
        return self.leases.recipients + self._reserved

    def reserve(self, mails: Sequence[NewMail]) -> bool:
        """Whether there is room for them; then :meth:`release` follows, always."""
        recipients = _recipients(mails)
        held = self._held
        if recipients > self._schedule.room(held):
            return False
        lanes = {lane for mail in mails for lane in mail.lanes.values()}
        if any(self._schedule.is_full(lane, held) for lane in lanes):
            return False
        self._reserved += recipients
        return True

    def release(self, mails: Sequence[NewMail]) -> None:
        """They were reserved; what was added of them is claimed from now on."""
        self._reserved -= _recipients(mails)

    def room(self) -> Room:
        """What may be claimed now."""
        held = self._held
        self._skipped = {*self._schedule.full(held), *self.suspending}
        limit = self._schedule.room(held)
        self._starved = not limit
        return Room(
            limit=limit, per_lane=self._schedule.share(held), without=frozenset(self._skipped)
        )

    def has_come(self, lane: Lane | None) -> bool:
        """
        Whether there is room where the last :meth:`room` had none; is said once.

        :param lane: of which something has ended; None if it does not matter.
        """
        held = self._held
        if self._starved:
            self._starved = not self._schedule.room(held)
            return not self._starved
        if lane in self._skipped and not self._schedule.is_full(lane, held):
            self._skipped.discard(lane)
            return True
        return False


def _recipients(mails: Sequence[NewMail]) -> int:
    return sum(len(mail.envelope.recipients) for mail in mails)
