"""
Tests for structures as octets.
"""

from __future__ import annotations

import json

import pytest

from pymta.message.structure import BROKEN
from pymta.message.structure_codec import from_bytes, header_size, to_bytes
from tests.message.structures import read

MESSAGE = (
    b"From: Zo\xeb <a@b>\r\nTo: G: c@d;, <@x:e@f>\r\nSender: s@b\r\nSubject:\r\n"
    b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n"
    b"Content-Type: image/png; name*=utf-8''%C3%A9\r\nContent-Language: en, de\r\n"
    b'Content-Disposition: inline; filename="\xff"\r\nContent-Id:\r\n\r\n--x\r\n'
    b"Content-Type: message/rfc822\r\nContent-Description: \x80\r\n\r\nSubject: y\r\n\r\n"
)


def test_there_and_back() -> None:
    """
    Every column comes back, octets that are no UTF-8 and empty strings among them.
    """
    structure = read([MESSAGE])

    assert structure == from_bytes(to_bytes(structure))
    assert structure.root.body == header_size(to_bytes(structure))
    assert b"" == structure.root.parts[0].id


VERSION_1 = (
    b'1[0,2,9,1,null,null,null,"base64",null,"d",null,["inline",[["filename","\xc3\xbf"]]],'
    b'["en"],null,null,null,[null,"s",[[null,null,"a","b"]],null,[],[],[],[],null,"<i>"]]'
)


@pytest.mark.parametrize(
    ("octets", "decoded"),
    [
        pytest.param(VERSION_1, None, id="1"),
        pytest.param(b"2" + VERSION_1[1:-1] + b",7]", 7, id="2"),
        pytest.param(b"2" + VERSION_1[1:-1] + b",-1]", BROKEN, id="2, broken"),
    ],
)
def test_s16_versions_are_read_for_ever(octets: bytes, decoded: int | None) -> None:
    """
    What each release wrote is written here once and for all; the newest is written.
    """
    structure = from_bytes(octets)
    root = structure.root

    assert decoded == root.decoded == root.decoded_octets
    assert to_bytes(structure) == (octets if decoded is not None else b"2" + octets[1:])

    assert 2 == header_size(octets)
    assert (0, 2, 11, 1) == (root.start, root.body, root.stop, root.lines)
    assert ("base64", b"d", (b"en",)) == (root.encoding, root.description, root.language)
    assert ("inline", (("filename", b"\xff"),)) == root.disposition
    assert root.envelope is not None
    assert root.envelope.from_ == root.envelope.sender
    assert () == root.envelope.reply_to


def test_small_messages_have_small_structures() -> None:
    """
    A plain message costs no more than its envelope and its offsets.
    """
    octets = to_bytes(read([b"Subject: a\r\n\r\nb\r\n"]))

    assert len(octets) < 120
    assert [0, 14, 3, 1] == json.loads(octets[1:])[:4]


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"3[0,0,0,0]",
        b"2[0,0]",
        b"1",
        b"1{}",
        b"1[]",
        b"1[0,0]",
        b'1["a","b","c","d"]',
        b"2[0,0,0,0" + b",null" * 13 + b",true]",
        b"1[0,0,0,0,null,null,null,null,5]",
        b"1\xff",
        b"\x80\x04K\x01.",
    ],
    ids=repr,
)
def test_s16_other_octets_are_refused(octets: bytes) -> None:
    """
    Other versions and other octets are a ValueError, and nothing is run.
    """
    with pytest.raises(ValueError):
        from_bytes(octets)


def test_s16_nested_beyond_reason() -> None:
    """
    Octets that nest without end are refused like others.
    """
    with pytest.raises(ValueError):
        from_bytes(b"1" + b"[" * 100_000)
