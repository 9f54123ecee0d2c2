"""
Rows of a FETCH: one indexed query, decoded column by column.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, bindparam, case, func, select

from pymta.database import direct
from pymta.database.rows import among, keys
from pymta.database.tables import contents
from pymta.database.times import from_microseconds
from pymta.interfaces.content import SLICE
from pymta.mailbox import ModSeq, UIDSet, Wanted
from pymta.store._digest import imap_envelope, imap_structure
from pymta.store._flags import names_of
from pymta.store.sql.reading import living
from pymta.store.sql.rows import flags_of
from pymta.store.sql.tables import letters, messages

__all__ = ["MAX_RECORDS", "records", "write_all"]

MAX_RECORDS = 2000

MAX_CONTENT = SLICE
"""Octets of a content that comes in a row; larger ones are in files."""

_SMALL_OCTETS = case((contents.c.size <= MAX_CONTENT, contents.c.octets))

# Of records that an earlier release wrote; each takes some 80 us.
_A_TURN = 30

Columns = Sequence[Sequence[Any]]
"""Values of the columns that one :class:`Wanted` needs, each for all rows."""


def _flags(columns: Columns) -> Iterable[Any]:
    # Most messages of a mailbox have one of a few sets of flags.
    known: dict[tuple[int, str], frozenset[str]] = {}
    for pair in zip(*columns, strict=True):
        names = known.get(pair)
        if names is None:
            names = known[pair] = names_of(flags_of(*pair))
        yield names


def _same(columns: Columns) -> Iterable[Any]:
    return columns[0]


def _dates(columns: Columns) -> Iterable[Any]:
    return map(from_microseconds, columns[0])


@dataclass(frozen=True, slots=True)
class Unwritten:
    """
    What IMAP would write of an earlier release's record: ``write(octets)``, for the reactor's
    thread to do.
    """

    octets: bytes
    write: Callable[[bytes], bytes]


def _written(write: Callable[[bytes], bytes]) -> Callable[[Columns], Iterable[Any]]:
    def decode(columns: Columns) -> Iterable[Any]:
        return [
            Unwritten(older, write) if octets is None else octets
            for octets, older in zip(*columns, strict=True)
        ]

    return decode


def _email_ids(columns: Columns) -> Iterable[Any]:
    return [f"E{number:x}" for number in columns[0]]


def _contents(columns: Columns) -> Iterable[Any]:
    return [
        None if octets is None else prefix + octets for prefix, octets in zip(*columns, strict=True)
    ]


_WANTED: dict[Wanted, tuple[tuple[ColumnElement[Any], ...], Callable[[Columns], Iterable[Any]]]] = {
    Wanted.FLAGS: ((messages.c.flags, messages.c.keywords), _flags),
    Wanted.MODSEQ: ((messages.c.modseq,), _same),
    Wanted.SIZE: ((messages.c.size,), _same),
    Wanted.INTERNAL_DATE: ((messages.c.internal_date,), _dates),
    Wanted.SAVE_DATE: ((messages.c.save_date,), _dates),
    Wanted.ENVELOPE: ((letters.c.envelope,), _same),
    Wanted.STRUCTURE: ((letters.c.structure,), _same),
    Wanted.IMAP_ENVELOPE: (
        (letters.c.imap_envelope, case((letters.c.imap_envelope.is_(None), letters.c.envelope))),
        _written(imap_envelope),
    ),
    Wanted.IMAP_STRUCTURE: (
        (letters.c.imap_structure, case((letters.c.imap_structure.is_(None), letters.c.structure))),
        _written(imap_structure),
    ),
    Wanted.PREVIEW: ((letters.c.preview,), _same),
    Wanted.EMAIL_ID: ((messages.c.letter,), _email_ids),
    Wanted.CONTENT: ((letters.c.prefix, _SMALL_OCTETS), _contents),
}

_WRITTEN = frozenset({Wanted.IMAP_ENVELOPE, Wanted.IMAP_STRUCTURE})
_OF_LETTERS = _WRITTEN | {Wanted.ENVELOPE, Wanted.STRUCTURE, Wanted.PREVIEW, Wanted.CONTENT}


# Each row that is read lets go of the interpreter lock, and gets it back when a busy reactor lets
# go of it; columns as arrays are one row.
_SHORT = frozenset(
    {
        Wanted.FLAGS,
        Wanted.MODSEQ,
        Wanted.SIZE,
        Wanted.INTERNAL_DATE,
        Wanted.SAVE_DATE,
        Wanted.EMAIL_ID,
    }
)


def records(
    connection: Connection,
    number: int,
    uids: UIDSet,
    *,
    wanted: tuple[Wanted, ...],
    since: ModSeq,
) -> list[tuple[Any, ...]]:
    """Rows of ``(uid, *wanted)``, ascending; of messages with a modseq above ``since``."""
    living(connection, number)
    if not uids:
        return []
    which: dict[str, object] = {"mailbox": number, "since": since}
    if len(uids.ranges) == 1:
        which["first"], which["last"] = uids.ranges[0]
    else:
        which["uids"] = keys(uids)
    one_range = len(uids.ranges) == 1
    if _SHORT.issuperset(wanted):
        [found] = direct.tuples(connection, _arrays(wanted, one_range=one_range), which)
        return _decoded([json.loads(column) for column in found], wanted)
    rows = direct.tuples(connection, _statement(wanted, one_range=one_range), which)
    return _decoded(list(zip(*rows, strict=True)), wanted)


async def write_all(
    rows: list[tuple[Any, ...]],
    wanted: tuple[Wanted, ...],
    breathe: Callable[[], Awaitable[None]],
) -> list[tuple[Any, ...]]:
    """The rows, with nothing :class:`Unwritten` in them.  ``breathe`` lets others have a turn."""
    if _WRITTEN.isdisjoint(wanted):
        return rows
    for n, row in enumerate(rows):
        if any(type(value) is Unwritten for value in row):
            rows[n] = tuple(v.write(v.octets) if type(v) is Unwritten else v for v in row)
            if n % _A_TURN == 0:
                await breathe()
    return rows


@lru_cache(maxsize=256)
def _statement(wanted: tuple[Wanted, ...], *, one_range: bool) -> Select[Any]:
    columns = [column for each in wanted for column in _WANTED[each][0]]
    # Labelled, since one column may be wanted twice.
    labelled = [column.label(f"c{n}") for n, column in enumerate(columns)]
    statement = select(messages.c.uid, *labelled)
    if not _OF_LETTERS.isdisjoint(wanted):
        statement = statement.join(letters, letters.c.id == messages.c.letter)
    if Wanted.CONTENT in wanted:
        statement = statement.join(contents, contents.c.id == letters.c.content)
    uid = messages.c.uid
    return statement.where(
        messages.c.mailbox == bindparam("mailbox"),
        messages.c.modseq > bindparam("since"),
        uid.between(bindparam("first"), bindparam("last")) if one_range else among(uid, "uids"),
    ).order_by(uid)


@lru_cache(maxsize=256)
def _arrays(wanted: tuple[Wanted, ...], *, one_range: bool) -> Select[Any]:
    # SQLite keeps the order of a subquery for aggregates in which it matters.
    rows = _statement(wanted, one_range=one_range).subquery()
    return select(*(func.json_group_array(column) for column in rows.columns))


def _decoded(columns: Sequence[Any], wanted: tuple[Wanted, ...]) -> list[tuple[Any, ...]]:
    if not columns or not columns[0]:
        return []
    decoded: list[Iterable[Any]] = [columns[0]]
    at = 1
    for each in wanted:
        needed, decode = _WANTED[each]
        decoded.append(decode(columns[at : at + len(needed)]))
        at += len(needed)
    return list(zip(*decoded, strict=True))
