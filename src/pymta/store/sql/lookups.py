"""
The index of headers: a row a letter with what SORT, THREAD and SEARCH compare.

It is written by the append.  A letter that an earlier release appended has none until somebody
sorts its mailbox; then it is read, once.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    LargeBinary,
    Table,
    TextClause,
    text,
)

from pymta.database.rows import insert_rows, through
from pymta.database.tables import METADATA
from pymta.mailbox import UID, UIDSet
from pymta.message.index import ID_OCTETS, IndexEntry
from pymta.message.sorting import Sortable
from pymta.message.threading import Threadable
from pymta.search import SortBy, SortKey
from pymta.store.sql.queries import ranges_text
from pymta.store.sql.reading import Letter, living
from pymta.store.sql.tables import letters, messages
from pymta.store.sql.work import Context

__all__ = [
    "Unindexed",
    "add",
    "fill",
    "index_row",
    "letter_index",
    "order",
    "read_sortables",
    "read_threadables",
    "sortables",
    "threadables",
    "unindexed",
]

letter_index = Table(
    "pymta_letter_index",
    METADATA,
    Column("letter", BigInteger, primary_key=True, autoincrement=False),
    Column("sent", BigInteger),
    Column("sent_day", Integer),
    Column("mailbox_from", LargeBinary, nullable=False),
    Column("mailbox_to", LargeBinary, nullable=False),
    Column("mailbox_cc", LargeBinary, nullable=False),
    Column("display_from", LargeBinary, nullable=False),
    Column("display_to", LargeBinary, nullable=False),
    Column("subject", LargeBinary, nullable=False),
    Column("is_reply", Integer, nullable=False),
    Column("message_id", LargeBinary, nullable=False),
    Column("ancestors", LargeBinary, nullable=False),
    Column("subject_text", LargeBinary),
    Column("from_text", LargeBinary),
    Column("to_text", LargeBinary),
    Column("cc_text", LargeBinary),
    Column("bcc_text", LargeBinary),
)
"""An :class:`~pymta.message.index.IndexEntry` of each letter; ``sent`` in seconds."""


class Unindexed(Exception):
    """Some messages of the mailbox are not in the index."""


def index_row(letter: int, entry: IndexEntry) -> tuple[Any, ...]:
    """As it is written."""
    return (
        letter,
        entry.sent,
        entry.sent_day,
        entry.from_,
        entry.to,
        entry.cc,
        entry.display_from,
        entry.display_to,
        entry.subject,
        int(entry.is_reply),
        entry.message_id,
        entry.references,
        *entry.texts,
    )


def add(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Write rows of :func:`index_row`; what is there already stays."""
    insert_rows(through(connection), letter_index, rows, conflict="ON CONFLICT DO NOTHING")


# -- letters of earlier releases -------------------------------------------------

_UNINDEXED = text(
    "SELECT l.id, l.content, l.prefix, l.size, l.structure "  # noqa: S608  our own names
    f"FROM {messages.name} AS m JOIN {letters.name} AS l ON l.id = m.letter "
    f"LEFT JOIN {letter_index.name} AS i ON i.letter = m.letter "
    "WHERE m.mailbox = :mailbox AND i.letter IS NULL LIMIT :limit"
)


def unindexed(connection: Connection, mailbox: int, limit: int) -> list[tuple[int, Letter]]:
    """Some letters of a mailbox that are to be indexed."""
    return [
        (
            row.id,
            Letter(content=row.content, prefix=row.prefix, size=row.size, structure=row.structure),
        )
        for row in connection.execute(_UNINDEXED, {"mailbox": mailbox, "limit": limit})
    ]


_STILL_THERE = text(
    f"SELECT id FROM {letters.name} WHERE id IN (SELECT value FROM json_each(:ids))"  # noqa: S608  our own names
)


def fill(
    connection: Connection, entries: Sequence[Sequence[tuple[Any, ...]]], context: Context
) -> list[None]:
    """Write rows of letters that are still there."""
    del context
    rows = [row for entry in entries for row in entry]
    ids = json.dumps([row[0] for row in rows])
    there = set(connection.execute(_STILL_THERE, {"ids": ids}).scalars())
    add(connection, list({row[0]: row for row in rows if row[0] in there}.values()))
    return [None for _ in entries]


# -- sorting ---------------------------------------------------------------------

_SENT = "COALESCE(i.sent * 1000000, m.internal_date)"
_COLUMNS = {
    SortBy.ARRIVAL: "m.internal_date",
    SortBy.CC: "i.mailbox_cc",
    SortBy.DATE: _SENT,
    SortBy.DISPLAYFROM: "i.display_from",
    SortBy.DISPLAYTO: "i.display_to",
    SortBy.FROM: "i.mailbox_from",
    SortBy.SIZE: "m.size",
    SortBy.SUBJECT: "i.subject",
    SortBy.TO: "i.mailbox_to",
}

# CROSS JOIN is SQLite's word for "in this order", see pymta.store.sql.queries.in_ranges.
_FROM = (
    f"FROM json_each(:ranges) AS r CROSS JOIN {messages.name} AS m "
    f"LEFT JOIN {letter_index.name} AS i ON i.letter = m.letter "
    "WHERE m.mailbox = :mailbox AND m.uid BETWEEN json_extract(r.value, '$[0]') "
    "AND json_extract(r.value, '$[1]')"
)


def order(connection: Connection, mailbox: int, uids: UIDSet, keys: Sequence[SortKey]) -> list[UID]:
    """
    Those of ``uids`` that are there, sorted; by anything but a score.

    :raises Unindexed: fill the index first.
    """
    living(connection, mailbox)
    terms = [_COLUMNS[key.by] + (" DESC" if key.descending else "") for key in keys]
    # As one value: the driver takes the interpreter lock once a row.
    statement = text(
        "SELECT json_group_array(uid), COALESCE(SUM(lacks), 0) FROM ("  # noqa: S608  our own names
        f"SELECT m.uid AS uid, i.letter IS NULL AS lacks {_FROM} "
        f"ORDER BY {', '.join(terms)}, m.uid)"
    )
    which = {"mailbox": mailbox, "ranges": ranges_text(uids)}
    sorted_uids, lacking = connection.execute(statement, which).one()
    if lacking:
        raise Unindexed
    found: list[UID] = json.loads(sorted_uids)
    return found


# As one value of a row, read apart by whoever asked: the driver takes the interpreter lock once a
# row, and Python that runs in a thread keeps the reactor waiting.
def _together(*columns: str) -> TextClause:
    listed = ", ".join(("m.uid", *columns))
    return text(
        f"SELECT json_group_array(json_array({listed})), COALESCE(SUM(i.letter IS NULL), 0) {_FROM}"
    )


_SORTABLES = _together(
    "m.internal_date",
    "m.size",
    "i.sent",
    *(f"hex(i.{name})" for name in ("mailbox_from", "mailbox_to", "mailbox_cc")),
    *(f"hex(i.{name})" for name in ("display_from", "display_to", "subject")),
)
_THREADABLES = _together(
    _SENT, "hex(i.subject)", "i.is_reply", "hex(i.message_id)", "hex(i.ancestors)"
)


def sortables(connection: Connection, mailbox: int, uids: UIDSet) -> str:
    """For :func:`read_sortables`.  :raises Unindexed: as :func:`order`."""
    return _read(connection, _SORTABLES, mailbox, uids)


def threadables(connection: Connection, mailbox: int, uids: UIDSet) -> str:
    """For :func:`read_threadables`.  :raises Unindexed: as :func:`order`."""
    return _read(connection, _THREADABLES, mailbox, uids)


def _read(connection: Connection, statement: TextClause, mailbox: int, uids: UIDSet) -> str:
    living(connection, mailbox)
    which = {"mailbox": mailbox, "ranges": ranges_text(uids)}
    rows, lacking = connection.execute(statement, which).one()
    if lacking:
        raise Unindexed
    found: str = rows
    return found


def read_sortables(rows: str) -> list[Sortable]:
    """All keys, for those who sort by more than the database can; ascending by UID."""
    return [_sortable(*row) for row in sorted(json.loads(rows))]


def _sortable(uid: UID, arrived: int, size: int, sent: int | None, *keys: str) -> Sortable:
    from_, to, cc, display_from, display_to, subject = map(bytes.fromhex, keys)
    entry = IndexEntry(
        sent=sent,
        sent_day=None,
        from_=from_,
        to=to,
        cc=cc,
        display_from=display_from,
        display_to=display_to,
        subject=subject,
        is_reply=False,
        message_id=b"",
        references=b"",
        texts=(),
    )
    return Sortable(uid, arrived, size, entry)


def read_threadables(rows: str) -> list[Threadable]:
    """What threads are made of, ascending by UID."""
    return [_threadable(*row) for row in sorted(json.loads(rows))]


def _threadable(
    uid: UID, sent: int, subject: str, is_reply: int, message_id: str, ancestors: str
) -> Threadable:
    joined = bytes.fromhex(ancestors)
    return Threadable(
        uid,
        sent,
        bytes.fromhex(subject),
        bool(is_reply),
        bytes.fromhex(message_id),
        [joined[at : at + ID_OCTETS] for at in range(0, len(joined), ID_OCTETS)],
    )
