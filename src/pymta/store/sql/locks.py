"""
The lock of POP3 against POP3: a lease in a row, renewed by a timer.

A process that dies renews nothing, and its lease ends :data:`LEASE` seconds later at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, select, update

from pymta.database.rows import insert_rows, through
from pymta.errors import MailboxInUse
from pymta.store.sql.tables import locks
from pymta.store.sql.work import Context, Work, each

__all__ = ["LEASE", "RENEWAL", "Lease", "give_back", "renew", "take"]

LEASE = 45.0
RENEWAL = 15.0
"""Seconds: two renewals may fail before the lease ends, and it ends within a minute."""


@dataclass(frozen=True, slots=True)
class Lease:
    """An entry.  :param owner: random, one for each lock that is taken."""

    mailbox: int
    owner: str


# A lease longer than any was taken before the clock went back: its owner would have renewed it.
_HELD = select(locks.c.owner).where(
    locks.c.mailbox == bindparam("box"),
    locks.c.until > bindparam("now"),
    locks.c.until <= bindparam("latest"),
)
_MINE = (locks.c.mailbox == bindparam("box")) & (locks.c.owner == bindparam("who"))
_TAKE = "ON CONFLICT (mailbox) DO UPDATE SET owner = excluded.owner, until = excluded.until"
_RENEW = update(locks).where(_MINE).values(until=bindparam("new"))


def take(
    connection: Connection, entries: Sequence[Lease], context: Context
) -> list[Exception | None]:
    """Take locks.  Of an entry: MailboxInUse, NoSuchMailbox."""
    work = Work(connection, context)

    def one(entry: Lease) -> None:
        box = work.box(entry.mailbox)
        held = connection.scalar(
            _HELD, {"box": box.id, "now": work.now, "latest": _until(work.now)}
        )
        if held is not None:
            raise MailboxInUse(f"{box.name} is locked by another session")
        row = (box.id, entry.owner, _until(work.now))
        insert_rows(through(connection), locks, [row], conflict=_TAKE)

    return each(entries, one)


def renew(
    connection: Connection, entries: Sequence[Lease], context: Context
) -> list[Exception | None]:
    """Make leases longer.  One that ended and went to somebody else stays theirs."""
    until = _until(context.now())

    def one(entry: Lease) -> None:
        connection.execute(_RENEW, {"box": entry.mailbox, "who": entry.owner, "new": until})

    return each(entries, one)


def give_back(
    connection: Connection, entries: Sequence[Lease], context: Context
) -> list[Exception | None]:
    """Let go of locks; of one that is somebody else's by now, nothing."""

    def one(entry: Lease) -> None:
        connection.execute(delete(locks).where(_MINE), {"box": entry.mailbox, "who": entry.owner})

    return each(entries, one)


def _until(now: int) -> int:
    return now + int(LEASE * 1_000_000)
