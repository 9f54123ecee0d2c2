"""
What SQLite and PostgreSQL say differently, so that nobody else needs to ask which one it is.

Statements are made of the forms here, which each database compiles in its own words; connections,
transactions and the meaning of errors are a :class:`Dialect`, of which
:mod:`pymta.database.sqlite` and :mod:`pymta.database.postgres` are the two.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Subquery,
    TableValuedAlias,
    Text,
    bindparam,
    select,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

__all__ = [
    "Dialect",
    "Execute",
    "Fault",
    "Forms",
    "Witness",
    "among",
    "each",
    "ends_in",
    "later",
    "pairs",
    "through",
]

T = TypeVar("T")


class Fault(Enum):
    """What an error says about the entries of a group, and about the database."""

    FULL = "full"
    """No room: nothing was kept, and the next may fit."""
    BUSY = "busy"
    """Somebody else holds the lock: nothing was kept."""
    BROKEN = "broken"
    """The disk, the file or the connection is not to be trusted: no second commit counts."""
    OTHER = "other"


class Witness(Protocol):
    """Sees that somebody has committed, at once: for the reactor's thread."""

    def moment(self) -> object | None:
        """
        Equal to the last one of this witness, and to no other's, as long as nobody has committed
        anything, in whatever process.

        None: it cannot be said now.  It waits neither for a lock nor for whoever writes, and no
        transaction is left open.
        """

    def close(self) -> None:
        """No more of it."""


class Dialect(Protocol):
    """
    One kind of database.  All methods but the constructor's block; ``writer`` and what is given
    the connection that it made are for the writer's thread.
    """

    @property
    def poll_seconds(self) -> float:
        """From one look at ``version`` to the next, while anybody watches."""

    @property
    def mark(self) -> str:
        """What stands for a value in the driver's own words."""

    @property
    def shared(self) -> bool:
        """Whether transactions of others may run beside the writer's."""

    def create(self) -> None:
        """
        See that the database is there and fit to be used.

        :raises pymta.errors.Mistake: it is not.
        """

    def writer(self) -> Connection:
        """A connection of whose transactions there is one at a time, in all processes."""

    def reader(self) -> Connection:
        """A connection that cannot write, each of whose transactions sees one moment."""

    def witness(self) -> Witness | None:
        """A connection for nothing else; None where it would have to ask a server."""

    def fault(self, error: Exception) -> Fault:
        """What it means."""

    def version(self, connection: Connection) -> object:
        """What differs from the last one if *another* connection has committed since."""

    def changes(self, connection: Connection) -> int:
        """A number that moves with every row that this connection changes."""

    def checkpoint(self, connection: Connection) -> None:
        """Tidy up behind commits."""

    def abandon(self, connection: Connection) -> None:
        """Let go of a connection that is not to be trusted."""

    def in_transaction(self, driver: Any) -> bool:
        """
        Whether what is done next on this connection of the driver's waits for a commit.

        True where nobody can tell.
        """


class Execute(NamedTuple):
    """
    Runs statements in the driver's own words.

    :ivar run: one, through SQLAlchemy or any DB-API connection.
    :ivar mark: what stands for a value there.
    :ivar shared: transactions of others may run beside this one.
    """

    run: Callable[[str, tuple[Any, ...]], Any]
    mark: str
    shared: bool


class Forms(NamedTuple, Generic[T]):
    """
    One thing, where the databases need to be asked in different words, or in another order of them.

    SQLite joins as its ``IN`` and CROSS JOIN say.  PostgreSQL chooses an order by statistics, which
    say of a queue that was empty a moment ago that it is, whatever has come since: only what is
    LATERAL has its place (a claim of 10,000 recipients took 51 s, and so 0.03).
    """

    sqlite: T
    postgresql: T

    def of(self, connection: Connection) -> T:
        """The one for this connection."""
        return self.postgresql if connection.dialect.name == "postgresql" else self.sqlite


_WORDS = Forms(("?", False), ("%s", True))


def through(connection: Connection) -> Execute:
    """SQLAlchemy's connection as an :class:`Execute`."""
    mark, shared = _WORDS.of(connection)
    return Execute(connection.exec_driver_sql, mark, shared)


# -- sets of keys, each of them one parameter: a JSON array ----------------------------------------


def among(what: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """``what`` is one of a set; bind ``name`` to what :func:`pymta.database.rows.keys` makes."""
    return _Among(what, bindparam(name, type_=Text()))


def each(name: str, alias: str) -> TableValuedAlias:
    """A set of texts as a table of one column ``value``; to be bound likewise."""
    return _Each(bindparam(name, type_=Text())).table_valued("value", name=alias)


def pairs(name: str) -> Subquery:
    """A set of pairs as a table of ``first`` and ``second``, a text and a number."""
    every = _Every(bindparam(name, type_=Text())).table_valued("value")
    return select(
        _First(every.c.value).label("first"), _Second(every.c.value).label("second")
    ).subquery()


class _Among(FunctionElement[bool]):
    # Without a type: a Boolean is compared with 1 on SQLite, which then uses no index.
    name = "pymta_among"
    inherit_cache = True


class _Each(FunctionElement[Any]):
    name = "pymta_each"
    inherit_cache = True


class _Every(FunctionElement[Any]):
    name = "pymta_every"
    inherit_cache = True


class _First(FunctionElement[str]):
    name = "pymta_first"
    type = Text()
    inherit_cache = True


class _Second(FunctionElement[int]):
    name = "pymta_second"
    type = BigInteger()
    inherit_cache = True


@compiles(_Among, "sqlite")
def _(element: _Among, compiler: Any, **options: Any) -> str:
    what, values = _parts(element, compiler, options)
    return f"({what} IN (SELECT value FROM json_each({values})))"  # noqa: S608  compiled parts


@compiles(_Among, "postgresql")
def _(element: _Among, compiler: Any, **options: Any) -> str:
    # An array of which each member is looked up in the index; of IN, the planner makes a join
    # of a hundred rows that it has guessed.
    what, values = _parts(element, compiler, options)
    kind = compiler.dialect.type_compiler_instance.process(element.clauses.clauses[0].type)
    of = f"json_array_elements_text(CAST({values} AS JSON))"
    return f"({what} = ANY (ARRAY(SELECT CAST(value AS {kind}) FROM {of})))"  # noqa: S608  the same


@compiles(_Each, "sqlite")
@compiles(_Every, "sqlite")
def _(element: FunctionElement[Any], compiler: Any, **options: Any) -> str:
    [values] = _parts(element, compiler, options)
    return f"json_each({values})"


@compiles(_Each, "postgresql")
def _(element: _Each, compiler: Any, **options: Any) -> str:
    [values] = _parts(element, compiler, options)
    return f"json_array_elements_text(CAST({values} AS JSON))"


@compiles(_Every, "postgresql")
def _(element: _Every, compiler: Any, **options: Any) -> str:
    [values] = _parts(element, compiler, options)
    return f"json_array_elements(CAST({values} AS JSON))"


@compiles(_First, "sqlite")
def _(element: _First, compiler: Any, **options: Any) -> str:
    [value] = _parts(element, compiler, options)
    return f"json_extract({value}, '$[0]')"


@compiles(_First, "postgresql")
def _(element: _First, compiler: Any, **options: Any) -> str:
    [value] = _parts(element, compiler, options)
    return f"({value} ->> 0)"


@compiles(_Second, "sqlite")
def _(element: _Second, compiler: Any, **options: Any) -> str:
    [value] = _parts(element, compiler, options)
    return f"json_extract({value}, '$[1]')"


@compiles(_Second, "postgresql")
def _(element: _Second, compiler: Any, **options: Any) -> str:
    [value] = _parts(element, compiler, options)
    return f"CAST({value} ->> 1 AS BIGINT)"


# -- others ----------------------------------------------------------------------------------------


def later(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    """The greater of two columns, neither of which is null."""
    return _Later(one, other)


def ends_in(what: ColumnElement[str], end: str) -> ColumnElement[bool]:
    """A text ends so, octet for octet: not LIKE, which folds case and has characters of its own."""
    return _End(what, bindparam(None, len(end), type_=BigInteger())) == end


class _Later(FunctionElement[int]):
    name = "pymta_later"
    type = BigInteger()
    inherit_cache = True


class _End(FunctionElement[str]):
    name = "pymta_end"
    type = Text()
    inherit_cache = True


@compiles(_Later, "sqlite")
def _(element: _Later, compiler: Any, **options: Any) -> str:
    one, other = _parts(element, compiler, options)
    return f"max({one}, {other})"


@compiles(_Later, "postgresql")
def _(element: _Later, compiler: Any, **options: Any) -> str:
    one, other = _parts(element, compiler, options)
    return f"greatest({one}, {other})"


@compiles(_End, "sqlite")
def _(element: _End, compiler: Any, **options: Any) -> str:
    what, length = _parts(element, compiler, options)
    return f"substr({what}, -{length})"


@compiles(_End, "postgresql")
def _(element: _End, compiler: Any, **options: Any) -> str:
    what, length = _parts(element, compiler, options)
    return f"right({what}, CAST({length} AS INTEGER))"


def _parts(element: FunctionElement[Any], compiler: Any, options: dict[str, Any]) -> list[str]:
    return [compiler.process(part, **options) for part in element.clauses.clauses]
