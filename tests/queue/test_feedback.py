"""
Tests for how many attempts a lane bears at once.
"""

from __future__ import annotations

import pytest

from pymta.queue.feedback import Concurrency

LEVELS = [
    pytest.param("", 5, id="new"),
    pytest.param("+++++", 6, id="a round of successes is one more"),
    pytest.param("+++++++++++", 7, id="the next round is one longer"),
    pytest.param("++++", 5, id="less than a round is nothing"),
    pytest.param("-", 4, id="the first failure counts at once"),
    pytest.param("-+-", 4, id="the second one belongs to the same round"),
    pytest.param("-+--+--", 3, id="the next round of failures is one less again"),
    pytest.param("-++++", 5, id="and up again"),
    pytest.param("++++-+++", 4, id="a failure spoils the round"),
]


@pytest.mark.parametrize(("story", "level"), LEVELS)
def test_the_level_follows_the_luck(story: str, level: int) -> None:
    """N allowed: a success is 1/N towards one more, a failure 1/N towards one less."""
    concurrency = Concurrency(initial=5, most=20)
    for each in story:
        if each == "+":
            concurrency.succeeded(concurrency.level)
        else:
            assert not concurrency.failed()
    assert level == concurrency.level


def test_it_grows_no_higher_than_the_most() -> None:
    """However well it goes."""
    concurrency = Concurrency(initial=5, most=7)
    for _ in range(100):
        concurrency.succeeded(concurrency.level)
    assert concurrency.level == 7


def test_room_that_is_not_used_proves_nothing() -> None:
    """One attempt at a time does not raise the level above what was tried."""
    concurrency = Concurrency(initial=2, most=20)
    for _ in range(100):
        concurrency.succeeded(1)
    assert concurrency.level == 3


def test_the_initial_level_is_at_most_the_most() -> None:
    """A lane with room for one starts with one."""
    assert Concurrency(initial=5, most=1).level == 1


@pytest.mark.parametrize(
    ("initial", "cohorts", "failures"),
    [(1, 1.0, 1), (2, 1.0, 2), (5, 1.0, 5), (5, 2.0, 8), (10, 1.0, 10)],
)
def test_a_round_of_failures_is_a_death(initial: int, cohorts: float, failures: int) -> None:
    """As many in a row as are allowed at once, a little sooner as the level sinks."""
    concurrency = Concurrency(initial=initial, most=20, cohorts=cohorts)
    told = [concurrency.failed() for _ in range(failures)]
    assert told == [False] * (failures - 1) + [True]


def test_a_success_in_between_is_life() -> None:
    """Nine of ten may fail for ever: the lane sinks to one at a time and stays."""
    concurrency = Concurrency(initial=10, most=20)
    for _ in range(50):
        concurrency.succeeded(concurrency.level)
        for _ in range(concurrency.level - 1):
            assert not concurrency.failed()
    assert concurrency.proven


def test_after_a_death_there_is_one_probe() -> None:
    """Its failure is a death again; its success brings the initial level back."""
    concurrency = Concurrency(initial=5, most=20)
    while not concurrency.failed():
        pass
    assert (concurrency.level, concurrency.proven) == (1, False)
    assert concurrency.failed()
    concurrency.succeeded(1)
    assert (concurrency.level, concurrency.proven) == (5, True)
    assert not concurrency.failed()
