"""
Tests for transfer encodings that are undone to the letter.
"""

from __future__ import annotations

import base64
import binascii
import quopri
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pymta.errors import EncodingError
from pymta.message.transfer import transfer_of
from tests.message.cuts import CUTS, Cutter


def decoded(encoding: str, slices: Iterable[bytes], cut: int = 0) -> bytes:
    """What the slices decode to."""
    transfer = transfer_of(encoding)
    return b"".join([*map(transfer.decode, slices), transfer.finish(cut)])


GOOD = [
    pytest.param("base64", b"", b"", id="base64 of nothing"),
    pytest.param("base64", b" \r\n", b"", id="base64 of white space"),
    pytest.param("base64", b"QUJD", b"ABC", id="a whole group"),
    pytest.param("base64", b"QUI=", b"AB", id="one =, no line end"),
    pytest.param("base64", b"QQ==\r\n", b"A", id="two ="),
    pytest.param("base64", b"QU\r\n JD\tQ\nQ = = \r\n", b"ABCA", id="white space anywhere"),
    pytest.param("base64", b"+/+/", b"\xfb\xff\xbf", id="all of the alphabet"),
    pytest.param("quoted-printable", b"", b"", id="quoted-printable of nothing"),
    pytest.param("quoted-printable", b"a=3Db\r\n", b"a=b\r\n", id="an escape"),
    pytest.param("quoted-printable", b"=c3=A9", b"\xc3\xa9", id="lower-case digits"),
    pytest.param("quoted-printable", b"a=\r\nb=\nc", b"abc", id="soft line breaks"),
    pytest.param("quoted-printable", b"a= \t\r\nb", b"ab", id="white space in a soft break"),
    pytest.param("quoted-printable", b"a \t\r\nb", b"a\r\nb", id="white space before a line end"),
    pytest.param("quoted-printable", b"a \t\nb ", b"a\nb", id="before LF, and at the end"),
    pytest.param("quoted-printable", b"a=20\r\n", b"a \r\n", id="white space that was meant"),
    pytest.param("quoted-printable", b"a b\rc\n\r\n", b"a b\rc\n\r\n", id="other line ends stay"),
    pytest.param("quoted-printable", b"\xe9\0_", b"\xe9\0_", id="octets as they are"),
    pytest.param("quoted-printable", b"a=", b"a", id="= at the very end"),
    pytest.param("quoted-printable", b"a=\r\n", b"a", id="a soft break at the very end"),
    pytest.param("7bit", b"=\0\xff", b"=\0\xff", id="7bit"),
    pytest.param("8bit", b"QQ", b"QQ", id="8bit"),
    pytest.param("binary", b"", b"", id="binary"),
]

BAD = [
    pytest.param("base64", b"QUJ", id="a digit is missing"),
    pytest.param("base64", b"Q", id="one digit"),
    pytest.param("base64", b"QQ=", id="an = is missing"),
    pytest.param("base64", b"QQ===", id="an = too many"),
    pytest.param("base64", b"Q===", id="three ="),
    pytest.param("base64", b"=", id="= alone"),
    pytest.param("base64", b"QUJD=", id="= behind a group"),
    pytest.param("base64", b"Q=Q=", id="= within"),
    pytest.param("base64", b"QQ==QQ==", id="two texts in a row"),
    pytest.param("base64", b"QQ==\r\n-- \r\nlist", id="a footer"),
    pytest.param("base64", b"QU-D", id="another alphabet"),
    pytest.param("base64", b"QU\0JD", id="NUL"),
    pytest.param("base64", b"QU\xc3JD", id="beyond ASCII"),
    pytest.param("quoted-printable", b"a=b", id="half an escape"),
    pytest.param("quoted-printable", b"=4", id="half an escape at the end"),
    pytest.param("quoted-printable", b"=4G", id="no hexadecimal digit"),
    pytest.param("quoted-printable", b"==20", id="two ="),
    pytest.param("quoted-printable", b"=\rx", id="CR alone behind ="),
    pytest.param("quoted-printable", b"= x", id="space behind ="),
    pytest.param("quoted-printable", b"a" + b" \t" * 500 + b"b", id="white space without end"),
    pytest.param("quoted-printable", b"a" + b" " * 5000, id="and nothing behind it"),
]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("encoding", "octets", "expected"), GOOD)
def test_decode(encoding: str, octets: bytes, expected: bytes, cut: Cutter) -> None:
    """What is well-formed is decoded, or counted, in whatever slices it comes."""
    counting = transfer_of(encoding)
    size = sum(map(counting.count, cut(octets))) + len(counting.finish())

    assert expected == decoded(encoding, cut(octets))
    assert len(expected) == size


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("encoding", "octets"), BAD)
def test_broken(encoding: str, octets: bytes, cut: Cutter) -> None:
    """What is broken is refused, in whatever slices it comes."""
    with pytest.raises(EncodingError):
        decoded(encoding, cut(octets))


@pytest.mark.parametrize("encoding", ["x-uuencode", "", "BASE64", "base64;"])
def test_unknown(encoding: str) -> None:
    """An encoding that nobody knows has no decoder."""
    with pytest.raises(EncodingError):
        transfer_of(encoding)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    ("octets", "end", "expected"),
    [
        pytest.param(b"a\r\n", 2, b"a", id="CRLF"),
        pytest.param(b"a\n", 1, b"a", id="LF"),
        pytest.param(b"a\r\n\r\n", 2, b"a\r\n", id="two lines"),
        pytest.param(b"a=\r\n", 2, b"a", id="soft line break"),
        pytest.param(b"a \r\n", 2, b"a", id="white space"),
        pytest.param(b"a=20\r\n", 2, b"a ", id="an escape"),
        pytest.param(b"\r\n", 2, b"", id="nothing else"),
        pytest.param(b"", 2, b"", id="nothing at all"),
    ],
)
def test_line_end_of_a_boundary(octets: bytes, end: int, expected: bytes, cut: Cutter) -> None:
    """The line end that belongs to a boundary is taken off again."""
    assert expected == decoded("quoted-printable", cut(octets), end)


@settings(max_examples=50)
@given(st.binary(max_size=200), st.integers(1, 60))
def test_there_and_back(octets: bytes, step: int) -> None:
    """What others encode, we decode."""
    coded = [
        ("base64", base64.encodebytes(octets)),
        ("quoted-printable", binascii.b2a_qp(octets, istext=False)),
    ]
    if b"\r" not in octets:  # of two kinds of line ends it makes one
        coded.append(("quoted-printable", quopri.encodestring(octets)))
    for encoding, text in coded:
        slices = [text[n : n + step] for n in range(0, len(text), step)]
        assert octets == decoded(encoding, slices)


@settings(max_examples=100)
@example("=\r \n4", 1, "qp")
@given(st.text("=A4 \t\r\n", max_size=40), st.integers(1, 9), st.sampled_from(["base64", "qp"]))
def test_slices_change_nothing(text: str, step: int, name: str) -> None:
    """Broken or not, and what comes out, does not depend on the slices."""
    encoding = {"base64": "base64", "qp": "quoted-printable"}[name]
    octets = text.encode()

    def outcome(slices: Iterable[bytes]) -> bytes | None:
        try:
            return decoded(encoding, slices)
        except EncodingError:
            return None

    slices = [octets[n : n + step] for n in range(0, len(octets), step)]
    assert outcome([octets]) == outcome(slices)


@pytest.mark.parametrize("octets", [b"=20", b" ", b"=\r\n", b"a \r\n", b"QUJD\r\n", b"\t \r"])
@pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
def test_s19_a_megabyte_of_it(encoding: str, octets: bytes) -> None:
    """Time is linear, whatever is repeated."""
    text = octets * (1_000_000 // len(octets))
    try:
        decoded(encoding, (text[n : n + 65536] for n in range(0, len(text), 65536)))
    except EncodingError:
        pass
