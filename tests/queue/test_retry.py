"""
Tests for patience: waits, jitter, expiry, warnings.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymta.queue.retry import Again, Backoff, GiveUp, RetryRules

ARRIVED = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("failures", "minutes"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 240), (8, 240), (10_000, 240)],
)
def test_waits_double_up_to_the_longest(failures: int, minutes: int) -> None:
    """Without luck on either side, the waits are those of the table."""
    backoff = Backoff(first=5 * MINUTE, most=4 * HOUR)
    assert backoff.wait(failures, 0.5) == minutes * MINUTE


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True))
def test_jitter_stays_within_its_part(failures: int, random: float) -> None:
    """A fifth less or more, and no further, but for rounding."""
    backoff = Backoff(first=5 * MINUTE, most=4 * HOUR, jitter=0.2)
    middle = backoff.wait(failures, 0.5)
    assert 0.8 * middle <= backoff.wait(failures, random) <= 1.2 * middle


def test_jitter_spreads_what_failed_together() -> None:
    """Chance 0 is the shortest wait, chance near 1 the longest."""
    backoff = Backoff(first=10 * MINUTE, most=HOUR, jitter=0.5)
    waits = [backoff.wait(1, random) for random in (0.0, 0.5, 1.0)]
    assert waits == [5 * MINUTE, 10 * MINUTE, 15 * MINUTE]


def after(rules: RetryRules, attempts: int, age: timedelta, *, warned: bool = False) -> object:
    """What the rules say of a recipient of that age."""
    return rules.after(attempts, arrived=ARRIVED, now=ARRIVED + age, warned=warned, random=0.5)


@pytest.mark.parametrize(
    ("attempts", "age", "warned", "expected"),
    [
        pytest.param(1, 0 * MINUTE, False, Again(ARRIVED + 5 * MINUTE, False), id="first"),
        pytest.param(3, HOUR, False, Again(ARRIVED + HOUR + 20 * MINUTE, False), id="third"),
        pytest.param(9, 4 * HOUR, False, Again(ARRIVED + 8 * HOUR, True), id="to be told"),
        pytest.param(9, 4 * HOUR, True, Again(ARRIVED + 8 * HOUR, False), id="told before"),
        pytest.param(
            30, 119 * HOUR, True, Again(ARRIVED + 120 * HOUR, False), id="last at the very end"
        ),
        pytest.param(31, 120 * HOUR, True, GiveUp("not delivered within 5 days"), id="over"),
    ],
)
def test_a_life_of_five_days(attempts: int, age: timedelta, warned: bool, expected: object) -> None:
    """Retry, a warning at four hours, a last attempt at the end, and no more."""
    assert expected == after(RetryRules(), attempts, age, warned=warned)


def test_attempts_can_be_limited() -> None:
    """A limit of three ends with the third failure, however young the message is."""
    rules = RetryRules(attempts=3)
    assert isinstance(after(rules, 2, MINUTE), Again)
    assert after(rules, 3, MINUTE) == GiveUp("not delivered in 3 attempts")


def test_a_delay_need_not_be_told() -> None:
    """Without a time for it there is no warning."""
    rules = RetryRules(warn_after=None)
    assert after(rules, 9, 100 * HOUR) == Again(ARRIVED + 104 * HOUR, False)


@pytest.mark.parametrize(
    ("life", "words"),
    [
        pytest.param(6 * HOUR, "6 hours", id="hours"),
        pytest.param(60 * HOUR, "60 hours", id="no whole days"),
        pytest.param(HOUR, "60 minutes", id="one hour"),
        pytest.param(90 * MINUTE, "90 minutes", id="no whole hours"),
        pytest.param(timedelta(seconds=40), "40 seconds", id="seconds"),
    ],
)
def test_the_give_up_names_a_short_life(life: timedelta, words: str) -> None:
    """The reason is read by people: a whole number, of the unit that fits."""
    assert after(RetryRules(life=life), 9, life) == GiveUp(f"not delivered within {words}")


def test_a_day_has_a_dozen_attempts() -> None:
    """RFC 5321 section 4.5.4.1: two in the first hour, then every two or three hours and less."""
    rules = RetryRules()
    age, attempts, in_the_first_hour = timedelta(0), 0, 0
    while age < timedelta(days=1):
        attempts += 1
        in_the_first_hour += age <= HOUR
        decision = after(rules, attempts, age)
        assert isinstance(decision, Again)
        age = decision.due - ARRIVED
    assert (attempts, in_the_first_hour) == (11, 4)
