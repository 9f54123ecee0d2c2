"""
The contract kit for mailboxes on a disk: a house is closed and opened again.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from itertools import count
from typing import Any

import pytest

from pymta.aio import sleep
from pymta.interfaces.mailbox import IMailboxStore
from pymta.testing.contracts.mailbox import MailboxContract
from tests.store.conftest import Run

__all__ = ["HouseContract"]

_accounts = count(1)


class HouseContract(MailboxContract):
    """Against what the fixture ``house`` gives: one for all tests, each with its own account."""

    tombstones = 50

    @pytest.fixture(autouse=True)
    def place(self, house: Any, run: Run) -> None:
        """Where it is kept, and who runs it."""
        self.house = house
        self.drive = run

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """On the reactor."""
        self.drive(test)

    async def make(self) -> IMailboxStore:
        """Another account."""
        self.account = f"account {next(_accounts)}"
        return self._mailboxes()

    async def reopen(self, store: IMailboxStore) -> IMailboxStore:
        """Everything closed, and opened again."""
        await self.house.reopen()
        return self._mailboxes()

    async def another(self, store: IMailboxStore) -> IMailboxStore:
        """Asked for again."""
        return self._mailboxes()

    async def elapse(self, seconds: float) -> None:
        """Time goes on, and what is due is swept."""
        await self.house.elapse(seconds)

    async def pause(self) -> None:
        """A hundredth of a second."""
        await sleep(self.house.reactor, 0.01)

    def _mailboxes(self) -> IMailboxStore:
        made: IMailboxStore = self.house.store.mailboxes(self.account)
        return made
