"""
Tests on messages that other people collected because they had trouble with them.
"""

from __future__ import annotations

import os
from email import message_from_bytes
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pymta.message.addresses import parse_addresses
from pymta.message.dates import parse_date
from pymta.message.encodedword import decode_words
from pymta.message.header import HeaderReader, parse_header
from pymta.message.newlines import CanonicalLines
from pymta.message.structure import Part
from tests.message.cuts import random_cuts
from tests.message.structures import check, read, shape

VECTORS = os.environ.get("PYMTA_VECTORS")

pytestmark = pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")

# Why the standard library sees other parts than we do.
DIFFERENT = {
    "msg_15.txt": "inner and outer multipart have one boundary: it gives all parts to the outer",
    "msg_39.txt": "the same",
    "msg_37.txt": "parts of no line at all are left out there",
}


def messages() -> list[Path]:
    """The messages, small ones first."""
    if VECTORS is None:
        return []
    mime = Path(VECTORS, "mime")
    found = [
        *mime.rglob("*.eml"),
        *mime.rglob("*.msg"),
        *mime.glob("python/msg_*"),
        *mime.glob("mailparser-malformed/*"),
    ]
    return sorted(found, key=lambda path: (path.stat().st_size, path.name))


def canonical(octets: bytes) -> bytes:
    """With CRLF."""
    lines = CanonicalLines()
    return lines.feed(octets) + lines.finish()


def test_vectors_are_all_there() -> None:
    """
    There are 195.
    """
    assert 195 == len(messages())


@pytest.mark.parametrize("path", messages(), ids=lambda path: path.name)
def test_structure(path: Path) -> None:
    """
    Each message has a structure that agrees with its octets, however they are cut.
    """
    octets = path.read_bytes()
    structure = read([octets])

    check(structure, octets)
    assert structure == read(octets[n : n + 4096] for n in range(0, len(octets), 4096))
    if len(octets) < 50_000:
        assert structure == read(octets[n : n + 1] for n in range(len(octets)))
        assert structure == read(random_cuts(1)(octets))


@pytest.mark.parametrize("path", messages(), ids=lambda path: path.name)
def test_line_ends_change_no_shape(path: Path) -> None:
    """
    A message has the same parts with LF and with CRLF.
    """
    octets = path.read_bytes()
    converted = canonical(octets)
    structure = read([converted])

    check(structure, converted)
    assert shape(read([octets]).root) == shape(structure.root)
    assert shape(structure.root) == shape(read([converted.replace(b"\r\n", b"\n")]).root)


@pytest.mark.parametrize("path", messages(), ids=lambda path: path.name)
def test_header(path: Path) -> None:
    """
    Its fields are read in any slices, and nothing in them raises.
    """
    octets = path.read_bytes()
    reader = HeaderReader()
    taken = sum(reader.feed(data) for data in random_cuts(2)(octets[:100_000]))
    header = reader.finish()

    assert header == parse_header(octets)
    assert octets[:taken] == header.octets
    assert (
        b"".join(octets[f.offset : f.stop] for f in header.fields) == octets[: header.fields_stop]
    )
    for field in header.fields:
        parse_date(field.value)
        parse_addresses(field.value)
        decode_words(field.unfolded)


def other_shape(message: Any) -> str:
    """What the standard library makes of it, with what we do otherwise on purpose."""
    media: str = message.get_content_type()
    parts = message.get_payload() if message.is_multipart() else []
    if media == "message/rfc822":
        return f"{media}[{other_shape(parts[0])}]"
    if media.startswith("multipart/"):
        # A multipart without parts has no place in IMAP.
        return f"{media}({' '.join(map(other_shape, parts))})" if parts else "text/plain"
    # Of the other messages (delivery-status, external-body) the inside is theirs.
    return media


PYTHON = [path for path in messages() if path.parent.name == "python"]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: path.name)
def test_same_parts_as_the_standard_library(path: Path) -> None:
    """
    The standard library finds the same parts, but for three messages.
    """
    octets = path.read_bytes()
    same = other_shape(message_from_bytes(octets)) == shape(read([octets]).root)

    assert (path.name not in DIFFERENT) is same


# Why the parser that they were collected for sees other parts than we do.
OTHERWISE = {
    "bad-newlines-multiple-parts-base64.msg": "it decodes an encoded message/rfc822",
    "base64encoded-rfc822message-nested.msg": "the same",
    "base64encoded-rfc822message.msg": "the same",
    "very-long-boundary.msg": "white space at the end of a boundary is part of it there",
    "very-very-long-boundary.msg": "the same",
    "weird-boundary.msg": "the same",
}
MIME4J = [path for path in messages() if path.parent.name == "mime4j"]


def skeleton(part: Part) -> str:
    """Leaves are dots, multiparts parentheses, messages brackets."""
    if part.message is not None:
        return f"[{skeleton(part.message)}]"
    return f"({''.join(map(skeleton, part.parts))})" if part.parts else "."


def other_skeleton(element: ElementTree.Element) -> str:
    """The same of the events that its authors wrote down."""
    for child in element:
        match child.tag:
            case "multipart":
                parts = "".join(other_skeleton(c) for c in child if c.tag == "body-part")
                return f"({parts})" if parts else "."
            case "message":
                return f"[{other_skeleton(child)}]"
    return "."


@pytest.mark.parametrize("path", MIME4J, ids=lambda path: path.name)
def test_same_parts_as_another_parser(path: Path) -> None:
    """
    The expected events beside each message name the same parts, but for six messages.
    """
    expected = other_skeleton(ElementTree.parse(path.with_suffix(".xml")).getroot())
    same = expected == skeleton(read([path.read_bytes()]).root)

    assert (path.name not in OTHERWISE) is same


TORTURE = [
    ((1,), "text/plain", 190, 3),
    ((2,), "message/rfc822", 4906, 106),
    ((2, 2, 1), "text/richtext", 887, 13),
    ((3, 1), "audio/basic", 561308, 7586),
    ((6, 2, 4), "application/atomicmail", 9203, 357),
    ((7, 1), "text/plain", 21, 0),
    ((9, 1), "application/postscript", 397154, 6421),
    ((10,), "image/gif", 78302, 1015),
    ((12, 3, 2, 2), "audio/basic", 156706, 807),
    ((12, 3, 4, 1), "audio/x-sun", 75682, 1023),
]


def test_torture_test() -> None:
    """
    The torture test of IMAP's author: 44 numbered parts, messages in messages.
    """
    octets = Path(VECTORS or "", "mime/crispin/torture-test.eml").read_bytes()
    structure = read(octets[n : n + 65536] for n in range(0, len(octets), 65536))
    found = {n: (str(part.media), part.octets, part.lines) for n, part in structure.walk()}

    assert 44 == len(found)
    assert TORTURE == [(n, *found[n]) for n, *_rest in TORTURE]
