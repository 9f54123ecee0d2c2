"""
Mail whose life ends while its lane is suspended.

Nobody claims from a suspended lane, so nobody would notice.  Here somebody looks: what is older
than mail may grow (:class:`~pymta.queue.retry.RetryRules`), and waits for a lane that stays
suspended, fails without a further attempt, and its sender is told (:rfc:`5321#section-4.5.4.1`).
Whoever wants to keep it longer holds it: what is held waits for a person, for ever.

A lane that has died is left alone for an hour or so and has its next claim then; it is not meant.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from twisted.logger import Logger

from pymta.interfaces.queue import Bounce, IQueueStore, QueueQuery, QueueState
from pymta.queue.retry import RetryRules
from pymta.reply import Reply

__all__ = ["LOOK_SECONDS", "OVERDUE", "Lifetimes"]

LOOK_SECONDS = 900.0
"""Between two looks: one reads what is counted of the queue, and of such lanes all that waits."""

# RFC 3463 section 3.5, X.4.7: delivery time expired.
OVERDUE = Reply(451, "4.4.7", "Not delivered in its time: deliveries to there are suspended")

_log = Logger(namespace="pymta.queue")


class Lifetimes:
    """
    Ends the waiting of mail that nobody may claim.

    :param retry: how long mail lives.
    :param passing: how long a suspension may last that ends by itself before it matters.
    """

    def __init__(
        self,
        store: IQueueStore,
        retry: RetryRules,
        *,
        passing: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._retry = retry
        self._passing = passing
        self._now = now

    async def look(self) -> None:
        """
        Decide that all such mail fails; its claim, which no suspension keeps back, tells of it.

        Whoever does the same beside us, or a crash in between, does no harm.
        """
        now = self._now()
        for suspended in (await self._store.statistics()).suspended:
            if suspended.until <= now + self._passing:
                continue
            overdue = QueueQuery(
                lane=suspended.lane,
                state=QueueState.DUE,
                arrived_before=now - self._retry.life,
            )
            count = await self._store.change(overdue, Bounce(OVERDUE))
            if count:
                _log.warn(
                    "{count} recipients have waited too long for {lane}, which is suspended",
                    count=count,
                    lane=suspended.lane,
                )
