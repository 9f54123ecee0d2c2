"""
The door of the queue: whoever sends mail has an :class:`Queue` and knows nothing behind it.

What is submitted here is handed to the runner with the claims that the same commit made, so that
a message on its way to a healthy lane costs two commits in all: to take it, and to settle it.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from pymta.aio import Shared
from pymta.interfaces.content import IContentWriter, NewMail
from pymta.interfaces.queue import (
    Claim,
    IQueue,
    IQueueStore,
    Page,
    QueueAction,
    QueueQuery,
    QueueStatistics,
)
from pymta.queue.runner import Runner

__all__ = ["Queue"]


@implementer(IQueue)
class Queue:
    """
    A store, and the runner at work on it; both are started and stopped by whoever made them.

    :param runner: None where nothing is delivered from here: another process does.
    """

    def __init__(self, store: IQueueStore, runner: Runner | None = None) -> None:
        self._store = store
        self._runner = runner

    def create(self) -> IContentWriter:
        return self._store.create()

    async def submit(self, mails: Sequence[NewMail]) -> None:
        owner = None if self._runner is None else self._runner.reserve(mails)
        if self._runner is None or owner is None:
            await self._store.add(mails)
            return
        # Whoever gives up waiting ends his waiting: what was claimed has to be worked on.
        await Shared(self._add(self._runner, mails, owner)).wait()

    async def _add(self, runner: Runner, mails: Sequence[NewMail], owner: str) -> None:
        claims: Sequence[Claim] = ()
        try:
            claims = await self._store.add(mails, owner)
        finally:
            runner.hand_over(mails, claims)

    async def select(self, query: QueueQuery, cursor: str | None = None) -> Page:
        return await self._store.select(query, cursor)

    async def change(self, query: QueueQuery, action: QueueAction) -> int:
        return await self._store.change(query, action)

    async def statistics(self) -> QueueStatistics:
        return await self._store.statistics()
