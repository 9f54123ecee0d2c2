"""
Stores in one SQLite database, whose group commit they share.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from pymta.accounts.sql import SQLRecords
from pymta.components.parts import Job, Loop, Part, nothing
from pymta.components.stores import Mailboxes, Stores
from pymta.database import Database
from pymta.queue.sql import SQLQueueStore
from pymta.shared.sql import SQLSharedState
from pymta.store.sharing import SharingMailStore
from pymta.store.sql.store import SQLMailStore

__all__ = ["serving", "visiting"]

SWEEP = 60.0
"""Seconds between two sweeps of what was expunged."""

INDEX = 1.0
"""Seconds between two looks for texts that are not indexed yet."""


def serving(reactor: IReactorFromThreads, directory: str, mailboxes: Mailboxes) -> Stores:
    """For the long-lived process, which sweeps; the folder is made if it is not there."""
    database = Database(reactor, directory)
    mail = _mail(database, reactor, mailboxes)
    clock = IReactorTime(reactor)
    sweeping = Loop(clock, SWEEP, mail.sweep, "sweeping mailboxes")
    indexing = Loop(clock, INDEX, mail.index, "indexing texts")
    return _stores(
        database, mail, mailboxes, Job(database.open, database.close), sweeping, indexing
    )


def visiting(reactor: IReactorFromThreads, directory: str, mailboxes: Mailboxes) -> Stores:
    """For commands and further processes."""
    database = Database(reactor, directory, daemon=False)
    mail = _mail(database, reactor, mailboxes)
    return _stores(database, mail, mailboxes, Job(database.open, database.close))


def _mail(database: Database, reactor: IReactorFromThreads, mailboxes: Mailboxes) -> SQLMailStore:
    return SQLMailStore(
        database,
        IReactorTime(reactor),
        furnished=mailboxes.furnished,
        about=mailboxes.about,
        vault=mailboxes.vault,
    )


def _stores(database: Database, mail: SQLMailStore, mailboxes: Mailboxes, *parts: Part) -> Stores:
    async def close() -> None:
        mail.close()

    queue = SQLQueueStore(database)
    return Stores(
        queue=queue,
        mail=SharingMailStore(mail, public=mailboxes.public),
        records=SQLRecords(database),
        shared=SQLSharedState(database),
        parts=(*parts, Job(nothing, close)),
        free=queue.free,
    )
