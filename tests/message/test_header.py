"""
Tests for header fields: read, looked up, and built.
"""

from __future__ import annotations

from collections.abc import Iterable
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import HeaderError
from pymta.message.header import (
    MAX_FIELDS,
    MAX_OCTETS,
    Header,
    HeaderReader,
    HeaderValue,
    build_field,
    parse_header,
)
from tests.message.cuts import CUTS, Cutter, random_cuts

# The octets of a header, and the names and values that are read.
HEADERS = [
    pytest.param(b"", [], id="nothing"),
    pytest.param(b"\r\n", [], id="empty"),
    pytest.param(b"\n", [], id="empty, LF"),
    pytest.param(b"a: b\r\n\r\n", [(b"a", b" b")], id="one field"),
    pytest.param(b"a: b\n\n", [(b"a", b" b")], id="one field, LF"),
    pytest.param(b"a: b\r\n\n", [(b"a", b" b")], id="mixed line ends"),
    pytest.param(b"a: b\n\r\n", [(b"a", b" b")], id="mixed the other way"),
    pytest.param(b"a:b\r\nc:d\r\n\r\n", [(b"a", b"b"), (b"c", b"d")], id="two fields"),
    pytest.param(b"a: b\r\n c\r\n\td\r\n\r\n", [(b"a", b" b\r\n c\r\n\td")], id="folded"),
    pytest.param(b"a:\r\n b\r\n\r\n", [(b"a", b"\r\n b")], id="folded at once"),
    pytest.param(b"a: b\r\n \r\n c\r\n\r\n", [(b"a", b" b\r\n \r\n c")], id="blank is not empty"),
    pytest.param(b"a \t: b\r\n\r\n", [(b"a", b" b")], id="white space before the colon"),
    pytest.param(b"a:b:c\r\n\r\n", [(b"a", b"b:c")], id="second colon"),
    pytest.param(b"a:\r\n\r\n", [(b"a", b"")], id="no value"),
    pytest.param(b"a: b", [(b"a", b" b")], id="content ends in a field"),
    pytest.param(b"a: b\r\n", [(b"a", b" b")], id="content ends behind a field"),
    pytest.param(b"a: b\r", [(b"a", b" b\r")], id="content ends in a line end"),
    pytest.param(b"a: b\r\n\r", [(b"a", b" b"), (b"", b"\r")], id="content ends in the empty line"),
    pytest.param(b"\r", [(b"", b"\r")], id="a CR is not empty"),
    pytest.param(b"\ra: b\r\n\r\n", [(b"", b"\ra: b")], id="CR before a field"),
    pytest.param(b"a: b\r\n\rc: d\r\n\r\n", [(b"a", b" b"), (b"", b"\rc: d")], id="CR later"),
    pytest.param(b"a: b\rc: d\r\n\r\n", [(b"a", b" b\rc: d")], id="a bare CR ends nothing"),
    pytest.param(b"a: b\0c\r\n\r\n", [(b"a", b" b\0c")], id="NUL"),
    pytest.param(b"what is this\r\n\r\n", [(b"", b"what is this")], id="no colon"),
    pytest.param(b"a b: c\r\n\r\n", [(b"", b"a b: c")], id="space within the name"),
    pytest.param(b": c\r\n\r\n", [(b"", b": c")], id="no name"),
    pytest.param(b" a: c\r\n\r\n", [(b"", b" a: c")], id="starts with a fold"),
    pytest.param(b"\xc3\xa9: c\r\n\r\n", [(b"", b"\xc3\xa9: c")], id="name is not ASCII"),
    pytest.param(
        b"From me Mon\r\na: \xc3\xa9\r\n\r\n",
        [(b"", b"From me Mon"), (b"a", b" \xc3\xa9")],
        id="mbox line and UTF-8",
    ),
]


def feed(reader: HeaderReader, slices: Iterable[bytes]) -> None:
    """Feed the slices."""
    for data in slices:
        reader.feed(data)


def read(slices: Iterable[bytes]) -> Header:
    """Feed the slices and finish."""
    reader = HeaderReader()
    feed(reader, slices)
    return reader.finish()


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("octets", "expected"), HEADERS)
def test_read(octets: bytes, expected: list[tuple[bytes, bytes]], cut: Cutter) -> None:
    """
    The fields of the table are read, wherever the octets are cut.
    """
    header = read(cut(octets))

    assert expected == [(field.name, field.value) for field in header.fields]
    assert octets == header.octets


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("octets", "expected"), HEADERS)
def test_body_is_left_alone(
    octets: bytes, expected: list[tuple[bytes, bytes]], cut: Cutter
) -> None:
    """
    Of what follows the empty line nothing is taken, and feeding it changes nothing.
    """
    if not octets.endswith((b"\n\n", b"\n\r\n")) and octets not in (b"\n", b"\r\n"):
        octets += b"\r\n" if octets[-1:] in (b"", b"\n") else b"\r\n\r\n"
    reader = HeaderReader()
    taken = sum(reader.feed(data) for data in cut(octets + b"no: field\r\n\r\n"))

    assert len(octets) == taken
    assert octets == reader.finish().octets


@pytest.mark.parametrize(("octets", "expected"), HEADERS)
def test_fields_cover_the_header(octets: bytes, expected: list[tuple[bytes, bytes]]) -> None:
    """
    The fields stand one behind the other, up to the empty line.
    """
    header = parse_header(octets)
    pieces = [octets[field.offset : field.stop] for field in header.fields]

    assert octets[: header.fields_stop] == b"".join(pieces)
    assert octets[header.fields_stop :] in (b"", b"\r\n", b"\n")
    assert len(octets) == header.size


@settings(max_examples=100)
@given(
    octets=st.lists(st.sampled_from([b"\r", b"\n", b"a", b":", b" "])).map(b"".join),
    seed=st.integers(0, 9),
)
def test_cuts_change_nothing(octets: bytes, seed: int) -> None:
    """
    Any octets give one header, however they are cut.
    """
    assert parse_header(octets) == read(random_cuts(seed)(octets))


def test_reader_is_done_when_the_empty_line_came() -> None:
    """
    The header is there before the content has ended.
    """
    reader = HeaderReader()
    reader.feed(b"a: b\r\n\r")
    assert reader.header is None
    reader.feed(b"\n")

    assert reader.header == parse_header(b"a: b\r\n\r\n")
    assert 0 == reader.feed(b"body")


# -- limits (S09) --------------------------------------------------------------


@pytest.mark.parametrize("cut", CUTS)
def test_s09_header_octets(cut: Cutter) -> None:
    """
    A header as long as the limit is read; an octet more, and there is no header.
    """
    octets = b"a: " + b"b" * 10 + b"\r\n\r\n"

    reader = HeaderReader(max_octets=len(octets))
    feed(reader, cut(octets))
    assert reader.header is not None
    reader = HeaderReader(max_octets=len(octets) - 1)
    with pytest.raises(HeaderError, match="longer than 16 octets"):
        feed(reader, cut(octets))


def test_s09_header_octets_without_end() -> None:
    """
    A header that goes on is refused when it passes 1 MiB, and no more of it is kept.
    """
    reader = HeaderReader()
    feed(reader, [b"a: b\r\n " * 9000] * (MAX_OCTETS // 63000))
    with pytest.raises(HeaderError, match="longer than 1048576 octets") as caught:
        reader.feed(b"a: b\r\n " * 9000)

    assert MAX_OCTETS == caught.value.position


@pytest.mark.parametrize("cut", CUTS)
def test_s09_header_fields(cut: Cutter) -> None:
    """
    A thousand fields are read; of one more the reader says no.
    """
    full = b"a:b\r\n" * MAX_FIELDS

    assert MAX_FIELDS == len(read([full + b"\r\n"]).fields)
    with pytest.raises(HeaderError, match="more than 1000 header fields") as caught:
        read(cut(full + b"c:d\r\n\r\n"))
    assert len(full) == caught.value.position


def test_s09_field_that_the_end_reveals() -> None:
    """
    A last line made of a CR counts too.
    """
    with pytest.raises(HeaderError, match="more than 1"):
        HeaderReader(max_fields=1).feed(b"a:b\nc:d\n")
    reader = HeaderReader(max_fields=1)
    reader.feed(b"a:b\n\r")
    with pytest.raises(HeaderError, match="more than 1"):
        reader.finish()


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(b"a:\n" * 100_000, id="fields"),
        pytest.param(b"a:" + b"\n b" * 340_000, id="folds"),
        pytest.param(b":" * 1_000_000, id="colons"),
        pytest.param(b"a" + b" " * 1_000_000, id="spaces"),
        pytest.param(b"\r" * 1_000_000, id="CR"),
    ],
)
def test_s19_one_megabyte_of_it(octets: bytes) -> None:
    """
    The worst that fits is read in linear time, in slices as from a network.
    """
    started = process_time()
    reader = HeaderReader(max_octets=2_000_000, max_fields=1_000_000)
    for start in range(0, len(octets), 4096):
        reader.feed(octets[start : start + 4096])
    reader.finish()

    assert process_time() - started < 5


# -- looking up ----------------------------------------------------------------

HEADER = parse_header(
    b"Received: 2\r\nreceived: 1\r\nSubject: =?utf-8?q?a?=\r\n  b \r\nRECEIVED : 0\r\n\r\n"
)


def test_lookup_ignores_case() -> None:
    """
    A name is found in any case, topmost first.
    """
    assert [b"2", b"1", b"0"] == [field.unfolded for field in HEADER.all(b"ReCeived")]
    first = HEADER.first(b"received")
    assert first is not None
    assert b"2" == first.unfolded
    assert 3 == HEADER.count(b"Received")
    assert b"SUBJECT" in HEADER
    assert b"Date" not in HEADER
    assert HEADER.first(b"Date") is None
    assert () == HEADER.all(b"Date")


def test_unfolded_is_one_line() -> None:
    """
    Unfolding takes out line ends, not the white space behind them.
    """
    subject = HEADER.first(b"subject")
    assert subject is not None
    assert b"=?utf-8?q?a?=  b" == subject.unfolded


# -- building (S12) ------------------------------------------------------------


@pytest.mark.parametrize("octet", [b"\r", b"\n", b"\0", b"\r\nBcc: x"])
def test_s12_value_holds_no_line_end(octet: bytes) -> None:
    """
    CR, LF and NUL cannot be in a value, wherever they stand; the error says where.
    """
    for value, position in ((octet, 0), (b"a" + octet, 1), (b"ab" + octet + b"c", 2)):
        with pytest.raises(HeaderError) as caught:
            HeaderValue(value)
        assert position == caught.value.position


def test_value_of_text() -> None:
    """
    Text becomes UTF-8; what is no character is refused.
    """
    assert HeaderValue(b"\xc3\xa9") == HeaderValue.of("é")
    with pytest.raises(HeaderError):
        HeaderValue.of("\udc80")
    with pytest.raises(HeaderError):
        HeaderValue.of("a\nb")


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "a ", " a", "é", "a\0", "a\n", "\n"])
def test_s12_name_is_checked(name: str) -> None:
    """
    A field's name cannot inject a line either.
    """
    with pytest.raises(HeaderError):
        build_field(name, HeaderValue(b"x"))


def test_build_short() -> None:
    """
    A short value stands on the line of its name.
    """
    assert b"Subject: a  b\r\n" == build_field("Subject", HeaderValue(b"a  b"))
    assert b"Subject: \r\n" == build_field("Subject", HeaderValue(b""))


def test_build_lines_as_given() -> None:
    """
    Several values are lines, broken where the caller says.
    """
    lines = [HeaderValue(b"one " * 30), HeaderValue(b"two")]

    assert b"X: " + b"one " * 30 + b"\r\n\ttwo\r\n" == build_field("X", lines)


def test_build_folds_at_78() -> None:
    """
    Long values are folded before white space, to lines of at most 78 octets.
    """
    value = b" ".join([b"w" * 9] * 40)
    lines = build_field("Subject", HeaderValue(value)).split(b"\r\n")

    assert b"" == lines.pop()
    assert max(map(len, lines)) <= 78
    assert min(map(len, lines[:-1])) > 60
    assert all(line.startswith(b" ") for line in lines[1:])


def test_build_refuses_what_cannot_be_folded() -> None:
    """
    A word may be longer than 78 octets, a line not longer than 998.
    """
    assert 998 + 2 == len(build_field("X", HeaderValue(b"w" * 995)))
    with pytest.raises(HeaderError, match="998"):
        build_field("X", HeaderValue(b"w" * 996))
    with pytest.raises(HeaderError, match="998"):
        build_field("X", [HeaderValue(b"a"), HeaderValue(b"w" * 998)])


@settings(max_examples=100)
@given(
    value=st.lists(st.sampled_from([b" ", b"\t", b"a", b"bcdefgh" * 5, b":", b"\xc3\xa9"])).map(
        b"".join
    )
)
def test_build_and_read_back(value: bytes) -> None:
    """
    What was folded unfolds to itself, and no line is made of white space alone.
    """
    field = build_field("X-Test", HeaderValue(value))
    header = parse_header(field + b"\r\n")

    assert [value.strip(b" \t")] == [field.unfolded for field in header.fields]
    assert all(line.strip() for line in field.split(b"\r\n")[:-1])
