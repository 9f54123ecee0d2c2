"""
Clauses of claims: who may work on what, and for how long.
"""

from __future__ import annotations

from dataclasses import replace

from pymta.aio import gather
from pymta.interfaces.content import Lane
from pymta.interfaces.queue import Claim, QueueState
from pymta.testing.contracts.queue_case import (
    LANE,
    OTHER_LANE,
    Bench,
    claimed_ids,
    clause,
    mail_ids,
)

__all__ = ["ClaimingClauses"]


class ClaimingClauses:
    """What ``claim``, ``renew``, ``release``, ``recover`` and ``suspend`` promise."""

    @clause
    async def test_claim_nothing(self, queue: Bench) -> None:
        """An empty queue has no claims."""
        assert [] == list(await queue.claim())

    @clause
    async def test_claim_tells_all_that_an_attempt_needs(self, queue: Bench) -> None:
        """The same as a claim of ``add``."""
        mail = queue.mail("A1", "one@example.net", "two@example.net", bounceable=False, priority=2)
        await queue.add(mail)
        claim = await queue.claim_one("me")

        assert ("A1", LANE, "me", False, 2) == (
            claim.queue_id,
            claim.lane,
            claim.owner,
            claim.bounceable,
            claim.priority,
        )
        assert mail.envelope.recipients == tuple(c.recipient for c in claim.recipients)
        assert (mail.envelope.sender, mail.origin) == (claim.sender, claim.origin)
        assert (mail.arrived, mail.content.size) == (claim.arrived, claim.content.size)
        assert {0} == {c.attempts for c in claim.recipients}

    @clause
    async def test_claim_only_what_is_due(self, queue: Bench) -> None:
        """Due at this very moment counts, a microsecond later does not."""
        await queue.add(
            queue.mail("A1", due=queue.later(microseconds=1)),
            queue.mail("A2", due=queue.now()),
            queue.mail("A3", due=queue.later(days=-1)),
        )
        assert ["A2", "A3"] == sorted(mail_ids(await queue.claim()))
        queue.wait(microseconds=1)
        assert ["A1"] == mail_ids(await queue.claim())

    @clause
    async def test_claim_goes_by_the_callers_time(self, queue: Bench) -> None:
        """``now`` is an argument: the store's own clock is not asked."""
        await queue.add(queue.mail(due=queue.later(hours=1)))
        claims = await queue.store.claim("first", queue.later(hours=2), 10, 10)

        assert queue.later(hours=2, seconds=queue.store.lease_seconds) == claims[0].until

    @clause
    async def test_claim_at_most_limit(self, queue: Bench) -> None:
        """Recipients altogether, not messages."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.net", "c@example.net"))
        await queue.add(*queue.mails(5))

        assert 4 == len(claimed_ids(await queue.claim(limit=4)))
        assert 4 == len(claimed_ids(await queue.claim(limit=100)))

    @clause
    async def test_claim_at_most_per_lane(self, queue: Bench) -> None:
        """The rest of a lane waits for the next call."""
        await queue.add(*queue.mails(5))

        assert 2 == len(claimed_ids(await queue.claim(per_lane=2)))
        assert 3 == len(claimed_ids(await queue.claim(per_lane=4)))

    @clause
    async def test_claim_is_fair_to_lanes(self, queue: Bench) -> None:
        """A lane with hundreds waiting, all older, does not keep the others waiting."""
        await queue.add(*queue.mails(300, prefix="BIG"))
        for number in range(4):
            lane = Lane("relay", f"d{number}.example")
            mails = queue.mails(3, lane, prefix=f"D{number}", due=queue.later(seconds=1))
            await queue.add(*mails)
        queue.wait(seconds=1)
        claims = await queue.claim(limit=10, per_lane=2)
        taken: dict[Lane, int] = {}
        for claim in claims:
            taken[claim.lane] = taken.get(claim.lane, 0) + len(claim.recipients)

        assert [2] * 5 == list(taken.values())

    @clause
    async def test_claim_without_lanes(self, queue: Bench) -> None:
        """Lanes at their own limit are left out by their owner."""
        await queue.add(*queue.mails(2), *queue.mails(1, OTHER_LANE, prefix="O"))

        assert ["O000000"] == mail_ids(await queue.claim(without=[LANE]))
        assert 2 == len(await queue.claim(without=[OTHER_LANE, Lane("nobody")]))

    @clause
    async def test_claim_not_from_suspended_lanes(self, queue: Bench) -> None:
        """Until the time given; then they are like any other."""
        await queue.add(*queue.mails(2), *queue.mails(1, OTHER_LANE, prefix="O"))
        await queue.store.suspend(LANE, queue.later(minutes=10), "connection refused")

        assert ["O000000"] == mail_ids(await queue.claim())
        queue.wait(minutes=9)
        assert [] == list(await queue.claim("second", without=[OTHER_LANE]))
        queue.wait(minutes=1)
        assert 2 == len(await queue.claim("second", without=[OTHER_LANE]))

    @clause
    async def test_suspension_is_ended_by_a_past_time(self, queue: Bench) -> None:
        """And a second one replaces the first."""
        await queue.add(queue.mail())
        await queue.store.suspend(LANE, queue.later(minutes=10), "a")
        await queue.store.suspend(LANE, queue.later(minutes=5), "b")
        [suspended] = (await queue.store.statistics()).suspended
        assert (LANE, queue.later(minutes=5), "b") == (
            suspended.lane,
            suspended.until,
            suspended.reason,
        )
        await queue.store.suspend(LANE, queue.now(), "over")

        assert () == (await queue.store.statistics()).suspended
        assert 1 == len(await queue.claim())

    @clause
    async def test_suspension_survives_a_restart(self, queue: Bench) -> None:
        """A dead destination is dead for the next process too."""
        await queue.add(queue.mail())
        await queue.store.suspend(LANE, queue.later(minutes=10), "no route")
        await queue.restart()

        assert [] == list(await queue.claim())

    @clause
    async def test_claim_most_urgent_first(self, queue: Bench) -> None:
        """Priority goes before age."""
        await queue.add(
            queue.mail("OLD", due=queue.later(days=-1)),
            queue.mail("URGENT", priority=5),
            queue.mail("LAZY", priority=-5, due=queue.later(days=-2)),
        )
        order = [mail_ids(await queue.claim(limit=1)) for _ in range(3)]

        assert [["URGENT"], ["OLD"], ["LAZY"]] == order

    @clause
    async def test_claim_oldest_due_first(self, queue: Bench) -> None:
        """Within a lane."""
        await queue.add(*(queue.mail(f"A{n}", due=queue.later(seconds=-n)) for n in (2, 3, 1)))
        order = [mail_ids(await queue.claim(limit=1)) for _ in range(3)]

        assert [["A3"], ["A2"], ["A1"]] == order

    @clause
    async def test_claim_per_lane_counts_all_priorities(self, queue: Bench) -> None:
        """Urgent ones take the lane's places."""
        await queue.add(*queue.mails(3, prefix="U", priority=1), *queue.mails(3, prefix="N"))
        claims = await queue.claim(per_lane=4)

        assert ["N000000", "U000000", "U000001", "U000002"] == sorted(mail_ids(claims))

    @clause
    async def test_claim_by_message_and_lane(self, queue: Bench) -> None:
        """Recipients of one message in one lane are one claim, others are others."""
        lanes = {"two@example.org": OTHER_LANE}
        for id_ in ("A1", "A2"):
            to = ("one@example.net", "two@example.org", "x@example.net")
            await queue.add(queue.mail(id_, *to, lanes=lanes))
        claims = await queue.claim()

        assert [
            ("A1", LANE, 2),
            ("A1", OTHER_LANE, 1),
            ("A2", LANE, 2),
            ("A2", OTHER_LANE, 1),
        ] == sorted(((c.queue_id, c.lane, len(c.recipients)) for c in claims), key=str)

    @clause
    async def test_claim_is_exclusive(self, queue: Bench) -> None:
        """Two owners, nothing twice."""
        await queue.add(*queue.mails(10))
        first, second = await queue.claim("first", limit=4), await queue.claim("second")

        assert 10 == len({*mail_ids(first), *mail_ids(second)})
        assert (4, 6) == (len(first), len(second))

    @clause
    async def test_claim_at_once_by_many(self, queue: Bench) -> None:
        """Ten owners side by side, nothing twice and nothing left."""
        await queue.add(*queue.mails(50))
        claims = await gather(queue.claim(f"owner {n}", limit=5) for n in range(10))
        taken = [id_ for each in claims for id_ in mail_ids(each)]

        assert sorted(mail.id for mail in queue.mails(50)) == sorted(taken)

    @clause
    async def test_lease_ends(self, queue: Bench) -> None:
        """Not a microsecond before its end; then somebody else may, with a higher fence."""
        await queue.add(queue.mail())
        first = await queue.claim_one("first")
        queue.wait(seconds=queue.store.lease_seconds, microseconds=-1)
        assert [] == list(await queue.claim("second"))
        queue.wait(microseconds=1)
        second = await queue.claim_one("second")

        assert second.fence > first.fence
        assert "second" == (await queue.entry()).recipients[0].owner

    @clause
    async def test_lease_of_add_ends(self, queue: Bench) -> None:
        """The same for a claim that ``add`` made."""
        [first] = await queue.add(queue.mail(), owner="first")
        queue.wait(seconds=queue.store.lease_seconds)
        second = await queue.claim_one("second")

        assert second.fence > first.fence

    @clause
    async def test_lease_survives_a_restart(self, queue: Bench) -> None:
        """Another owner waits for its end, whoever crashed."""
        await queue.add(queue.mail(), owner="first")
        await queue.restart()

        assert [] == list(await queue.claim("second"))
        queue.wait(seconds=queue.store.lease_seconds)
        assert ["A1"] == mail_ids(await queue.claim("second"))

    @clause
    async def test_renew(self, queue: Bench) -> None:
        """A lease made longer lasts to its new end, and no longer."""
        await queue.add(queue.mail())
        claim = await queue.claim_one()
        until = queue.later(hours=1)
        assert [] == list(await queue.store.renew([claim], until))
        queue.wait(hours=1, microseconds=-1)
        assert [] == list(await queue.claim("second"))
        queue.wait(microseconds=1)

        assert ["A1"] == mail_ids(await queue.claim("second"))

    @clause
    async def test_renew_tells_the_stale(self, queue: Bench) -> None:
        """What somebody else has is not made longer."""
        await queue.add(queue.mail("A1"), queue.mail("A2"))
        claims = await queue.claim("first")
        queue.wait(seconds=queue.store.lease_seconds)
        [taken] = await queue.claim("second", limit=1)
        stale = await queue.store.renew(claims, queue.later(hours=9))

        assert [taken.queue_id] == mail_ids(stale)
        assert queue.later(seconds=queue.store.lease_seconds) == (
            (await queue.entry(taken.queue_id)).recipients[0].until
        )

    @clause
    async def test_renew_a_part(self, queue: Bench) -> None:
        """Of a claim's recipients, those that are given."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.net"))
        claim = await queue.claim_one()
        part = _part(claim, 1)
        assert [] == list(await queue.store.renew([part], queue.later(hours=1)))
        queue.wait(seconds=queue.store.lease_seconds)

        assert [("A1", 1)] == claimed_ids(await queue.claim("second"))

    @clause
    async def test_renew_what_is_left(self, queue: Bench) -> None:
        """A recipient that was settled meanwhile takes nobody else's lease along."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.net"))
        claim = await queue.claim_one()
        gone = _part(claim, 1)
        await queue.store.settle([queue.done(gone)])
        stale = await queue.store.renew([claim], queue.later(hours=1))
        queue.wait(seconds=queue.store.lease_seconds)

        assert claimed_ids([gone]) == claimed_ids(stale)
        assert [] == list(await queue.claim("second"))

    @clause
    async def test_release_what_is_left(self, queue: Bench) -> None:
        """A recipient that was settled meanwhile keeps nobody else back."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.net"))
        claim = await queue.claim_one()
        await queue.store.settle([queue.done(_part(claim, 1))])
        await queue.store.release([claim])

        assert [("A1", 1)] == claimed_ids(await queue.claim("second"))

    @clause
    async def test_release(self, queue: Bench) -> None:
        """Given back: due at once for anybody, and no attempt was made."""
        await queue.add(queue.mail())
        claim = await queue.claim_one("first")
        await queue.store.release([claim])
        assert [QueueState.DUE] == await queue.states()
        again = await queue.claim_one("second")

        assert again.fence > claim.fence
        assert 0 == again.recipients[0].attempts

    @clause
    async def test_release_gives_the_strike_back(self, queue: Bench) -> None:
        """A server that is stopped ten times has poisoned nothing."""
        await queue.add(queue.mail())
        for _ in range(10):
            await queue.store.release([await queue.claim_one()])

        assert [QueueState.DUE] == await queue.states()

    @clause
    async def test_release_ignores_the_stale(self, queue: Bench) -> None:
        """What somebody else has stays with them."""
        await queue.add(queue.mail())
        first = await queue.claim_one("first")
        queue.wait(seconds=queue.store.lease_seconds)
        await queue.claim_one("second")
        await queue.store.release([first])

        assert [QueueState.CLAIMED] == await queue.states()
        assert "second" == (await queue.entry()).recipients[0].owner

    @clause
    async def test_d05_three_strikes(self, queue: Bench) -> None:
        """Claimed three times without an end: held, and the others go on."""
        await queue.add(queue.mail("POISON"), queue.mail("GOOD"))
        for _ in range(3):
            claims = await queue.claim()
            assert ["GOOD", "POISON"] == sorted(mail_ids(claims))
            good = [claim for claim in claims if claim.queue_id == "GOOD"]
            await queue.store.release(good)
            queue.wait(seconds=queue.store.lease_seconds)

        assert ["GOOD"] == mail_ids(await queue.claim())
        [poison] = (await queue.entry("POISON")).recipients
        assert QueueState.HELD is poison.state
        assert poison.reason
        assert poison.owner is None

    @clause
    async def test_d05_poison_does_not_strike_its_neighbours_out(self, queue: Bench) -> None:
        """
        What was claimed with poison, again and again, is tried one by one: all that is good gets
        its turn, and only the poison is held.
        """
        await queue.add(queue.mail("POISON"), *queue.mails(5, prefix="GOOD"))
        settled: set[str] = set()
        for _ in range(2):
            await queue.claim()
            queue.wait(seconds=queue.store.lease_seconds)
        for _ in range(8):
            claims = await queue.claim()
            assert len(claims) <= 1
            assert [] == list(await queue.claim("another"))
            for claim in claims:
                if claim.queue_id != "POISON":
                    await queue.store.settle([queue.done(claim)])
                    settled.add(claim.queue_id)
                else:
                    queue.wait(seconds=queue.store.lease_seconds)

        assert 5 == len(settled)
        assert [QueueState.HELD] == await queue.states("POISON")

    @clause
    async def test_d05_strikes_survive_a_restart(self, queue: Bench) -> None:
        """A message that kills the process is known to the next: counted before any work."""
        await queue.add(queue.mail(), owner="first")
        for _ in range(2):
            await queue.restart()
            assert 1 == await queue.store.recover("first")
            await queue.claim_one("first")
        await queue.restart()
        await queue.store.recover("first")

        assert [] == list(await queue.claim("first"))
        assert [QueueState.HELD] == await queue.states()

    @clause
    async def test_d05_held_ones_take_no_place(self, queue: Bench) -> None:
        """A claim that finds poison first still gives what is behind it."""
        await queue.add(*queue.mails(3, prefix="POISON"))
        for _ in range(3):
            await queue.claim()
            queue.wait(seconds=queue.store.lease_seconds)
        await queue.add(queue.mail("GOOD"))

        assert ["GOOD"] == mail_ids(await queue.claim(limit=1, per_lane=1))

    @clause
    async def test_recover(self, queue: Bench) -> None:
        """An owner's former life: its claims are due at once, others' are not touched."""
        await queue.add(*queue.mails(3))
        first = await queue.claim("first", limit=2)
        await queue.claim("second")

        assert 2 == await queue.store.recover("first")
        assert 0 == await queue.store.recover("first")
        again = await queue.claim("third")
        assert sorted(mail_ids(first)) == sorted(mail_ids(again))

    @clause
    async def test_recover_after_a_restart(self, queue: Bench) -> None:
        """A restarted owner need not wait for the end of its own leases."""
        await queue.add(queue.mail(), owner="first")
        await queue.restart()

        assert 1 == await queue.store.recover("first")
        assert ["A1"] == mail_ids(await queue.claim("first"))

    @clause
    async def test_next_due_of_nothing(self, queue: Bench) -> None:
        """Nothing waits for a time: an empty queue, or one where all is held."""
        assert await queue.store.next_due(queue.now()) is None
        await queue.add(queue.mail(held="odd"))
        assert await queue.store.next_due(queue.now()) is None

    @clause
    async def test_next_due(self, queue: Bench) -> None:
        """The earliest time at which a claim finds something; never later than that."""
        await queue.add(
            queue.mail("A1", due=queue.later(minutes=7)),
            queue.mail("A2", due=queue.later(minutes=5), lanes={"one@example.net": OTHER_LANE}),
        )
        assert queue.later(minutes=5) == await queue.store.next_due(queue.now())
        assert queue.later(minutes=7) == await queue.store.next_due(queue.now(), [OTHER_LANE])
        assert await queue.store.next_due(queue.now(), [LANE, OTHER_LANE]) is None

    @clause
    async def test_next_due_waits_for_suspended_lanes(self, queue: Bench) -> None:
        """What is due in a suspended lane is due when that ends."""
        await queue.add(queue.mail("A1"))
        await queue.store.suspend(LANE, queue.later(minutes=10), "dead")

        assert queue.later(minutes=10) == await queue.store.next_due(queue.now())
        await queue.store.suspend(LANE, queue.now(), "over")
        due = await queue.store.next_due(queue.now())
        assert due is not None
        assert due <= queue.now()

    @clause
    async def test_next_due_waits_for_leases(self, queue: Bench) -> None:
        """The end of a lease is a time to look again, if only to find it settled."""
        claims = await queue.add(*queue.mails(3), owner="first")
        assert claims[0].until == await queue.store.next_due(queue.now())
        await queue.store.settle([queue.done(claim) for claim in claims])
        queue.wait(seconds=queue.store.lease_seconds)

        assert [] == list(await queue.claim())
        assert await queue.store.next_due(queue.now()) is None

    @clause
    async def test_claim_looks_past_what_has_gone(self, queue: Bench) -> None:
        """Lanes whose mail was settled meanwhile do not hide one that has something."""
        for number in range(5):
            lane = Lane("relay", f"d{number}.example")
            claims = await queue.add(*queue.mails(1, lane, prefix=f"D{number}"), owner="first")
            await queue.store.settle([queue.done(claim) for claim in claims])
        queue.wait(hours=1)
        await queue.add(queue.mail())

        assert ["A1"] == mail_ids(await queue.claim(limit=1))

    @clause
    async def test_doorbell(self, queue: Bench) -> None:
        """It rings for everything that may make a claim possible earlier than was known."""
        rings: list[None] = []
        take_down = queue.store.watch(lambda: rings.append(None))

        async def rang(what: object) -> bool:
            before = len(rings)
            await what  # type: ignore[misc]  # any awaitable of the store
            return len(rings) > before

        assert await rang(queue.add(queue.mail("A1"), queue.mail("A2")))
        claims = await queue.claim()
        assert await rang(queue.store.settle([queue.postponed(claims[0])]))
        assert await rang(queue.store.release(claims[1:]))
        assert await rang(queue.store.suspend(LANE, queue.now(), ""))
        [claim] = await queue.claim()
        assert await rang(queue.store.settle([queue.done(claim, queue.mail("A3"))]))
        await queue.claim("first")
        assert await rang(queue.store.recover("first"))
        take_down()
        take_down()
        assert not await rang(queue.add(queue.mail("A4")))


def _part(claim: Claim, index: int) -> Claim:
    return replace(claim, recipients=claim.recipients[index : index + 1])
