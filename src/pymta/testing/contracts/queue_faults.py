"""
A queue store with faults, around one that has none: for tests of whoever uses a queue.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from pymta.interfaces.content import IContentWriter, Lane, NewMail
from pymta.interfaces.queue import (
    Claim,
    IQueueStore,
    Page,
    QueueAction,
    QueueQuery,
    QueueStatistics,
    Settlement,
)

__all__ = ["Fail", "FaultyQueueStore", "Hang", "LoseAnswer"]


class Fail:
    """The call does nothing and raises this."""

    def __init__(self, error: Exception) -> None:
        self.error = error


class Hang:
    """The call does nothing and never ends; cancelling ends the waiting."""


class LoseAnswer:
    """The call is done and then raises this: in doubt, for whoever asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error


Fault = Fail | Hang | LoseAnswer


@implementer(IQueueStore)
class FaultyQueueStore:
    """
    Passes all calls on, but for those that a fault was put in the way of.

    ``store.faults["settle"].append(Fail(QueueError("no")))`` makes the next ``settle`` fail, once.
    Provides exactly ``IQueueStore``: enlisting is between an application and its own database.

    :param inner: a store without faults.
    """

    def __init__(self, inner: IQueueStore) -> None:
        self._inner = inner
        self.lease_seconds = inner.lease_seconds
        self.faults: dict[str, deque[Fault]] = {name: deque() for name in _METHODS}

    async def _call(self, name: str, call: Callable[[], Awaitable[Any]]) -> Any:
        fault = self.faults[name].popleft() if self.faults[name] else None
        match fault:
            case Fail(error=error):
                raise error
            case Hang():
                return await Deferred()
            case LoseAnswer(error=error):
                await call()
                raise error
            case None:
                return await call()

    def create(self) -> IContentWriter:
        return self._inner.create()

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        return self._inner.watch(ring)

    def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Awaitable[Sequence[Claim]]:
        return self._call("add", lambda: self._inner.add(mails, owner))

    def recover(self, owner: str) -> Awaitable[int]:
        return self._call("recover", lambda: self._inner.recover(owner))

    def claim(
        self,
        owner: str,
        now: datetime,
        limit: int,
        per_lane: int,
        without: Collection[Lane] = (),
    ) -> Awaitable[Sequence[Claim]]:
        return self._call("claim", lambda: self._inner.claim(owner, now, limit, per_lane, without))

    def renew(self, claims: Sequence[Claim], until: datetime) -> Awaitable[Sequence[Claim]]:
        return self._call("renew", lambda: self._inner.renew(claims, until))

    def release(self, claims: Sequence[Claim]) -> Awaitable[None]:
        return self._call("release", lambda: self._inner.release(claims))

    def settle(self, settlements: Sequence[Settlement]) -> Awaitable[Sequence[Claim]]:
        return self._call("settle", lambda: self._inner.settle(settlements))

    def suspend(self, lane: Lane, until: datetime, reason: str) -> Awaitable[None]:
        return self._call("suspend", lambda: self._inner.suspend(lane, until, reason))

    def next_due(self, now: datetime, without: Collection[Lane] = ()) -> Awaitable[datetime | None]:
        return self._call("next_due", lambda: self._inner.next_due(now, without))

    def select(self, query: QueueQuery, cursor: str | None = None) -> Awaitable[Page]:
        return self._call("select", lambda: self._inner.select(query, cursor))

    def change(self, query: QueueQuery, action: QueueAction) -> Awaitable[int]:
        return self._call("change", lambda: self._inner.change(query, action))

    def statistics(self) -> Awaitable[QueueStatistics]:
        return self._call("statistics", lambda: self._inner.statistics())


_METHODS = [
    "add",
    "recover",
    "claim",
    "renew",
    "release",
    "settle",
    "suspend",
    "next_due",
    "select",
    "change",
    "statistics",
]
