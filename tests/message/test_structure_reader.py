"""
Tests for reading the MIME structure.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message.envelope import MessageEnvelope
from pymta.message.structure import BROKEN, DEFAULT_MEDIA, Part
from pymta.message.structure_reader import MAX_BOUNDARY, MAX_DEPTH, MAX_KEPT, MAX_PARTS
from tests.message.cuts import CUTS, Cutter, random_cuts
from tests.message.structures import check, read, shape

MIXED = b"Content-Type: multipart/mixed; boundary=x\n\n"
INNER = b"Content-Type: multipart/alternative; boundary=y\n\n"
MESSAGE = b"Content-Type: message/rfc822\n\n"
HTML = b"Content-Type: text/html\n\n"

# Messages with LF; run with CRLF too.
MESSAGES = [
    pytest.param(b"", "text/plain", id="nothing"),
    pytest.param(b"\n", "text/plain", id="empty"),
    pytest.param(b"Subject: a\n\nbody\n", "text/plain", id="no MIME"),
    pytest.param(b"Subject: a", "text/plain", id="header only"),
    pytest.param(HTML + b"--x\n", "text/html", id="no boundary is open"),
    pytest.param(b"Content-Type: nonsense\n\n", "text/plain", id="no type"),
    pytest.param(
        b"Content-Type: text/html\nContent-Type: image/png\n\n", "text/html", id="two types"
    ),
    pytest.param(MIXED + b"--x\n\na\n--x--\n", "multipart/mixed(text/plain)", id="one part"),
    pytest.param(MIXED + b"--x\n\na\n--x\n" + HTML + b"b\n--x--\n", "two", id="two parts"),
    pytest.param(MIXED + b"pre\n--x\n\na\n--x\n" + HTML + b"\n--x--\nepi\n", "two", id="and more"),
    pytest.param(MIXED + b"--x\n\na\n--x\n" + HTML, "two", id="no last boundary"),
    pytest.param(MIXED + b"--x\n\na\n--x\n" + HTML + b"b--x", "two", id="ends in the middle"),
    pytest.param(MIXED + b"--x\n\na\n--x\n" + HTML + b"b\n--x--", "two", id="no last line end"),
    pytest.param(MIXED + b"--x\n\na\n--x \t \n" + HTML + b"\n--x-- \n", "two", id="padding"),
    pytest.param(MIXED + b"--x\n\na\n--x junk\n" + HTML + b"\n--x-- junk", "two", id="junk behind"),
    pytest.param(MIXED + b"--x\n\n--x\n" + HTML, "two", id="empty line, no body"),
    pytest.param(MIXED + b"--x\n--x\n" + HTML, "two", id="no header, no body"),
    pytest.param(MIXED + b"--x\nA: b\n--x\n" + HTML, "two", id="header, no body"),
    pytest.param(
        MIXED + b"--x\n\na\n--x\n" + HTML + b"\n--x--\n--x\n\n", "two", id="behind the end"
    ),
    pytest.param(MIXED + b"--x\n\na\n--xy\n--x-y\n -- x\n--x\n" + HTML, "two", id="prefixes"),
    pytest.param(MIXED + b"--x\n\na\n--\n---x\n--X\n--x\n" + HTML, "two", id="nearly"),
    pytest.param(b"A: b\n" + MIXED[:-1] + b"--x\n\n\n--x\n" + HTML, "none", id="in its own header"),
    pytest.param(MIXED + b"text\n", "text/plain", id="no part at all"),
    pytest.param(MIXED + b"--x--\n", "text/plain", id="only the end"),
    pytest.param(MIXED + b"--x", "multipart/mixed(text/plain)", id="boundary and end"),
    pytest.param(b"Content-Type: multipart/mixed\n\n--\n\n", "text/plain", id="no boundary"),
    pytest.param(MIXED.replace(b"=x", b'=""') + b"--\n\n", "text/plain", id="empty boundary"),
    pytest.param(
        MIXED.replace(b"=x", b'="x "') + b"--x\n\n", "multipart/mixed(text/plain)", id="sp"
    ),
    pytest.param(
        MIXED.replace(b"=x", b'="x y"') + b"--x y\n\n", "multipart/mixed(text/plain)", id="s"
    ),
    pytest.param(
        MIXED.replace(b"=x", b"=x--") + b"--x--\n\na\n--x----\n",
        "multipart/mixed(text/plain)",
        id="boundary that looks like an end",
    ),
    pytest.param(
        MIXED + b"--x\n" + INNER + b"--y\n\na\n--y\n" + HTML + b"b\n--y--\n--x\n\n--x--\n",
        "multipart/mixed(multipart/alternative(text/plain text/html) text/plain)",
        id="nested",
    ),
    pytest.param(
        MIXED + b"--x\n" + INNER + b"--y\n\na\n--x\n" + HTML,
        "multipart/mixed(multipart/alternative(text/plain) text/html)",
        id="outer boundary ends the inner",
    ),
    pytest.param(
        MIXED + b"--x\n" + INNER + b"--y\n--x\n" + HTML,
        "multipart/mixed(multipart/alternative(text/plain) text/html)",
        id="at once",
    ),
    pytest.param(
        MIXED + b"--x\n" + INNER[:-1] + b"--x\n" + HTML,
        "multipart/mixed(text/plain text/html)",
        id="outer boundary in the inner's header",
    ),
    pytest.param(
        MIXED + b"--x\n" + INNER + b"--x\n" + HTML,
        "multipart/mixed(text/plain text/html)",
        id="no y",
    ),
    pytest.param(
        MIXED + b"--x\n" + INNER.replace(b"=y", b"=x-y") + b"--x-y\n\n--x-y--\n--x\n" + HTML,
        "multipart/mixed(multipart/alternative(text/plain) text/html)",
        id="inner boundary starts with the outer",
    ),
    pytest.param(
        MIXED.replace(b"=x", b"=y-x") + b"--y-x\n" + INNER + b"--y\n\n--y-x\n" + HTML,
        "multipart/mixed(multipart/alternative(text/plain) text/html)",
        id="outer boundary starts with the inner",
    ),
    pytest.param(
        MIXED + b"--x\n" + MIXED + b"--x\n\na\n--x--\n--x\n" + HTML + b"--x--\n",
        "multipart/mixed(multipart/mixed(text/plain) text/html)",
        id="both have one boundary",
    ),
    pytest.param(
        MIXED + b"--x\n" + INNER.replace(b"=y", b"=x--") + b"--x--\n\n--x\n\n",
        "multipart/mixed(multipart/alternative(text/plain) text/plain)",
        id="inner boundary is the outer's end",
    ),
    pytest.param(
        MIXED.replace(b"=x", b"=x--")
        + b"--x--\n"
        + INNER.replace(b"=y", b"=x")
        + b"--x\n\na\n--x--\n--x--\n"
        + HTML,
        "multipart/mixed(multipart/alternative(text/plain) text/html)",
        id="inner end is the outer's boundary",
    ),
    pytest.param(MESSAGE + b"Subject: a\n\nb\n", "message/rfc822[text/plain]", id="message"),
    pytest.param(MESSAGE, "message/rfc822[text/plain]", id="empty message"),
    pytest.param(MESSAGE[:-1], "message/rfc822[text/plain]", id="no message"),
    pytest.param(
        MESSAGE + MIXED + b"--x\n\n", "message/rfc822[multipart/mixed(text/plain)]", id="m of mixed"
    ),
    pytest.param(
        MIXED + b"--x\n" + MESSAGE + INNER + b"--y\n\na\n--y--\n--x\n" + MESSAGE + b"\n--x--\n",
        "multipart/mixed(message/rfc822[multipart/alternative(text/plain)] "
        "message/rfc822[text/plain])",
        id="messages in a multipart",
    ),
    pytest.param(
        MIXED + b"--x\n" + MESSAGE + b"A: b\n--x\n" + MESSAGE + b"\n--x\n" + MESSAGE + b"--x--\n",
        "multipart/mixed(" + " ".join(["message/rfc822[text/plain]"] * 3) + ")",
        id="messages cut off",
    ),
    pytest.param(
        MESSAGE.replace(b"rfc822", b"global") + b"\n", "message/global[text/plain]", id="global"
    ),
    pytest.param(
        b"Content-Transfer-Encoding: BASE64\n" + MESSAGE + b"QQ==\n",
        "application/octet-stream",
        id="encoded message",
    ),
    pytest.param(
        b"Content-Transfer-Encoding: base64\n" + MIXED + b"--x\n\n",
        "multipart/mixed(text/plain)",
        id="multiparts are never encoded",
    ),
    pytest.param(
        MIXED.replace(b"mixed", b"digest")
        + b"--x\n\nSubject: a\n\nb\n--x\n"
        + HTML
        + b"\n--x\n--x--",
        "multipart/digest(message/rfc822[text/plain] text/html message/rfc822[text/plain])",
        id="digest",
    ),
    pytest.param(b"Content-Type: message/partial\n\n" + MIXED, "message/partial", id="partial"),
]
SHORT = {"two": "multipart/mixed(text/plain text/html)", "none": "text/plain"}


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("eol", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("octets", "expected"), MESSAGES)
def test_shape(octets: bytes, expected: str, eol: bytes, cut: Cutter) -> None:
    """
    The parts of the table are found, wherever the octets are cut and however lines end.
    """
    octets = octets.replace(b"\n", eol)
    structure = read(cut(octets))

    if expected != "none":
        assert SHORT.get(expected, expected) == shape(structure.root)
    check(structure, octets)
    assert read([octets]) == structure


@pytest.mark.parametrize("cut", CUTS)
def test_offsets(cut: Cutter) -> None:
    """
    Header, body, the line end before a boundary: each octet is where RFC 2046 puts it.
    """
    octets = (
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\npreamble\r\n--x\r\n"
        b"Content-Type: text/html\r\n\r\none\r\ntwo\r\n\r\n"
        b"--x\r\n\r\nno line end\r\n--x--\r\nepilogue"
    )
    root = read(cut(octets)).root
    html, plain = root.parts

    assert b"preamble" == octets[root.body : root.body + 8]
    assert b"Content-Type: text/html\r\n\r\n" == octets[slice(*html.header_span)]
    assert b"one\r\ntwo\r\n" == octets[slice(*html.body_span)]
    assert b"\r\n" == octets[slice(*plain.header_span)]
    assert b"no line end" == octets[slice(*plain.body_span)]
    assert (2, 0, 11) == (html.lines, plain.lines, root.lines)
    assert (10, 11) == (html.octets, plain.octets)


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    ("part", "header"),
    [
        pytest.param(b"", b"", id="nothing"),
        pytest.param(b"A: b\r\n", b"A: b\r\n", id="no empty line"),
        pytest.param(b"A: b\r\n\r\n", b"A: b\r\n\r\n", id="no body"),
        pytest.param(b"\r\n", b"\r\n", id="empty line only"),
        pytest.param(b"\r\n\r\n", b"\r\n", id="empty body"),
    ],
)
def test_boundary_takes_no_line_end_of_a_header(part: bytes, header: bytes, cut: Cutter) -> None:
    """
    The line end before a boundary is the boundary's, unless a header needs it.
    """
    octets = MIXED + b"--x\r\n" + part + b"--x--\r\n"
    found = read(cut(octets)).root.parts[0]

    assert header == octets[slice(*found.header_span)]
    assert 0 == found.octets


@pytest.mark.parametrize("cut", CUTS)
def test_everything_a_part_says(cut: Cutter) -> None:
    """
    All content fields are read, folded or not, the first of each.
    """
    octets = (
        b"Content-Type: Image/PNG; NAME*0=a;\r\n name*1=b (x)\r\n"
        b"CONTENT-ID : <1@x>\r\nContent-Id: <2@x>\r\n"
        b"Content-Description: =?utf-8?q?a?=\r\n b\r\n"
        b"Content-Transfer-Encoding: (x) Base64 ;\r\n"
        b"Content-Disposition: Attachment; filename*=utf-8''%C3%A9\r\n"
        b"Content-Language: en (English), de-AT,,\r\n"
        b"Content-Location: http://x/\r\n  y\r\n"
        b"Content-MD5: Q2hlY2s=\r\n\r\nQQ==\r\n"
    )
    part = read(cut(octets)).root

    assert (
        Part(
            start=0,
            body=len(octets) - 6,
            stop=len(octets),
            lines=1,
            media=part.media,
            encoding="base64",
            id=b"<1@x>",
            description=b"=?utf-8?q?a?= b",
            md5=b"Q2hlY2s=",
            disposition=("attachment", (("filename*", "é".encode()),)),
            language=(b"en", b"de-at"),
            location=b"http://x/y",
            envelope=MessageEnvelope(),
            decoded=1,
        )
        == part
    )
    assert ("image", "png", (("name", b"ab"),)) == (
        part.media.type,
        part.media.subtype,
        part.media.parameters,
    )
    assert 1 == part.decoded_octets


def test_nothing_said() -> None:
    """
    Without content fields a part is text in US-ASCII, 7bit.
    """
    part = read([b"Subject: a\r\n\r\nb\r\n"]).root

    assert DEFAULT_MEDIA == part.media
    assert "7bit" == part.encoding
    assert 3 == part.octets == part.decoded_octets
    assert part.disposition is None


def test_envelopes_of_enclosed_messages() -> None:
    """
    Each message has the envelope of its own header.
    """
    octets = b"Subject: outer\n" + MESSAGE + b"Subject: inner\nFrom: a@b\n\n"
    root = read([octets]).root

    assert root.envelope is not None
    assert root.message is not None
    assert root.message.envelope is not None
    assert b"outer" == root.envelope.subject
    assert b"inner" == root.message.envelope.subject
    assert b"a" == root.message.envelope.from_[0].mailbox


LINES = [
    MIXED,
    INNER,
    MESSAGE,
    MIXED.replace(b"mixed", b"digest"),
    b"--x",
    b"--y",
    b"--x--",
    b"--y--",
    b"\r\n",
    b"\n",
    b"\r",
    b"a",
    b"A: b\r\n",
    b"--",
]


@settings(max_examples=200, deadline=None)
@given(octets=st.lists(st.sampled_from(LINES), max_size=30).map(b"".join), seed=st.integers(0, 9))
def test_any_message(octets: bytes, seed: int) -> None:
    """
    Any octets give a structure that agrees with itself, and one only, however they are cut.
    """
    structure = read([octets])

    check(structure, octets)
    assert structure == read(random_cuts(seed)(octets))


# -- limits (S18) --------------------------------------------------------------


def nested(depth: int) -> bytes:
    """So many multiparts within each other."""
    return b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(depth)
    )


def depth_of(part: Part) -> int:
    """Entities within each other."""
    inside = [part.message] if part.message is not None else part.parts
    return 1 + max(map(depth_of, inside), default=0)


def entities(part: Part) -> int:
    """How many there are."""
    inside = [part.message] if part.message is not None else part.parts
    return 1 + sum(map(entities, inside))


@pytest.mark.parametrize("octets", [nested(60), MESSAGE * 60], ids=["multiparts", "messages"])
def test_s18_depth(octets: bytes) -> None:
    """
    What is nested too deep is a leaf, and the outside goes on.
    """
    octets += b"\n\n--b0\n" + HTML
    structure = read([octets])

    check(structure, octets)
    assert MAX_DEPTH == depth_of(structure.root)
    if structure.root.parts:
        assert "text/html" == str(structure.root.parts[1].media)


@pytest.mark.parametrize(
    "octets",
    [MIXED + b"--x\n\na\n" * 11_000, MIXED.replace(b"mixed", b"digest") + b"--x\n\n\na\n" * 6_000],
    ids=["multipart", "digest"],
)
def test_s18_parts(octets: bytes) -> None:
    """
    The last part that may be takes all that follows.
    """
    structure = read([octets])

    check(structure, octets)
    assert MAX_PARTS == entities(structure.root)
    assert len(octets) == structure.root.parts[-1].stop


@pytest.mark.parametrize("size", [MAX_BOUNDARY, MAX_BOUNDARY + 1])
def test_s18_long_boundary(size: int) -> None:
    """
    A boundary up to the limit is a boundary, a longer one is none.
    """
    octets = MIXED.replace(b"=x", b"=" + b"x" * size) + b"--" + b"x" * size + b"\n" + HTML
    structure = read(random_cuts(1)(octets))

    check(structure, octets)
    assert (size <= MAX_BOUNDARY) is bool(structure.root.parts)


@pytest.mark.parametrize(("padding", "parts"), [(7000, 2), (20_000, 1)])
def test_s18_long_boundary_line(padding: int, parts: int) -> None:
    """
    White space behind a boundary has its limit too, the same in all slices.
    """
    octets = MIXED + b"--x\n\n--x" + b" " * padding + b"\n" + HTML
    structure = read([octets])

    check(structure, octets)
    assert parts == len(structure.root.parts)
    assert structure == read(octets[n : n + 999] for n in range(0, len(octets), 999))


def test_s18_strings_that_are_kept() -> None:
    """
    All strings together have a limit; beyond it parts keep their type and place.
    """
    part = b"--x\nContent-Type: text/html\nContent-Description: " + b"d" * 100_000 + b"\n\n\n"
    octets = MIXED + part * 15
    structure = read([octets])
    kept = [inner.description is not None for inner in structure.root.parts]

    check(structure, octets)
    assert [True] * (MAX_KEPT // 100_000) + [False] * 5 == kept
    assert {"text/html"} == {str(inner.media) for inner in structure.root.parts}


def test_s18_boundary_is_used_where_it_is_not_kept() -> None:
    """
    The limit on strings does not change where parts are.
    """
    # From stands for Sender and Reply-To too, and is kept three times.
    octets = b"From: " + b"a" * (MAX_KEPT // 2) + b"@b\n" + MIXED + b"--x\n" + HTML
    structure = read([octets])

    check(structure, octets)
    assert MessageEnvelope() == structure.root.envelope
    assert "multipart/mixed(text/html)" == shape(structure.root)


def test_s09_header_beyond_its_limit() -> None:
    """
    Fields beyond 1 MiB or 1,000 are not looked at; the header ends where it ends.
    """
    for octets in (b"A: b\n" * 1000 + HTML, b"A:" + b" b" * 600_000 + b"\n" + HTML):
        structure = read(octets[n : n + 65536] for n in range(0, len(octets), 65536))

        check(structure, octets)
        assert "text/plain" == shape(structure.root)
        assert len(octets) == structure.root.body


MEGABYTE = 1_000_000
WORST = [
    pytest.param(MIXED, b"\n--", id="dashes"),
    pytest.param(MIXED, b"--x\n", id="boundaries"),
    pytest.param(MIXED, b"--x-- ", id="one line"),
    pytest.param(MIXED.replace(b"mixed", b"digest"), b"--x\n\n", id="digest"),
    pytest.param(MIXED.replace(b"=x", b"=" + b"x" * 7000), b"\n--x", id="long boundary"),
    pytest.param(b"", MESSAGE, id="messages"),
    pytest.param(b"", nested(1), id="nested with one boundary"),
    pytest.param(b"", b"a:\n", id="fields"),
    pytest.param(b"Subject:", b"\n a", id="folds"),
    pytest.param(b"To: ", b"<", id="angles"),
    pytest.param(b"Content-Type: a/b", b";", id="semicolons"),
    pytest.param(b"Content-Language: a", b",(", id="languages"),
]


@pytest.mark.parametrize(("start", "piece"), WORST)
def test_s19_one_megabyte_of_it(start: bytes, piece: bytes) -> None:
    """
    The worst that fits is read in linear time, in slices.
    """
    octets = start + piece * (MEGABYTE // len(piece))
    started = process_time()
    structure = read(octets[n : n + 65536] for n in range(0, len(octets), 65536))
    took = process_time() - started

    assert took < 5
    assert len(octets) == structure.size


def test_s19_addresses_of_all_enclosed_messages_together() -> None:
    """
    What only looks like addresses is dear once, and not in each message of a digest.
    """
    part = b"--b\r\nContent-Type: message/rfc822\r\n\r\nTo: " + b">" * 20_000 + b"\r\n\r\n"
    started = process_time()
    read([b"Content-Type: multipart/digest; boundary=b\r\n\r\n" + part * 50])

    assert process_time() - started < 1


def test_s19_deep_nesting_costs_no_more_than_flat() -> None:
    """
    Fifty open boundaries cost a line no more than one does: it is looked up once.
    """

    def seconds(octets: bytes) -> float:
        started = process_time()
        read([octets])
        return process_time() - started

    lines = b"--no boundary\n" * 30_000
    flat = min(seconds(nested(1) + b"\n" + lines) for _ in range(3))
    deep = min(seconds(nested(MAX_DEPTH) + b"\n" + lines) for _ in range(3))

    assert deep < 5 * flat + 0.05


def test_body_is_not_kept() -> None:
    """
    Memory does not grow with the body: only a tail is held between two slices.
    """
    piece = (b"--" + b"a" * 8000 + b"\n--y") * 8

    def slices() -> Iterator[bytes]:
        yield MIXED + b"--x\n\n"
        for _ in range(300):
            yield piece
        yield b"\n--x\n" + HTML

    tracemalloc.start()
    structure = read(slices())
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert "multipart/mixed(text/plain text/html)" == shape(structure.root)
    assert structure.size > 19_000_000
    assert peak < 1_000_000


def encoded(encoding: bytes, body: bytes) -> bytes:
    """A part of that encoding."""
    return b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body


DECODED = [
    pytest.param(b"7bit", b"a=\r\nb", 5, id="7bit"),
    pytest.param(b"x-new", b"a", BROKEN, id="unknown"),
    pytest.param(b"base64", b"QUJD\r\nQQ==", 4, id="base64"),
    pytest.param(b"base64", b"", 0, id="base64 of nothing"),
    pytest.param(b"base64", b"QUJD\r\nQQ", BROKEN, id="broken base64"),
    pytest.param(b"base64", b"QUJD\r\n--x\r\nQQ==", BROKEN, id="base64 with another boundary"),
    pytest.param(b"quoted-printable", b"=3D \r\na=\r\nb", 5, id="quoted-printable"),
    pytest.param(b"quoted-printable", b"a\r\n", 3, id="a line end of its own"),
    pytest.param(b"quoted-printable", b"a=\r\n--x", 4, id="something like a boundary"),
    pytest.param(b"quoted-printable", b"a=", 1, id="a soft break is the boundary's"),
    pytest.param(b"quoted-printable", b"", 0, id="quoted-printable of nothing"),
    pytest.param(b"quoted-printable", b"\r\n", 2, id="an empty line"),
    pytest.param(b"quoted-printable", b"=zz", BROKEN, id="broken quoted-printable"),
]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("encoding", "body", "size"), DECODED)
def test_decoded_sizes(encoding: bytes, body: bytes, size: int, cut: Cutter) -> None:
    """
    The decoded size is counted: alone, between boundaries, and in a message in a message.
    """
    part = encoded(encoding, body)
    outer = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    enclosed = b"Content-Type: message/rfc822\r\n\r\n"
    alone = read(cut(part)).root
    several = read(cut(outer + part + b"\r\n--b\r\n" + enclosed + part + b"\n--b--\r\n")).root
    message = several.parts[1].message

    assert message is not None
    assert [size] * 3 == [each.decoded_octets for each in (alone, several.parts[0], message)]
    assert len(body) == several.parts[0].octets == message.octets


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        pytest.param(b"\r\n--b--\r\nQQ==\r\n", [], id="a multipart that is closed at once"),
        pytest.param(b"--b\r\n\r\nx\r\n--b--\r\nQQ==\r\n", [1], id="an epilogue"),
        pytest.param(b"QQ==\r\n", [], id="a multipart without parts"),
    ],
)
def test_decoded_sizes_of_encoded_multiparts(octets: bytes, expected: list[int]) -> None:
    """
    A multipart that says it is encoded has no decoded size, and its parts have theirs.
    """
    header = b"Content-Type: multipart/mixed; boundary=b\r\nContent-Transfer-Encoding: base64\r\n"
    root = read([header + b"\r\n" + octets]).root

    assert root.decoded_octets is None
    assert expected == [part.decoded_octets for part in root.parts]
