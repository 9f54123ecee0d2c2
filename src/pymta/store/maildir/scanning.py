"""
Looking into folders: what other programs put there, renamed or took away becomes rows, with UIDs,
mod-sequences and tombstones.

A name that a listing lacks proves nothing while files are renamed: only where a folder did not
change during the look, and a tick before, is what is missing gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pymta.errors import NoSuchMailbox
from pymta.store.maildir import keywords as letters_file
from pymta.store.maildir.arriving import arrive, begin_anew
from pymta.store.maildir.boxes import Box
from pymta.store.maildir.filenames import (
    base_of,
    flags_of,
    letters_of,
)
from pymta.store.maildir.listing import plan_whole, read_list
from pymta.store.maildir.stamps import changed_at, is_settled
from pymta.store.maildir.steps import read_names
from pymta.store.maildir.uidlist import LIST, LOCK
from pymta.store.maildir.work import Message, Work, read_file

__all__ = ["is_fresh", "scan"]

_PLACES = ("new", "cur")
_TRIES = 20
_PAUSE = 0.01
"""Seconds; more than a tick in all."""


def is_fresh(work: Work, box: Box) -> bool:
    """Whether nobody else changed anything since it was looked at."""
    paths = _paths(work, box)
    return all(work.stamps.is_fresh(path) for path in paths)


def _paths(work: Work, box: Box) -> list[str]:
    names = (*_PLACES, LIST, letters_file.FILE)
    return [work.path(box.folder, name) for name in names]


def scan(work: Work, box: Box) -> None:
    """Bring the rows of a mailbox up to what is in its folder."""
    if is_fresh(work, box):
        return
    if not work.has_folder(box):
        # Nothing is told of a folder that somebody is just renaming.
        raise NoSuchMailbox("the folder of the mailbox went away")
    _read_letters(work, box)
    _read_list(work, box)
    difference = _compare(work, box)
    if difference:
        _renamed(work, box, difference)
        _vanished(work, box, difference)
        if arrive(work, box, difference.added):
            work.more = True
            for place in _PLACES:
                work.stamps.seen.pop(work.path(box.folder, place), None)
            return
    if not box.recent:
        box.recent = _first_new(work, box)


def _first_new(work: Work, box: Box) -> int:
    sql = "SELECT min(uid) FROM messages WHERE box = ? AND place = 'new'"
    first: int | None = work.connection.execute(sql, (box.id,)).fetchone()[0]
    return first or box.uid_next


# -- what is there -------------------------------------------------------------


@dataclass(slots=True)
class _Difference:
    """
    :param added: place and name by base; :param missing: rows by base.
    """

    added: dict[str, tuple[str, str]] = field(default_factory=dict)
    missing: dict[str, Message] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.missing)


def _compare(work: Work, box: Box) -> _Difference:
    places = [p for p in _PLACES if not work.stamps.is_fresh(work.path(box.folder, p))]
    found = _look(work, box, places)
    if not work.has_folder(box):
        raise NoSuchMailbox("the folder of the mailbox went away")
    if found.missing.keys() - found.added.keys():
        # Gone, or renamed while the names were read, or from one folder into the other.
        found = _look_at_rest(work, box)
    return found


def _look_at_rest(work: Work, box: Box) -> _Difference:
    paths = [work.path(box.folder, place) for place in _PLACES]
    found = _Difference()
    for _ in range(_TRIES):
        now = time.time_ns()
        before = [changed_at(path) for path in paths]
        found = _look(work, box, _PLACES)
        settled = all(is_settled(stamp, now) for stamp in before)
        if settled and before[-1][0] and before == [changed_at(path) for path in paths]:
            return found
        if not found.missing.keys() - found.added.keys():
            return found
        time.sleep(_PAUSE)
    # It never rests.  What is missing may be gone; the next look will tell.
    found.missing = {base: row for base, row in found.missing.items() if base in found.added}
    work.stamps.forget()
    return found


def _look(work: Work, box: Box, places: Iterable[str]) -> _Difference:
    found = _Difference()
    for place in places:
        path = work.path(box.folder, place)
        now, stamp = time.time_ns(), changed_at(path)
        names = set(read_names(path))
        work.stamps.saw(path, stamp, now)
        known = {row[0] for row in _files(work, box, place)}
        for name in names - known:
            found.added[base_of(name)] = (place, name)
        if known - names:
            missing = work.present(box, None, f"AND place = '{place}'")
            rows = (row for row in missing if row.file not in names)
            found.missing.update((base_of(row.file), row) for row in rows)
    return found


def _files(work: Work, box: Box, place: str) -> list[Any]:
    sql = "SELECT file FROM messages WHERE box = ? AND place = ?"
    return work.connection.execute(sql, (box.id, place)).fetchall()


# -- what became of it ---------------------------------------------------------


def _renamed(work: Work, box: Box, difference: _Difference) -> None:
    """Other flags, or out of ``new``."""
    both = difference.missing.keys() & difference.added.keys()
    if not both:
        return
    spelling = work.spelling(box)
    rows, modseq = [], None
    for base in both:
        row, (place, name) = difference.missing.pop(base), difference.added.pop(base)
        more = spelling.without_letter(row.flags.keywords)
        flags = flags_of(name, spelling.by_letter, more)
        if flags != row.flags and modseq is None:
            modseq = work.step()
        after = row.modseq if flags == row.flags else modseq
        keywords = " ".join(flags.keywords)
        rows.append((place, name, flags.bits, keywords, after, box.id, row.uid))
    work.connection.executemany(_RENAME, rows)
    if modseq is not None:
        work.moved(box, modseq)


_RENAME = (
    "UPDATE messages SET place = ?, file = ?, flags = ?, keywords = ?, modseq = ?"
    " WHERE box = ? AND uid = ?"
)


def _vanished(work: Work, box: Box, difference: _Difference) -> None:
    uids = [row.uid for row in difference.missing.values()]
    if uids:
        work.drop(box, uids, work.step())


# -- the files beside ----------------------------------------------------------


def _read_letters(work: Work, box: Box) -> None:
    """Keywords that other programs gave letters."""
    path = work.path(box.folder, letters_file.FILE)
    if work.stamps.is_fresh(path):
        return
    now, stamp = time.time_ns(), changed_at(path)
    letters = letters_file.parse(read_file(path))
    known = work.spelling(box).by_letter
    fresh = {each for each, spelling in letters.items() if known.get(each) != spelling}
    for letter in fresh:
        run, spelling = work.connection.execute, letters[letter]
        run("DELETE FROM keywords WHERE box = ? AND letter = ?", (box.id, letter))
        row = (box.id, spelling.lower(), spelling, letter)
        run("INSERT OR REPLACE INTO keywords VALUES (?, ?, ?, ?)", row)
    if fresh:
        _read_names(work, box, fresh)
    work.stamps.saw(path, stamp, now)


def _read_names(work: Work, box: Box, letters: set[str]) -> None:
    """
    Flags of messages whose names have letters that mean something now.

    Dovecot renames files first, and writes what the letters mean afterwards.
    """
    spelling, modseq, rows = work.spelling(box), None, []
    for message in work.present(box, None):
        if letters.isdisjoint(letters_of(message.file)):
            continue
        more = spelling.without_letter(message.flags.keywords)
        flags = flags_of(message.file, spelling.by_letter, more)
        if flags != message.flags:
            modseq = work.step() if modseq is None else modseq
            rows.append((flags.bits, " ".join(flags.keywords), modseq, box.id, message.uid))
    work.connection.executemany(
        "UPDATE messages SET flags = ?, keywords = ?, modseq = ? WHERE box = ? AND uid = ?", rows
    )
    if modseq is not None:
        work.moved(box, modseq)


def _read_list(work: Work, box: Box) -> None:
    """UIDs as other programs see them; where they see others than we do, they are right."""
    path = work.path(box.folder, LIST)
    if work.stamps.is_fresh(path):
        return
    work.lock(box.folder, LOCK)
    found = read_list(work, box)
    if found is None:
        plan_whole(work, box)
        return
    work.stamps.owns(path)
    if found.validity != box.validity:
        begin_anew(work, box, found)
    box.uid_next = max(box.uid_next, found.uid_next)
    box.lines = found.count
    rows = work.connection.execute("SELECT uid, file FROM messages WHERE box = ?", (box.id,))
    there = {base_of(file): uid for uid, file in rows}
    others = [
        uid
        for base, uid in there.items()
        if (entry := found.entries.get(base)) is not None and entry.uid != uid
    ]
    if others:
        # They are found again as arrivals.
        work.drop(box, others, work.step())
        work.stamps.forget()
    if not found.sound or there.keys() - found.entries.keys():
        plan_whole(work, box)
