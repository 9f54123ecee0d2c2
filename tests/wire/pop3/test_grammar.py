"""
Tests for the grammar of lines.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pymta.wire.pop3.grammar import (
    Refusal,
    decode_base64,
    encode_base64,
    number,
    response,
    split_code,
    split_command,
    strip_end,
)


@pytest.mark.parametrize(
    ("line", "stripped"),
    [(b"a\r\n", b"a"), (b"a\n", b"a"), (b"\n", b""), (b"\r\n", b""), (b"a\r\r\n", b"a\r")],
)
def test_strip_end(line: bytes, stripped: bytes) -> None:
    """One end is stripped, CRLF or LF."""
    assert stripped == strip_end(line)


def test_keywords_are_compared_as_octets() -> None:
    """No letter outside ASCII becomes one by upper-casing."""
    assert ("PAß".encode(), b"x y") == split_command("paß x y".encode())


@pytest.mark.parametrize(("text", "value"), [(b"1", 1), (b"0007", 7), (b"4294967295", 2**32 - 1)])
def test_number(text: bytes, value: int) -> None:
    """From 1 to 2^32-1, decimal."""
    assert value == number(text)


@pytest.mark.parametrize(
    "data", [b"=AAA", b"AAA=BBB", b"AAA", b"A", b"AA==AA==", b"AA==\n", b"A A=", b"AA-_", b"===="]
)
def test_base64_that_is_none(data: bytes) -> None:
    """Nothing is ignored (RFC 5034 §4)."""
    with pytest.raises(Refusal):
        decode_base64(data)


@given(st.binary(max_size=100))
def test_base64_round_trip(data: bytes) -> None:
    """What is encoded is decoded, on one line."""
    assert data == decode_base64(encode_base64(data))
    assert b"\n" not in encode_base64(data)


@pytest.mark.parametrize(
    ("text", "split"),
    [
        ("[IN-USE] Do you", ("IN-USE", "Do you")),
        ("[sys/temp]", ("SYS/TEMP", "")),
        ("no [AUTH]", (None, "no [AUTH]")),
        ("[no code", (None, "[no code")),
        ("[] x", (None, "[] x")),
        ("", (None, "")),
    ],
)
def test_split_code(text: str, split: tuple[str | None, str]) -> None:
    """A code is what stands in brackets at the beginning."""
    assert split == split_code(text)


@given(st.text(st.characters(exclude_categories=["Cc"])), st.sampled_from(["ascii", "utf-8"]))
def test_a_response_is_one_line(text: str, encoding: str) -> None:
    """Whatever the text, it has 512 octets at most and one end."""
    line = response(b"+OK", text.lstrip("["), encoding=encoding)

    assert len(line) <= 512
    assert 1 == line.count(b"\n")
    assert line.endswith(b"\r\n")
    line.decode(encoding)
