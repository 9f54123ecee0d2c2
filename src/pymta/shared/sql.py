"""
Shared state in the database: for several processes, and across restarts.

Everything that waits for the writer together is one batch: one SELECT of the keys that it names,
the operations in order in memory, one DELETE and one INSERT of what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    Table,
    Text,
    delete,
    func,
    select,
)
from zope.interface import implementer

from pymta.database import Database
from pymta.database.rows import among, insert_rows, keys, through
from pymta.database.tables import METADATA
from pymta.interfaces.shared import ISharedState
from pymta.shared._checks import check_key, check_step, check_ttl, check_value, counted

__all__ = ["SQLSharedState"]

_SECOND = 1_000_000
# Between two sweeps: what is expired stays for so many writes more, and the table may be larger
# than its limit by so many rows.
_SWEEP_EVERY = 1_000

shared = Table(
    "pymta_shared",
    METADATA,
    # Ascends in the order of writing: the smallest is the oldest.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False, unique=True),
    Column("value", LargeBinary, nullable=False),
    Column("expires", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class _Add:
    key: str
    value: bytes
    ttl: float


@dataclass(frozen=True, slots=True)
class _Count:
    key: str
    ttl: float
    by: int


@dataclass(frozen=True, slots=True)
class _Remove:
    key: str


_Change: TypeAlias = _Add | _Count | _Remove
_Result: TypeAlias = bytes | int | None


@dataclass(slots=True)
class _Rows:
    """The rows of one batch, while it is worked out; an expired one is none."""

    now: int
    there: dict[str, tuple[bytes, int]]
    touched: set[str] = field(default_factory=set)

    def apply(self, change: _Change) -> _Result:
        """Do it, and give its result."""
        there = self.there.get(change.key)
        match change:
            case _Add(key, value, ttl):
                if there is not None:
                    return there[0]
                self._put(key, value, self._end(ttl))
                return None
            case _Count(key, ttl, by):
                value, expires = there or (b"0", self._end(ttl))
                value = counted(value, by)
                self._put(key, value, expires)
                return int(value)
            case _Remove(key):
                self.there.pop(key, None)
                self.touched.add(key)
                return None

    def _put(self, key: str, value: bytes, expires: int) -> None:
        self.there[key] = (value, expires)
        self.touched.add(key)

    def _end(self, ttl: float) -> int:
        return self.now + int(ttl * _SECOND)


@implementer(ISharedState)
class SQLSharedState:
    """
    :param database: opened and closed by whoever made it.
    :param limit: rows kept, and up to 1,000 more between two sweeps.
    """

    def __init__(self, database: Database, *, limit: int = 1_000_000) -> None:
        self._database = database
        self._limit = limit
        self._unswept = _SWEEP_EVERY  # the writer's thread's own; the first write sweeps

    async def add(self, key: str, value: bytes, ttl: float) -> bytes | None:
        """See :class:`~pymta.interfaces.shared.ISharedState`; durable when it fires."""
        check_key(key)
        check_value(value)
        check_ttl(ttl)
        there = await self._database.write(self._batch, _Add(key, value, ttl))
        assert there is None or isinstance(there, bytes)
        return there

    async def get(self, key: str) -> bytes | None:
        """See :class:`~pymta.interfaces.shared.ISharedState`."""
        check_key(key)
        now = self._database.now()

        def find(connection: Connection) -> bytes | None:
            found = _find(connection, [key], now)
            return found[key][0] if key in found else None

        return await self._database.read(find)

    async def count(self, key: str, ttl: float, by: int = 1) -> int:
        """See :class:`~pymta.interfaces.shared.ISharedState`; durable when it fires."""
        check_key(key)
        check_ttl(ttl)
        check_step(by)
        total = await self._database.write(self._batch, _Count(key, ttl, by))
        assert isinstance(total, int)
        return total

    async def remove(self, key: str) -> None:
        """See :class:`~pymta.interfaces.shared.ISharedState`; durable when it fires."""
        check_key(key)
        await self._database.write(self._batch, _Remove(key))

    def _batch(
        self, connection: Connection, changes: Sequence[_Change]
    ) -> Sequence[_Result | Exception]:  # in the writer's thread
        now = self._database.now()
        rows = _Rows(now, _find(connection, {change.key for change in changes}, now))
        results = list(_applied(rows, changes))
        if rows.touched:
            connection.execute(_DELETE, {"names": keys(sorted(rows.touched))})
            kept = [key for key in sorted(rows.touched) if key in rows.there]
            first = self._database.numbers.take(len(kept))
            new = [(number, key, *rows.there[key]) for number, key in enumerate(kept, first)]
            insert_rows(through(connection), shared, new)
        self._unswept += len(rows.touched)
        if self._unswept >= _SWEEP_EVERY:
            self._unswept = 0
            _sweep(connection, now, self._limit)
        return results


_SELECT = select(shared.c.key, shared.c.value, shared.c.expires).where(among(shared.c.key, "names"))
_DELETE = delete(shared).where(among(shared.c.key, "names"))


def _find(connection: Connection, names: Iterable[str], now: int) -> dict[str, tuple[bytes, int]]:
    rows = connection.execute(_SELECT, {"names": keys(sorted(names))})
    return {key: (value, expires) for key, value, expires in rows if expires > now}


def _applied(rows: _Rows, changes: Sequence[_Change]) -> Iterator[_Result | Exception]:
    for change in changes:
        try:
            yield rows.apply(change)
        except ValueError as error:
            yield error


def _sweep(connection: Connection, now: int, limit: int) -> None:
    connection.execute(delete(shared).where(shared.c.expires <= now))
    count: int = connection.execute(select(func.count()).select_from(shared)).scalar_one()
    if count > limit:
        oldest = select(shared.c.number).order_by(shared.c.number).limit(count - limit)
        connection.execute(delete(shared).where(shared.c.number.in_(oldest)))
