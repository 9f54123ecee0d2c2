"""
What is done later: octets of expunged messages after an hour, deleted mailboxes, old delivery ids.

Every call is one short transaction; the store repeats it until there is nothing left.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    null,
    select,
    tuple_,
    update,
)

from pymta.database.rows import among, keys
from pymta.store.sql.tables import (
    deliveries,
    keywords,
    letters,
    mailboxes,
    messages,
    stores,
    tombstones,
    uid_maps,
)
from pymta.store.sql.work import Context, Work

__all__ = ["CHUNK", "DELIVERIES", "RETENTION", "Overdue", "overdue", "sweep", "sweep_taken"]

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
    _empty(work, rows)
    return len(rows) == CHUNK


def _empty(work: Work, rows: Sequence[Any]) -> None:
    """Tombstones let go of their letters."""
    by_box: dict[int, list[int]] = {}
    for row in rows:
        by_box.setdefault(row.mailbox, []).append(row.uid)
    for box, uids in by_box.items():
        work.connection.execute(_EMPTY, {"box": box, "uids": keys(uids)})
        work.connection.execute(_FORGOTTEN, {"box": box})
    _let_go(work, [row.letter for row in rows])


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


# -- into a vault --------------------------------------------------------------


class Overdue(NamedTuple):
    """
    A letter that may go, of a tombstone or of a message in a deleted mailbox.

    :param since: microseconds; None is a message; :param account: None once it is removed, or the
        mailbox was deleted; :param refs: who holds the letter, this one among them.
    """

    mailbox: int
    uid: int
    letter: int
    since: int | None
    internal_date: int | None
    name: str
    account: str | None
    content: int
    size: int
    prefix: bytes
    refs: int


def _overdue(table: Table, since: ColumnElement[Any], date: ColumnElement[Any]) -> Select[Any]:
    columns = (letters.c.content, letters.c.size, letters.c.prefix, letters.c.refs)
    return (
        select(
            table.c.mailbox,
            table.c.uid,
            table.c.letter,
            since,
            date,
            mailboxes.c.name,
            stores.c.account,
            *columns,
        )
        .join(mailboxes, mailboxes.c.id == table.c.mailbox)
        .join(letters, letters.c.id == table.c.letter)
        .outerjoin(stores, stores.c.id == mailboxes.c.store)
        .limit(CHUNK)
    )


_BURIED = _overdue(tombstones, tombstones.c.since, null())
_OVERDUE = _BURIED.where(tombstones.c.since < bindparam("before")).order_by(tombstones.c.since)
_DELETED_WITH_IT = (
    _overdue(messages, null(), messages.c.internal_date).where(
        messages.c.mailbox == bindparam("number")
    ),
    _BURIED.where(tombstones.c.mailbox == bindparam("number")),
)


def overdue(connection: Connection, before: int) -> list[Overdue]:
    """Some of what :func:`sweep` would let go: nothing else goes by :func:`sweep_taken`."""
    rows = connection.execute(_OVERDUE, {"before": before}).all()
    number = connection.execute(_DELETED).scalar()
    for statement in _DELETED_WITH_IT if number is not None else ():
        rows = rows or connection.execute(statement, {"number": number}).all()
    return [Overdue(*row) for row in rows]


def sweep_taken(
    connection: Connection, entries: Sequence[Sequence[Overdue]], context: Context
) -> list[bool | Exception]:
    """
    As :func:`sweep`, of what somebody has taken; and what holds no octets.

    What another process has swept meanwhile holds nothing any more, and is left out.

    :returns: whether there may be more.
    """
    work = Work(connection, context)
    taken = {(each.mailbox, each.uid): each for entry in entries for each in entry}.values()
    _empty(work, _holding(connection, [each for each in taken if each.since is not None]))
    gone: list[int] = []
    for each in taken:
        if each.since is None:
            which = {"number": each.mailbox, "gone": each.uid}
            gone += connection.execute(_GONE, which).scalars().all()
    _let_go(work, gone)
    more = bool(taken)
    if not overdue(connection, 0):
        more |= _purge(work)
    expired = connection.execute(_EXPIRED, {"before": work.now - DELIVERIES})
    more |= expired.rowcount >= CHUNK
    return [more for _ in entries]


def _holding(connection: Connection, taken: Sequence[Overdue]) -> list[Overdue]:
    """Those whose tombstones hold a letter still."""
    by_box: dict[int, list[Overdue]] = {}
    for each in taken:
        by_box.setdefault(each.mailbox, []).append(each)
    held: list[Overdue] = []
    for box, mine in by_box.items():
        which = {"box": box, "uids": keys(each.uid for each in mine)}
        uids = set(connection.execute(_HOLDING, which).scalars())
        held += [each for each in mine if each.uid in uids]
    return held


_HOLDING = select(tombstones.c.uid).where(
    tombstones.c.mailbox == bindparam("box"),
    among(tombstones.c.uid, "uids"),
    tombstones.c.letter.is_not(None),
)
_GONE = (
    delete(messages)
    .where(messages.c.mailbox == bindparam("number"), messages.c.uid == bindparam("gone"))
    .returning(messages.c.letter)
)
