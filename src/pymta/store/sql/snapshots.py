"""
All UIDs of a mailbox, without reading all rows: a map from some earlier moment, and what happened
since then.

Maps of mailboxes that are looked at are kept in memory; those of large ones are also saved now and
then, so that the first look after a start does not read a million rows.
"""

from __future__ import annotations

import sys
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select

from pymta.database import direct
from pymta.database.rows import insert_rows, through
from pymta.mailbox import UID, ModSeq, Snapshot, UIDSet, UIDValidity
from pymta.store.sql.queries import read_uids
from pymta.store.sql.tables import mailboxes, tombstones, uid_maps
from pymta.store.sql.work import Context

__all__ = ["Looked", "Maps", "SavedMap", "UIDMap", "look", "save"]

WORTH_SAVING = 5_000
"""Rows read for a snapshot: some 5 ms."""

MAPS = 500


@dataclass(frozen=True, slots=True)
class UIDMap:
    """The UIDs of a mailbox at a modseq."""

    modseq: ModSeq
    uid_next: UID
    uids: UIDSet


@dataclass(frozen=True, slots=True)
class Looked:
    """What :func:`look` found.  :param rows: how many it had to read."""

    snapshot: Snapshot
    map: UIDMap
    rows: int


@dataclass(frozen=True, slots=True)
class SavedMap:
    """An entry of :func:`save`."""

    mailbox: int
    map: UIDMap


class Maps:
    """The maps last used."""

    def __init__(self) -> None:
        self._maps: OrderedDict[int, UIDMap] = OrderedDict()
        self._unsaved: dict[int, UIDMap] = {}

    def get(self, mailbox: int) -> UIDMap | None:
        """The last one that was found."""
        return self._maps.get(mailbox)

    def put(self, mailbox: int, looked: Looked) -> None:
        """One was found, or remembered.  Of two that cross, the later moment counts."""
        known = self._maps.get(mailbox)
        if known is None or known.modseq < looked.map.modseq:
            self._maps[mailbox] = looked.map
            if looked.rows >= WORTH_SAVING:
                self._unsaved[mailbox] = looked.map
                if len(self._unsaved) > MAPS:  # of a process that never saves
                    del self._unsaved[next(iter(self._unsaved))]
        self._maps.move_to_end(mailbox)
        while len(self._maps) > MAPS:
            self._maps.popitem(last=False)

    def take_unsaved(self) -> list[SavedMap]:
        """Those that should be saved; each is told once."""
        unsaved, self._unsaved = self._unsaved, {}
        return [SavedMap(mailbox, each) for mailbox, each in unsaved.items()]


_GONE = select(tombstones.c.uid).where(
    tombstones.c.mailbox == bindparam("mailbox"), tombstones.c.modseq > bindparam("since")
)
_SAVED = select(uid_maps).where(uid_maps.c.mailbox == bindparam("mailbox"))
_EMPTY = UIDMap(ModSeq(0), UID(1), UIDSet())


def look(connection: Connection, row: Row[Any], known: UIDMap | None) -> Looked:
    """
    A snapshot.

    :param row: of the mailbox.
    :param known: a map of any moment before.
    """
    start = known or _saved(connection, row) or _EMPTY
    if start.modseq < row.forgotten:
        start = _EMPTY
    uids, read = start.uids, 0
    if start.modseq < row.modseq:
        which = {"mailbox": row.id, "since": start.modseq}
        new = read_uids(connection, row.id, start.uid_next)
        gone = direct.tuples(connection, _GONE, which) if start.uids else []
        uids = (start.uids - UIDSet(uid for (uid,) in gone)) | new
        read = len(new) + len(gone)
    found = UIDMap(ModSeq(row.modseq), UID(row.uid_next), uids)
    snapshot = Snapshot(
        uids=uids,
        uid_validity=UIDValidity(row.uid_validity),
        uid_next=found.uid_next,
        modseq=found.modseq,
        recent=UID(row.recent),
    )
    return Looked(snapshot, found, read)


def _saved(connection: Connection, row: Row[Any]) -> UIDMap | None:
    if row.messages < WORTH_SAVING:
        return None
    saved = connection.execute(_SAVED, {"mailbox": row.id}).first()
    if saved is None or saved.modseq > row.modseq:
        return None
    return UIDMap(ModSeq(saved.modseq), UID(saved.uid_next), _unpacked(saved.ranges))


# Of two processes one may save what it found before the other did.
_UPSERT = (
    "ON CONFLICT (mailbox) DO UPDATE SET modseq = excluded.modseq, "
    "uid_next = excluded.uid_next, ranges = excluded.ranges "
    f"WHERE excluded.modseq > {uid_maps.name}.modseq"
)
_LIVES = select(mailboxes.c.id).where(
    mailboxes.c.id == bindparam("mailbox"), mailboxes.c.store.is_not(None)
)


def save(
    connection: Connection, entries: Sequence[SavedMap], context: Context
) -> list[Exception | None]:
    """Keep maps for later starts."""
    del context
    for entry in entries:
        if connection.scalar(_LIVES, {"mailbox": entry.mailbox}) is not None:
            kept = entry.map
            row = (entry.mailbox, kept.modseq, kept.uid_next, _packed(kept.uids))
            insert_rows(through(connection), uid_maps, [row], conflict=_UPSERT)
    return [None for _ in entries]


def _packed(uids: UIDSet) -> bytes:
    """Firsts and lasts as 32-bit integers, little end first."""
    numbers = array("I", [uid for pair in uids.ranges for uid in pair])
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _unpacked(octets: bytes) -> UIDSet:
    numbers = array("I", octets)
    if sys.byteorder == "big":
        numbers.byteswap()
    each = iter(numbers)
    return UIDSet.of_ranges(zip(each, each, strict=True))
