"""
Tests for the runner: the way of a message, the window, and life from start to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pymta.address import Address
from pymta.aio import CancelledError, sleep, start
from pymta.envelope import Recipient, RecipientID
from pymta.events import Attempted, Discarded, Faulted, Stale
from pymta.interfaces.content import UNROUTED, Lane, NewMail
from pymta.interfaces.delivery import Attempt, Result
from pymta.interfaces.queue import (
    Claim,
    QueueQuery,
    QueueState,
    Reroute,
    RetryNow,
    Settlement,
)
from pymta.interfaces.routing import Drop, Via
from pymta.outcome import Dropped, Relayed
from pymta.queue.memory import MemoryQueueStore
from pymta.queue.queue import Queue
from pymta.queue.schedule import AgentRules, Schedule, ScheduleLimits
from pymta.reply import Reply
from tests.queue.house import (
    LATER,
    RELAY,
    START,
    YES,
    Agent,
    Counting,
    House,
    Table,
    mail,
    names,
    outcome,
)


def test_what_is_submitted_is_delivered_at_once() -> None:
    """One attempt, and the queue is empty; the agent sees what it needs."""
    house = House().begin()
    house.send(mail(1, "bob", "carol"))
    [attempt] = house.agent.attempts
    assert (attempt.queue_id, attempt.number, attempt.next_hop) == ("M1", 1, "next.example")
    assert names([attempt]) == [["bob", "carol"]]
    assert house.entries() == []


def test_a_message_costs_two_commits() -> None:
    """To take it and to settle it; no claim in between."""
    house = House()
    store = Counting(house.now)
    runner = house.make(store=store)
    house.do(runner.start())
    house.do(Queue(store, runner).submit([mail(1)]))
    house.settle()
    assert store.calls == ["add", "settle"]


def test_what_ends_while_a_commit_runs_is_settled_together() -> None:
    """A hundred endings are two settlements, not a hundred."""

    class Slow(Counting):
        async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Claim]:
            waiting: Deferred[None] = Deferred()
            house.clock.callLater(0.5, waiting.callback, None)
            await waiting
            return await super().settle(settlements)

    house = House()
    store = Slow(house.now)
    runner = house.make(store=store)
    house.do(runner.start())
    lanes = [Lane("relay", f"h{number}") for number in range(100)]
    house.router.routes = {f"u{number}": lane for number, lane in enumerate(lanes)}
    for number, lane in enumerate(lanes):
        house.do(Queue(store, runner).submit([mail(number, f"u{number}", lane=lane)]))
    house.run(3, 0.1)
    assert store.calls.count("settle") == 2
    assert house.do(store.statistics()).messages == 0


def test_an_event_tells_of_each_recipient_and_attempt() -> None:
    """With its delays: before the runner had it, before the attempt, during it."""
    house = House(Agent("wait")).begin()
    house.run(10)
    house.send(mail(1))
    house.run(5)
    house.agent.waiting[0].callback(None)
    house.settle()
    [event] = house.told.of(Attempted)
    assert (event.queue_id, event.number, event.agent, event.final) == ("M1", 1, "relay", True)
    assert (event.next_hop, event.outcome) == ("next.example", Relayed(YES, dsn=False))
    assert event.delays.before_queue >= timedelta(seconds=10)
    assert event.delays.in_queue < timedelta(seconds=1)
    assert timedelta(seconds=5) <= event.delays.transmission < timedelta(seconds=6)


def test_a_failure_that_may_pass_is_tried_again_until_it_does() -> None:
    """After five minutes, after ten more, and then it is through."""
    house = House(Agent(LATER, LATER, YES)).begin()
    house.send(mail(1))
    [entry] = house.entries()
    assert (entry.recipients[0].attempts, entry.recipients[0].reply) == (1, LATER)
    assert START <= entry.recipients[0].due - timedelta(minutes=5) < START + timedelta(seconds=1)
    house.run(301)
    assert len(house.agent.attempts) == 2
    house.run(598)
    assert len(house.agent.attempts) == 2
    house.run(5)
    assert [attempt.number for attempt in house.agent.attempts] == [1, 2, 3]
    assert house.entries() == []
    assert [event.final for event in house.told.of(Attempted)] == [False, False, True]


def test_one_of_two_recipients_fails_for_now() -> None:
    """Only that one is tried again."""

    def half(attempt: Attempt) -> Sequence[Result]:
        answers = {"bob": YES, "carol": LATER}
        return [
            Result(each.id, outcome(answers[each.address.local])) for each in attempt.recipients
        ]

    house = House(Agent(half, YES)).begin()
    house.send(mail(1, "bob", "carol"))
    house.run(301)
    assert names(house.agent.attempts) == [["bob", "carol"], ["carol"]]
    assert house.entries() == []


def test_recipients_go_in_groups_that_their_agent_takes() -> None:
    """No attempt has more than the limit, and each recipient is in one."""
    house = House(Agent(recipient_limit=2)).begin()
    house.send(mail(1, "a", "b", "c", "d", "e"))
    assert sorted(names(house.agent.attempts)) == [["a", "b"], ["c", "d"], ["e"]]


def test_what_nobody_routed_is_routed_when_it_is_due() -> None:
    """A mail without lanes is claimed and goes where the router says."""
    house = House().begin()
    house.send(mail(1, lane=None))
    assert names(house.agent.attempts) == [["bob"]]
    assert house.entries() == []


def test_a_mail_is_routed_again_at_each_attempt() -> None:
    """Tables change while mail waits; the lane in the store follows at the next failure."""
    house = House(Agent(LATER)).begin()
    house.send(mail(1))
    moved = Lane("relay", "other.example")
    house.router.routes["bob"] = moved
    house.run(301)
    assert [attempt.next_hop for attempt in house.agent.attempts] == [
        "next.example", "other.example",
    ]  # fmt: skip
    assert house.entries()[0].recipients[0].lane == moved


def test_an_alias_changes_the_address_and_not_the_id() -> None:
    """The agent gets the routed address; the store keeps the original."""
    house = House(Agent(LATER), Table()).begin()
    bobby = Recipient(id=RecipientID(1), address=Address("bobby", "example.test"))
    house.router.routes["bob"] = Via(lane=RELAY, recipient=bobby)
    house.send(mail(1))
    assert names(house.agent.attempts) == [["bobby"]]
    assert str(house.entries()[0].recipients[0].recipient) == "bob@example.test"


def test_a_dropped_recipient_is_gone_and_told_of() -> None:
    """/dev/null is an end like others, and no delivery."""
    house = House(router=Table({"bob": Drop("alias to nothing")})).begin()
    house.send(mail(1))
    assert house.entries() == []
    [event] = house.told.of(Discarded)
    assert (event.queue_id, event.reason) == ("M1", "alias to nothing")
    [attempted] = house.told.of(Attempted)
    assert (attempted.outcome, attempted.final) == (Dropped(Reply(250, "2.0.0", "Dropped")), True)


def test_a_routers_surprise_is_a_failure_that_may_pass() -> None:
    """It is logged with its number, and tried again."""
    house = House(router=Table({"bob": RuntimeError("table")})).begin()
    house.send(mail(1, "bob", "carol"))
    assert names(house.agent.attempts) == [["carol"]]
    [entry] = house.entries()
    assert entry.recipients[0].reply == Reply(451, "4.3.0", "Internal error (F1)")
    assert house.told.of(Faulted) == [Faulted("F1", "routing M1 to bob@example.test")]
    house.router.routes.clear()
    house.run(301)
    assert house.entries() == []


def test_the_window_bounds_what_is_claimed() -> None:
    """However much is due, and however it came: handed over or claimed."""
    schedule = Schedule(ScheduleLimits(window=32, per_lane=20))
    lanes = {f"u{number}": Lane("relay", f"h{number}") for number in range(200)}
    house = House(Agent("wait"), Table(lanes), schedule=schedule).begin()
    for n in range(200):
        house.send(mail(n, f"u{n}", lane=lanes[f"u{n}"]))
    assert house.states().count(QueueState.CLAIMED) <= 32
    while house.agent.waiting:
        house.agent.waiting.pop(0).callback(None)
        house.run(0.04, 0.02)
        assert house.states().count(QueueState.CLAIMED) <= 32
    house.settle()
    assert house.entries() == []


def test_priority_goes_first() -> None:
    """Of what waits in a lane with room for one."""
    agents = {"relay": AgentRules(lane_initial=1, lane_most=1)}
    house = House(Agent("wait", YES), schedule=Schedule(agents=agents)).begin()
    for number in range(5):
        house.send(mail(number, priority=number % 3))
    house.agent.waiting[0].callback(None)
    house.settle()
    assert [attempt.queue_id for attempt in house.agent.attempts] == ["M0", "M2", "M1", "M4", "M3"]


def test_stop_gives_back_what_has_not_ended() -> None:
    """Attempts under way have a moment, then are cancelled; all is due again, without a strike."""
    house = House(Agent("wait")).begin()
    house.send(*(mail(number) for number in range(10)))
    assert house.states() == [QueueState.CLAIMED] * 10
    house.do(house.runner.stop())
    assert (house.agent.cancelled, house.states()) == (5, [QueueState.DUE] * 10)
    house.run(600)
    assert len(house.agent.attempts) == 5
    [first, *_] = house.entries()
    assert first.recipients[0].attempts == 0


def test_stop_settles_what_ends_in_time() -> None:
    """An attempt that ends within the grace is not repeated."""
    house = House(Agent("wait")).begin()
    house.send(mail(1))
    house.clock.callLater(1, lambda: house.agent.waiting[0].callback(None))
    house.do(house.runner.stop())
    assert (house.agent.cancelled, house.entries()) == (0, [])


def test_stop_ends_though_the_store_does_not_answer() -> None:
    """Within its limit; the leases will run out."""

    class Mute(MemoryQueueStore):
        async def release(self, claims: Sequence[Claim]) -> None:
            await Deferred()

    house = House()
    store = Mute(house.now)
    runner = house.make(store=store)
    house.do(runner.start())
    before = house.clock.seconds()
    house.do(runner.stop())
    assert house.clock.seconds() - before <= 11


def test_what_is_submitted_while_stopping_is_kept() -> None:
    """In the queue, for the next life."""
    house = House().begin()
    house.do(house.runner.stop())
    house.send(mail(1))
    assert house.states() == [QueueState.DUE]
    assert house.agent.attempts == []


def test_a_restart_takes_its_own_claims_back_at_once() -> None:
    """After a crash nothing waits for a lease."""
    house = House(Agent("wait")).begin()
    house.send(mail(1))
    # The clock of the first life stands still.
    then = house.clock.seconds()
    house.clock = Clock()
    house.clock.advance(then)
    agent = Agent(YES)
    again = house.make(agent=agent)
    house.do(again.start())
    house.settle()
    assert names(agent.attempts) == [["bob"]]
    assert house.entries() == []


def test_d06_a_lease_that_ran_out_settles_nothing_and_is_told() -> None:
    """Another owner has the recipient: the duplicate is counted, not hidden."""
    house = House(Agent("wait")).begin()
    house.send(mail(1))
    [row] = list(house.store._rows())
    row.until = house.now()
    other = Agent("wait")
    second = house.make("other", agent=other)
    house.do(second.start())
    house.settle()
    assert len(other.attempts) == 1
    house.agent.waiting[0].callback(None)
    house.settle()
    [stale] = house.told.of(Stale)
    assert stale.queue_id == "M1"
    assert [event.final for event in house.told.of(Attempted)] == [False]
    assert house.states() == [QueueState.CLAIMED]
    other.waiting[0].callback(None)
    house.settle()
    assert house.entries() == []


def test_two_runners_share_one_store() -> None:
    """Each message is delivered once, by one of them."""
    house = House(Agent(YES)).begin()
    other = Agent(YES)
    second = house.make("other", agent=other)
    house.do(second.start())
    house.do(house.store.add([mail(number) for number in range(300)]))
    house.run(5, 0.01)
    delivered = [attempt.queue_id for attempt in (*house.agent.attempts, *other.attempts)]
    assert sorted(delivered) == sorted(f"M{number}" for number in range(300))
    assert house.entries() == []


@pytest.mark.parametrize("failures", [1, 3])
def test_a_settlement_that_fails_is_repeated(failures: int) -> None:
    """The message was delivered; it must not be because of a busy disk that it is again."""

    class Failing(MemoryQueueStore):
        left = failures

        async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Claim]:
            if self.left:
                self.left -= 1
                raise OSError("disk")
            return await super().settle(settlements)

    house = House()
    store = Failing(house.now)
    agent = Agent(YES)
    runner = house.make(store=store, agent=agent)
    house.do(runner.start())
    house.do(Queue(store, runner).submit([mail(1)]))
    house.run(30)
    assert len(agent.attempts) == 1
    assert house.do(store.statistics()).messages == 0


def test_one_settlement_that_fails_does_not_keep_the_others() -> None:
    """The batch is repeated one by one."""

    class Choosy(MemoryQueueStore):
        async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Claim]:
            if any(each.claim.queue_id == "M2" for each in settlements):
                raise OSError("this one")
            return await super().settle(settlements)

    house = House()
    store = Choosy(house.now)
    agent = Agent(YES)
    runner = house.make(store=store, agent=agent)
    house.do(runner.start())
    house.do(Queue(store, runner).submit([mail(1), mail(2), mail(3)]))
    house.run(2)
    page = house.do(store.select(QueueQuery()))
    assert [entry.id for entry in page.entries] == ["M2"]
    assert len(agent.attempts) == 3


def test_a_store_that_cannot_be_claimed_from_is_asked_again() -> None:
    """A moment's trouble does not end the queue."""

    class Failing(MemoryQueueStore):
        left = 2

        async def next_due(self, *args: Any) -> datetime | None:
            if self.left:
                self.left -= 1
                raise OSError("disk")
            return await super().next_due(*args)

    house = House()
    store = Failing(house.now)
    agent = Agent(YES)
    runner = house.make(store=store, agent=agent)
    house.do(store.add([mail(1)]))
    house.do(runner.start())
    house.run(15)
    assert len(agent.attempts) == 1


def test_nothing_is_left_behind_on_the_clock() -> None:
    """After the stop no timer is set: neither of the runner nor of its parts."""
    house = House(Agent(LATER, "wait")).begin()
    house.send(*(mail(number) for number in range(3)))
    house.do(house.queue.submit([mail(9)]))
    house.do(house.runner.stop())
    house.run(0.1)
    assert house.clock.getDelayedCalls() == []


def test_a_window_that_was_full_of_reservations_is_filled_again() -> None:
    """A submission that failed gives its room back, and somebody notices."""
    house = House(schedule=Schedule(ScheduleLimits(window=16))).begin()
    big = mail(1, *(f"u{number}" for number in range(16)))
    assert house.runner.reserve([big]) == "me"
    house.do(house.store.add([mail(2)]))
    house.run(1)
    assert house.agent.attempts == []
    house.runner.hand_over([big], ())
    house.settle()
    assert [attempt.queue_id for attempt in house.agent.attempts] == ["M2"]


def test_a_lane_with_its_share_here_is_left_to_the_queue() -> None:
    """What is submitted to it beyond that is kept without a claim, for a later one."""
    schedule = Schedule(ScheduleLimits(per_lane=8))
    house = House(Agent("wait"), schedule=schedule).begin()
    for number in range(100):
        house.send(mail(number))
    assert house.states().count(QueueState.CLAIMED) <= 5 + 2 * 8


def test_what_became_stale_while_it_waited_is_not_attempted() -> None:
    """Another owner has it: renewing the lease showed that."""
    agents = {"relay": AgentRules(lane_initial=1, lane_most=1)}
    house = House(Agent("wait"), schedule=Schedule(agents=agents)).begin()
    house.send(mail(1))
    house.send(mail(2))
    [_, row] = list(house.store._rows())
    row.until = house.now()
    other = Agent("wait")
    second = house.make("other", agent=other)
    house.do(second.start())
    house.run(120)
    assert [attempt.queue_id for attempt in other.attempts] == ["M2"]
    house.agent.waiting[0].callback(None)
    house.settle()
    assert [attempt.queue_id for attempt in house.agent.attempts] == ["M1"]


def test_what_is_settled_while_leases_are_renewed_takes_nobody_along() -> None:
    """The lease of the other recipients lasts on, and they are attempted."""

    class Slow(MemoryQueueStore):
        async def renew(self, claims: Sequence[Claim], until: datetime) -> Sequence[Claim]:
            if len(house.agent.waiting) == 1:
                house.agent.waiting[0].callback(None)  # settled before the renewal comes in
            return await super().renew(claims, until)

    house = House(Agent("wait", recipient_limit=1))
    house.store = Slow(house.now)
    agents = {"relay": AgentRules(lane_initial=1, lane_most=1)}
    house.runner = house.make(store=house.store, schedule=Schedule(agents=agents))
    house.queue = Queue(house.store, house.runner)
    house.begin()
    house.send(mail(1, "a", "b"))
    house.run(house.store.lease_seconds + 5)
    assert names(house.agent.attempts) == [["a"], ["b"]]
    assert [len(entry.recipients) for entry in house.entries()] == [1]
    house.agent.waiting[1].callback(None)
    house.settle()
    assert (house.entries(), house.told.of(Stale)) == ([], [])


def test_stop_ends_at_once_when_the_store_is_closed() -> None:
    """After an I/O error nothing is taken until a restart: there is nothing to wait for."""
    house = House(Agent("wait")).begin()
    house.send(mail(1), mail(2))
    house.do(house.store.close())
    house.agent.waiting[0].callback(None)
    house.settle()
    before = house.clock.seconds()
    house.do(house.runner.stop())
    assert house.clock.seconds() - before < 4  # the other attempt has its grace
    assert house.told.of(Stale) == []


def test_whoever_gives_up_waiting_for_submit_leaves_it_to_the_queue() -> None:
    """It is committed all the same, and attempted at once, not when the lease ends."""

    class Slow(MemoryQueueStore):
        async def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Sequence[Claim]:
            claims = await super().add(mails, owner)
            try:
                await sleep(house.clock, 1)
            except CancelledError:
                pass  # the writer's thread goes on
            else:
                return claims
            raise CancelledError

    house = House()
    house.store = Slow(house.now)
    house.runner = house.make(store=house.store)
    house.queue = Queue(house.store, house.runner)
    house.begin()
    submitting = start(house.queue.submit([mail(1)]))
    _ = submitting.addErrback(lambda failure: failure.trap(CancelledError))
    submitting.cancel()
    house.run(3)
    assert (names(house.agent.attempts), house.entries()) == ([["bob"]], [])


def test_rerouted_mail_goes_where_it_was_told_to() -> None:
    """At every attempt, whatever the router says; until it is left to the router again."""
    house = House(Agent(LATER)).begin()
    house.send(mail(1))
    other = Lane("relay", "other.example")
    for lane in (other, UNROUTED):
        house.do(house.queue.change(QueueQuery(), Reroute(lane)))
        for _ in range(2):
            house.do(house.queue.change(QueueQuery(), RetryNow()))
            house.settle()
    hops = [attempt.next_hop for attempt in house.agent.attempts]
    assert hops == [RELAY.next_hop] + [other.next_hop] * 2 + [RELAY.next_hop] * 2
