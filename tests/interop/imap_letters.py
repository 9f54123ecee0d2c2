"""
Messages for IMAP servers to be compared by: made ones of each kind, and vectors where they are.
"""

from __future__ import annotations

import os
from email import message_from_bytes
from email.utils import parsedate_tz
from pathlib import Path

__all__ = ["MADE", "vectors"]


def _message(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()


_INNER = (
    'Content-Type: multipart/alternative; boundary="in"',
    "",
    "--in",
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: quoted-printable",
    "",
    "gr=C3=BC=C3=9Fe the hello",
    "--in",
    "Content-Type: text/html",
    "",
    "<p>hello</p>",
    "--in--",
)

MADE: tuple[bytes, ...] = (
    _message(
        "Date: Mon, 1 Jun 2020 10:00:00 +0200",
        "From: Ann Test <ann@a.test>",
        'To: bob@b.test, "Q, Quoted" <q@b.test>',
        "Subject: hello",
        "Message-ID: <1@a.test>",
        "",
        "the test of hello",
    ),
    _message(
        "Date: Mon, 1 Jun 2020 11:00:00 +0200",
        "From: bob@b.test",
        "To: ann@a.test",
        "Subject: Re: hello",
        "Message-ID: <2@b.test>",
        "In-Reply-To: <1@a.test>",
        "References: <1@a.test>",
        "Received: from x by y; Mon, 1 Jun 2020 11:00:01 +0200",
        "",
        "Content of the answer",
        "",
    ),
    _message(
        "Date: Tue, 2 Jun 2020 11:00:00 -0700",
        "From: =?utf-8?q?J=C3=BCrgen?= <j@c.test>",
        "To: Group: a@a.test, b@b.test;, undisclosed: ;",
        "Cc: ann@a.test",
        "Subject: =?utf-8?b?R3LDvMOfZQ==?=",
        "\tfolded on",
        "References: <1@a.test> <2@b.test>",
        "Message-ID: <3@c.test>",
        "MIME-Version: 1.0",
        'Content-Type: multipart/mixed; boundary="out"',
        "",
        "a preamble",
        "--out",
        *_INNER,
        "--out",
        'Content-Type: application/octet-stream; name="a b.bin"',
        'Content-Disposition: attachment; filename="a b.bin"; size=3',
        "Content-Transfer-Encoding: base64",
        "Content-ID: <part@c.test>",
        "Content-Description: three octets",
        "",
        "YWJj",
        "--out--",
        "an epilogue",
    ),
    _message(
        "Date: Wed, 3 Jun 2020 12:00:00 +0000",
        "From: ann@a.test",
        "Sender: secretary@a.test",
        "Reply-To: list@a.test",
        "To: bob@b.test",
        "Subject: Fwd: Test",
        "Message-ID: <4@a.test>",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed; boundary=b1",
        "",
        "--b1",
        "Content-Type: text/plain",
        "",
        "see below",
        "--b1",
        "Content-Type: message/rfc822",
        "",
        "Date: Mon, 1 Jun 2020 09:00:00 +0000",
        "From: x@x.test",
        "Subject: inside",
        *_INNER,
        "--b1--",
    ),
    _message(
        "From: nobody",
        "Subject: Test",
        "Content-Type: message/rfc822",
        "",
        "Subject: inner",
        "From: in@in.test",
        "",
        "the inner text",
    ),
    _message("Subject: no body", ""),
    _message("X-Only: this", "Date: nonsense", "From: nobody, c@d (comment)", "", "text"),
    _message("", "no header at all", "the end"),
    _message(
        "Date: Thu, 04 Jun 2020 23:30:00 -0500",
        "From: zoe@a.test",
        "To: ann@a.test",
        "Subject: [list] hello (fwd)",
        "In-Reply-To: <unknown@x.test>",
        "Message-ID: <5@z.test>",
        "Content-Type: text/plain; charset=iso-8859-1; format=flowed",
        "Content-Language: de, en",
        "Content-Location: http://a.test/",
        "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==",
        "",
        *(f"line {n} of the long one" for n in range(60)),
    ),
)


def vectors(most: int = 20_000) -> list[bytes]:
    """
    MIME vectors as IMAP can carry them, with CRLF and without NUL; none without vectors.

    Left out are larger ones, and those that only guessing can sort or search: with a Date that is
    none, and with 8-bit headers in who knows what charset.  To Dovecot, time begins in 1970.
    """
    folder = os.environ.get("PYMTA_VECTORS")
    if folder is None:
        return []
    found = []
    for file in sorted(Path(folder, "mime").rglob("*")):
        if not file.is_file() or file.suffix in (".json", ".md", ".out", ".yaml", ".xml"):
            continue
        octets = file.read_bytes()
        if 0 < len(octets) <= most and b"\0" not in octets and b"1969" not in octets:
            lines = octets.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if _is_clear(lines.partition(b"\n\n")[0]):
                found.append(lines.replace(b"\n", b"\r\n"))
    return found


def _is_clear(header: bytes) -> bool:
    date = message_from_bytes(header).get("Date")
    return header.isascii() and (date is None or parsedate_tz(date) is not None)
