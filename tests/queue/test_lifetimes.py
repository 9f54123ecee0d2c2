"""
Tests for mail whose life ends while its lane is suspended.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from shutil import copytree
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor

from pymta.database import Database
from pymta.database.times import to_microseconds
from pymta.envelope import Notify
from pymta.events import Attempted, HeldBack
from pymta.interfaces.content import UNROUTED, Lane
from pymta.interfaces.queue import Hold, IQueueStore, QueueQuery, QueueState
from pymta.outcome import Failed
from pymta.queue.lifetimes import LOOK_SECONDS, OVERDUE, Lifetimes
from pymta.queue.memory import MemoryQueueStore
from pymta.queue.retry import RetryRules
from pymta.queue.sql import SQLQueueStore
from tests.queue.house import (
    DAY,
    NOBODY,
    RELAY,
    START,
    House,
    Reporter,
    Table,
    mail,
    names,
    with_notify,
)

OTHER = Lane("relay", "other.example")
FOREVER = START + timedelta(days=400)


def suspended(reporter: Reporter) -> House:
    """A house whose lane RELAY nobody may claim from."""
    house = House(reports=reporter).begin()
    house.do(house.store.suspend(RELAY, FOREVER, "they asked us to wait"))
    return house


def test_mail_of_a_suspended_lane_is_reported_at_the_end_of_its_life() -> None:
    """Unattempted, with a reply that says why; before that it waits, and not a day longer."""
    reporter = Reporter()
    house = suspended(reporter)
    house.do(house.store.add([mail(1)]))
    house.run(4.9 * DAY, 300)
    assert [QueueState.DUE] == house.states()
    house.run(0.1 * DAY + 2 * LOOK_SECONDS, 300)
    assert "M1" not in [entry.id for entry in house.entries()]
    assert [] == house.agent.attempts
    [notice] = reporter.notices
    assert isinstance(notice.outcome, Failed)
    assert OVERDUE == notice.outcome.reply


def test_the_observer_hears_the_end() -> None:
    """As of every recipient that leaves the queue."""
    house = suspended(Reporter())
    house.do(house.store.add([mail(1)]))
    house.run(5 * DAY + 2 * LOOK_SECONDS, 300)
    ended = [event for event in house.told.of(Attempted) if event.queue_id == "M1"]
    assert [True] == [event.final for event in ended]


@pytest.mark.parametrize(
    "new",
    [
        pytest.param(mail(1, sender=NOBODY), id="a report"),
        pytest.param(mail(1, bounceable=False), id="not to be bounced"),
    ],
)
def test_what_may_not_be_bounced_is_held(new: Any) -> None:
    """Never silently discarded."""
    house = suspended(Reporter())
    house.do(house.store.add([new]))
    house.run(5 * DAY + 2 * LOOK_SECONDS, 300)
    assert [QueueState.HELD] == house.states()
    [held] = house.told.of(HeldBack)
    assert "4.4.7" in held.reason


def test_who_wants_no_report_gets_none() -> None:
    """NOTIFY=NEVER: it goes without a word."""
    reporter = Reporter()
    house = suspended(reporter)
    house.do(house.store.add([with_notify(mail(1), Notify(0))]))
    house.run(5 * DAY + 2 * LOOK_SECONDS, 300)
    assert ([], []) == (house.entries(), reporter.notices)


def test_what_is_held_stays() -> None:
    """A hold is what keeps mail beyond its life."""
    house = suspended(Reporter())
    house.do(house.store.add([mail(1)]))
    house.do(house.store.change(QueueQuery(), Hold("for the court")))
    house.run(30 * DAY, 900)
    assert [QueueState.HELD] == house.states()


def test_a_lane_that_is_resumed_delivers_what_is_young() -> None:
    """Life goes on counting while it is suspended; what has some left is tried."""
    house = suspended(Reporter())
    house.do(house.store.add([mail(1)]))
    house.run(4 * DAY, 300)
    house.do(house.store.suspend(RELAY, START, ""))
    house.settle()
    assert ([["bob"]], []) == (names(house.agent.attempts), house.entries())


def test_mail_of_no_route_yet_ends_as_well() -> None:
    """What is not routed has a lane too."""
    reporter = Reporter()
    house = House(reports=reporter, router=Table({"alice": OTHER})).begin()
    house.do(house.store.suspend(UNROUTED, FOREVER, "the tables are being rebuilt"))
    house.do(house.store.add([mail(1, lane=None)]))
    house.run(5 * DAY + 2 * LOOK_SECONDS, 300)
    assert 1 == len(reporter.notices)


@ensureDeferred
@pytest.mark.parametrize(
    ("age", "lasts", "failed"),
    [
        pytest.param(6, 400, True, id="old, suspended for long"),
        pytest.param(4, 400, False, id="young"),
        pytest.param(6, 0.05, False, id="the suspension is about to end"),
    ],
)
@pytest.mark.parametrize("kind", ["memory", "sql"])
async def test_which_mail_is_meant(
    kind: str, age: float, lasts: float, failed: bool, queue_template: Path, tmp_path: Path
) -> None:
    """Of either store: what is older than five days in a lane that stays suspended."""
    database = None
    store: IQueueStore = MemoryQueueStore(lambda: START)
    if kind == "sql":
        copytree(queue_template, tmp_path / "q")
        database = Database(
            cast("Any", reactor), str(tmp_path / "q"), now=lambda: to_microseconds(START)
        )
        await database.open()
        store = SQLQueueStore(database)
    try:
        await store.add([mail(1, arrived=START - timedelta(days=age))])
        await store.suspend(RELAY, START + timedelta(days=lasts), "")
        lifetimes = Lifetimes(store, RetryRules(), passing=timedelta(hours=2), now=lambda: START)
        await lifetimes.look()
        await lifetimes.look()
        claims = await store.claim("me", START, 10, 10)
        verdicts = [each.verdict for claim in claims for each in claim.recipients]
        assert ([OVERDUE] if failed else []) == verdicts
    finally:
        if database is not None:
            await database.close()
