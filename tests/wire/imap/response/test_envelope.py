"""
Tests for ENVELOPE.
"""

from __future__ import annotations

import pytest

from pymta.message.envelope import message_envelope
from pymta.message.header import parse_header
from pymta.wire.imap.response.envelope import string, utf8_string, write_envelope

# RFC 3501 section 8, and RFC 9051 section 8.
EXAMPLE = (
    b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
    b"From: Terry Gray <gray@cac.washington.edu>\r\n"
    b"Subject: IMAP4rev1 WG mtg summary and minutes\r\n"
    b"To: imap@cac.washington.edu\r\n"
    b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
    b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: TEXT/PLAIN; CHARSET=US-ASCII\r\n\r\n"
)


def written(header: bytes, *, utf8: bool = False) -> bytes:
    """The envelope of a header."""
    return write_envelope(message_envelope(parse_header(header)), utf8=utf8)


def test_example_of_the_rfc() -> None:
    """The example of the RFC is written to the letter."""
    assert (
        b'("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" '
        b'"IMAP4rev1 WG mtg summary and minutes" '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'(("Terry Gray" NIL "gray" "cac.washington.edu")) '
        b'((NIL NIL "imap" "cac.washington.edu")) '
        b'((NIL NIL "minutes" "CNRI.Reston.VA.US")'
        b'("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL '
        b'"<B27397-0100000@cac.washington.edu>")'
    ) == written(EXAMPLE)


FIELDS = [
    pytest.param(b"", b"(NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)", id="nothing"),
    pytest.param(b"Subject:\r\n", b'(NIL "" NIL NIL NIL NIL NIL NIL NIL NIL)', id="empty subject"),
    pytest.param(b"To:\r\nFrom: ,\r\n", b"(NIL" + b" NIL" * 9 + b")", id="empty lists"),
    pytest.param(
        b"From: a@b\r\nSender: c@d\r\nReply-To:\r\n",
        b'(NIL NIL ((NIL NIL "a" "b")) ((NIL NIL "c" "d")) ((NIL NIL "a" "b"))'
        + b" NIL" * 5
        + b")",
        id="sender and an empty reply-to",
    ),
    pytest.param(
        b"Bcc: G: a@b, c@d;, E:;\r\n",
        b"(NIL" + b" NIL" * 6 + b' ((NIL NIL "G" NIL)(NIL NIL "a" "b")(NIL NIL "c" "d")'
        b'(NIL NIL NIL NIL)(NIL NIL "E" NIL)(NIL NIL NIL NIL)) NIL NIL)',
        id="groups",
    ),
    pytest.param(
        b"To: <@x,@y:a@b>, c\r\n",
        b"(NIL" + b" NIL" * 4 + b' ((NIL "@x,@y" "a" "b")(NIL NIL "c" "")) NIL NIL NIL NIL)',
        id="a source route, and no domain",
    ),
    pytest.param(
        b'To: "a \\"b\\" \\\\" <"x y"@z>\r\n',
        b"(NIL" + b" NIL" * 4 + b' (("a \\"b\\" \\\\" NIL "x y" "z")) NIL NIL NIL NIL)',
        id="quotes",
    ),
    pytest.param(
        b"Subject: a\r\n b\tc\r\nIn-Reply-To: <a>\r\n\t<b>\r\n",
        b'(NIL "a b\tc"' + b" NIL" * 6 + b' "<a>\t<b>" NIL)',
        id="folds",
    ),
    pytest.param(
        b"Subject: =?utf-8?q?=C3=A9?=\r\n",
        b'(NIL "=?utf-8?q?=C3=A9?="' + b" NIL" * 8 + b")",
        id="encoded-words stay",
    ),
    pytest.param(b"Subject: a\0b\0\r\n", b'(NIL "ab"' + b" NIL" * 8 + b")", id="no NUL"),
    pytest.param(b"Subject: a\rb\r\n", b"(NIL {3}\r\na\rb" + b" NIL" * 8 + b")", id="CR"),
]


@pytest.mark.parametrize(("header", "expected"), FIELDS)
def test_fields(header: bytes, expected: bytes) -> None:
    """Each field is written as the RFC says, the same with UTF8=ACCEPT where all is ASCII."""
    assert expected == written(header + b"\r\n")
    assert expected == written(header + b"\r\n", utf8=True)


STRINGS = [
    pytest.param(b"", b'""', b'""', id="empty"),
    pytest.param(b"NIL", b'"NIL"', b'"NIL"', id="a word that is none"),
    pytest.param(b'"\\', b'"\\"\\\\"', b'"\\"\\\\"', id="quotes"),
    pytest.param(b"\x01\x1b\x7f", b'"\x01\x1b\x7f"', b'"\x01\x1b\x7f"', id="control characters"),
    pytest.param(b"\r", b"{1}\r\n\r", b"{1}\r\n\r", id="CR"),
    pytest.param(b"\n", b"{1}\r\n\n", b"{1}\r\n\n", id="LF"),
    pytest.param("é".encode(), b"{2}\r\n\xc3\xa9", b'"\xc3\xa9"', id="UTF-8"),
    pytest.param('"é'.encode(), b'{3}\r\n"\xc3\xa9', b'"\\"\xc3\xa9"', id="UTF-8 with a quote"),
    pytest.param(b"\xc3\0\xa9", b"{2}\r\n\xc3\xa9", b'"\xc3\xa9"', id="UTF-8 with NUL"),
    pytest.param("é\r".encode(), b"{3}\r\n\xc3\xa9\r", b"{3}\r\n\xc3\xa9\r", id="UTF-8 with CR"),
    pytest.param(b"\xe9", b"{1}\r\n\xe9", b"{1}\r\n\xe9", id="no UTF-8"),
    pytest.param(b"\xed\xa0\x80", b"{3}\r\n\xed\xa0\x80", b"{3}\r\n\xed\xa0\x80", id="surrogate"),
]


@pytest.mark.parametrize(("octets", "plain", "utf8"), STRINGS)
def test_strings(octets: bytes, plain: bytes, utf8: bytes) -> None:
    """
    What is beyond ASCII is never in a quoted string, but for a client that takes UTF-8 there.
    """
    assert plain == string(octets)
    assert utf8 == utf8_string(octets)


def test_beyond_ascii() -> None:
    """Raw octets go as they are: as a literal, or quoted."""
    header = "From: Zoë <zoë@exämple>\r\nSubject: é\r\n\r\n".encode()
    plain, utf8 = written(header), written(header, utf8=True)

    assert "(NIL {2}\r\né (({4}\r\nZoë NIL {4}\r\nzoë {8}\r\nexämple))".encode() == plain[:54]
    assert '(NIL "é" (("Zoë" NIL "zoë" "exämple"))'.encode() == utf8[:42]


def test_no_envelope() -> None:
    """A structure whose strings were too many has an empty one."""
    assert b"(NIL" + b" NIL" * 9 + b")" == write_envelope(None, utf8=True)
