"""
A few connections that read, each call in a thread and in one read transaction of its own.

No transaction outlives its call: an open reader keeps the log from being check-pointed, which
was measured as a log thirty times its size and half the speed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from pymta.aio import Pool
from pymta.errors import StoreClosed

__all__ = ["Readers"]

T = TypeVar("T")

MOST_WAITING = 2_000


class Readers:
    """:param connect: makes a connection, in a thread; as many as there are threads."""

    def __init__(
        self, reactor: IReactorFromThreads, connect: Callable[[], Connection], *, threads: int
    ) -> None:
        self._pool = Pool(reactor, threads=threads, limit=MOST_WAITING, name="pymta-readers")
        self._connect = connect
        self._idle: list[Connection] = []
        self._closed = True

    def start(self) -> None:
        """Let calls in."""
        self._closed = False
        self._pool.start()

    def read(self, query: Callable[[Connection], T]) -> Deferred[T]:
        """
        What the query gives; it sees everything that was committed before.

        :raises pymta.errors.TooManyWaiting: :raises pymta.errors.StoreClosed: at once.
        """
        if self._closed:
            raise StoreClosed("the database is closed")
        return self._pool.run(self._read, query)

    async def stop(self) -> None:
        """Wait for the calls under way, and close."""
        if self._closed:
            return
        self._closed = True
        await self._pool.stop()
        while self._idle:
            self._idle.pop().close()

    def _read(self, query: Callable[[Connection], T]) -> T:
        connection = self._take()
        try:
            with connection.begin():
                result = query(connection)
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        return result

    def _take(self) -> Connection:
        try:
            return self._idle.pop()
        except IndexError:
            return self._connect()

    def read_here(self, query: Callable[[Connection], T]) -> T:
        """The same, for a caller that is in a thread already."""
        return self._read(query)
