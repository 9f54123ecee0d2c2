"""
The contract kit of queue stores.

Subclass :class:`QueueStoreContract` in a test module::

    class TestMyStore(QueueStoreContract):
        async def make_store(self, now):
            return MyStore(now)

        async def close_store(self, store):
            await store.close()

        async def restart(self, store, now):
            ...

and pytest runs every clause of :class:`~pymta.interfaces.queue.IQueueStore`.  A provider that needs
a reactor overrides ``run`` too: with pytest-twisted it returns ``pymta.aio.start(coroutine)``.
"""

from __future__ import annotations

from pymta.testing.contracts.queue_adding import AddingClauses
from pymta.testing.contracts.queue_case import QueueCase
from pymta.testing.contracts.queue_claiming import ClaimingClauses
from pymta.testing.contracts.queue_contents import ContentClauses
from pymta.testing.contracts.queue_inspecting import FullDiskClauses, InspectingClauses
from pymta.testing.contracts.queue_settling import SettlingClauses

__all__ = ["QueueStoreContract"]


class QueueStoreContract(
    AddingClauses,
    ContentClauses,
    ClaimingClauses,
    SettlingClauses,
    InspectingClauses,
    FullDiskClauses,
    QueueCase,
):
    """All clauses."""
