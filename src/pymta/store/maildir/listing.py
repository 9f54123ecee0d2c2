"""
Keeping ``dovecot-uidlist`` in step with the index.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable

from pymta.store.maildir import uidlist
from pymta.store.maildir.boxes import Box
from pymta.store.maildir.disk import Disk
from pymta.store.maildir.filenames import base_of
from pymta.store.maildir.uidlist import LIST, LOCK, Entry, UIDList
from pymta.store.maildir.work import Work, read_file

__all__ = ["LIST_STEP", "add_lines", "plan_whole", "read_list", "write_list"]

LIST_STEP = "list"
"""The verb of a step: lines to be appended, or None for the whole list."""

_VOID_LINES = 500
"""More than this and twice the messages: the list is written anew."""


def read_list(work: Work, box: Box) -> UIDList | None:
    """What is in the file; None if there is none, or it is none."""
    return uidlist.parse(read_file(work.path(box.folder, LIST)))


def add_lines(work: Work, box: Box, entries: Iterable[tuple[int, str | None, str]]) -> None:
    """
    Add lines for new messages, whose UIDs are above all that are in the list.

    The dotlock is held from before the UIDs are taken until the lines are written.
    """
    work.lock(box.folder, LOCK)
    lines = [*entries]
    box.lines += len(lines)
    if box.lines > _VOID_LINES + 2 * _count(work.connection, box):
        plan_whole(work, box)
        return
    if (LIST_STEP, box.folder, None) not in work.steps:
        work.steps.insert(0, (LIST_STEP, box.folder, uidlist.lines(lines).decode()))
    work.owned[work.path(box.folder, LIST)] = None


def plan_whole(work: Work, box: Box) -> None:
    """The list is to be written anew, of what is in the index when this is committed."""
    work.lock(box.folder, LOCK)
    box.lines = _count(work.connection, box)
    work.steps[:] = [step for step in work.steps if step[:2] != (LIST_STEP, box.folder)]
    work.steps.insert(0, (LIST_STEP, box.folder, None))
    work.owned[work.path(box.folder, LIST)] = None


def write_list(connection: sqlite3.Connection, disk: Disk, box: Box, *, root: str) -> None:
    """Write it anew, under its dotlock."""
    path = os.path.join(root, box.folder, LIST)
    before = uidlist.parse(read_file(path))
    known = {} if before is None else before.entries
    rows = connection.execute(
        "SELECT uid, guid, file FROM messages WHERE box = ? ORDER BY uid", (box.id,)
    )
    lines = [_line(uid, guid, base, known.get(base)) for uid, guid, base in map(_based, rows)]
    head = uidlist.whole(box.validity, box.uid_next, guid=box.guid, entries=())
    disk.put(path, head + "".join(lines).encode())


def _based(row: tuple[int, str | None, str]) -> tuple[int, str | None, str]:
    uid, guid, file = row
    return uid, guid, base_of(file)


def _line(uid: int, guid: str | None, base: str, before: Entry | None) -> str:
    # What else other programs said of it stays.
    extras = before.extras if before is not None and before.uid == uid else ()
    others = [extra for extra in extras if extra[:1] != "G"]
    return " ".join([str(uid), *([f"G{guid}"] if guid else []), *others]) + f" :{base}\n"


def _count(connection: sqlite3.Connection, box: Box) -> int:
    found: int = connection.execute(
        "SELECT count(*) FROM messages WHERE box = ?", (box.id,)
    ).fetchone()[0]
    return found
