"""
Tests for sets of UIDs.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymta.mailbox import UIDSet

UIDS = st.frozensets(st.integers(1, 60), max_size=40)


@pytest.mark.parametrize(
    ("uids", "text", "ranges"),
    [
        pytest.param([], "", (), id="empty"),
        pytest.param([7], "7", ((7, 7),), id="one"),
        pytest.param([3, 1, 2], "1:3", ((1, 3),), id="joined"),
        pytest.param([1, 2, 4, 4, 9], "1:2,4,9", ((1, 2), (4, 4), (9, 9)), id="gaps"),
    ],
)
def test_ranges(uids: list[int], text: str, ranges: tuple[tuple[int, int], ...]) -> None:
    """
    UIDs are kept as ascending ranges with gaps between, and written as IMAP does.
    """
    assert ranges == UIDSet(uids).ranges
    assert text == str(UIDSet(uids))


@given(UIDS, UIDS)
def test_behaves_as_a_set(left: frozenset[int], right: frozenset[int]) -> None:
    """
    Union, difference, intersection, membership and size are those of a set.
    """
    ours, theirs = UIDSet(left), UIDSet(right)

    assert left | right == set(ours | theirs)
    assert left & right == set(ours & theirs)
    assert left - right == set(ours - theirs)
    assert len(left) == len(ours)
    assert sorted(left) == list(ours)
    assert {uid for uid in range(62) if uid in ours} == left
    assert (left == right) is (ours == theirs)
    assert bool(left) is bool(ours)


@given(UIDS)
def test_equal_sets_are_one_key(uids: frozenset[int]) -> None:
    """
    However it was made, an equal set has an equal hash and equal ranges.
    """
    pairs = UIDSet.of_ranges([(uid, uid) for uid in sorted(uids, reverse=True)])

    assert pairs == UIDSet(uids)
    assert hash(pairs) == hash(UIDSet(uids))


def test_a_million_is_a_few_pairs() -> None:
    """
    Size and membership do not walk the UIDs.
    """
    large = UIDSet.of_ranges([(1, 1_000_000_000), (2_000_000_000, 4_294_967_295)])

    assert 3_294_967_296 == len(large)
    assert 4_000_000_000 in large
    assert 1_500_000_000 not in large
    assert "1" not in large
