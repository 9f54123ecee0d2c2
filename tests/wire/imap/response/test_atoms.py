"""
Tests for the elements of a response.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.mailbox import UIDSet
from pymta.wire.imap.cursor import Cursor, Literal
from pymta.wire.imap.lexer import split_announced
from pymta.wire.imap.response import atoms


def read(octets: bytes) -> bytes:
    """As a client reads it."""
    line, _, rest = octets.partition(b"\r\n")
    text, announced = split_announced(line)
    if announced is None:
        return Cursor([octets]).astring()
    assert announced.size == len(rest)
    return Cursor([text, Literal(rest)]).string()


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", b'""'),
        (b"abc", b'"abc"'),
        (b'a "b" \\', b'"a \\"b\\" \\\\"'),
        (b"a\tb", b'"a\tb"'),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"\0", b"{1}\r\n\0"),
        (b"\xc3\xbc", b"{2}\r\n\xc3\xbc"),
        (b"x" * 1_001, b"{1001}\r\n" + b"x" * 1_001),
    ],
)
def test_strings(octets: bytes, expected: bytes) -> None:
    """A string is quoted where it can be, else a literal."""
    assert expected == atoms.string(octets) == atoms.nstring(octets)


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"abc", b"abc"),
        (b"a]", b"a]"),
        (b"", b'""'),
        (b"a b", b'"a b"'),
        (b"a%", b'"a%"'),
        (b"(", b'"("'),
        (b"NIL", b'"NIL"'),
        (b"nil", b'"nil"'),
    ],
)
def test_astrings(octets: bytes, expected: bytes) -> None:
    """An atom stands for itself, but for NIL."""
    assert expected == atoms.astring(octets)


@settings(max_examples=200)
@given(st.binary(max_size=50).filter(lambda octets: b"\0" not in octets))
def test_reads_what_was_written(octets: bytes) -> None:
    """Whatever the octets, they are read as they were."""
    assert octets == read(atoms.string(octets)) == read(atoms.astring(octets))


@pytest.mark.parametrize(
    ("name", "plain", "utf8"),
    [
        ("INBOX", b"INBOX", b"INBOX"),
        ("a b", b'"a b"', b'"a b"'),
        ("Entwürfe", b"Entw&APw-rfe", '"Entwürfe"'.encode()),
        ("a&b", b"a&-b", b"a&b"),
        ("", b'""', b'""'),
        ('ü"', b'"&APw-\\""', '"ü\\""'.encode()),
    ],
)
def test_mailboxes(name: str, plain: bytes, utf8: bytes) -> None:
    """Names are modified UTF-7, or UTF-8 for who has asked for it."""
    assert (plain, utf8) == (atoms.mailbox(name, utf8=False), atoms.mailbox(name, utf8=True))


@pytest.mark.parametrize(
    ("value", "utf8", "expected"),
    [
        ("abc", False, b'"abc"'),
        ("ü", False, b"{2}\r\n\xc3\xbc"),
        ("ü", True, b'"\xc3\xbc"'),
        ("ü\n", True, b"{3}\r\n\xc3\xbc\n"),
        ("ü" * 600, True, b"{1200}\r\n" + b"\xc3\xbc" * 600),
    ],
)
def test_text(value: str, utf8: bool, expected: bytes) -> None:
    """Text beyond ASCII is quoted only for who takes that."""
    assert expected == atoms.text(value, utf8=utf8)


def test_the_rest() -> None:
    """The smaller elements."""
    assert b"NIL" == atoms.nstring(None)
    assert b"~{1}\r\n\0" == atoms.literal8(b"\0")
    assert b"1:3,7" == atoms.number_set(UIDSet([1, 2, 3, 7]))
    assert b"7,1:3" == atoms.number_set([(7, 7), (1, 3)])
    assert b"(\\Seen a)" == atoms.flags({"a", "\\Seen"})
    assert b"(a b)" == atoms.parenthesised([b"a", b"b"])
    moment = datetime(1994, 2, 7, 21, 52, 25, tzinfo=UTC)
    assert b'"07-Feb-1994 21:52:25 +0000"' == atoms.date_time(moment)
