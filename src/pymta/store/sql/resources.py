"""
What all sessions of one store have in common.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pymta import aio
from pymta.database import Database
from pymta.database.memory import Memory
from pymta.interfaces.content import IContent
from pymta.mailbox import MailboxName
from pymta.store.sql.arranged import Arrangements
from pymta.store.sql.bells import Bells
from pymta.store.sql.leases import Leases
from pymta.store.sql.reading import Letter
from pymta.store.sql.snapshots import Maps
from pymta.store.sql.work import Context

__all__ = ["Batch", "Resources"]

T = TypeVar("T")
Entry = TypeVar("Entry")
Result = TypeVar("Result")

REMEMBERED = 500
"""
Answers about mailboxes, some hundred octets each.  Their UIDs are those of :class:`Maps`, no
copies: 120 octets for each run without a gap, of which a mailbox of a million messages has one if
nothing was removed from it, and at worst half a million, 60 MB.
"""

Batch: TypeAlias = Callable[[Connection, Sequence[Entry], Context], Sequence[Result | Exception]]
"""As the database wants it, and with the store's context behind."""


class Resources:
    """
    :param clock: for leases.
    :param zone: whose days internal dates are in.
    """

    def __init__(
        self,
        database: Database,
        reactor: IReactorTime,
        *,
        clock: IReactorTime,
        zone: tzinfo,
        tombstones: int,
        furnished: Mapping[MailboxName, frozenset[str]],
        about: Mapping[str, bytes],
    ) -> None:
        self.zone = zone
        self.context = Context(
            contents=database.contents,
            numbers=database.numbers,
            now=database.now,
            tombstones=tombstones,
            furnished=furnished,
            about=about,
        )
        self.maps = Maps()
        self._memory = Memory(database.moment, database.read, most=REMEMBERED)
        self.arranged = Arrangements()
        self.bells = Bells(database)
        self.leases = Leases(clock, self.write)
        self._database = database
        self._reactor = reactor
        self._batches: dict[Any, Any] = {}

    def read(self, query: Callable[[Connection], T]) -> Deferred[T]:
        """See :meth:`~pymta.database.Database.read`."""
        return self._database.read(query)

    def known(self, key: Hashable, query: Callable[[Connection], T]) -> Awaitable[T]:
        """See :meth:`~pymta.database.memory.Memory.read`."""
        return self._memory.read(key, query)

    def write(
        self, batch: Batch[Entry, Result], entry: Entry, *, size: int = 0
    ) -> Deferred[Result]:
        """See :meth:`~pymta.database.Database.write`; all sessions' entries are one batch."""
        bound = self._batches.get(batch)
        if bound is None:
            bound = self._batches[batch] = self._bind(batch)
        return self._database.write(bound, entry, size=size)

    def _bind(self, batch: Batch[Any, Any]) -> Any:
        return lambda connection, entries: batch(connection, entries, self.context)

    def stored(self, letter: Letter) -> IContent:
        """The octets of a letter."""
        return self.context.contents.stored(letter.content, letter.size, letter.prefix)

    async def breathe(self) -> None:
        """Let others have their turn."""
        await aio.breathe(self._reactor)
