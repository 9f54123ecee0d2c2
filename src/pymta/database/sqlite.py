"""
What SQLite does its own way: how a connection is made, and what its errors mean.

A database is born with its page size, ``auto_vacuum`` and ``application_id``; WAL is a property of
the file, ``synchronous`` one of each connection.  One process checkpoints: before SQLite 3.51.3 a
WAL database can be damaged when two connections do so at one time.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from pymta.database.dialect import Fault
from pymta.database.location import make_private_file, refuse_network
from pymta.errors import Mistake

__all__ = ["APPLICATION_ID", "SQLite"]

APPLICATION_ID = 0x70796D74
"""``pymt``: what ``file`` and SQLite's own tools know such a database by."""

_AT_BIRTH = (
    "PRAGMA page_size = 4096",
    "PRAGMA auto_vacuum = INCREMENTAL",
    f"PRAGMA application_id = {APPLICATION_ID}",
)
_EACH_CONNECTION = (
    "PRAGMA synchronous = FULL",
    "PRAGMA fullfsync = ON",  # macOS: fsync alone does not reach the disk there
    "PRAGMA checkpoint_fullfsync = ON",
    # References are counted by the code that takes and drops them: a check per row would cost a
    # look-up in the parent for every recipient.
    "PRAGMA foreign_keys = OFF",
    "PRAGMA wal_autocheckpoint = 0",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA temp_store = MEMORY",  # no mail in temporary files
    "PRAGMA trusted_schema = OFF",
    "PRAGMA busy_timeout = 5000",
)


_PATIENCE = 5.0
"""Seconds that a transaction waits for those of other processes."""

# From one look at the writers' lock to the next.  SQLite's own waits grow from 1 to 100 ms, and so
# miss the gaps of a tenth of a millisecond between the groups of a process that is busy: two that
# wrote without pause had 52,000 entries in 4 s together and waited up to 0.6 s, and so 115,000 and
# 0.15 s.
_LOOKS = (0.000_2, 0.002)

_LONG = 4_000
"""Pages of the log, from which on others are kept waiting until it can begin again."""

_LONG_WAIT = 100
"""Milliseconds that we wait for them, and they then for somebody who reads."""

_FAULTS = {
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_BUSY: Fault.BUSY,
    sqlite3.SQLITE_LOCKED: Fault.BUSY,
    sqlite3.SQLITE_PROTOCOL: Fault.BUSY,  # locks that changed hands under it, time and again
    sqlite3.SQLITE_IOERR: Fault.BROKEN,
    sqlite3.SQLITE_CORRUPT: Fault.BROKEN,
    sqlite3.SQLITE_NOTADB: Fault.BROKEN,
}


class SQLite:
    """Connections to one file.  :param path: in a folder that is there."""

    __slots__ = ("_is_long", "path")

    poll_seconds = 0.05
    mark = "?"
    shared = False  # one transaction writes at a time

    def __init__(self, path: str) -> None:
        self.path = path
        self._is_long = False

    def create(self) -> None:
        """
        Give birth to the file, if it is not there.  One process at a time: of two that change
        ``journal_mode`` one may be told that it is locked, without having waited.

        :raises Mistake: if it is there and somebody else's, on a network file system, or this
            SQLite is too old.
        """
        refuse_network(os.path.dirname(self.path))
        if sqlite3.sqlite_version_info < (3, 35):
            raise Mistake(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 is needed")
        make_private_file(self.path)
        try:
            connection = self._connect()
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_NOTADB:
                raise
            raise Mistake(f"{self.path} is no SQLite database") from None
        try:
            [known] = connection.execute("PRAGMA application_id").fetchone()
            [pages] = connection.execute("PRAGMA page_count").fetchone()
            if known not in (0, APPLICATION_ID):
                raise Mistake(f"{self.path} is the database of another application")
            # Those are commits, which would have to wait for somebody who writes.
            for statement in () if pages else _AT_BIRTH:
                connection.execute(statement)
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()

    def writer(self) -> Connection:
        """A connection each of whose transactions is ``BEGIN IMMEDIATE``."""
        connection = self._engine(_begin_writing).connect()
        _driver(connection).execute("PRAGMA busy_timeout = 0")  # see _LOOKS
        return connection

    def reader(self) -> Connection:
        """A connection that cannot write."""
        connection = self._engine(_begin_reading).connect()
        connection.exec_driver_sql("PRAGMA query_only = ON")
        connection.commit()
        return connection

    def witness(self) -> SQLiteWitness:
        """A connection that only looks at the version of what was committed."""
        connection = self._connect()
        # Whoever finds a lock knows nothing, and does not wait on the reactor's thread.
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA query_only = ON")
        return SQLiteWitness(connection)

    def fault(self, error: Exception) -> Fault:
        """What it means."""
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", None)
        return Fault.OTHER if code is None else _FAULTS.get(code & 0xFF, Fault.OTHER)

    def version(self, connection: Connection) -> int:
        """A number that moves when *another* connection has committed."""
        return _pragma(connection, "PRAGMA data_version")[0]

    def changes(self, connection: Connection) -> int:
        """A number that moves with every row that this connection changes."""
        changes: int = _driver(connection).total_changes
        return changes

    def checkpoint(self, connection: Connection) -> None:
        """
        Move what was committed from the log to the file, as far as readers let us.

        The log begins again when all of it was moved and nobody reads it, which others who write
        and read all the time prevent: when it has become long, they wait for us.
        """
        driver = _driver(connection)
        mode = "RESTART" if self._is_long else "PASSIVE"
        driver.execute(f"PRAGMA busy_timeout = {_LONG_WAIT}")
        try:
            busy, length, _ = _pragma(connection, f"PRAGMA wal_checkpoint({mode})")
        finally:
            driver.execute("PRAGMA busy_timeout = 0")
        self._is_long = length > _LONG and (mode == "PASSIVE" or bool(busy))

    def abandon(self, connection: Connection) -> None:
        """Leave it open: closing would check-point what may not be on the disk."""

    def in_transaction(self, driver: Any) -> bool:
        """Whether what is done next waits for a commit; True where nobody can tell."""
        if not isinstance(driver, sqlite3.Connection) or driver.in_transaction:
            return True
        # From Python 3.12 on, autocommit True makes nothing of the isolation level.
        return driver.isolation_level is not None and getattr(driver, "autocommit", -1) is not True

    def _engine(self, begin: Callable[[Connection], None]) -> Engine:
        engine = create_engine(
            "sqlite+pysqlite://",
            creator=self._connect,
            poolclass=NullPool,
            hide_parameters=True,  # they hold addresses, which errors would carry into logs
        )

        event.listen(engine, "begin", begin)
        return engine

    def _connect(self) -> sqlite3.Connection:
        # isolation_level None: the module begins nothing by itself.
        connection = sqlite3.connect(
            self.path, timeout=5, isolation_level=None, check_same_thread=False
        )
        try:
            for statement in _EACH_CONNECTION:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _begin_writing(connection: Connection) -> None:
    driver = _driver(connection)
    until = time.monotonic() + _PATIENCE
    pause, longest = _LOOKS
    while time.monotonic() < until:
        try:
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if _FAULTS.get(error.sqlite_errorcode & 0xFF) is not Fault.BUSY:
                break
        else:
            return
        time.sleep(pause)
        pause = min(pause * 1.2, longest)
    # Once more, for an error in SQLAlchemy's words.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


class SQLiteWitness:
    """
    A :class:`~pymta.database.dialect.Witness`.

    It reads the head of the log's index, which is in shared memory, and the first page when that
    has moved: 4 us, and beside a process that commits without a pause 20, at worst 0.5 ms.
    """

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def moment(self) -> object | None:
        """See there."""
        try:
            # To its end: a statement that is not leaves its transaction open.
            [(version,)] = self._connection.execute("PRAGMA data_version").fetchall()
        except sqlite3.Error:
            return None
        return self, version

    def close(self) -> None:
        """See there."""
        self._connection.close()


def _pragma(connection: Connection, statement: str) -> tuple[int, ...]:
    # On the driver's own connection: SQLAlchemy would begin a transaction first.
    row: tuple[int, ...] = _driver(connection).execute(statement).fetchone()
    return row


def _driver(connection: Connection) -> sqlite3.Connection:
    driver: sqlite3.Connection | None = connection.connection.driver_connection
    assert driver is not None
    return driver
