"""
Statements that run hundreds of times a second: compiled once, and given to the driver.

SQLAlchemy takes 60 us for each execution of a statement that it has compiled before, most of them
for objects round a row or two; the driver takes 10.  They run in the transaction that SQLAlchemy
has begun on the connection.  Values go in and come out as the driver has them, which for numbers,
texts and octets is what SQLAlchemy would give; errors are the driver's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Dialect
from sqlalchemy.sql import ClauseElement

from pymta.database import dialect
from pymta.database.dialect import Execute
from pymta.database.rows import row_of

__all__ = ["first", "rows", "through", "tuples"]

_Values = Mapping[str, object]


class _Words(NamedTuple):
    """
    :ivar names: of the values, in their order; None where the driver takes them by name.
    :ivar fixed: values that the statement brings.
    """

    text: str
    names: Sequence[str] | None
    fixed: _Values


def tuples(connection: Connection, statement: ClauseElement, values: _Values) -> list[Any]:
    """
    All rows, as the driver gives them.

    :param statement: one that is made once: what was compiled is remembered by it.
    """
    words = _words(statement, connection.dialect)
    given: Any = {**words.fixed, **values} if words.fixed else values
    if words.names is not None:
        given = [given[name] for name in words.names]
    found: list[Any] = _driver(connection).execute(words.text, given).fetchall()
    return found


def rows(connection: Connection, statement: ClauseElement, values: _Values) -> list[Any]:
    """The same, where columns have names."""
    make = _named(statement)
    return [make(row) for row in tuples(connection, statement, values)]


def first(connection: Connection, statement: ClauseElement, values: _Values) -> Any:
    """The first row, with names; None if there is none."""
    found = tuples(connection, statement, values)
    return _named(statement)(found[0]) if found else None


def through(connection: Connection) -> Execute:
    """As :func:`pymta.database.dialect.through`: for rows that are written by the hundred."""
    return dialect.through(connection)._replace(run=_driver(connection).execute)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


@lru_cache(maxsize=256)
def _words(statement: ClauseElement, kind: Dialect) -> _Words:
    compiled: Any = statement.compile(dialect=kind)
    fixed = {name: value for name, value in compiled.params.items() if value is not None}
    return _Words(str(compiled), compiled.positiontup, fixed)


@lru_cache(maxsize=256)
def _named(statement: Any) -> Callable[[Iterable[Any]], Any]:
    return row_of(statement.selected_columns.keys())
