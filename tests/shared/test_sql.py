"""
Shared state in the database: the contract, its bounds, and two servers on one file.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Coroutine
from typing import Any

from sqlalchemy import func, select
from twisted.internet import reactor

from pymta.aio import gather, start
from pymta.database import Database
from pymta.interfaces.shared import ISharedState
from pymta.shared.sql import SQLSharedState, shared
from pymta.testing.contracts.provider_case import case
from pymta.testing.contracts.shared import SharedStateContract

START = 1_700_000_000_000_000


class TestSQL(SharedStateContract):
    """The contract, and what is particular here."""

    async def make(self) -> ISharedState:
        """On a new file, with a clock of ours."""
        self.folder = tempfile.TemporaryDirectory()
        self.time = START
        return await self.open()

    async def open(self) -> ISharedState:
        """On the file that is there."""
        self.database = Database(reactor, self.folder.name, now=lambda: self.time)  # type: ignore[arg-type]  # a module, to mypy
        await self.database.open()
        return SQLSharedState(self.database, limit=1_500)

    async def reopen(self, provider: ISharedState) -> ISharedState:
        """The file closed, and opened again."""
        await self.database.close()
        return await self.open()

    async def close(self, provider: ISharedState) -> None:
        """Nothing stays."""
        await self.database.close()
        self.folder.cleanup()

    async def elapse(self, seconds: float) -> None:
        """The clock goes on."""
        self.time += int(seconds * 1_000_000)

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        """On the reactor."""
        return start(test())

    async def rows(self) -> int:
        """How many there are, expired or not."""
        query = select(func.count()).select_from(shared)
        count = await self.database.read(lambda c: c.execute(query).scalar())
        assert isinstance(count, int)
        return count

    @case
    async def test_the_oldest_make_room(self, state: ISharedState) -> None:
        """The table is never larger than its limit and what comes between two sweeps."""
        await gather([state.add(f"k{n}", b"", 600) for n in range(4_000)])

        assert await self.rows() <= 2_500
        assert None is await state.get("k0")
        assert b"" == await state.get("k3999")

    @case
    async def test_what_is_expired_is_swept(self, state: ISharedState) -> None:
        """Rows of ended keys go, at the latest, with the thousandth write after."""
        await gather([state.add(f"old{n}", b"", 60) for n in range(900)])
        await self.elapse(61)
        await gather([state.count(f"new{n}", 600) for n in range(1_100)])

        assert await self.rows() <= 1_100

    @case
    async def test_two_servers(self, state: ISharedState) -> None:
        """What one process counts, another one counts on."""
        other = Database(reactor, self.folder.name, daemon=False, now=lambda: self.time)  # type: ignore[arg-type]  # a module, to mypy
        await other.open()
        try:
            await state.count("c", 600)
            assert 2 == await SQLSharedState(other).count("c", 600)
            assert 3 == await state.count("c", 600)
        finally:
            await other.close()
