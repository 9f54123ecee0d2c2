"""
Tests for the list of defences: each is where the list says, and docs/security.md knows it.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import pymta
from tests.defences import DEFENCES, ROOT, Defence

SOURCES = Path(pymta.__file__).parent


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda each: f"{each.id} {each.file}")
def test_there_is_something_to_switch_off(defence: Defence) -> None:
    """Code that is written anew takes its defence along: otherwise nothing would be tried."""
    text = (SOURCES / defence.file).read_text()

    assert 1 == text.count(defence.before)
    assert defence.before != defence.after


@pytest.mark.parametrize("defence", DEFENCES, ids=lambda each: f"{each.id} {each.file}")
def test_its_tests_are_there(defence: Defence) -> None:
    """The files and folders that are given to pytest exist."""
    paths = [each for each in defence.tests if each.startswith("tests/")]

    assert paths
    assert [] == [path for path in paths if not (ROOT / path).exists()]


def test_the_table_has_a_row_for_each() -> None:
    """What is switched off is told in docs/security.md, once."""
    rows = [
        line.split("|")[1].strip()
        for line in (ROOT / "docs/security.md").read_text().splitlines()
        if line.startswith(("| S", "| D"))
    ]

    assert sorted(set(rows)) == sorted(rows)
    assert set() == {defence.id for defence in DEFENCES} - set(rows)
