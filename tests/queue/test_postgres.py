"""
The contract kit on PostgreSQL.
"""

from __future__ import annotations

import shutil
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet import reactor

from pymta.aio import start, timeout
from pymta.database import Database
from pymta.database.times import to_microseconds
from pymta.interfaces.queue import IQueueStore
from pymta.queue.sql import SQLQueueStore
from pymta.testing.contracts.queue import QueueStoreContract
from pymta.testing.contracts.queue_case import Now
from tests.postgres import Server
from tests.queue.kept import kept_octets

_FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE 'no space left on device' USING ERRCODE = 'disk_full'; END $$;
CREATE TRIGGER full_disk BEFORE INSERT ON pymta_contents
FOR EACH ROW WHEN (NEW.size > 4096) EXECUTE FUNCTION refuse()
"""
_ROOM = "DROP TRIGGER IF EXISTS full_disk ON pymta_contents; DROP FUNCTION IF EXISTS refuse"


class TestContract(QueueStoreContract):
    """
    The kit.

    After a crash of the process its connections end and its files are as they were.  The disk that
    is full is the server's word for it.
    """

    can_fill = True

    @pytest.fixture(autouse=True)
    def place(self, tmp_path: Path, postgres: Server, postgres_database: str) -> Iterator[None]:
        self.server = postgres
        self.name = postgres_database
        self.folder = tmp_path / "0"
        self.databases: dict[IQueueStore, Database] = {}
        yield
        self._relieve()

    def run(self, coroutine: Coroutine[Any, Any, None]) -> object:
        return start(timeout(reactor, 60, coroutine))

    async def make_store(self, now: Now) -> IQueueStore:
        database = Database(
            cast("Any", reactor),
            str(self.folder),
            url=self.server.url(self.name),
            now=lambda: to_microseconds(now()),
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
        self.server.disconnect(self.name)
        await self.close_store(store)
        return await self.make_store(now)

    async def kept_octets(self, store: IQueueStore) -> int:
        return await kept_octets(self.databases[store], reactor)

    async def fill(self, store: IQueueStore) -> None:
        with self.server.connect(self.name) as connection:
            connection.execute(_FULL)

    async def relieve(self, store: IQueueStore) -> None:
        self._relieve()

    def _relieve(self) -> None:
        with self.server.connect(self.name) as connection:
            connection.execute(_ROOM)
