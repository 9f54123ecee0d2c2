"""
Tests for BODY and BODYSTRUCTURE.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pymta.message.structure import Structure
from pymta.message.structure_reader import StructureReader
from pymta.wire.imap.response.bodystructure import (
    same_with_utf8,
    write_body,
    write_body_structure,
)
from pymta.wire.imap.response.envelope import write_envelope

VECTORS = os.environ.get("PYMTA_VECTORS")


def read(octets: bytes) -> Structure:
    """The structure of a message."""
    reader = StructureReader()
    reader.feed(octets)
    return reader.finish()


def part(header: bytes, body: bytes = b"") -> bytes:
    """A part, or a message."""
    return header + b"\r\n\r\n" + body


def multipart(subtype: bytes, *parts: bytes, more: bytes = b"") -> bytes:
    """A multipart with the boundary of its subtype's name."""
    header = b"Content-Type: multipart/%b; boundary=%b" % (subtype, subtype)
    body = b"".join(b"--%b\r\n%b\r\n" % (subtype, each) for each in parts)
    return part(header + more, body + b"--%b--\r\n" % subtype)


LINES = b"x" * 97 + b"\r\n"

# RFC 3501 section 7.4.2; sizes are ours.
PATCH = (
    b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME=cc.diff\r\n"
    b"Content-ID: <960723163407.20117h@cac.washington.edu>\r\n"
    b"Content-Transfer-Encoding: BASE64\r\nContent-Description: Compiler diff"
)

TABLE = [
    pytest.param(
        part(b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII", LINES * 23),
        b'("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 2277 23',
        b" NIL NIL NIL NIL)",
        id="a text",
    ),
    pytest.param(
        part(b"Subject: a", b"b"),
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 1 0',
        b" NIL NIL NIL NIL)",
        id="nothing said, and no line end",
    ),
    pytest.param(
        part(b"Content-Type: image/png", b"x\r\n"),
        b'("image" "png" NIL NIL NIL "7bit" 3',
        b" NIL NIL NIL NIL)",
        id="no text has no lines",
    ),
    pytest.param(
        part(
            b'Content-Type: application/x; a=b; c="d\\""\r\nContent-ID: <i>\r\n'
            b"Content-Description:\r\nContent-Transfer-Encoding: binary\r\n"
            b"Content-MD5: Q2hlY2sg\r\nContent-Disposition: inline; filename=x\r\n"
            b"Content-Language: de, en\r\nContent-Location: http://x/ y"
        ),
        b'("application" "x" ("a" "b" "c" "d\\"") "<i>" "" "binary" 0',
        b' "Q2hlY2sg" ("inline" ("filename" "x")) ("de" "en") "http://x/y")',
        id="everything a part says",
    ),
    pytest.param(
        multipart(b"mixed", part(b"Content-Type: multipart/mixed; boundary=y", b"z"), part(b"")),
        b'(("text" "plain" NIL NIL NIL "7bit" 1 0',
        None,
        id="a multipart without parts is a text",
    ),
    pytest.param(
        part(b"Content-Type: message/delivery-status", b"a: b\r\n"),
        b'("message" "delivery-status" NIL NIL NIL "7bit" 6',
        b" NIL NIL NIL NIL)",
        id="a message that encloses none",
    ),
]


@pytest.mark.parametrize(("octets", "fields", "extension"), TABLE)
def test_parts(octets: bytes, fields: bytes, extension: bytes | None) -> None:
    """The fields stand in the RFC's order; BODYSTRUCTURE has the extension behind them."""
    structure = read(octets)
    if extension is None:
        assert write_body(structure, utf8=False).startswith(fields)
    else:
        assert fields + b")" == write_body(structure, utf8=False)
        assert fields + extension == write_body_structure(structure, utf8=False)
        assert fields + extension == write_body_structure(structure, utf8=True)


def test_example_of_the_rfc() -> None:
    """A text and a text attachment (RFC 9051 section 7.5.2)."""
    text = part(b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII", LINES * 3)
    structure = read(multipart(b"mixed", text, part(PATCH, b"QUJD\r\n" * 9)))

    assert (
        b'(("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 297 3)'
        b'("text" "plain" ("charset" "US-ASCII" "name" "cc.diff") '
        b'"<960723163407.20117h@cac.washington.edu>" "Compiler diff" "base64" 54 9) "mixed")'
    ) == write_body(structure, utf8=False)


def test_extension_of_a_multipart() -> None:
    """Parameters, disposition, language and location stand behind the subtype."""
    more = b"\r\nContent-Disposition: attachment\r\nContent-Language: fr\r\nContent-Location: here"
    structure = read(multipart(b"digest", part(b"Content-Type: a/b"), more=more))

    assert (
        b'(("a" "b" NIL NIL NIL "7bit" 0 NIL NIL NIL NIL) "digest" '
        b'("boundary" "digest") ("attachment" NIL) ("fr") "here")'
    ) == write_body_structure(structure, utf8=False)


INNER = multipart(b"mixed", part(b"Content-Type: text/html", b"h\r\n"), more=b"\r\nSubject: in")


def test_message_in_a_message() -> None:
    """An enclosed message has its envelope, its body and its lines."""
    structure = read(part(b"Content-Type: message/rfc822", INNER))
    envelope = b'(NIL "in"' + b" NIL" * 8 + b")"

    assert (
        b'("message" "rfc822" NIL NIL NIL "7bit" %d %b '
        b'(("text" "html" NIL NIL NIL "7bit" 3 1) "mixed") %d)'
        % (len(INNER), envelope, INNER.count(b"\n"))
    ) == write_body(structure, utf8=False)


def test_message_global() -> None:
    """
    A message/global shows its inside to who takes UTF-8; others know no such thing.
    """
    structure = read(part(b"Content-Type: message/global", part(b"Subject: s")))
    plain = write_body_structure(structure, utf8=False)

    assert b'("message" "global" NIL NIL NIL "7bit" 14 NIL NIL NIL NIL)' == plain
    assert (
        b'("message" "global" NIL NIL NIL "7bit" 14 (NIL "s"' + b" NIL" * 8 + b") "
        b'("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0 NIL NIL NIL NIL) 2'
        b" NIL NIL NIL NIL)"
    ) == write_body_structure(structure, utf8=True)
    assert not same_with_utf8(plain)


PARAMETERS = [
    pytest.param(b"a=b", b'"a" "b"', b'"a" "b"', id="plain"),
    pytest.param(
        b"f*0*=utf-8''%C3%A9; f*1=\"%20 x\"",
        b'"f*" "utf-8\'\'%C3%A9%2520%20x"',
        '"f*" "é%20 x"'.encode(),
        id="continuations with a character set",
    ),
    pytest.param(
        b"f*=iso-8859-1'fr'%E9t%E9",
        b'"f*" "utf-8\'\'%C3%A9t%C3%A9"',
        '"f*" "été"'.encode(),
        id="ISO 8859-1",
    ),
    pytest.param(
        b"f*=unheard-of'x'%E9",
        b'"f*" "unheard-of\'x\'%E9"',
        b'"f*" "unheard-of\'x\'%E9"',
        id="a character set that nobody knows",
    ),
    pytest.param(b"f*0=a; f*1=b", b'"f" "ab"', b'"f" "ab"', id="continuations without"),
    pytest.param(b'f="\xe9"', b'"f" {1}\r\n\xe9', b'"f" {1}\r\n\xe9', id="no UTF-8"),
    pytest.param('f="é"'.encode(), b'"f" {2}\r\n\xc3\xa9', b'"f" "\xc3\xa9"', id="raw, and UTF-8"),
]


@pytest.mark.parametrize(("parameters", "plain", "utf8"), PARAMETERS)
def test_parameters(parameters: bytes, plain: bytes, utf8: bytes) -> None:
    """
    Values with a character set are ASCII for clients without UTF8=ACCEPT, and UTF-8 with it.
    """
    structure = read(part(b"Content-Type: a/b; " + parameters))
    written = write_body_structure(structure, utf8=False)

    assert b'("a" "b" (' + plain + b") NIL" == written[: 15 + len(plain)]
    assert b'("a" "b" (' + utf8 + b") NIL" in write_body_structure(structure, utf8=True)
    assert same_with_utf8(written) is (plain == utf8 and written.isascii() and b"*" not in plain)


def messages() -> list[Path]:
    """The vectors, but for the largest."""
    mime = Path(VECTORS or "", "mime")
    found = [*mime.rglob("*.eml"), *mime.rglob("*.msg"), *mime.glob("python/msg_*")]
    found += mime.glob("mailparser-malformed/*")
    return sorted(found)


def is_one_list(octets: bytes) -> bool:
    """Whether it is one parenthesised list, whose literals are as long as they say."""
    depth = at = 0
    while at < len(octets):
        match octets[at : at + 1]:
            case b"(":
                depth += 1
            case b")":
                depth -= 1
                if depth == 0:
                    return at + 1 == len(octets)
            case b'"':
                at += 1
                while octets[at : at + 1] != b'"':
                    assert octets[at] not in b"\r\n\0"
                    at += 2 if octets[at : at + 1] == b"\\" else 1
            case b"{":
                end = octets.index(b"}\r\n", at)
                at = end + 2 + int(octets[at + 1 : end])
        at += 1
    return False


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
def test_vectors() -> None:
    """Whatever the message: one well-formed list, without NUL, and the same where it says so."""
    paths = messages()
    for path in paths:
        structure = read(path.read_bytes())
        for write in (write_body, write_body_structure):
            plain, utf8 = write(structure, utf8=False), write(structure, utf8=True)
            assert is_one_list(plain), path.name
            assert is_one_list(utf8), path.name
            assert b"\0" not in plain + utf8
            assert plain == utf8 or not same_with_utf8(plain), path.name
        envelope = structure.root.envelope
        plain = write_envelope(envelope, utf8=False)
        assert is_one_list(plain)
        assert plain == write_envelope(envelope, utf8=True) or not same_with_utf8(plain)
    assert len(paths) == 195
