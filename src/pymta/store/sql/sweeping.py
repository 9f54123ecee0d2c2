"""
What is done later: octets of expunged messages after an hour, deleted mailboxes, old delivery ids.

Every call is one short transaction; the store repeats it until there is nothing left.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, select, tuple_, update

from pymta.database.rows import among, keys
from pymta.store.sql.tables import (
    deliveries,
    keywords,
    letters,
    mailboxes,
    messages,
    tombstones,
    uid_maps,
)
from pymta.store.sql.work import Context, Work

__all__ = ["DELIVERIES", "RETENTION", "sweep"]

RETENTION = 3600 * 1_000_000
"""Octets of an expunged message are kept this long, in microseconds, and until the next sweep."""

DELIVERIES = 31 * 86400 * 1_000_000
"""So long a delivery id is remembered: longer than anything waits in a queue."""

CHUNK = 500
"""Rows of one transaction: some 20 ms of the writer."""

_OLD = (
    select(tombstones.c.mailbox, tombstones.c.uid, tombstones.c.letter)
    .where(tombstones.c.since < bindparam("before"), tombstones.c.letter.is_not(None))
    .order_by(tombstones.c.since)
    .limit(CHUNK)
)
_EMPTY = (
    update(tombstones)
    .where(tombstones.c.mailbox == bindparam("box"), among(tombstones.c.uid, "uids"))
    .values(letter=None)
)
_FORGOTTEN = delete(tombstones).where(
    tombstones.c.mailbox == bindparam("box"),
    tombstones.c.letter.is_(None),
    tombstones.c.modseq
    <= select(mailboxes.c.forgotten).where(mailboxes.c.id == bindparam("box")).scalar_subquery(),
)
_UNUSED = (
    delete(letters)
    .where(among(letters.c.id, "ids"), letters.c.refs <= 0)
    .returning(letters.c.content)
)
_DELETED = select(mailboxes.c.id).where(mailboxes.c.store.is_(None)).limit(1)
_EXPIRED = delete(deliveries).where(
    tuple_(deliveries.c.delivery, deliveries.c.mailbox).in_(
        select(deliveries.c.delivery, deliveries.c.mailbox)
        .where(deliveries.c.since < bindparam("before"))
        .limit(CHUNK)
    )
)


def sweep(
    connection: Connection, entries: Sequence[None], context: Context
) -> list[bool | Exception]:
    """One chunk of each kind.  :returns: whether there may be more."""
    work = Work(connection, context)
    more = _retire(work)
    more |= _purge(work)
    expired = connection.execute(_EXPIRED, {"before": work.now - DELIVERIES})
    more |= expired.rowcount >= CHUNK
    return [more for _ in entries]


def _retire(work: Work) -> bool:
    """Let go of letters whose hour is over."""
    rows = work.connection.execute(_OLD, {"before": work.now - RETENTION}).all()
    by_box: dict[int, list[int]] = {}
    for row in rows:
        by_box.setdefault(row.mailbox, []).append(row.uid)
    for box, uids in by_box.items():
        work.connection.execute(_EMPTY, {"box": box, "uids": keys(uids)})
        work.connection.execute(_FORGOTTEN, {"box": box})
    _let_go(work, [row.letter for row in rows])
    return len(rows) == CHUNK


def _let_go(work: Work, numbers: Sequence[int]) -> None:
    """References to letters end; those without any go, and their contents lose one."""
    if not numbers:
        return
    work.refer(numbers, -1)
    contents = work.connection.execute(_UNUSED, {"ids": keys(set(numbers))}).scalars().all()
    work.context.contents.unlink(work.connection, contents)


def _purge(work: Work) -> bool:
    """Some messages of a deleted mailbox, or at last what else there is of it."""
    execute = work.connection.execute
    number = execute(_DELETED).scalar()
    if number is None:
        return False
    for table in (messages, tombstones):
        rows = execute(
            select(table.c.uid, table.c.letter).where(table.c.mailbox == number).limit(CHUNK)
        ).all()
        if rows:
            uids = keys(row.uid for row in rows)
            execute(
                delete(table).where(table.c.mailbox == number, among(table.c.uid, "uids")),
                {"uids": uids},
            )
            _let_go(work, [row.letter for row in rows if row.letter is not None])
            return True
    execute(delete(keywords).where(keywords.c.mailbox == number))
    execute(delete(uid_maps).where(uid_maps.c.mailbox == number))
    execute(delete(mailboxes).where(mailboxes.c.id == number))
    return True
