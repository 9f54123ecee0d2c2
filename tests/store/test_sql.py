"""
The contract kit against the mailboxes in SQL.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock

from pymta.aio import sleep
from pymta.database import Database
from pymta.interfaces.mailbox import IMailboxStore
from pymta.store.sql.store import SQLMailStore
from pymta.testing.contracts.mailbox import MailboxContract


class TestSQL(MailboxContract):
    """A restart closes the database and opens it again; another connection is another store."""

    tombstones = 50

    @pytest.fixture(autouse=True)
    def place(
        self,
        tmp_path: Path,
        reactor: EPollReactor,
        run: Any,
        template: Callable[[Path], None],
    ) -> None:
        """Where it is kept, and who runs it."""
        template(tmp_path)
        self.directory = tmp_path
        self.reactor = reactor
        self.drive = run

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """On the reactor."""
        self.drive(test)

    async def make(self) -> IMailboxStore:
        """A store whose clock is ours."""
        self.ahead = 0
        await self._open()
        return self.store.mailboxes("anna")

    async def _open(self) -> None:
        self.clock = Clock()
        self.database = Database(
            self.reactor,
            str(self.directory),
            now=lambda: time.time_ns() // 1000 + self.ahead,
        )
        await self.database.open()
        self.store = SQLMailStore(
            self.database, self.reactor, clock=self.clock, tombstones=self.tombstones
        )

    async def reopen(self, store: IMailboxStore) -> IMailboxStore:
        """Everything closed, and opened again."""
        await self.close(store)
        await self._open()
        return self.store.mailboxes("anna")

    async def another(self, store: IMailboxStore) -> IMailboxStore:
        """Asked for again."""
        return self.store.mailboxes("anna")

    async def close(self, store: IMailboxStore) -> None:
        """As a process that ends."""
        self.store.close()
        await self.database.close()

    async def elapse(self, seconds: float) -> None:
        """Time goes on, timers fire and what is due is swept."""
        self.ahead += int(seconds * 1_000_000)
        self.clock.advance(seconds)
        await self.store.sweep()

    async def pause(self) -> None:
        """A hundredth of a second."""
        await sleep(self.reactor, 0.01)
