"""
Arrivals: which lanes have more to do, told by applications that enlist beside a writer.

A head is a row of many mails.  An application that changed it would hold it until its commit, and
stop the queue and every other application meanwhile; and a claim that corrected it would not see
whom the application is about to add.  So where transactions run side by side an application only
inserts, here too, and the next claim after its commit takes it in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, select

from pymta.database.numbers import Numbers
from pymta.database.rows import Execute, insert_rows, through
from pymta.queue.sql_add import lower_heads
from pymta.queue.sql_rows import Head
from pymta.queue.sql_tables import arrivals

__all__ = ["arrive", "next_arrival", "take_in"]

_TAKE = delete(arrivals).returning(arrivals.c.lane, arrivals.c.rank, arrivals.c.due)
_NEXT = select(func.min(arrivals.c.due))


def arrive(execute: Execute, lowest: Mapping[Head, int], numbers: Numbers) -> None:
    """Somebody waits in these lanes from these times on, once this transaction is committed."""
    if not execute.shared:
        lower_heads(execute, lowest)
        return
    rows = [(numbers.take(), lane, rank, due) for (lane, rank), due in lowest.items()]
    insert_rows(execute, arrivals, rows)


def take_in(connection: Connection) -> None:
    """Make heads of what has been committed, in the writer's thread, before anybody claims."""
    execute = through(connection)
    if not execute.shared:
        return
    lowest: dict[Head, int] = {}
    for lane, rank, due in connection.execute(_TAKE):
        lowest[lane, rank] = min(due, lowest.get((lane, rank), due))
    lower_heads(execute, lowest)


def next_arrival(connection: Connection) -> Any:
    """The earliest due time of those that no claim has taken in yet; None if there is nobody."""
    return connection.scalar(_NEXT) if through(connection).shared else None
