"""
Tests for what is computed of a message when it is appended.
"""

from __future__ import annotations

import base64
import sys
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


def steps_of(content: IContent) -> list[int]:
    """Lines of Python that are run between two breaths: the same on every machine."""
    turns = [0]

    def trace(_frame: object, event: str, _arg: object) -> Any:
        turns[-1] += event == "line"
        return trace

    async def breathe() -> None:
        turns.append(0)

    waiting: Any = digest_of(content, breathe).__await__()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with pytest.raises(StopIteration):
            next(waiting)
    finally:
        sys.settrace(before)
    return turns


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
    pytest.param(
        b"Content-Type: multipart/digest; boundary=b\r\n\r\n"
        + b"--b\r\n\r\nFrom: a@b\r\nTo: c@d, e@f\r\n\r\nx\r\n" * 12_000,
        id="a digest",
    ),
    pytest.param(
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"
        + b"--b\r\nContent-Type: a/b; c=d; e=f\r\nContent-ID: <a@b>\r\n\r\nx\r\n" * 12_000,
        id="parts that say something",
    ),
    *(
        pytest.param(name + piece * (1_000_000 // len(piece)) + b"\r\n\r\n", id=repr(piece))
        for name in (b"To: ", b"Content-Type: a/b")
        for piece in (b"(", b"()", b",", b'"\\a', b"<a@b> (c), ", b"a: b@c; ", b";a=b", b"<@")
    ),
    pytest.param(b"Message-ID: " + b"<a@" * 330_000 + b"\r\n\r\n", id="half an id"),
    pytest.param(b"Subject: " + b"=?utf-8?q?x?= " * 70_000 + b"\r\n\r\n", id="encoded-words"),
    pytest.param(
        (b"Content-Type: message/rfc822\r\nTo: " + b'"\\a' * 2000 + b"\r\n\r\n") * 40, id="both"
    ),
    pytest.param(
        b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + b"=41" * 400_000, id="escapes"
    ),
]

STEPS = 60_000
"""Lines of one turn: 10 ms, with what is done in C for them."""


@pytest.mark.parametrize("octets", FLOODS)
def test_s18_turns_are_short(octets: bytes) -> None:
    """
    Whatever a stranger sends, others have their turn while it is looked through.
    """
    _, turns = digest(Octets(octets))

    assert len(turns) > 3
    # 10 ms on an idle machine; this one is never idle.
    assert max(turns) < 0.3


@pytest.mark.parametrize("octets", FLOODS)
def test_s18_work_between_turns(octets: bytes) -> None:
    """
    As much is done in one turn as is done in 10 ms, and the last turn is no longer one.
    """
    assert max(steps_of(Octets(octets))) < STEPS
