"""
A session with one mailbox in a Maildir.

It holds the id of the mailbox, which a rename keeps, and nothing else: every call asks the index,
those that tell of changes after a look into the folder.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from zope.interface import implementer

from pymta.errors import MailboxReadOnly
from pymta.interfaces.content import IContent, Octets
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
from pymta.store.maildir import appending, copying, expunging, flagging, looking, reading
from pymta.store.maildir.account import Account
from pymta.store.maildir.digesting import digest
from pymta.store.maildir.finding import Finder
from pymta.store.maildir.leases import Leases
from pymta.store.maildir.receiving import receive_and
from pymta.store.maildir.work import Work

__all__ = ["MAX_RECORDS", "MaildirMailbox"]

T = TypeVar("T")

MAX_RECORDS = 2000

_COMPUTED = {
    Wanted.ENVELOPE,
    Wanted.STRUCTURE,
    Wanted.IMAP_ENVELOPE,
    Wanted.IMAP_STRUCTURE,
    Wanted.PREVIEW,
}


@implementer(ISortingMailbox)
class MaildirMailbox:
    """
    Made by :meth:`~pymta.store.maildir.mailboxes.MaildirMailboxes.open`.

    :param guid: of the mailbox.
    """

    def __init__(
        self, account: Account, name: MailboxName, *, guid: str, leases: Leases, read_only: bool
    ) -> None:
        self.name = name
        self.read_only = read_only
        self._account = account
        self._guid = guid
        self._leases = leases
        self._watching: list[Callable[[], None]] = []

    # -- looking ---------------------------------------------------------------

    async def info(self) -> MailboxInfo:
        return await self._look_again(lambda work: looking.info(work, self._guid))

    async def keywords(self) -> frozenset[str]:
        return await self._look_again(lambda work: looking.keywords(work, self._guid))

    async def snapshot(self) -> Snapshot:
        return await self._look_again(lambda work: looking.snapshot(work, self._guid))

    async def opened(self) -> Opened:
        return await self._look_again(lambda work: looking.opened(work, self._guid))

    async def changes(self, since: ModSeq, known: UIDSet | None = None) -> Changes:
        return await self._look_again(lambda work: looking.changes(work, self._guid, since, known))

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        down = self._account.bells.watch(self._guid, ring)
        self._watching.append(down)
        return down

    async def records(
        self, uids: UIDSet, wanted: Sequence[Wanted], changed_since: ModSeq | None = None
    ) -> Sequence[tuple[Any, ...]]:
        if len(uids) > MAX_RECORDS:
            raise ValueError(f"{len(uids)} UIDs in one call")
        columns = tuple(wanted)
        if _COMPUTED & {*columns}:
            await digest(self._account, self._guid, uids)
        since = -1 if changed_since is None else changed_since
        return await self._account.look(
            lambda work: _records(
                looking.records(work, self._guid, uids, wanted=columns, since=since),
                columns,
                lambda found: reading.read_whole(work, self._guid, found),
            )
        )

    async def sizes(self) -> Sequence[tuple[UID, int]]:
        return await self._look_again(lambda work: looking.sizes(work, self._guid))

    async def unended(self) -> UIDSet:
        await digest(self._account, self._guid, None)
        return await self._account.look(lambda work: looking.unended(work, self._guid))

    async def content(self, uid: UID) -> IContent:
        return (await self._opened(uid, await self._letter(uid)))[0]

    async def search(self, query: Query) -> Found:
        return await (await self._finder()).search(query)

    async def sort(self, query: Query, keys: Sequence[SortKey]) -> Found:
        finder = await self._finder()
        return await finder.sort(await finder.search(query), keys)

    async def thread(
        self, query: Query, algorithm: ThreadAlgorithm
    ) -> tuple[Found, list[ThreadNode]]:
        finder = await self._finder()
        found = await finder.search(query)
        return found, await finder.thread(found, algorithm)

    async def _finder(self) -> Finder:
        """What others brought is looked through once, by the first who asks."""
        await self.snapshot()
        await digest(self._account, self._guid, None)
        return Finder(self._account, self._guid, self._opened)

    # -- changing --------------------------------------------------------------

    async def append(self, messages: Sequence[NewMessage]) -> Appended:
        await self._may_change()
        return await receive_and(
            self._account, messages, lambda work, staged: appending.append(work, self._guid, staged)
        )

    async def replace(self, uid: UID, destination: MailboxName, message: NewMessage) -> Appended:
        await self._may_change()
        name = normal(destination)
        return await receive_and(
            self._account,
            [message],
            lambda work, staged: appending.replace(
                work, self._guid, uid=uid, destination=name, staged=staged[0]
            ),
        )

    async def change_flags(
        self, uids: UIDSet, change: FlagChange, unchanged_since: ModSeq | None = None
    ) -> UIDSet:
        asked = flagging.ChangeFlags(
            uids=uids,
            mode=change.mode,
            asked=part(change.flags),
            unchanged_since=unchanged_since,
        )
        await self._may_change()
        return await self._change(lambda work: flagging.change_flags(work, self._guid, asked))

    async def copy(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> Copied:
        return await self._change(
            partial(
                copying.copy,
                guid=self._guid,
                uids=uids,
                needed=needed,
                destination=normal(destination),
                name=self._account.resources.name,
            )
        )

    async def move(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> tuple[Copied, Expunged]:
        await self._may_change()
        return await self._change(
            partial(
                copying.move,
                guid=self._guid,
                uids=uids,
                needed=needed,
                destination=normal(destination),
                name=self._account.resources.name,
            )
        )

    async def expunge(self, uids: UIDSet | None = None) -> Expunged:
        await self._may_change()
        return await self._change(lambda work: expunging.expunge(work, self._guid, uids))

    async def remove(self, uids: UIDSet) -> Expunged:
        await self._may_change()
        return await self._change(lambda work: expunging.remove(work, self._guid, uids))

    async def take_recent(self) -> UID:
        await self._may_change()
        return await self._change(lambda work: flagging.take_recent(work, self._guid))

    # -- the session -----------------------------------------------------------

    async def lock(self) -> Callable[[], Awaitable[None]]:
        return await self._leases.take(self._account, self._guid)

    def close(self) -> None:
        while self._watching:
            self._watching.pop()()

    # -- inside ----------------------------------------------------------------

    async def _look_again(self, query: Callable[[Work], T]) -> T:
        return await self._account.look_again(self._guid, query)

    async def _change(self, change: Callable[[Work], T]) -> T:
        return await self._account.change(change)

    async def _may_change(self) -> None:
        # A mailbox that is gone says so first, however it was opened.
        if self.read_only:
            await self._account.look(lambda work: work.box(self._guid))
            raise MailboxReadOnly(f"{self.name} was opened read-only")

    async def _opened(self, uid: UID, letter: reading.Letter) -> tuple[IContent, bytes | None]:
        """Content and structure; of one that is expunged there is no structure."""
        if letter.structure is None and not letter.found.is_buried:
            # Only who reads all of what others brought knows how large it is.
            await digest(self._account, self._guid, UIDSet([uid]))
            letter = await self._letter(uid)
        if letter.octets is not None:
            return Octets(letter.octets), letter.structure
        run, again = self._account.run, partial(self._find_again, uid)
        content = await reading.open_content(letter.found, run=run, again=again)
        return content, letter.structure

    async def _letter(self, uid: UID) -> reading.Letter:
        return await self._account.look(lambda work: reading.letter(work, self._guid, uid))

    async def _find_again(self, uid: UID) -> reading.Found:
        return await self._look_again(lambda work: reading.find(work, self._guid, uid))


def _records(
    rows: list[tuple[Any, ...]],
    wanted: tuple[Wanted, ...],
    read: Callable[[list[UID]], dict[UID, bytes]],
) -> list[tuple[Any, ...]]:
    """Rows with content, if it is wanted and small."""
    if Wanted.CONTENT not in wanted:
        return rows
    contents = read([row[0] for row in rows])
    return [
        (
            row[0],
            *(
                contents.get(row[0]) if each is Wanted.CONTENT else value
                for each, value in zip(wanted, row[1:], strict=True)
            ),
        )
        for row in rows
    ]
