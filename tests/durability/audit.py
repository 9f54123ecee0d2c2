"""
The audit behind the kills: what the clients were promised against what is there.

Mail is read by POP3, as anybody would; the database by SQLite itself, once nobody serves it.
"""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from pymta.queue.sql_tables import TRIAL_RANK
from tests.durability.load import BOXES, Books, message, trace_of

__all__ = [
    "POP3",
    "Delivered",
    "check_database",
    "check_mail",
    "held",
    "queued",
    "read_mail",
    "retry_all",
    "until",
]

DOMAIN = "example.test"
_ID = re.compile(rb"^X-Id: (\S+)\r\n", re.MULTILINE)


class POP3:
    """A client that asks for many things at once."""

    def __init__(self, port: int, box: str, *, seconds: float = 60) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), seconds)
        self._file = self.socket.makefile("rb")
        self.line()
        self.socket.sendall(f"USER {box}@{DOMAIN}\r\nPASS any\r\n".encode())
        self.line()
        self.line()

    def line(self) -> bytes:
        """One answer.  :raises AssertionError: it is no."""
        line = self._file.readline()
        assert line.startswith(b"+OK"), line
        return line

    def command(self, text: str) -> bytes:
        """Say it, and hear the first line."""
        self.socket.sendall(text.encode() + b"\r\n")
        return self.line()

    def lines(self) -> list[bytes]:
        """The rest of an answer of several lines, unstuffed."""
        lines = []
        while (line := self._file.readline()) != b".\r\n":
            assert line, "it ended in the middle"
            lines.append(line[1:] if line[:1] == b"." else line)
        return lines

    def messages(self) -> list[bytes]:
        """All of the mailbox."""
        count = int(self.command("STAT").split()[1])
        found = []
        for first in range(1, count + 1, 20):
            numbers = range(first, min(first + 20, count + 1))
            self.socket.sendall(b"".join(b"RETR %d\r\n" % number for number in numbers))
            for _ in numbers:
                self.line()
                found.append(b"".join(self.lines()))
        return found

    def close(self) -> None:
        """QUIT, and gone."""
        self.socket.sendall(b"QUIT\r\n")
        self._file.readline()
        self._file.close()
        self.socket.close()


@dataclass(slots=True)
class Delivered:
    """What was found: how often, by id and mailbox, and what was wrong with it."""

    times: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def read_mail(port: int, books: Books, boxes: Iterable[str] = ()) -> Delivered:
    """Read every mailbox, and compare the octets behind the trace fields."""
    delivered = Delivered()
    for box in boxes or [f"box{i}" for i in range(BOXES)]:
        with closing(POP3(port, box)) as pop3:
            for octets in pop3.messages():
                _note(delivered, books, box, octets)
    return delivered


def _note(delivered: Delivered, books: Books, box: str, octets: bytes) -> None:
    found = _ID.search(octets)
    name = "" if found is None else found[1].decode()
    sent = books.sent.get(name)
    if sent is None:
        delivered.wrong.append(f"{box}: nobody sent {name!r}")
        return
    delivered.times[name, box] += 1
    trace = trace_of(octets)
    if box not in sent.boxes:
        delivered.wrong.append(f"{box}: {name} was for {sent.boxes}")
    if not trace or octets[len(trace) :] != message(name, sent.size):
        delivered.wrong.append(f"{box}: {name} is not what was sent")


def check_mail(books: Books, delivered: Delivered, waiting: Iterable[tuple[str, str]] = ()) -> None:
    """
    The promise: acknowledged is delivered or queued, once, and unharmed.

    :param waiting: ids and local parts that are in the queue still.
    """
    assert [] == delivered.wrong[:5]
    lost = books.acknowledged - delivered.times.keys() - set(waiting)
    assert not lost, f"{len(lost)} lost: {sorted(lost)[:5]}"
    twice = [each for each, times in delivered.times.items() if times > 1]
    assert not twice, f"{len(twice)} duplicates: {twice[:5]}"
    kept = books.refused & delivered.times.keys()
    assert not kept, f"refused, and delivered: {sorted(kept)[:5]}"


def _count(directory: Path, query: str) -> int:
    with closing(sqlite3.connect(f"file:{directory}/pymta.db?mode=ro", uri=True, timeout=10)) as db:
        number: int = db.execute(query).fetchone()[0]
        return number


def queued(directory: Path) -> int:
    """Recipients in the queue, in whatever state."""
    return _count(directory, "SELECT count(*) FROM pymta_queue_recipients")


def held(directory: Path) -> int:
    """Recipients that wait for a person."""
    return _count(directory, "SELECT count(*) FROM pymta_queue_recipients WHERE state = 2")


def retry_all(directory: Path) -> None:
    """
    Nobody serves it: what is held after three strikes, is to be tried alone after two, or waits for
    its next attempt, is due.
    """
    with closing(sqlite3.connect(directory / "pymta.db")) as db, db:
        db.execute(
            "UPDATE pymta_queue_recipients SET state = 0, wake = 0, due = 0, strikes = 0, "
            "owner = NULL, rank = CASE rank WHEN ? THEN 0 ELSE rank END",
            [TRIAL_RANK],
        )
        db.execute("DELETE FROM pymta_queue_heads")
        db.execute(
            "INSERT INTO pymta_queue_heads "
            "SELECT DISTINCT lane, rank, 0 FROM pymta_queue_recipients"
        )


def until(true: object, seconds: float, what: str) -> None:
    """Wait until a callable says so."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def check_database(directory: Path) -> None:
    """
    Whole, and consistent: references are counted right, each file has its row and each row its
    file, octet for octet as long as it says.
    """
    with closing(sqlite3.connect(directory / "pymta.db")) as db:
        assert [("ok",)] == db.execute("PRAGMA integrity_check").fetchall()
        counted = dict(
            db.execute(
                "SELECT content, count(*) FROM (SELECT content FROM pymta_queue_mails UNION ALL "
                "SELECT content FROM pymta_letters) GROUP BY content"
            )
        )
        rows = db.execute("SELECT id, refs, file, size FROM pymta_contents").fetchall()
        assert counted == {row[0]: row[1] for row in rows}
        files = {row[2]: row[3] for row in rows if row[2] is not None}
        folder = directory / "content"
        assert files == {name: (folder / name).stat().st_size for name in os.listdir(folder)}
        letters = dict(
            db.execute(
                "SELECT letter, count(*) FROM (SELECT letter FROM pymta_messages UNION ALL "
                "SELECT letter FROM pymta_tombstones WHERE letter IS NOT NULL) GROUP BY letter"
            ).fetchall()
        )
        assert letters == dict(db.execute("SELECT id, refs FROM pymta_letters").fetchall())
        orphans = db.execute(
            "SELECT count(*) FROM pymta_queue_recipients r WHERE NOT EXISTS "
            "(SELECT 1 FROM pymta_queue_mails m WHERE m.number = r.mail)"
        ).fetchone()
        assert (0,) == orphans
