"""
Tests for sequence numbers.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.imap.numbering import Numbering
from pymta.mailbox import UID, UIDSet

UIDS = st.sets(st.integers(1, 60), max_size=40)


def listed(numbering: Numbering) -> list[int]:
    return [numbering.uid(number) for number in range(1, numbering.count + 1)]


@settings(max_examples=60, deadline=None)
@given(UIDS, UIDS, st.sets(st.integers(61, 90)))
def test_it_is_a_sorted_list(uids: set[int], gone: set[int], new: set[int]) -> None:
    """Numbers are those of a sorted list of UIDs, whatever is removed and added."""
    numbering = Numbering(UIDSet(uids))
    gone &= uids
    before = sorted(uids)

    told = numbering.remove(UIDSet(gone))
    numbering.add(UIDSet(new))

    for number in told:
        del before[number - 1]
    expected = before + sorted(new)
    assert expected == sorted((uids - gone) | new)
    assert expected == listed(numbering)
    assert [numbering.number(uid) for uid in expected] == list(range(1, len(expected) + 1))
    assert not any(numbering.number(uid) for uid in range(95) if uid not in expected)
    assert (expected[-1] if expected else 0) == numbering.largest
    assert UIDSet(expected) == numbering.uids()


@settings(max_examples=40, deadline=None)
@given(UIDS, st.integers(1, 70), st.integers(1, 70))
def test_runs_between_two(uids: set[int], first: int, last: int) -> None:
    """Runs between two UIDs, and between two numbers, hold what the list holds there."""
    numbering = Numbering(UIDSet(uids))
    ordered = sorted(uids)

    between = UIDSet.of_ranges(numbering.between(first, last))
    assert UIDSet(uid for uid in ordered if first <= uid <= last) == between
    if first <= last <= len(ordered):
        numbered = UIDSet.of_ranges(numbering.numbered(first, last))
        assert UIDSet(ordered[first - 1 : last]) == numbered


@settings(max_examples=40, deadline=None)
@given(UIDS, st.data())
def test_numbers_of_many(uids: set[int], data: st.DataObject) -> None:
    """Numbers of several UIDs at once are those of each."""
    numbering = Numbering(UIDSet(uids))
    asked = sorted(data.draw(st.sets(st.sampled_from(sorted(uids))))) if uids else []

    assert [numbering.number(uid) for uid in asked] == list(
        numbering.numbers([UID(uid) for uid in asked])
    )


@pytest.mark.parametrize("number", [0, 4, -1])
def test_no_such_number(number: int) -> None:
    """A number that no message has is refused."""
    with pytest.raises(IndexError):
        Numbering(UIDSet([5, 6, 9])).uid(number)


def test_uids_only_grow() -> None:
    """A UID below one that is known cannot arrive."""
    numbering = Numbering(UIDSet([5, 6, 9]))
    with pytest.raises(ValueError, match="UID 8 behind 9"):
        numbering.add(UIDSet([8, 10]))


def test_a_million_messages_are_one_run() -> None:
    """Nothing is kept for each message."""
    numbering = Numbering(UIDSet.of_ranges([(1, 1_000_000)]))

    assert 500_000 == numbering.uid(500_000)
    assert [500_000] == list(numbering.remove(UIDSet([500_000])))
    assert (999_999, 500_001) == (numbering.count, numbering.uid(500_000))
