"""
Tests for what a process has of the queue, and what it may take besides.
"""

from __future__ import annotations

from pymta.interfaces.queue import Claim
from pymta.queue.holdings import Holdings
from pymta.queue.schedule import Schedule, ScheduleLimits, Work
from tests.queue.house import RELAY, START, claim, mail

TWO, THREE = mail(1, "a", "b"), mail(2, "c", "d", "e")


def holdings(window: int, per_lane: int = 200) -> tuple[Holdings, Schedule]:
    """With room for so many."""
    schedule = Schedule(ScheduleLimits(window=window, per_lane=per_lane))
    return Holdings(schedule), schedule


def wait_in(schedule: Schedule, held: Claim) -> Work:
    """Its recipients wait in their lane."""
    work = Work(
        claim=held,
        lane=held.lane,
        recipients=tuple(each.recipient for each in held.recipients),
        taken=START,
    )
    assert schedule.add(work, START) is None
    return work


def test_what_is_reserved_takes_room() -> None:
    """Until it was added, from when on the claims do."""
    ours, _ = holdings(4)

    assert ours.reserve([TWO])
    assert 2 == ours.room().limit
    assert not ours.reserve([THREE])
    ours.leases.take(claim(1, "a", "b"))
    ours.release([TWO])
    assert 2 == ours.room().limit
    assert not ours.reserve([THREE])
    ours.leases.end(claim(1, "a", "b"))
    assert ours.reserve([THREE])


def test_nothing_is_reserved_for_a_full_lane() -> None:
    """Where a lane has its share waiting, its next mail goes by the queue."""
    ours, schedule = holdings(100, per_lane=2)
    wait_in(schedule, claim(1, "a", "b"))

    assert not ours.reserve([mail(2)])
    assert ours.reserve([mail(2, lane=None)])


def test_room_is_told_once() -> None:
    """Nothing is said where there was room before, or is none yet."""
    ours, _ = holdings(2)

    assert not ours.has_come(None)
    ours.leases.take(claim(1, "a", "b"))
    assert 0 == ours.room().limit
    assert not ours.has_come(None)
    ours.leases.end(claim(1, "a", "b"))
    assert ours.has_come(None)
    assert not ours.has_come(None)


def test_room_in_a_lane_is_told_once() -> None:
    """Of the lane that had its share, and of no other."""
    ours, schedule = holdings(100, per_lane=2)
    wait_in(schedule, claim(1, "a", "b"))

    assert {RELAY} == set(ours.room().without)
    assert not ours.has_come(RELAY)
    schedule.drain()
    assert not ours.has_come(None)
    assert ours.has_come(RELAY)
    assert not ours.has_come(RELAY)


def test_nothing_is_claimed_of_a_lane_that_is_being_suspended() -> None:
    """Until the store knows."""
    ours, _ = holdings(100)
    ours.suspending.add(RELAY)

    assert {RELAY} == set(ours.room().without)
