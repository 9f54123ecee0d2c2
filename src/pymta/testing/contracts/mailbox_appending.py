"""
The mailbox kit: appending messages and reading what was appended.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from twisted.internet.defer import CancelledError
from zope.interface import implementer

from pymta.aio import deferred, gather
from pymta.errors import MailboxReadOnly, MessageGone, NoSuchMailbox, SpoolError
from pymta.interfaces.content import SLICE, Cut, IContent, Joined, Octets, octets_of, prefixed
from pymta.interfaces.mailbox import IMailboxStore, NewMessage
from pymta.mailbox import (
    DELETED,
    FLAGGED,
    INBOX,
    SEEN,
    UID,
    FlagChange,
    FlagMode,
    ModSeq,
    UIDSet,
    Wanted,
)
from pymta.message.structure_codec import from_bytes
from pymta.testing.contracts.mailbox_case import (
    MailboxCase,
    case,
    fill,
    flag,
    flags_of,
    message,
    modseqs,
    name,
    subjects,
)

__all__ = ["AppendingContract"]

_PATTERN = bytes(range(256)) * 1024
_LARGE = b"Subject: large\r\n\r\n" + _PATTERN + b"\r\n"


def _small(size: int) -> bytes:
    return (b"Subject: s\r\n\r\n" + _PATTERN)[:size]


CONTENTS = [
    pytest.param(Octets(b""), id="empty"),
    pytest.param(Octets(b"Subject: a\r\n\r\nb\r\n"), id="small"),
    pytest.param(Octets(b"Subject: a\n\nbare\nLF\n"), id="bare LF"),
    pytest.param(Octets(b"Subject: a\r\n\r\nbare\rCR\r\r\n"), id="bare CR"),
    pytest.param(Octets(b"Subject: a\r\n\r\n\0NUL\0\r\n"), id="NUL"),
    pytest.param(Octets(b"Subject: a\r\n\r\nno end"), id="no last line end"),
    pytest.param(Octets(b"\r\nno header\r\n"), id="no header"),
    pytest.param(Octets(b"\xff\xfe\x80"), id="no text at all"),
    pytest.param(Octets(_small(SLICE - 1)), id="one less than a slice"),
    pytest.param(Octets(_small(SLICE)), id="a slice"),
    pytest.param(Octets(_small(SLICE + 1)), id="one more than a slice"),
    pytest.param(Octets(_LARGE), id="large and binary"),
    pytest.param(prefixed(b"Received: x\r\n", Octets(b"A: b\r\n\r\nc\r\n")), id="prefixed"),
    pytest.param(prefixed(b"Received: x\r\n", Octets(_LARGE)), id="large and prefixed"),
    pytest.param(Joined(Octets(_LARGE), Octets(b"x"), Octets(_LARGE)), id="joined"),
    pytest.param(Cut(Octets(_LARGE), 3, 200_000), id="cut"),
]


@implementer(IContent)
class Unreadable:
    """Content that fails in its middle."""

    size = 200_000

    async def read(self, start: int, stop: int) -> bytes:
        """As it says."""
        if start >= SLICE:
            raise SpoolError("broken on purpose")
        return b"x" * (min(stop, start + SLICE) - start)


class AppendingContract(MailboxCase):
    """``append``, ``content``, ``records``, ``sizes``, ``info``."""

    # -- append ----------------------------------------------------------------

    @case
    async def test_append_gives_ascending_uids(self, store: IMailboxStore) -> None:
        """Messages are at the end, in their order, with ascending UIDs."""
        inbox = await self.inbox(store)
        first = await inbox.append([message("a"), message("b")])
        second = await inbox.append([message("c")])

        uids = [*first.uids, *second.uids]
        assert sorted(set(uids)) == uids
        assert ["a", "b", "c"] == await subjects(inbox)

    @case
    async def test_append_tells_where(self, store: IMailboxStore) -> None:
        """What append gives agrees with the snapshot after it."""
        inbox = await self.inbox(store)
        appended = await inbox.append([message("a"), message("b")])
        snapshot = await inbox.snapshot()

        assert snapshot.uids == UIDSet(appended.uids)
        assert snapshot.uid_validity == appended.uid_validity
        assert snapshot.modseq == appended.modseq
        assert snapshot.uid_next > max(appended.uids)
        assert [appended.modseq] * 2 == await modseqs(inbox, appended.uids)

    @case
    async def test_append_of_nothing(self, store: IMailboxStore) -> None:
        """Appending no message changes nothing."""
        inbox = await self.inbox(store)
        before = await inbox.snapshot()
        appended = await inbox.append([])

        assert () == appended.uids
        assert before == await inbox.snapshot()

    @case
    async def test_append_is_counted(self, store: IMailboxStore) -> None:
        """The counters say what there is."""
        inbox = await self.inbox(store)
        await inbox.append([message(b"a" * 10), message(b"b" * 5, SEEN)])
        await inbox.append([message(b"c", DELETED)])
        info = await inbox.info()

        assert (3, 2, 1, 16) == (info.messages, info.unseen, info.deleted, info.size)

    @case
    async def test_append_keeps_flags(self, store: IMailboxStore) -> None:
        """System flags and keywords are there from the start."""
        inbox = await self.inbox(store)
        [uid] = (await inbox.append([message("a", FLAGGED, SEEN, "$Forwarded")])).uids

        assert {FLAGGED, SEEN, "$Forwarded"} == await flags_of(inbox, uid)

    @case
    async def test_append_keeps_internal_date(self, store: IMailboxStore) -> None:
        """The internal date is the moment given, to the second at least, from any zone."""
        inbox = await self.inbox(store)
        when = datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone(timedelta(hours=-7)))
        [uid] = (await inbox.append([message("a", internal_date=when)])).uids
        [(_, kept)] = await inbox.records(UIDSet([uid]), [Wanted.INTERNAL_DATE])

        assert when == kept

    @case
    async def test_append_dates_itself(self, store: IMailboxStore) -> None:
        """Without an internal date it is now, as the save date always is."""
        inbox = await self.inbox(store)
        old = datetime(1999, 1, 1, tzinfo=UTC)
        uids = (await inbox.append([message("a"), message("b", internal_date=old)])).uids
        wanted = [Wanted.INTERNAL_DATE, Wanted.SAVE_DATE]
        [(_, internal, saved), (_, _, later)] = await inbox.records(UIDSet(uids), wanted)

        assert internal.utcoffset() is not None
        assert abs(internal - saved) < timedelta(seconds=5)
        assert later.year > 1999

    @pytest.mark.parametrize(
        "kwargs",
        [
            pytest.param({"flags": frozenset({"\\Recent"})}, id="Recent"),
            pytest.param({"flags": frozenset({"\\Unknown"})}, id="unknown system flag"),
            pytest.param({"flags": frozenset({"two words"})}, id="no atom"),
            pytest.param({"flags": frozenset({""})}, id="empty flag"),
            pytest.param({"flags": frozenset({"schön"})}, id="not ASCII"),
            pytest.param({"internal_date": datetime(2001, 2, 3)}, id="naive date"),
        ],
    )
    @case
    async def test_append_refuses_a_bad_message(
        self, store: IMailboxStore, kwargs: dict[str, object]
    ) -> None:
        """What cannot be kept is refused, with all other messages of the call."""
        inbox = await self.inbox(store)
        before = await inbox.snapshot()
        flags = kwargs.get("flags", frozenset())
        assert isinstance(flags, frozenset)
        rest = {k: v for k, v in kwargs.items() if k != "flags"}
        with pytest.raises(ValueError):
            await inbox.append([message("good"), message("bad", *flags, **rest)])

        assert before == await inbox.snapshot()

    @case
    async def test_append_of_unreadable_content(self, store: IMailboxStore) -> None:
        """If one content cannot be read, none of the call is added."""
        inbox = await self.inbox(store)
        before = await inbox.snapshot()
        with pytest.raises(SpoolError):
            await inbox.append([message("good"), message(Unreadable())])

        assert before == await inbox.snapshot()
        await inbox.append([message("next")])
        assert ["next"] == await subjects(inbox)

    @case
    async def test_append_of_one_content_twice(self, store: IMailboxStore) -> None:
        """Two messages may have the same octets, and each outlives the other."""
        inbox = await self.inbox(store)
        content = Octets(_LARGE)
        await inbox.append([message(content), message(content)])
        await inbox.append([message(await inbox.content(UID(1)))])
        await inbox.remove(UIDSet([1, 2]))
        await self.elapse(3 * 3600)

        assert _LARGE == await octets_of(await inbox.content(UID(3)))

    @case
    async def test_append_read_only(self, store: IMailboxStore) -> None:
        """A mailbox that was opened read-only takes nothing."""
        inbox = await store.open(INBOX, read_only=True)
        with pytest.raises(MailboxReadOnly):
            await inbox.append([message("a")])

        assert not (await inbox.snapshot()).uids

    @case
    async def test_append_side_by_side(self, store: IMailboxStore) -> None:
        """Sessions that append at one time get different UIDs, each call's without gaps."""
        sessions = [await self.inbox(store) for _ in range(5)]
        calls = [
            session.append([message(f"{n}.{m}") for m in range(3)])
            for n, session in enumerate(sessions * 4)
        ]
        appended = await gather(calls)
        uids = [uid for each in appended for uid in each.uids]

        assert 60 == len(set(uids))
        assert all([u, u + 1, u + 2] == list(a.uids) for a in appended for u in a.uids[:1])
        assert (await sessions[0].snapshot()).uids == UIDSet(uids)
        assert 20 == len({a.modseq for a in appended})

    @case
    async def test_append_ten_thousand(self, store: IMailboxStore) -> None:
        """10,000 messages are one range, and counted."""
        inbox = await self.inbox(store)
        uids: list[UID] = []
        for first in range(0, 10_000, 1000):
            texts = [message(str(n)) for n in range(first, first + 1000)]
            uids += (await inbox.append(texts)).uids
        snapshot = await inbox.snapshot()

        assert 10_000 == len(uids)
        assert snapshot.uids == UIDSet(uids)
        assert 10_000 == (await inbox.info()).messages
        assert 1 == len(snapshot.uids.ranges)

    @case
    async def test_append_survives(self, store: IMailboxStore) -> None:
        """What append said is there after a restart."""
        inbox = await self.inbox(store)
        await inbox.append([message("a", SEEN), message("b", "kw")])
        before = await inbox.snapshot()
        inbox = await (await self.reopen(store)).open(INBOX)

        assert before == await inbox.snapshot()
        assert ["a", "b"] == await subjects(inbox)

    @case
    async def test_append_cancelled(self, store: IMailboxStore) -> None:
        """A cancelled append has happened as a whole or not at all."""
        inbox = await self.inbox(store)
        waiting = deferred(inbox.append([message("a"), message("b")]))
        waiting.cancel()
        try:
            await waiting
        except CancelledError:
            pass
        await inbox.append([message("c")])

        assert await subjects(inbox) in (["c"], ["a", "b", "c"])

    # -- delivery ids ----------------------------------------------------------

    @case
    async def test_delivery_id_is_delivered_once(self, store: IMailboxStore) -> None:
        """A second append with a delivery id does nothing and tells the first one's UID."""
        inbox = await self.inbox(store)
        first = await inbox.append([message("a", delivery_id="q1-1")])
        before = await inbox.snapshot()
        second = await inbox.append([message("a", delivery_id="q1-1")])

        assert first.uids == second.uids
        assert before == await inbox.snapshot()

    @case
    async def test_delivery_id_among_others(self, store: IMailboxStore) -> None:
        """Only what was not delivered yet is added."""
        inbox = await self.inbox(store)
        [known] = (await inbox.append([message("a", delivery_id="1")])).uids
        again = await inbox.append([message("a", delivery_id="1"), message("b", delivery_id="2")])

        assert known == again.uids[0]
        assert ["a", "b"] == await subjects(inbox)

    @case
    async def test_delivery_id_twice_in_a_call(self, store: IMailboxStore) -> None:
        """The same delivery id twice in one call is one message."""
        inbox = await self.inbox(store)
        appended = await inbox.append([message("a", delivery_id="1")] * 2)

        assert 1 == len(set(appended.uids))
        assert ["a"] == await subjects(inbox)

    @case
    async def test_delivery_id_of_a_message_that_is_gone(self, store: IMailboxStore) -> None:
        """What was delivered and expunged is not delivered again."""
        inbox = await self.inbox(store)
        first = await inbox.append([message("a", delivery_id="1")])
        await inbox.remove(UIDSet(first.uids))
        second = await inbox.append([message("a", delivery_id="1")])

        assert first.uids == second.uids
        assert not (await inbox.snapshot()).uids

    @case
    async def test_delivery_id_is_of_a_mailbox(self, store: IMailboxStore) -> None:
        """Another mailbox has not seen it."""
        await store.create(name("Junk"))
        inbox, junk = await store.open(INBOX), await store.open(name("Junk"))
        await inbox.append([message("a", delivery_id="1")])
        await junk.append([message("a", delivery_id="1")])

        assert ["a"] == await subjects(junk)

    @case
    async def test_delivery_id_survives(self, store: IMailboxStore) -> None:
        """A restart forgets no delivery id."""
        inbox = await self.inbox(store)
        first = await inbox.append([message("a", delivery_id="1")])
        inbox = await (await self.reopen(store)).open(INBOX)
        second = await inbox.append([message("a", delivery_id="1")])

        assert first.uids == second.uids
        assert ["a"] == await subjects(inbox)

    @case
    async def test_delivery_id_side_by_side(self, store: IMailboxStore) -> None:
        """Of two sessions that deliver the same at one time, one does."""
        one, two = await self.inbox(store), await self.inbox(store)
        calls = [session.append([message("a", delivery_id="1")]) for session in (one, two)]
        first, second = await gather(calls)

        assert first.uids == second.uids
        assert ["a"] == await subjects(one)

    @case
    async def test_delivery_id_lasts(self, store: IMailboxStore) -> None:
        """It is remembered for 29 days at least."""
        inbox = await self.inbox(store)
        await inbox.append([message("a", delivery_id="1")])
        await self.elapse(29 * 86400)
        await inbox.append([message("a", delivery_id="1")])

        assert ["a"] == await subjects(inbox)

    # -- UIDs ------------------------------------------------------------------

    @case
    async def test_uid_is_never_used_twice(self, store: IMailboxStore) -> None:
        """Not even that of the last message, expunged and then restarted."""
        inbox = await self.inbox(store)
        [first] = (await inbox.append([message("a")])).uids
        await inbox.remove(UIDSet([first]))
        [second] = (await inbox.append([message("b")])).uids
        await inbox.remove(UIDSet([second]))
        inbox = await (await self.reopen(store)).open(INBOX)
        [third] = (await inbox.append([message("c")])).uids

        assert first < second < third

    # -- content ---------------------------------------------------------------

    @pytest.mark.parametrize("content", CONTENTS)
    @case
    async def test_content_is_what_was_appended(
        self, store: IMailboxStore, content: IContent
    ) -> None:
        """Octet for octet, now and after a restart."""
        expected = await octets_of(content)
        inbox = await self.inbox(store)
        [uid] = (await inbox.append([message(content)])).uids
        kept = await inbox.content(uid)

        assert len(expected) == kept.size
        assert expected == await octets_of(kept)

        inbox = await (await self.reopen(store)).open(INBOX)
        assert expected == await octets_of(await inbox.content(uid))

    @case
    async def test_content_is_read_in_slices(self, store: IMailboxStore) -> None:
        """From any place to any place, a slice at most a call, nothing past the end."""
        inbox = await self.inbox(store)
        [uid] = (await inbox.append([message(prefixed(b"X: y\r\n", Octets(_LARGE)))])).uids
        content = await inbox.content(uid)
        whole = b"X: y\r\n" + _LARGE
        for start, stop in [(0, 1), (3, 20), (5, 6), (6, 7), (100_000, 100_010), (0, 6)]:
            assert whole[start:stop] == await content.read(start, stop)
        assert whole[-5:] == await content.read(len(whole) - 5, len(whole) + 5)
        assert whole[2 : 2 + SLICE] == await content.read(2, len(whole))

    @case
    async def test_content_of_no_message(self, store: IMailboxStore) -> None:
        """A UID that was never given has none."""
        inbox = await self.inbox(store)
        with pytest.raises(MessageGone):
            await inbox.content(UID(1))

    @pytest.mark.parametrize("content", [Octets(b"small"), Octets(_LARGE)], ids=["small", "large"])
    @case
    async def test_content_outlives_its_message(
        self, store: IMailboxStore, content: IContent
    ) -> None:
        """For an hour, a session that was not told of the expunge can read it."""
        inbox = await self.inbox(store)
        [uid] = (await inbox.append([message(content)])).uids
        other = await self.inbox(store)
        await other.remove(UIDSet([uid]))
        await self.elapse(59 * 60)

        assert await octets_of(content) == await octets_of(await inbox.content(uid))

    @case
    async def test_content_goes_in_the_end(self, store: IMailboxStore) -> None:
        """After that it is gone, and says so."""
        inbox = await self.inbox(store)
        [uid] = (await inbox.append([message("a")])).uids
        await inbox.remove(UIDSet([uid]))
        await self.elapse(3 * 3600)
        with pytest.raises(MessageGone):
            await inbox.content(uid)

    @case
    async def test_content_of_a_copy_stays(self, store: IMailboxStore) -> None:
        """A copy keeps its octets when the original goes."""
        await store.create(name("a"))
        inbox, target = await store.open(INBOX), await store.open(name("a"))
        [uid] = (await inbox.append([message(_LARGE)])).uids
        [(_, copied)] = (await inbox.copy(UIDSet([uid]), name("a"))).pairs
        await inbox.remove(UIDSet([uid]))
        await self.elapse(3 * 3600)

        assert await octets_of(await target.content(copied)) == _LARGE

    # -- records ---------------------------------------------------------------

    @case
    async def test_records_are_in_order(self, store: IMailboxStore) -> None:
        """Rows ascend by UID, columns stand as asked for, messages that are gone have none."""
        inbox = await self.inbox(store)
        await inbox.append([message(b"a" * n) for n in range(1, 5)])
        await inbox.remove(UIDSet([2]))
        rows = await inbox.records(UIDSet([4, 2, 1, 9]), [Wanted.SIZE, Wanted.FLAGS])

        assert [(1, 1, frozenset()), (4, 4, frozenset())] == [tuple(row) for row in rows]

    @case
    async def test_records_of_nothing(self, store: IMailboxStore) -> None:
        """No UIDs, no rows; no columns, UIDs alone."""
        inbox = await self.inbox(store)
        [uid] = (await inbox.append([message("a")])).uids

        assert [] == list(await inbox.records(UIDSet(), [Wanted.FLAGS]))
        assert [(uid,)] == [tuple(row) for row in await inbox.records(UIDSet([uid]), [])]

    @case
    async def test_records_of_scattered_uids(self, store: IMailboxStore) -> None:
        """Every third of 3,000 messages, a thousand in one call."""
        inbox = await self.inbox(store)
        await fill(inbox, 3000)
        wanted = UIDSet(range(1, 3001, 3))
        rows = await inbox.records(wanted, [Wanted.MODSEQ])

        assert list(wanted) == [uid for uid, _ in rows]

    @case
    async def test_records_are_limited(self, store: IMailboxStore) -> None:
        """More than 2,000 UIDs a call are refused."""
        inbox = await self.inbox(store)
        with pytest.raises(ValueError):
            await inbox.records(UIDSet.of_ranges([(1, 2001)]), [Wanted.FLAGS])

    @case
    async def test_records_changed_since(self, store: IMailboxStore) -> None:
        """Only messages with a higher modseq have a row."""
        inbox = await self.inbox(store)
        before = await inbox.append([message("a"), message("b")])
        await inbox.change_flags(UIDSet([2]), flag("+", SEEN))
        rows = await inbox.records(UIDSet([1, 2]), [Wanted.FLAGS], before.modseq)

        assert [(2, frozenset({SEEN}))] == [tuple(row) for row in rows]

    @case
    async def test_records_of_content(self, store: IMailboxStore) -> None:
        """Small content comes in the row, prefix and all, if the store has it there."""
        inbox = await self.inbox(store)
        small = prefixed(b"A: b\r\n", Octets(b"C: d\r\n\r\n"))
        await inbox.append([message(small), message(_LARGE)])
        [(_, first), (_, second)] = await inbox.records(UIDSet([1, 2]), [Wanted.CONTENT])

        assert first in (None, b"A: b\r\nC: d\r\n\r\n")
        assert second in (None, _LARGE)

    @case
    async def test_records_of_envelope_and_structure(self, store: IMailboxStore) -> None:
        """Both are computed at append, over all of the content, prefix included."""
        inbox = await self.inbox(store)
        octets = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
        content = prefixed(b"Subject: s\r\n", Octets(octets))
        await inbox.append([message(content)])
        wanted = [Wanted.ENVELOPE, Wanted.STRUCTURE]
        [(_, envelope, structure)] = await inbox.records(UIDSet([1]), wanted)

        whole = from_bytes(structure)
        assert content.size == whole.size
        assert 1 == len(whole.root.parts)
        assert whole.root.envelope == from_bytes(envelope).root.envelope
        assert whole.root.envelope is not None
        assert b"s" == whole.root.envelope.subject

    @case
    async def test_records_of_what_imap_writes(self, store: IMailboxStore) -> None:
        """ENVELOPE, BODYSTRUCTURE and a preview are there as IMAP writes them; copies have them."""
        inbox = await self.inbox(store)
        await inbox.append([message(b"Subject: \xe9\r\n\r\na\r\n b\r\n"), message(b"")])
        await inbox.copy(UIDSet([1]), INBOX)
        wanted = [Wanted.PREVIEW, Wanted.IMAP_ENVELOPE, Wanted.IMAP_STRUCTURE]
        [first, second, copy] = await inbox.records(UIDSet([1, 2, 3]), wanted)
        structure = b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" %d %d NIL NIL NIL NIL)'

        envelope = b"(NIL {1}\r\n\xe9" + b" NIL" * 8 + b")"
        assert (1, "a b", envelope, structure % (7, 2)) == tuple(first)
        assert (2, "", b"(NIL" + b" NIL" * 9 + b")", structure % (0, 0)) == tuple(second)
        assert tuple(first)[1:] == tuple(copy)[1:]

    @case
    async def test_records_of_email_ids(self, store: IMailboxStore) -> None:
        """A copy has the same email id, and no other message has it (RFC 8474)."""
        inbox = await self.inbox(store)
        await inbox.append([message("a"), message("a")])
        await inbox.copy(UIDSet([1]), INBOX)
        ids = [each for _, each in await inbox.records(UIDSet([1, 2, 3]), [Wanted.EMAIL_ID])]

        assert ids[0] == ids[2] != ids[1]
        assert all(isinstance(each, str) and 1 <= len(each) <= 255 for each in ids)

    @pytest.mark.parametrize(
        ("octets", "unended"),
        [
            pytest.param(b"A: b\r\n\r\nx\r\n", False, id="CRLF"),
            pytest.param(b"A: b\r\n\r\nx", True, id="nothing"),
            pytest.param(b"A: b\r\n\r\nx\n", True, id="LF"),
            pytest.param(b"A: b\r\n\r\nx\r", True, id="CR"),
            pytest.param(b"\n", True, id="one octet"),
            pytest.param(b"", False, id="empty"),
            pytest.param(b"x" * SLICE + b"\r\n", False, id="CRLF in another slice"),
            pytest.param(b"x" * (SLICE - 1) + b"\r\n", False, id="CRLF in two slices"),
            pytest.param(b"x" * (SLICE + 1), True, id="large"),
        ],
    )
    @case
    async def test_unended(self, store: IMailboxStore, octets: bytes, unended: bool) -> None:
        """Messages whose last line lacks its CRLF are known, also as copies, and no others."""
        inbox = await store.open(INBOX)
        whole = NewMessage(content=Octets(b"A: b\r\n\r\n"))
        await inbox.append([whole, NewMessage(content=Octets(octets)), whole])
        await store.create(name("Copies"))
        await inbox.copy(UIDSet([1, 2]), name("Copies"))
        assert UIDSet([2] if unended else []) == await inbox.unended()
        copies = await store.open(name("Copies"))
        assert UIDSet([2] if unended else []) == await copies.unended()

    @case
    async def test_sizes(self, store: IMailboxStore) -> None:
        """UID and size of every message, in one call, 10,000 of them too."""
        inbox = await self.inbox(store)
        await inbox.append([message(b"x" * 7)])
        await fill(inbox, 10_000)
        await inbox.remove(UIDSet([2, 10_000]))
        sizes = [tuple(pair) for pair in await inbox.sizes()]
        info = await inbox.info()

        assert (1, 7) == sizes[0]
        assert sorted(sizes) == sizes
        assert (info.messages, info.size) == (len(sizes), sum(size for _, size in sizes))
        assert (await inbox.snapshot()).uids == UIDSet(uid for uid, _ in sizes)

    # -- a mailbox that is gone ------------------------------------------------

    @case
    async def test_nothing_goes_on_a_deleted_mailbox(self, store: IMailboxStore) -> None:
        """Everything raises NoSuchMailbox once another session has deleted it."""
        await store.create(name("a"))
        mailbox = await store.open(name("a"))
        await mailbox.append([message("a")])
        await (await self.another(store)).delete(name("a"))
        uids, seen = UIDSet([1]), FlagChange(FlagMode.ADD, frozenset({SEEN}))
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "info": lambda: mailbox.info(),
            "snapshot": lambda: mailbox.snapshot(),
            "opened": lambda: mailbox.opened(),
            "changes": lambda: mailbox.changes(ModSeq(0)),
            "records": lambda: mailbox.records(uids, [Wanted.FLAGS]),
            "sizes": lambda: mailbox.sizes(),
            "unended": lambda: mailbox.unended(),
            "content": lambda: mailbox.content(UID(1)),
            "append": lambda: mailbox.append([message("b")]),
            "change_flags": lambda: mailbox.change_flags(uids, seen),
            "copy": lambda: mailbox.copy(uids, INBOX),
            "move": lambda: mailbox.move(uids, INBOX),
            "replace": lambda: mailbox.replace(UID(1), INBOX, message("b")),
            "expunge": lambda: mailbox.expunge(),
            "remove": lambda: mailbox.remove(uids),
            "take_recent": lambda: mailbox.take_recent(),
            "lock": lambda: mailbox.lock(),
        }
        went = []
        for what, call in calls.items():
            try:
                await call()
            except NoSuchMailbox:
                continue
            went.append(what)

        assert [] == went
