"""
Stores in one SQLite database, whose group commit they share.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from pymta.accounts.sql import SQLRecords
from pymta.components.parts import Job, Loop, Part, nothing
from pymta.components.stores import Stores
from pymta.database import Database
from pymta.queue.sql import SQLQueueStore
from pymta.shared.sql import SQLSharedState
from pymta.store.sql.store import SQLMailStore

__all__ = ["serving", "visiting"]

SWEEP = 60.0
"""Seconds between two sweeps of what was expunged."""


def serving(reactor: IReactorFromThreads, directory: str) -> Stores:
    """For the long-lived process, which sweeps; the folder is made if it is not there."""
    database = Database(reactor, directory)
    mail = SQLMailStore(database, IReactorTime(reactor))
    sweeping = Loop(IReactorTime(reactor), SWEEP, mail.sweep, "sweeping mailboxes")
    return _stores(database, mail, Job(database.open, database.close), sweeping)


def visiting(reactor: IReactorFromThreads, directory: str) -> Stores:
    """For commands and further processes."""
    database = Database(reactor, directory, daemon=False)
    mail = SQLMailStore(database, IReactorTime(reactor))
    return _stores(database, mail, Job(database.open, database.close))


def _stores(database: Database, mail: SQLMailStore, *parts: Part) -> Stores:
    async def close() -> None:
        mail.close()

    queue = SQLQueueStore(database)
    return Stores(
        queue=queue,
        mail=mail,
        records=SQLRecords(database),
        shared=SQLSharedState(database),
        parts=(*parts, Job(nothing, close)),
        free=queue.free,
    )
