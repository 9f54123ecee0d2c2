"""
Tests for SASLprep.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.sasl import PreparationError, prepare_query, prepare_stored

EXAMPLES = [
    # RFC 4013 section 3
    pytest.param("I\u00adX", "IX", id="soft hyphen goes"),
    pytest.param("user", "user", id="nothing to do"),
    pytest.param("USER", "USER", id="case stays"),
    pytest.param("\u00aa", "a", id="NFKC"),
    pytest.param("\u2168", "IX", id="roman nine"),
    # others
    pytest.param("correct horse", "correct horse", id="space"),
    pytest.param("a\u00a0b\u3000c", "a b c", id="other spaces"),
    pytest.param("a\u200bb", "a b", id="zero width space, in two tables"),
    pytest.param("e\u0301", "\u00e9", id="composed"),
    pytest.param("\uff41", "a", id="full width"),
    pytest.param("=,\\\"'", "=,\\\"'", id="punctuation"),
    pytest.param("\u0627\u0628", "\u0627\u0628", id="right to left"),
    pytest.param("\u06271\u0628", "\u06271\u0628", id="digits within right to left"),
]

PROHIBITED = [
    pytest.param("", id="empty"),
    pytest.param("\u00ad", id="empty after mapping"),
    pytest.param("\u0007", id="BEL (RFC 4013 section 3)"),
    pytest.param("\u0627\u0031", id="bidi (RFC 4013 section 3)"),
    pytest.param("a\tb", id="tab"),
    pytest.param("a\r\n", id="line end"),
    pytest.param("a\0", id="NUL"),
    pytest.param("\x7f", id="DEL"),
    pytest.param("\u0085", id="C1 control"),
    pytest.param("\ue000", id="private use"),
    pytest.param("\uffff", id="no character"),
    pytest.param("\ud800", id="surrogate"),
    pytest.param("\ufffd", id="replacement character"),
    pytest.param("\u2ff0", id="ideographic description"),
    pytest.param("\u202e", id="direction override"),
    pytest.param("\U000e0041", id="tag"),
    pytest.param("a\u0627", id="left and right to left"),
    pytest.param("\u0627a\u0627", id="left to right within"),
]


@pytest.mark.parametrize(("text", "prepared"), EXAMPLES)
def test_prepared(text: str, prepared: str) -> None:
    """
    Both kinds of strings come out as the table says.
    """
    assert prepared == prepare_query(text)
    assert prepared == prepare_stored(text)


@pytest.mark.parametrize("text", PROHIBITED)
def test_prohibited(text: str) -> None:
    """
    What RFC 4013 prohibits is refused, and so is nothing at all.
    """
    with pytest.raises(PreparationError):
        prepare_query(text)
    with pytest.raises(PreparationError):
        prepare_stored(text)


@pytest.mark.parametrize("text", ["\U0001f600", "a\u0221", "\u20bf"])
def test_unassigned(text: str) -> None:
    """
    What Unicode 3.2 does not know may be asked for and not be stored.
    """
    assert text == prepare_query(text)
    with pytest.raises(PreparationError):
        prepare_stored(text)


@given(st.text(max_size=30))
@settings(max_examples=300, deadline=None)
def test_idempotent(text: str) -> None:
    """
    Any text is refused, or comes out in a form that comes out as it is.
    """
    try:
        prepared = prepare_query(text)
    except PreparationError:
        return

    assert prepared == prepare_query(prepared)


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1))
@settings(max_examples=50)
def test_printable_ascii(text: str) -> None:
    """
    Printable ASCII is never changed.
    """
    assert text == prepare_stored(text)
