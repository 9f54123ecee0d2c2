"""
Clauses of inspection: looking at a queue and changing it, while it runs; and of a full disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from unittest import SkipTest

from pymta.address import Address
from pymta.envelope import Sender
from pymta.errors import QueueError
from pymta.interfaces.content import UNROUTED, Lane, QueueID
from pymta.interfaces.queue import (
    Bounce,
    Claim,
    Hold,
    QueueQuery,
    QueueState,
    Release,
    Remove,
    Reroute,
    RetryNow,
)
from pymta.reply import Reply
from pymta.testing.contracts.queue_case import (
    LANE,
    OTHER_LANE,
    Bench,
    claimed_ids,
    clause,
    mail_ids,
)

__all__ = ["FullDiskClauses", "InspectingClauses"]

ALL = QueueQuery()
GONE = Reply(550, "5.1.1", "No such person")


def _pins(claims: Sequence[Claim]) -> list[tuple[Lane, bool]]:
    return [(each.lane, one.pinned) for each in claims for one in each.recipients]


async def _one_of_each(queue: Bench) -> None:
    """A1 due, A2 claimed, A3 held."""
    await queue.add(queue.mail("A2"), owner="me")
    await queue.add(queue.mail("A1"), queue.mail("A3", held="odd"))


class InspectingClauses:
    """What ``select``, ``change`` and ``statistics`` promise."""

    @clause
    async def test_select_nothing(self, queue: Bench) -> None:
        """An empty queue has one empty page."""
        page = await queue.store.select(ALL)

        assert ((), None) == (page.entries, page.cursor)

    @clause
    async def test_select_oldest_first(self, queue: Bench) -> None:
        """In the order in which they came, whatever their ids are."""
        for id_ in ("C", "A", "B"):
            await queue.add(queue.mail(id_))
            queue.wait(seconds=1)

        assert ["C", "A", "B"] == await queue.ids()

    @clause
    async def test_select_in_pages(self, queue: Bench) -> None:
        """At most a thousand a page; the cursor leads on, to the end and not beyond."""
        mails = queue.mails(2_000)
        await queue.add(*mails)
        first = await queue.store.select(ALL)
        second = await queue.store.select(ALL, first.cursor)

        assert (1_000, 1_000) == (len(first.entries), len(second.entries))
        assert second.cursor is None
        found = [entry.id for entry in (*first.entries, *second.entries)]
        assert [mail.id for mail in mails] == found

    @clause
    async def test_select_past_what_goes(self, queue: Bench) -> None:
        """What leaves between two pages shifts nothing."""
        claims = await queue.add(*queue.mails(1_500), owner="me")
        first = await queue.store.select(ALL)
        await queue.store.settle([queue.done(claim) for claim in claims[:1_200]])
        second = await queue.store.select(ALL, first.cursor)

        assert 300 == len(second.entries)

    @clause
    async def test_select_with_a_strange_cursor(self, queue: Bench) -> None:
        """ValueError, not an empty page."""
        for cursor in ("", "x", "-1", "1; DROP TABLE", "\u0663"):
            try:
                await queue.store.select(ALL, cursor)
            except ValueError:
                continue
            raise AssertionError(f"ValueError expected for {cursor!r}")

    @clause
    async def test_select_by_predicate(self, queue: Bench) -> None:
        """Each predicate, and several, which must all be true."""
        null = Sender(reverse_path=None)
        other = Sender(reverse_path=Address("Boss", "Example.COM"))
        await queue.add(queue.mail("A1", "Ann@Example.NET"))
        await queue.add(queue.mail("A2", "bob@example.net", sender=null), owner="me")
        queue.wait(hours=1)
        lanes = {"x@sub.example.net": OTHER_LANE}
        await queue.add(queue.mail("A3", "x@sub.example.net", sender=other, lanes=lanes))
        await queue.add(queue.mail("A4", "ann@example.net", held="odd"))
        for query, wanted in (
            ({}, "A1 A2 A3 A4"),
            ({"ids": (QueueID("A3"), QueueID("A1"), QueueID("Z"))}, "A1 A3"),
            ({"ids": ()}, ""),
            ({"state": QueueState.DUE}, "A1 A3"),
            ({"state": QueueState.CLAIMED}, "A2"),
            ({"state": QueueState.HELD}, "A4"),
            ({"lane": OTHER_LANE}, "A3"),
            ({"sender": ""}, "A2"),
            ({"sender": "sender@EXAMPLE.com"}, "A1 A4"),
            ({"sender": "Sender@example.com"}, ""),
            ({"sender": "Boss@example.com"}, "A3"),
            ({"sender": "@example.COM"}, "A1 A3 A4"),
            ({"recipient": "Ann@example.net"}, "A1"),
            ({"recipient": "ann@EXAMPLE.NET"}, "A4"),
            ({"recipient": "@example.net"}, "A1 A2 A4"),
            ({"recipient": "@sub.example.net"}, "A3"),
            ({"recipient": "%@example.net"}, ""),
            ({"arrived_before": queue.now()}, "A1 A2"),
            ({"recipient": "@example.net", "state": QueueState.DUE}, "A1"),
            ({"lane": LANE, "sender": "@example.com", "state": QueueState.HELD}, "A4"),
        ):
            assert wanted.split() == await queue.ids(**_typed(query)), str(query)

    @clause
    async def test_select_shows_all_recipients(self, queue: Bench) -> None:
        """Of a message of which one recipient matches."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.org"))
        [entry] = await queue.entries(recipient="@example.org")

        assert ["a@example.net", "b@example.org"] == [str(r.recipient) for r in entry.recipients]

    @clause
    async def test_select_by_two_predicates_of_one_recipient(self, queue: Bench) -> None:
        """All must be true of *one* recipient."""
        lanes = {"b@example.org": OTHER_LANE}
        await queue.add(queue.mail("A1", "a@example.net", "b@example.org", lanes=lanes))

        assert [] == await queue.ids(lane=LANE, recipient="b@example.org")
        assert ["A1"] == await queue.ids(lane=OTHER_LANE, recipient="b@example.org")

    @clause
    async def test_select_shows_the_claim(self, queue: Bench) -> None:
        """Who works on it, and until when."""
        [claim] = await queue.add(queue.mail(), owner="me")
        [recipient] = (await queue.entry()).recipients

        assert (LANE, "me", claim.until) == (recipient.lane, recipient.owner, recipient.until)

    @clause
    async def test_hold(self, queue: Bench) -> None:
        """Due ones are held; claimed ones stay with whoever works on them."""
        await _one_of_each(queue)

        assert 1 == await queue.store.change(ALL, Hold("maintenance"))
        [recipient] = (await queue.entry("A1")).recipients
        assert (QueueState.HELD, "maintenance") == (recipient.state, recipient.reason)
        assert [QueueState.CLAIMED] == await queue.states("A2")
        assert "odd" == (await queue.entry("A3")).recipients[0].reason
        assert [] == list(await queue.claim())

    @clause
    async def test_release_of_held_ones(self, queue: Bench) -> None:
        """Due at once, whatever their time was; the others are left alone."""
        await _one_of_each(queue)
        await queue.add(queue.mail("A4", held="odd", due=queue.later(days=1)))

        assert 2 == await queue.store.change(ALL, Release())
        assert [None] == [r.reason for r in (await queue.entry("A3")).recipients]
        assert ["A1", "A3", "A4"] == sorted(mail_ids(await queue.claim()))

    @clause
    async def test_release_forgets_strikes(self, queue: Bench) -> None:
        """A person has looked: three new tries."""
        await queue.add(queue.mail())
        for _ in range(3):
            await queue.claim()
            queue.wait(seconds=queue.store.lease_seconds)
        assert [] == list(await queue.claim())
        assert 1 == await queue.store.change(ALL, Release())

        for _ in range(3):
            assert ["A1"] == mail_ids(await queue.claim())
            queue.wait(seconds=queue.store.lease_seconds)

    @clause
    async def test_retry_now(self, queue: Bench) -> None:
        """Due ones are due at once, and their lanes are open again."""
        await queue.add(queue.mail(due=queue.later(days=1)), queue.mail("A2", held="odd"))
        await queue.store.suspend(LANE, queue.later(days=1), "dead")
        assert [] == list(await queue.claim())

        assert 1 == await queue.store.change(ALL, RetryNow())
        assert ["A1"] == mail_ids(await queue.claim())
        assert () == (await queue.store.statistics()).suspended

    @clause
    async def test_reroute(self, queue: Bench) -> None:
        """Due and held ones go elsewhere from now on; when, stays as it was."""
        await _one_of_each(queue)
        await queue.add(queue.mail("A4", due=queue.later(hours=1)))

        assert 3 == await queue.store.change(ALL, Reroute(OTHER_LANE))
        assert ["A2"] == await queue.ids(lane=LANE)
        assert [("A1", OTHER_LANE)] == [(c.queue_id, c.lane) for c in await queue.claim()]
        queue.wait(hours=1)
        assert ["A4"] == mail_ids(await queue.claim("other", without=[LANE]))[-1:]

    @clause
    async def test_reroute_pins(self, queue: Bench) -> None:
        """It stays so over attempts, until it is left to the router again."""
        await queue.add(queue.mail("A1"), queue.mail("A2", held="odd"))
        await queue.store.change(ALL, Reroute(OTHER_LANE))
        await queue.store.change(ALL, Release())
        for _ in range(2):
            claims = await queue.claim()
            assert [(OTHER_LANE, True)] * 2 == _pins(claims)
            await queue.store.release(claims)
        await queue.store.change(ALL, Reroute(UNROUTED))
        assert [(UNROUTED, False)] * 2 == _pins(await queue.claim())

    @clause
    async def test_bounce(self, queue: Bench) -> None:
        """Due and held ones come with their verdict, at once, past whatever bars their lane."""
        await _one_of_each(queue)
        await queue.add(queue.mail("A4", due=queue.later(days=1)))
        await queue.store.suspend(LANE, queue.later(days=1), "dead")

        assert 3 == await queue.store.change(ALL, Bounce(GONE))
        claims = await queue.claim(without=[LANE], per_lane=1)
        assert ["A1", "A3", "A4"] == sorted(mail_ids(claims))
        assert {GONE} == {one.verdict for each in claims for one in each.recipients}
        assert {LANE} == {each.lane for each in claims}

    @clause
    async def test_bounce_some_recipients(self, queue: Bench) -> None:
        """A claim holds those with a verdict, or others, never both."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.net", "c@example.net"))
        assert 1 == await queue.store.change(QueueQuery(recipient="b@example.net"), Bounce(GONE))
        claims = await queue.claim()

        assert [[None, None], [GONE]] == sorted(
            ([one.verdict for one in each.recipients] for each in claims), key=len, reverse=True
        )

    @clause
    async def test_bounce_survives_a_restart(self, queue: Bench) -> None:
        """Somebody decided; the next process knows."""
        await queue.add(queue.mail())
        await queue.store.change(ALL, Bounce(GONE))
        await queue.restart()

        assert GONE == (await queue.claim_one()).recipients[0].verdict

    @clause
    async def test_bounce_that_is_put_off(self, queue: Bench) -> None:
        """Settled as deferred, it is a message like others again."""
        await queue.add(queue.mail())
        await queue.store.change(ALL, Bounce(GONE))
        await queue.store.settle([queue.postponed(await queue.claim_one())])
        queue.wait(hours=1)

        assert [] == list(await queue.claim(without=[LANE]))
        assert (await queue.claim_one()).recipients[0].verdict is None

    @clause
    async def test_remove(self, queue: Bench) -> None:
        """Due and held ones are gone with their content; claimed ones stay."""
        await _one_of_each(queue)
        await queue.add(queue.mail("A4", content=b"x" * 200_000))

        assert 3 == await queue.store.change(ALL, Remove())
        assert ["A2"] == await queue.ids()
        kept = (await queue.entry("A2")).content.size
        assert kept == await queue.case.kept_octets(queue.store)

    @clause
    async def test_remove_one_recipient(self, queue: Bench) -> None:
        """The others of its message stay."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.org"))
        assert 1 == await queue.store.change(QueueQuery(recipient="@example.net"), Remove())

        assert [("A1", 2)] == claimed_ids(await queue.claim())

    @clause
    async def test_change_nothing(self, queue: Bench) -> None:
        """Whatever the action: none matches, none is changed."""
        await queue.add(queue.mail())
        nobody = QueueQuery(recipient="nobody@example.net")
        actions = (Hold("x"), Release(), RetryNow(), Reroute(LANE), Bounce(GONE), Remove())
        for action in actions:
            assert 0 == await queue.store.change(nobody, action), str(action)
        assert [QueueState.DUE] == await queue.states()

    @clause
    async def test_change_thousands(self, queue: Bench) -> None:
        """More than one chunk: each matching recipient once."""
        await queue.add(*queue.mails(1_700), *queue.mails(1_300, OTHER_LANE, prefix="O"))

        assert 1_700 == await queue.store.change(QueueQuery(lane=LANE), Hold("x"))
        assert 1_300 == await queue.store.change(QueueQuery(state=QueueState.DUE), Bounce(GONE))
        counts = (await queue.store.statistics()).recipients
        assert (1_300, 1_700) == (counts[QueueState.DUE], counts[QueueState.HELD])

    @clause
    async def test_change_rings(self, queue: Bench) -> None:
        """What became due is told."""
        await queue.add(queue.mail(held="odd"))
        rings: list[None] = []
        take_down = queue.store.watch(lambda: rings.append(None))
        await queue.store.change(ALL, Release())
        take_down()

        assert rings

    @clause
    async def test_statistics(self, queue: Bench) -> None:
        """Messages, octets, recipients by state, and lanes that are suspended now."""
        await _one_of_each(queue)
        await queue.add(queue.mail("A4", "a@example.net", "b@example.net", content=b"x" * 100))
        await queue.store.suspend(OTHER_LANE, queue.later(hours=1), "dead")
        octets = sum(entry.content.size for entry in await queue.entries())
        found = await queue.store.statistics()

        assert (4, octets) == (found.messages, found.octets)
        assert {QueueState.DUE: 3, QueueState.CLAIMED: 1, QueueState.HELD: 1} == found.recipients
        assert [OTHER_LANE] == [each.lane for each in found.suspended]
        queue.wait(hours=1)
        assert () == (await queue.store.statistics()).suspended

    @clause
    async def test_inspection_changes_nothing(self, queue: Bench) -> None:
        """Looking leaves no strike, no lease, no attempt."""
        await queue.add(queue.mail())
        for _ in range(5):
            await queue.entries()
            await queue.store.statistics()
            await queue.store.next_due(queue.now())
        claim = await queue.claim_one()

        assert 1 == claim.fence
        assert 0 == claim.recipients[0].attempts


def _typed(query: Any) -> dict[str, Any]:
    return dict(query)


class FullDiskClauses:
    """What a store does when there is no room (D04); for providers that say how to fill it."""

    @clause
    async def test_d04_full_disk_takes_nothing(self, queue: Bench) -> None:
        """QueueError, nothing is kept, and with room again all is well."""
        _must_fill(queue)
        await queue.add(queue.mail("A1"))
        await queue.case.fill(queue.store)
        refused = 0
        for mail in queue.mails(20, content=b"x" * 60_000):
            try:
                await queue.add(mail)
            except QueueError:
                refused += 1
        kept = await queue.ids()
        assert refused
        assert 21 == refused + len(kept)
        await queue.case.relieve(queue.store)
        await queue.add(queue.mail("A2"))

        assert [*kept, "A2"] == await queue.ids()

    @clause
    async def test_d04_full_disk_settles(self, queue: Bench) -> None:
        """What was delivered is not delivered again because there is no room to say so."""
        _must_fill(queue)
        claims = await queue.add(*queue.mails(40, content=b"x" * 5_000), owner="me")
        await queue.case.fill(queue.store)
        for mail in queue.mails(20, content=b"x" * 60_000, prefix="BIG"):
            try:
                await queue.add(mail)
            except QueueError:
                break
        assert [] == list(await queue.store.settle([queue.postponed(c) for c in claims[:20]]))
        report = queue.mail("REPORT", content=b"x" * 2_000)
        assert [] == list(await queue.store.settle([queue.done(claims[20], report)]))
        assert [] == list(await queue.store.settle([queue.done(c) for c in claims[21:]]))
        ids = await queue.ids(sender="sender@example.com")

        assert {*mail_ids(claims[:20]), "REPORT"} <= set(ids)
        assert not {*mail_ids(claims[20:])} & set(ids)


def _must_fill(queue: Bench) -> None:
    if not queue.case.can_fill:
        raise SkipTest("declared: nobody can fill this provider's disk")
