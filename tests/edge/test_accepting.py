"""
Tests for ports that rest while no more files may be opened (S10).
"""

from __future__ import annotations

import os
import resource
from typing import Any

import pytest
from twisted.internet.task import Clock

from pymta.edge.accepting import REST_SECONDS, Accepting, room_for_files


class Port:
    """One of which somebody comes out as long as there is room."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.accepted = 0
        self.waiting = 0
        self.room = 0

    def doRead(self) -> str:
        come = min(self.waiting, self.room)
        self.accepted += come
        self.waiting -= come
        self.room -= come
        return "read"

    def stopReading(self) -> None:
        self.done.append("waits")

    def startReading(self) -> None:
        self.done.append("reads")


class House:
    """A port, and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.port = Port()
        self.accepting = Accepting(
            self.clock,
            self.port,
            lambda: self.port.accepted,
            room=lambda: self.port.room > 0,
        )


def test_s10_a_port_without_room_rests_and_comes_back() -> None:
    """
    Nobody came, nothing can be opened: it reads again after a moment, as often as it takes.
    """
    house = House()
    house.port.waiting = 1
    for _ in range(3):
        house.port.doRead()
        assert ["waits"] == house.port.done
        house.clock.advance(REST_SECONDS)
        assert ["waits", "reads"] == house.port.done
        house.port.done.clear()
    house.port.room = 2
    house.port.doRead()
    assert (1, []) == (house.port.accepted, house.port.done)


@pytest.mark.parametrize(
    ("waiting", "room"),
    [
        pytest.param(1, 1, id="the last that there is room for"),
        pytest.param(0, 1, id="whoever knocked has gone"),
        pytest.param(5, 2, id="some of those who wait"),
    ],
)
def test_s10_a_port_goes_on_while_somebody_comes_or_could(waiting: int, room: int) -> None:
    """
    Only who comes away with nothing, and for this reason, rests.
    """
    house = House()
    house.port.waiting, house.port.room = waiting, room

    assert "read" == house.port.doRead()
    assert [] == house.port.done


def test_s10_a_port_that_is_closed_stays_closed() -> None:
    """
    A rest under way at the stop opens nothing.
    """
    house = House()
    house.port.waiting = 1
    house.port.doRead()
    house.accepting.end()
    house.clock.advance(10 * REST_SECONDS)

    assert ["waits"] == house.port.done
    assert [] == house.clock.getDelayedCalls()


def test_s10_one_rest_at_a_time() -> None:
    """
    A read that was already on its way when the port stopped reading adds none.
    """
    house = House()
    house.port.waiting = 1
    house.port.doRead()
    house.port.doRead()

    assert 1 == len(house.clock.getDelayedCalls())


def test_ports_that_are_no_descriptors() -> None:
    """
    An endpoint of one's own may give anything; it is let alone.
    """
    port: Any = object()
    accepting = Accepting(Clock(), port, lambda: 0)
    accepting.begin()
    accepting.pause()
    accepting.end()


def test_s10_room_for_files() -> None:
    """
    It is tried, not reckoned: limits change while a process runs.
    """
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    many = len(os.listdir("/proc/self/fd"))
    assert room_for_files()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
        found = room_for_files()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert not found
    assert many == len(os.listdir("/proc/self/fd"))
