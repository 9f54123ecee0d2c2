"""
Many rows in few statements.

Each statement that the writer runs lets go of the interpreter lock, and gets it back up to 5 ms
later when the reactor is busy: ``executemany`` does so once a *row*, and so does reading what was
found.  So rows go in by VALUES lists, sets of keys are one parameter, and rows come out as one
value.  The texts are few, so that both caches of compiled statements hit.
"""

from __future__ import annotations

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Select, Table, delete, func, select

from pymta.database.dialect import Execute, Forms, among, pairs, through

__all__ = [
    "Execute",
    "Packed",
    "Removal",
    "among",
    "insert_rows",
    "keys",
    "pairs",
    "row_of",
    "through",
]

# A power of two: a batch of n rows is at most log2(n) different texts.  SQLite takes 32,766
# parameters a statement, PostgreSQL 65,535.
_MOST_ROWS = 128


def insert_rows(
    execute: Execute, table: Table, rows: Sequence[tuple[Any, ...]], *, conflict: str = ""
) -> None:
    """
    Insert rows, whose values are in the order of the table's columns.

    :param conflict: an ``ON CONFLICT`` clause.
    """
    start = 0
    while start < len(rows):
        count = min(_MOST_ROWS, 1 << (len(rows) - start).bit_length() - 1)
        chunk = rows[start : start + count]
        text = _insert(table, count, conflict, execute.mark)
        execute.run(text, tuple(chain.from_iterable(chunk)))
        start += count


@lru_cache(maxsize=512)
def _insert(table: Table, count: int, conflict: str, mark: str) -> str:
    names = ", ".join(c.name for c in table.columns)
    row = "(" + ", ".join(mark for _ in table.columns) + ")"
    values = ", ".join([row] * count)
    # Names of our own tables and columns, never a value.
    return f"INSERT INTO {table.name} ({names}) VALUES {values} {conflict}"  # noqa: S608


def keys(values: Iterable[int | str | tuple[str, int]]) -> str:
    """A set of keys as one parameter."""
    return json.dumps(list(values), ensure_ascii=False)


def row_of(names: Sequence[str]) -> Callable[[Iterable[Any]], Any]:
    """Makes rows, whose values have the names of a query's columns."""
    row = namedtuple("Row", names)  # type: ignore[misc]  # its names are a query's
    return row._make


class Packed:
    """
    A query whose rows come out in one step: numbers, texts and NULL, no octets.

    :param query: its columns have different names, which are those of the rows' attributes.
    """

    def __init__(self, query: Select[Any] | Forms[Select[Any]]) -> None:
        forms = query if isinstance(query, Forms) else Forms(query, query)
        rows = forms.sqlite.subquery()
        self.sqlite = select(func.json_group_array(func.json_array(*rows.c)))
        self.postgresql = forms.postgresql
        self._make = row_of(rows.c.keys())
        self._way = Forms(self._unpacked, self._plain)

    def all(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """The rows."""
        return self._way.of(connection)(connection, values)

    def _plain(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        # The driver has all of them at once.
        return connection.execute(self.postgresql, values).all()

    def _unpacked(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        packed: str = connection.scalars(self.sqlite, values).one()
        return list(map(self._make, json.loads(packed)))


class Removal:
    """
    Removes rows, and tells what was in them.

    :param where: which rows; nothing that depends on whether others of them are still there.
    :param told: columns, as :class:`Packed` has them.
    """

    def __init__(
        self, table: Table, *where: ColumnElement[bool], told: Sequence[Column[Any]]
    ) -> None:
        self.sqlite = delete(table).where(*where)
        self.postgresql = self.sqlite.returning(*told)
        self.found = Packed(select(*told).where(*where))
        self._way = Forms(self._looked, self._told)

    def run(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        """:returns: a row for each that was removed."""
        return self._way.of(connection)(connection, values)

    def _told(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        return connection.execute(self.postgresql, values).all()

    def _looked(self, connection: Connection, values: Mapping[str, Any]) -> Sequence[Any]:
        # Nobody else writes in between.
        found = self.found.all(connection, values)
        if found:
            connection.execute(self.sqlite, values)
        return found
