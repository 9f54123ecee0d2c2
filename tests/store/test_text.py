"""
The text of messages: decoded in any slices, and compared without case.
"""

from __future__ import annotations

import binascii
import quopri
from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymta.interfaces.content import SLICE, Octets
from pymta.store._digest import digest_of
from pymta.store._text import Casemap, Text, _Base64, _QuotedPrintable
from tests.awaiting import now_done

FOLDED = [
    pytest.param("Abc", "aBC", id="ascii"),
    pytest.param("ÄÖÜ", "äöü", id="umlauts"),
    pytest.param("Ко\u0301т", "КО\u0301Т", id="cyrillic"),
    pytest.param("\u00c5", "A\u030a", id="decomposed"),
    pytest.param("ǆ", "Ǆ", id="title case"),
]


@pytest.mark.parametrize(("left", "right"), FOLDED)
def test_casemap(left: str, right: str) -> None:
    """The same text in another case or composition."""
    casemap = Casemap()

    assert casemap.map(left) == casemap.map(right)


def test_casemap_keeps_letters_apart() -> None:
    """Simple mappings only: a sharp s is no double s (RFC 5051 §2)."""
    casemap = Casemap()

    assert casemap.map("STRASSE") != casemap.map("straße")
    assert casemap.map("straße") == casemap.map("STRAßE")
    assert "fi" == casemap.map("ﬁ")


def pieces(octets: bytes, seed: int) -> list[bytes]:
    """Cut anywhere."""
    random, found = Random(seed), []
    while octets:
        n = random.choice((1, 1, 2, 3, 7, 100))
        found.append(octets[:n])
        octets = octets[n:]
    return found


@given(st.binary(max_size=300), st.integers(0, 9))
def test_base64_in_any_slices(octets: bytes, seed: int) -> None:
    """Where the slices fall changes nothing."""
    encoded = binascii.b2a_base64(octets) + b"\r\n"
    decoder = _Base64()
    got = b"".join(decoder.decode(piece) for piece in pieces(encoded, seed)) + decoder.finish()

    assert octets == got


@given(st.binary(max_size=300), st.integers(0, 9))
def test_quoted_printable_in_any_slices(octets: bytes, seed: int) -> None:
    """Where the slices fall changes nothing."""
    encoded = quopri.encodestring(octets, quotetabs=True)
    decoder = _QuotedPrintable()
    got = b"".join(decoder.decode(piece) for piece in pieces(encoded, seed)) + decoder.finish()

    assert quopri.decodestring(encoded) == got


def text_of(octets: bytes) -> Text:
    """A message as it was stored."""

    async def breathe() -> None:
        pass

    content = Octets(octets)
    structure = now_done(digest_of(content, breathe)).structure
    return Text(content, structure, Casemap(), breathe)


def found(text: Text, sought: str) -> bool:
    """Whether its body has it."""
    return now_done(text.body_contains(sought))


@pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "utf-16", "windows-1252", "koi9"])
@pytest.mark.parametrize("at", [SLICE - 3, SLICE - 2, SLICE - 1, SLICE, 2 * SLICE - 1])
def test_a_word_on_the_edge(charset: str, at: int) -> None:
    """A word is found where two slices meet, also in the middle of a character."""
    python = "utf-8" if charset == "koi9" else charset
    header = b"Content-Type: text/plain; charset=" + charset.encode() + b"\r\n\r\n"
    padding = "x" * (at // (2 if charset == "utf-16" else 1))
    text = text_of(header + (padding + "schönes" + "y" * 100).encode(python))

    assert found(text, "SCHÖNES")
    assert not found(text, "schönesz")


@pytest.mark.parametrize(
    ("body", "sought"),
    [
        pytest.param(b"caf\xe9", "caf", id="octets that are no UTF-8"),
        pytest.param("café".encode(), "café", id="UTF-8 undeclared"),
        pytest.param(b"", "", id="nothing in nothing"),
    ],
)
def test_without_a_character_set(body: bytes, sought: str) -> None:
    """What does not say what it is in."""
    assert found(text_of(b"Subject: x\r\n\r\n" + body), sought)


def test_utf_16_without_its_mark() -> None:
    """One such message, which anybody can send, neither fails nor hides from a search."""
    header = b"Content-Type: text/plain; charset=utf-16\r\n\r\n"

    assert found(text_of(header + "café".encode("utf-16-be")), "café")
    assert not found(text_of(header + b"c"), "café")


def test_hostile_text_is_fast() -> None:
    """A megabyte of what is almost an escape, or almost digits, takes no time."""
    for encoding, body in [
        (b"quoted-printable", b"=" * 2**20),
        (b"quoted-printable", b"= " * 2**19),
        (b"base64", b"====" * 2**18),
        (b"base64", b"A" * 2**20),
    ]:
        header = b"Content-Type: text/plain\r\nContent-Transfer-Encoding: " + encoding + b"\r\n\r\n"
        assert not found(text_of(header + body), "needle")


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"Date: Mon, 1 Jan 2024 23:30:00 -0800\r\n", date(2024, 1, 1)),
        (b"Date: nonsense\r\n", None),
        (b"", None),
    ],
)
def test_sent(field: bytes, expected: date | None) -> None:
    """The day in the zone of whoever sent it."""
    assert expected == text_of(field + b"Subject: x\r\n\r\n").sent()


def test_a_header_beyond_all_limits() -> None:
    """What is within them is searched."""
    octets = b"Subject: start\r\n" + b"X: y\r\n" * 400_000 + b"\r\n"

    assert now_done(text_of(octets).field_contains("subject", "START"))
