"""
Tests for the characters of a part's text.
"""

from __future__ import annotations

import codecs
from encodings.aliases import aliases

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message.characters import characters_of
from pymta.message.encodedword import codec_of

CHARSETS = sorted({alias for alias in aliases if codec_of(alias.encode()) is not None})


def read(charset: bytes, *slices: bytes) -> str:
    """The text of these octets."""
    characters = characters_of((("charset", charset),))
    return "".join(map(characters.decode, slices)) + characters.decode(b"", final=True)


TEXTS = [
    pytest.param(b"utf-8", "é".encode(), "é", id="UTF-8"),
    pytest.param(b"us-ascii", "é".encode(), "é", id="US-ASCII with more"),
    pytest.param(b"", "é".encode(), "é", id="no character set"),
    pytest.param(b"unheard-of", "é".encode(), "é", id="an unknown one"),
    pytest.param(b"iso-8859-1", b"\xe9", "é", id="ISO 8859-1"),
    pytest.param(b"utf-16", codecs.BOM_UTF16_LE + "é!".encode("utf-16-le"), "é!", id="little end"),
    pytest.param(b"utf-16", codecs.BOM_UTF16_BE + "é!".encode("utf-16-be"), "é!", id="big end"),
    pytest.param(b"utf-16", "é!".encode("utf-16-be"), "é!", id="no mark"),
    pytest.param(b"utf-16", b"", "", id="nothing"),
    pytest.param(b"utf-7", b"+2D3eAA-", "\U0001f600", id="UTF-7"),
    pytest.param(b"utf-7", b"+2AA-b", "\ufffdb", id="half a character in UTF-7"),
    pytest.param(b"utf-16", b"\xfe", "\ufffd", id="half a mark"),
    pytest.param(b"utf-16", b"\0a\0", "a\ufffd", id="half a character"),
]


@pytest.mark.parametrize(("charset", "octets", "expected"), TEXTS)
def test_texts(charset: bytes, octets: bytes, expected: str) -> None:
    """Whole, and octet by octet."""
    assert expected == read(charset, octets)
    assert expected == read(charset, *(octets[at : at + 1] for at in range(len(octets))))


@settings(max_examples=300, deadline=None)
@given(charset=st.sampled_from(CHARSETS), slices=st.lists(st.binary(max_size=8), max_size=4))
def test_nothing_raises(charset: str, slices: list[bytes]) -> None:
    """Whatever a stranger calls his octets; and what it becomes is text."""
    read(charset.encode(), *slices).encode()
