"""
What PostgreSQL does its own way, through psycopg 3: how a connection is made, what its errors mean.

The writer's transactions hold an advisory lock from their first word to their commit, so that of
all processes one writes at a time, as in SQLite's file, and READ COMMITTED, so that each statement
sees what applications committed before it.  These enlist mail beside us and take no such lock: they
insert rows, and change none of ours.

A connection that is lost ends the writer, whose last commit is in doubt: the server answers 451
until it is restarted.  Readers connect again by themselves.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import NullPool
from twisted.logger import Logger

from pymta.database.dialect import Fault
from pymta.errors import Mistake

__all__ = ["LOCK", "PostgreSQL"]

LOCK = 0x70796D74
"""``pymt``: the advisory lock of whoever writes."""

_DRIVER = "postgresql+psycopg"

_OLDEST = 13_00_00
"""``pg_current_snapshot``."""

_WRITE = f"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT pg_advisory_xact_lock({LOCK})"
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

_EACH_CONNECTION = (
    "SET lock_timeout = '5s'",
    # A plan that was made while a queue was empty would be kept when it is full.
    "SET plan_cache_mode = force_custom_plan",
    # Else a server would keep our lock for two hours after our machine has gone.
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
    # 250 promises that it is on the disk.  All other values but this one wait for our own.
    """SELECT set_config('synchronous_commit', 'on', false)
       WHERE current_setting('synchronous_commit') = 'off'""",
)
_PARAMETERS = {
    "client_encoding": "UTF8",
    "connect_timeout": "10",
    "fallback_application_name": "pymta",
    # Of a server whose machine has gone nobody hears any more.
    "keepalives_idle": "30",
    "tcp_user_timeout": "30000",
}

_CHANGES = "pymta_changes"

# https://www.postgresql.org/docs/current/errcodes-appendix.html
_FAULTS = {
    "53100": Fault.FULL,  # its disk
    "08": Fault.BROKEN,  # connection
    "25006": Fault.BROKEN,  # read only: it has become a standby
    "57P": Fault.BROKEN,  # it shuts down, or its crash took us along
    "58": Fault.BROKEN,  # an I/O error
    "XX": Fault.BROKEN,  # its files
    "55P03": Fault.BUSY,  # lock_timeout
}

_log = Logger(namespace="pymta.database")


class PostgreSQL:
    """
    Connections to one database.

    :param url: ``postgresql+psycopg://…``, as SQLAlchemy writes it; what follows the ``?`` is for
        libpq.
    :raises Mistake: that is none, or of another driver.
    """

    __slots__ = ("_url",)

    poll_seconds = 0.5
    mark = "%s"
    shared = True

    def __init__(self, url: str) -> None:
        self._url = _checked(url)

    def create(self) -> None:
        """
        See that the database is fit to be used.  It is made by its administrator.

        :raises Mistake: no psycopg, no such database, an encoding that is not UTF-8, an old server.
        """
        try:
            import psycopg
        except ImportError as error:
            raise Mistake(
                f"PostgreSQL needs psycopg: {error}", hint="pip install 'pymta-twisted[postgres]'"
            ) from None
        try:
            connection = self._connect()
        except psycopg.OperationalError as error:
            raise Mistake(f"the database cannot be used: {str(error).strip()}") from None
        with connection:
            self._check(connection.execute)

    def writer(self) -> Connection:
        """A connection of whose transactions there is one at a time, in all processes."""
        connection = self._engine(_WRITE).connect()
        connection.info[_CHANGES] = 0
        event.listen(connection, "after_cursor_execute", _count)
        return connection

    def reader(self) -> Connection:
        """A connection that cannot write, each of whose transactions sees one moment."""
        return self._engine(_READ).connect()

    def witness(self) -> None:
        """Nobody: that would be a question to the server."""

    def fault(self, error: Exception) -> Fault:
        """What it means."""
        cause: Any = error.orig if isinstance(error, DBAPIError) else error
        state = getattr(cause, "sqlstate", None)
        if state is None:
            return Fault.BROKEN if _is_lost(error, cause) else Fault.OTHER
        return next((_FAULTS[state[:n]] for n in (2, 3, 5) if state[:n] in _FAULTS), Fault.OTHER)

    def version(self, connection: Connection) -> object:
        """
        What differs from the last one when anybody has committed: we, too, and of other databases
        of the server whoever has.
        """
        return _driver(connection).execute("SELECT pg_current_snapshot()::text").fetchone()

    def changes(self, connection: Connection) -> int:
        """A number that moves with every row that this connection changes."""
        changes: int = connection.info[_CHANGES]
        return changes

    def checkpoint(self, connection: Connection) -> None:
        """The server does."""

    def abandon(self, connection: Connection) -> None:
        """Close it."""
        connection.close()

    def in_transaction(self, driver: Any) -> bool:
        """Whether what is done next waits for a commit; True where nobody can tell."""
        if not getattr(driver, "autocommit", False):
            return True
        status = getattr(getattr(driver, "info", None), "transaction_status", True)
        return bool(status)  # IDLE is 0

    def _check(self, execute: Any) -> None:
        [version, encoding, fsync] = execute(
            "SELECT current_setting('server_version_num')::int, "
            "current_setting('server_encoding'), current_setting('fsync')"
        ).fetchone()
        if version < _OLDEST:
            old, needed = version // 10_000, _OLDEST // 10_000
            raise Mistake(f"PostgreSQL {old} is too old: {needed} is needed")
        if encoding != "UTF8":
            raise Mistake(f"the database's encoding is {encoding}, not UTF8")
        if fsync != "on":
            _log.warn("the database runs with fsync off: what it acknowledges may be lost")

    def _engine(self, begin: str) -> Engine:
        engine = create_engine(
            f"{_DRIVER}://",
            creator=self._connect,
            poolclass=NullPool,
            hide_parameters=True,  # they hold addresses, which errors would carry into logs
            use_native_hstore=False,  # it would be looked for on each connection
        )

        @event.listens_for(engine, "begin")
        def emit(connection: Connection) -> None:
            driver = _driver(connection)
            try:
                # In one message, of which a statement with parameters could not be.
                connection.exec_driver_sql(begin, execution_options={"no_parameters": True})
            except BaseException:
                if not driver.closed:
                    driver.rollback()
                raise

        return engine

    def _connect(self) -> Any:
        import psycopg

        words, named = self._url.get_dialect()().create_connect_args(self._url)
        # autocommit: the driver begins nothing by itself.
        connection = psycopg.connect(*words, autocommit=True, **{**_PARAMETERS, **named})
        try:
            for statement in _EACH_CONNECTION:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return connection


def _checked(text: str) -> URL:
    try:
        url = make_url(text)
    except ArgumentError:
        raise Mistake("not the URL of a database", hint=f"{_DRIVER}://user@host/name") from None
    if url.drivername not in (_DRIVER, "postgresql"):
        raise Mistake(f"no database of ours: {url.drivername}", hint=f"{_DRIVER}://user@host/name")
    return url.set(drivername=_DRIVER)


def _is_lost(error: Exception, cause: Any) -> bool:
    """Errors without a state are the driver's own: it has lost the server, or refused a value."""
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return type(cause).__name__ in ("OperationalError", "InterfaceError")


def _count(connection: Connection, cursor: Any, *_: object) -> None:
    if cursor.rowcount > 0 and not (cursor.statusmessage or "").startswith("SELECT"):
        connection.info[_CHANGES] += cursor.rowcount


def _driver(connection: Connection) -> Any:
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver
