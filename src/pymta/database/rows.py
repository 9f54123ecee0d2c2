"""
Many rows in few statements.

Each statement that the writer runs lets go of the interpreter lock, and gets it back up to 5 ms
later when the reactor is busy: ``executemany`` does so once a *row*.  So rows go in by VALUES
lists, and sets of keys are one parameter.  The texts are few, so that both caches of compiled
statements hit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import Table

from pymta.database.dialect import Execute, among, pairs, through

__all__ = ["Execute", "among", "insert_rows", "keys", "pairs", "through"]

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
