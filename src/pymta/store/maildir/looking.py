"""
Looking at what is in the index: each function is one moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pymta.errors import NoSuchMailbox
from pymta.mailbox import (
    UID,
    Changes,
    MailboxInfo,
    MailboxName,
    ModSeq,
    Opened,
    Snapshot,
    StoreChanges,
    UIDSet,
    UIDValidity,
    Wanted,
)
from pymta.store._flags import BIT_SEEN, FIRST_UNSEEN, Flags, names_of
from pymta.store._names import nobody, sort_key
from pymta.store.maildir.boxes import Box, info_of, info_of_one
from pymta.store.maildir.filenames import base_of
from pymta.store.maildir.limits import with_limits
from pymta.store.maildir.notes import annotated
from pymta.store.maildir.work import Work

__all__ = [
    "changes",
    "date_of",
    "email_id",
    "info",
    "keywords",
    "mailboxes",
    "records",
    "sizes",
    "snapshot",
    "store_changes",
    "structure_of",
    "unended",
    "unread",
]

_START = datetime(1970, 1, 1, tzinfo=UTC)


def mailboxes(work: Work) -> Sequence[MailboxInfo]:
    """All of them, and subscribed names without one."""
    infos = with_limits(work, info_of(work.connection))
    names = {info.name for info in infos}
    rows = work.connection.execute("SELECT name FROM subscriptions").fetchall()
    infos += [nobody(MailboxName(name)) for (name,) in rows if name not in names]
    return sorted(infos, key=lambda info: sort_key(info.name))


def store_changes(work: Work, since: ModSeq) -> StoreChanges:
    """What moved."""
    rows = work.connection.execute("SELECT name FROM gone WHERE modseq > ?", (since,)).fetchall()
    infos = with_limits(work, info_of(work.connection, since))
    return StoreChanges(
        changed=tuple(sorted(infos, key=lambda info: sort_key(info.name))),
        gone=tuple(sorted((MailboxName(name) for (name,) in rows), key=sort_key)),
        until=ModSeq(work.modseq),
        annotated=annotated(work, since),
    )


def info(work: Work, guid: str) -> MailboxInfo:
    """One row."""
    found = info_of_one(work.connection, guid)
    if found is None:
        raise NoSuchMailbox("the mailbox was deleted")
    return with_limits(work, [found])[0]


def keywords(work: Work, guid: str) -> frozenset[str]:
    """All that were ever seen there."""
    return frozenset(work.spelling(work.box(guid)).known.values())


def snapshot(work: Work, guid: str) -> Snapshot:
    """One moment."""
    box = work.box(guid)
    return Snapshot(
        uids=_uids(work, box),
        uid_validity=UIDValidity(box.validity),
        uid_next=UID(box.uid_next),
        modseq=ModSeq(box.modseq),
        recent=UID(box.recent or box.uid_next),
    )


def opened(work: Work, guid: str) -> Opened:
    """All of these."""
    counted = info(work, guid)
    return Opened(
        info=counted,
        keywords=keywords(work, guid),
        snapshot=snapshot(work, guid),
        first_unseen=_first_unseen(work, work.box(guid)) if counted.unseen else None,
    )


_FIRST = (
    "SELECT min(uid) FROM (SELECT uid, flags FROM messages WHERE box = ? ORDER BY uid LIMIT ?)"
    " WHERE flags & ? = 0"
)


def _first_unseen(work: Work, box: Box) -> UID | None:
    [(uid,)] = work.connection.execute(_FIRST, (box.id, FIRST_UNSEEN, BIT_SEEN)).fetchall()
    return None if uid is None else UID(uid)


# Neighbours have the same distance to their rank: ranges are made where the rows are.
_RANGES = (
    "SELECT min(uid), max(uid) FROM (SELECT uid, uid - row_number() OVER (ORDER BY uid) AS island"
    " FROM messages WHERE box = ?) GROUP BY island"
)


def _uids(work: Work, box: Box) -> UIDSet:
    modseq, uid_next, uids = work.ranges.get(box.guid, (0, 0, UIDSet()))
    if (modseq, uid_next) != (box.modseq, box.uid_next):
        uids = UIDSet.of_ranges(work.connection.execute(_RANGES, (box.id,)))
        work.ranges[box.guid] = box.modseq, box.uid_next, uids
    return uids


# -- changes -------------------------------------------------------------------


def changes(work: Work, guid: str, since: ModSeq, known: UIDSet | None) -> Changes:
    """What happened after ``since``."""
    box = work.box(guid)
    rows = work.connection.execute(
        "SELECT uid, modseq, arrived FROM messages WHERE box = ? AND modseq > ? ORDER BY uid",
        (box.id, since),
    ).fetchall()
    return Changes(
        arrived=UIDSet(uid for uid, _, arrived in rows if arrived > since),
        changed=tuple((UID(uid), ModSeq(at)) for uid, at, arrived in rows if arrived <= since),
        vanished=_vanished(work, box, since, known),
        until=ModSeq(box.modseq),
    )


def _vanished(work: Work, box: Box, since: ModSeq, known: UIDSet | None) -> UIDSet:
    if since >= box.forgotten:
        rows = work.connection.execute(
            "SELECT uid FROM tombstones WHERE box = ? AND modseq > ?", (box.id, since)
        )
        gone = UIDSet(uid for (uid,) in rows)
        return gone if known is None else gone & known
    # RFC 7162 section 3.2.6: whatever of the known ones is not there.
    if known is None:
        known = UIDSet.of_ranges([(1, box.uid_next - 1)] if box.uid_next > 1 else [])
    return known - _uids(work, box)


# -- messages ------------------------------------------------------------------


def sizes(work: Work, guid: str) -> Sequence[tuple[UID, int]]:
    """UID and size of every message."""
    box = work.box(guid)
    return work.connection.execute(
        "SELECT uid, size FROM messages WHERE box = ? ORDER BY uid", (box.id,)
    ).fetchall()


def unended(work: Work, guid: str) -> UIDSet:
    """Messages whose last line lacks its end."""
    box = work.box(guid)
    rows = work.connection.execute(
        "SELECT uid FROM digests WHERE box = ? AND unended", (box.id,)
    ).fetchall()
    return UIDSet(uid for (uid,) in rows)


def structure_of(work: Work, guid: str, uid: UID) -> bytes | None:
    """None if nobody computed it yet."""
    row = work.connection.execute(
        "SELECT coalesce(structure, envelope) FROM digests WHERE box = ? AND uid = ?",
        (work.box(guid).id, uid),
    ).fetchone()
    return None if row is None else row[0]


def unread(work: Work, guid: str, uids: UIDSet | None, most: int) -> list[UID]:
    """Messages that other programs brought, and of which nobody computed anything yet."""
    box = work.box(guid)
    ranges = ((1, 2**32 - 1),) if uids is None else uids.ranges
    found: list[UID] = []
    if not ranges:
        return found
    for (uid,) in work.connection.execute(_UNREAD, (box.id, ranges[0][0], ranges[-1][1])):
        if uids is None or uid in uids:
            found.append(UID(uid))
            if len(found) == most:
                break
    return found


_UNREAD = (
    "SELECT uid FROM messages m WHERE box = ? AND uid BETWEEN ? AND ? AND NOT EXISTS"
    " (SELECT 1 FROM digests d WHERE d.box = m.box AND d.uid = m.uid) ORDER BY uid"
)

_COLUMNS: dict[Wanted, tuple[str, ...]] = {
    Wanted.FLAGS: ("m.flags", "m.keywords"),
    Wanted.MODSEQ: ("m.modseq",),
    Wanted.SIZE: ("m.size",),
    Wanted.INTERNAL_DATE: ("m.internal",),
    Wanted.SAVE_DATE: ("m.saved",),
    Wanted.ENVELOPE: ("d.envelope",),
    Wanted.STRUCTURE: ("coalesce(d.structure, d.envelope)",),
    Wanted.IMAP_ENVELOPE: ("d.imap_envelope",),
    Wanted.IMAP_STRUCTURE: ("d.imap_structure",),
    Wanted.PREVIEW: ("d.preview",),
    Wanted.EMAIL_ID: ("coalesce(m.guid, m.file)",),
}


def records(
    work: Work, guid: str, uids: UIDSet, *, wanted: Sequence[Wanted], since: int
) -> list[tuple[Any, ...]]:
    """Rows.  Content is none of theirs: it is in files."""
    box = work.box(guid)
    columns = [column for each in wanted for column in _COLUMNS.get(each, ("NULL",))]
    joined = any(column.find("d.") >= 0 for column in columns)
    digests = "JOIN digests d ON d.box = m.box AND d.uid = m.uid" if joined else ""
    sql = (
        f"SELECT {', '.join(['m.uid', *columns])} FROM messages m {digests}"  # noqa: S608  ours
        " WHERE m.box = ? AND m.modseq > ? AND m.uid IN (SELECT value FROM json_each(?))"
        " ORDER BY m.uid"
    )
    rows = work.connection.execute(sql, (box.id, since, json.dumps([*uids])))
    if len(columns) == len(wanted) and not _READ.keys() & {*wanted}:
        return rows.fetchall()
    return _read_rows(rows, wanted)


def _read_rows(rows: Iterable[tuple[Any, ...]], wanted: Sequence[Wanted]) -> list[tuple[Any, ...]]:
    readers = [_READ.get(each) for each in wanted]
    widths = [len(_COLUMNS.get(each, ("",))) for each in wanted]
    flags: dict[tuple[int, str], frozenset[str]] = {}
    made = []
    for row in rows:
        values: list[Any] = [row[0]]
        at = 1
        for reader, width in zip(readers, widths, strict=True):
            if width == 2:
                key = row[at], row[at + 1]
                if key not in flags:
                    flags[key] = names_of(Flags(key[0], tuple(key[1].split())))
                values.append(flags[key])
            else:
                values.append(row[at] if reader is None else reader(row[at]))
            at += width
        made.append(tuple(values))
    return made


def date_of(microseconds: int) -> datetime:
    """Aware."""
    return _START + timedelta(microseconds=microseconds)


def email_id(name: str) -> str:
    """Dovecot's id of a message, the name of its first file, in letters that IMAP takes."""
    return f"E{hashlib.sha256(base_of(name).encode()).hexdigest()[:32]}"


_READ: dict[Wanted, Callable[[Any], Any]] = {
    Wanted.FLAGS: lambda flags: flags,
    Wanted.INTERNAL_DATE: date_of,
    Wanted.SAVE_DATE: date_of,
    Wanted.EMAIL_ID: email_id,
}
