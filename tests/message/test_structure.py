"""
Tests for the sections of a structure.
"""

from __future__ import annotations

import pytest

from pymta.message.structure import Span
from tests.message.structures import check, read, shape

TEXT = b"Content-Type: text/plain\r\n\r\nT\r\n"
DATA = b"Content-Type: application/octet-stream\r\n\r\nD\r\n"


def multipart(subtype: bytes, boundary: bytes, *parts: bytes) -> bytes:
    """A multipart entity."""
    head = b"Content-Type: multipart/" + subtype + b'; boundary="' + boundary + b'"\r\n\r\n'
    delimiter = b"--" + boundary
    return (
        head + b"".join(delimiter + b"\r\n" + part + b"\r\n" for part in parts) + delimiter + b"--"
    )


def message(inside: bytes) -> bytes:
    """A message/rfc822 part."""
    return b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n" + inside


GIF = b"Content-Type: image/gif\r\n\r\nG\r\n"
RICH = b"Content-Type: text/richtext\r\n\r\nR\r\n"
# The example of RFC 9051 section 6.4.5.1.
EXAMPLE = b"Subject: outer\r\n" + multipart(
    b"mixed",
    b"1",
    TEXT,
    DATA,
    message(multipart(b"mixed", b"2", TEXT, DATA)),
    multipart(
        b"mixed",
        b"3",
        GIF,
        message(multipart(b"mixed", b"4", TEXT, multipart(b"alternative", b"5", TEXT, RICH))),
    ),
)
STRUCTURE = read([EXAMPLE])

TYPES = {
    (1,): "text/plain",
    (2,): "application/octet-stream",
    (3,): "message/rfc822",
    (3, 1): "text/plain",
    (3, 2): "application/octet-stream",
    (4,): "multipart/mixed",
    (4, 1): "image/gif",
    (4, 2): "message/rfc822",
    (4, 2, 1): "text/plain",
    (4, 2, 2): "multipart/alternative",
    (4, 2, 2, 1): "text/plain",
    (4, 2, 2, 2): "text/richtext",
}

SECTIONS = [
    pytest.param("", b"Subject: outer", id="all"),
    pytest.param("HEADER", b"Subject: outer", id="HEADER"),
    pytest.param("TEXT", b"--1\r\n", id="TEXT"),
    pytest.param("1", b"T\r\n", id="1"),
    pytest.param("1.MIME", b"Content-Type: text/plain\r\n\r\n", id="1.MIME"),
    pytest.param("3", b"Subject: inner\r\n", id="3"),
    pytest.param("3.MIME", b"Content-Type: message/rfc822\r\n\r\n", id="3.MIME"),
    pytest.param("3.HEADER", b"Subject: inner\r\nContent-Type: multipart", id="3.HEADER"),
    pytest.param("3.TEXT", b"--2\r\n", id="3.TEXT"),
    pytest.param("3.2", b"D\r\n", id="3.2"),
    pytest.param("4", b"--3\r\n", id="4"),
    pytest.param("4.2.HEADER", b"Subject: inner\r\n", id="4.2.HEADER"),
    pytest.param("4.2.2.2.MIME", b"Content-Type: text/richtext\r\n\r\n", id="4.2.2.2.MIME"),
]

ABSENT = [
    *("0", "5", "1.1", "3.3", "1.HEADER", "1.TEXT", "4.HEADER", "MIME", "3.1.HEADER", "X"),
    *("1.X", "HEADER.1", "1..2", "1.", ".1", "-1", "1.²", "٣", "99999999999999999999", "1.99"),
]


def test_numbers_of_the_rfc() -> None:
    """
    The parts of the example have the numbers that the RFC gives them, in that order.
    """
    check(STRUCTURE, EXAMPLE)
    assert TYPES == {numbers: str(part.media) for numbers, part in STRUCTURE.walk()}
    assert list(TYPES) == [numbers for numbers, _part in STRUCTURE.walk()]


@pytest.mark.parametrize(("name", "start"), SECTIONS)
def test_section(name: str, start: bytes) -> None:
    """
    A section is where its name says.
    """
    span = STRUCTURE.section(name)

    assert span is not None
    assert EXAMPLE[slice(*span)].startswith(start)


@pytest.mark.parametrize("name", ABSENT)
def test_no_such_section(name: str) -> None:
    """
    What a message does not have is None, whatever was asked.
    """
    assert STRUCTURE.section(name) is None


def test_message_that_is_no_multipart() -> None:
    """
    Its body is part 1, and its header serves as that part's.
    """
    structure = read([TEXT])

    assert Span(28, 31) == structure.section("1") == structure.section("TEXT")
    assert Span(0, 28) == structure.section("1.MIME") == structure.section("HEADER")
    assert structure.section("1.1") is None
    assert structure.section("1.HEADER") is None
    assert structure.part(()) is None


def test_message_in_a_message() -> None:
    """
    A message that is itself a message/rfc822: part 1 is that, and 1.1 what it encloses.
    """
    structure = read([message(message(TEXT))])

    assert "message/rfc822[message/rfc822[text/plain]]" == shape(structure.root)
    assert [(1,), (1, 1), (1, 1, 1)] == [numbers for numbers, _part in structure.walk()]
    text = structure.part((1, 1, 1))
    assert text is not None
    assert "text/plain" == str(text.media)
