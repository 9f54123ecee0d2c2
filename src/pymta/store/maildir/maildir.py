"""
The Maildir of one account, with its index and its lock.  Blocks: for one thread at a time.

:meth:`Maildir.change` runs a change to its end (see :mod:`pymta.store.maildir.steps` for what a
crash leaves), :meth:`Maildir.look` reads what is in the index, which is all that was found or
changed until then.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from pymta.errors import SpoolError
from pymta.mailbox import UIDSet
from pymta.store.maildir.boxes import box_of
from pymta.store.maildir.index import Index, is_broken
from pymta.store.maildir.listing import LIST_STEP, write_list
from pymta.store.maildir.locking import dotlocked, flocked
from pymta.store.maildir.naming import begin
from pymta.store.maildir.roots import scan_names
from pymta.store.maildir.stamps import Stamps
from pymta.store.maildir.steps import Doing, Step
from pymta.store.maildir.uidlist import LIST, LOCK
from pymta.store.maildir.work import FOLDER, REMOVED, STAGED, Rules, Work

__all__ = ["Changed", "Maildir"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Changed(Generic[T]):
    """
    What a change gave.

    :param changed: whether anybody is to be told of it.
    :param more: whether a look into folders has not seen all.
    """

    result: T
    changed: bool
    more: bool


class Maildir:
    """Opens nothing before the first call, which makes the folder if it is not there."""

    def __init__(self, root: str, rules: Rules) -> None:
        self.root = root
        self.stamps = Stamps()
        self._rules = rules
        self._folder = os.path.join(root, FOLDER)
        self._index: Index | None = None
        self._ranges: dict[str, tuple[int, int, UIDSet]] = {}

    def make(self) -> None:
        """The folder and its index are there."""
        if self._index is None or not self._index.is_there():
            self.change(lambda work: None)

    def look(self, query: Callable[[Work], T]) -> T:
        """
        Ask the index: one moment.

        :raises SpoolError: it cannot be read.
        """
        with self._fence():
            self.make()
            assert self._index is not None
            connection = self._index.connection
            connection.execute("BEGIN")
            try:
                with ExitStack() as locks:
                    return query(self._work(connection, locks))
            finally:
                connection.execute("ROLLBACK")

    def change(self, change: Callable[[Work], T]) -> Changed[T]:
        """
        Run it: all of it happens, or nothing.

        :raises SpoolError: no room, or an I/O error: nothing happened, or all will have.
        :raises pymta.errors.MailboxError: as the change, or locked by others.
        """
        with self._fence(), self._locked():
            index = self._opened()
            try:
                if index.made:
                    # Whoever has a mailbox open from before finds it again.
                    self._run(index, begin)
                    index.made = False
                return self._run(index, change)
            except BaseException:
                # What was seen of folders is not in the index.
                self.stamps.forget()
                raise

    def close(self) -> None:
        """Let go of files.  Another call opens them again."""
        if self._index is not None and os.path.isdir(self._folder):
            # Whoever closes last writes the log back, which is a writer's.
            with self._locked():
                self._index.close()
        elif self._index is not None:
            self._index.close()
        self._index = None
        self.stamps.forget()

    # -- inside ----------------------------------------------------------------

    def _run(self, index: Index, change: Callable[[Work], T]) -> Changed[T]:
        connection = index.connection
        with ExitStack() as locks:
            connection.execute("BEGIN IMMEDIATE")
            try:
                work = self._work(connection, locks)
                result = change(work)
                work.save(json.dumps)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            if work.steps:
                self._do(connection, work.steps)
            for path in work.owned:
                self.stamps.owns(path)
        return Changed(result, work.changed, work.more)

    def _work(self, connection: sqlite3.Connection, locks: ExitStack) -> Work:
        modseq, validity = connection.execute("SELECT modseq, validity FROM account").fetchone()
        return Work(
            root=self.root,
            connection=connection,
            rules=self._rules,
            stamps=self.stamps,
            modseq=modseq,
            validity=validity,
            locks=locks,
            find_folders=scan_names,
            ranges=self._ranges,
        )

    def _do(self, connection: sqlite3.Connection, steps: list[Step]) -> None:
        disk = self._rules.disk
        for _, folder, text in [step for step in steps if step[0] == LIST_STEP]:
            if text is not None:
                disk.append(os.path.join(self.root, folder, LIST), text.encode())
            elif (box := box_of(connection, "folder", folder)) is not None:
                write_list(connection, disk, box, root=self.root)
        doing = Doing(disk, self.root)
        doing.do(step for step in steps if step[0] != LIST_STEP)
        self._done(connection, doing)

    def _done(self, connection: sqlite3.Connection, doing: Doing) -> None:
        # It need not be durable: what is done twice is done once.
        connection.execute("PRAGMA synchronous = NORMAL")
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM journal")
            for folder, file in doing.lost:
                _forget(connection, folder, file)
                self._ranges.clear()
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        finally:
            connection.execute("PRAGMA synchronous = FULL")

    def _redo(self, connection: sqlite3.Connection) -> None:
        """Somebody committed and died: do his steps."""
        rows = connection.execute("SELECT steps FROM journal ORDER BY number").fetchall()
        if not rows:
            return
        self.stamps.forget()
        doing = Doing(self._rules.disk, self.root)
        for (text,) in rows:
            steps = json.loads(text)
            with ExitStack() as locks:
                # Lines were appended, or not, or half: the list is written anew of the index.
                for folder in {step[1] for step in steps if step[0] == LIST_STEP}:
                    self._rewrite(connection, folder, locks)
                doing.do(step for step in steps if step[0] != LIST_STEP)
        self._done(connection, doing)

    def _rewrite(self, connection: sqlite3.Connection, folder: str, locks: ExitStack) -> None:
        box = box_of(connection, "folder", folder)
        path = os.path.join(self.root, folder)
        if box is not None and os.path.isdir(path):
            locks.enter_context(dotlocked(os.path.join(path, LOCK)))
            write_list(connection, self._rules.disk, box, root=self.root)

    def _opened(self) -> Index:
        """The index, with nothing left to do."""
        if self._index is not None and not self._index.is_there():
            self._index.close()
            self._index = None
        if self._index is None:
            self.stamps.forget()
            self._ranges.clear()
            self._index = self._open()
        self._redo(self._index.connection)
        return self._index

    def _open(self) -> Index:
        for folder in ("cur", "new", "tmp", REMOVED, STAGED):
            path = os.path.join(self.root, folder)
            self._rules.disk.make_folder(path, os.path.dirname(path))
        try:
            index = Index(self._folder)
        except sqlite3.DatabaseError as error:
            if not is_broken(error):
                raise
            Index.put_aside(self._folder)
            index = Index(self._folder)
        if index.made:
            # Above any that an index before this one gave: less than one a microsecond.
            now = self._rules.now()
            index.connection.execute(
                "INSERT INTO account VALUES (1, ?, ?)", (now, now // 1_000_000 - 1)
            )
        return index

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # The mode is that of the last one alone.
        for folder in (self.root, self._folder):
            os.makedirs(folder, 0o700, exist_ok=True)
        with flocked(os.path.join(self._folder, "lock")):
            yield

    @contextmanager
    def _fence(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if is_broken(error):
                self._abandon()
            raise SpoolError(f"the index of {self.root}: {error}") from error
        except OSError as error:
            raise SpoolError(f"{self.root}: {error}") from error

    def _abandon(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None
        Index.put_aside(self._folder)


def _forget(connection: sqlite3.Connection, folder: str, file: str) -> None:
    """A message that was committed and never came: its delivery may be tried again."""
    box = box_of(connection, "folder", folder)
    if box is None:
        return
    row = connection.execute(
        "SELECT uid FROM messages WHERE box = ? AND file = ?", (box.id, file)
    ).fetchone()
    if row is not None:
        which = (box.id, row[0])
        for table in ("messages", "digests", "deliveries"):
            connection.execute(f"DELETE FROM {table} WHERE box = ? AND uid = ?", which)  # noqa: S608
        connection.execute("INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?)", (*which, 0))
