"""
The mailbox kit: being told of changes, being first, and being alone.
"""

from __future__ import annotations

from typing import Any

import pytest

from pymta.aio import gather
from pymta.errors import MailboxInUse, MailboxReadOnly, NoSuchMailbox
from pymta.interfaces.mailbox import IMailbox, IMailboxStore
from pymta.mailbox import (
    DELETED,
    FLAGGED,
    INBOX,
    SEEN,
    ModSeq,
    UIDSet,
)
from pymta.testing.contracts.mailbox_case import (
    CHANGES,
    MailboxCase,
    case,
    fill,
    flag,
    four,
    message,
    modseqs,
    name,
    subjects,
)

__all__ = ["TellingContract"]


class TellingContract(MailboxCase):
    """``changes``, ``watch``, ``take_recent``, ``lock``, ``close``."""

    # -- changes ---------------------------------------------------------------

    @case
    async def test_changes(self, store: IMailboxStore) -> None:
        """Arrived, changed and vanished since a moment, no UID in two of them."""
        inbox = await self.inbox(store)
        since = await four(inbox)
        other = await self.inbox(store)
        await other.append([message("5"), message("6")])
        await other.change_flags(UIDSet([1, 3, 5]), flag("+", FLAGGED))
        await other.expunge()
        await other.remove(UIDSet([6]))
        changes = await inbox.changes(since)

        assert UIDSet([5]) == changes.arrived
        assert [1] == [uid for uid, _ in changes.changed]
        assert UIDSet([3]) == changes.vanished - UIDSet([6])
        assert [m for _, m in changes.changed] == await modseqs(inbox, [1])
        assert changes.until == (await inbox.snapshot()).modseq

    @case
    async def test_changes_of_nothing(self, store: IMailboxStore) -> None:
        """Since now, nothing."""
        inbox = await self.inbox(store)
        await four(inbox)
        since = (await inbox.snapshot()).modseq
        changes = await inbox.changes(since)

        assert (UIDSet(), (), UIDSet()) == (changes.arrived, changes.changed, changes.vanished)
        assert since == changes.until

    @case
    async def test_changes_from_the_beginning(self, store: IMailboxStore) -> None:
        """Since 0, all that is there has arrived."""
        inbox = await self.inbox(store)
        await four(inbox)
        await inbox.change_flags(UIDSet([1]), flag("+", SEEN))
        changes = await inbox.changes(ModSeq(0))

        assert (UIDSet([1, 2, 3, 4]), ()) == (changes.arrived, changes.changed)

    @case
    async def test_changes_of_known(self, store: IMailboxStore) -> None:
        """What the caller does not have need not be told as vanished."""
        inbox = await self.inbox(store)
        since = await four(inbox)
        await inbox.remove(UIDSet([1, 2, 3]))

        assert UIDSet([2]) == (await inbox.changes(since, UIDSet([2, 4]))).vanished

    @case
    async def test_changes_beyond_the_tombstones(self, store: IMailboxStore) -> None:
        """Where nobody remembers what went, all that is not there is told (RFC 7162 §3.2.6)."""
        if self.tombstones is None:
            pytest.skip("the provider forgets no expunge: tombstones is None")
        inbox = await self.inbox(store)
        uids = await fill(inbox, self.tombstones + 5)
        since = (await inbox.snapshot()).modseq
        await inbox.remove(UIDSet([1]))
        for start in range(2, len(uids) - 2, 10):
            await inbox.remove(UIDSet(range(start, min(start + 10, len(uids) - 1))))
        gone = uids - (await inbox.snapshot()).uids

        assert self.tombstones < len(gone)
        assert gone == (await inbox.changes(since)).vanished & uids
        assert gone == (await inbox.changes(since, uids)).vanished
        assert UIDSet([1]) == (await inbox.changes(since, UIDSet([1, len(uids)]))).vanished

    @pytest.mark.parametrize("what", list(CHANGES))
    @case
    async def test_modseq_grows(self, store: IMailboxStore, what: str) -> None:
        """Every change has a modseq above all before it, and is told since then."""
        inbox = await self.inbox(store)
        before = await four(inbox)
        await CHANGES[what](inbox)
        changes = await inbox.changes(before)

        assert changes.until > before
        assert changes.arrived or changes.changed or changes.vanished
        assert changes.until == (await inbox.info()).modseq

    @case
    async def test_changes_of_ten_thousand(self, store: IMailboxStore) -> None:
        """10,000 flag changes are told at once."""
        inbox = await self.inbox(store)
        uids = await fill(inbox, 10_000)
        since = (await inbox.snapshot()).modseq
        await inbox.change_flags(uids, flag("+", SEEN))
        changes = await inbox.changes(since)

        assert [(uid, changes.until) for uid in uids] == list(changes.changed)

    @case
    async def test_changes_survive(self, store: IMailboxStore) -> None:
        """A client that was away over a restart is told what it missed."""
        inbox = await self.inbox(store)
        since = await four(inbox)
        await inbox.append([message("5")])
        await inbox.change_flags(UIDSet([1]), flag("+", SEEN))
        await inbox.remove(UIDSet([2]))
        before = await inbox.changes(since)
        inbox = await (await self.reopen(store)).open(INBOX)

        assert before == await inbox.changes(since)
        assert (UIDSet([5]), UIDSet([2])) == (before.arrived, before.vanished)

    # -- the doorbell ----------------------------------------------------------

    @pytest.mark.parametrize("what", list(CHANGES))
    @case
    async def test_bell_rings(self, store: IMailboxStore, what: str) -> None:
        """Whatever another session changes, the bell rings and changes() tells it."""
        inbox, other = await self.inbox(store), await self.inbox(store)
        since = await four(inbox)
        rung: list[bool] = []
        down = inbox.watch(lambda: rung.append(True))
        await CHANGES[what](other)
        await self.until(lambda: bool(rung))
        changes = await inbox.changes(since)
        down()

        assert changes.arrived or changes.changed or changes.vanished

    @case
    async def test_bell_rings_for_own_changes(self, store: IMailboxStore) -> None:
        """One way for all changes, those of this session among them."""
        inbox = await self.inbox(store)
        rung: list[bool] = []
        inbox.watch(lambda: rung.append(True))
        await inbox.append([message("a")])
        await self.until(lambda: bool(rung))

    @case
    async def test_bell_rings_when_the_mailbox_goes(self, store: IMailboxStore) -> None:
        """Whoever watches a mailbox that is deleted gets to ask, and finds out."""
        await store.create(name("a"))
        mailbox = await store.open(name("a"))
        rung: list[bool] = []
        mailbox.watch(lambda: rung.append(True))
        await (await self.another(store)).delete(name("a"))
        await self.until(lambda: bool(rung))
        with pytest.raises(NoSuchMailbox):
            await mailbox.changes(ModSeq(0))

    @case
    async def test_bell_taken_down(self, store: IMailboxStore) -> None:
        """It rings no more; taking it down twice is once; others ring on."""
        inbox = await self.inbox(store)
        silent: list[bool] = []
        rung: list[bool] = []
        down = inbox.watch(lambda: silent.append(True))
        inbox.watch(lambda: rung.append(True))
        down()
        down()
        await inbox.append([message("a")])
        await self.until(lambda: bool(rung))

        assert [] == silent

    # -- recent ----------------------------------------------------------------

    @case
    async def test_recent_is_taken_once(self, store: IMailboxStore) -> None:
        """One session is the first to see a message (RFC 3501 §2.3.2)."""
        inbox, other = await self.inbox(store), await self.inbox(store)
        await inbox.append([message("a"), message("b")])
        recent = (await other.snapshot()).recent
        first = await inbox.take_recent()
        second = await other.take_recent()
        await other.append([message("c")])
        third = await inbox.take_recent()

        assert (recent, recent, 3, 3) == (1, first, second, third)
        assert 4 == (await other.snapshot()).recent

    @case
    async def test_recent_survives(self, store: IMailboxStore) -> None:
        """Seen is seen, also after a restart."""
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        await inbox.take_recent()
        inbox = await (await self.reopen(store)).open(INBOX)

        assert 2 == (await inbox.snapshot()).recent

    @case
    async def test_recent_is_not_taken_read_only(self, store: IMailboxStore) -> None:
        """Looking takes nothing."""
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        looking = await store.open(INBOX, read_only=True)
        with pytest.raises(MailboxReadOnly):
            await looking.take_recent()

        assert 1 == (await looking.snapshot()).recent

    # -- the lock --------------------------------------------------------------

    @case
    async def test_lock_is_exclusive(self, store: IMailboxStore) -> None:
        """Who comes second is told so, until it is given back."""
        inbox, other = await self.inbox(store), await self.inbox(store)
        release = await inbox.lock()
        with pytest.raises(MailboxInUse):
            await other.lock()
        with pytest.raises(MailboxInUse):
            await inbox.lock()
        await release()
        again = await other.lock()
        await release()
        with pytest.raises(MailboxInUse):
            await inbox.lock()
        await again()

    @case
    async def test_lock_side_by_side(self, store: IMailboxStore) -> None:
        """Of several that ask at one time, one gets it."""
        sessions = [await self.inbox(store) for _ in range(5)]

        async def ask(mailbox: IMailbox) -> Any:
            try:
                return await mailbox.lock()
            except MailboxInUse:
                return None

        releases = [each for each in await gather([ask(s) for s in sessions]) if each]
        assert 1 == len(releases)
        await releases[0]()

    @case
    async def test_lock_is_against_locks_alone(self, store: IMailboxStore) -> None:
        """Delivery and other sessions go on; other mailboxes have locks of their own."""
        await store.create(name("a"))
        inbox, other = await self.inbox(store), await self.inbox(store)
        release = await inbox.lock()
        await other.append([message("a")])
        await other.change_flags(UIDSet([1]), flag("+", DELETED))
        await other.expunge()
        another = await (await store.open(name("a"))).lock()
        await another()
        await release()

    @case
    async def test_lock_is_kept(self, store: IMailboxStore) -> None:
        """It lasts as long as its session holds it, renewed by itself."""
        inbox, other = await self.inbox(store), await self.inbox(store)
        release = await inbox.lock()
        for _ in range(8):
            await self.elapse(20)
        with pytest.raises(MailboxInUse):
            await other.lock()
        await release()

    @case
    async def test_lock_ends_with_its_process(self, store: IMailboxStore) -> None:
        """A minute after a crash nobody has it any more."""
        await (await self.inbox(store)).lock()
        inbox = await (await self.reopen(store)).open(INBOX)
        await self.elapse(60)
        release = await inbox.lock()
        await release()

    # -- close -----------------------------------------------------------------

    @case
    async def test_close(self, store: IMailboxStore) -> None:
        """Closing expunges nothing and may be repeated; other sessions go on."""
        inbox, other = await self.inbox(store), await self.inbox(store)
        await four(inbox)
        inbox.close()
        inbox.close()

        assert ["1", "2", "3", "4"] == await subjects(other)
