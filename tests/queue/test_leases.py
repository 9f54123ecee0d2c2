"""
Tests for what a process has claimed and not yet settled.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from pymta.envelope import RecipientID
from pymta.interfaces.queue import Claim
from pymta.queue.leases import Leases, part
from tests.queue.house import START, claim


def ids(of: Claim) -> list[int]:
    """Of its recipients."""
    return [each.recipient.id for each in of.recipients]


def test_a_part_has_only_these_recipients() -> None:
    """In their order; all of them is the claim itself."""
    whole = claim(1, "a", "b", "c")
    assert ids(part(whole, [RecipientID(3), RecipientID(1)])) == [1, 3]
    assert part(whole, [RecipientID(1), RecipientID(2), RecipientID(3)]) is whole


def test_recipients_end_one_by_one() -> None:
    """What is left is renewed as one; after the last there is nothing."""
    leases = Leases()
    whole = claim(1, "a", "b", "c")
    leases.take(whole)
    leases.end(part(whole, [RecipientID(2)]))
    assert leases.recipients == 2
    assert [ids(each) for each in leases.ending(START + timedelta(1))] == [[1, 3]]
    assert not leases.holds(whole)
    assert leases.holds(part(whole, [RecipientID(1), RecipientID(3)]))
    leases.end(whole)
    assert (leases.recipients, leases.all()) == (0, [])


def test_only_leases_near_their_end_are_renewed() -> None:
    """A renewed one has time again."""
    leases = Leases()
    early, late = claim(1), replace(claim(2), until=START + timedelta(hours=1))
    leases.take(early)
    leases.take(late)
    soon = START + timedelta(minutes=1)
    assert [each.queue_id for each in leases.ending(soon)] == ["M1"]
    leases.renewed([early, claim(3)], START + timedelta(hours=1))
    assert leases.ending(soon) == []


def test_an_older_claim_does_not_end_a_newer_one() -> None:
    """A stale one is told by its fence."""
    leases = Leases()
    leases.take(claim(1, fence=2))
    leases.end(claim(1, fence=1))
    assert leases.recipients == 1
    assert not leases.holds(claim(1, fence=1))


@given(st.lists(st.tuples(st.booleans(), st.sets(st.integers(1, 6), min_size=1)), max_size=20))
def test_the_count_is_what_is_open(story: list[tuple[bool, set[int]]]) -> None:
    """However parts come and go."""
    leases = Leases()
    whole = claim(1, *"abcdef")
    held = set[int]()
    for take, some in story:
        these = part(whole, map(RecipientID, some))
        if take:
            leases.take(these)
            held |= some
        else:
            leases.end(these)
            held -= some
        assert leases.recipients == len(held)
        assert sorted(number for each in leases.all() for number in ids(each)) == sorted(held)
