"""
Tests for the SMTP data codec, and for the look at lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from random import Random

import pytest

from pymta.wire.smtp.data import DataDecoder, DataEncoder, Newlines, TextCheck

MESSAGES = [
    pytest.param(b"", b".\r\n", id="empty"),
    pytest.param(b"a\r\n", b"a\r\n.\r\n", id="one line"),
    pytest.param(b".\r\n", b"..\r\n.\r\n", id="lone dot"),
    pytest.param(b"..a\r\n", b"...a\r\n.\r\n", id="two dots"),
    pytest.param(b"a\r\n.b\r\n\r\n", b"a\r\n..b\r\n\r\n.\r\n", id="dot within"),
    pytest.param(b"a\n.\nb\r\n", b"a\n.\nb\r\n.\r\n", id="LF dot LF is no end"),
    pytest.param(b"a\r.\rb\r\n", b"a\r.\rb\r\n.\r\n", id="CR dot CR is no end"),
]
ENDS = [b"\r", b"\n", b"\r\n", b"\r\r\n"]


def splits(wire: bytes, seed: int) -> Iterator[bytes]:
    """Cut wire in random slices, many of them one octet long."""
    random = Random(seed)
    while wire:
        n = random.choice((1, 1, 2, 3, 7, 40))
        yield wire[:n]
        wire = wire[n:]


@pytest.mark.parametrize(("message", "wire"), MESSAGES)
def test_decode_whole(message: bytes, wire: bytes) -> None:
    """A stream in one slice gives the message, and the octets behind its end."""
    decoder = DataDecoder()

    assert message == decoder.decode(wire + b"NOOP\r\n")
    assert decoder.ended
    assert b"NOOP\r\n" == decoder.rest


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(("message", "wire"), MESSAGES)
def test_decode_any_split(message: bytes, wire: bytes, seed: int) -> None:
    """Where the network cuts the stream changes nothing."""
    decoder = DataDecoder()
    got = b""
    for data in splits(wire, seed):
        assert not decoder.ended
        got += decoder.decode(data)

    assert message == got
    assert decoder.ended


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(("message", "wire"), MESSAGES)
def test_encode_any_split(message: bytes, wire: bytes, seed: int) -> None:
    """The encoder writes the table's other column, however it is fed."""
    encoder = DataEncoder()
    got = b"".join(encoder.encode(data) for data in splits(message, seed))

    assert wire == got + encoder.end()


def test_unended_message_gets_its_line_end() -> None:
    """A message without a final CRLF is ended by one of the codec's."""
    encoder = DataEncoder()

    assert b"a\r\n.\r\n" == encoder.encode(b"a") + encoder.end()


@pytest.mark.parametrize(("before", "after"), list(product(ENDS, ENDS)))
def test_s01_only_crlf_dot_crlf_ends(before: bytes, after: bytes) -> None:
    """Of all line ends round a dot, those that hold CRLF dot CRLF end the data, however cut."""
    wire = b"a" + before + b"." + after + b"b\r\n.\r\n"
    ends = wire.index(b"\r\n.\r\n") + 5
    for cut in range(len(wire)):
        decoder = DataDecoder()
        for data in (wire[:cut], wire[cut:]):
            if decoder.ended:
                decoder.rest += data
            else:
                decoder.decode(data)

        assert decoder.ended
        assert wire[ends:] == decoder.rest


def test_round_trip() -> None:
    """Decoding what was encoded gives any message back."""
    random = Random(0)
    for seed in range(1000):
        message = bytes(random.choices(b".\r\na", k=random.randrange(30))) + b"\r\n"
        encoder, decoder = DataEncoder(), DataDecoder()
        wire = b"".join(encoder.encode(d) for d in splits(message, seed)) + encoder.end()
        got = b"".join(decoder.decode(d) for d in splits(wire, seed + 1))

        assert message == got, wire
        assert decoder.ended


def checked(check: TextCheck, data: bytes, seed: int) -> bytes:
    """What a check passes of data cut anywhere."""
    return b"".join(map(check.check, splits(data, seed))) + check.end()


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("data", "canonical"),
    [
        pytest.param(b"a\nb", b"a\r\nb", id="LF"),
        pytest.param(b"a\rb", b"a\r\nb", id="CR"),
        pytest.param(b"\n", b"\r\n", id="lone LF"),
        pytest.param(b"a\r\r\nb", b"a\r\n\r\nb", id="CRCRLF"),
        pytest.param(b"a\n\r", b"a\r\n\r\n", id="LFCR"),
        pytest.param(b"\r", b"\r\n", id="CR at the end"),
        pytest.param(b"\r\n.\n.\r\n", b"\r\n.\r\n.\r\n", id="dots"),
    ],
)
def test_bare_newline(data: bytes, canonical: bytes, seed: int) -> None:
    """A bare CR or LF is reported and let through, or made CRLF; slices change nothing."""
    refuse = TextCheck(Newlines.REFUSE, 1000)
    assert data == checked(refuse, data, seed)
    assert refuse.bare_newline

    mend = TextCheck(Newlines.CANONICALISE, 1000)
    assert canonical == checked(mend, data, seed)
    assert not mend.bare_newline


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("data", [b"", b"a", b"\r\n", b"a\r\n\r\nb\r\n"])
def test_canonical_text_passes(data: bytes, seed: int) -> None:
    """Text whose lines all end with CRLF is passed as it is."""
    for newlines in Newlines:
        check = TextCheck(newlines, 1000)
        assert data == checked(check, data, seed)
        assert not check.bare_newline
        assert not check.line_too_long


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    ("data", "too_long"),
    [
        pytest.param(b"a" * 10 + b"\r\n", False, id="as long as may be"),
        pytest.param(b"a" * 11 + b"\r\n", True, id="one more"),
        pytest.param(b"a\r\n" + b"a" * 11 + b"\r\nb\r\n", True, id="within"),
        pytest.param(b"a\r\n" + b"a" * 12, True, id="last line without end"),
        pytest.param(b"a" * 9 + b"\r\n" + b"a" * 9 + b"\r\n", False, id="two short ones"),
    ],
)
def test_line_too_long(data: bytes, too_long: bool, seed: int) -> None:
    """A line longer than the limit is noticed, in one slice and in many."""
    whole = TextCheck(Newlines.REFUSE, 10)
    whole.check(data)
    whole.end()
    assert too_long == whole.line_too_long

    cut = TextCheck(Newlines.REFUSE, 10)
    checked(cut, data, seed)
    assert too_long == cut.line_too_long
