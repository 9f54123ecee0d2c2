"""
Tests for the stuffing of dots.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.wire._dots import DotDecoder, DotEncoder
from tests.wire.pop3.drop import cuts

CONTENTS = [
    pytest.param(b"", b".\r\n", id="empty"),
    pytest.param(b"\r\n", b"\r\n.\r\n", id="an empty line"),
    pytest.param(b"a\r\n", b"a\r\n.\r\n", id="one line"),
    pytest.param(b".\r\n", b"..\r\n.\r\n", id="lone dot"),
    pytest.param(b"..a\r\n", b"...a\r\n.\r\n", id="two dots"),
    pytest.param(b"a\r\n.b\r\n\r\n", b"a\r\n..b\r\n\r\n.\r\n", id="dot within"),
    pytest.param(b"a\n.\nb\r\n", b"a\n.\nb\r\n.\r\n", id="no line behind LF"),
    pytest.param(b"a\n..b\r\n", b"a\n..b\r\n.\r\n", id="two dots behind LF"),
    pytest.param(b"a\r.\rb\r\n", b"a\r.\rb\r\n.\r\n", id="no line behind CR"),
    pytest.param(b"a\r\r\n.\r\n", b"a\r\r\n..\r\n.\r\n", id="CR CRLF dot"),
]


@pytest.mark.parametrize("size", [1, 2, 3, 1 << 20])
@pytest.mark.parametrize(("content", "wire"), CONTENTS)
def test_stuff(content: bytes, wire: bytes, size: int) -> None:
    """The right column is what goes out, however the left one is fed."""
    stuffer = DotEncoder()

    assert wire == b"".join(map(stuffer.encode, cuts(content, size))) + stuffer.end()


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize(("content", "wire"), CONTENTS)
def test_unstuff(content: bytes, wire: bytes, size: int) -> None:
    """And the left one what comes in, however the right one is cut."""
    unstuffer, got = DotDecoder(), b""
    for piece in cuts(wire, size):
        assert not unstuffer.ended
        got += unstuffer.decode(piece)

    assert content == got
    assert unstuffer.ended


@pytest.mark.parametrize(("content", "wire"), CONTENTS)
def test_unstuff_with_trailing_data(content: bytes, wire: bytes) -> None:
    """What follows the end is the next response."""
    unstuffer = DotDecoder()

    assert content == unstuffer.decode(wire + b"+OK\r\n.\r\n")
    assert b"+OK\r\n.\r\n" == unstuffer.rest


@pytest.mark.parametrize("content", [b"a", b"a\n", b"a\r", b"a\r\n."])
def test_content_without_its_last_crlf_gets_one(content: bytes) -> None:
    """A line ends with CRLF, or the end could not be seen."""
    stuffer, unstuffer = DotEncoder(), DotDecoder()

    assert content + b"\r\n" == unstuffer.decode(stuffer.encode(content) + stuffer.end())
    assert unstuffer.ended


@settings(max_examples=200)
@given(st.lists(st.binary(max_size=6) | st.sampled_from([b".", b"\r\n", b"\r", b"\n"])), st.data())
def test_round_trip(pieces: list[bytes], data: st.DataObject) -> None:
    """Unstuffing undoes stuffing, octet for octet, over any cuts."""
    content = b"".join(pieces) + b"\r\n"
    stuffer, unstuffer, got = DotEncoder(), DotDecoder(), b""
    wire = b"".join(map(stuffer.encode, [*pieces, b"\r\n"])) + stuffer.end()
    while wire:
        size = data.draw(st.integers(1, len(wire)))
        got += unstuffer.decode(wire[:size])
        wire = wire[size:]

    assert content == got
    assert unstuffer.ended
    assert b"" == unstuffer.rest
