"""
Power cuts (D03): what was acknowledged is there, whatever of the unsynced a disk has kept.

A server is traced from its first start on an empty folder, through deliveries, to its end.  Then
the power is cut, in a model of the disk (:mod:`.power`), at every answer and at moments of chance.
What is left is read with SQLite, and some of it served again.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.durability.audit import check_database, check_mail, queued, read_mail, until
from tests.durability.child import child
from tests.durability.load import Books, Clients, message, trace_of
from tests.durability.power import Disk, acknowledged, replayed, traced_by
from tests.durability.trace import needs_strace, terminate

MESSAGES = int(os.environ.get("PYMTA_POWER_MESSAGES", "30"))
CUTS = int(os.environ.get("PYMTA_POWER_CUTS", "60"))
SERVED = 4
SEED = int(os.environ.get("PYMTA_SEED", "1"))
YES = {"smtp": b"250 2.0.0 q", "lmtp": b"250 2.1.5 D"}
_ID = re.compile(rb"X-Id: (\S+)\r\n")
# In every line of a body: BDAT cuts the field in two.
_LINE = re.compile(rb"(m\d+-\d+) \d+ [0-9a-f]{20}")
_LETTERS = """
    SELECT a.account, c.octets, c.file FROM pymta_messages m
    JOIN pymta_letters l ON l.id = m.letter JOIN pymta_contents c ON c.id = l.content
    JOIN pymta_mailboxes b ON b.id = m.mailbox JOIN pymta_mail_stores a ON a.id = b.store
"""
_QUEUED = """
    SELECT r.address, c.octets, c.file FROM pymta_queue_recipients r
    JOIN pymta_queue_mails m ON m.number = r.mail JOIN pymta_contents c ON c.id = m.content
"""


class Recorded:
    """A server's life: what the clients know, and the disk."""

    def __init__(self, books: Books, disk: Disk, taken: dict[str, float], end: float) -> None:
        self.books = books
        self.disk = disk
        self.taken = taken
        self.end = end

    def promised(self, when: float) -> Books:
        """What was acknowledged by then, at the latest."""
        books = Books(sent=self.books.sent)
        for name, since in self.taken.items():
            if since <= when:
                books.acknowledged.update((name, box) for box in self.books.sent[name].boxes)
        return books


def recorded(folder: Path, listener: str) -> Recorded:
    """Trace a server that is sent messages on both sides of 64 KiB, one recipient each."""

    async def send(ports: dict[str, int]) -> Books:
        books = Books()
        clients = Clients(
            books,
            seed=SEED,
            listeners=[listener],
            connections=6,
            sizes=[400, 9_000, 70_000],
            weights=[3, 2, 1],
            most=MESSAGES,
            draw=lambda chance, _, __: ("load@client.example", (f"box{chance.randrange(8)}",)),
        )
        clients.begin()
        clients.serve(ports)
        await clients.finish()
        return books

    root, trace = folder / "disk", folder / "trace"
    root.mkdir()
    with child(root / "store", before=traced_by(trace)) as server:
        books = asyncio.run(send(server.ports))
        until(lambda: not queued(root / "store"), 30, "the queue is not worked off")
        terminate(server.pid)
        server.process.wait(30)
    assert MESSAGES == len(books.acknowledged)
    disk = replayed(trace, root)
    end = max(said.ended for said in disk.said)
    return Recorded(books, disk, acknowledged(disk.said, YES[listener], _LINE), end)


def moments(life: Recorded, chance: random.Random) -> Iterator[float]:
    """When the power is cut: at answers, and at any time from the start on."""
    answers = sorted(life.taken.values())
    began = min(said.began for said in life.disk.said) - 0.5
    for number in range(CUTS):
        yield chance.choice(answers) if number % 2 else chance.uniform(began, life.end)


def there(store: Path, books: Books) -> set[tuple[str, str]]:
    """Id and local part of each message that is in the queue or in a mailbox, unharmed."""
    found: set[tuple[str, str]] = set()
    with closing(sqlite3.connect(store / "pymta.db")) as db:
        assert [("ok",)] == db.execute("PRAGMA integrity_check").fetchall()
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master")}
        if "pymta_letters" not in tables:
            return found
        for query in (_LETTERS, _QUEUED):
            for address, octets, file in db.execute(query):
                content = octets if file is None else (store / "content" / file).read_bytes()
                name = _ID.findall(content)[0].decode()
                octets = content[len(trace_of(content)) :]
                assert message(name, books.sent[name].size) == octets, f"{name} was harmed"
                found.add((name, address.partition("@")[0]))
    return found


def check(life: Recorded, when: float, store: Path) -> None:
    """What was promised by then is there, and nothing that nobody sent."""
    promised = life.promised(when).acknowledged
    if not promised and not (store / "pymta.db").exists():
        return
    found = there(store, life.books)
    lost = promised - found
    assert not lost, f"{len(lost)} of {len(promised)} lost, {when - life.end:.4f} s before the end"
    sent = {(name, box) for name, its in life.books.sent.items() for box in its.boxes}
    assert set() == found - sent


@needs_strace
@pytest.mark.parametrize("listener", ["smtp", "lmtp"])
def test_d03_what_is_acknowledged_survives_power_cuts(tmp_path: Path, listener: str) -> None:
    """
    Where nothing unsynced is kept, some of it, most of it, torn and in any order; from the first
    start on, folders included.
    """
    life = recorded(tmp_path, listener)
    assert life.books.acknowledged == life.promised(life.end).acknowledged
    chance = random.Random(SEED)
    for number, when in enumerate(moments(life, chance)):
        image = tmp_path / f"cut{number}"
        kept = (0.0, 0.5, 0.9)[number // 2 % 3]
        life.disk.leave(when, image, kept=kept, chance=chance)
        check(life, when, image / "store")


@needs_strace
def test_d03_a_server_goes_on_after_a_power_cut(tmp_path: Path) -> None:
    """It starts on what is left, delivers what waits, once, and its books agree."""
    life = recorded(tmp_path, "smtp")
    chance = random.Random(SEED)
    answers = sorted(life.taken.values())
    for number in range(SERVED):
        when = answers[(number + 1) * len(answers) // SERVED - 1]
        image = tmp_path / f"cut{number}"
        life.disk.leave(when, image, kept=0.5 * (number % 2), chance=chance)
        store = image / "store"
        with child(store) as server:
            until(lambda store=store: not queued(store), 30, "the queue is not worked off")
            delivered = read_mail(server.ports["pop3"], life.books)
            server.terminate()
        check_mail(life.promised(when), delivered)
        check_database(store)


# -- the model itself ------------------------------------------------------------------------


def lines(*calls: str) -> str:
    """A trace: a call a line, its strings in quotation marks, each 2 ms long, 10 ms apart."""

    def hexed(found: re.Match[str]) -> str:
        text = "".join(f"\\x{octet:02x}" for octet in found[2].encode())
        return f"{found[1]}{text}{found[3]}"

    written = []
    for number, call in enumerate(calls):
        name, _, rest = call.partition("(")
        rest = re.sub(r'(["<])([^">]*)([">])', hexed, rest)
        began = number / 100
        written.append(f"7 {began:.6f} {name}({rest.split(' = ')[0]} <unfinished ...>\n")
        written.append(f"7 {began + 0.002:.6f} <... {name} resumed>) = {rest.split(' = ')[1]}\n")
    return "".join(written)


SYNCED = (
    'openat(AT_FDCWD</x>, "/d/f", O_RDWR|O_CREAT, 0600) = 3</d/f>',
    'pwrite64(3</d/f>, "abcd", 4, 0) = 4',
    "fsync(3</d/f>) = 0",
    "fsync(4</d>) = 0",
    'pwrite64(3</d/f>, "XY", 2, 1) = 2',
)


@pytest.mark.parametrize(
    ("calls", "least", "most"),
    [
        pytest.param(SYNCED, {"f": b"abcd"}, {"f": b"aXYd"}, id="behind the sync"),
        pytest.param(
            (*SYNCED, "fdatasync(3</d/f>) = 0"), {"f": b"aXYd"}, {"f": b"aXYd"}, id="sync"
        ),
        pytest.param(SYNCED[:3], {}, {"f": b"abcd"}, id="no sync of the folder"),
        pytest.param(
            (*SYNCED[:2], SYNCED[3]), {"f": b""}, {"f": b"abcd"}, id="no sync of the file"
        ),
        pytest.param((*SYNCED[:4], 'unlink("/d/f") = 0'), {"f": b"abcd"}, {}, id="removed"),
        pytest.param(
            (*SYNCED[:4], 'rename("/d/f", "/d/g") = 0', "fsync(4</d>) = 0"),
            {"g": b"abcd"},
            {"g": b"abcd"},
            id="moved",
        ),
        pytest.param(
            (*SYNCED[:4], "ftruncate(3</d/f>, 2) = 0"), {"f": b"abcd"}, {"f": b"ab"}, id="cut"
        ),
        pytest.param(
            (*SYNCED[:4], 'write(3</d/f>, "ef", 2) = 2'), {"f": b"abcd"}, {"f": b"abcdef"}, id="end"
        ),
        pytest.param((*SYNCED[:3], "fsync(4</d>) = -1 EIO"), {}, {"f": b"abcd"}, id="it failed"),
    ],
)
def test_the_disk_keeps_what_was_synced(
    tmp_path: Path, calls: tuple[str, ...], least: dict[str, bytes], most: dict[str, bytes]
) -> None:
    """The least that there is behind a power cut, and the most."""
    trace = tmp_path / "trace"
    trace.write_text(lines(*calls))
    disk = replayed(trace, Path("/d"))
    for kept, expected in ((0.0, least), (1.0, most)):
        target = tmp_path / str(kept)
        disk.leave(1.0, target, kept=kept, chance=random.Random(1))
        assert expected == {path.name: path.read_bytes() for path in target.iterdir()}


def test_pages_are_torn_apart(tmp_path: Path) -> None:
    """Of a write over several pages any may be there, and each is there whole or not."""
    trace = tmp_path / "trace"
    text = "z" * 4096 * 3
    trace.write_text(lines(*SYNCED[:4], f'pwrite64(3</d/f>, "{text}", 12288, 0) = 12288'))
    disk = replayed(trace, Path("/d"))
    torn: set[tuple[bool, ...]] = set()
    for seed in range(40):
        target = tmp_path / str(seed)
        disk.leave(1.0, target, kept=0.5, chance=random.Random(seed))
        content = (target / "f").read_bytes()
        pages = tuple(content[at : at + 4096] == b"z" * 4096 for at in range(0, 12288, 4096))
        assert sum(pages) * 4096 == content.count(b"z")
        torn.add(pages)
    assert 8 == len(torn)


def test_a_cut_in_the_past_knows_no_future(tmp_path: Path) -> None:
    """What had not begun is not there, and a sync that had not ended makes nothing safe."""
    trace = tmp_path / "trace"
    trace.write_text(lines(*SYNCED))
    disk = replayed(trace, Path("/d"))
    disk.leave(0.021, tmp_path / "a", kept=0.0, chance=random.Random(1))
    assert [] == list((tmp_path / "a").iterdir())
    disk.leave(0.035, tmp_path / "b", kept=1.0, chance=random.Random(1))
    assert b"abcd" == (tmp_path / "b" / "f").read_bytes()
