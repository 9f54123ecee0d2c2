"""
Batches that change flags: those that clients set, and ``\\Recent``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, update

from pymta.database.rows import among, keys
from pymta.mailbox import UID, FlagMode, ModSeq, UIDSet
from pymta.store._flags import BIT_DELETED, BIT_SEEN, Flags, Parted, changed
from pymta.store.sql.queries import in_ranges, ranges_text, uid_limit
from pymta.store.sql.rows import Box, flags_of, keywords_text, uids_of
from pymta.store.sql.tables import messages
from pymta.store.sql.work import Context, Work, each

__all__ = ["ChangeFlags", "change_flags", "take_recent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFlags:
    """An entry of :func:`change_flags`."""

    mailbox: int
    uids: UIDSet
    mode: FlagMode
    asked: Parted
    unchanged_since: ModSeq | None


_FOUND = in_ranges(
    messages.c.uid,
    messages.c.modseq,
    messages.c.flags,
    messages.c.keywords,
    messages.c.size,
)
_SET = (
    update(messages)
    .where(messages.c.mailbox == bindparam("box"), among(messages.c.uid, "uids"))
    .values(
        flags=bindparam("new_flags"), keywords=bindparam("new_keywords"), modseq=bindparam("new")
    )
)


def change_flags(
    connection: Connection, entries: Sequence[ChangeFlags], context: Context
) -> list[UIDSet | Exception]:
    """For every entry: the UIDs that were left out."""
    work = Work(connection, context)
    work.load(entry.mailbox for entry in entries)
    results = each(entries, lambda entry: _one(work, entry))
    work.flush()
    return results


def _one(work: Work, entry: ChangeFlags) -> UIDSet:
    box, store = work.living(entry.mailbox)
    uids = uid_limit(entry.uids, box.uid_next)
    asked = work.flags(box, entry.asked)
    late: list[int] = []
    after: dict[Flags, list[Row[Any]]] = {}
    for row in work.connection.execute(
        _FOUND, {"mailbox": box.id, "ranges": ranges_text(uids)}
    ).all():
        if entry.unchanged_since is not None and row.modseq > entry.unchanged_since:
            late.append(row.uid)
            continue
        new = _changed(row, entry.mode, asked)
        if new is not None:
            after.setdefault(new, []).append(row)
    if after:
        modseq = store.step()
        for flags, rows in after.items():
            _set(work, box, flags, rows=rows, modseq=modseq)
        work.changed(box, store, modseq)
    return uids_of(late)


def _changed(row: Row[Any], mode: FlagMode, asked: Flags) -> Flags | None:
    """What its flags become; None if they stay as they are."""
    before = flags_of(row.flags, row.keywords)
    after = changed(before, mode, asked)
    return None if before == after else after


def _set(work: Work, box: Box, flags: Flags, *, rows: Sequence[Row[Any]], modseq: ModSeq) -> None:
    """Flags of messages that end up with the same: one statement, however many."""
    box.unseen -= sum(not row.flags & BIT_SEEN for row in rows)
    box.unseen += len(rows) * (not flags.bits & BIT_SEEN)
    marked = [row.size for row in rows if row.flags & BIT_DELETED]
    box.deleted -= len(marked)
    box.deleted_size -= sum(marked)
    if flags.bits & BIT_DELETED:
        box.deleted += len(rows)
        box.deleted_size += sum(row.size for row in rows)
    work.connection.execute(
        _SET,
        {
            "box": box.id,
            "uids": keys(row.uid for row in rows),
            "new_flags": flags.bits,
            "new_keywords": keywords_text(flags),
            "new": modseq,
        },
    )


def take_recent(
    connection: Connection, entries: Sequence[int], context: Context
) -> list[UID | Exception]:
    """For every mailbox: from which UID on messages were new until now."""
    work = Work(connection, context)

    def one(number: int) -> UID:
        box = work.box(number)
        recent = box.recent
        if recent != box.uid_next:
            box.recent = box.uid_next
            work.dirty(box)
        return recent

    results = each(entries, one)
    work.flush()
    return results
