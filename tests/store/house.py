"""
A database of mailboxes for tests, with a clock of ours.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.task import Clock

from pymta.database import Database
from pymta.store.sql.store import SQLMailStore
from tests.store.conftest import Run
from tests.store.ledger import mistakes

__all__ = ["House", "opened"]


class House:
    """
    :param more: for the store.
    :ivar ahead: microseconds that its time is ahead of ours.
    """

    def __init__(
        self, reactor: EPollReactor, directory: Path, *, tombstones: int = 50, **more: Any
    ) -> None:
        self.reactor = reactor
        self.directory = directory
        self.ahead = 0
        self._tombstones = tombstones
        self._more = more
        self._build()

    def _build(self) -> None:
        self.clock = Clock()
        self.database = Database(self.reactor, str(self.directory), now=self._now)
        self.store = SQLMailStore(
            self.database,
            self.reactor,
            clock=self.clock,
            tombstones=self._tombstones,
            **self._more,
        )

    def _now(self) -> int:
        return time.time_ns() // 1000 + self.ahead

    async def open(self) -> None:
        """Once, or after :meth:`close`."""
        await self.database.open()

    async def close(self) -> None:
        """As a process that ends."""
        self.store.close()
        await self.database.close()

    async def reopen(self) -> None:
        """A restart."""
        await self.close()
        self._build()
        await self.open()

    async def elapse(self, seconds: float) -> None:
        """Time goes on, timers fire and what is due is swept."""
        self.ahead += int(seconds * 1_000_000)
        self.clock.advance(seconds)
        await self.store.sweep()

    def rows(self, query: str) -> list[Any]:
        """What another program would see."""
        database = sqlite3.connect(self.directory / "pymta.db")
        try:
            return database.execute(query).fetchall()
        finally:
            database.close()


@contextmanager
def opened(
    reactor: EPollReactor,
    run: Run,
    template: Callable[[Path], None],
    directory: Path,
    **more: Any,
) -> Iterator[House]:
    """A new one; at its end everything that it keeps of mailboxes adds up."""
    template(directory)
    made = House(reactor, directory, **more)
    run(made.open)
    yield made
    run(made.close)
    assert [] == mistakes(directory)
