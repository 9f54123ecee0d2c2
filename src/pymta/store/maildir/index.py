"""
The index of one account: ``pymta/index.db`` in its Maildir, beside what other programs know.

It has what names of files do not tell: mod-sequences and tombstones, envelopes and structures,
delivery ids, and the journal.  If it is removed, or broken, another one is made of the folders:
UIDs, flags, dates and names are the same then, mod-sequences are higher than before, and what was
expunged is forgotten.

The writer checkpoints, under the lock of the account, and nobody else does: SQLite before 3.51.3
can break a database whose log two connections write back at one time.
"""

from __future__ import annotations

import os
import sqlite3

from pymta.store._flags import BIT_DELETED, BIT_SEEN
from pymta.store.maildir import digests

__all__ = ["FILE", "Index", "is_broken"]

FILE = "index.db"

_VERSION = 1
"""Of the tables.  An index of another version is made anew."""


def _unseen(row: str) -> str:
    return f"({row}.flags & {BIT_SEEN} = 0)"


def _deleted(row: str) -> str:
    return f"({row}.flags & {BIT_DELETED} != 0)"


_SCHEMA = f"""
CREATE TABLE account (
    one INTEGER PRIMARY KEY CHECK (one = 1), modseq INTEGER NOT NULL, validity INTEGER NOT NULL);
CREATE TABLE boxes (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guid TEXT NOT NULL UNIQUE, name TEXT NOT NULL UNIQUE,
    folder TEXT NOT NULL UNIQUE, validity INTEGER NOT NULL, uid_next INTEGER NOT NULL,
    recent INTEGER NOT NULL, modseq INTEGER NOT NULL, forgotten INTEGER NOT NULL,
    uses TEXT NOT NULL, lines INTEGER NOT NULL DEFAULT 0,
    messages INTEGER NOT NULL DEFAULT 0, unseen INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0, deleted_size INTEGER NOT NULL DEFAULT 0,
    size INTEGER NOT NULL DEFAULT 0);
CREATE TABLE gone (name TEXT PRIMARY KEY, modseq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE subscriptions (name TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE keywords (
    box INTEGER NOT NULL, folded TEXT NOT NULL, spelling TEXT NOT NULL, letter TEXT,
    PRIMARY KEY (box, folded)) WITHOUT ROWID;
CREATE TABLE messages (
    box INTEGER NOT NULL, uid INTEGER NOT NULL, place TEXT NOT NULL, file TEXT NOT NULL,
    flags INTEGER NOT NULL, keywords TEXT NOT NULL, modseq INTEGER NOT NULL,
    arrived INTEGER NOT NULL, size INTEGER NOT NULL, internal INTEGER NOT NULL,
    saved INTEGER NOT NULL, guid TEXT, PRIMARY KEY (box, uid)) WITHOUT ROWID;
CREATE INDEX messages_modseq ON messages (box, modseq);
CREATE INDEX messages_file ON messages (box, file);
{digests.SCHEMA}CREATE TABLE tombstones (
    box INTEGER NOT NULL, uid INTEGER NOT NULL, modseq INTEGER NOT NULL,
    PRIMARY KEY (box, uid)) WITHOUT ROWID;
CREATE INDEX tombstones_modseq ON tombstones (box, modseq);
CREATE TABLE buried (
    box INTEGER NOT NULL, uid INTEGER NOT NULL, file TEXT NOT NULL, base TEXT NOT NULL,
    size INTEGER NOT NULL, since INTEGER NOT NULL, PRIMARY KEY (box, uid)) WITHOUT ROWID;
CREATE TABLE deliveries (
    box INTEGER NOT NULL, key TEXT NOT NULL, uid INTEGER NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (box, key)) WITHOUT ROWID;
CREATE TABLE notes (
    box INTEGER NOT NULL, entry TEXT NOT NULL, value BLOB, modseq INTEGER NOT NULL,
    PRIMARY KEY (box, entry)) WITHOUT ROWID;
CREATE TABLE locks (box INTEGER PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL);
CREATE TABLE journal (number INTEGER PRIMARY KEY, steps TEXT NOT NULL);
CREATE TRIGGER put AFTER INSERT ON messages BEGIN
    UPDATE boxes SET messages = messages + 1, size = size + new.size,
        unseen = unseen + {_unseen("new")}, deleted = deleted + {_deleted("new")},
        deleted_size = deleted_size + {_deleted("new")} * new.size WHERE id = new.box; END;
CREATE TRIGGER dropped AFTER DELETE ON messages BEGIN
    UPDATE boxes SET messages = messages - 1, size = size - old.size,
        unseen = unseen - {_unseen("old")}, deleted = deleted - {_deleted("old")},
        deleted_size = deleted_size - {_deleted("old")} * old.size WHERE id = old.box; END;
CREATE TRIGGER reflagged AFTER UPDATE OF flags, size ON messages
    WHEN new.flags != old.flags OR new.size != old.size BEGIN
    UPDATE boxes SET size = size + new.size - old.size,
        unseen = unseen + {_unseen("new")} - {_unseen("old")},
        deleted = deleted + {_deleted("new")} - {_deleted("old")},
        deleted_size = deleted_size
            + {_deleted("new")} * new.size - {_deleted("old")} * old.size
        WHERE id = new.box; END;
CREATE TRIGGER closed AFTER DELETE ON boxes BEGIN
    DELETE FROM messages WHERE box = old.id; DELETE FROM digests WHERE box = old.id;
    DELETE FROM tombstones WHERE box = old.id; DELETE FROM keywords WHERE box = old.id;
    DELETE FROM deliveries WHERE box = old.id; DELETE FROM locks WHERE box = old.id;
    DELETE FROM notes WHERE box = old.id; END;
PRAGMA user_version = {_VERSION};
"""  # noqa: S608  of constants alone


class Index:
    """
    The database, open.  Opened and written under the lock of the account.

    :ivar made: whether it was made just now, and knows of nothing.
    """

    def __init__(self, folder: str) -> None:
        self._path = os.path.join(folder, FILE)
        self.connection = self._connect()
        version = self.connection.execute("PRAGMA user_version").fetchone()[0]
        self.made = version == 0
        if self.made:
            self.connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        elif version != _VERSION:
            self.connection.close()
            raise sqlite3.DatabaseError("an index of another version")
        self._file = os.stat(self._path)

    def _connect(self) -> sqlite3.Connection:
        # One call at a time uses it, each in whatever thread of the pool is free.
        made = sqlite3.connect(
            self._path,
            isolation_level=None,
            check_same_thread=False,
            timeout=30,
            cached_statements=200,
        )
        try:
            made.execute("PRAGMA journal_mode = WAL")
            made.execute("PRAGMA synchronous = FULL")
        except BaseException:
            made.close()
            raise
        return made

    def is_there(self) -> bool:
        """Whether it is still the file that everybody finds."""
        try:
            return os.path.samestat(self._file, os.stat(self._path))
        except FileNotFoundError:
            return False

    def close(self) -> None:
        """No more calls."""
        self.connection.close()

    @staticmethod
    def put_aside(folder: str) -> None:
        """It is broken: the next one is made of the folders."""
        for end in ("", "-wal", "-shm"):
            try:
                path = os.path.join(folder, FILE + end)
                os.replace(path, os.path.join(folder, "broken.db" + end))
            except FileNotFoundError:
                pass


def is_broken(error: sqlite3.Error) -> bool:
    """Whether another index must be made."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return type(error) is sqlite3.DatabaseError
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
