"""
Tests for the list of standards: what is named is listed, what is claimed is named.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LISTED = {
    int(number): entry
    for number, entry in tomllib.loads((ROOT / "docs/standards.toml").read_text()).items()
}
NAMED = re.compile(r":rfc:`(\d+)|\bRFC (\d{3,4})\b")
STATUSES = {"full", "partial", "planned", "no", "cited"}


def named() -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for path in sorted((ROOT / "src").rglob("*.py")):
        for match in NAMED.finditer(path.read_text()):
            found.setdefault(int(match[1] or match[2]), set()).add(path.name)
    return found


def test_every_rfc_that_code_names_is_listed() -> None:
    """
    No reference without an honest status.
    """
    missing = {number: files for number, files in named().items() if number not in LISTED}

    assert {} == missing


def test_every_claim_has_its_lines() -> None:
    """
    What is said to be obeyed, in full or in part, is named where it is obeyed.
    """
    claimed = {n for n, entry in LISTED.items() if entry["status"] in {"full", "partial"}}

    assert set() == claimed - named().keys()


@pytest.mark.parametrize("number", sorted(LISTED))
def test_entries(number: int) -> None:
    """
    Each entry has a title and a status; what is partial says what it lacks, what is refused why.
    """
    entry = LISTED[number]

    assert entry["title"]
    assert entry["status"] in STATUSES
    assert ("lacking" in entry) is (entry["status"] == "partial")
    assert entry.get("note") or entry["status"] != "no"
    assert entry.keys() <= {"title", "status", "lacking", "note", "read"}
