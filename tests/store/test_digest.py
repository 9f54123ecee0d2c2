"""
Tests for what is computed of a message when it is appended.
"""

from __future__ import annotations

import base64
import time
from itertools import pairwise
from typing import Any

import pytest

from pymta.interfaces.content import SLICE, IContent, Octets
from pymta.message.structure_codec import from_bytes
from pymta.store._digest import Digest, digest_of, imap_envelope, imap_structure

MESSAGE = b"From: a@b\r\nSubject: \xc3\xa9\r\n\r\nHello\r\n"


def digest(content: IContent) -> tuple[Digest, list[float]]:
    """Of a message in memory, and the seconds of CPU between two breaths."""
    turns = [time.process_time()]

    async def breathe() -> None:
        turns.append(time.process_time())

    waiting: Any = digest_of(content, breathe).__await__()
    with pytest.raises(StopIteration) as ended:
        next(waiting)
    turns.append(time.process_time())
    return ended.value.value, [b - a for a, b in pairwise(turns)]


def test_all_of_it() -> None:
    """Envelope, structure, what IMAP writes of them, and a preview; they agree."""
    made, _ = digest(Octets(MESSAGE))
    structure = from_bytes(made.structure)

    assert len(MESSAGE) == structure.size
    assert made.structure == made.envelope
    assert imap_envelope(made.envelope) == made.imap_envelope
    assert imap_structure(made.structure) == made.imap_structure
    assert b"(NIL {2}\r\n\xc3\xa9 ((NIL NIL" in made.imap_envelope
    assert made.imap_structure.startswith(b'("text" "plain"')
    assert ("Hello", False) == (made.preview, made.unended)


@pytest.mark.parametrize(
    "octets", [b"", b"\r\n", b"x", b"\0" * SLICE * 2], ids=["empty", "no field", "no line", "NUL"]
)
def test_whatever_it_is(octets: bytes) -> None:
    """Nothing raises, and everything is there."""
    made, _ = digest(Octets(octets))

    assert len(octets) == from_bytes(made.structure).size
    assert made.preview is not None


FLOODS = [
    pytest.param(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n" * 50_000, id="parts"
    ),
    pytest.param(b"Content-Type: message/rfc822\r\n\r\n" * 30_000, id="messages"),
    pytest.param(b"To: " + b"a@b," * 250_000 + b"\r\n\r\n", id="addresses"),
    pytest.param((b"To: " + b"a@b," * 100 + b"\r\n") * 2500 + b"\r\n", id="fields of them"),
    pytest.param(
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(bytes(1_000_000)),
        id="base64",
    ),
    pytest.param(b"x" * 20 * SLICE, id="a long line"),
]


@pytest.mark.parametrize("octets", FLOODS)
def test_s18_turns_are_short(octets: bytes) -> None:
    """
    Whatever a stranger sends, others have their turn while it is looked through.
    """
    _, turns = digest(Octets(octets))

    assert len(turns) > 3
    # 20 ms on an idle machine; this one is never idle.
    assert max(turns) < 0.3
