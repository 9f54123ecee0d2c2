"""
Tests for sets of message numbers.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.wire.imap.numset import HIGHEST, SAVED, STAR, SeqSet

READ = {
    b"1": ((1, 1),),
    b"1:3": ((1, 3),),
    b"3:1": ((1, 3),),
    b"*": ((STAR, STAR),),
    b"5:*": ((5, STAR),),
    b"*:5": ((5, STAR),),
    b"*:*": ((STAR, STAR),),
    b"2,4:7,9,12:*": ((2, 2), (4, 7), (9, 9), (12, STAR)),
    b"7,1,1": ((7, 7), (1, 1), (1, 1)),
    b"4294967295": ((HIGHEST, HIGHEST),),
}

BAD = [
    b"", b"0", b"01", b"1:", b":1", b"1,", b",1", b"1,,2", b"1:2:3", b"1:0", b"4294967296", b"-1",
    b"1 ", b"a", b"**", b"$", b"1:$", b"12345678901", b"1\n", b"\xb9", b"1:*:2",
]  # fmt: skip


@pytest.mark.parametrize("octets", READ, ids=lambda octets: octets.decode())
def test_reads_ranges(octets: bytes) -> None:
    """Ranges are kept in their order, each with its smaller end first."""
    assert READ[octets] == SeqSet.parse(octets).ranges


@pytest.mark.parametrize("octets", BAD, ids=repr)
def test_refuses(octets: bytes) -> None:
    """Whatever is not of the grammar, or does not fit into 32 bits, is no set."""
    with pytest.raises(ValueError, match="number"):
        SeqSet.parse(octets)


@pytest.mark.parametrize(
    ("octets", "largest", "expected"),
    [
        (b"1:3", 5, ((1, 3),)),
        (b"3:9", 5, ((3, 5),)),
        (b"6:9", 5, ()),
        (b"*", 5, ((5, 5),)),
        (b"9:*", 5, ((5, 5),)),
        (b"2:*", 5, ((2, 5),)),
        (b"*:2", 5, ((2, 5),)),
        (b"1,*", 5, ((1, 1), (5, 5))),
        (b"4:5,1,2", 5, ((1, 2), (4, 5))),
        (b"1:4,2:3,9", 5, ((1, 4),)),
        (b"*", 0, ()),
        (b"1:*", 0, ()),
    ],
)
def test_clips(octets: bytes, largest: int, expected: tuple[tuple[int, int], ...]) -> None:
    """``*`` is the largest number there is, and nothing lies above it (RFC 3501 section 6.4.8)."""
    assert expected == SeqSet.parse(octets).within(largest)


@pytest.mark.parametrize(
    ("octets", "largest", "expected"),
    [
        (b"1:5", 5, False),
        (b"6", 5, True),
        (b"1,2:6", 5, True),
        (b"*", 5, False),
        (b"6:*", 5, True),
        (b"1:*", 0, True),
        (b"*", 0, True),
        (b"*:*", 0, True),
        (b"*", 1, False),
    ],
)
def test_exceeds(octets: bytes, largest: int, expected: bool) -> None:
    """Only numbers that were written can be too large, and ``*`` where there is no message."""
    assert expected == SeqSet.parse(octets).exceeds(largest)


def test_of_numbers() -> None:
    """Single numbers become ranges."""
    assert "1:3,7" == str(SeqSet.of([7, 1, 2, 3]))


def test_saved() -> None:
    """The saved set is written as a client writes it."""
    assert "$" == str(SAVED)


ends = st.one_of(st.integers(1, HIGHEST), st.just(STAR))
sets = st.lists(st.tuples(ends, ends).map(lambda pair: (min(pair), max(pair))), min_size=1)


@settings(max_examples=100)
@given(sets.map(tuple))
def test_reads_what_it_writes(ranges: tuple[tuple[int, int], ...]) -> None:
    """Reading undoes writing."""
    made = SeqSet(ranges)
    assert made == SeqSet.parse(str(made).encode())


small_ends = st.one_of(st.integers(1, 12), st.just(STAR))
small = st.lists(st.tuples(small_ends, small_ends).map(sorted).map(tuple), min_size=1, max_size=5)


@settings(max_examples=200)
@given(small, st.integers(0, 10))
def test_clips_as_counting_does(ranges: list[tuple[int, int]], largest: int) -> None:
    """What is in the clipped ranges is what counting through the set would find."""
    expected = set()
    for first, last in ranges:
        low, high = (largest if end == STAR else end for end in (first, last))
        low, high = min(low, high), max(low, high)
        expected |= {n for n in range(1, largest + 1) if low <= n <= high}
    found = [
        n for first, last in SeqSet(tuple(ranges)).within(largest) for n in range(first, last + 1)
    ]
    assert sorted(expected) == found


def test_long_set_is_linear() -> None:
    """Ten thousand scattered numbers are read at once."""
    octets = b",".join(b"%d" % n for n in range(1, 20_000, 2))
    assert 10_000 == len(SeqSet.parse(octets).within(20_000))
