"""
Messages to send: what real ones have in them that might be changed on the way.
"""

from __future__ import annotations

__all__ = ["LETTERS", "LONG_LINES", "letter"]

_BODIES = {
    "short": b"A line.\r\n",
    "dots": b".\r\n..\r\n.a\r\n\r\n...\r\n.\r\n",
    "8 bit": "Grüße, ½ Liter Öl\r\n".encode(),
    "blank ends": b"a \r\n\t\r\n \r\n\r\n\r\n",
    "From": b"\r\nFrom me to you\r\n>From nobody\r\n",
    "98 KiB": b"".join(b"%06d %s\r\n" % (n, b"x" * (n % 70)) for n in range(2400)),
    "at the limit of a line": b"y" * 998 + b"\r\n",
}
# RFC 5321 section 4.5.3.1.6 asks of nobody to pass these.
_LONG = {
    "long lines": b"z" * 5000 + b"\r\n.\r\n" + b"z" * 70_000 + b"\r\n",
}

LETTERS = tuple(_BODIES)
LONG_LINES = tuple(_LONG)


def letter(name: str, sender: str, recipient: str) -> bytes:
    """One of them, with a header that lacks nothing."""
    body = _BODIES.get(name) or _LONG[name]
    header = (
        f"Date: Mon, 02 Feb 2026 12:00:00 +0100\r\n"
        f"From: Somebody <{sender}>\r\n"
        f"To: {recipient}\r\n"
        f"Subject: {name},\r\n\tfolded\r\n"
        f"Message-ID: <{name.replace(' ', '-')}@client.test>\r\n"
        f"MIME-Version: 1.0\r\n"
        f"Content-Type: text/plain; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: 8bit\r\n"
        f"\r\n"
    )
    return header.encode() + body
