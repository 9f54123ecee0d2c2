"""
The mailbox kit: the mailboxes of an account, and its quota.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from zope.interface.verify import verifyObject

from pymta.errors import MailboxError, MailboxExists, NoSuchMailbox, OverQuota
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, IQuotaStore
from pymta.mailbox import INBOX, SEEN, UID, ModSeq, UIDSet
from pymta.testing.contracts.mailbox_case import (
    MailboxCase,
    case,
    flag,
    message,
    name,
    subjects,
)

__all__ = ["NamingContract", "QuotaContract"]

BAD_NAMES = [
    pytest.param("", id="empty"),
    pytest.param("/a", id="empty first level"),
    pytest.param("a/", id="empty last level"),
    pytest.param("a//b", id="empty level"),
    pytest.param("a\0b", id="NUL"),
    pytest.param("a\nb", id="LF"),
    pytest.param("a\x7fb", id="DEL"),
    pytest.param("a\x85b", id="C1 control"),
    pytest.param("a\u2028b", id="line separator"),
    pytest.param("a" * 256, id="long level"),
    pytest.param("é" * 128, id="long level in octets"),
    pytest.param("/".join(["a" * 100] * 10), id="long name"),
    pytest.param("/".join("a" * 33), id="many levels"),
]


async def names(store: IMailboxStore) -> list[str]:
    """All that exist."""
    return [info.name for info in await store.mailboxes() if info.exists]


class NamingContract(MailboxCase):
    """``mailboxes``, ``create``, ``delete``, ``rename``, ``subscribe``, ``changes``."""

    @case
    async def test_it_provides_what_it_says(self, store: IMailboxStore) -> None:
        """Store and mailbox have every method, with its parameters."""
        assert verifyObject(IMailboxStore, store)
        assert verifyObject(IMailbox, await store.open(INBOX))

    @case
    async def test_a_new_account(self, store: IMailboxStore) -> None:
        """It has an empty inbox, and nothing else."""
        [info] = await store.mailboxes()

        assert (INBOX, 0, 0, 0, 0) == (
            info.name,
            info.messages,
            info.unseen,
            info.deleted,
            info.size,
        )
        assert info.exists
        assert info.id
        assert 1 <= info.uid_validity < 2**32
        assert info.modseq >= 1
        assert info == await (await store.open(INBOX)).info()

    @pytest.mark.parametrize("spelling", ["inbox", "Inbox", "INBOX", "iNBOX"])
    @case
    async def test_inbox_in_any_case(self, store: IMailboxStore, spelling: str) -> None:
        """INBOX is one mailbox, however it is written (RFC 3501 §5.1)."""
        assert INBOX == (await store.open(name(spelling))).name
        with pytest.raises(MailboxExists):
            await store.create(name(spelling))

    @case
    async def test_other_names_have_case(self, store: IMailboxStore) -> None:
        """All other names differ by case."""
        await store.create(name("Work"))
        with pytest.raises(NoSuchMailbox):
            await (await store.open(name("work"))).info()

    @case
    async def test_open_of_nothing(self, store: IMailboxStore) -> None:
        """No mailbox, no session."""
        for each in ["none", "", "a//b"]:
            with pytest.raises(NoSuchMailbox):
                await (await store.open(name(each))).info()

    @case
    async def test_append_to_nothing(self, store: IMailboxStore) -> None:
        """What is asked of it first may be to take a message."""
        with pytest.raises(NoSuchMailbox):
            await (await store.open(name("none"))).append([message("x")])
        assert ["INBOX"] == await names(store)

    @case
    async def test_opened_is_one_mailbox(self, store: IMailboxStore) -> None:
        """From its first call on, it is the same mailbox, whatever has the name."""
        await store.create(name("a"))
        looked, taken = await store.open(name("a")), await store.open(name("a"))
        first = (await looked.info()).id
        await taken.append([message("x")])
        await store.rename(name("a"), name("b"))
        await store.create(name("a"))

        assert [first, first] == [(await each.info()).id for each in (looked, taken)]
        assert first != (await (await store.open(name("a"))).info()).id

    # -- create ----------------------------------------------------------------

    @case
    async def test_create(self, store: IMailboxStore) -> None:
        """What is made is there, listed in order, INBOX first."""
        for each in ["b", "a", "a b", "a/b", "INBOX/x"]:
            info = await store.create(name(each))
            assert info == await (await store.open(name(each))).info()

        assert ["INBOX", "INBOX/x", "a", "a/b", "a b", "b"] == await names(store)

    @case
    async def test_create_makes_levels(self, store: IMailboxStore) -> None:
        """Levels above are made with it (RFC 3501 §6.3.3)."""
        await store.create(name("a/b/c"))
        await store.create(name("a/b/d"))

        assert ["INBOX", "a", "a/b", "a/b/c", "a/b/d"] == await names(store)

    @case
    async def test_create_twice(self, store: IMailboxStore) -> None:
        """A name is taken once, in whatever normal form it is written."""
        await store.create(name("caf\u00e9"))
        with pytest.raises(MailboxExists):
            await store.create(name("cafe\u0301"))

        assert 2 == len(await store.mailboxes())

    @pytest.mark.parametrize("bad", BAD_NAMES)
    @case
    async def test_no_name(self, store: IMailboxStore, bad: str) -> None:
        """What is no name makes no mailbox, by create or rename."""
        await store.create(name("a"))
        with pytest.raises(ValueError):
            await store.create(name(bad))
        with pytest.raises(ValueError):
            await store.rename(name("a"), name(bad))

        assert ["INBOX", "a"] == await names(store)

    @pytest.mark.parametrize(
        "good", ["a" * 255, "é" * 127, "/".join("a" * 32), "Entwürfe & 'x' \"y\" %_*", "日本/語"]
    )
    @case
    async def test_unusual_names(self, store: IMailboxStore, good: str) -> None:
        """All else is a name."""
        await store.create(name(good))
        await store.subscribe(name(good))

        assert good == (await store.open(name(good))).name
        assert good in await names(store)

    @case
    async def test_special_use(self, store: IMailboxStore) -> None:
        """What a mailbox is for is kept (RFC 6154)."""
        info = await store.create(name("Sent"), frozenset({"\\Sent"}))
        store = await self.reopen(store)

        assert {"\\Sent"} == info.special_use
        assert {"\\Sent"} == (await store.mailboxes())[1].special_use

    # -- delete ----------------------------------------------------------------

    @case
    async def test_delete(self, store: IMailboxStore) -> None:
        """The mailbox goes with its messages, levels below stay."""
        await store.create(name("a/b"))
        await (await store.open(name("a"))).append([message("x")])
        await store.delete(name("a"))

        assert ["INBOX", "a/b"] == await names(store)
        with pytest.raises(NoSuchMailbox):
            await (await store.open(name("a"))).info()
        with pytest.raises(NoSuchMailbox):
            await store.delete(name("a"))

    @case
    async def test_delete_inbox(self, store: IMailboxStore) -> None:
        """INBOX cannot go."""
        with pytest.raises(MailboxError):
            await store.delete(INBOX)

        assert ["INBOX"] == await names(store)

    @case
    async def test_a_name_used_again(self, store: IMailboxStore) -> None:
        """Another mailbox under an old name has another UIDVALIDITY and id, and is empty."""
        seen = set()
        for _ in range(3):
            info = await store.create(name("a"))
            seen.add((info.uid_validity, info.id))
            mailbox = await store.open(name("a"))
            assert not (await mailbox.snapshot()).uids
            await mailbox.append([message("x", delivery_id="1")])
            await store.delete(name("a"))
            store = await self.reopen(store)

        assert 3 == len({validity for validity, _ in seen}) == len({each for _, each in seen})

    # -- rename ----------------------------------------------------------------

    @case
    async def test_rename(self, store: IMailboxStore) -> None:
        """A rename keeps id, UIDVALIDITY, UIDs and whoever has it open."""
        before = await store.create(name("a"))
        mailbox = await store.open(name("a"))
        await mailbox.append([message("x")])
        await store.rename(name("a"), name("b"))
        await mailbox.append([message("y")])
        after = await (await store.open(name("b"))).info()

        assert (before.id, before.uid_validity) == (after.id, after.uid_validity)
        assert ["x", "y"] == await subjects(mailbox)
        assert ["INBOX", "b"] == await names(store)

    @case
    async def test_rename_of_levels(self, store: IMailboxStore) -> None:
        """All levels below go along, and levels above are made."""
        for each in ["a/b/c", "a/d", "ab"]:
            await store.create(name(each))
        await (await store.open(name("a/b/c"))).append([message("x")])
        await store.rename(name("a"), name("new/home"))

        expected = ["INBOX", "ab", "new", "new/home", "new/home/b", "new/home/b/c", "new/home/d"]
        assert expected == await names(store)
        assert ["x"] == await subjects(await store.open(name("new/home/b/c")))

    @case
    async def test_rename_into_a_level_above(self, store: IMailboxStore) -> None:
        """A level that moves out of its parent."""
        await store.create(name("a/b/c"))
        await store.rename(name("a/b"), name("b"))

        assert ["INBOX", "a", "b", "b/c"] == await names(store)

    @case
    async def test_rename_into_the_place_of_a_level_above(self, store: IMailboxStore) -> None:
        """Each takes the name that the one above it had."""
        await store.create(name("a/a/a"))
        await (await store.open(name("a/a/a"))).append([message("x")])
        await store.delete(name("a"))
        await store.rename(name("a/a"), name("a"))

        assert ["INBOX", "a", "a/a"] == await names(store)
        assert ["x"] == await subjects(await store.open(name("a/a")))

    @case
    async def test_rename_that_cannot_be(self, store: IMailboxStore) -> None:
        """To a name that is taken, from one that is not there, below itself: nothing happens."""
        for each in ["a/x", "b", "c/x"]:
            await store.create(name(each))
        before = await names(store)
        for old, new, error in [
            ("a", "b", MailboxExists),
            ("none", "d", NoSuchMailbox),
            ("a", "inbox", MailboxExists),
            ("a", "a/b", MailboxError),
        ]:
            with pytest.raises(error):
                await store.rename(name(old), name(new))
        await store.delete(name("c"))
        with pytest.raises(MailboxExists):
            await store.rename(name("a"), name("c"))

        assert [each for each in before if each != "c"] == await names(store)

    @case
    async def test_rename_with_a_level_too_long(self, store: IMailboxStore) -> None:
        """If a level below would have no name, nothing is renamed."""
        await store.create(name("a/" + "/".join("b" * 20)))
        before = await names(store)
        with pytest.raises(ValueError):
            await store.rename(name("a"), name("/".join("c" * 20)))

        assert before == await names(store)

    @case
    async def test_rename_inbox(self, store: IMailboxStore) -> None:
        """INBOX stays and loses its messages; what is below it stays (RFC 3501 §6.3.5)."""
        await store.create(name("INBOX/below"))
        inbox = await self.inbox(store)
        await inbox.append([message("x", SEEN), message("y")])
        before = await inbox.info()
        await store.rename(INBOX, name("old/mail"))
        after = await inbox.info()
        moved = await store.open(name("old/mail"))

        assert ["INBOX", "INBOX/below", "old", "old/mail"] == await names(store)
        assert ([], ["x", "y"]) == (await subjects(inbox), await subjects(moved))
        assert (before.id, before.uid_validity) == (after.id, after.uid_validity)
        assert UIDSet([1, 2]) == (await inbox.changes(before.modseq)).vanished
        assert (3,) == (await inbox.append([message("z")])).uids
        assert (2, 1) == ((await moved.info()).messages, (await moved.info()).unseen)

    @case
    async def test_rename_survives(self, store: IMailboxStore) -> None:
        """After a restart everything has its new name."""
        await store.create(name("a/b"))
        await store.rename(name("a"), name("c"))
        store = await self.reopen(store)

        assert ["INBOX", "c", "c/b"] == await names(store)

    # -- subscriptions ---------------------------------------------------------

    @case
    async def test_subscribe(self, store: IMailboxStore) -> None:
        """A name is remembered, in whatever form, and forgotten."""
        await store.create(name("caf\u00e9"))
        await store.subscribe(name("cafe\u0301"))
        await store.subscribe(name("caf\u00e9"))
        assert [False, True] == [info.subscribed for info in await store.mailboxes()]

        await store.unsubscribe(name("caf\u00e9"))
        await store.unsubscribe(name("never"))
        assert [False, False] == [info.subscribed for info in await store.mailboxes()]

    @case
    async def test_subscription_without_mailbox(self, store: IMailboxStore) -> None:
        """A name needs no mailbox, and outlives it and a restart (RFC 3501 §6.3.6)."""
        await store.create(name("a"))
        await store.subscribe(name("a"))
        await store.subscribe(name("b/c"))
        await store.delete(name("a"))
        store = await self.reopen(store)
        infos = await store.mailboxes()

        assert [("INBOX", True, False), ("a", False, True), ("b/c", False, True)] == [
            (info.name, info.exists, info.subscribed) for info in infos
        ]

    @case
    async def test_subscription_to_no_name(self, store: IMailboxStore) -> None:
        """What can be no mailbox cannot be subscribed."""
        with pytest.raises(ValueError):
            await store.subscribe(name("a\nb"))

        assert 1 == len(await store.mailboxes())

    # -- changes of the store --------------------------------------------------

    @case
    async def test_store_changes_from_the_beginning(self, store: IMailboxStore) -> None:
        """Since 0, everything that is there."""
        await store.create(name("a"))
        changes = await store.changes(ModSeq(0))

        assert list(await store.mailboxes()) == list(changes.changed)
        assert max(info.modseq for info in changes.changed) <= changes.until

    @case
    async def test_store_changes(self, store: IMailboxStore) -> None:
        """What was made, changed, renamed, subscribed and deleted since then, each once."""
        for each in ["a", "b", "c", "d", "quiet"]:
            await store.create(name(each))
        since = (await store.changes(ModSeq(0))).until
        other = await self.another(store)
        await (await other.open(name("a"))).append([message("x")])
        await other.rename(name("b"), name("new"))
        await other.delete(name("c"))
        await other.subscribe(name("d"))
        await other.create(name("e"))
        changes = await store.changes(since)

        assert ["a", "d", "e", "new"] == [info.name for info in changes.changed]
        assert ["b", "c"] == list(changes.gone)
        after = await store.changes(changes.until)
        assert ((), (), changes.until) == (after.changed, after.gone, after.until)

    @case
    async def test_store_changes_of_a_name_used_again(self, store: IMailboxStore) -> None:
        """A name that is there again is not gone."""
        await store.create(name("a"))
        since = (await store.changes(ModSeq(0))).until
        await store.delete(name("a"))
        await store.create(name("a"))
        changes = await store.changes(since)

        assert (["a"], []) == ([info.name for info in changes.changed], list(changes.gone))

    @case
    async def test_store_changes_survive(self, store: IMailboxStore) -> None:
        """What happened before a restart is told after it."""
        await store.create(name("a"))
        since = (await store.changes(ModSeq(0))).until
        await store.delete(name("a"))
        await (await self.inbox(store)).append([message("x")])
        store = await self.reopen(store)
        changes = await store.changes(since)

        assert (["INBOX"], ["a"]) == ([i.name for i in changes.changed], list(changes.gone))

    @pytest.mark.parametrize(
        "what", ["append", "flags", "create", "delete", "rename", "subscribe", "unsubscribe"]
    )
    @case
    async def test_store_bell_rings(self, store: IMailboxStore, what: str) -> None:
        """The store's bell rings for all of its mailboxes, and for names."""
        await store.create(name("a"))
        await store.subscribe(name("b"))
        inbox = await self.inbox(store)
        await inbox.append([message("x")])
        since = (await store.changes(ModSeq(0))).until
        rung: list[bool] = []
        down = store.watch(lambda: rung.append(True))
        other = await self.another(store)
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "append": lambda: inbox.append([message("y")]),
            "flags": lambda: inbox.change_flags(UIDSet([1]), flag("+", SEEN)),
            "create": lambda: other.create(name("c")),
            "delete": lambda: other.delete(name("a")),
            "rename": lambda: other.rename(name("a"), name("c")),
            "subscribe": lambda: other.subscribe(name("a")),
            "unsubscribe": lambda: other.unsubscribe(name("b")),
        }
        await calls[what]()
        await self.until(lambda: bool(rung))
        changes = await store.changes(since)
        down()
        down()

        assert changes.until > since
        assert changes.changed or changes.gone

    @case
    async def test_everything_survives(self, store: IMailboxStore) -> None:
        """Names, ids, counters and subscriptions are the same after a restart."""
        await store.create(name("a/b"))
        await store.subscribe(name("a"))
        await (await store.open(name("a/b"))).append([message("x"), message("y", SEEN)])
        before = list(await store.mailboxes())
        store = await self.reopen(store)

        assert before == list(await store.mailboxes())

    @case
    async def test_many_mailboxes(self, store: IMailboxStore) -> None:
        """Hundreds of mailboxes are listed in one call."""
        for n in range(300):
            await store.create(name(f"m{n:03}"))

        assert 301 == len(await store.mailboxes())


class QuotaContract(MailboxCase):
    """The add-on :class:`~pymta.interfaces.mailbox.IQuotaStore`."""

    async def quota(self, store: IMailboxStore) -> IQuotaStore:
        """The store, if it has quotas."""
        if not IQuotaStore.providedBy(store):
            pytest.skip("the provider has no quotas")
        return store

    @case
    async def test_no_quota(self, store: IMailboxStore) -> None:
        """Without a limit there is room."""
        assert await (await self.quota(store)).room(2**40)

    @case
    async def test_room(self, store: IMailboxStore) -> None:
        """What fits exactly fits."""
        quota = await self.quota(store)
        await quota.set_quota(100)
        await (await self.inbox(store)).append([message(b"x" * 60)])

        assert (True, False) == (await quota.room(40), await quota.room(41))

    @case
    async def test_room_for_messages(self, store: IMailboxStore) -> None:
        """The number of messages is a limit of its own."""
        quota = await self.quota(store)
        await quota.set_quota(None, 2)
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        assert await quota.room(1000)

        await inbox.append([message("b")])
        assert not await quota.room(0)
        with pytest.raises(OverQuota):
            await inbox.append([message("c")])

    @case
    async def test_over_quota_adds_nothing(self, store: IMailboxStore) -> None:
        """All messages of a call, or none."""
        quota = await self.quota(store)
        await quota.set_quota(100)
        inbox = await self.inbox(store)
        before = await inbox.snapshot()
        with pytest.raises(OverQuota):
            await inbox.append([message(b"x" * 60), message(b"x" * 60)])

        assert before == await inbox.snapshot()
        await inbox.append([message(b"x" * 60)])
        with pytest.raises(OverQuota) as caught:
            await inbox.append([message(b"x" * 41)])
        assert not caught.value.permanent

    @case
    async def test_a_message_that_never_fits(self, store: IMailboxStore) -> None:
        """Waiting does not help where the message alone is too large."""
        quota = await self.quota(store)
        await quota.set_quota(100)
        with pytest.raises(OverQuota) as caught:
            await (await self.inbox(store)).append([message(b"x" * 101)])

        assert caught.value.permanent

    @case
    async def test_a_delivery_that_was_made_needs_no_room(self, store: IMailboxStore) -> None:
        """A repeated delivery is a no-op, not a failure."""
        quota = await self.quota(store)
        await quota.set_quota(100)
        inbox = await self.inbox(store)
        first = await inbox.append([message(b"x" * 90, delivery_id="1")])

        assert first.uids == (await inbox.append([message(b"x" * 90, delivery_id="1")])).uids

    @case
    async def test_copies_count(self, store: IMailboxStore) -> None:
        """A copy needs room; a move does not."""
        quota = await self.quota(store)
        await store.create(name("a"))
        await quota.set_quota(100, 2)
        inbox = await self.inbox(store)
        await inbox.append([message(b"x" * 60)])
        with pytest.raises(OverQuota):
            await inbox.copy(UIDSet([1]), name("a"))
        await inbox.move(UIDSet([1]), name("a"))

        assert (True, False) == (await quota.room(40), await quota.room(41))

    @case
    async def test_replacing_counts_the_difference(self, store: IMailboxStore) -> None:
        """A draft can be saved again in a full account (RFC 8508 §3.4)."""
        quota = await self.quota(store)
        await quota.set_quota(100, 1)
        inbox = await self.inbox(store)
        await inbox.append([message(b"x" * 90)])
        await inbox.replace(UID(1), INBOX, message(b"y" * 100))
        with pytest.raises(OverQuota):
            await inbox.replace(UID(2), INBOX, message(b"z" * 101))

        assert UIDSet([2]) == (await inbox.snapshot()).uids

    @case
    async def test_room_comes_back(self, store: IMailboxStore) -> None:
        """Expunging and deleting make room, in all mailboxes of the account."""
        quota = await self.quota(store)
        await quota.set_quota(100)
        await store.create(name("a"))
        inbox, other = await self.inbox(store), await store.open(name("a"))
        await inbox.append([message(b"x" * 50)])
        await other.append([message(b"x" * 50)])
        assert not await quota.room(1)
        await inbox.remove(UIDSet([1]))
        assert await quota.room(50)
        await store.delete(name("a"))
        assert await quota.room(100)

    @case
    async def test_quota_survives(self, store: IMailboxStore) -> None:
        """Limits and what is used of them are there after a restart."""
        quota = await self.quota(store)
        await quota.set_quota(100, 5)
        await (await self.inbox(store)).append([message(b"x" * 60)])
        quota = await self.quota(await self.reopen(store))

        assert (True, False) == (await quota.room(40), await quota.room(41))

    @case
    async def test_quota_lowered(self, store: IMailboxStore) -> None:
        """Below what is there nothing is lost, and nothing more comes in."""
        quota = await self.quota(store)
        inbox = await self.inbox(store)
        await inbox.append([message(b"x" * 60)])
        await quota.set_quota(10)

        assert not await quota.room(1)
        await inbox.change_flags(UIDSet([1]), flag("+", SEEN))
        await inbox.remove(UIDSet([1]))
        assert await quota.room(10)
