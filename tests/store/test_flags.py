"""
Flags: parted, spelled, changed.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymta.mailbox import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN, SYSTEM_FLAGS, FlagMode
from pymta.store._flags import (
    BIT_DELETED,
    BIT_SEEN,
    MAX_KEYWORD,
    Flags,
    changed,
    has_flag,
    names_of,
    part,
    spelled,
)

keywords = st.text("abcXYZ$_-.0", min_size=1, max_size=6)
flags = st.frozensets(st.sampled_from(sorted(SYSTEM_FLAGS)) | keywords.map(str.lower))


@given(flags)
def test_there_and_back(names: frozenset[str]) -> None:
    """What is parted and spelled has the names that went in."""
    assert names == names_of(spelled(part(names), {}))


@given(flags, flags, st.sampled_from(FlagMode))
def test_changed(before: frozenset[str], asked: frozenset[str], mode: FlagMode) -> None:
    """As sets do it."""
    known: dict[str, str] = {}
    after = changed(spelled(part(before), known), mode, spelled(part(asked), known))
    expected = {
        FlagMode.ADD: before | asked,
        FlagMode.REMOVE: before - asked,
        FlagMode.REPLACE: asked,
    }

    assert expected[mode] == names_of(after)
    assert list(after.keywords) == sorted(after.keywords)


def test_bits() -> None:
    """Each system flag is a bit of its own."""
    bits = [part([flag]).bits for flag in (SEEN, ANSWERED, FLAGGED, DELETED, DRAFT)]

    assert [1, 2, 4, 8, 16] == bits
    assert (1, 8) == (BIT_SEEN, BIT_DELETED)


def test_first_spelling() -> None:
    """A keyword is spelled as it was first, and new ones are remembered."""
    known = {"junk": "Junk"}

    assert Flags(0, ("Junk", "New")) == spelled(part(["JUNK", "New"]), known)
    assert {"junk": "Junk", "new": "New"} == known


@pytest.mark.parametrize(
    "bad",
    [
        *["\\Recent", "\\*", "\\", "", " ", "a b", "a(b", "a)", "a{", "a%", "a*", 'a"', "a]"],
        *["a\\b", "\x00", "a\x7f", "é", "\U0001f600", "x" * (MAX_KEYWORD + 1)],
    ],
)
def test_no_flag(bad: str) -> None:
    """What is no atom, and what nobody sets."""
    with pytest.raises(ValueError):
        part(["ok", bad])


def test_only_ascii_has_case() -> None:
    """A letter that merely folds to one of ours is none of ours."""
    with pytest.raises(ValueError):
        part(["\\\u017feen"])


@pytest.mark.parametrize(
    ("asked", "expected"),
    [(SEEN, True), ("\\seen", True), (DRAFT, False), ("KW", True), ("kw", True), ("k", False)],
)
def test_has_flag(asked: str, expected: bool) -> None:
    """In any case."""
    assert expected == has_flag(Flags(BIT_SEEN, ("Kw",)), asked)
