"""
Stores in one SQLite database, whose group commit they share; mailboxes may be in Maildirs.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from pymta.accounts.accounts import MailStore
from pymta.accounts.sql import SQLRecords
from pymta.components.parts import Job, Loop, Part, nothing
from pymta.components.stores import Mailboxes, Stores
from pymta.database import Database
from pymta.queue.sql import SQLQueueStore
from pymta.shared.sql import SQLSharedState
from pymta.store.maildir.store import MaildirMailStore
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
    if mailboxes.maildirs is not None:
        kept = _maildirs(reactor, mailboxes, mailboxes.maildirs)
        sweeping = Loop(IReactorTime(reactor), SWEEP, kept.sweep, "sweeping Maildirs")
        return _beside(database, kept, sweeping)
    mail = _mail(database, reactor, mailboxes)
    clock = IReactorTime(reactor)
    sweeping = Loop(clock, SWEEP, mail.sweep, "sweeping mailboxes")
    indexing = Loop(clock, INDEX, mail.keep_indexed, "indexing texts")
    return _stores(
        database, mail, mailboxes, Job(database.open, database.close), sweeping, indexing
    )


def visiting(reactor: IReactorFromThreads, directory: str, mailboxes: Mailboxes) -> Stores:
    """For commands, and for workers but the first."""
    database = Database(reactor, directory, daemon=False)
    if mailboxes.maildirs is not None:
        return _beside(database, _maildirs(reactor, mailboxes, mailboxes.maildirs))
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


def _maildirs(reactor: IReactorFromThreads, mailboxes: Mailboxes, folder: str) -> MaildirMailStore:
    if mailboxes.public is not None or mailboxes.vault is not None:
        raise ValueError("Maildirs have neither public mailboxes nor a vault")
    return MaildirMailStore(reactor, folder, furnished=mailboxes.furnished, about=mailboxes.about)


def _beside(database: Database, mail: MaildirMailStore, *parts: Part) -> Stores:
    """All else is in the database."""
    return _all(database, mail, Job(database.open, database.close), *parts, Job(nothing, mail.stop))


def _stores(database: Database, mail: SQLMailStore, mailboxes: Mailboxes, *parts: Part) -> Stores:
    async def close() -> None:
        mail.close()

    sharing = SharingMailStore(mail, public=mailboxes.public, anyone=mailboxes.anyone)
    return _all(database, sharing, *parts, Job(nothing, close))


def _all(database: Database, mail: MailStore, *parts: Part) -> Stores:
    queue = SQLQueueStore(database)
    return Stores(
        queue=queue,
        mail=mail,
        records=SQLRecords(database),
        shared=SQLSharedState(database),
        parts=parts,
        free=queue.free,
    )
