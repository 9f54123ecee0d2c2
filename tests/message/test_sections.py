"""
Tests for octets of sections.
"""

from __future__ import annotations

import base64
import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import EncodingError
from pymta.interfaces.content import SLICE, Cut, Octets, octets_of
from pymta.message.header import parse_header
from pymta.message.sections import Decoded, decoded_size, fields_named, fields_not_named
from pymta.message.structure import Part, Structure
from pymta.message.transfer import transfer_of
from tests.awaiting import now_done
from tests.message.structures import read

VECTORS = os.environ.get("PYMTA_VECTORS")


async def breathe() -> None:
    """Nobody else is there."""


HEADER = b"A: 1\r\nbc : 2\r\n 3\r\n\t4\r\nno field\r\nA:\r\nD: 5\nAb: 6\r\n\r\n"
FIELDS = [
    pytest.param((b"a",), b"A: 1\r\nA:\r\n\r\n", id="several of one name"),
    pytest.param((b"BC",), b"bc : 2\r\n 3\r\n\t4\r\n\r\n", id="folded, a space before the colon"),
    pytest.param((b"d", b"bc"), b"bc : 2\r\n 3\r\n\t4\r\nD: 5\n\r\n", id="in the header's order"),
    pytest.param((b"x",), b"\r\n", id="none"),
    pytest.param((b"no", b"field"), b"\r\n", id="no name without a colon"),
    pytest.param((b".", b"[a-z]*", b"|"), b"\r\n", id="no patterns"),
    pytest.param((b"Ab",), b"Ab: 6\r\n\r\n", id="no part of a name"),
]


@pytest.mark.parametrize(("names", "expected"), FIELDS)
def test_fields(names: tuple[bytes, ...], expected: bytes) -> None:
    """Named fields are there as they stand; the others are the rest of the header."""
    assert expected == fields_named(HEADER, names)
    rest = fields_not_named(HEADER, names)

    assert rest.endswith(b"\n\r\n")
    assert b"no field\r\n" in rest
    assert sorted(HEADER) == sorted(expected[:-2] + rest)


ENDS = [
    pytest.param(b"", b"", b"", id="nothing at all"),
    pytest.param(b"\r\n", b"\r\n", b"\r\n", id="an empty line"),
    pytest.param(b"\n", b"\n", b"\n", id="an empty line of LF"),
    pytest.param(b"A: b\n\n", b"A: b\n\n", b"\n", id="LF"),
    pytest.param(b"A: b\r\n", b"A: b\r\n", b"", id="no empty line"),
    pytest.param(b"A: b", b"A: b", b"", id="no line end"),
    pytest.param(b"A: b\r\n c", b"A: b\r\n c", b"", id="folded, no line end"),
    pytest.param(b" A: b\r\n\r\n", b"\r\n", b" A: b\r\n\r\n", id="white space in front"),
    pytest.param(b"A: b\r\r\n\r\n", b"A: b\r\r\n\r\n", b"\r\n", id="CR CR LF"),
]


@pytest.mark.parametrize(("header", "named", "rest"), ENDS)
def test_empty_line(header: bytes, named: bytes, rest: bytes) -> None:
    """
    The empty line is there if the message has one, as it has it (RFC 9051 section 6.4.5.1).
    """
    assert named == fields_named(header, (b"A",))
    assert rest == fields_not_named(header, (b"A",))


@settings(max_examples=200)
@given(st.text("aB: \t\r\n", max_size=40), st.sampled_from([(b"a",), (b"ab", b"B"), (b"AAA",)]))
def test_fields_are_those_of_the_parser(text: str, names: tuple[bytes, ...]) -> None:
    """Whatever the header: the fields are those that the parser finds, and nothing is lost."""
    header = parse_header(text.encode())
    wanted = {name.lower() for name in names}
    named = [f for f in header.fields if f.name.lower() in wanted]
    others = [f for f in header.fields if f.name.lower() not in wanted]
    empty = header.octets[header.fields_stop :]

    def joined(fields: Any) -> bytes:
        return b"".join(header.octets[f.offset : f.stop] for f in fields) + empty

    assert joined(named) == fields_named(header.octets, names)
    assert joined(others) == fields_not_named(header.octets, names)


_OTHERS = tuple(b"x-%d" % n for n in range(8000))


@settings(max_examples=200)
@given(st.text("aB: \t\r\n", max_size=40), st.sampled_from([(b"a",), (b"ab", b"B"), (b"AAA",)]))
def test_many_names_find_what_few_do(text: str, names: tuple[bytes, ...]) -> None:
    """However many are asked for."""
    header = text.encode()
    many = (*_OTHERS[:200], *names)
    assert fields_named(header, names) == fields_named(header, many)
    assert fields_not_named(header, names) == fields_not_named(header, many)


def test_many_names_take_no_longer() -> None:
    """A client may send a line full of them, and others do not wait for it."""
    header = b"Subject: x\r\n" * 20_000
    began = time.process_time()
    for start in range(5):
        assert b"" == fields_named(header, _OTHERS[start:])
        assert header == fields_not_named(header, _OTHERS[start:])
    assert time.process_time() - began < 2


@pytest.mark.parametrize("octets", [b"a:\n", b"a", b"a:\n ", b"\n\n", b": \n", b"a: \r", b" a:\n"])
def test_s19_a_megabyte_of_it(octets: bytes) -> None:
    """Time is linear, whatever is repeated."""
    header = octets * (1_000_000 // len(octets))

    assert len(fields_not_named(header, (b"a", b"aaaa"))) <= len(header)


# -- decoding ---------------------------------------------------------------------


def encoded(encoding: bytes, body: bytes) -> tuple[Octets, Part]:
    """A message of one part, and the part."""
    octets = b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n" + body
    return Octets(octets), read([octets]).root


LARGE = bytes(range(256)) * 1024


@pytest.mark.parametrize("step", [1000, SLICE, SLICE + 1])
def test_decoded_in_slices(step: int) -> None:
    """A large part is decoded as it is read, whatever the slices are."""
    content, part = encoded(b"base64", base64.encodebytes(LARGE))
    size = now_done(decoded_size(content, part, breathe))
    decoded = Decoded(content, part, size)
    read_, at = b"", 0
    while at < size:
        got = now_done(decoded.read(at, at + step))
        assert min(step, SLICE, size - at) == len(got)
        read_, at = read_ + got, at + len(got)

    assert LARGE == read_
    assert b"" == now_done(decoded.read(size, size + 1))


@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (5, 5), (1, 2), (65_000, 66_000), (200_000, 262_144), (3, 300_000)]
)
def test_decoded_anywhere(start: int, stop: int) -> None:
    """Any stretch can be read, also backwards, and cut out."""
    content, part = encoded(b"base64", base64.encodebytes(LARGE))
    decoded: Any = Decoded(content, part, len(LARGE))
    expected = LARGE[start:stop]

    assert LARGE[100_000:100_010] == now_done(decoded.read(100_000, 100_010))
    assert expected[:SLICE] == now_done(decoded.read(start, stop))
    assert expected == now_done(octets_of(Cut(decoded, start, min(stop, len(LARGE)))))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [(b"base64", b"QQ"), (b"quoted-printable", b"=x"), (b"x-what", b""), (b"uuencode", b"x")],
)
def test_broken(encoding: bytes, body: bytes) -> None:
    """What cannot be decoded has no size, counted at append or now."""
    content, part = encoded(encoding, body)
    for each in (part, forgotten(part)):
        with pytest.raises(EncodingError):
            now_done(decoded_size(content, each, breathe))


def forgotten(part: Part) -> Part:
    """The same as an earlier release wrote it."""
    names = ("start", "body", "stop", "lines", "media", "encoding")
    return Part(**{name: getattr(part, name) for name in names})


# -- the vectors ---------------------------------------------------------------------


def messages() -> list[Path]:
    """All of them."""
    mime = Path(VECTORS or "", "mime")
    found = [*mime.rglob("*.eml"), *mime.rglob("*.msg"), *mime.glob("python/msg_*")]
    return sorted([*found, *mime.glob("mailparser-malformed/*")])


def put_together(part: Part, octets: bytes, structure: Structure, name: str) -> bytes:
    """The body of a part, from the sections of what is in it and the lines between them."""
    joined, at = b"", part.body
    for number, inner in enumerate(part.parts, 1):
        inner_name = f"{name}.{number}" if name else str(number)
        mime, body = structure.section(inner_name + ".MIME"), structure.section(inner_name)
        assert mime is not None
        assert body is not None
        assert (inner.start, inner.stop) == (mime.start, body.stop)
        joined += octets[at : mime.start] + octets[slice(*mime)]
        joined += put_together(inner, octets, structure, inner_name)
        at = body.stop
    if part.message is not None:
        header, text = structure.section(name + ".HEADER"), structure.section(name + ".TEXT")
        assert header is not None
        assert text is not None
        assert octets[slice(*text)] == put_together(part.message, octets, structure, name)
        return octets[slice(*header)] + octets[slice(*text)]
    return joined + octets[at : part.stop]


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
def test_vectors_put_together_again() -> None:
    """All sections of each message, put together again, are the message; its sizes are true."""
    broken = 0
    for path in messages():
        octets = path.read_bytes()
        structure, content = read([octets]), Octets(octets)
        root = structure.root
        header, text = structure.section("HEADER"), structure.section("TEXT")
        assert header is not None
        assert text is not None
        whole = octets[slice(*header)]
        whole += put_together(root, octets, structure, "1" if root.message is not None else "")
        assert octets == whole, path.name
        assert octets[slice(*text)] == whole[header.stop :]
        for _, part in structure.walk():
            broken += not check_decoding(content, part)
    assert 16 == broken


def check_decoding(content: Octets, part: Part) -> bool:
    """Whether it can be decoded; then all ways say the same of it."""
    body = content.octets[part.body : part.stop]
    try:
        transfer = transfer_of(part.encoding)
        expected = transfer.decode(body) + transfer.finish()
    except EncodingError:
        with pytest.raises(EncodingError):
            now_done(decoded_size(content, part, breathe))
        return False
    size = now_done(decoded_size(content, part, breathe))
    assert len(expected) == size == now_done(decoded_size(content, forgotten(part), breathe))
    decoded: Any = Decoded(content, part, size)
    assert expected == now_done(octets_of(decoded))
    return True


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
def test_vectors_fields() -> None:
    """The fields of each message, asked for by name, are those of its header."""
    for path in messages():
        header = parse_header(path.read_bytes()[:100_000])
        names = tuple({field.name.lower() for field in header.fields} - {b""})
        if names:
            named = fields_named(header.octets, names)
            rest = fields_not_named(header.octets, names)
            assert sorted(header.octets[: header.fields_stop]) == sorted(
                named[: len(named) - header.size + header.fields_stop]
                + rest[: len(rest) - header.size + header.fields_stop]
            )
