"""
The contract kit against mailboxes in Maildirs.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from itertools import count
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.aio import sleep
from pymta.interfaces.mailbox import IMailboxStore
from pymta.testing.contracts.mailbox import MailboxContract
from pymta.testing.contracts.mailbox_sharing import RightsContract
from tests.store.conftest import Run
from tests.store.maildir.maildir_house import MaildirHouse, quick_folder

_accounts = count(1)


@pytest.fixture(scope="class")
def house(reactor: EPollReactor, run: Run) -> Iterator[MaildirHouse]:
    """One for all tests of a class, each of which has an account of its own."""
    with quick_folder() as directory:
        made = MaildirHouse(reactor, directory)
        yield made
        run(made.close)


class TestMaildir(MailboxContract):
    """A restart closes everything and opens it again."""

    tombstones = 50
    # A Maildir is its account's alone: no rights of others.
    locals().update(dict.fromkeys(each for each in vars(RightsContract) if each[:5] == "test_"))

    @pytest.fixture(autouse=True)
    def place(self, house: MaildirHouse, run: Run) -> None:
        """Where it is kept, and who runs it."""
        self.house = house
        self.drive = run

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """On the reactor."""
        self.drive(test)

    async def make(self) -> IMailboxStore:
        """Another account."""
        self.account = f"account {next(_accounts)}"
        return self.house.store.mailboxes(self.account)

    async def reopen(self, store: IMailboxStore) -> IMailboxStore:
        """Everything closed, and opened again."""
        await self.house.reopen()
        return self.house.store.mailboxes(self.account)

    async def another(self, store: IMailboxStore) -> IMailboxStore:
        """Asked for again."""
        return self.house.store.mailboxes(self.account)

    async def elapse(self, seconds: float) -> None:
        """Time goes on, and what is due is swept."""
        await self.house.elapse(seconds)

    async def pause(self) -> None:
        """A hundredth of a second."""
        await sleep(self.house.reactor, 0.01)
