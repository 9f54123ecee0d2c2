"""
One change of an account: under its lock, in one transaction of its index.

What the change does to files is written down as steps, committed with the rows, and done by
:class:`~pymta.store.maildir.maildir.Maildir` behind the commit.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pymta.errors import NoSuchMailbox
from pymta.mailbox import MailboxName, ModSeq, UIDSet
from pymta.store._flags import Flags, Keywords
from pymta.store.maildir import keywords as letters_file
from pymta.store.maildir import uidlist
from pymta.store.maildir.boxes import Box, box_of, save_box
from pymta.store.maildir.disk import Disk
from pymta.store.maildir.locking import dotlocked
from pymta.store.maildir.stamps import Stamps
from pymta.store.maildir.steps import Step

__all__ = ["FOLDER", "REMOVED", "STAGED", "Message", "Rules", "Spelling", "Work"]

FOLDER = "pymta"
"""In the root of an account; no folder of a mailbox, since its name has no dot in front."""
REMOVED = f"{FOLDER}/removed"
STAGED = f"{FOLDER}/staged"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """
    What all accounts of a store have in common.

    :param now: microseconds.
    :param tombstones: how many expunged UIDs a mailbox remembers.
    :param furnished: what a new account has beside its inbox: names, and what they are for.
    :param at_once: messages of others that are taken in one change: a lock that is held for two
        minutes is one of a dead process, to Dovecot.
    """

    disk: Disk
    now: Callable[[], int]
    tombstones: int
    host: str
    furnished: Mapping[MailboxName, frozenset[str]]
    at_once: int = 5000


class Message(NamedTuple):
    """A row: where a message is, and its flags."""

    uid: int
    place: str
    file: str
    flags: Flags
    modseq: int
    size: int


@dataclass(slots=True)
class Spelling:
    """Keywords of a mailbox.  :ivar letters: by spelling; 26 have one at most."""

    known: Keywords
    letters: dict[str, str]

    @property
    def by_letter(self) -> dict[str, str]:
        """The other way round."""
        return {letter: spelling for spelling, letter in self.letters.items()}

    def without_letter(self, keywords: Iterable[str]) -> list[str]:
        """Those that no name of a file can tell."""
        return [keyword for keyword in keywords if keyword not in self.letters]


@dataclass(slots=True, kw_only=True)
class Work:
    """
    :ivar root: the folder of the account.
    :ivar modseq: of the account; :meth:`step` takes the next one.
    :ivar find_folders: looks for folders that other programs made, renamed or removed.
    :ivar steps: what is to be done to files, in this order.
    :ivar ranges: modseq, next UID and UIDs of mailboxes, as they were last asked for.
    :ivar more: whether a look into folders has not seen all.
    :ivar owned: files that are ours to change until the steps are done: what they are then needs
        not be read again.
    """

    root: str
    connection: sqlite3.Connection
    rules: Rules
    stamps: Stamps
    modseq: int
    validity: int
    locks: ExitStack
    find_folders: Callable[[Work], None]
    ranges: dict[str, tuple[int, int, UIDSet]]
    steps: list[Step] = field(default_factory=list)
    owned: dict[str, None] = field(default_factory=dict)
    boxes: dict[int, Box] = field(default_factory=dict)
    changed: bool = False
    more: bool = False
    _locked: set[str] = field(default_factory=set)
    _stepped: bool = False

    def path(self, *parts: str) -> str:
        """Below the root."""
        return "/".join([self.root, *filter(None, parts)])

    def step(self) -> ModSeq:
        """Take the next modseq."""
        self.modseq += 1
        self._stepped = True
        return ModSeq(self.modseq)

    # -- mailboxes -------------------------------------------------------------

    def box(self, guid: str) -> Box:
        """:raises NoSuchMailbox: it is gone."""
        return self._found(box_of(self.connection, "guid", guid), "the mailbox was deleted")

    def box_to_change(self, guid: str) -> Box:
        """The same, where it is now.  :raises NoSuchMailbox: it is gone."""
        box = self.box(guid)
        if not self.has_folder(box):
            self.find_folders(self)
            box = self.box(guid)
        return box

    def box_named(self, name: str) -> Box:
        """:raises NoSuchMailbox: none of that name."""
        return self._found(box_of(self.connection, "name", name), f"no mailbox {name}")

    def _found(self, box: Box | None, otherwise: str) -> Box:
        if box is None:
            raise NoSuchMailbox(otherwise)
        # One object a mailbox, so that whoever changes it changes the same.
        return self.boxes.setdefault(box.id, box)

    def has_folder(self, box: Box) -> bool:
        """Whether it is still where it was: other programs rename and remove folders."""
        return os.path.isdir(self.path(box.folder, "cur"))

    def drop_box(self, box: Box) -> None:
        """It is gone, and its name without one."""
        modseq = self.step()
        self.connection.execute("DELETE FROM boxes WHERE id = ?", (box.id,))
        self.boxes.pop(box.id, None)
        self.vacate(box.name, modseq)
        self.changed = True

    def vacate(self, name: str, modseq: int) -> None:
        """Nobody has this name, or something changed for a name that nobody has."""
        self.connection.execute("INSERT OR REPLACE INTO gone VALUES (?, ?)", (name, modseq))

    def moved(self, box: Box, modseq: int) -> None:
        """It changed."""
        box.modseq = modseq
        self.changed = True

    # -- messages --------------------------------------------------------------

    def present(self, box: Box, uids: UIDSet | None, where: str = "") -> list[Message]:
        """Those of ``uids`` that are there, ascending.  :param where: SQL, of ours."""
        if uids is not None and not uids:
            return []
        whole = ((1, 2**32 - 1),) if uids is None else uids.ranges
        ranges = whole if len(whole) <= 20 else ((whole[0][0], whole[-1][1]),)
        sql = f"{_MESSAGES} {where} ORDER BY uid"
        rows = [row for pair in ranges for row in self.connection.execute(sql, (box.id, *pair))]
        if uids is not None and ranges is not whole:
            rows = [row for row in rows if row[0] in uids]
        known: dict[tuple[int, str], Flags] = {}
        return [_message(row, known) for row in rows]

    def spelling(self, box: Box) -> Spelling:
        """Keywords as the mailbox knows them."""
        rows = self.connection.execute(
            "SELECT folded, spelling, letter FROM keywords WHERE box = ?", (box.id,)
        ).fetchall()
        letters = {spelling: letter for _, spelling, letter in rows if letter}
        return Spelling({folded: spelling for folded, spelling, _ in rows}, letters)

    def spell(self, box: Box, spelling: Spelling) -> None:
        """
        Keep keywords that came up, with letters as long as there are any.

        The file is written at once: a letter too many in it means nothing.
        """
        known = {row[0] for row in self._folded(box)}
        fresh = {folded: each for folded, each in spelling.known.items() if folded not in known}
        if not fresh:
            return
        # Dovecot has this lock from the moment it gives a letter until that is in the file.
        self.lock(box.folder, uidlist.LOCK)
        path = self.path(box.folder, letters_file.FILE)
        there = letters_file.parse(read_file(path))
        folded = {each.lower(): letter for letter, each in there.items()}
        missing = [each for name, each in fresh.items() if name not in folded]
        after = letters_file.with_letters(there, missing)
        if after != there:
            self.rules.disk.put(path, letters_file.written(after))
        given = {each.lower(): letter for letter, each in after.items()}
        letters = {each: given[name] for name, each in fresh.items() if name in given}
        spelling.letters.update(letters)
        rows = [(box.id, folded, each, letters.get(each)) for folded, each in fresh.items()]
        self.connection.executemany("INSERT INTO keywords VALUES (?, ?, ?, ?)", rows)

    def _folded(self, box: Box) -> list[Any]:
        sql = "SELECT folded FROM keywords WHERE box = ?"
        return self.connection.execute(sql, (box.id,)).fetchall()

    def drop(self, box: Box, uids: Sequence[int], modseq: int) -> None:
        """Rows go, tombstones stay, as many as are remembered."""
        pairs = [(box.id, uid) for uid in uids]
        run = self.connection.executemany
        run("DELETE FROM messages WHERE box = ? AND uid = ?", pairs)
        run("DELETE FROM digests WHERE box = ? AND uid = ?", pairs)
        run("INSERT OR REPLACE INTO tombstones VALUES (?, ?, ?)", [(*p, modseq) for p in pairs])
        self.moved(box, modseq)
        self._forget(box)

    def _forget(self, box: Box) -> None:
        # Those of one modseq go together: half of an answer would be a wrong one.
        row = self.connection.execute(
            "SELECT modseq FROM tombstones WHERE box = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?",
            (box.id, self.rules.tombstones),
        ).fetchone()
        if row is not None:
            box.forgotten = row[0]
            self.connection.execute(
                "DELETE FROM tombstones WHERE box = ? AND modseq <= ?", (box.id, box.forgotten)
            )

    # -- the end ---------------------------------------------------------------

    def lock(self, folder: str, name: str) -> None:
        """Have a dotlock until all is done."""
        path = self.path(folder, name)
        if path not in self._locked:
            self.locks.enter_context(dotlocked(path))
            self._locked.add(path)

    def save(self, dump: Callable[[object], str]) -> None:
        """Write what was kept in objects: all but the commit."""
        for box in self.boxes.values():
            save_box(self.connection, box)
        if self._stepped:
            self.connection.execute(
                "UPDATE account SET modseq = ?, validity = ?", (self.modseq, self.validity)
            )
        if self.steps:
            self.connection.execute("INSERT INTO journal (steps) VALUES (?)", (dump(self.steps),))


_MESSAGES = (
    "SELECT uid, place, file, flags, keywords, modseq, size FROM messages"
    " WHERE box = ? AND uid BETWEEN ? AND ?"
)


def _message(row: tuple[Any, ...], known: dict[tuple[int, str], Flags]) -> Message:
    uid, place, file, bits, keywords, modseq, size = row
    flags = known.get((bits, keywords))
    if flags is None:
        flags = known[bits, keywords] = Flags(bits, tuple(keywords.split()))
    return Message(uid, place, file, flags, modseq, size)


def read_file(path: str) -> bytes:
    """A small file; nothing if it is not there."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return b""
