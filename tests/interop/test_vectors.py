"""
Messages that other people collected because they had trouble with them go in by SMTP and come
out by POP3, octet for octet, through a queue and mailboxes on disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pymta.message.newlines import CanonicalLines
from tests.interop.reading import Account, is_behind_trace
from tests.interop.sending import Sender, octets_of, random_slices
from tests.interop.servers import DOMAIN, Server, serving

VECTORS = os.environ.get("PYMTA_VECTORS")

pytestmark = pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS")

ALL = 195
#: Octet by octet costs a system call, or a whole command, each.
SMALL_DATA = 2048
SMALL_BDAT = 500

_ID = re.compile(rb"^Received:(?:[^\r\n]|\r\n[ \t])*\bid ([^\s;]+)", re.MULTILINE)

Put = Callable[[Sender, bytes], bytes]
Tell = Callable[[str], None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps all on disk."""
    folder = tmp_path_factory.mktemp("server")
    accounts = [Account(f"user{n}@{DOMAIN}", f"secret {n}") for n in range(9)]
    with serving(folder, accounts, store=folder / "store") as running:
        yield running


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Tell:
    """Prints even where tests that pass are silent."""

    def told(text: str) -> None:
        with capsys.disabled():
            print(f"\n{text}")

    return told


def collected() -> list[bytes]:
    """All of them, as they are."""
    assert VECTORS is not None
    mime = Path(VECTORS, "mime")
    found = [
        *mime.rglob("*.eml"),
        *mime.rglob("*.msg"),
        *mime.glob("python/msg_*"),
        *mime.glob("mailparser-malformed/*"),
    ]
    return [path.read_bytes() for path in sorted(found)]


def canonical(octets: bytes) -> bytes:
    """With CRLF, also at the end."""
    lines = CanonicalLines()
    converted = lines.feed(octets) + lines.finish()
    return converted if converted.endswith(b"\r\n") else converted + b"\r\n"


def carry(server: Server, sent: list[bytes], put: Put) -> list[bytes]:
    """Send them all, and give what is read, in the order of sending."""
    account = server.account()
    with Sender(server.ports["smtp"], account.address) as sender:
        answers = [put(sender, octets) for octets in sent]
    messages = server.read_by(account, len(sent))
    assert len(sent) == len(messages)
    by_id = {}
    for message in messages:
        found = _ID.search(message)
        assert found is not None
        by_id[found[1]] = message
    words = [set(re.split(rb"[\s<>.,:;]+", answer)) for answer in answers]
    return [by_id[key] for answer in words for key in answer & by_id.keys()]


def assert_carried(server: Server, sent: list[bytes], put: Put) -> int:
    """See that all come out as they went in; give how many."""
    got = carry(server, sent, put)

    assert len(sent) == len(got)
    wrong = [n for n, octets in enumerate(sent) if not is_behind_trace(got[n], octets)]
    assert [] == wrong
    return len(got)


def test_by_data(server: Server, tell: Tell) -> None:
    """
    By DATA, in slices of any length.
    """
    sent = [canonical(each) for each in collected()]
    cut = random_slices(1)

    count = assert_carried(server, sent, lambda sender, octets: sender.data(octets, cut))

    tell(f"by DATA, cut anywhere: {count} of {ALL} messages, {ALL - count} skipped")
    assert ALL == count


def test_by_chunks(server: Server, tell: Tell) -> None:
    """
    By BDAT, in chunks of any length, sent in slices of any other.
    """
    sent = [canonical(each) for each in collected()]
    chunk, cut = random_slices(2), random_slices(3)

    count = assert_carried(server, sent, lambda sender, octets: sender.chunks(chunk(octets), cut))

    tell(f"by BDAT, cut anywhere: {count} of {ALL} messages, {ALL - count} skipped")
    assert ALL == count


def test_binary(server: Server, tell: Tell) -> None:
    """
    Untouched, with bare CRs and LFs and whatever they end with, as BODY=BINARYMIME.

    What POP3 puts before its final dot ends an unended line.
    """
    sent = collected()
    chunk, cut = random_slices(4), random_slices(5)

    got = carry(
        server,
        sent,
        lambda sender, octets: sender.chunks(chunk(octets), cut, body="BINARYMIME"),
    )

    ended = [each if each.endswith(b"\r\n") else each + b"\r\n" for each in sent]
    assert [] == [n for n, each in enumerate(ended) if not is_behind_trace(got[n], each)]
    tell(f"by BDAT, BINARYMIME: {len(got)} of {ALL} messages, {ALL - len(got)} skipped")
    assert ALL == len(got)


def test_octet_by_octet(server: Server, tell: Tell) -> None:
    """
    The small ones by DATA, each octet by itself.
    """
    sent = [each for each in map(canonical, collected()) if len(each) <= SMALL_DATA]

    count = assert_carried(server, sent, lambda sender, octets: sender.data(octets, octets_of))

    tell(f"by DATA, octet by octet: {count} messages of up to {SMALL_DATA} octets")
    assert count > ALL / 2


def test_chunks_of_one_octet(server: Server, tell: Tell) -> None:
    """
    The smallest by BDAT, each octet as a chunk.
    """
    sent = [each for each in map(canonical, collected()) if len(each) <= SMALL_BDAT]
    cut = random_slices(6)

    count = assert_carried(
        server, sent, lambda sender, octets: sender.chunks(octets_of(octets), cut)
    )

    tell(f"by BDAT, a chunk an octet: {count} messages of up to {SMALL_BDAT} octets")
    assert count > ALL / 4
