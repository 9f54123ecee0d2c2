"""
Tests for lines, literals and tags.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.wire.imap.lexer import Announced, Input, Overlong, split_announced, split_tag


def lines(data: bytes, *, limit: int = 10, cut: int | None = None) -> list[bytes | Overlong]:
    """All lines of this, fed whole or in slices."""
    source = Input()
    found = []
    step = cut or len(data) or 1
    for at in range(0, len(data), step):
        source.feed(data[at : at + step])
        while (line := source.next_line(limit)) is not None:
            found.append(line)
    return found


LINES = {
    "CRLF": (b"a\r\nb\r\n", [b"a", b"b"]),
    "LF": (b"a\nb\n", [b"a", b"b"]),
    "empty": (b"\r\n\n\r\n", [b"", b"", b""]),
    "CR within": (b"a\rb\r\r\n", [b"a\rb\r"]),
    "open": (b"a\r\nb", [b"a"]),
    "as long as may be": (b"0123456789\r\n", [b"0123456789"]),
    "too long": (b"0123456789a\r\nb\r\n", [Overlong(b"0123456789a", b"0123456789a"), b"b"]),
    "two too long": (
        b"0123456789ab\n" * 2 + b"c\n",
        [Overlong(b"0123456789ab", b"0123456789ab")] * 2 + [b"c"],
    ),
    "far too long": (
        b"a1 " + b"x" * 1_000 + b" {5+}\r\nb\r\n",
        [Overlong(b"a1 " + b"x" * 253, b"x" * 59 + b" {5+}"), b"b"],
    ),
}


@pytest.mark.parametrize("cut", [None, 1, 2, 3, 7, 100])
@pytest.mark.parametrize(("data", "expected"), LINES.values(), ids=LINES)
def test_lines(data: bytes, expected: list[bytes | Overlong], cut: int | None) -> None:
    """Lines come without their ends; of those too long come the two ends alone."""
    found = lines(data, cut=cut)
    assert len(expected) == len(found)
    for wanted, line in zip(expected, found, strict=True):
        if isinstance(wanted, Overlong) and isinstance(line, Overlong):
            # How much of the ends is kept depends on the slices, but it is enough.
            assert (wanted.head[:10], wanted.tail[-6:]) == (line.head[:10], line.tail[-6:])
        else:
            assert wanted == line


@settings(max_examples=100)
@given(st.lists(st.binary(max_size=15)), st.integers(1, 20))
def test_cuts_do_not_matter(parts: list[bytes], cut: int) -> None:
    """The same lines come out, wherever the network cuts."""
    data = b"\r\n".join(parts) + b"\r\n"
    whole = [line if isinstance(line, bytes) else None for line in lines(data)]
    pieces = [line if isinstance(line, bytes) else None for line in lines(data, cut=cut)]
    assert whole == pieces


def test_memory_is_bounded() -> None:
    """A line that never ends is not kept."""
    source = Input()
    for _ in range(100):
        source.feed(b"x" * 10_000)
        assert source.next_line(100) is None
        assert 0 == len(source)


def test_octets() -> None:
    """Octets are taken and dropped by count, and lines go on behind them."""
    source = Input()
    source.feed(b"12345678line\r\nrest")
    assert b"123" == source.take(3)
    assert 5 == source.drop(5)
    assert b"line" == source.next_line(10)
    assert b"rest" == source.take(10)
    assert (b"", 0) == (source.take(10), source.drop(10))


def test_line_end_cut_by_octets() -> None:
    """A CR that was taken as an octet does not belong to the line behind it."""
    source = Input()
    source.feed(b"ab\r\n")
    source.take(3)
    assert b"" == source.next_line(10)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"a {5}", (b"a ", Announced(5))),
        (b"a {5+}", (b"a ", Announced(5, synchronizing=False))),
        (b"a ~{5}", (b"a ", Announced(5, binary=True))),
        (b"a ~{5+}", (b"a ", Announced(5, synchronizing=False, binary=True))),
        (b"{0}", (b"", Announced(0))),
        (b"a {007}", (b"a ", Announced(7))),
        (b"a {18446744073709551617}", (b"a ", Announced(2**64))),
        (b"a {" + b"9" * 50 + b"}", (b"a ", Announced(2**64))),
        (b"a {5} ", (b"a {5} ", None)),
        (b"a {5-}", (b"a {5-}", None)),
        (b"a {-5}", (b"a {-5}", None)),
        (b"a {}", (b"a {}", None)),
        (b"a {+}", (b"a {+}", None)),
        (b"a 5}", (b"a 5}", None)),
        (b"}", (b"}", None)),
        (b"a {5}\n", (b"a {5}\n", None)),
        (b"{" * 100_000 + b"}", (b"{" * 100_000 + b"}", None)),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_announcements(line: bytes, expected: tuple[bytes, Announced | None]) -> None:
    """A literal is announced at the very end of a line (RFC 3501 section 9, RFC 7888)."""
    assert expected == split_announced(line)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"a1 NOOP", ("a1", b"NOOP")),
        (b"] x", ("]", b"x")),
        (b"a", ("a", b"")),
        (b"a ", ("a", b"")),
        (b"a  NOOP", ("a", b" NOOP")),
        (b" NOOP", (None, b"NOOP")),
        (b"", (None, b"")),
        (b"* OK", (None, b"OK")),
        (b"+ OK", (None, b"OK")),
        (b"a+b NOOP", (None, b"NOOP")),
        (b"a{ NOOP", (None, b"NOOP")),
        (b'a" NOOP', (None, b"NOOP")),
        (b"\xfc NOOP", (None, b"NOOP")),
        (b"a\t NOOP", (None, b"NOOP")),
        (b"a" * 201 + b" NOOP", (None, b"NOOP")),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_tags(line: bytes, expected: tuple[str | None, bytes]) -> None:
    """A tag is of ASTRING-CHAR without ``+`` (RFC 3501 section 9), and not endless."""
    assert expected == split_tag(line)
