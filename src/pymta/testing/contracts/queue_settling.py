"""
Clauses of ``settle``: what became of a claim, in one commit with what follows from it.
"""

from __future__ import annotations

from dataclasses import replace

from pymta.aio import gather
from pymta.errors import QueueError
from pymta.interfaces.content import QueueID
from pymta.interfaces.queue import Claim, Done, Held, QueueState, Settlement
from pymta.outcome import Delivered
from pymta.testing.contracts.queue_case import (
    NOT_NOW,
    OTHER_LANE,
    Bench,
    claimed_ids,
    clause,
    mail_ids,
)
from pymta.testing.contracts.queue_contents import Unreadable

__all__ = ["SettlingClauses"]


class SettlingClauses:
    """What ``settle`` promises."""

    @clause
    async def test_settle_nothing(self, queue: Bench) -> None:
        """No settlements are no change."""
        assert [] == list(await queue.store.settle([]))

    @clause
    async def test_settle_done(self, queue: Bench) -> None:
        """The last recipient takes the message with it."""
        [claim] = await queue.add(queue.mail("A1", "a@example.net", "b@example.net"), owner="me")

        assert [] == list(await queue.store.settle([queue.done(claim)]))
        assert [] == await queue.ids()

    @clause
    async def test_settle_each_by_itself(self, queue: Bench) -> None:
        """Four recipients, four fates."""
        to = [f"{name}@example.net" for name in "abcd"]
        await queue.add(queue.mail("A1", *to))
        claim = await queue.claim_one()
        done, late, held, free = (each.recipient.id for each in claim.recipients)
        later = queue.postponed(claim).each[late]
        each = {done: Done(Delivered()), late: later, held: Held("may not be bounced")}
        assert [] == list(await queue.store.settle([Settlement(claim=claim, each=each)]))
        rest = (await queue.entry()).recipients

        assert [
            (late, QueueState.DUE, queue.later(hours=1), NOT_NOW, None, 1),
            (held, QueueState.HELD, queue.now(), None, "may not be bounced", 1),
            (free, QueueState.DUE, queue.now(), None, None, 0),
        ] == [(r.recipient.id, r.state, r.due, r.reply, r.reason, r.attempts) for r in rest]
        assert [("A1", free)] == claimed_ids(await queue.claim())

    @clause
    async def test_settle_deferred(self, queue: Bench) -> None:
        """Due again then, one attempt older, and no owner any more."""
        await queue.add(queue.mail())
        await queue.store.settle([queue.postponed(await queue.claim_one())])
        [recipient] = (await queue.entry()).recipients
        assert (None, None) == (recipient.owner, recipient.until)
        queue.wait(minutes=59)
        assert [] == list(await queue.claim())
        queue.wait(minutes=1)
        [claimed] = (await queue.claim_one()).recipients

        assert (1, False) == (claimed.attempts, claimed.warned)

    @clause
    async def test_settle_deferred_to_another_lane(self, queue: Bench) -> None:
        """A table has changed: the next attempt goes elsewhere."""
        await queue.add(queue.mail())
        await queue.store.settle([queue.postponed(await queue.claim_one(), lane=OTHER_LANE)])
        queue.wait(hours=1)

        assert OTHER_LANE == (await queue.claim_one()).lane

    @clause
    async def test_settle_remembers_the_warning(self, queue: Bench) -> None:
        """A delay is reported once: ``warned`` stays."""
        await queue.add(queue.mail())
        for warned in (True, False):
            await queue.store.settle([queue.postponed(await queue.claim_one(), warned=warned)])
            queue.wait(hours=1)
        [claimed] = (await queue.claim_one()).recipients

        assert (2, True) == (claimed.attempts, claimed.warned)

    @clause
    async def test_settle_forgets_strikes(self, queue: Bench) -> None:
        """A hundred honest attempts are no poison."""
        await queue.add(queue.mail())
        for _ in range(5):
            await queue.store.settle([queue.postponed(await queue.claim_one())])
            queue.wait(hours=1)

        assert [QueueState.DUE] == await queue.states()

    @clause
    async def test_settle_a_part(self, queue: Bench) -> None:
        """A claim with fewer recipients settles these; the others stay claimed."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.net", "c@example.net"))
        claim = await queue.claim_one()
        first, rest = _split(claim)
        assert [] == list(await queue.store.settle([queue.done(first)]))
        assert [QueueState.CLAIMED] * 2 == await queue.states()

        assert [] == list(await queue.store.settle([queue.done(rest)]))
        assert [] == await queue.ids()

    @clause
    async def test_settle_parts_in_one_call(self, queue: Bench) -> None:
        """Two parts of one claim are two settlements."""
        await queue.add(queue.mail("A1", "a@example.net", "b@example.net"))
        first, rest = _split(await queue.claim_one())

        assert [] == list(await queue.store.settle([queue.done(first), queue.postponed(rest)]))
        assert [QueueState.DUE] == await queue.states()

    @clause
    async def test_d06_stale_claims_settle_nothing(self, queue: Bench) -> None:
        """Somebody else has it: the old owner changes nothing, and what follows is not sent."""
        await queue.add(queue.mail())
        old = await queue.claim_one("first")
        queue.wait(seconds=queue.store.lease_seconds)
        new = await queue.claim_one("second")
        stale = await queue.store.settle([queue.done(old, queue.mail("REPORT"))])

        assert [old] == list(stale)
        assert ["A1"] == await queue.ids()
        assert [QueueState.CLAIMED] == await queue.states()
        assert [] == list(await queue.store.settle([queue.done(new)]))
        assert [] == await queue.ids()

    @clause
    async def test_d06_stale_after_release(self, queue: Bench) -> None:
        """What was given back is nobody's."""
        await queue.add(queue.mail())
        claim = await queue.claim_one()
        await queue.store.release([claim])

        assert [claim] == list(await queue.store.settle([queue.done(claim)]))
        assert [QueueState.DUE] == await queue.states()

    @clause
    async def test_d06_stale_after_recover(self, queue: Bench) -> None:
        """Nor what the next life of its owner took back."""
        [claim] = await queue.add(queue.mail(), owner="first")
        await queue.store.recover("first")

        assert [claim] == list(await queue.store.settle([queue.done(claim)]))
        assert [QueueState.DUE] == await queue.states()

    @clause
    async def test_settle_twice(self, queue: Bench) -> None:
        """The second time it is stale: in two calls, and in one."""
        claims = await queue.add(queue.mail("A1"), queue.mail("A2"), owner="me")
        first, second = claims
        await queue.store.settle([queue.postponed(first)])

        assert [first] == list(await queue.store.settle([queue.done(first)]))
        once = queue.postponed(second)
        assert [second] == list(await queue.store.settle([once, queue.done(second)]))
        assert ["A1", "A2"] == await queue.ids()

    @clause
    async def test_settle_what_was_never_there(self, queue: Bench) -> None:
        """A claim of a message that is gone is stale."""
        [claim] = await queue.add(queue.mail(), owner="me")
        await queue.store.settle([queue.done(claim)])
        strange = replace(claim, queue_id=QueueID("NOBODY"))

        assert [claim, strange] == list(
            await queue.store.settle([queue.done(claim), queue.done(strange)])
        )

    @clause
    async def test_settle_the_good_beside_the_stale(self, queue: Bench) -> None:
        """Of several settlements in one call, the stale one alone is left out."""
        claims = await queue.add(*queue.mails(3), owner="me")
        await queue.store.release([claims[1]])
        stale = await queue.store.settle([queue.done(claim) for claim in claims])

        assert [claims[1].queue_id] == mail_ids(stale) == await queue.ids()

    @clause
    async def test_settle_and_what_follows(self, queue: Bench) -> None:
        """Done and its report are one step: one is gone, the other there, due at once."""
        [claim] = await queue.add(queue.mail(), owner="me")
        await queue.store.settle([queue.done(claim, queue.mail("R1"), queue.mail("R2"))])

        assert ["R1", "R2"] == await queue.ids()
        assert ["R1", "R2"] == sorted(mail_ids(await queue.claim()))

    @clause
    async def test_settle_none_if_what_follows_cannot_be_kept(self, queue: Bench) -> None:
        """A report that cannot be written leaves the message where it was."""
        claims = await queue.add(queue.mail("A1"), queue.mail("A2"), owner="me")
        report = queue.mail("R1", content=Unreadable(100))
        settlements = [queue.done(claims[0]), queue.done(claims[1], report)]
        try:
            await queue.store.settle(settlements)
        except QueueError:
            pass
        else:
            raise AssertionError("QueueError expected")

        assert ["A1", "A2"] == await queue.ids()
        assert [QueueState.CLAIMED] == await queue.states()
        assert [] == list(await queue.store.settle([queue.done(claim) for claim in claims]))

    @clause
    async def test_settle_what_follows_is_idempotent(self, queue: Bench) -> None:
        """A report with an id that is there already is left out."""
        await queue.add(queue.mail("R1", held="mark"))
        claims = await queue.add(queue.mail("A1"), queue.mail("A2"), owner="me")
        await queue.store.settle([queue.done(claim, queue.mail("R1")) for claim in claims])

        assert ["R1"] == await queue.ids()
        assert [QueueState.HELD] == await queue.states("R1")

    @clause
    async def test_settle_at_once_by_many(self, queue: Bench) -> None:
        """Fifty calls side by side; then again, and all of them are stale."""
        claims = await queue.add(*queue.mails(50), owner="me")
        stale = await gather(queue.store.settle([queue.done(claim)]) for claim in claims)
        again = await gather(queue.store.settle([queue.done(claim)]) for claim in claims)

        assert [[]] * 50 == [list(each) for each in stale]
        assert [[claim] for claim in claims] == [list(each) for each in again]

    @clause
    async def test_settle_the_same_at_once(self, queue: Bench) -> None:
        """Of two calls for one claim one is stale, and what follows comes once."""
        [claim] = await queue.add(queue.mail(), owner="me")
        stale = await gather(
            queue.store.settle([queue.done(claim, queue.mail(f"R{n}"))]) for n in range(2)
        )

        assert [0, 1] == sorted(len(each) for each in stale)
        assert 1 == len(await queue.ids())

    @clause
    async def test_settle_survives_a_restart(self, queue: Bench) -> None:
        """Done is gone for good, deferred is due when it was to be."""
        claims = await queue.add(queue.mail("A1"), queue.mail("A2"), owner="me")
        report = queue.mail("R1", content=b"report")
        await queue.store.settle([queue.done(claims[0], report), queue.postponed(claims[1])])
        await queue.restart()

        assert ["A2", "R1"] == await queue.ids()
        assert ["R1"] == mail_ids(await queue.claim())
        queue.wait(hours=1)
        [recipient] = (await queue.entry("A2")).recipients
        assert (NOT_NOW, 1) == (recipient.reply, recipient.attempts)
        assert "A2" in mail_ids(await queue.claim("other"))

    @clause
    async def test_settle_a_claim_from_before_a_restart(self, queue: Bench) -> None:
        """The store was restarted, its owner was not: the claim is good until it is recovered."""
        claims = await queue.add(queue.mail("A1"), queue.mail("A2"), owner="me")
        await queue.restart()

        assert [] == list(await queue.store.settle([queue.done(claims[0])]))
        await queue.store.recover("me")
        assert [claims[1]] == list(await queue.store.settle([queue.done(claims[1])]))
        assert ["A2"] == await queue.ids()


def _split(claim: Claim) -> tuple[Claim, Claim]:
    first, *rest = claim.recipients
    return replace(claim, recipients=(first,)), replace(claim, recipients=tuple(rest))
