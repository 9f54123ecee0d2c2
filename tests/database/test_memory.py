"""
Tests for what is remembered: it is told as long as it is true, and not a moment longer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred

from pymta.aio import start
from pymta.database.memory import Memory


class Place:
    """
    A database of one number.

    :ivar asked: questions that wait for an answer; those that were answered are gone.
    """

    def __init__(self, *, most: int = 10, knows: bool = True) -> None:
        self.number = 0
        self.questions = 0
        self.asked: list[Deferred[int]] = []
        self.waits = False
        self._knows = knows
        self.memory = Memory(self.moment, self.read, most=most)

    def moment(self) -> object | None:
        return (self.number,) if self._knows else None

    def read(self, query: Callable[[Any], Any]) -> Deferred[Any]:
        self.questions += 1
        waiting: Deferred[Any] = Deferred()
        self.asked.append(waiting)
        if not self.waits:
            self.answer(query)
        return waiting

    def answer(self, query: Callable[[Any], Any] = lambda number: number) -> None:
        """The oldest question."""
        waiting = self.asked.pop(0)
        try:
            answer = query(self.number)
        except LookupError as error:
            waiting.errback(error)
        else:
            waiting.callback(answer)

    def ask(self, key: Hashable = "number") -> Deferred[int]:
        return start(self.memory.read(key, lambda connection: cast("int", connection)))


def _results(*waiting: Deferred[int]) -> list[int]:
    found: list[int] = []
    for each in waiting:
        _ = each.addCallback(found.append)
    return found


def test_what_is_true_is_asked_once() -> None:
    """By each key; the second answer is there at once."""
    place = Place()
    assert [0, 0, 0] == _results(place.ask(), place.ask(), place.ask("other"))
    assert 2 == place.questions


def test_a_commit_ends_all_of_it() -> None:
    """What was committed is in the next answer to everything."""
    place = Place()
    _results(place.ask(), place.ask("other"))
    place.number = 1
    assert [1, 1, 1] == _results(place.ask(), place.ask("other"), place.ask())
    assert 4 == place.questions


@pytest.mark.parametrize("meanwhile", [1, 2])
def test_a_commit_while_it_is_asked(meanwhile: int) -> None:
    """The answer may have it or not: nobody else gets it, before or after another question."""
    place = Place()
    place.waits = True
    first = place.ask()
    place.number = 1
    asked = [place.ask() for _ in range(meanwhile - 1)]
    place.number = 2
    place.answer()
    second = place.ask()
    for _ in asked:
        place.answer()
    place.number = 3
    place.answer()
    third = place.ask()
    place.answer()
    assert [2] == _results(first)
    assert [3] == _results(second)
    assert [3] == _results(third)
    assert meanwhile + 2 == place.questions


def test_where_nobody_knows_nothing_is_remembered() -> None:
    """Every answer is asked for."""
    place = Place(knows=False)
    assert [0, 0] == _results(place.ask(), place.ask())
    assert 2 == place.questions


def test_an_error_is_not_remembered() -> None:
    """It is raised, and asked again."""
    place = Place()

    def fail(connection: object) -> int:
        raise LookupError(connection)

    failed = start(place.memory.read("number", fail))
    failures: list[object] = []
    _ = failed.addErrback(failures.append)
    assert 1 == len(failures)
    assert [0] == _results(place.ask())
    assert 2 == place.questions


def test_the_least_recently_used_goes_first() -> None:
    """There are never more than it may keep."""
    place = Place(most=2)
    for key in ["a", "b", "a", "c", "a", "b"]:
        assert [0] == _results(place.ask(key))
    assert 4 == place.questions
