"""
Tests for queue ids.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.envelope import RecipientID
from pymta.interfaces.content import QueueID
from pymta.queue.ids import QueueIDs, derived_id

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def times(*moments: datetime) -> Callable[[], datetime]:
    """A clock that shows these, one after the other."""
    return iter(moments).__next__


def test_an_id_is_fifteen_letters_and_digits() -> None:
    """It is short and needs no quoting anywhere; no letter looks like a digit."""
    made = QueueIDs(times(START), lambda n: n - 1)()
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{15}", made)
    assert made.endswith("ZZZZ")


def test_the_random_part_is_asked_for_within_its_digits() -> None:
    """Four digits of base 32."""
    asked: list[int] = []

    def below(limit: int) -> int:
        asked.append(limit)
        return 0

    QueueIDs(times(START), below)()
    assert asked == [32**4]


@settings(max_examples=50)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=2, max_size=20))
def test_ids_ascend_whatever_the_clock_does(steps: list[int]) -> None:
    """A clock that stands still or is set back makes neither a double nor a disorder."""
    moments = [START + timedelta(microseconds=step) for step in steps]
    ids = QueueIDs(times(*moments), lambda _: 0)
    made = [ids() for _ in moments]
    assert made == sorted(set(made))


def test_ids_of_two_makers_sort_by_time() -> None:
    """The time is in front, the random part behind."""
    early = QueueIDs(times(START), lambda n: n - 1)()
    late = QueueIDs(times(START + timedelta(microseconds=1)), lambda _: 0)()
    assert early < late


def test_a_derived_id_is_always_the_same() -> None:
    """So that a repeat after a crash names the same mail."""
    parent = QueueID("0FA1B2C3D4E5F6G")
    once = derived_id(parent, RecipientID(3), "a@example.test")
    assert once == derived_id(parent, RecipientID(3), "a@example.test")
    assert re.fullmatch(r"0FA1B2C3D4E[0-9A-HJKMNP-TV-Z]{12}", once)


def test_derived_ids_of_different_things_differ() -> None:
    """By the parent, by the recipient, by the first member; also where the texts join alike."""
    parent = QueueID("0FA1B2C3D4E5F6G")
    other = QueueID("0FA1B2C3D4E5F6H")
    made = {
        derived_id(mail, RecipientID(number), first)
        for mail in (parent, other)
        for number in (1, 11)
        for first in ("a@example.test", "1/a@example.test")
    }
    assert len(made) == 8
