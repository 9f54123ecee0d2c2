"""
Tests for content on its way out: canonical line ends, dot-stuffing, chunks.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.envelope import Body
from pymta.wire.smtp.canonical import Canonicaliser
from pymta.wire.smtp.client_transaction import CHUNK, ChunkEncoder
from pymta.wire.smtp.data import DataDecoder
from tests.wire.smtp.client_dialogue import ANN, SENDER, Dialogue

CANONICAL = [
    pytest.param(b"", b"", id="empty"),
    pytest.param(b"a\r\nb\r\n", b"a\r\nb\r\n", id="canonical already"),
    pytest.param(b"a", b"a", id="no line end"),
    pytest.param(b"a\nb", b"a\r\nb", id="LF"),
    pytest.param(b"a\rb", b"a\r\nb", id="CR"),
    pytest.param(b"a\r", b"a\r\n", id="CR at the end"),
    pytest.param(b"a\n", b"a\r\n", id="LF at the end"),
    pytest.param(b"\r\r\n", b"\r\n\r\n", id="CR CRLF"),
    pytest.param(b"\n\r\n", b"\r\n\r\n", id="LF CRLF"),
    pytest.param(b"\n\r", b"\r\n\r\n", id="LF CR"),
    pytest.param(b"\r\n\n", b"\r\n\r\n", id="CRLF LF"),
    pytest.param(b"\r\n\r\r\n\n", b"\r\n" * 4, id="all of them"),
]

SMUGGLED = [
    pytest.param(before + b"." + after, id=f"{before!r} dot {after!r}")
    for before in (b"\r", b"\n", b"\r\n", b"\r\r\n")
    for after in (b"\r", b"\n", b"\r\n", b"\r\r\n")
]


@pytest.mark.parametrize(("content", "canonical"), CANONICAL)
def test_canonical_whole(content: bytes, canonical: bytes) -> None:
    """Each CR, LF or CRLF is one CRLF."""
    assert canonical == Canonicaliser().canonicalise(content)


@pytest.mark.parametrize(("content", "canonical"), CANONICAL)
def test_canonical_octet_by_octet(content: bytes, canonical: bytes) -> None:
    """Slices change nothing, empty ones included."""
    canonicaliser = Canonicaliser()
    slices = [s for octet in content for s in (bytes((octet,)), b"")]

    assert canonical == b"".join(canonicaliser.canonicalise(data) for data in slices)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("\r\na.", max_size=5).map(str.encode), max_size=12))
def test_canonical_in_any_slices(slices: list[bytes]) -> None:
    """What comes out has no bare CR or LF and does not depend on the slices."""
    canonicaliser = Canonicaliser()
    got = b"".join(canonicaliser.canonicalise(data) for data in slices)

    assert re.sub(rb"\r\n|\r|\n", b"\r\n", b"".join(slices)) == got


def test_canonical_octets_are_passed_on_as_they_are() -> None:
    """The usual slice is not even copied."""
    data = b"a line of a letter\r\n" * 3000

    assert data is Canonicaliser().canonicalise(data)


def test_worst_case_is_linear() -> None:
    """A megabyte of bare line ends is one replacement."""
    assert b"\r\n" * 1048576 == Canonicaliser().canonicalise(b"\n" * 1048576)


def by_data(*slices: bytes) -> bytes:
    """What the machine writes for that content by DATA."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok", "354 go")
    d.client.data_to_send()
    for data in slices:
        d.client.content(data)
    d.client.end_content()
    return d.client.data_to_send()


def by_bdat(body: Body, *slices: bytes) -> bytes:
    """The content that the machine writes by BDAT."""
    d = Dialogue("PIPELINING", "CHUNKING", "BINARYMIME")
    d.client.begin(replace(SENDER, body=body), [ANN])
    d.say("250 ok", "250 ok")
    d.client.data_to_send()
    for data in slices:
        d.client.content(data)
    d.client.end_content()
    wire, content = d.client.data_to_send(), b""
    while wire:
        found = re.match(rb"BDAT ([0-9]+)( LAST)?\r\n", wire)
        assert found is not None
        stop = found.end() + int(found[1])
        content += wire[found.end() : stop]
        wire = wire[stop:]
        assert bool(found[2]) == (not wire)
    return content


@pytest.mark.parametrize("smuggled", SMUGGLED)
def test_s02_no_end_of_data_within_content(smuggled: bytes) -> None:
    """
    Whatever stands around a dot, and wherever the slices fall, the data ends once, at its end.

    A reader that ends lines at CRLF, LF or CR finds no lone dot before.
    """
    content = b"Subject: x\r\n\r\nbody" + smuggled + b"MAIL FROM:<evil@example>\r\n"
    whole = by_data(content)
    assert [whole] * len(content) == [
        by_data(content[:cut], content[cut:]) for cut in range(len(content))
    ]
    lines = re.split(rb"\r\n|\r|\n", whole)

    assert [len(lines) - 2] == [n for n, line in enumerate(lines) if line == b"."]
    assert whole.count(b"\r") == whole.count(b"\n") == whole.count(b"\r\n")


@pytest.mark.parametrize("smuggled", SMUGGLED)
def test_s02_the_message_arrives_in_one_piece(smuggled: bytes) -> None:
    """What a strict server takes out of the data is the canonical content."""
    content = b"body" + smuggled + b"rest\r\n"
    decoder = DataDecoder()

    assert Canonicaliser().canonicalise(content) == decoder.decode(by_data(content))
    assert decoder.ended
    assert b"" == decoder.rest


@pytest.mark.parametrize("smuggled", SMUGGLED)
def test_s02_chunks_are_canonical_too(smuggled: bytes) -> None:
    """Text by BDAT has CRLF only (RFC 3030 section 2): the next hop may go on by DATA."""
    content = b"body" + smuggled + b"rest\r\n"
    expected = Canonicaliser().canonicalise(content)

    for cut in range(len(content)):
        assert expected == by_bdat(Body.EIGHT_BIT, content[:cut], content[cut:])


@pytest.mark.parametrize("smuggled", SMUGGLED)
def test_binary_content_is_not_touched(smuggled: bytes) -> None:
    """BINARYMIME content leaves octet for octet."""
    content = b"\0" + smuggled + b"\xff"

    assert content == by_bdat(Body.BINARY, content[:3], content[3:])


def test_chunks_hold_what_they_say() -> None:
    """Small slices are gathered; no command is larger than a chunk; the last one is marked."""
    encoder = ChunkEncoder()
    slices = [b"x" * 1000] * 200
    commands = [*filter(None, map(encoder.encode, slices)), encoder.end()]

    assert [b"BDAT 65000", b"BDAT 65000", b"BDAT 65000", b"BDAT 5000 LAST"] == [
        command.partition(b"\r\n")[0] for command in commands
    ]


def test_large_slices_are_chunks_of_their_own() -> None:
    """A slice above the chunk's size is sent as it is."""
    encoder = ChunkEncoder()

    assert b"" == encoder.encode(b"x" * (CHUNK + 1))
    assert encoder.encode(b"y").startswith(b"BDAT 65537\r\nx")
    assert b"BDAT 1 LAST\r\ny" == encoder.end()
