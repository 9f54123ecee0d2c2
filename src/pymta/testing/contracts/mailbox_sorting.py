"""
The mailbox kit: SORT and THREAD, for mailboxes that have
:class:`~pymta.interfaces.sorting.ISortingMailbox`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailboxStore, NewMessage
from pymta.interfaces.sorting import ISortingMailbox
from pymta.mailbox import UID, UIDSet
from pymta.search import (
    All,
    Fuzzy,
    HeaderText,
    Not,
    SortBy,
    SortKey,
    ThreadAlgorithm,
    UIDIn,
)
from pymta.testing.contracts.mailbox_case import MailboxCase, case, name

__all__ = ["SortingContract"]


def _letter(*lines: str) -> Octets:
    return Octets("".join(f"{line}\r\n" for line in (*lines, "", "text")).encode())


# 1 to 5, in another order by each criterion.
LETTERS = [
    (
        _letter(
            "Date: Mon, 1 Jan 2024 12:00:00 +0500",
            "From: zoe@example.org",
            "To: Dora <e@example.org>",
            "Subject: Re: beta",
            "Message-ID: <1@x>",
            "References: <3@x>",
        ),
        datetime(2024, 2, 5, tzinfo=UTC),
    ),
    (
        _letter("From: =?utf-8?q?=C3=84nne?= <b@example.org>", "Subject: [list] Alpha", "Cc: c@x"),
        datetime(2024, 1, 2, tzinfo=UTC),
    ),
    (
        _letter(
            "Date: Mon, 1 Jan 2024 08:00:00 +0000",
            "From: Yan <c@example.org>",
            "To: a@example.org",
            "Subject: beta",
            "Message-ID: <3@x>",
            "Cc: b@x, a@x",
        ),
        datetime(2024, 2, 4, tzinfo=UTC),
    ),
    (_letter("Subject: alpha", "X-Long: " + "x" * 200), datetime(2024, 2, 3, tzinfo=UTC)),
    (
        _letter(
            "Date: never",
            'From: "a b" <a@example.org>',
            "Subject: Gamma",
            'References: <"3"@x> <nobody@x>',
        ),
        datetime(2024, 2, 2, tzinfo=UTC),
    ),
]

ORDERS: list[tuple[str, list[SortKey], list[int]]] = [
    ("arrival", [SortKey(SortBy.ARRIVAL)], [2, 5, 4, 3, 1]),
    ("arrival, reversed", [SortKey(SortBy.ARRIVAL, descending=True)], [1, 3, 4, 5, 2]),
    ("date, in UTC, or arrival", [SortKey(SortBy.DATE)], [1, 3, 2, 5, 4]),
    ("from: mailboxes", [SortKey(SortBy.FROM)], [4, 5, 2, 3, 1]),
    ("from, reversed", [SortKey(SortBy.FROM, descending=True)], [1, 3, 2, 5, 4]),
    ("to: empty comes first, equal as they are", [SortKey(SortBy.TO)], [2, 4, 5, 3, 1]),
    ("cc: the first one counts", [SortKey(SortBy.CC)], [1, 4, 5, 3, 2]),
    ("subject: equal as they are", [SortKey(SortBy.SUBJECT)], [2, 4, 1, 3, 5]),
    ("subject, reversed", [SortKey(SortBy.SUBJECT, descending=True)], [5, 1, 3, 2, 4]),
    (
        "subject, and date",
        [SortKey(SortBy.SUBJECT), SortKey(SortBy.DATE, descending=True)],
        [4, 2, 3, 1, 5],
    ),
    (
        "a criterion that comes again",
        [SortKey(SortBy.SUBJECT), SortKey(SortBy.DATE, descending=True)] * 1500
        + [SortKey(SortBy.SUBJECT, descending=True)],
        [4, 2, 3, 1, 5],
    ),
    ("size", [SortKey(SortBy.SIZE)], [2, 5, 3, 1, 4]),
    ("shown from", [SortKey(SortBy.DISPLAYFROM)], [4, 5, 2, 3, 1]),
    ("shown to", [SortKey(SortBy.DISPLAYTO)], [2, 4, 5, 3, 1]),
]

THREADS: list[tuple[ThreadAlgorithm, list[tuple[int, int | None]]]] = [
    (ThreadAlgorithm.ORDEREDSUBJECT, [(0, 1), (1, 3), (0, 2), (1, 4), (0, 5)]),
    (ThreadAlgorithm.REFERENCES, [(0, 3), (1, 1), (1, 5), (0, None), (1, 2), (1, 4)]),
    (ThreadAlgorithm.REFS, [(0, 2), (0, 3), (1, 1), (1, 5), (0, 4)]),
]


class SortingContract(MailboxCase):
    """``sort`` and ``thread``."""

    async def sorting(self, store: IMailboxStore) -> ISortingMailbox:
        """The inbox with :data:`LETTERS`, or a skipped test."""
        inbox = await self.inbox(store)
        if not ISortingMailbox.providedBy(inbox):
            pytest.skip("the provider does not sort: no ISortingMailbox")
        await inbox.append(
            [NewMessage(content=content, internal_date=when) for content, when in LETTERS]
        )
        return ISortingMailbox(inbox)

    @case
    async def test_sort(self, store: IMailboxStore) -> None:
        """By every criterion, and several."""
        inbox = await self.sorting(store)
        expected = {what: tuple(order) for what, _, order in ORDERS}
        found = {what: (await inbox.sort(All(), keys)).order for what, keys, _ in ORDERS}

        assert expected == found

    @case
    async def test_sort_what_is_found(self, store: IMailboxStore) -> None:
        """Nothing else, and it is told as a search tells it."""
        inbox = await self.sorting(store)
        await inbox.remove(UIDSet([3]))
        query = Not(HeaderText("Subject", "gamma"))
        found = await inbox.sort(query, [SortKey(SortBy.FROM)])

        assert (4, 2, 1) == found.order
        assert UIDSet([1, 2, 4]) == found.uids
        assert (await inbox.search(query)).modseq == found.modseq
        assert () == (await inbox.sort(Not(All()), [SortKey(SortBy.DATE)])).order

    @case
    async def test_sort_by_relevancy(self, store: IMailboxStore) -> None:
        """The best first; other criteria before and behind it."""
        inbox = await self.sorting(store)
        query = Fuzzy(HeaderText("Subject", "re: beta"))
        best = await inbox.sort(query, [SortKey(SortBy.RELEVANCY)])
        worst = await inbox.sort(query, [SortKey(SortBy.RELEVANCY, descending=True)])
        fuzzy = Fuzzy(HeaderText("Subject", "bata"))
        both = await inbox.sort(fuzzy, [SortKey(SortBy.RELEVANCY), SortKey(SortBy.DATE)])

        assert (1,) == best.order == worst.order
        assert (1, 3) == both.order

    @case
    async def test_thread(self, store: IMailboxStore) -> None:
        """By every algorithm, all messages and some."""
        inbox = await self.sorting(store)
        for algorithm, expected in THREADS:
            found, nodes = await inbox.thread(All(), algorithm)
            assert expected == [(node.depth, node.uid) for node in nodes]
            assert UIDSet([1, 2, 3, 4, 5]) == found.uids
        _, nodes = await inbox.thread(UIDIn(UIDSet([1, 5])), ThreadAlgorithm.REFERENCES)
        assert [(0, None), (1, 1), (1, 5)] == [tuple(node) for node in nodes]
        assert [] == (await inbox.thread(Not(All()), ThreadAlgorithm.REFS))[1]

    @case
    async def test_sort_copies_and_after_a_restart(self, store: IMailboxStore) -> None:
        """What is compared goes with a message, and stays."""
        inbox = await self.sorting(store)
        await store.create(name("copies"))
        await inbox.copy(UIDSet([5, 3, 2]), name("copies"))
        store = await self.reopen(store)
        copies = ISortingMailbox(await store.open(name("copies")))

        assert (3, 1, 2) == (await copies.sort(All(), [SortKey(SortBy.FROM)])).order
        _, nodes = await copies.thread(All(), ThreadAlgorithm.REFS)
        assert [(0, 1), (0, 2), (1, 3)] == [tuple(node) for node in nodes]

    @case
    async def test_sort_many(self, store: IMailboxStore) -> None:
        """Thousands, with gaps between them."""
        inbox = await self.sorting(store)
        texts = [
            NewMessage(content=_letter(f"Subject: {n * 7919 % 2000:04d}", f"Message-ID: <m{n}@x>"))
            for n in range(2000)
        ]
        uids = (await inbox.append(texts)).uids
        await inbox.remove(UIDSet(uids[::3]))
        kept = [uid for n, uid in enumerate(uids) if n % 3]
        query = UIDIn(UIDSet(uids))
        found = await inbox.sort(query, [SortKey(SortBy.SUBJECT)])
        _, nodes = await inbox.thread(query, ThreadAlgorithm.REFERENCES)

        def subject(uid: UID) -> int:
            return (uid - uids[0]) * 7919 % 2000

        assert sorted(kept, key=subject) == list(found.order)
        assert kept == sorted(node.uid or 0 for node in nodes)
