"""
Tests for the doorbell: what others commit while somebody begins to watch, and looks that fail.
"""

from __future__ import annotations

from collections.abc import Awaitable

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pymta.database.doorbell import Doorbell
from pymta.errors import StoreClosed, TooManyWaiting


class Versions:
    """Answers, in their order, to whoever asks for the version; the rest is to be answered."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[Deferred[int]] = []

    def __call__(self) -> Awaitable[int]:
        waiting: Deferred[int] = Deferred()
        self.asked.append(waiting)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            waiting.callback(answer)
        return waiting


class Door:
    """
    A doorbell with one bell.

    :ivar moment: what a witness says; None: there is none.
    """

    def __init__(self, versions: Versions, moment: object | None = None) -> None:
        self.clock = Clock()
        self.rings = 0
        self.moment = moment
        self.bell = Doorbell(self.clock, versions, lambda: self.moment, seconds=0.05)
        self.bell.open()
        self.take_down = self.bell.watch_others(self.ring)

    def ring(self) -> None:
        self.rings += 1

    def wait(self) -> None:
        """Until the next look."""
        self.clock.advance(0.05)


def test_committed_between_the_watch_and_the_first_look() -> None:
    """Nobody can say whether anything was: it rings once."""
    versions = Versions()
    door = Door(versions)
    assert 0 == door.rings
    versions.asked[0].callback(5)
    assert 1 == door.rings
    versions.answers = [5, 6, 6]
    seen = []
    for _ in range(3):
        door.wait()
        seen.append(door.rings)
    assert [1, 2, 2] == seen


@pytest.mark.parametrize("error", [TooManyWaiting("full"), OSError("busy")], ids=["full", "busy"])
@pytest.mark.parametrize("looks", [0, 2])
def test_a_look_that_fails(error: Exception, looks: int) -> None:
    """The first or a later one: the next is made all the same, and rings."""
    versions = Versions(*([1] * looks), error, 2)
    door = Door(versions)
    for _ in range(looks):
        door.wait()
    before = door.rings
    door.wait()
    assert before + 1 == door.rings


def test_no_more_looks_at_a_closed_database() -> None:
    """They end, until it is opened again."""
    versions = Versions(1, StoreClosed("closed"))
    door = Door(versions)
    door.wait()
    assert [] == door.clock.getDelayedCalls()
    versions.answers = [2]
    door.bell.close()
    door.bell.open()
    assert 2 == door.rings
    door.bell.close()
    assert [] == door.clock.getDelayedCalls()


def test_no_more_looks_when_nobody_watches() -> None:
    """The next one is the last, and is not made; who watches until then is told as ever."""
    versions = Versions(1, 2)
    door = Door(versions)
    door.take_down()
    again = door.bell.watch_others(door.ring)
    door.wait()
    assert 2 == len(versions.asked)
    assert 2 == door.rings
    again()
    door.wait()
    assert 2 == len(versions.asked)
    assert [] == door.clock.getDelayedCalls()
    versions.answers = [2]
    door.bell.watch_others(door.ring)
    assert 3 == door.rings


def test_a_witness_saves_looks() -> None:
    """Nobody is asked before it has seen a commit, and nobody rung for the first look."""
    versions = Versions(5, 6, 6)
    door = Door(versions, "first")
    looks = []
    for moment in ["first", "second", "second", "third", "third"]:
        door.moment = moment
        door.wait()
        looks.append((len(versions.asked), door.rings))
    assert [(1, 0), (2, 1), (2, 1), (3, 1), (3, 1)] == looks


def test_committed_before_the_first_look_has_an_answer() -> None:
    """The version has it already, the witness has seen it: it rings."""
    versions = Versions()
    door = Door(versions, "first")
    door.moment = "second"
    versions.asked[0].callback(5)
    assert 1 == door.rings
    versions.answers = [5]
    door.wait()
    assert 1 == door.rings


def test_a_witness_and_a_look_that_fails() -> None:
    """The next one is made, whatever the witness sees meanwhile."""
    versions = Versions(1, OSError("busy"), 2)
    door = Door(versions, "first")
    door.moment = "second"
    door.wait()
    assert 0 == door.rings
    door.wait()
    assert 1 == door.rings
