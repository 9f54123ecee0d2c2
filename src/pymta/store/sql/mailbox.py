"""
A session with one mailbox in SQL.

It holds a place and nothing else: every call asks the database, and what it says is what was
committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row
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
    Opened,
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
from pymta.store.sql.place import Place
from pymta.store.sql.receiving import Receiver
from pymta.store.sql.resources import Resources
from pymta.store.sql.sweeping import RETENTION
from pymta.store.sql.texts import Sought

__all__ = ["SQLMailbox"]

T = TypeVar("T")


@implementer(ISortingMailbox)
class SQLMailbox:
    """
    Made by :meth:`~pymta.store.sql.mailboxes.SQLMailboxes.open`.

    Looks for its row when it is asked something for the first time.
    """

    def __init__(self, resources: Resources, place: Place, *, read_only: bool) -> None:
        self.name: MailboxName = place.name
        self.read_only = read_only
        self._resources = resources
        self._place = place
        self._watching: list[Callable[[], None]] = []

    # -- looking ---------------------------------------------------------------

    async def info(self) -> MailboxInfo:
        return await self._known("info", reading.info)

    async def keywords(self) -> frozenset[str]:
        return await self._known("keywords", reading.keywords_of)

    async def snapshot(self) -> Snapshot:
        return self._looked(await self._known("snapshot", self._look))

    async def opened(self) -> Opened:
        looked, opened = await self._known("opened", self._open)
        self._looked(looked)
        return opened

    def _open(self, connection: Connection, row: Row[Any]) -> tuple[snapshots.Looked, Opened]:
        looked = self._look(connection, row)
        return looked, Opened(
            info=reading.info(connection, row),
            keywords=reading.keywords_of(connection, row),
            snapshot=looked.snapshot,
            first_unseen=reading.first_unseen(connection, row),
        )

    def _look(self, connection: Connection, row: Row[Any]) -> snapshots.Looked:
        return snapshots.look(connection, row, self._resources.maps.get(row.id))

    def _looked(self, looked: snapshots.Looked) -> Snapshot:
        assert self._place.number is not None
        self._resources.maps.put(self._place.number, looked)
        return looked.snapshot

    async def _known(self, what: str, look: Callable[[Connection, Row[Any]], T]) -> T:
        """What is seen there, if need be by asking; then the place has its number, too."""
        place = self._place

        def query(connection: Connection) -> tuple[int, T]:
            row = place.row(connection)
            return row.id, look(connection, row)

        place.number, seen = await self._resources.known((what, place.key), query)
        return seen

    async def changes(self, since: ModSeq, known: UIDSet | None = None) -> Changes:
        return await self._resources.read(
            lambda c: reading.changes(c, self._place.find(c), since, known)
        )

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        down = self._resources.bells.watch(self._place.store, ring)
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
            lambda c: records.records(c, self._place.find(c), uids, wanted=columns, since=since)
        )
        return await records.write_all(rows, columns, self._resources.breathe)

    async def sizes(self) -> Sequence[tuple[UID, int]]:
        return await self._resources.read(lambda c: reading.sizes(c, self._place.find(c)))

    async def unended(self) -> UIDSet:
        read = self._resources.read
        return UIDSet(await read(lambda c: reading.unended(c, self._place.find(c))))

    async def content(self, uid: UID) -> IContent:
        return (await self._letter(uid))[0]

    async def search(self, query: Query) -> Found:
        async def propose(sought: Sequence[Sought]) -> Sequence[UIDSet | None]:
            return await self._resources.read(
                lambda c: texts.propose(c, self._place.find(c), sought)
            )

        return await (await self._finder()).search(await narrowed(query, propose))

    async def sort(self, query: Query, keys: Sequence[SortKey]) -> Found:
        return await (await self._finder()).sort(await self.search(query), keys)

    async def thread(
        self, query: Query, algorithm: ThreadAlgorithm
    ) -> tuple[Found, list[ThreadNode]]:
        found = await self.search(query)
        return found, await (await self._finder()).thread(found, algorithm)

    async def _finder(self) -> Finder:
        return Finder(self._resources, await self._found())

    async def _letter(self, uid: UID) -> tuple[IContent, bytes]:
        since = self._resources.context.now() - RETENTION
        found = await self._resources.read(
            lambda c: reading.letter(c, self._place.find(c), uid, since)
        )
        return self._resources.stored(found), found.structure

    # -- changing --------------------------------------------------------------

    async def append(self, messages: Sequence[NewMessage]) -> Appended:
        self._may_change()
        if not messages:
            info = await self.info()
            return Appended(info.uid_validity, (), info.modseq)
        return await Receiver(self._resources).append(self._place, messages)

    async def replace(self, uid: UID, destination: MailboxName, message: NewMessage) -> Appended:
        self._may_change()
        return await Receiver(self._resources).replace(
            await self._found(), uid, destination=normal(destination), message=message
        )

    async def change_flags(
        self, uids: UIDSet, change: FlagChange, unchanged_since: ModSeq | None = None
    ) -> UIDSet:
        asked = part(change.flags)
        self._may_change()
        entry = flagging.ChangeFlags(
            mailbox=await self._found(),
            uids=uids,
            mode=change.mode,
            asked=asked,
            unchanged_since=unchanged_since,
        )
        return await self._resources.write(flagging.change_flags, entry)

    async def copy(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> Copied:
        entry = copying.Copy(await self._found(), uids, normal(destination), needed)
        return await self._resources.write(copying.copy, entry)

    async def move(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> tuple[Copied, Expunged]:
        self._may_change()
        entry = copying.Copy(await self._found(), uids, normal(destination), needed)
        return await self._resources.write(copying.move, entry)

    async def expunge(self, uids: UIDSet | None = None) -> Expunged:
        self._may_change()
        entry = expunging.Expunge(await self._found(), uids)
        return await self._resources.write(expunging.expunge, entry)

    async def remove(self, uids: UIDSet) -> Expunged:
        self._may_change()
        entry = expunging.Expunge(await self._found(), uids)
        return await self._resources.write(expunging.remove, entry)

    async def take_recent(self) -> UID:
        self._may_change()
        return await self._resources.write(flagging.take_recent, await self._found())

    async def _found(self) -> int:
        """The number of its row."""
        number = self._place.number
        return await self._resources.read(self._place.find) if number is None else number

    def _may_change(self) -> None:
        if self.read_only:
            raise MailboxReadOnly(f"{self.name} was opened read-only")

    # -- the session -----------------------------------------------------------

    async def lock(self) -> Callable[[], Awaitable[None]]:
        return await self._resources.leases.take(await self._found())

    def close(self) -> None:
        while self._watching:
            self._watching.pop()()
