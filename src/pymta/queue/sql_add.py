"""
Adding mails: what the writer's thread does, one statement a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from pymta.database.contents import Contents
from pymta.database.rows import Execute, among, insert_rows, keys, through
from pymta.errors import QueueError
from pymta.queue.sql_rows import Head, Lease, MailRows, unclaimed
from pymta.queue.sql_tables import heads, mails, recipients, settled, suspended

__all__ = ["Added", "Adding", "insert_mails", "known_ids", "lower_heads", "suspended_among"]

_KNOWN = (
    select(mails.c.id)
    .where(among(mails.c.id, "ids"))
    .union_all(select(settled.c.id).where(among(settled.c.id, "ids")))
)
_SUSPENDED = select(suspended.c.lane).where(
    among(suspended.c.lane, "lanes"), suspended.c.until > bindparam("now")
)
_EARLIER = (
    "ON CONFLICT (lane, rank) DO UPDATE SET due = CASE "
    f"WHEN excluded.due < {heads.name}.due THEN excluded.due ELSE {heads.name}.due END"
)


@dataclass(frozen=True, slots=True)
class Adding:
    """What one ``add`` brings."""

    mails: Sequence[MailRows]
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """Which ids were new, and the lanes that are suspended: nothing of them was claimed."""

    ids: frozenset[str]
    suspended: frozenset[str] = frozenset()


def add(contents: Contents, connection: Connection, entries: Sequence[Adding]) -> list[Added]:
    """
    The batch of ``add``.

    :raises QueueError: a content has gone meanwhile.
    """
    known = known_ids(connection, (mail.id for entry in entries for mail in entry.mails))
    barred = _barred(connection, entries)
    new: list[MailRows] = []
    added = []
    for entry in entries:
        mine = []
        for mail in entry.mails:
            if mail.id not in known:
                known.add(mail.id)
                mine.append(mail)
        new += mine
        added.append(Added(frozenset(mail.id for mail in mine), barred))
    insert_mails(contents, connection, new, barred=barred)
    return added


def known_ids(connection: Connection, ids: Iterable[str]) -> set[str]:
    """Those that are in the queue, or were settled within the hour."""
    return set(connection.scalars(_KNOWN, {"ids": keys(ids)}).all())


def _barred(connection: Connection, entries: Sequence[Adding]) -> frozenset[str]:
    lanes: set[str] = set()
    now = 0
    for entry in entries:
        if entry.lease is not None:
            now = max(now, entry.lease.now)
            lanes.update(*(mail.claimed for mail in entry.mails))
    return suspended_among(connection, lanes, now) if lanes else frozenset()


def suspended_among(connection: Connection, lanes: Iterable[str], now: int) -> frozenset[str]:
    """Those of the lanes that are suspended."""
    found = connection.scalars(_SUSPENDED, {"lanes": keys(lanes), "now": now})
    return frozenset(found.all())


def insert_mails(
    contents: Contents,
    connection: Connection,
    new: Sequence[MailRows],
    *,
    barred: frozenset[str] = frozenset(),
) -> None:
    """
    Insert mails that are not there.

    :param barred: lanes of which nothing is claimed.
    :raises QueueError: a content has gone.
    """
    if not new:
        return
    wrong = [each for each in contents.link(connection, [mail.placed for mail in new]) if each]
    if wrong:
        raise QueueError(str(wrong[0]))
    execute = through(connection)
    lower_heads(execute, insert_queue_rows(execute, new, barred))


def insert_queue_rows(
    execute: Execute, new: Sequence[MailRows], barred: frozenset[str] = frozenset()
) -> dict[Head, int]:
    """All rows but those of contents and heads.  :returns: what the heads must say."""
    rows = [row for mail in new for row in mail.recipients]
    lowest: dict[Head, int] = {}
    for mail in new:
        for head, due in mail.heads.items():
            lowest[head] = min(due, lowest.get(head, due))
    if barred:
        rows = unclaimed(rows, barred)
        for row in rows:
            head = (row[5], row[6])
            if row[5] in barred and row[9] is not None:
                lowest[head] = min(row[9], lowest.get(head, row[9]))
    insert_rows(execute, mails, [mail.mail for mail in new])
    insert_rows(execute, recipients, rows)
    return lowest


def lower_heads(execute: Execute, lowest: Mapping[Head, int]) -> None:
    """Somebody waits in these lanes from these times on, if not earlier."""
    rows = [(lane, rank, due) for (lane, rank), due in lowest.items()]
    insert_rows(execute, heads, rows, conflict=_EARLIER)
