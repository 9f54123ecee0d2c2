"""
A session with one mailbox in SQL.

It holds a number and nothing else: every call asks the database, and what it says is what was
committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from zope.interface import implementer

from pymta.errors import MailboxReadOnly
from pymta.interfaces.content import IContent
from pymta.interfaces.mailbox import NewMessage
from pymta.interfaces.sorting import ISortingMailbox
from pymta.mailbox import (
    UID,
    Appended,
    Changes,
    Copied,
    Expunged,
    FlagChange,
    Found,
    MailboxInfo,
    MailboxName,
    ModSeq,
    Snapshot,
    UIDSet,
    Wanted,
)
from pymta.search import Query, SortKey, ThreadAlgorithm, ThreadNode
from pymta.store._flags import part
from pymta.store._names import normal
from pymta.store.sql import copying, expunging, flagging, reading, records, snapshots, texts
from pymta.store.sql.finding import Finder
from pymta.store.sql.indexing import narrowed
from pymta.store.sql.receiving import Receiver
from pymta.store.sql.resources import Resources
from pymta.store.sql.sweeping import RETENTION
from pymta.store.sql.texts import Sought

__all__ = ["SQLMailbox"]


@implementer(ISortingMailbox)
class SQLMailbox:
    """
    Made by :meth:`~pymta.store.sql.mailboxes.SQLMailboxes.open`.

    :param number: of its row; :param store: of its account's.
    """

    def __init__(
        self, resources: Resources, name: MailboxName, *, number: int, store: int, read_only: bool
    ) -> None:
        self.name = name
        self.read_only = read_only
        self._resources = resources
        self._number = number
        self._store = store
        self._finder = Finder(resources, number)
        self._watching: list[Callable[[], None]] = []

    # -- looking ---------------------------------------------------------------

    async def info(self) -> MailboxInfo:
        return await self._resources.read(lambda c: reading.info(c, self._number))

    async def keywords(self) -> frozenset[str]:
        return await self._resources.read(lambda c: reading.keywords_of(c, self._number))

    async def snapshot(self) -> Snapshot:
        maps = self._resources.maps
        known = maps.get(self._number)
        looked = await self._resources.read(lambda c: snapshots.look(c, self._number, known))
        maps.put(self._number, looked)
        return looked.snapshot

    async def changes(self, since: ModSeq, known: UIDSet | None = None) -> Changes:
        return await self._resources.read(lambda c: reading.changes(c, self._number, since, known))

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        down = self._resources.bells.watch(self._store, ring)
        self._watching.append(down)
        return down

    async def records(
        self, uids: UIDSet, wanted: Sequence[Wanted], changed_since: ModSeq | None = None
    ) -> Sequence[tuple[Any, ...]]:
        if len(uids) > records.MAX_RECORDS:
            raise ValueError(f"{len(uids)} UIDs in one call")
        since = ModSeq(-1) if changed_since is None else changed_since
        columns = tuple(wanted)
        rows = await self._resources.read(
            lambda c: records.records(c, self._number, uids, wanted=columns, since=since)
        )
        return await records.write_all(rows, columns, self._resources.breathe)

    async def sizes(self) -> Sequence[tuple[UID, int]]:
        return await self._resources.read(lambda c: reading.sizes(c, self._number))

    async def unended(self) -> UIDSet:
        read = self._resources.read
        return UIDSet(await read(lambda c: reading.unended(c, self._number)))

    async def content(self, uid: UID) -> IContent:
        return (await self._letter(uid))[0]

    async def search(self, query: Query) -> Found:
        async def propose(sought: Sequence[Sought]) -> Sequence[UIDSet | None]:
            return await self._resources.read(lambda c: texts.propose(c, self._number, sought))

        return await self._finder.search(await narrowed(query, propose))

    async def sort(self, query: Query, keys: Sequence[SortKey]) -> Found:
        return await self._finder.sort(await self.search(query), keys)

    async def thread(
        self, query: Query, algorithm: ThreadAlgorithm
    ) -> tuple[Found, list[ThreadNode]]:
        found = await self.search(query)
        return found, await self._finder.thread(found, algorithm)

    async def _letter(self, uid: UID) -> tuple[IContent, bytes]:
        since = self._resources.context.now() - RETENTION
        found = await self._resources.read(lambda c: reading.letter(c, self._number, uid, since))
        return self._resources.stored(found), found.structure

    # -- changing --------------------------------------------------------------

    async def append(self, messages: Sequence[NewMessage]) -> Appended:
        self._may_change()
        if not messages:
            info = await self.info()
            return Appended(info.uid_validity, (), info.modseq)
        return await Receiver(self._resources).append(self._number, messages)

    async def replace(self, uid: UID, destination: MailboxName, message: NewMessage) -> Appended:
        self._may_change()
        return await Receiver(self._resources).replace(
            self._number, uid, destination=normal(destination), message=message
        )

    async def change_flags(
        self, uids: UIDSet, change: FlagChange, unchanged_since: ModSeq | None = None
    ) -> UIDSet:
        asked = part(change.flags)
        self._may_change()
        entry = flagging.ChangeFlags(
            mailbox=self._number,
            uids=uids,
            mode=change.mode,
            asked=asked,
            unchanged_since=unchanged_since,
        )
        return await self._resources.write(flagging.change_flags, entry)

    async def copy(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> Copied:
        entry = copying.Copy(self._number, uids, normal(destination), needed)
        return await self._resources.write(copying.copy, entry)

    async def move(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> tuple[Copied, Expunged]:
        self._may_change()
        entry = copying.Copy(self._number, uids, normal(destination), needed)
        return await self._resources.write(copying.move, entry)

    async def expunge(self, uids: UIDSet | None = None) -> Expunged:
        self._may_change()
        entry = expunging.Expunge(self._number, uids)
        return await self._resources.write(expunging.expunge, entry)

    async def remove(self, uids: UIDSet) -> Expunged:
        self._may_change()
        entry = expunging.Expunge(self._number, uids)
        return await self._resources.write(expunging.remove, entry)

    async def take_recent(self) -> UID:
        self._may_change()
        return await self._resources.write(flagging.take_recent, self._number)

    def _may_change(self) -> None:
        if self.read_only:
            raise MailboxReadOnly(f"{self.name} was opened read-only")

    # -- the session -----------------------------------------------------------

    async def lock(self) -> Callable[[], Awaitable[None]]:
        return await self._resources.leases.take(self._number)

    def close(self) -> None:
        while self._watching:
            self._watching.pop()()
