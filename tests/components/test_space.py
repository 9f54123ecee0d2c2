"""
Tests for knowing the free space without waiting for it.
"""

from __future__ import annotations

from twisted.internet.task import Clock

from pymta.aio import start
from pymta.components.space import FreeSpace


class Disk:
    """A disk that fills, and may fail."""

    def __init__(self) -> None:
        self.octets = 1000
        self.looks = 0

    async def free(self) -> int:
        self.looks += 1
        if self.octets < 0:
            raise OSError("broken disk")
        return self.octets


def test_known_from_the_start() -> None:
    """
    It is known as soon as the part has started, and nothing is asked before.
    """
    disk = Disk()
    space = FreeSpace(Clock(), disk.free)

    assert (0, 0) == (space(), disk.looks)
    assert start(space.start()).called
    assert 1000 == space()


def test_follows_the_disk() -> None:
    """
    A second later it is known again; a look that fails keeps what was known, and goes on.
    """
    disk, clock = Disk(), Clock()
    space = FreeSpace(clock, disk.free)
    _ = start(space.start())
    disk.octets = 10
    clock.advance(1)
    assert 10 == space()

    disk.octets = -1
    clock.advance(1)
    assert 10 == space()

    disk.octets = 5
    clock.advance(1)
    assert 5 == space()


def test_stops() -> None:
    """
    Stopped, it asks no more and leaves no timer.
    """
    disk, clock = Disk(), Clock()
    space = FreeSpace(clock, disk.free)
    _ = start(space.start())
    _ = start(space.stop())

    assert [] == clock.getDelayedCalls()


def test_stops_before_it_started() -> None:
    """
    A part whose start failed is not started; stopping it does nothing.
    """
    assert start(FreeSpace(Clock(), Disk().free).stop()).called
