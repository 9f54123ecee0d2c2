"""
Queueing in the application's own transaction: an order is paid and its mail is queued, or neither.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Connection

from pymta.database.contents import Placed
from pymta.database.dialect import Dialect, Execute
from pymta.database.numbers import Numbers
from pymta.database.rows import insert_rows, through
from pymta.database.tables import contents
from pymta.errors import PymtaError, QueueError
from pymta.interfaces.content import IContent, NewMail, octets_of
from pymta.queue.sql_add import insert_queue_rows
from pymta.queue.sql_arrivals import arrive
from pymta.queue.sql_rows import MailRows, rows_of
from pymta.queue.sql_tables import mails, settled

__all__ = ["enlist"]


def enlist(connection: object, new: Sequence[NewMail], dialect: Dialect, numbers: Numbers) -> None:
    """
    Insert mails that are not there, content in rows, and commit nothing.

    All that can be wrong with the mails themselves is found before anything is written.  What the
    database refuses afterwards leaves the transaction to be rolled back.

    :param connection: SQLAlchemy's, or the driver's own (sqlite3 or psycopg, nothing asynchronous).
    :raises pymta.errors.QueueError: content that would have to be waited for, a value that no
        database keeps, a connection that commits each statement, or no such tables.
    """
    _check_transaction(connection, dialect)
    try:
        rows = [_rows(mail, numbers) for mail in new]
        _check_texts(rows)
        execute = _execute(connection, dialect)
        rows = [each for each in rows if not _is_known(execute, each.id)]
        insert_rows(execute, contents, [_content_row(each.placed) for each in rows])
        arrive(execute, insert_queue_rows(execute, rows), numbers)
    except PymtaError:
        raise
    except Exception as error:  # the driver's own, which we cannot name
        raise QueueError(f"the mails were not enlisted: {error}") from error


def _execute(connection: object, dialect: Dialect) -> Execute:
    if isinstance(connection, Connection):
        return through(connection)
    driver: Any = connection

    def run(statement: str, values: tuple[Any, ...]) -> Any:
        cursor = driver.cursor()
        cursor.execute(statement, values)
        return cursor

    return Execute(run, dialect.mark, dialect.shared)


def _is_known(execute: Execute, number: str) -> bool:
    mark = execute.mark
    found = execute.run(
        f"SELECT 1 FROM {mails.name} WHERE id = {mark} "  # noqa: S608  names of our own tables
        f"UNION ALL SELECT 1 FROM {settled.name} WHERE id = {mark}",
        (number, number),
    )
    return bool(found.fetchall())


def _check_transaction(connection: object, dialect: Dialect) -> None:
    driver = connection
    if isinstance(connection, Connection):
        driver = connection.connection.driver_connection
    if not dialect.in_transaction(driver):
        raise QueueError("the connection is in no transaction: it commits each row by itself")


def _check_texts(rows: Iterable[MailRows]) -> None:
    """PostgreSQL keeps no NUL in a text; neither keeps half of a surrogate pair."""
    for each in rows:
        for row in (each.mail, *each.recipients):
            for value in row:
                if isinstance(value, str) and not _can_be_kept(value):
                    raise QueueError(f"no text that can be kept: {value!r}")


def _can_be_kept(text: str) -> bool:
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _rows(mail: NewMail, numbers: Numbers) -> MailRows:
    placed = _place(mail.content, numbers)
    return rows_of(mail, placed, numbers.take(1 + len(mail.envelope.recipients)))


def _place(content: IContent, numbers: Numbers) -> Placed:
    octets = _read_now(content)
    return Placed(id=numbers.take(), prefix=b"", size=len(octets), octets=octets)


def _content_row(placed: Placed) -> tuple[Any, ...]:
    return placed.id, placed.size, placed.octets, None, 1


def _read_now(content: IContent) -> bytes:
    reading = octets_of(content)
    try:
        reading.send(None)
    except StopIteration as end:
        octets: bytes = end.value
        return octets
    reading.close()
    raise QueueError("only content that is in memory can be enlisted")
