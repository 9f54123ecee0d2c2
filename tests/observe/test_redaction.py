"""
Tests for redacting addresses, alone and in the words of others.
"""

from __future__ import annotations

import time

import pytest

from pymta.observe.redaction import (
    Redaction,
    domain_only,
    plain,
    printable,
    pseudonyms,
    redacted,
)

TEXTS = [
    pytest.param(plain, "no <bob@example.org> here", "no <bob@example.org> here", id="plain"),
    pytest.param(domain_only, "no <bob@example.org> here", "no <…@example.org> here", id="angle"),
    pytest.param(domain_only, "bob@a.test,eve@b.test", "…@a.test,…@b.test", id="two"),
    pytest.param(domain_only, "user=bob@a.test: no", "…@a.test: no", id="name and value"),
    pytest.param(domain_only, "no such user", "no such user", id="none"),
    pytest.param(domain_only, "@", "…@", id="at alone"),
]


@pytest.mark.parametrize(("redaction", "text", "expected"), TEXTS)
def test_addresses_in_text(redaction: Redaction, text: str, expected: str) -> None:
    """
    Each word with an @ is redacted, and nothing else is touched.
    """
    assert expected == redacted(text, redaction)


def test_domain_only() -> None:
    """
    Of an address its domain is left, of a bare name nothing.
    """
    assert "…@example.org" == domain_only("bob@example.org")
    assert "…" == domain_only("bob")


def test_pseudonyms_tell_people_apart_and_do_not_name_them() -> None:
    """
    One address always gives one name, in any case of letters; another key gives others.
    """
    name = pseudonyms(b"key")

    assert name("bob@example.org") == name("Bob@example.org")
    assert name("bob@example.org") != name("eve@example.org")
    assert name("bob@example.org") != name("bob@example.com")
    assert name("bob@example.org") != pseudonyms(b"other")("bob@example.org")
    assert name("bob@example.org").endswith("@example.org")
    assert "bob" not in name("bob@example.org")
    assert "bob" not in name("bob")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("grüße", "grüße", id="letters"),
        pytest.param("a\r\nb", "a\\r\\nb", id="lines"),
        pytest.param("a\x1b[2Jb", "a\\x1b[2Jb", id="escape sequence"),
        pytest.param("a\u2028b", "a\\u2028b", id="line separator"),
        pytest.param("a\udcffb", "a\\udcffb", id="lone surrogate"),
    ],
)
def test_s12_one_line(text: str, expected: str) -> None:
    """
    Nothing that a peer sent begins a line of its own, or drives a terminal.
    """
    assert expected == printable(text)


def test_large_text_is_linear() -> None:
    """
    A megabyte without any address, and one of nothing but @, take no time.
    """
    began = time.perf_counter()

    redacted("x" * 500_000 + "@" + "x" * 500_000, domain_only)
    redacted("@ " * 100_000, domain_only)

    assert time.perf_counter() - began < 2
