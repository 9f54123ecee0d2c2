"""
The mailbox kit: flags, expunging, copying and moving.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pymta.aio import gather
from pymta.errors import MailboxReadOnly, MessageGone, NoSuchMailbox
from pymta.interfaces.mailbox import IMailboxStore
from pymta.mailbox import (
    ANSWERED,
    DELETED,
    DRAFT,
    FLAGGED,
    INBOX,
    SEEN,
    UID,
    ModSeq,
    UIDSet,
    Wanted,
)
from pymta.testing.contracts.mailbox_case import (
    CHANGES,
    MailboxCase,
    case,
    fill,
    flag,
    flags_of,
    four,
    message,
    modseqs,
    name,
    subjects,
)

__all__ = ["ChangingContract"]

FLAGS = [
    pytest.param(set(), "+", {SEEN}, {SEEN}, id="add"),
    pytest.param({SEEN}, "+", {SEEN, DRAFT}, {SEEN, DRAFT}, id="add one that is there"),
    pytest.param({SEEN}, "+", set(), {SEEN}, id="add nothing"),
    pytest.param({SEEN, "a"}, "-", {SEEN}, {"a"}, id="remove"),
    pytest.param({SEEN}, "-", {DRAFT, "a"}, {SEEN}, id="remove one that is not there"),
    pytest.param({SEEN, "a", "b"}, "-", {"a", SEEN}, {"b"}, id="remove a keyword"),
    pytest.param({SEEN, "a"}, "=", {FLAGGED, "b"}, {FLAGGED, "b"}, id="replace"),
    pytest.param({SEEN, "a"}, "=", set(), set(), id="replace by nothing"),
    pytest.param(set(), "+", {"a", "b", "$c"}, {"a", "b", "$c"}, id="add keywords"),
    pytest.param({"ab", "b", "a"}, "-", {"b"}, {"ab", "a"}, id="keyword within another"),
    pytest.param({"a_b", "aXb"}, "-", {"a_b"}, {"aXb"}, id="no pattern"),
    pytest.param({"$Junk"}, "-", {"$junk"}, set(), id="remove in another case"),
    pytest.param({"$Junk"}, "+", {"$JUNK"}, {"$Junk"}, id="add in another case"),
    pytest.param({"$Junk"}, "=", {"$JUNK"}, {"$Junk"}, id="replace in another case"),
    pytest.param(set(), "+", {"\\seen", "\\DELETED"}, {SEEN, DELETED}, id="system flags' case"),
]


class ChangingContract(MailboxCase):
    """``change_flags``, ``expunge``, ``remove``, ``copy``, ``move``, ``replace``."""

    # -- flags -----------------------------------------------------------------

    @pytest.mark.parametrize(("before", "mode", "flags", "after"), FLAGS)
    @case
    async def test_change_flags(
        self, store: IMailboxStore, before: set[str], mode: str, flags: set[str], after: set[str]
    ) -> None:
        """Each mode does what it says, and the modseq moves if the flags do."""
        inbox = await self.inbox(store)
        appended = await inbox.append([message("a", *before)])
        left_out = await inbox.change_flags(UIDSet([1]), flag(mode, *flags))

        assert UIDSet() == left_out
        assert after == await flags_of(inbox, 1)
        [modseq] = await modseqs(inbox, [1])
        assert (before != after) == (modseq > appended.modseq)
        assert modseq == (await inbox.snapshot()).modseq

    @case
    async def test_keywords(self, store: IMailboxStore) -> None:
        """All keywords that were ever set are told, also after a restart and an expunge."""
        inbox = await self.inbox(store)
        assert frozenset() == await inbox.keywords()
        await inbox.append([message("a", SEEN, "$Junk"), message("b")])
        await inbox.change_flags(UIDSet([2]), flag("+", "Work", "$JUNK"))
        await inbox.remove(UIDSet([1, 2]))
        inbox = await (await self.reopen(store)).open(INBOX)

        assert {"$Junk", "Work"} == await inbox.keywords()

    @case
    async def test_opened_is_all_of_it(self, store: IMailboxStore) -> None:
        """Counters, keywords and UIDs as they are told one by one, also to who asks it first."""
        inbox = await self.inbox(store)
        await inbox.append([message("a", SEEN, "$Junk"), message("b"), message("c")])
        await inbox.remove(UIDSet([2]))
        opened = await (await store.open(INBOX)).opened()

        assert await inbox.info() == opened.info
        assert await inbox.keywords() == opened.keywords == frozenset({"$Junk"})
        assert await inbox.snapshot() == opened.snapshot
        assert UIDSet([1, 3]) == opened.snapshot.uids
        assert 3 == opened.first_unseen

    @case
    async def test_first_unseen(self, store: IMailboxStore) -> None:
        """The first message without ``\\Seen`` is told to who opens, None where there is none."""
        inbox = await self.inbox(store)
        await inbox.append([message("a", SEEN), message("b", FLAGGED), message("c", SEEN)])
        told = []
        for change in [flag("+", SEEN), flag("-", SEEN), flag("=", "x")]:
            told.append((await (await store.open(INBOX)).opened()).first_unseen)
            await inbox.change_flags(UIDSet([2, 3]), change)
        await inbox.remove(UIDSet([2]))
        told.append((await (await store.open(INBOX)).opened()).first_unseen)
        await inbox.remove(UIDSet([3]))
        told.append((await (await store.open(INBOX)).opened()).first_unseen)

        assert [2, None, 2, 3, None] == told

    @case
    async def test_keyword_keeps_its_first_spelling(self, store: IMailboxStore) -> None:
        """A mailbox spells a keyword as it first saw it, on all messages, also after a restart."""
        inbox = await self.inbox(store)
        await inbox.append([message("a", "NonJunk")])
        inbox = await (await self.reopen(store)).open(INBOX)
        await inbox.append([message("b", "nonjunk")])
        await inbox.change_flags(UIDSet([1, 2]), flag("+", "NONJUNK"))

        assert frozenset({"NonJunk"}) == await flags_of(inbox, 1) == await flags_of(inbox, 2)

    @case
    async def test_flags_are_counted(self, store: IMailboxStore) -> None:
        """Unseen and deleted follow every change."""
        inbox = await self.inbox(store)
        await inbox.append([message("a"), message("b"), message("c", SEEN)])
        counts = []
        for change in [flag("+", SEEN, DELETED), flag("-", SEEN), flag("=", "x"), flag("=", SEEN)]:
            await inbox.change_flags(UIDSet([1, 3]), change)
            info = await inbox.info()
            counts.append((info.messages, info.unseen, info.deleted))

        assert [(3, 1, 2), (3, 3, 2), (3, 3, 0), (3, 1, 0)] == counts

    @case
    async def test_unchanged_since(self, store: IMailboxStore) -> None:
        """Messages with a higher modseq are left out and told (RFC 7162 §3.1.3)."""
        inbox = await self.inbox(store)
        since = (await inbox.append([message("a"), message("b"), message("c")])).modseq
        await (await self.inbox(store)).change_flags(UIDSet([2]), flag("+", SEEN))
        change = flag("+", FLAGGED, "kw", "two")
        left_out = await inbox.change_flags(UIDSet([1, 2, 3, 9]), change, since)

        assert UIDSet([2]) == left_out
        assert {FLAGGED, "kw", "two"} == await flags_of(inbox, 1)
        assert {SEEN} == await flags_of(inbox, 2)

    @case
    async def test_unchanged_since_the_beginning(self, store: IMailboxStore) -> None:
        """0 is below every modseq."""
        inbox = await self.inbox(store)
        await inbox.append([message("a")])

        assert UIDSet([1]) == await inbox.change_flags(UIDSet([1]), flag("+", SEEN), ModSeq(0))
        assert frozenset() == await flags_of(inbox, 1)

    @case
    async def test_flags_of_nobody(self, store: IMailboxStore) -> None:
        """UIDs that are not there are passed over, however many."""
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        before = await inbox.snapshot()
        everybody = UIDSet.of_ranges([(2, 2**32 - 1)])

        assert UIDSet() == await inbox.change_flags(everybody, flag("+", SEEN))
        assert before == await inbox.snapshot()

    @pytest.mark.parametrize("bad", ["\\Recent", "\\Other", "a b", "", "(", 'a"b', "é"])
    @case
    async def test_no_flag(self, store: IMailboxStore, bad: str) -> None:
        """What cannot be set is refused, and nothing is changed."""
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        with pytest.raises(ValueError):
            await inbox.change_flags(UIDSet([1]), flag("+", SEEN, bad))

        assert frozenset() == await flags_of(inbox, 1)

    @case
    async def test_flags_side_by_side(self, store: IMailboxStore) -> None:
        """Two sessions that add different flags at one time lose none."""
        one, two = await self.inbox(store), await self.inbox(store)
        await one.append([message("a")])
        adds = [(one, SEEN), (two, "a"), (one, "b"), (two, ANSWERED)]
        await gather([box.change_flags(UIDSet([1]), flag("+", each)) for box, each in adds])

        assert {SEEN, "a", "b", ANSWERED} == await flags_of(one, 1)

    @case
    async def test_flags_of_ten_thousand(self, store: IMailboxStore) -> None:
        """One call, one modseq, right counters."""
        inbox = await self.inbox(store)
        uids = await fill(inbox, 10_000)
        await inbox.change_flags(uids, flag("+", SEEN, "kw"))
        info, snapshot = await inbox.info(), await inbox.snapshot()

        assert 0 == info.unseen
        assert [snapshot.modseq] * 3 == await modseqs(inbox, [1, 5000, 10_000])
        assert {SEEN, "kw"} == await flags_of(inbox, 9_999)

    @case
    async def test_flags_survive(self, store: IMailboxStore) -> None:
        """Flags, modseq and counters are there after a restart."""
        inbox = await self.inbox(store)
        await four(inbox)
        await inbox.change_flags(UIDSet([1, 4]), flag("+", FLAGGED, "kw"))
        before = (await inbox.info(), await modseqs(inbox, [1, 2]))
        inbox = await (await self.reopen(store)).open(INBOX)

        assert before == (await inbox.info(), await modseqs(inbox, [1, 2]))
        assert {FLAGGED, "kw"} == await flags_of(inbox, 4)

    # -- read-only -------------------------------------------------------------

    @pytest.mark.parametrize("what", [what for what in CHANGES if what != "copy"])
    @case
    async def test_read_only(self, store: IMailboxStore, what: str) -> None:
        """Nothing changes a mailbox that was opened read-only."""
        inbox = await self.inbox(store)
        await four(inbox)
        before = await inbox.snapshot()
        mailbox = await store.open(INBOX, read_only=True)
        assert mailbox.read_only
        with pytest.raises(MailboxReadOnly):
            await CHANGES[what](mailbox)

        assert before == await inbox.snapshot()

    # -- expunge and remove ----------------------------------------------------

    @case
    async def test_expunge(self, store: IMailboxStore) -> None:
        """Exactly the messages with \\Deleted go, under one new modseq."""
        inbox = await self.inbox(store)
        before = await four(inbox)
        expunged = await inbox.expunge()

        assert UIDSet([3]) == expunged.uids
        assert expunged.modseq > before
        assert UIDSet([1, 2, 4]) == (await inbox.snapshot()).uids
        info = await inbox.info()
        assert (3, 2, 0, expunged.modseq) == (
            info.messages,
            info.unseen,
            info.deleted,
            info.modseq,
        )

    @case
    async def test_expunge_of_some(self, store: IMailboxStore) -> None:
        """Of the UIDs given, those with \\Deleted (RFC 4315 §2.1)."""
        inbox = await self.inbox(store)
        await inbox.append([message(str(n), *[DELETED][: n % 2]) for n in range(1, 7)])
        expunged = await inbox.expunge(UIDSet([1, 2, 5, 77]))

        assert UIDSet([1, 5]) == expunged.uids
        assert ["2", "3", "4", "6"] == await subjects(inbox)

    @case
    async def test_expunge_of_nothing(self, store: IMailboxStore) -> None:
        """Nothing to expunge moves nothing."""
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        before = await inbox.snapshot()

        for expunged in [await inbox.expunge(), await inbox.remove(UIDSet([9]))]:
            assert (UIDSet(), before.modseq) == (expunged.uids, expunged.modseq)
        assert before == await inbox.snapshot()

    @case
    async def test_remove(self, store: IMailboxStore) -> None:
        """Removing asks for no flag."""
        inbox = await self.inbox(store)
        await four(inbox)
        removed = await inbox.remove(UIDSet([1, 2, 9]))

        assert UIDSet([1, 2]) == removed.uids
        assert ["3", "4"] == await subjects(inbox)

    @case
    async def test_expunge_side_by_side(self, store: IMailboxStore) -> None:
        """Of two sessions that expunge at one time, each UID is told to one."""
        one, two = await self.inbox(store), await self.inbox(store)
        await one.append([message("a", DELETED) for _ in range(20)])
        first, second = await gather([one.expunge(), two.expunge()])

        assert UIDSet(range(1, 21)) == first.uids | second.uids
        assert UIDSet() == first.uids & second.uids
        assert 0 == (await one.info()).messages

    @case
    async def test_expunge_of_ten_thousand(self, store: IMailboxStore) -> None:
        """Every second of 10,000, in one call."""
        inbox = await self.inbox(store)
        await fill(inbox, 10_000)
        await inbox.change_flags(UIDSet(range(2, 10_001, 2)), flag("+", DELETED))
        expunged = await inbox.expunge()

        assert UIDSet(range(2, 10_001, 2)) == expunged.uids
        assert UIDSet(range(1, 10_001, 2)) == (await inbox.snapshot()).uids
        assert 5_000 == (await inbox.info()).messages

    @case
    async def test_expunge_survives(self, store: IMailboxStore) -> None:
        """What is gone stays gone."""
        inbox = await self.inbox(store)
        before = await four(inbox)
        await inbox.expunge()
        inbox = await (await self.reopen(store)).open(INBOX)

        assert ["1", "2", "4"] == await subjects(inbox)
        assert UIDSet([3]) == (await inbox.changes(before)).vanished

    # -- copy, move, replace ---------------------------------------------------

    @case
    async def test_copy(self, store: IMailboxStore) -> None:
        """Copies have flags, dates and octets of what they copy; what is gone is passed over."""
        await store.create(name("a"))
        inbox, target = await self.inbox(store), await store.open(name("a"))
        when = datetime(2001, 2, 3, tzinfo=UTC)
        await inbox.append([message("x", SEEN, "kw", internal_date=when), message("y", DELETED)])
        before = await inbox.snapshot()
        copied = await inbox.copy(UIDSet([1, 2, 9]), name("a"))
        snapshot = await target.snapshot()

        assert [1, 2] == [old for old, _ in copied.pairs]
        assert snapshot.uids == UIDSet(new for _, new in copied.pairs)
        assert (snapshot.uid_validity, snapshot.modseq) == (copied.uid_validity, copied.modseq)
        assert before == await inbox.snapshot()
        assert ["x", "y"] == await subjects(target)
        wanted = [Wanted.FLAGS, Wanted.INTERNAL_DATE]
        [row, _] = await target.records(snapshot.uids, wanted)
        assert ({SEEN, "kw"}, when) == tuple(row[1:])
        info = await target.info()
        assert (2, 1, 1) == (info.messages, info.unseen, info.deleted)

    @pytest.mark.parametrize("what", ["copy", "move"])
    @case
    async def test_copy_of_what_is_needed(self, store: IMailboxStore, what: str) -> None:
        """Where one is gone that must be there, nothing is done; another one is passed over."""
        await store.create(name("a"))
        inbox, other = await self.inbox(store), await store.open(name("a"))
        await four(inbox)
        await inbox.remove(UIDSet([2]))
        before = await inbox.snapshot()
        call = getattr(inbox, what)
        with pytest.raises(MessageGone):
            await call(UIDSet([1, 2, 4]), name("a"), UIDSet([2, 4]))
        assert (before, 0) == (await inbox.snapshot(), (await other.info()).messages)
        made = await call(UIDSet([1, 2, 4]), name("a"), UIDSet([1, 4]))
        copied = made if what == "copy" else made[0]
        assert [1, 4] == [old for old, _ in copied.pairs]
        assert ["1", "4"] == await subjects(other)

    @case
    async def test_copy_of_nothing(self, store: IMailboxStore) -> None:
        """No message, no change."""
        await store.create(name("a"))
        inbox, target = await self.inbox(store), await store.open(name("a"))
        before = await target.snapshot()
        copied = await inbox.copy(UIDSet([7]), name("a"))

        assert ((), before.uid_validity) == (copied.pairs, copied.uid_validity)
        assert before == await target.snapshot()

    @case
    async def test_copy_to_itself(self, store: IMailboxStore) -> None:
        """A mailbox can be its own destination."""
        inbox = await self.inbox(store)
        await inbox.append([message("a"), message("b")])
        copied = await inbox.copy(UIDSet([1, 2]), INBOX)

        assert ((1, 3), (2, 4)) == copied.pairs
        assert ["a", "b", "a", "b"] == await subjects(inbox)

    @case
    async def test_copy_spells_as_its_destination(self, store: IMailboxStore) -> None:
        """A keyword is spelled as the mailbox knows it that it comes into."""
        await store.create(name("a"))
        inbox, target = await self.inbox(store), await store.open(name("a"))
        await target.append([message("x", "KW")])
        await inbox.append([message("y", "kw")])
        await inbox.copy(UIDSet([1]), name("a"))

        assert frozenset({"KW"}) == await flags_of(target, 2)

    @pytest.mark.parametrize("what", ["copy", "move", "replace"])
    @case
    async def test_no_destination(self, store: IMailboxStore, what: str) -> None:
        """Without a destination nothing happens."""
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        before = await inbox.snapshot()
        calls: dict[str, Any] = {
            "copy": lambda: inbox.copy(UIDSet([1]), name("none")),
            "move": lambda: inbox.move(UIDSet([1]), name("none")),
            "replace": lambda: inbox.replace(UID(1), name("none"), message("b")),
        }
        with pytest.raises(NoSuchMailbox):
            await calls[what]()

        assert before == await inbox.snapshot()
        assert 1 == len(await store.mailboxes())

    @case
    async def test_copy_from_read_only(self, store: IMailboxStore) -> None:
        """Copying changes the destination alone."""
        await store.create(name("a"))
        await (await self.inbox(store)).append([message("x")])
        inbox = await store.open(INBOX, read_only=True)
        await inbox.copy(UIDSet([1]), name("a"))

        assert ["x"] == await subjects(await store.open(name("a")))

    @case
    async def test_copy_ten_thousand(self, store: IMailboxStore) -> None:
        """One call, one modseq."""
        await store.create(name("a"))
        inbox, target = await self.inbox(store), await store.open(name("a"))
        uids = await fill(inbox, 10_000)
        copied = await inbox.copy(uids, name("a"))

        assert 10_000 == len(copied.pairs)
        assert 10_000 == (await target.info()).messages
        changes = await target.changes(ModSeq(copied.modseq - 1))
        assert 10_000 == len(changes.arrived)

    @case
    async def test_move(self, store: IMailboxStore) -> None:
        """What is moved is gone here and there there."""
        await store.create(name("a"))
        inbox, target = await self.inbox(store), await store.open(name("a"))
        before = await four(inbox)
        copied, expunged = await inbox.move(UIDSet([2, 3, 9]), name("a"))

        assert [2, 3] == [old for old, _ in copied.pairs]
        assert UIDSet([2, 3]) == expunged.uids
        assert expunged.modseq > before
        assert ["1", "4"] == await subjects(inbox)
        assert ["2", "3"] == await subjects(target)
        assert UIDSet([2, 3]) == (await inbox.changes(before)).vanished
        infos = [await inbox.info(), await target.info()]
        assert [(2, 2, 0), (2, 1, 1)] == [(i.messages, i.unseen, i.deleted) for i in infos]

    @case
    async def test_move_of_nothing(self, store: IMailboxStore) -> None:
        """No message, no change."""
        inbox = await self.inbox(store)
        before = await inbox.snapshot()
        copied, expunged = await inbox.move(UIDSet([7]), INBOX)

        assert ((), UIDSet()) == (copied.pairs, expunged.uids)
        assert before == await inbox.snapshot()

    @case
    async def test_move_to_itself(self, store: IMailboxStore) -> None:
        """The messages get new UIDs."""
        inbox = await self.inbox(store)
        await inbox.append([message("a"), message("b")])
        copied, _ = await inbox.move(UIDSet([1]), INBOX)

        assert ((1, 3),) == copied.pairs
        assert ["b", "a"] == await subjects(inbox)

    @case
    async def test_move_side_by_side(self, store: IMailboxStore) -> None:
        """Of two sessions that move the same message, one does."""
        await store.create(name("a"))
        one, two = await self.inbox(store), await self.inbox(store)
        await one.append([message("x")])
        await gather([box.move(UIDSet([1]), name("a")) for box in (one, two)])

        assert ["x"] == await subjects(await store.open(name("a")))

    @case
    async def test_replace(self, store: IMailboxStore) -> None:
        """One goes, the other comes, in one commit (RFC 8508)."""
        inbox = await self.inbox(store)
        before = await inbox.append([message("a"), message("b")])
        appended = await inbox.replace(UID(1), INBOX, message("c", DRAFT))
        changes = await inbox.changes(before.modseq)

        assert (UIDSet([3]), UIDSet([1])) == (changes.arrived, changes.vanished)
        assert ((3,), changes.until) == (appended.uids, appended.modseq)
        assert ["b", "c"] == await subjects(inbox)

    @case
    async def test_replace_elsewhere(self, store: IMailboxStore) -> None:
        """The new message may go to another mailbox."""
        created = await store.create(name("Sent"))
        inbox, sent = await self.inbox(store), await store.open(name("Sent"))
        await inbox.append([message("a")])
        appended = await inbox.replace(UID(1), name("Sent"), message("b"))

        assert created.uid_validity == appended.uid_validity
        assert ([], ["b"]) == (await subjects(inbox), await subjects(sent))

    @case
    async def test_replace_of_nothing(self, store: IMailboxStore) -> None:
        """If the old one is gone, the new one does not come."""
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        await inbox.remove(UIDSet([1]))
        before = await inbox.snapshot()
        with pytest.raises(MessageGone):
            await inbox.replace(UID(1), INBOX, message("b"))

        assert before == await inbox.snapshot()
