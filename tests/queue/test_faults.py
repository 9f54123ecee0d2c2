"""
Tests for the queue store with faults.
"""

from __future__ import annotations

import pytest
from zope.interface.verify import verifyClass

from pymta.aio import CancelledError, start
from pymta.errors import QueueError, StoreClosed
from pymta.interfaces.queue import IQueueStore
from pymta.queue.memory import MemoryQueueStore
from pymta.testing.contracts.queue import QueueStoreContract
from pymta.testing.contracts.queue_case import Bench, Now, clause
from pymta.testing.contracts.queue_faults import Fail, FaultyQueueStore, Hang, LoseAnswer


class TestContract(QueueStoreContract):
    """Without a fault it is as good as what it wraps."""

    durable = False

    async def make_store(self, now: Now) -> IQueueStore:
        self.inner = MemoryQueueStore(now)
        return FaultyQueueStore(self.inner)

    async def close_store(self, store: IQueueStore) -> None:
        await self.inner.close()

    @clause
    async def test_fail(self, queue: Bench) -> None:
        """Once, and nothing was done."""
        queue.store.faults["add"].append(Fail(QueueError("no")))  # type: ignore[attr-defined]
        with pytest.raises(QueueError, match="no"):
            await queue.add(queue.mail())
        assert [] == await queue.ids()
        await queue.add(queue.mail())
        assert ["A1"] == await queue.ids()

    @clause
    async def test_lose_the_answer(self, queue: Bench) -> None:
        """It was done, and nobody knows; adding again changes nothing."""
        lost = LoseAnswer(StoreClosed("in doubt"))
        queue.store.faults["add"].append(lost)  # type: ignore[attr-defined]
        with pytest.raises(StoreClosed):
            await queue.add(queue.mail())
        await queue.add(queue.mail())
        assert ["A1"] == await queue.ids()

    @clause
    async def test_hang(self, queue: Bench) -> None:
        """It never ends, but for being cancelled."""
        queue.store.faults["claim"].append(Hang())  # type: ignore[attr-defined]

        async def claiming() -> None:
            await queue.claim()

        hanging = start(claiming())
        assert not hanging.called
        hanging.cancel()
        with pytest.raises(CancelledError):
            await hanging


def test_interfaces() -> None:
    """It provides what it says."""
    assert verifyClass(IQueueStore, FaultyQueueStore)
