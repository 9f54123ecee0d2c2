"""
What all sessions of one store have in common.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pymta import aio
from pymta.database import Database
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
        self.arranged = Arrangements()
        self.bells = Bells(database)
        self.leases = Leases(clock, self.write)
        self._database = database
        self._reactor = reactor
        self._batches: dict[Any, Any] = {}

    def read(self, query: Callable[[Connection], T]) -> Deferred[T]:
        """See :meth:`~pymta.database.Database.read`."""
        return self._database.read(query)

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
