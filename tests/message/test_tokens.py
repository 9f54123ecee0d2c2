"""
Tests for the lexical elements of structured fields.
"""

from __future__ import annotations

from time import process_time

import pytest

from pymta.message._tokens import read_comment, read_quoted, skip_blank, unquote

COMMENTS = [
    pytest.param(b"(a)b", (b"a", 3), id="plain"),
    pytest.param(b"()", (b"", 2), id="empty"),
    pytest.param(b"(a(b)c)d", (b"a(b)c", 7), id="nested"),
    pytest.param(b"(a\\)b)c", (b"a)b", 6), id="quoted pair"),
    pytest.param(b"(a", (b"a", 2), id="no end"),
    pytest.param(b"(a(b)", (b"a(b)", 5), id="no outer end"),
    pytest.param(b"(a\\", (b"a\\", 3), id="ends in a quoted pair"),
    pytest.param(b"(a\r\n b)", (b"a b", 7), id="folded"),
]

QUOTED = [
    pytest.param(b'"a b"c', (b"a b", 5, True), id="plain"),
    pytest.param(b'""', (b"", 2, True), id="empty"),
    pytest.param(b'"a\\"b"c', (b'a"b', 6, True), id="quoted pair"),
    pytest.param(b'"a\\\\"c', (b"a\\", 5, True), id="quoted backslash"),
    pytest.param(b'"a', (b"a", 2, False), id="no end"),
    pytest.param(b'"a\r\n b"', (b"a b", 7, True), id="folded"),
    pytest.param(b'"a(b"', (b"a(b", 5, True), id="no comment within"),
]


@pytest.mark.parametrize(("octets", "expected"), COMMENTS)
def test_comment(octets: bytes, expected: tuple[bytes, int]) -> None:
    """
    A comment ends with its parenthesis, or with the octets.
    """
    assert expected == read_comment(octets, 0)


@pytest.mark.parametrize(("octets", "expected"), QUOTED)
def test_quoted(octets: bytes, expected: tuple[bytes, int, bool]) -> None:
    """
    A quoted string ends with its quote, or with the octets, and says which.
    """
    assert expected == read_quoted(octets, 0)


@pytest.mark.parametrize(
    ("octets", "position"),
    [(b"", 0), (b"a", 0), (b" \t\r\n a", 5), (b"(x) (y)a", 7), (b"(x", 2), (b"(x)", 3)],
)
def test_skip_blank(octets: bytes, position: int) -> None:
    """
    White space and comments are skipped, in any mixture.
    """
    assert position == skip_blank(octets, 0)


def test_unquote() -> None:
    """
    Quoted pairs are resolved once, and a lone backslash at the end stays.
    """
    assert b"a\\b" == unquote(b"a\\\\b")
    assert b"ab\\" == unquote(b"\\ab\\")


@pytest.mark.parametrize("octets", [b"(\\" * 500_000, b'"\\"' * 333_333])
def test_s19_one_megabyte_of_it(octets: bytes) -> None:
    """
    What has no end is read once.
    """
    started = process_time()
    if octets[:1] == b"(":
        assert len(octets) == skip_blank(octets, 0)
    else:
        read_quoted(octets, 0)

    assert process_time() - started < 5
