"""
Tests for dead destinations, with a runner and a store.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from pymta.interfaces.content import Lane
from pymta.interfaces.delivery import Attempt, Result
from pymta.interfaces.queue import (
    QueueQuery,
    RetryNow,
)
from pymta.interfaces.routing import Drop
from pymta.queue.memory import MemoryQueueStore
from pymta.queue.queue import Queue
from pymta.queue.retry import RetryRules
from pymta.queue.schedule import Schedule, ScheduleLimits
from tests.queue.house import (
    NO_ANSWER,
    RELAY,
    SILENCE,
    YES,
    Agent,
    House,
    Reporter,
    Table,
    mail,
    outcome,
)


def test_a_dead_destination_is_suspended_and_probed() -> None:
    """Five failures; then nothing is tried for five minutes, then one, then all of it."""
    answers: list[object] = [NO_ANSWER] * 5
    house = House(Agent(*answers, YES)).begin()
    house.do(house.queue.submit([mail(number) for number in range(20)]))
    house.settle()
    assert len(house.agent.attempts) == 5
    [suspended] = house.do(house.store.statistics()).suspended
    assert (suspended.lane, suspended.reason) == (RELAY, str(SILENCE))
    house.run(290)
    assert len(house.agent.attempts) == 5
    house.run(320)
    assert house.entries() == []


def test_a_dead_destination_does_not_keep_others_waiting() -> None:
    """With 90 % of the mail for it and a small window, the others are delivered at once."""

    def answer(attempt: Attempt) -> Sequence[Result]:
        dead = attempt.next_hop == RELAY.next_hop
        return [Result(each.id, NO_ANSWER if dead else outcome(YES)) for each in attempt.recipients]

    schedule = Schedule(ScheduleLimits(window=64, per_lane=20))
    lanes = {f"u{number}": Lane("relay", f"h{number % 5}") for number in range(50)}
    house = House(Agent(answer), Table(lanes), schedule=schedule).begin()
    house.send(*(mail(number) for number in range(1000, 1450)))
    house.send(*(mail(n, f"u{n}", lane=lanes[f"u{n}"]) for n in range(50)))
    house.run(2, 0.02)
    assert {entry.id for entry in house.entries()} == {f"M{number}" for number in range(1000, 1450)}
    dead = [attempt for attempt in house.agent.attempts if attempt.next_hop == RELAY.next_hop]
    assert len(dead) == 5


def test_retry_now_ends_a_suspension() -> None:
    """A person knows that it is back."""
    answers: list[object] = [NO_ANSWER] * 5
    house = House(Agent(*answers, YES)).begin()
    house.do(house.queue.submit([mail(number) for number in range(10)]))
    house.settle()
    house.run(30)
    house.do(house.queue.change(QueueQuery(), RetryNow()))
    house.settle()
    assert house.entries() == []


def test_a_suspension_that_the_store_does_not_take_is_told_again() -> None:
    """Meanwhile the lane is left alone from here."""

    class Deaf(MemoryQueueStore):
        deaf = True

        async def suspend(self, lane: Lane, until: datetime, reason: str) -> None:
            if self.deaf:
                raise RuntimeError("suspend")
            await super().suspend(lane, until, reason)

    house = House()
    store = Deaf(house.now)
    agent = Agent(NO_ANSWER)
    runner = house.make(store=store, agent=agent)
    house.do(runner.start())
    house.do(Queue(store, runner).submit([mail(number) for number in range(10)]))
    house.run(20)
    assert len(agent.attempts) == 5
    store.deaf = False
    house.run(31)
    assert len(agent.attempts) == 5
    assert len(house.do(store.statistics()).suspended) == 1


def test_old_mail_to_a_dead_lane_is_not_kept_for_ever() -> None:
    """All of it fails when its time is over, though the lane is probed by one at a time."""
    reports = Reporter()
    house = House(
        Agent(NO_ANSWER),
        reports=reports,
        schedule=Schedule(ScheduleLimits(per_lane=20), RetryRules(life=timedelta(hours=6))),
        router=Table({"alice": Drop("enough")}),
    ).begin()
    house.send(*(mail(number) for number in range(300)))
    house.run(9 * 3600, 60)
    failed = [notice for notice in reports.notices if notice.until is None]
    assert len(failed) == 300
    assert house.entries() == []
    assert len(house.agent.attempts) < 60
