"""
Three processes on one new folder, each a whole mail system, which use one account by chance.

``PYMTA_SOAK`` says for how many seconds, ``PYMTA_SEED`` by which chance.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.durability.audit import check_database, queued, until
from tests.durability.soaking import ACCOUNT, Book, hatch
from tests.store.ledger import mistakes

SECONDS = float(os.environ.get("PYMTA_SOAK", "3"))
SEED = int(os.environ.get("PYMTA_SEED", "2026"))
_ID = re.compile(rb"^X-Id: (\S+)\r\n", re.MULTILINE)


class _Soaking:
    """A process; ended with its ``with``."""

    def __init__(self, folder: Path, number: int) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.durability.soaking"])
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=hatch, args=(str(folder), f"{number}", SEED + number, SECONDS, theirs)
        )
        self._process.start()
        theirs.close()

    def heard(self) -> Any:
        """What it says next."""
        assert self._pipe.poll(SECONDS + 60), "nothing was heard of it"
        return self._pipe.recv()

    def go_on(self) -> None:
        """Answer."""
        self._pipe.send("go on")

    def __enter__(self) -> _Soaking:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.join(5)
        self._process.kill()
        self._process.join()


def test_three_processes_on_one_folder(tmp_path: Path) -> None:
    """
    What was acknowledged is there once, or was removed once; references, files, quotas and UIDs are
    right; and what each client was told of the changes of all is what there was.
    """
    folder = tmp_path / "store"
    with _Soaking(folder, 1) as first, _Soaking(folder, 2) as second, _Soaking(folder, 3) as third:
        processes = [first, second, third]
        assert ["ready"] * 3 == [each.heard() for each in processes]
        for each in processes:
            each.go_on()
        assert ["rested"] * 3 == [each.heard() for each in processes]
        until(lambda: not queued(folder), 60, "all is delivered")
        for each in processes:
            each.go_on()
        books: list[Book] = [each.heard() for each in processes]
    assert [] == [wrong for book in books for wrong in book.wrong]
    print(sum((Counter(book.done) for book in books), Counter[str]()))
    assert min(len(book.kept) for book in books) > SECONDS

    check_database(folder)
    assert [] == mistakes(folder)
    kept = Counter(name for book in books for name in book.kept)
    removed = Counter(name for book in books for name in book.removed)
    assert kept == _there(folder) + removed
    _check_mailboxes(folder)


def _there(folder: Path) -> Counter[str]:
    """Ids of what is in the two mailboxes between which messages are moved."""
    with closing(sqlite3.connect(folder / "pymta.db")) as db:
        rows = db.execute(
            "SELECT c.octets, c.file FROM pymta_messages m JOIN pymta_letters l ON l.id = m.letter "
            "JOIN pymta_contents c ON c.id = l.content JOIN pymta_mailboxes b ON b.id = m.mailbox "
            "WHERE b.store IS NOT NULL AND b.name IN ('INBOX', 'Done')"
        ).fetchall()
    found = Counter[str]()
    for octets, file in rows:
        text = octets if file is None else (folder / "content" / file).read_bytes()
        match = _ID.search(text)
        assert match is not None
        found[match[1].decode()] += 1
    return found


def _check_mailboxes(folder: Path) -> None:
    """What is counted of mailboxes and accounts is what there is; UIDs ascend as messages came."""
    with closing(sqlite3.connect(folder / "pymta.db")) as db:
        of_box = (
            "SELECT coalesce(sum(size), 0), count(*), coalesce(sum(flags & 1 = 0), 0), "
            "coalesce(max(uid), 0) FROM pymta_messages WHERE mailbox = ?"
        )
        total = Counter[int]()
        for number, store, size, messages, uid_next in db.execute(
            "SELECT id, store, size, messages, uid_next FROM pymta_mailboxes"
        ).fetchall():
            octets, count, _, last = db.execute(of_box, [number]).fetchone()
            assert (size, messages) == (octets, count)
            assert last < uid_next
            if store is not None:
                total[0] += octets
                total[1] += count
            arrived = db.execute(
                "SELECT arrived FROM pymta_messages WHERE mailbox = ? ORDER BY uid", [number]
            ).fetchall()
            assert sorted(arrived) == arrived
            again = db.execute(
                "SELECT count(*) FROM pymta_messages m JOIN pymta_tombstones t "
                "ON t.mailbox = m.mailbox AND t.uid = m.uid WHERE m.mailbox = ?",
                [number],
            ).fetchone()
            assert (0,) == again
        quota = "SELECT octets, messages FROM pymta_mail_stores WHERE account = ?"
        assert [(total[0], total[1])] == db.execute(quota, [ACCOUNT]).fetchall()
        keys = [key for (key,) in db.execute("SELECT id FROM pymta_mailboxes ORDER BY id")]
        validities = db.execute("SELECT uid_validity FROM pymta_mailboxes").fetchall()
        assert len(keys) == len(set(validities))
