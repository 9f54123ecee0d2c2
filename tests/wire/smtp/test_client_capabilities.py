"""
Tests for what a server announces.
"""

from __future__ import annotations

import pytest

from pymta.reply import Reply
from pymta.wire.smtp.capabilities import NO_CAPABILITIES, Capabilities


def announced(*lines: str) -> Capabilities:
    """What a server with those lines can do."""
    return Capabilities.parse(Reply(250, "", "\n".join(("mx.example greets", *lines))))


def test_keywords_are_in_any_case() -> None:
    """Keywords are compared in upper case; parameters are kept as they were written."""
    capabilities = announced("pipelining", "Size 1000", "XYZ aBc  d")

    assert {"PIPELINING": "", "SIZE": "1000", "XYZ": "aBc  d"} == capabilities.keywords
    assert "PIPELINING" in capabilities
    assert "CHUNKING" not in capabilities
    assert "mx.example" == capabilities.domain


def test_what_is_no_keyword_is_passed_over() -> None:
    """Lines that are no ehlo-line do no harm."""
    assert {"SIZE": "", "8BITMIME": ""} == announced(
        "", " ", "-x", "a_b", "SIZE ", "8BITMIME"
    ).keywords


def test_first_line_is_no_keyword() -> None:
    """A server called PIPELINING does not pipeline."""
    assert "PIPELINING" not in Capabilities.parse(Reply(250, "", "PIPELINING"))


@pytest.mark.parametrize(
    ("line", "limit"),
    [
        pytest.param("SIZE 1000", 1000, id="number"),
        pytest.param("SIZE", None, id="none told"),
        pytest.param("SIZE 0", None, id="no fixed maximum"),
        pytest.param("SIZE 1 2", None, id="two"),
        pytest.param("SIZE -1", None, id="negative"),
        pytest.param("SIZE ٣", None, id="not ASCII"),
        pytest.param("SIZE " + "9" * 20, 10**20 - 1, id="longest"),
        pytest.param("SIZE " + "9" * 21, None, id="too long"),
        pytest.param("X", None, id="absent"),
    ],
)
def test_size_limit(line: str, limit: int | None) -> None:
    """SIZE is a limit only where it is a number above 0 (RFC 1870 section 4)."""
    assert limit == announced(line).size_limit


def test_mechanisms() -> None:
    """Mechanisms keep the server's order; those of several lines are joined."""
    assert ("PLAIN", "SCRAM-SHA-256", "LOGIN") == announced(
        "AUTH plain SCRAM-SHA-256", "AUTH LOGIN PLAIN"
    ).mechanisms
    assert () == announced("AUTH").mechanisms
    assert () == NO_CAPABILITIES.mechanisms


def test_limits() -> None:
    """LIMITS are read as far as they are numbers (RFC 9422)."""
    assert {"RCPTMAX": 20, "MAILMAX": 5} == announced("LIMITS rcptmax=20 MAILMAX=5 X=a Y").limits
    assert {} == NO_CAPABILITIES.limits
