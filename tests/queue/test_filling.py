"""
Tests for how often the runner looks for mail that is due.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime

import pytest

from pymta.interfaces.content import Lane
from pymta.queue.memory import MemoryQueueStore
from tests.queue.house import RELAY, START, House, mail


class Looked(MemoryQueueStore):
    """Counts looks: each is a read."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.looks = 0

    async def next_due(self, now: datetime, without: Collection[Lane] = ()) -> datetime | None:
        self.looks += 1
        return await super().next_due(now, without)


@pytest.fixture
def house() -> House:
    """A runner at work on a store that counts."""
    house = House()
    house.store = Looked(house.now)
    house.runner = house.make(store=house.store)
    return house.begin()


def test_looks_in_vain_are_few(house: House) -> None:
    """
    Where all that comes has to wait, a bell a millisecond is ten looks a second.
    """
    assert isinstance(house.store, Looked)
    house.do(house.store.suspend(RELAY, START.replace(year=2099), "test"))
    house.run(1)
    before = house.store.looks
    for number in range(1000):
        house.do(house.store.add([mail(number)]))
        house.clock.advance(0.001)

    assert 9 <= house.store.looks - before <= 11


def test_what_is_due_is_found_behind_them(house: House) -> None:
    """
    Mail of another lane waits a tenth of a second at most, and no time at all where nothing came.
    """
    house.do(house.store.suspend(RELAY, START.replace(year=2099), "test"))
    house.run(1)
    house.do(house.store.add([mail(1)]))
    house.clock.advance(0)
    house.do(house.store.add([mail(2, lane=Lane("relay", "other.example"))]))
    house.clock.advance(0.05)
    assert [] == house.agent.attempts
    house.run(0.06, 0.01)
    assert ["M2"] == [attempt.queue_id for attempt in house.agent.attempts]
    house.run(1, 0.05)
    house.do(house.store.add([mail(3, lane=Lane("relay", "other.example"))]))
    house.run(0.01, 0.001)

    assert ["M2", "M3"] == [attempt.queue_id for attempt in house.agent.attempts]
