"""
Many rows in few statements.

Each statement that the writer runs lets go of the interpreter lock, and gets it back up to 5 ms
later when the reactor is busy: ``executemany`` does so once a *row*.  So rows go in by VALUES
lists, and sets of keys are one parameter.  The texts are few, so that both caches of compiled
statements hit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, Table, bindparam, column, func, select

__all__ = ["Execute", "among", "insert_rows", "keys", "pairs", "through"]

Execute = Callable[[str, tuple[Any, ...]], Any]
"""Runs one statement in the driver's own words: through SQLAlchemy or any DB-API connection."""

# A power of two: a batch of n rows is at most log2(n) different texts.  SQLite takes 32,766
# parameters a statement.
_MOST_ROWS = 128


def through(connection: Connection) -> Execute:
    """SQLAlchemy's connection as an :data:`Execute`."""
    return connection.exec_driver_sql


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
        execute(_insert(table, count, conflict), tuple(v for row in chunk for v in row))
        start += count


@lru_cache(maxsize=512)
def _insert(table: Table, count: int, conflict: str) -> str:
    names = ", ".join(c.name for c in table.columns)
    row = "(" + ", ".join("?" for _ in table.columns) + ")"
    values = ", ".join([row] * count)
    # Names of our own tables and columns, never a value.
    return f"INSERT INTO {table.name} ({names}) VALUES {values} {conflict}"  # noqa: S608


def among(what: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """``what`` is one of a set; bind ``name`` to what :func:`keys` makes of it."""
    each = func.json_each(bindparam(name)).table_valued(column("value"))
    return what.in_(select(each.c.value))


def pairs(name: str) -> Subquery:
    """A set of pairs as a table of ``first`` and ``second``; bind ``name`` as :func:`keys` says."""
    each = func.json_each(bindparam(name)).table_valued(column("value"))
    return select(
        func.json_extract(each.c.value, "$[0]").label("first"),
        func.json_extract(each.c.value, "$[1]").label("second"),
    ).subquery()


def keys(values: Iterable[int | str | tuple[str, int]]) -> str:
    """A set of keys as one parameter."""
    return json.dumps(list(values), ensure_ascii=False)
