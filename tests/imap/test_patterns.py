"""
Tests for the patterns of LIST.
"""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.imap.patterns import Pattern

MATCHING = [
    ("*", "a/b", True),
    ("%", "a/b", False),
    ("%", "a", True),
    ("", "", True),
    ("a/%", "a/b", True),
    ("a/%", "a/b/c", False),
    ("a*c", "a/b/c", True),
    ("%/b", "a/b", True),
    ("*%*", "x", True),
    ("inbox", "INBOX", True),
    ("Inbox/x", "INBOX/x", True),
    ("inbox*", "INBOX/x", True),
    ("INBOXES", "INBOXES", True),
    ("inboxes", "INBOXES", False),
    ("a", "A", False),
    ("[a]", "a", False),
]


@pytest.mark.parametrize(("pattern", "name", "expected"), MATCHING)
def test_matching(pattern: str, name: str, expected: bool) -> None:
    """Wildcards, levels and INBOX."""
    assert expected is Pattern(pattern).matches(name)


@settings(max_examples=200, deadline=None)
@given(st.text("ab/%*", max_size=8), st.text("ab/", max_size=8))
def test_as_a_regular_expression_has_it(pattern: str, name: str) -> None:
    """For small patterns, the same as by backtracking."""
    parts = {"*": ".*", "%": "[^/]*"}
    expected = re.fullmatch("".join(parts.get(c, re.escape(c)) for c in pattern), name)
    assert bool(expected) is Pattern(pattern).matches(name)


def test_a_pattern_made_to_hurt() -> None:
    """What makes a backtracking matcher run for years takes milliseconds."""
    began = time.perf_counter()
    assert not Pattern("*a%" * 600 + "b").matches("a" * 1000)
    assert time.perf_counter() - began < 0.2
