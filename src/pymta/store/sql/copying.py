"""
Batches that copy and move: the octets stay where they are, and are referred to once more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pymta.database.rows import insert_rows, through
from pymta.mailbox import UID, Copied, Expunged, MailboxName, ModSeq, UIDSet
from pymta.store._flags import names_of, part
from pymta.store._needed import check_needed
from pymta.store.sql.expunging import Kept, drop, found
from pymta.store.sql.rows import Box, flags_of, keywords_text, uids_of
from pymta.store.sql.tables import messages
from pymta.store.sql.work import Context, Work, check_room, count, each

__all__ = ["Copy", "copy", "move", "move_all"]


@dataclass(frozen=True, slots=True)
class Copy:
    """An entry of :func:`copy` and :func:`move`.  :param needed: those that must be there."""

    mailbox: int
    uids: UIDSet
    destination: MailboxName
    needed: UIDSet | None = None


def copy(
    connection: Connection, entries: Sequence[Copy], context: Context
) -> list[Copied | Exception]:
    """Copy; every entry as a whole or not at all."""
    work = Work(connection, context)

    def one(entry: Copy) -> Copied:
        box, store = work.living(entry.mailbox)
        target = work.named(store, entry.destination)
        kept = _there(work, box, entry)
        if not kept:
            return Copied(target.uid_validity, (), target.modseq)
        check_room(target, store, sum(m.size for m in kept), len(kept))
        modseq = store.step()
        pairs = _put(work, target, kept, modseq)
        work.changed(target, store, modseq)
        return Copied(target.uid_validity, pairs, modseq)

    results = each(entries, one)
    work.flush()
    return results


def move(
    connection: Connection, entries: Sequence[Copy], context: Context
) -> list[tuple[Copied, Expunged] | Exception]:
    """Copy and expunge, under one modseq."""
    work = Work(connection, context)

    def one(entry: Copy) -> tuple[Copied, Expunged]:
        box, store = work.living(entry.mailbox)
        target = work.named(store, entry.destination)
        kept = _there(work, box, entry)
        if not kept:
            nothing = Copied(target.uid_validity, (), target.modseq)
            return nothing, Expunged(UIDSet(), box.modseq)
        if target is not box:
            target.quota.check(sum(m.size for m in kept), len(kept))
        modseq = store.step()
        pairs = _move(work, box, target, kept=kept, modseq=modseq)
        gone = Expunged(uids_of([m.uid for m in kept]), modseq)
        return Copied(target.uid_validity, pairs, modseq), gone

    results = each(entries, one)
    work.flush()
    return results


def _there(work: Work, box: Box, entry: Copy) -> list[Kept]:
    kept = found(work, box, entry.uids)
    check_needed(entry.needed, (message.uid for message in kept))
    return kept


def move_all(work: Work, box: Box, target: Box, modseq: ModSeq) -> None:
    """Everything that is in it (:rfc:`3501#section-6.3.5`, INBOX)."""
    kept = found(work, box, None)
    if kept:
        _move(work, box, target, kept=kept, modseq=modseq)


def _move(
    work: Work, box: Box, target: Box, *, kept: Sequence[Kept], modseq: ModSeq
) -> tuple[tuple[UID, UID], ...]:
    assert target.store is not None
    pairs = _put(work, target, kept, modseq)
    work.changed(target, target.store, modseq)
    drop(work, box, kept, modseq)
    return pairs


def _put(
    work: Work, target: Box, kept: Sequence[Kept], modseq: ModSeq
) -> tuple[tuple[UID, UID], ...]:
    assert target.store is not None
    rows, pairs = [], []
    for message in kept:
        flags = flags_of(message.flags, message.keywords)
        if flags.keywords:
            flags = work.flags(target, part(names_of(flags)))
        uid = work.take_uid(target)
        rows.append(
            (
                target.id,
                uid,
                modseq,
                modseq,
                flags.bits,
                keywords_text(flags),
                message.size,
                message.internal_date,
                work.now,
                message.letter,
                message.unended,
            )
        )
        count(target, target.store, flags=flags, size=message.size, by=1)
        pairs.append((message.uid, uid))
    insert_rows(through(work.connection), messages, rows)
    work.refer((message.letter for message in kept), 1)
    return tuple(pairs)
