"""
The contract kit against the mailboxes in memory.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pymta.interfaces.mailbox import IMailboxStore
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.testing.contracts.mailbox import MailboxContract


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
        """The clock goes on."""
        self.now += timedelta(seconds=seconds)
