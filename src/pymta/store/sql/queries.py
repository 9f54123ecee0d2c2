"""
Statements that several modules use, and sets of UIDs as one parameter.
"""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import Column, Connection, TextualSelect, bindparam, func, select, text

from pymta.database import direct
from pymta.database.rows import among
from pymta.mailbox import UIDSet
from pymta.store.sql.rows import uids_of
from pymta.store.sql.tables import mailboxes, messages, stores

__all__ = [
    "BOXES",
    "BOX_NAMED",
    "LIVING",
    "STORES",
    "in_ranges",
    "ranges_text",
    "read_uids",
    "uid_limit",
]

LIVING = select(mailboxes).where(
    mailboxes.c.id == bindparam("mailbox"), mailboxes.c.store.is_not(None)
)
BOXES = select(mailboxes).where(among(mailboxes.c.id, "ids"), mailboxes.c.store.is_not(None))
BOX_NAMED = select(mailboxes).where(
    mailboxes.c.store == bindparam("store"), mailboxes.c.name == bindparam("name")
)
STORES = select(stores).where(among(stores.c.id, "ids"), stores.c.account.is_not(None))


_UIDS = select(func.json_group_array(messages.c.uid)).where(
    messages.c.mailbox == bindparam("mailbox"), messages.c.uid >= bindparam("first")
)


def read_uids(connection: Connection, mailbox: int, first: int = 1) -> UIDSet:
    """
    The UIDs that are there, from one on.

    As one value: the driver takes the interpreter lock once a row, which is 40 ms for 100,000.
    """
    [(found,)] = direct.tuples(connection, _UIDS, {"mailbox": mailbox, "first": first})
    return uids_of(sorted(json.loads(found or "[]")))


def ranges_text(uids: UIDSet) -> str:
    """For :func:`in_ranges`."""
    return json.dumps(uids.ranges, separators=(",", ":"))


def uid_limit(uids: UIDSet, uid_next: int) -> UIDSet:
    """Without what was never given: ``1:*`` is a few ranges, and so is what comes of it."""
    if uid_next <= 1:
        return UIDSet()
    return uids & UIDSet.of_ranges([(1, uid_next - 1)])


def in_ranges(*columns: Column[Any]) -> TextualSelect:
    """
    Select columns of ``messages`` of one mailbox and a set of UIDs, ascending.

    Bind ``mailbox``, and ``ranges`` to what :func:`ranges_text` makes.  CROSS JOIN is SQLite's word
    for "in this order": each range is one walk along the primary key, where its planner would
    ask each message for its range (10,000 messages and 5,000 ranges: 25 s).
    """
    names = ", ".join(f"m.{column.name}" for column in columns)
    return text(
        f"SELECT {names} FROM json_each(:ranges) AS r CROSS JOIN {messages.name} AS m "  # noqa: S608  our own names
        "WHERE m.mailbox = :mailbox AND m.uid BETWEEN json_extract(r.value, '$[0]') "
        "AND json_extract(r.value, '$[1]') ORDER BY m.uid"
    ).columns(*columns)
