"""
What is written of a message is read back as what was meant, whatever the message is.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message import structure as ours
from pymta.message.envelope import MessageEnvelope
from pymta.message.preview import preview_text
from pymta.message.structure_codec import from_bytes, to_bytes
from pymta.message.structure_reader import StructureReader
from pymta.wire.imap.client_data import Address, Envelope, Fetched, Multipart, Part
from pymta.wire.imap.client_reading import read_response
from pymta.wire.imap.response.bodystructure import (
    same_with_utf8,
    write_body,
    write_body_structure,
)
from pymta.wire.imap.response.envelope import write_envelope
from pymta.wire.imap.response.fetch import fetch_line, preview_value, section_item

VECTORS = os.environ.get("PYMTA_VECTORS")


def read(octets: bytes) -> ours.Structure:
    """The structure, read in slices as an append does."""
    reader = StructureReader()
    for start in range(0, len(octets), 65536):
        reader.feed(octets[start : start + 65536])
    return reader.finish()


def told(octets: bytes, *, utf8: bool) -> Fetched:
    """What a client reads of all that is written."""
    structure = read(octets)
    items = [
        b"ENVELOPE " + write_envelope(structure.root.envelope, utf8=utf8),
        b"BODY " + write_body(structure, utf8=utf8),
        b"BODYSTRUCTURE " + write_body_structure(structure, utf8=utf8),
        b"PREVIEW " + preview_value(preview_text(structure.root, octets[:5000]), utf8=utf8),
        section_item(b"BODY[]", octets),
    ]
    line = fetch_line(7, items)
    assert line.endswith(b"\r\n")
    fetched = read_response(line[:-2], depth=500, name=lambda name: name.decode())
    assert isinstance(fetched, Fetched)
    assert octets == fetched.items["BODY[]"]
    return fetched


def plain(octets: bytes | None) -> bytes | None:
    """As a string can hold it."""
    return None if octets is None else octets.replace(b"\0", b"")


def check_envelope(read_back: object, meant: MessageEnvelope | None) -> None:
    """Field by field."""
    assert isinstance(read_back, Envelope)
    meant = meant or MessageEnvelope()
    for name in ("date", "subject", "in_reply_to", "message_id"):
        assert plain(getattr(meant, name)) == getattr(read_back, name)
    for name in ("from_", "sender", "reply_to", "to", "cc", "bcc"):
        expected = tuple(
            Address(name=plain(n), route=plain(r), mailbox=plain(m), host=plain(h))
            for n, r, m, h in getattr(meant, name)
        )
        assert (expected or None) == getattr(read_back, name)


def check_body(read_back: object, meant: ours.Part, *, utf8: bool) -> None:
    """Part by part."""
    if meant.parts:
        assert isinstance(read_back, Multipart)
        assert meant.media.subtype.encode() == read_back.subtype
        for inner, part in zip(read_back.parts, meant.parts, strict=True):
            check_body(inner, part, utf8=utf8)
        return
    assert isinstance(read_back, Part)
    assert f"{meant.media}".encode() == read_back.type + b"/" + read_back.subtype
    assert (meant.octets, meant.encoding.encode()) == (read_back.size, read_back.encoding)
    assert (plain(meant.id), plain(meant.description)) == (read_back.id, read_back.description)
    if meant.media.type == "text":
        assert meant.lines == read_back.lines
    if meant.message is not None and (utf8 or meant.media.subtype == "rfc822"):
        assert meant.lines == read_back.lines
        check_envelope(read_back.envelope, meant.message.envelope)
        check_body(read_back.body, meant.message, utf8=utf8)


def check(octets: bytes) -> None:
    """All that is written of a message, for both kinds of clients."""
    structure = read(octets)
    assert structure == from_bytes(to_bytes(structure))
    for utf8 in (False, True):
        items = told(octets, utf8=utf8).items
        check_envelope(items["ENVELOPE"], structure.root.envelope)
        check_body(items["BODY"], structure.root, utf8=utf8)
        check_body(items["BODYSTRUCTURE"], structure.root, utf8=utf8)
    for write in (write_body, write_body_structure):
        written = write(structure, utf8=False)
        assert not same_with_utf8(written) or written == write(structure, utf8=True)


def nested(header: bytes, depth: int) -> bytes:
    """So many levels, each with a boundary of its own."""
    return b"".join(
        (header % n if b"%d" in header else header) + b"\r\n\r\n" + (b"--b%d\r\n" % n)
        for n in range(depth)
    )


FIELDS = (b"From", b"To", b"Subject", b"Date", b"Message-Id", b"Content-Type", b"Content-Id")
EVIL = b'\0\x80\xff\r"\\(){3}\x01%*\xc3\xa9'

HOSTILE = [
    pytest.param(b"", id="empty"),
    pytest.param(b"\r", id="CR"),
    pytest.param(b"\0" * 100, id="NUL"),
    pytest.param(bytes(range(256)) * 40, id="all octets"),
    pytest.param(nested(b"Content-Type: multipart/mixed; boundary=b%d", 200), id="200 multiparts"),
    pytest.param(
        b"Content-Type: message/rfc822\r\n\r\n" * 200 + b"Subject: x\r\n\r\n", id="200 messages"
    ),
    pytest.param(
        b"Content-Type: message/global\r\n\r\n" * 60 + b"Subject: \xff\r\n\r\n", id="60 globals"
    ),
    pytest.param(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\r\n" * 500,
        id="500 parts",
    ),
    pytest.param(b"Content-Type: multipart/mixed\r\n\r\n--\r\n--\r\n", id="no boundary"),
    pytest.param(
        b'Content-Type: multipart/x; boundary="a\0b\xff"\r\n\r\n--a\0b\xff\r\n\r\nx', id="boundary"
    ),
    pytest.param(
        b"".join(name + b": " + EVIL + b"\r\n" for name in FIELDS) + b"\r\n" + EVIL,
        id="octets that mean something",
    ),
    pytest.param(b"From: " + b"a@b," * 2000 + b"\r\n\r\n", id="2,000 addresses"),
    pytest.param(b"To: " + b"(" * 50_000 + b"\r\n\r\n", id="50,000 comments"),
    pytest.param(b"Cc: " + b'"\xff\0" <' * 2000 + b"\r\n\r\n", id="open angles"),
    pytest.param(b"Bcc: " + b"g:" * 2000 + b"\r\n\r\n", id="2,000 groups"),
    pytest.param(b"Content-Type: a/b" + b'; x="\\"\xe9"' * 500 + b"\r\n\r\n", id="500 parameters"),
    pytest.param(
        b"Content-Type: a/b" + b"".join(b"; x*%d*=%%FF" % n for n in range(200)) + b"\r\n\r\n",
        id="200 continuations",
    ),
    pytest.param(b"Subject: " + b"x" * 2_000_000 + b"\r\n\r\nx", id="a header of 2 MB"),
    pytest.param(b"".join(b"X-%d: y\r\n" % n for n in range(20_000)), id="20,000 fields"),
    pytest.param(b"Subject: " + b"a\r\n " * 20_000 + b"\r\n\r\n", id="20,000 folds"),
    pytest.param(
        b"Content-Type: text/html\r\n\r\n" + b"<" * 20_000 + b"&" * 20_000, id="HTML of brackets"
    ),
    pytest.param(
        b'Content-Disposition: x; filename="\xe9\r\n y"\r\nContent-Language: '
        + b"\xff, a, " * 50
        + b'\r\nContent-Location: \0\xff\r\nContent-Md5: "\r\n\r\n',
        id="extension data",
    ),
]


@pytest.mark.parametrize("octets", HOSTILE)
def test_s18_hostile(octets: bytes) -> None:
    """Whatever a stranger sends: nothing raises, and a client reads what was meant."""
    check(octets)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                b"Content-Type: multipart/mixed; boundary=b\r\n",
                b"Content-Type: message/rfc822\r\n",
                b"Content-Type: text/html; charset=\"\xe9\"; n*=utf-8''%C3%A9\r\n",
                b"Content-Transfer-Encoding: base64\r\n",
                b'Subject: \xc3\xa9 "\\\0\r\n',
                b"From: a <b@c>, g:;\r\n",
                b"\r\n",
                b"\n",
                b"--b\r\n",
                b"--b--\r\n",
                b" folded\r\n",
                b"QUJD",
            ]
        ),
        max_size=20,
    )
)
def test_any_message(lines: list[bytes]) -> None:
    """Any lines make a message of which a client reads what was meant."""
    check(b"".join(lines))


def vectors() -> Iterator[bytes]:
    """All messages."""
    mime = Path(VECTORS or "", "mime")
    found = [*mime.rglob("*.eml"), *mime.rglob("*.msg"), *mime.glob("python/msg_*")]
    for path in [*found, *mime.glob("mailparser-malformed/*")]:
        yield path.read_bytes()


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
def test_vectors() -> None:
    """The same of messages that other people had trouble with."""
    count = 0
    for octets in vectors():
        check(octets)
        count += 1
    assert 195 == count
