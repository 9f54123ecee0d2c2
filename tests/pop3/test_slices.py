"""
Tests for what is sent a slice at a time.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface import implementer

from pymta.interfaces.content import SLICE, IContent, Octets
from pymta.pop3.replies import Source
from pymta.pop3.slices import Listing, Top, Whole, has_ascii_header
from tests.edge.home import result


@implementer(IContent)
class Cut:
    """Content that gives a few octets at a time, and remembers how many were asked for."""

    def __init__(self, octets: bytes, size: int) -> None:
        self.size = len(octets)
        self.read_to = 0
        self._octets = octets
        self._most = size

    async def read(self, start: int, stop: int) -> bytes:
        self.read_to = min(start + self._most, stop, self.size)
        return self._octets[start : self.read_to]


def all_of(source: Source) -> bytes:
    """Everything that a source gives."""
    octets = b""
    while more := result(source.read()):
        octets += more
    return octets


def reference(message: bytes, lines: int) -> bytes:
    """The top of a message, the slow way."""
    empty = re.search(rb"(?:\A|(?<=\n))\r?\n", message)
    if empty is None:
        return message
    body = message[empty.end() :].splitlines(keepends=True) if lines else []
    ends = re.findall(rb"[^\n]*\n|[^\n]+", message[empty.end() :])
    return message[: empty.end()] + b"".join(ends[:lines] if body else [])


MESSAGES = [
    pytest.param(b"a: b\r\n\r\n1\r\n2\r\n3\r\n", id="usual"),
    pytest.param(b"a: b\r\nc: d\r\n", id="no body"),
    pytest.param(b"a: b\r\n\r\n", id="empty body"),
    pytest.param(b"\r\n1\r\n2\r\n", id="no header"),
    pytest.param(b"a: b\n\n1\n2\n3\n", id="bare LF"),
    pytest.param(b"a: b\r\n\r\n\r\n\r\n\r\n", id="empty lines"),
    pytest.param(b"a: b\r\n\r\n1\r\n2", id="no last CRLF"),
    pytest.param(b"a: b\r\r\n\r\n1\r\n", id="CR CRLF"),
    pytest.param(b"", id="nothing"),
]


@pytest.mark.parametrize("lines", [0, 1, 2, 3, 100])
@pytest.mark.parametrize("size", [1, 2, 3, 7, SLICE])
@pytest.mark.parametrize("message", MESSAGES)
def test_top(message: bytes, size: int, lines: int) -> None:
    """The header, the empty line and so many lines, however the content is cut."""
    assert reference(message, lines) == all_of(Top(Cut(message, size), lines))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([b"\r\n", b"\n", b"\r", b"a", b"."]), max_size=30).map(b"".join),
    st.integers(1, 40),
    st.integers(0, 5),
)
def test_top_of_anything(message: bytes, size: int, lines: int) -> None:
    """The same holds for whatever is kept."""
    assert reference(message, lines) == all_of(Top(Cut(message, size), lines))


def test_top_reads_no_further_than_it_must() -> None:
    """A few lines of 10 MB are one slice; so is the question whether the header is ASCII."""
    message = b"a: b\r\n\r\n" + b"x" * 78 + b"\r\n" * 5_000_000
    for look in (lambda content: all_of(Top(content, 2)), has_ascii_header):
        content = Cut(message, SLICE)
        looked = look(content)
        if not isinstance(looked, bytes):
            assert result(looked)
        assert content.read_to == SLICE


def test_top_of_many_lines() -> None:
    """A million lines are counted, not walked through."""
    message = b"a: b\r\n\r\n" + b"\r\n" * 1_000_000 + b"end\r\n"

    assert message[:-5] == all_of(Top(Octets(message), 1_000_000))


@pytest.mark.parametrize("size", [1, 5, SLICE])
def test_whole(size: int) -> None:
    """Octet for octet, in as many slices as the content gives."""
    message = bytes(range(256)) * 5

    assert message == all_of(Whole(Cut(message, size)))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(b"Subject: x\r\n\r\n\xc3\xa9\r\n", True, id="UTF-8 in the body only"),
        pytest.param("Subject: é\r\n\r\n".encode(), False, id="UTF-8 in the header"),
        pytest.param(b"\r\n\xff\r\n", True, id="no header"),
        pytest.param(b"Subject: \xff", False, id="nothing but header"),
    ],
)
def test_ascii_header(message: bytes, expected: bool) -> None:
    """Only the header counts."""
    for size in (1, 3, SLICE):
        assert expected == result(has_ascii_header(Cut(message, size)))


def test_listing() -> None:
    """Every number once, in slices of at most 64 KiB, also where whole stretches are left out."""

    def lines(start: int, stop: int) -> list[str]:
        return [f"{n} {'x' * 70}\r\n" for n in range(start, stop) if not 1000 < n < 9000]

    listing = Listing(10_000, lines)
    slices = []
    while octets := result(listing.read()):
        slices.append(octets)

    numbers = [int(line.split()[0]) for line in b"".join(slices).splitlines()]
    assert [*range(1, 1001), *range(9000, 10_001)] == numbers
    assert max(map(len, slices)) <= SLICE
