"""
The mailbox that is measured: the same messages for everybody, made from their number alone.
"""

from __future__ import annotations

import base64
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

__all__ = ["NEEDLE", "messages"]

NEEDLE = "xylophone"
"""A word that is in the text of one message of a hundred."""

_BEGAN = datetime(2024, 1, 1, tzinfo=UTC)
_TEXT = (
    "the quick brown fox jumps over a lazy dog while rain falls on seven hills and nobody "
    "counts how many letters were sent since spring began in this old town of mail"
)
_WORDS = _TEXT.split()


def messages(count: int) -> Iterator[bytes]:
    """About 1.7 KiB each; two of three in parts, every third with an attachment."""
    for number in range(count):
        chance = random.Random(number)
        yield _message(number, chance).encode("ascii")


def _message(number: int, chance: random.Random) -> str:
    subject = " ".join(chance.choices(_WORDS, k=5)) + f" {number % 997}"
    parent = chance.randrange(number) if number and number % 3 else None
    head = [
        f"From: Person {number % 50} <p{number % 50}@example.org>",
        f"To: User <user@example.test>, Friend {number % 7} <f{number % 7}@example.net>",
        f"Subject: {'Re: ' if parent is not None else ''}{subject}",
        f"Date: {format_datetime(_BEGAN + timedelta(minutes=7 * number))}",
        f"Message-ID: <{number}@bench.example>",
        "MIME-Version: 1.0",
    ]
    if parent is not None:
        head += [f"In-Reply-To: <{parent}@bench.example>", f"References: <{parent}@bench.example>"]
    text = _text(number, chance)
    if number % 3 == 0:
        return _joined([*head, "Content-Type: text/plain; charset=us-ascii", "", text])
    parts = [_part("text/plain; charset=us-ascii", "7bit", text)]
    if number % 3 == 1:
        parts.append(_part("text/html; charset=us-ascii", "7bit", f"<p>{text[:200]}</p>"))
    else:
        octets = base64.encodebytes(chance.randbytes(700)).decode().replace("\n", "\r\n")
        parts.append(_part('application/octet-stream; name="a.bin"', "base64", octets))
    kind = "alternative" if number % 3 == 1 else "mixed"
    body = "".join(f"--=b\r\n{part}\r\n" for part in parts) + "--=b--\r\n"
    return _joined([*head, f'Content-Type: multipart/{kind}; boundary="=b"', "", body])


def _text(number: int, chance: random.Random) -> str:
    lines = [" ".join(chance.choices(_WORDS, k=10)) for _ in range(chance.randrange(8, 28))]
    if number % 100 == 42:
        lines[3] += f" {NEEDLE}"
    return "\r\n".join(lines) + "\r\n"


def _part(kind: str, encoding: str, body: str) -> str:
    return f"Content-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n{body}"


def _joined(lines: list[str]) -> str:
    return "\r\n".join(lines)
