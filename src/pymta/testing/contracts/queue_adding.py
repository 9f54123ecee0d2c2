"""
Clauses of ``add``: what is taken, whole or not at all, and once.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from pymta.address import Address
from pymta.aio import CancelledError, deferred, gather
from pymta.envelope import (
    Body,
    Envelope,
    Notify,
    OriginalRecipient,
    Recipient,
    RecipientID,
    Return,
    Sender,
)
from pymta.errors import QueueError, StoreClosed
from pymta.interfaces.content import UNROUTED, Origin
from pymta.interfaces.queue import Claimed, QueueQuery, QueueState, Remove
from pymta.session import TLS, Endpoint, Role, Session
from pymta.testing.contracts.queue_case import (
    LANE,
    OTHER_LANE,
    Bench,
    claimed_ids,
    clause,
    mail_ids,
)
from pymta.testing.contracts.queue_contents import Unreadable

__all__ = ["AddingClauses"]


class AddingClauses:
    """What ``add`` promises."""

    @clause
    async def test_add_keeps_every_field(self, queue: Bench) -> None:
        """What MAIL and RCPT said, who brought it and when comes back as it was given."""
        sender = Sender(
            reverse_path=Address("größe", "bücher.example"),
            size=1234,
            body=Body.EIGHT_BIT,
            smtputf8=True,
            ret=Return.HEADERS,
            envid="QQ314159",
            auth="",
        )
        recipient = Recipient(
            id=RecipientID(7),
            address=Address("a b", "[192.0.2.7]"),
            notify=Notify.SUCCESS | Notify.DELAY,
            orcpt=OriginalRecipient("rfc822", "a b@example.org"),
        )
        session = Session(
            id="s1",
            role=Role.SUBMISSION,
            peer=Endpoint("2001:db8::1", 4000),
            local=Endpoint("2001:db8::2", 587),
            started=queue.now(),
            proxy=Endpoint("192.0.2.9", 1),
            name="client.example",
            helo="[192.0.2.1]",
            extended=True,
            tls=TLS(version="TLSv1.3", cipher="X", server_name="mx.example"),
            identity="me",
            mechanism="PLAIN",
        )
        mail = queue.mail(
            envelope=Envelope(sender=sender, recipients=(recipient,)),
            origin=Origin(session, Sender(reverse_path=None)),
            arrived=queue.later(microseconds=1),
            bounceable=False,
            priority=-3,
        )
        await queue.add(mail)
        entry = await queue.entry()

        assert sender == entry.sender
        assert recipient == entry.recipients[0].recipient
        assert mail.origin == entry.origin
        assert mail.arrived == entry.arrived
        assert (False, -3) == (entry.bounceable, entry.priority)

    @clause
    async def test_add_claims_nothing_for_nobody(self, queue: Bench) -> None:
        """Without an owner nothing comes back, and it is due."""
        assert [] == list(await queue.add(queue.mail()))
        assert [QueueState.DUE] == await queue.states()

    @clause
    async def test_add_nothing(self, queue: Bench) -> None:
        """No mails are no change."""
        assert [] == list(await queue.store.add([], "first"))
        assert [] == await queue.ids()

    @clause
    async def test_add_several_mails(self, queue: Bench) -> None:
        """One call may bring several."""
        await queue.add(queue.mail("A1"), queue.mail("A2"), queue.mail("A3"))

        assert ["A1", "A2", "A3"] == await queue.ids()

    @clause
    async def test_add_claims_for_its_owner(self, queue: Bench) -> None:
        """With an owner, what is due and routed comes back claimed, as by ``claim``."""
        mail = queue.mail("A1", "one@example.net", "two@example.net", priority=4)
        [claim] = await queue.add(mail, owner="first")

        assert ("A1", LANE, "first") == (claim.queue_id, claim.lane, claim.owner)
        assert queue.later(seconds=queue.store.lease_seconds) == claim.until
        assert tuple(Claimed(recipient=r) for r in mail.envelope.recipients) == claim.recipients
        assert mail.envelope.sender == claim.sender
        assert mail.origin == claim.origin
        assert (mail.arrived, True, 4) == (claim.arrived, claim.bounceable, claim.priority)
        assert [QueueState.CLAIMED] * 2 == await queue.states()
        assert [] == list(await queue.claim("second"))

    @clause
    async def test_add_claims_by_lane(self, queue: Bench) -> None:
        """A mail to two lanes is two claims."""
        lanes = {"two@example.org": OTHER_LANE}
        mail = queue.mail("A1", "one@example.net", "two@example.org", "x@example.net", lanes=lanes)
        claims = await queue.add(mail, owner="first")

        assert {LANE: 2, OTHER_LANE: 1} == {c.lane: len(c.recipients) for c in claims}

    @clause
    async def test_add_does_not_claim_what_is_due_later(self, queue: Bench) -> None:
        """A mail for later is kept, and claimed when its time has come."""
        mail = queue.mail(due=queue.later(minutes=5))

        assert [] == list(await queue.add(mail, owner="first"))
        queue.wait(minutes=5)
        assert ["A1"] == mail_ids(await queue.claim())

    @clause
    async def test_add_does_not_claim_what_is_held(self, queue: Bench) -> None:
        """A mail that is held is kept with its reason, and nobody gets it."""
        assert [] == list(await queue.add(queue.mail(held="looks odd"), owner="first"))
        [recipient] = (await queue.entry()).recipients

        assert (QueueState.HELD, "looks odd") == (recipient.state, recipient.reason)
        assert [] == list(await queue.claim())

    @clause
    async def test_add_does_not_claim_what_is_not_routed(self, queue: Bench) -> None:
        """Recipients without a lane wait; the others of the same mail are claimed."""
        lanes = {"two@example.net": None}
        mail = queue.mail("A1", "one@example.net", "two@example.net", lanes=lanes)
        claims = await queue.add(mail, owner="first")

        assert [("A1", 1)] == claimed_ids(claims)
        rest = await queue.claim()
        assert [("A1", 2)] == claimed_ids(rest)
        assert UNROUTED == rest[0].lane

    @clause
    async def test_add_does_not_claim_from_suspended_lanes(self, queue: Bench) -> None:
        """A suspended lane gives nothing, to ``add`` as to ``claim``; no strike is counted."""
        await queue.store.suspend(LANE, queue.later(minutes=10), "no route to host")

        assert [] == list(await queue.add(queue.mail(), owner="first"))
        assert [QueueState.DUE] == await queue.states()
        assert [] == list(await queue.claim())
        queue.wait(minutes=10)
        assert 1 == (await queue.claim_one()).fence

    @clause
    async def test_add_twice_is_once(self, queue: Bench) -> None:
        """An id that is there is left out: nothing changes and nothing is claimed."""
        await queue.add(queue.mail(), owner="first")
        other = queue.mail("A1", "two@example.net", content=b"other")

        assert [] == list(await queue.add(other, owner="second"))
        [recipient] = (await queue.entry()).recipients
        assert "one@example.net" == str(recipient.recipient.address)

    @clause
    async def test_add_twice_in_one_call_is_once(self, queue: Bench) -> None:
        """The same within one call."""
        claims = await queue.add(queue.mail(), queue.mail(), owner="first")

        assert ["A1"] == mail_ids(claims)
        assert 1 == (await queue.store.statistics()).messages

    @clause
    async def test_add_leaves_out_only_what_is_there(self, queue: Bench) -> None:
        """New mails beside a known one are added."""
        await queue.add(queue.mail("A1"))
        await queue.add(queue.mail("A1"), queue.mail("A2"))

        assert ["A1", "A2"] == await queue.ids()

    @clause
    async def test_add_after_settling_is_left_out_for_an_hour(self, queue: Bench) -> None:
        """An ``add`` in doubt may be repeated even when its mail was delivered meanwhile."""
        [claim] = await queue.add(queue.mail(), owner="first")
        await queue.store.settle([queue.done(claim)])
        queue.wait(minutes=59)

        assert [] == list(await queue.add(queue.mail(), owner="first"))
        assert [] == await queue.ids()

    @clause
    async def test_add_after_an_hour_is_new(self, queue: Bench) -> None:
        """Then the id is forgotten: the memory of ids is bounded."""
        [claim] = await queue.add(queue.mail(), owner="first")
        await queue.store.settle([queue.done(claim)])
        queue.wait(minutes=61)
        [claim] = await queue.add(queue.mail("A2"), owner="first")
        await queue.store.settle([queue.done(claim)])
        await queue.add(queue.mail())

        assert ["A1"] == await queue.ids()

    @clause
    async def test_add_all_or_none(self, queue: Bench) -> None:
        """One content that cannot be read, and none of the call is kept."""
        try:
            await queue.add(queue.mail("A1"), queue.mail("A2", content=Unreadable(200_000)))
        except QueueError:
            pass
        else:
            raise AssertionError("QueueError expected")

        assert [] == await queue.ids()
        assert 0 == await queue.case.kept_octets(queue.store)

    @clause
    async def test_add_cancelled_is_whole_or_absent(self, queue: Bench) -> None:
        """Cancelling is not undoing: all three mails are kept, or none."""
        adding = deferred(queue.add(*queue.mails(3, content=b"x" * 100_000)))
        adding.cancel()
        try:
            await adding
        except CancelledError:
            pass
        await queue.add(queue.mail("A1"))  # whatever was under way has ended

        assert len(await queue.ids()) in (1, 4)

    @clause
    async def test_add_at_once_by_many(self, queue: Bench) -> None:
        """Fifty calls side by side, each gets its own."""
        mails = queue.mails(50)
        added = await gather(queue.add(mail, owner="first") for mail in mails)

        assert [[mail.id] for mail in mails] == [mail_ids(claims) for claims in added]
        assert sorted(mail.id for mail in mails) == sorted(await queue.ids())

    @clause
    async def test_add_the_same_at_once(self, queue: Bench) -> None:
        """Of two calls with one id, one wins."""
        added = await gather(queue.add(queue.mail(), owner="first") for _ in range(10))

        assert ["A1"] == [each.queue_id for claims in added for each in claims]
        assert ["A1"] == await queue.ids()

    @clause
    async def test_add_one_bad_among_many_fails_alone(self, queue: Bench) -> None:
        """What others add at the same time is kept."""
        bad = deferred(queue.add(queue.mail("BAD", content=Unreadable(10))))
        _ = bad.addErrback(lambda failure: failure.trap(QueueError))
        await gather(queue.add(mail) for mail in queue.mails(10))
        await bad

        assert 10 == len(await queue.ids())

    @clause
    async def test_add_ten_thousand_mails(self, queue: Bench) -> None:
        """A queue of ten thousand is claimed and settled like one of ten."""
        mails = queue.mails(10_000)
        for start in range(0, 10_000, 1_000):
            await queue.store.add(mails[start : start + 1_000])

        assert 10_000 == (await queue.store.statistics()).messages
        taken: list[str] = []
        while claims := await queue.claim(limit=2_500):
            taken += mail_ids(claims)
            assert [] == list(await queue.store.settle([queue.done(c) for c in claims]))
        assert [mail.id for mail in mails] == sorted(taken)
        assert 0 == (await queue.store.statistics()).messages

    @clause
    async def test_add_ten_thousand_recipients(self, queue: Bench) -> None:
        """One mail may be larger than a claim."""
        to = [f"r{n}@example.net" for n in range(10_000)]
        await queue.add(queue.mail("A1", *to))
        [claim] = await queue.claim(limit=3_000)

        assert 3_000 == len(claim.recipients)
        assert [] == list(await queue.store.settle([queue.done(claim)]))
        counts = (await queue.store.statistics()).recipients
        assert 7_000 == counts[QueueState.DUE]

    @clause
    async def test_add_survives_a_restart(self, queue: Bench) -> None:
        """What was added is there after a crash."""
        await queue.add(queue.mail("A1"), queue.mail("A2", held="odd"))
        await queue.restart()

        assert ["A1", "A2"] == await queue.ids()
        assert ["A1"] == mail_ids(await queue.claim())
        [held] = (await queue.entry("A2")).recipients
        assert "odd" == held.reason

    @clause
    async def test_add_is_known_after_a_restart(self, queue: Bench) -> None:
        """Ids that are there or settled within the hour are known to the next process."""
        await queue.add(queue.mail("A1"))
        [claim] = await queue.add(queue.mail("A2"), owner="first")
        await queue.store.settle([queue.done(claim)])
        await queue.restart()
        await queue.add(queue.mail("A1"), queue.mail("A2"))

        assert ["A1"] == await queue.ids()

    @clause
    async def test_closed_store_takes_nothing(self, queue: Bench) -> None:
        """After ``close`` everything raises StoreClosed."""
        [claim] = await queue.add(queue.mail(), owner="first")
        await queue.case.close_store(queue.store)
        store = queue.store
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "add": lambda: store.add([queue.mail("A2")]),
            "recover": lambda: store.recover("first"),
            "claim": lambda: store.claim("first", queue.now(), 1, 1),
            "renew": lambda: store.renew([claim], queue.later(hours=1)),
            "release": lambda: store.release([claim]),
            "settle": lambda: store.settle([queue.done(claim)]),
            "suspend": lambda: store.suspend(LANE, queue.later(hours=1), ""),
            "next_due": lambda: store.next_due(queue.now()),
            "select": lambda: store.select(QueueQuery()),
            "statistics": lambda: store.statistics(),
            "change": lambda: store.change(QueueQuery(), Remove()),
        }
        for name, call in calls.items():
            try:
                await call()
            except StoreClosed:
                continue
            raise AssertionError(f"{name} of a closed store did not raise StoreClosed")

    @clause
    async def test_lease_is_what_it_says(self, queue: Bench) -> None:
        """``lease_seconds`` is how long a claim of ``claim`` lasts, too."""
        await queue.add(queue.mail())

        assert timedelta(seconds=queue.store.lease_seconds) == (
            (await queue.claim_one()).until - queue.now()
        )
