"""
The contract kit on two stores of two databases on one folder, of which each call goes to the other
one: whatever one process does holds for the next.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Coroutine, Iterator
from itertools import cycle
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection
from twisted.internet import reactor
from zope.interface import implementer

from pymta.aio import start, timeout
from pymta.database import Database
from pymta.database.times import to_microseconds
from pymta.interfaces.queue import IEnlistingQueueStore, IQueueStore
from pymta.queue.sql import SQLQueueStore
from pymta.testing.contracts.queue import QueueStoreContract
from pymta.testing.contracts.queue_case import Now


@implementer(IEnlistingQueueStore)
class ByTurns:
    """Two stores as one."""

    def __init__(self, databases: list[Database]) -> None:
        self.databases = databases
        stores = [SQLQueueStore(each) for each in databases]
        self._turns: Iterator[SQLQueueStore] = cycle(stores)
        self._first = stores[0]

    @property
    def lease_seconds(self) -> float:
        return self._first.lease_seconds

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        """At both: of the other's commits one hears within 50 ms."""
        down = [next(self._turns).watch(ring) for _ in self.databases]

        def take_down() -> None:
            for each in down:
                each()

        return take_down

    def __getattr__(self, name: str) -> Any:
        return getattr(next(self._turns), name)


class TestContract(QueueStoreContract):
    """A restart is a copy of the files as a crash would leave them."""

    can_fill = True

    @pytest.fixture(autouse=True)
    def folders(self, tmp_path: Path, queue_template: Path) -> None:
        self.folder = tmp_path / "0"
        shutil.copytree(queue_template, self.folder)

    def run(self, coroutine: Coroutine[Any, Any, None]) -> object:
        return start(timeout(reactor, 60, coroutine))

    async def make_store(self, now: Now) -> IQueueStore:
        databases = [
            Database(
                cast("Any", reactor),
                str(self.folder),
                daemon=daemon,
                now=lambda: to_microseconds(now()),
            )
            for daemon in (True, False)
        ]
        for each in databases:
            await each.open()
        return cast("IQueueStore", ByTurns(databases))

    async def close_store(self, store: IQueueStore) -> None:
        for each in cast("ByTurns", store).databases:
            await each.close()

    async def restart(self, store: IQueueStore, now: Now) -> IQueueStore:
        crashed = self.folder
        self.folder = crashed.with_name(str(int(crashed.name) + 1))
        shutil.copytree(crashed, self.folder)
        await self.close_store(store)
        return await self.make_store(now)

    async def fill(self, store: IQueueStore) -> None:
        for each in cast("ByTurns", store).databases:
            await each._writer.call(_fill)

    async def relieve(self, store: IQueueStore) -> None:
        for each in cast("ByTurns", store).databases:
            await each._writer.call(_relieve)


def _fill(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    [pages] = driver.execute("PRAGMA page_count").fetchone()
    driver.execute(f"PRAGMA max_page_count = {pages}")


def _relieve(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA max_page_count = 1000000")
