"""
The contract kit against the mailboxes in memory.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pymta.aio import start
from pymta.errors import NoSuchMailbox
from pymta.interfaces.mailbox import IMailboxStore
from pymta.mailbox import INBOX, MailboxName
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.testing.contracts.mailbox import MailboxContract
from pymta.testing.contracts.mailbox_case import message


class TestMemory(MailboxContract):
    """A restart is another look at the same memory, which ends with its process and all locks."""

    tombstones = 50
    test_lock_ends_with_its_process = None  # type: ignore[assignment]  # what it crashes with

    async def make(self) -> IMailboxStore:
        """A store whose clock is ours."""
        self.now = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
        self.accounts = MemoryMailStore(now=lambda: self.now, tombstones=self.tombstones)
        return self.accounts.mailboxes("anna")

    async def reopen(self, store: IMailboxStore) -> IMailboxStore:
        """Asked for again."""
        return self.accounts.mailboxes("anna")

    async def another(self, store: IMailboxStore) -> IMailboxStore:
        """Asked for again."""
        return self.accounts.mailboxes("anna")

    async def elapse(self, seconds: float) -> None:
        """The clock goes on, and what is old is swept."""
        self.now += timedelta(seconds=seconds)
        await self.accounts.sweep()


def test_removing_an_account() -> None:
    """Everything of it is gone, whoever watches finds out, and its name can be used again."""

    async def remove() -> None:
        accounts = MemoryMailStore()
        store = accounts.mailboxes("anna")
        inbox = await store.open(INBOX)
        await inbox.append([message("a")])
        rung: list[bool] = []
        inbox.watch(lambda: rung.append(True))
        await accounts.remove("anna")
        await accounts.remove("nobody")
        assert rung
        with pytest.raises(NoSuchMailbox):
            await inbox.snapshot()
        with pytest.raises(NoSuchMailbox):
            await store.create(MailboxName("b"))
        [info] = await accounts.mailboxes("anna").mailboxes()
        assert (INBOX, 0) == (info.name, info.messages)
        accounts.close()

    ended: list[object] = []
    _ = start(remove()).addBoth(ended.append)
    assert [None] == ended
