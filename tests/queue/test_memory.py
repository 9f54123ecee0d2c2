"""
Tests for the queue in memory: the contract kit, and what it alone does.
"""

from __future__ import annotations

from zope.interface.verify import verifyClass, verifyObject

from pymta.interfaces.content import IContentWriter
from pymta.interfaces.queue import IQueueStore
from pymta.queue.memory import MemoryQueueStore
from pymta.testing.contracts.queue import QueueStoreContract
from pymta.testing.contracts.queue_case import Bench, Now, clause


class TestContract(QueueStoreContract):
    """The kit; nothing is durable here, and that is declared."""

    durable = False

    async def make_store(self, now: Now) -> IQueueStore:
        return MemoryQueueStore(now)

    async def close_store(self, store: IQueueStore) -> None:
        assert isinstance(store, MemoryQueueStore)
        await store.close()

    @clause
    async def test_broken_watcher_harms_nobody(self, queue: Bench) -> None:
        """What a bell raises is logged; the mail is added and the other bells ring."""
        rings: list[str] = []

        def broken() -> None:
            raise ZeroDivisionError

        queue.store.watch(broken)
        queue.store.watch(lambda: rings.append("rang"))
        await queue.add(queue.mail())

        assert ["A1"] == await queue.ids()
        assert ["rang"] == rings


def test_interfaces() -> None:
    """The store and its writers provide what they say."""
    assert verifyClass(IQueueStore, MemoryQueueStore)
    assert verifyObject(IContentWriter, MemoryQueueStore().create())


def test_wall_clock() -> None:
    """Without a clock of the caller's it goes by the wall's."""
    assert MemoryQueueStore()._now().tzinfo is not None
