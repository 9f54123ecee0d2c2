"""
Batches that take messages away: expunge, and remove.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, bindparam, delete, insert, select

from pymta.database.rows import among, keys
from pymta.mailbox import UID, Expunged, ModSeq, UIDSet
from pymta.store._flags import BIT_DELETED
from pymta.store.sql.queries import in_ranges, ranges_text, uid_limit
from pymta.store.sql.rows import Box, flags_of, uids_of
from pymta.store.sql.tables import messages, tombstones
from pymta.store.sql.work import Context, Work, count, each

__all__ = ["Expunge", "Kept", "drop", "expunge", "found", "remove"]


@dataclass(frozen=True, slots=True)
class Expunge:
    """An entry of :func:`expunge` and :func:`remove`.  :param uids: None is all."""

    mailbox: int
    uids: UIDSet | None


class Kept(NamedTuple):
    """What is known of a message that is to go, or to be copied."""

    uid: UID
    flags: int
    keywords: str
    size: int
    internal_date: int
    letter: int
    unended: int


_FOUND = in_ranges(
    messages.c.uid,
    messages.c.flags,
    messages.c.keywords,
    messages.c.size,
    messages.c.internal_date,
    messages.c.letter,
    messages.c.unended,
)
_THESE = (messages.c.mailbox == bindparam("box")) & among(messages.c.uid, "uids")
_BURY = insert(tombstones).from_select(
    ["mailbox", "uid", "modseq", "letter", "since"],
    select(
        messages.c.mailbox,
        messages.c.uid,
        bindparam("new", type_=messages.c.modseq.type),
        messages.c.letter,
        bindparam("now", type_=messages.c.modseq.type),
    ).where(_THESE),
)
_DROP = delete(messages).where(_THESE)
_LIMIT = (
    select(tombstones.c.modseq)
    .where(tombstones.c.mailbox == bindparam("box"))
    .order_by(tombstones.c.modseq.desc())
    .offset(bindparam("keep"))
    .limit(1)
)
# Those that still hold a letter wait for the sweep that lets go of it.
_FORGET = delete(tombstones).where(
    tombstones.c.mailbox == bindparam("box"),
    tombstones.c.modseq <= bindparam("upto"),
    tombstones.c.letter.is_(None),
)


def expunge(
    connection: Connection, entries: Sequence[Expunge], context: Context
) -> list[Expunged | Exception]:
    """Those with ``\\Deleted``."""
    work = Work(connection, context)

    def one(entry: Expunge) -> Expunged:
        box, _ = work.living(entry.mailbox)
        if not box.deleted:
            return Expunged(UIDSet(), box.modseq)
        kept = found(work, box, entry.uids)
        return _expunged(work, box, [m for m in kept if m.flags & BIT_DELETED])

    results = each(entries, one)
    work.flush()
    return results


def remove(
    connection: Connection, entries: Sequence[Expunge], context: Context
) -> list[Expunged | Exception]:
    """Whatever their flags."""
    work = Work(connection, context)

    def one(entry: Expunge) -> Expunged:
        box, _ = work.living(entry.mailbox)
        return _expunged(work, box, found(work, box, entry.uids))

    results = each(entries, one)
    work.flush()
    return results


def _expunged(work: Work, box: Box, kept: Sequence[Kept]) -> Expunged:
    if not kept:
        return Expunged(UIDSet(), box.modseq)
    assert box.store is not None
    modseq = box.store.step()
    drop(work, box, kept, modseq)
    return Expunged(uids_of([m.uid for m in kept]), modseq)


def found(work: Work, box: Box, uids: UIDSet | None) -> list[Kept]:
    """Those of ``uids`` that are there, ascending."""
    wanted = UIDSet.of_ranges([(1, 2**32 - 1)]) if uids is None else uids
    ranges = ranges_text(uid_limit(wanted, box.uid_next))
    rows = work.connection.execute(_FOUND, {"mailbox": box.id, "ranges": ranges})
    return [Kept(*row) for row in rows.all()]


def drop(work: Work, box: Box, kept: Sequence[Kept], modseq: ModSeq) -> None:
    """Make tombstones of messages; these hold their letters for now."""
    assert box.store is not None
    execute = work.connection.execute
    these = {"box": box.id, "uids": keys(m.uid for m in kept)}
    execute(_BURY, {**these, "new": modseq, "now": work.now})
    execute(_DROP, these)
    for message in kept:
        flags = flags_of(message.flags, message.keywords)
        count(box, box.store, flags=flags, size=message.size, by=-1)
    box.tombstones += len(kept)
    _forget(work, box)
    work.changed(box, box.store, modseq)


def _forget(work: Work, box: Box) -> None:
    """Keep as many tombstones as the store wants, give or take a quarter."""
    most = work.context.tombstones
    if box.tombstones <= most + most // 4:
        return
    execute = work.connection.execute
    upto = execute(_LIMIT, {"box": box.id, "keep": most}).scalar()
    if upto is not None:
        box.forgotten = ModSeq(upto)
        execute(_FORGET, {"box": box.id, "upto": upto})
    box.tombstones = most
