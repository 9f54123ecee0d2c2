"""
Where everything is kept: in one SQLite database, or in memory.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, get_type_hints

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from zope.interface import Interface, implementedBy

from pymta.accounts.accounts import MailStore
from pymta.accounts.memory import MemoryRecords
from pymta.accounts.records import Records
from pymta.components.parts import Part
from pymta.components.worker import ALONE, Worker
from pymta.interfaces.mailbox import Vault
from pymta.interfaces.queue import IQueueStore
from pymta.interfaces.shared import ISharedState
from pymta.mailbox import MailboxName
from pymta.queue.memory import MemoryQueueStore
from pymta.shared.memory import MemorySharedState
from pymta.store.granting import FURNISHED
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.store.sharing import SharingMailStore

__all__ = [
    "MAILBOXES",
    "Mailboxes",
    "Stores",
    "durable_stores",
    "memory_stores",
    "provided_by",
    "visited_stores",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailboxes:
    """
    What the mailboxes of all accounts have in common.

    :param furnished: what a new account has beside its inbox, all subscribed, and what it is for
        (:rfc:`6154#section-2`).
    :param public: the account whose mailboxes are seen by others as ``Shared/…``, by their rights.
    :param anyone: whether people may share with everybody, and so be in everybody's list.
    :param about: shared annotations of the server, such as ``/shared/admin``.
    :param vault: asked before octets of an expunged message go.
    :param maildirs: a folder in which each account has a Maildir, in place of mailboxes in the
        database; the rights of others, and so ``public``, and ``vault`` are not there then.
    """

    furnished: Mapping[MailboxName, frozenset[str]] = field(default_factory=lambda: FURNISHED)
    public: str | None = None
    anyone: bool = False
    about: Mapping[str, bytes] = field(default_factory=dict)
    vault: Vault | None = None
    maildirs: str | None = None


MAILBOXES = Mailboxes()
"""As they are by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stores:
    """
    :param parts: to be started before anything else, and stopped after.
    :param free: octets of room for mail; None where nobody can tell.
    """

    queue: IQueueStore
    mail: MailStore
    records: Records
    shared: ISharedState
    parts: tuple[Part, ...] = ()
    free: Callable[[], Awaitable[int]] | None = None


def provided_by(mail: MailStore) -> tuple[type[Interface], ...]:
    """
    The interfaces of its mailboxes, by the type that they are declared to have: known before
    there is any account.
    """
    if isinstance(mail, SharingMailStore):
        return provided_by(mail.inner)
    kind: Any = get_type_hints(type(mail).mailboxes)["return"]
    declared: Any = implementedBy  # whose stub has no types
    return tuple(declared(kind)) if isinstance(kind, type) else (kind,)


def memory_stores(
    clock: IReactorTime, *, now: Callable[[], datetime], mailboxes: Mailboxes = MAILBOXES
) -> Stores:
    """Gone with the process."""
    mail = MemoryMailStore(
        now=now, furnished=mailboxes.furnished, about=mailboxes.about, vault=mailboxes.vault
    )
    return Stores(
        queue=MemoryQueueStore(now),
        mail=SharingMailStore(mail, public=mailboxes.public, anyone=mailboxes.anyone),
        records=MemoryRecords(),
        shared=MemorySharedState(clock),
    )


def durable_stores(
    reactor: IReactorFromThreads,
    directory: str,
    *,
    mailboxes: Mailboxes = MAILBOXES,
    worker: Worker = ALONE,
) -> Stores:
    """
    In a database in this folder, which is made if it is not there: for the process that serves.

    All of them share one writer, and so one group commit.

    :param worker: of several processes that serve, only the first one sweeps.
    """
    # SQLAlchemy is half of the start of a process: loaded by those who use it.
    from pymta.components import durable

    serving = durable.serving if worker.first else durable.visiting
    return serving(reactor, directory, mailboxes)


def visited_stores(
    reactor: IReactorFromThreads, directory: str, *, mailboxes: Mailboxes = MAILBOXES
) -> Stores:
    """The same of a server that is running, or not, for a command: nothing is swept."""
    from pymta.components import durable

    return durable.visiting(reactor, directory, mailboxes)
