"""
Tests for what a report returns of a message: how much, and labelled how.
"""

from __future__ import annotations

from binascii import a2b_qp

import pytest

from pymta.message.dsn import Original
from pymta.message.dsn_enclosing import (
    ContentScan,
    cut_header,
    enclosed_header,
    original_of,
)
from tests.message.cuts import CUTS, Cutter

FIELDS = b"Received: a\r\n\tb\r\nSubject: x\r\n"


@pytest.mark.parametrize(
    ("octets", "limit", "expected"),
    [
        (FIELDS + b"\r\nbody", 100, FIELDS),
        (FIELDS + b"\r\nbody", len(FIELDS), FIELDS),
        (FIELDS + b"\r\nbody", len(FIELDS) - 1, b"Received: a\r\n\tb\r\n"),
        (FIELDS + b"\r\nbody", 16, b""),
        (FIELDS.replace(b"\r", b"") + b"\nbody", 100, FIELDS.replace(b"\r", b"")),
        (b"\r\nbody", 100, b""),
        (b"\nbody", 100, b""),
        (b"", 100, b""),
        (FIELDS, 100, FIELDS),
        (b"Subject: x", 100, b"Subject: x"),
        (b"Subject: " + b"x" * 200, 100, b""),
        (FIELDS + b"\r\nbody", 0, b""),
    ],
    ids=["whole", "just", "one less", "no field", "LF", "none", "none with LF", "nothing",
         "no body", "no end", "one long line", "no room"],
)  # fmt: skip
def test_a_header_is_cut_behind_a_field(octets: bytes, limit: int, expected: bytes) -> None:
    """Without its empty line, and never within a field."""
    assert expected == cut_header(octets, limit)


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\n"], ids=repr)
def test_lines_that_are_encoded_end_with_crlf(end: bytes) -> None:
    """Also the soft ones, and also where nothing in the header shows how lines end in it."""
    _, octets = enclosed_header("Subject: ä".encode() + b"\xff" * 100 + end, utf8=False)

    assert octets.count(b"\r\n") == octets.count(b"\n") >= 4
    assert a2b_qp(octets) == "Subject: ä".encode() + b"\xff" * 100 + (end and b"\r\n")


def test_s19_cutting_is_linear() -> None:
    """A field that is folded for ever, and a header of nothing but line ends."""
    assert b"" == cut_header(b"x: y\n" + b" \n" * 32_000, 60_000)
    assert b"x: y\n" == cut_header(b"x: y\n" + b"z: \n" + b" \n" * 32_000, 60_000)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"Subject: x\r\n", b"Subject: x\r\n"),
        (b"Subject: x\nTo: \xff\n", b"Subject: x\r\nTo: =FF\r\n"),
        (b"Subject: x\rTo: y\r\n", b"Subject: x=0DTo: y\r\n"),
        (b"Subject: \0=\r\n", b"Subject: =00=3D\r\n"),
        ("Subject: ü\r\n".encode(), b"Subject: =C3=BC\r\n"),
        (b"Subject: " + b"x" * 1000 + b"\r\n", b"Subject: " + b"x" * 66 + b"=\r\n"),
    ],
    ids=["plain", "not UTF-8", "bare CR", "NUL", "UTF-8", "long line"],
)
def test_a_header_is_encoded_where_it_must_be(fields: bytes, expected: bytes) -> None:
    """RFC 6522 section 4: as quoted-printable."""
    _enclosure, octets = enclosed_header(fields, utf8=False)
    assert octets.startswith(expected)
    assert octets.isascii()


SCANS = [
    (b"Subject: x\r\n\r\nHello\r\n", "7bit"),
    (b"Subject: x\r\n\r\nHello", "7bit"),
    (b"", "7bit"),
    ("Subject: x\r\n\r\nGrüße\r\n".encode(), "8bit"),
    (b"Subject: x\r\n\r\n\0\r\n", None),
    (b"Subject: x\r\n\r\na\rb\r\n", None),
    (b"Subject: x\r\n\r\na\nb\r\n", None),
    (b"Subject: x\r\n\r\na\r", None),
    (b"Subject: x\r\n\r\n--=_b\r\n", None),
    (b"Subject: x\r\n\r\na --=_b--", None),
    (b"Subject: x\r\n\r\n--=_", "7bit"),
]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(("octets", "expected"), SCANS, ids=range(len(SCANS)))
def test_a_message_is_returned_whole_if_it_can_be(
    octets: bytes, expected: str | None, cut: Cutter
) -> None:
    """7bit or 8bit; not what is binary, nor what holds the boundary, however it is cut."""
    scan = ContentScan("=_b")
    for data in cut(octets):
        scan.feed(data)
    assert expected == scan.finish()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (b"", Original()),
        (b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n", Original(subject="Grüße")),
        (b"Subject: a\r\n b\r\n", Original(subject="a b")),
        (b"Subject: =?utf-8?q?a=0D=0ABcc:_x?=\r\n", Original(subject="a Bcc: x")),
        (b"Date: today\r\n", Original(date="today")),
        (b"Message-ID: <1@example.test>\r\n", Original(message_id="<1@example.test>")),
        (b"Message-ID: <1@a> <2@b>\r\n", Original()),
        (b"Message-ID: <" + b"x" * 260 + b">\r\n", Original()),
        (b"Message-ID: 1@example.test\r\n", Original()),
        (b"Message-ID: <a\xff@b>\r\n", Original()),
        (b"Subject: " + b"x" * 300 + b"\r\n", Original(subject="x" * 197 + "...")),
        (b"a: b\r\n" * 1001, Original()),
    ],
    ids=["nothing", "encoded", "folded", "a line in a word", "date", "id", "two ids", "long id",
         "no id", "8bit id", "long subject", "too many fields"],
)  # fmt: skip
def test_s12_what_people_know_a_message_by(fields: bytes, expected: Original) -> None:
    """What can be shown is shown; what cannot be referred to is not."""
    assert expected == original_of(fields)
