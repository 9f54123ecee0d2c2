"""
The contract kit on SQLite, and what the durable store alone does.
"""

from __future__ import annotations

import shutil
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection
from twisted.internet import reactor
from zope.interface.verify import verifyClass

from pymta.aio import start, timeout
from pymta.database import Database
from pymta.database.times import to_microseconds
from pymta.interfaces.queue import IEnlistingQueueStore, IQueueStore
from pymta.queue.sql import SQLQueueStore
from pymta.testing.contracts.queue import QueueStoreContract
from pymta.testing.contracts.queue_case import Now
from tests.queue.kept import kept_octets


class TestContract(QueueStoreContract):
    """The kit.  A restart is a copy of the files as a crash would leave them."""

    can_fill = True

    @pytest.fixture(autouse=True)
    def folders(self, tmp_path: Path, queue_template: Path) -> None:
        self.folder = tmp_path / "0"
        shutil.copytree(queue_template, self.folder)
        self.databases: dict[IQueueStore, Database] = {}

    def run(self, coroutine: Coroutine[Any, Any, None]) -> object:
        return start(timeout(reactor, 60, coroutine))

    async def make_store(self, now: Now) -> IQueueStore:
        database = Database(
            cast("Any", reactor), str(self.folder), now=lambda: to_microseconds(now())
        )
        await database.open()
        store = SQLQueueStore(database)
        self.databases[store] = database
        return store

    async def close_store(self, store: IQueueStore) -> None:
        await self.databases[store].close()

    async def restart(self, store: IQueueStore, now: Now) -> IQueueStore:
        crashed = self.folder
        self.folder = crashed.with_name(str(int(crashed.name) + 1))
        shutil.copytree(crashed, self.folder)
        await self.close_store(store)
        return await self.make_store(now)

    async def kept_octets(self, store: IQueueStore) -> int:
        return await kept_octets(self.databases[store], reactor)

    async def fill(self, store: IQueueStore) -> None:
        await self.databases[store]._writer.call(_fill)

    async def relieve(self, store: IQueueStore) -> None:
        await self.databases[store]._writer.call(_relieve)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _fill(connection: Connection) -> None:
    [pages] = _driver(connection).execute("PRAGMA page_count").fetchone()
    _driver(connection).execute(f"PRAGMA max_page_count = {pages}")


def _relieve(connection: Connection) -> None:
    _driver(connection).execute("PRAGMA max_page_count = 1000000")


def test_interfaces() -> None:
    """The store provides what it says."""
    assert verifyClass(IEnlistingQueueStore, SQLQueueStore)
