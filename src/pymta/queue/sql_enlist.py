"""
Queueing in the application's own transaction: an order is paid and its mail is queued, or neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from pymta.database.contents import Placed
from pymta.database.numbers import Numbers
from pymta.database.rows import Execute, insert_rows, through
from pymta.database.tables import contents
from pymta.errors import PymtaError, QueueError
from pymta.interfaces.content import IContent, NewMail, octets_of
from pymta.queue.sql_add import insert_queue_rows
from pymta.queue.sql_rows import MailRows, rows_of
from pymta.queue.sql_tables import mails, settled

__all__ = ["enlist"]

_KNOWN = (
    f"SELECT 1 FROM {mails.name} WHERE id = ? "  # noqa: S608  names of our own tables
    f"UNION ALL SELECT 1 FROM {settled.name} WHERE id = ?"
)


def enlist(connection: object, new: Sequence[NewMail], numbers: Numbers) -> None:
    """
    Insert mails that are not there, content in rows, and commit nothing.

    :param connection: SQLAlchemy's, or any of the DB-API with ``?`` for parameters (sqlite3).
    :raises pymta.errors.QueueError: content that would have to be waited for, or no such tables.
    """
    execute = _execute(connection)
    try:
        unknown = [mail for mail in new if not execute(_KNOWN, (mail.id, mail.id)).fetchall()]
        placed = [_place(mail.content, numbers) for mail in unknown]
        rows: list[MailRows] = [
            rows_of(mail, each, numbers.take(1 + len(mail.envelope.recipients)))
            for mail, each in zip(unknown, placed, strict=True)
        ]
        insert_rows(execute, contents, [(p.id, p.size, p.octets, None, 1) for p in placed])
        insert_queue_rows(execute, rows)
    except PymtaError:
        raise
    except Exception as error:  # the driver's own, which we cannot name
        raise QueueError(f"the mails were not enlisted: {error}") from error


def _execute(connection: object) -> Execute:
    if isinstance(connection, Connection):
        return through(connection)
    driver: Any = connection

    def execute(statement: str, values: tuple[Any, ...]) -> Any:
        cursor = driver.cursor()
        cursor.execute(statement, values)
        return cursor

    return execute


def _place(content: IContent, numbers: Numbers) -> Placed:
    octets = _read_now(content)
    return Placed(id=numbers.take(), prefix=b"", size=len(octets), octets=octets)


def _read_now(content: IContent) -> bytes:
    reading = octets_of(content)
    try:
        reading.send(None)
    except StopIteration as end:
        octets: bytes = end.value
        return octets
    reading.close()
    raise QueueError("only content that is in memory can be enlisted")
