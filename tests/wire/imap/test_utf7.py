"""
Tests for modified UTF-7.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.wire.imap import utf7

PAIRS = {
    "plain": ("INBOX", b"INBOX"),
    "empty": ("", b""),
    "RFC 3501 section 5.1.3": (
        "~peter/mail/台北/日本語",
        b"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
    ),
    "ampersand": ("a&b", b"a&-b"),
    "ampersands": ("&&", b"&-&-"),
    "umlaut": ("Entwürfe", b"Entw&APw-rfe"),
    "beyond the BMP": ("😀", b"&2D3eAA-"),
    "comma": ("\u03ff", b"&A,8-"),
    "controls": ("a\r\n", b"a&AA0ACg-"),
    "hyphen behind a shift": ("ü-", b"&APw--"),
    "two scripts": ("ü&ä", b"&APw-&-&AOQ-"),
}


@pytest.mark.parametrize(("text", "octets"), PAIRS.values(), ids=PAIRS)
def test_both_ways(text: str, octets: bytes) -> None:
    """A name has one spelling."""
    assert (octets, text) == (utf7.encode(text), utf7.decode(octets))


@pytest.mark.parametrize(
    "octets",
    [
        b"&",
        b"a&",
        b"&APw",
        b"&AGE-",  # "a", which can stand for itself
        b"&APw-&AOQ-",  # two shifts in a row
        b"&ACY-",  # an ampersand in Base64
        b"&APw=-",
        b"&AP/8-",  # "/" for ","
        b"&A-",
        b"&AP-",
        b"&APx-",  # bits that have to be zero
        b"&2D0-",  # half a surrogate pair
        b"&3gDYPQ-",  # a pair the wrong way round
        b"\xc3\xbc",
        b"a\r\nb",
        b"a\x00",
        b"\x7f",
        b"& -",
    ],
    ids=repr,
)
def test_refuses(octets: bytes) -> None:
    """What is no modified UTF-7, or a second spelling of a name, is refused."""
    with pytest.raises(ValueError):
        utf7.decode(octets)


@settings(max_examples=200)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_decodes_what_it_encodes(text: str) -> None:
    """Decoding undoes encoding, and names are printable ASCII between."""
    octets = utf7.encode(text)
    assert text == utf7.decode(octets)
    assert octets.decode("ascii").isprintable()


@settings(max_examples=200)
@given(st.text("&-,/ab+AGEPw=ü", max_size=12))
def test_one_spelling(text: str) -> None:
    """Whatever decodes is exactly what its text is encoded to."""
    octets = text.encode("utf-8")
    try:
        decoded = utf7.decode(octets)
    except ValueError:
        return
    assert octets == utf7.encode(decoded)
