"""
Messages that other programs brought: they get rows, and the UIDs that the list says or new ones.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import inf

from pymta.mailbox import UIDSet
from pymta.store.maildir.boxes import Box
from pymta.store.maildir.filenames import base_of, delivery_of, flags_of, is_as_is, sizes_of
from pymta.store.maildir.listing import add_lines, plan_whole, read_list
from pymta.store.maildir.uidlist import LOCK, UIDList
from pymta.store.maildir.work import Work

__all__ = ["arrive", "begin_anew"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    base: str
    place: str
    name: str
    size: int
    internal: int
    saved: int


def arrive(work: Work, box: Box, added: Mapping[str, tuple[str, str]]) -> bool:
    """
    As many of them as one change takes.

    :param added: where they are by their bases: place and name.
    :returns: whether there are more.
    """
    arrivals = [
        arrival
        for base, (place, name) in _first(work, box, added)
        if not _is_known(work, box, base)
        and (arrival := _arrival(work, box, place, name)) is not None
    ]
    if arrivals:
        work.lock(box.folder, LOCK)
        found = read_list(work, box)
        if found is not None and found.validity != box.validity:
            # Another program began anew between two looks.
            begin_anew(work, box, found)
        _number(work, box, arrivals, found)
    return bool(arrivals) and len(added) > work.rules.at_once


def _first(
    work: Work, box: Box, added: Mapping[str, tuple[str, str]]
) -> Iterable[tuple[str, tuple[str, str]]]:
    """The oldest, if there are too many."""
    if len(added) <= work.rules.at_once:
        return added.items()
    found = read_list(work, box)
    listed = {} if found is None else found.entries

    def order(base: str) -> tuple[float, int, str]:
        entry = listed.get(base)
        return inf if entry is None else entry.uid, _time_of(base), base

    return [(base, added[base]) for base in sorted(added, key=order)[: work.rules.at_once]]


def _is_known(work: Work, box: Box, base: str) -> bool:
    """A second file of a message is left alone: somebody is about to remove one of both."""
    rows = work.connection.execute(
        "SELECT file FROM messages WHERE box = ? AND file >= ? AND file < ?",
        (box.id, base, base + ";"),
    )
    return any(base_of(file) == base for (file,) in rows)


def _arrival(work: Work, box: Box, place: str, name: str) -> _Arrival | None:
    path = work.path(box.folder, place, name)
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        return None
    base = base_of(name)
    return _Arrival(
        base=base,
        place=place,
        name=name,
        size=status.st_size if is_as_is(base) else _lined_size(path, base, status.st_size),
        internal=status.st_mtime_ns // 1000,
        saved=status.st_ctime_ns // 1000,
    )


def _lined_size(path: str, base: str, size: int) -> int:
    """The size with each line ended by CRLF, as it is served; its name says it, or all is read."""
    lined = sizes_of(base).lined
    if lined is not None and size <= lined <= 2 * size:
        return lined
    last, bare = b"", 0
    try:
        with open(path, "rb") as file:
            while octets := file.read(1024 * 1024):
                crossing = last == b"\r" and octets[:1] == b"\n"
                bare += octets.count(b"\n") - octets.count(b"\r\n") - crossing
                last = octets[-1:]
    except FileNotFoundError:
        pass
    return size + bare


def _order(arrival: _Arrival) -> tuple[int, str]:
    """As they came: names begin with the time."""
    return _time_of(arrival.name) or arrival.internal // 1_000_000, arrival.name


def _time_of(name: str) -> int:
    first = name.partition(".")[0]
    return int(first) if first.isascii() and first.isdecimal() and len(first) < 16 else 0


def _number(work: Work, box: Box, arrivals: list[_Arrival], found: UIDList | None) -> None:
    """Give them the UIDs that the list says, and new ones to all others."""
    listed = {} if found is None else found.entries
    box.uid_next = max(box.uid_next, 1 if found is None else found.uid_next)
    taken = _taken(work, box, [listed[a.base].uid for a in arrivals if a.base in listed])
    named, anew = [], []
    for arrival in arrivals:
        entry = listed.get(arrival.base)
        if entry is None or entry.uid in taken:
            anew.append(arrival)
        else:
            taken.add(entry.uid)
            named.append((entry.uid, entry.guid, arrival))
    fresh = []
    for arrival in sorted(anew, key=_order):
        fresh.append((box.uid_next, None, arrival))
        box.uid_next += 1
    _insert(work, box, [*named, *fresh])
    again = any(arrival.base in listed for arrival in anew)
    if found is None or again or not found.sound:
        plan_whole(work, box)
    elif fresh:
        add_lines(work, box, [(uid, None, arrival.base) for uid, _, arrival in fresh])


def _taken(work: Work, box: Box, uids: list[int]) -> set[int]:
    """Those that somebody has, or had: what was told as gone does not come back."""
    taken: set[int] = set()
    for table in ("messages", "tombstones"):
        for first, last in UIDSet(uids).ranges:
            rows = work.connection.execute(
                f"SELECT uid FROM {table} WHERE box = ? AND uid BETWEEN ? AND ?",  # noqa: S608
                (box.id, first, last),
            )
            taken.update(uid for (uid,) in rows)
    return taken


def _insert(work: Work, box: Box, numbered: list[tuple[int, str | None, _Arrival]]) -> None:
    modseq, spelling = work.step(), work.spelling(box)
    rows, deliveries = [], []
    for uid, guid, arrival in numbered:
        flags = flags_of(arrival.name, spelling.by_letter)
        rows.append(
            (
                *(box.id, uid, arrival.place, arrival.name, flags.bits, " ".join(flags.keywords)),
                *(modseq, modseq, arrival.size, arrival.internal, arrival.saved, guid),
            )
        )
        key = delivery_of(arrival.base)
        if key is not None:
            deliveries.append((box.id, key, uid, arrival.saved))
    run = work.connection.executemany
    run("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    run("INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?)", deliveries)
    work.moved(box, modseq)


def begin_anew(work: Work, box: Box, found: UIDList) -> None:
    """Another UIDVALIDITY: nothing of what was known is true."""
    modseq = work.step()
    for table in ("messages", "digests", "tombstones", "deliveries"):
        work.connection.execute(f"DELETE FROM {table} WHERE box = ?", (box.id,))  # noqa: S608
    box.validity, box.uid_next, box.recent, box.forgotten = found.validity, 1, 0, modseq
    work.validity = max(work.validity, found.validity)
    work.stamps.forget()
    work.moved(box, modseq)
