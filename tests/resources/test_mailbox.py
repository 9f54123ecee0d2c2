"""
A mailbox of a hundred thousand messages, by POP3: one indexed read, and little memory.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.durability.audit import POP3
from tests.durability.child import child, memory
from tests.durability.load import message
from tests.durability.talk import Talk

MESSAGES = 100_000
SECONDS = 15.0
"""For each command, on a busy machine; figures are in docs/design/durability.md."""
GROWTH = 96 * 1024 * 1024


def _copy(directory: Path, times: int) -> None:
    """The one message of the store, so often, as COPY would."""
    with closing(sqlite3.connect(directory / "pymta.db")) as db, db:
        columns = [row[1] for row in db.execute("PRAGMA table_info(pymta_messages)")]
        values = ", ".join("n.uid" if name == "uid" else f"m.{name}" for name in columns)
        db.execute(
            "WITH RECURSIVE n(uid) AS (SELECT 2 UNION ALL SELECT uid + 1 FROM n WHERE uid < ?) "
            f"INSERT INTO pymta_messages ({', '.join(columns)}) "
            f"SELECT {values} FROM pymta_messages AS m, n",
            (times,),
        )
        db.execute("UPDATE pymta_letters SET refs = ?", (times,))
        db.execute(
            "UPDATE pymta_mailboxes SET uid_next = ? + 1, size = size * ?, messages = ?, "
            "unseen = ? WHERE messages = 1",
            (times, times, times, times),
        )


def test_stat_list_and_uidl_of_100_000_messages(tmp_path: Path) -> None:
    """Each has all of them, in seconds; the server stays small."""
    directory = tmp_path / "store"
    with child(directory) as server:
        with Talk(server.ports["lmtp"], hello="LHLO") as talk:
            assert "250" == talk.send(message("one", 1_500), "box0")[:3]
        server.terminate()
    _copy(directory, MESSAGES)
    with child(directory) as server:
        before = memory(server.pid)
        began = time.monotonic()
        took = {}
        with closing(POP3(server.ports["pop3"], "box0")) as pop3:
            took["login"] = time.monotonic() - began
            for command in ("STAT", "LIST", "UIDL"):
                began = time.monotonic()
                first = pop3.command(command)
                if command == "STAT":
                    assert MESSAGES == int(first.split()[1])
                else:
                    lines = pop3.lines()
                    assert MESSAGES == len(set(lines))
                    assert lines[-1].startswith(b"%d " % MESSAGES)
                took[command] = time.monotonic() - began
            pop3.command(f"RETR {MESSAGES}")
            assert b"".join(pop3.lines()).endswith(message("one", 1_500))
        grown = memory(server.pid, "VmHWM") - before
        told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in took.items())
        print(f"\n{told}; grown by {grown / 2**20:.1f} MiB")
        assert max(took.values()) < SECONDS
        assert grown < GROWTH
        server.terminate()
