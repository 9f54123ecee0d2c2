"""
Mailboxes that several accounts see: in memory and in SQL; and the whole kit through the wrapper.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor
from zope.interface import providedBy

from pymta.aio import sleep
from pymta.interfaces.mailbox import IMailboxStore
from pymta.store.granting import GrantingMailStore
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.store.sharing import SharingMailStore
from pymta.testing.contracts.mailbox_limits import AppendLimitContract, QuotaRootContract
from pymta.testing.contracts.mailbox_naming import NamingContract, QuotaContract
from pymta.testing.contracts.mailbox_sharing import AnnotationsContract, RightsContract
from pymta.testing.contracts.mailbox_visiting import VisitingContract
from tests.store.conftest import Run
from tests.store.house import House, opened

_numbers = count(1)


class TestSharedInMemory(VisitingContract):
    """Without anything that waits."""

    async def make(self) -> IMailboxStore:
        """Anna's."""
        self.kept = MemoryMailStore(now=lambda: datetime(2024, 5, 6, tzinfo=UTC))
        anna: IMailboxStore = self.of(self.anna)
        return anna

    def inner(self) -> GrantingMailStore:
        """In memory."""
        return self.kept


@pytest.fixture(scope="class")
def house(
    reactor: EPollReactor,
    run: Run,
    template: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """One for all tests, each of which has accounts of its own."""
    with opened(reactor, run, template, tmp_path_factory.mktemp("house")) as made:
        yield made


class TestSharedInSQL(VisitingContract):
    """On one database."""

    @pytest.fixture(autouse=True)
    def place(self, house: House, run: Run) -> None:
        """Where it is kept, and who runs it."""
        self.house = house
        self.drive = run

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """On the reactor."""
        self.drive(test)

    async def make(self) -> IMailboxStore:
        """Another Anna's, and other rights for anyone."""
        number = next(_numbers)
        self.anna, self.bob, self.nobody = f"anna{number}", f"bob{number}", f"nobody{number}"
        anna: IMailboxStore = self.of(self.anna)
        return anna

    async def close(self, store: IMailboxStore) -> None:
        """Nothing stays that is shared with anyone."""
        for account in (self.anna, self.nobody):
            await self.house.store.remove(account)

    def inner(self) -> GrantingMailStore:
        """In SQL."""
        return self.house.store

    async def pause(self) -> None:
        """A hundredth of a second."""
        await sleep(self.house.reactor, 0.01)


class TestWrapped(
    NamingContract,
    QuotaContract,
    QuotaRootContract,
    AppendLimitContract,
    RightsContract,
    AnnotationsContract,
):
    """What the kit says of stores, through the wrapper."""

    async def make(self) -> IMailboxStore:
        """Wrapped."""
        self.accounts = MemoryMailStore()
        return self._wrapped()

    async def reopen(self, store: IMailboxStore) -> IMailboxStore:
        """Asked for again."""
        return self._wrapped()

    async def another(self, store: IMailboxStore) -> IMailboxStore:
        """Asked for again."""
        return self._wrapped()

    def _wrapped(self) -> IMailboxStore:
        return SharingMailStore(self.accounts, anyone=True).mailboxes("anna")


def test_it_provides_what_the_other_provides() -> None:
    """No more interfaces than the wrapped store, and no fewer."""
    kept = MemoryMailStore()
    wrapped, inner = SharingMailStore(kept).mailboxes("anna"), kept.mailboxes("anna")

    assert list(providedBy(inner)) == list(providedBy(wrapped))
