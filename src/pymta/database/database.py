"""
One database: its writer, its readers, its doorbell and its contents.

A folder with ``pymta.db`` (and SQLite's ``-wal`` and ``-shm`` beside it) and ``content/``; or a
database of PostgreSQL, and a folder with ``content/``.  The constructor opens nothing, since twistd
forks between wiring and running.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.logger import Logger

from pymta.aio import Pool, start
from pymta.database.contents import Contents
from pymta.database.dialect import Dialect, Witness
from pymta.database.doorbell import Doorbell
from pymta.database.duty import Duty
from pymta.database.location import make_folder
from pymta.database.migrate import migrate
from pymta.database.numbers import PLACES, Numbers
from pymta.database.postgres import PostgreSQL
from pymta.database.readers import Readers
from pymta.database.reserve import Reserve
from pymta.database.sqlite import SQLite
from pymta.database.writer import Batch, Writer
from pymta.errors import Mistake, PymtaError

__all__ = ["Database"]

Entry = TypeVar("Entry")
Result = TypeVar("Result")
T = TypeVar("T")

_FILE_THREADS = 4
_FILE_CALLS_WAITING = 4_000

_OPENING = 300.0
"""Seconds that an upgrade of much mail by another process may take."""

_log = Logger(namespace="pymta.database")


def _now() -> int:
    return time.time_ns() // 1000


class Database:
    """
    :param reactor: where results arrive; provides ``IReactorTime`` too.
    :param directory: made if it is not there.  Large content is in files there, whatever the
        database: it belongs to one machine.
    :param file: SQLite's in there, for an application that has tables of its own in it.
    :param url: of a database of PostgreSQL in place of the file: ``postgresql+psycopg://…``.
    :param daemon: a long-lived process: it moves the log into the file, where no other daemon
        does, and sweeps content files.  False for commands and further processes.
    :param now: microseconds since 1970.
    :param readers: threads that read.
    :raises pymta.errors.Mistake: that is no such URL.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        directory: str,
        *,
        file: str = "pymta.db",
        url: str | None = None,
        daemon: bool = True,
        now: Callable[[], int] = _now,
        readers: int = 2,
    ) -> None:
        self.directory = directory
        self._file = file
        self.clock = IReactorTime(reactor)
        self.now = now
        self.numbers = Numbers(now)
        self._daemon = daemon
        self.dialect: Dialect = (
            SQLite(os.path.join(directory, file)) if url is None else PostgreSQL(url)
        )
        self._doorbell = Doorbell(
            self.clock, self._version, self.moment, seconds=self.dialect.poll_seconds
        )
        self._writer = Writer(
            reactor,
            self.dialect,
            connect=self._connect,
            committed=self._doorbell.ring,
            checkpoints=self._duty("checkpoints") if daemon and url is None else None,
            # Of another machine's disk nobody can keep a part.
            reserve=Reserve(os.path.join(directory, "reserve")) if url is None else None,
        )
        self._readers = Readers(reactor, self.dialect.reader, threads=readers)
        self._files = Pool(
            reactor, threads=_FILE_THREADS, limit=_FILE_CALLS_WAITING, name="pymta-files"
        )
        self.contents = Contents(
            os.path.join(directory, "content"),
            readers=self._readers,
            pool=self._files,
            numbers=self.numbers,
        )
        self._open = False
        self._witness: Witness | None = None
        self._sweeping: Deferred[None] | None = None

    async def open(self) -> None:
        """
        Make folder and file if they are not there, and bring the tables to this release.

        :raises pymta.errors.Mistake: a network file system, somebody else's file, a server that
            does not answer, a later release.
        """
        await self._writer.start()
        self._open = True
        self._readers.start()
        self._files.start()
        self._doorbell.open()
        if self._daemon:
            self._sweeping = start(self._sweep())

    async def close(self) -> None:
        """
        Commit what waits; then everything raises :class:`~pymta.errors.StoreClosed`.  Idempotent.
        """
        if not self._open:
            return
        self._open = False
        self._doorbell.close()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        # Before the writer's: whose connection is the last one tidies up.
        witness, self._witness = self._witness, None
        if witness is not None:
            witness.close()
        await self._writer.stop()
        await self._files.stop()
        await self._readers.stop()
        self.numbers.leave()

    def write(
        self, batch: Batch[Entry, Result], entry: Entry, *, size: int = 0
    ) -> Deferred[Result]:
        """
        Hand the entry to ``batch``, with others that wait for the same function, in one commit.

        ``batch`` runs in the writer's thread and gives one result for each entry, in order; an
        exception among them is raised to that entry's waiter alone, and what it raises rolls the
        whole group back, which is then repeated entry by entry.  So it may run twice.  It fires
        when the commit is durable; cancelling it ends the waiting, never the work.

        :param size: octets that the entry will write, if many.
        :raises pymta.errors.SpoolError: no room; nothing was kept.
        :raises pymta.errors.TooManyWaiting: here, or by another process, which has had the
            database for 5 s; nothing was kept.
        :raises pymta.errors.StoreClosed: in doubt, if it comes after the call.
        """
        return self._writer.write(batch, entry, size)

    def essential(self, batch: Batch[Entry, Result]) -> None:
        """
        Declare that what this batch writes must go on when the disk is full: it gives back more
        than it takes.  A little room is kept for it.
        """
        self._writer.essential(batch)

    def read(self, query: Callable[[Connection], T]) -> Deferred[T]:
        """
        Run ``query`` in a thread, in one read transaction that ends with it.

        :raises pymta.errors.TooManyWaiting: :raises pymta.errors.StoreClosed: at once.
        """
        return self._readers.read(query)

    def moment(self) -> object | None:
        """
        Equal to the last one as long as nobody has committed anything, here or in another process;
        None where nobody can say, as with PostgreSQL.

        Asked and answered at once: what was read after one moment and before an equal one is what
        is there (:class:`~pymta.database.memory.Memory`).
        """
        return None if self._witness is None else self._witness.moment()

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        """
        Call ``ring`` on the reactor's thread after each commit of this process, and within 50 ms
        (PostgreSQL: half a second) after one of another's.  :returns: takes it down; idempotent.
        """
        return self._doorbell.watch(ring)

    def watch_others(self, ring: Callable[[], None]) -> Callable[[], None]:
        """
        The same without the commits made through this object: for those who know of their own
        and would wake themselves.  PostgreSQL cannot tell them apart, and rings for them too.
        """
        return self._doorbell.watch_others(ring)

    async def _sweep(self) -> None:
        try:
            await self.contents.sweep()
        except CancelledError:
            pass  # closed meanwhile
        except (PymtaError, OSError, SQLAlchemyError) as error:
            _log.warn("content files were not swept: {error}", error=str(error))

    def _duty(self, what: str) -> Duty:
        return Duty(os.path.join(self.directory, f"{self._file}-{what}.lock"))

    def _version(self) -> Deferred[object]:
        return self._writer.look()

    def _connect(self) -> Connection:  # in the writer's thread
        make_folder(self.directory)
        duty = self._duty("opening")
        if not duty.wait(_OPENING):
            raise Mistake(f"{self.directory}: another process has been opening it for minutes")
        try:
            return self._connect_alone()
        finally:
            duty.leave()

    def _connect_alone(self) -> Connection:
        self.dialect.create()
        make_folder(self.contents.folder)
        connection = self.dialect.writer()
        try:
            # Under the writer's lock, even if there is nothing to do: a server that still commits
            # for a process that has died is waited for, before the sweep asks what is named.
            migrate(connection)
            if not self.dialect.shared:  # another machine's places nobody knows
                self.numbers.settle(self._duty(f"numbers-{n:02}") for n in range(PLACES))
            self._witness = self.dialect.witness()
        except BaseException:
            connection.close()
            raise
        return connection
