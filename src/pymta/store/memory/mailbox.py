"""
A session with one mailbox in memory.

Every method works on the shared :class:`~pymta.store.memory.state.Box` in one go: what waits
(reading what is to be appended) comes first.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from zope.interface import implementer

from pymta.database.times import to_microseconds
from pymta.errors import MailboxInUse, MailboxReadOnly, MessageGone, NoSuchMailbox
from pymta.interfaces.content import SLICE, IContent
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
from pymta.message.sorting import Sortable, sort, threadable
from pymta.message.threading import thread
from pymta.search import Query, SortKey, ThreadAlgorithm, ThreadNode
from pymta.store._flags import BIT_DELETED, changed, names_of, part, spelled
from pymta.store._needed import check_needed
from pymta.store._quota import check_size
from pymta.store._search import Glance, Row, search
from pymta.store.memory.changes import RETENTION, copy, drop, put, receive, unknown
from pymta.store.memory.state import Account, Box, Message, Settings

__all__ = ["MAX_RECORDS", "MemoryMailbox"]

MAX_RECORDS = 2000


@implementer(ISortingMailbox)
class MemoryMailbox:
    """Made by :meth:`~pymta.store.memory.mailboxes.MemoryMailboxes.open`."""

    def __init__(self, box: Box, settings: Settings, *, read_only: bool) -> None:
        self.name = box.name
        self.read_only = read_only
        self._box = box
        self._settings = settings
        self._watching: list[Callable[[], None]] = []

    # -- looking ---------------------------------------------------------------

    async def info(self) -> MailboxInfo:
        box, account = self._there()
        return box.info(box.name in account.subscribed)

    async def keywords(self) -> frozenset[str]:
        box, _ = self._there()
        return frozenset(box.keywords.values())

    async def snapshot(self) -> Snapshot:
        box, _ = self._there()
        return Snapshot(
            uids=UIDSet(box.messages),
            uid_validity=box.uid_validity,
            uid_next=box.uid_next,
            modseq=box.modseq,
            recent=box.recent,
        )

    async def opened(self) -> Opened:
        box, _ = self._there()
        return Opened(
            info=await self.info(),
            keywords=await self.keywords(),
            snapshot=await self.snapshot(),
            first_unseen=box.first_unseen(),
        )

    async def changes(self, since: ModSeq, known: UIDSet | None = None) -> Changes:
        box, _ = self._there()
        if since >= box.modseq:
            return Changes(arrived=UIDSet(), changed=(), vanished=UIDSet(), until=box.modseq)
        moved = [(uid, m) for uid, m in box.messages.items() if m.modseq > since]
        return Changes(
            arrived=UIDSet(uid for uid, m in moved if m.arrived > since),
            changed=tuple((uid, m.modseq) for uid, m in moved if m.arrived <= since),
            vanished=box.vanished(since, known),
            until=box.modseq,
        )

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        down = self._box.bells.add(ring)
        self._watching.append(down)
        return down

    async def records(
        self, uids: UIDSet, wanted: Sequence[Wanted], changed_since: ModSeq | None = None
    ) -> Sequence[tuple[Any, ...]]:
        box, _ = self._there()
        if len(uids) > MAX_RECORDS:
            raise ValueError(f"{len(uids)} UIDs in one call")
        since = -1 if changed_since is None else changed_since
        return [
            (uid, *(_column(message, each) for each in wanted))
            for uid, message in [(uid, box.messages[uid]) for uid in box.present(uids)]
            if message.modseq > since
        ]

    async def sizes(self) -> Sequence[tuple[UID, int]]:
        box, _ = self._there()
        return [(uid, message.content.size) for uid, message in box.messages.items()]

    async def unended(self) -> UIDSet:
        box, _ = self._there()
        messages = ((uid, message.content.octets) for uid, message in box.messages.items())
        return UIDSet(uid for uid, octets in messages if octets and not octets.endswith(b"\r\n"))

    async def content(self, uid: UID) -> IContent:
        box, _ = self._there()
        if uid in box.messages:
            return box.messages[uid].content
        buried = box.buried.get(uid)
        if buried is None or buried.since < self._settings.now() - RETENTION:
            raise MessageGone(f"no message {uid} in {box.name}")
        return buried.content

    async def search(self, query: Query) -> Found:
        box, _ = self._there()
        rows = [
            Row(
                *(uid, m.flags, m.modseq, m.content.size, m.internal_date, m.save_date),
                email_id=m.email_id,
                glance=Glance.of(m.digest.index),
            )
            for uid, m in box.messages.items()
        ]

        async def page(first: int, last: int) -> list[Row]:
            return [row for row in rows if first <= row.uid <= last]

        zone, now = self._settings.zone, self._settings.now()
        return await search(query, page, self._load, zone=zone, now=now, breathe=_without_a_clock)

    async def sort(self, query: Query, keys: Sequence[SortKey]) -> Found:
        found = await self.search(query)
        order = await sort(self._sortables(found), keys, _without_a_clock)
        return Found(found.uids, found.modseq, tuple(order), found.scores)

    async def thread(
        self, query: Query, algorithm: ThreadAlgorithm
    ) -> tuple[Found, list[ThreadNode]]:
        found = await self.search(query)
        messages = [threadable(each) for each in self._sortables(found)]
        return found, await thread(messages, algorithm, _without_a_clock)

    # -- changing --------------------------------------------------------------

    async def append(self, messages: Sequence[NewMessage]) -> Appended:
        self._may_change()
        incoming = [await receive(message) for message in messages]
        box, account = self._may_change()
        new = unknown(incoming, box)
        for each in new:
            check_size(each.content.size, box.append_limit, each.delivery_id)
        _check_room(box, account, sum(m.content.size for m in new), len(new))
        modseq = account.step() if new else box.modseq
        uids = put(box, incoming, modseq, self._settings.now())
        if new:
            account.changed([box], modseq)
        return Appended(box.uid_validity, uids, modseq)

    async def replace(self, uid: UID, destination: MailboxName, message: NewMessage) -> Appended:
        self._may_change()
        incoming = await receive(message)
        box, account = self._may_change()
        target = account.box(destination)
        if uid not in box.messages:
            raise MessageGone(f"no message {uid} in {box.name}")
        size = incoming.content.size
        check_size(size, target.append_limit, incoming.delivery_id)
        more = size - box.messages[uid].content.size
        account.quota.check(more, 0)
        target.quota.check(*((more, 0) if target is box else (size, 1)))
        modseq = account.step()
        uids = put(target, [incoming], modseq, self._settings.now())
        self._drop([uid], modseq)
        account.changed([target] if target is box else [target, box], modseq)
        return Appended(target.uid_validity, uids, modseq)

    async def change_flags(
        self, uids: UIDSet, change: FlagChange, unchanged_since: ModSeq | None = None
    ) -> UIDSet:
        asked = part(change.flags)
        box, account = self._may_change()
        there = box.present(uids)
        late = set()
        if unchanged_since is not None:
            late = {uid for uid in there if box.messages[uid].modseq > unchanged_since}
        wanted = spelled(asked, box.keywords)
        before = {uid: box.messages[uid].flags for uid in there if uid not in late}
        after = {uid: changed(flags, change.mode, wanted) for uid, flags in before.items()}
        after = {uid: flags for uid, flags in after.items() if flags != before[uid]}
        if after:
            modseq = account.step()
            for uid, flags in after.items():
                box.reflag(uid, flags, modseq)
            account.changed([box], modseq)
        return UIDSet(late)

    async def copy(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> Copied:
        box, account = self._there()
        target = account.box(destination)
        there = box.present(uids)
        check_needed(needed, there)
        if not there:
            return Copied(target.uid_validity, (), target.modseq)
        size = sum(box.messages[uid].content.size for uid in there)
        _check_room(target, account, size, len(there))
        modseq = account.step()
        pairs = copy(box, target, there, modseq=modseq, now=self._settings.now())
        account.changed([target], modseq)
        return Copied(target.uid_validity, pairs, modseq)

    async def move(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> tuple[Copied, Expunged]:
        box, account = self._may_change()
        target = account.box(destination)
        there = box.present(uids)
        check_needed(needed, there)
        if not there:
            return Copied(target.uid_validity, (), target.modseq), Expunged(UIDSet(), box.modseq)
        if target is not box:
            size = sum(box.messages[uid].content.size for uid in there)
            target.quota.check(size, len(there))
        modseq = account.step()
        pairs = copy(box, target, there, modseq=modseq, now=self._settings.now())
        self._drop(there, modseq)
        account.changed([target] if target is box else [target, box], modseq)
        return Copied(target.uid_validity, pairs, modseq), Expunged(UIDSet(there), modseq)

    async def expunge(self, uids: UIDSet | None = None) -> Expunged:
        box, account = self._may_change()
        there = list(box.messages) if uids is None else box.present(uids)
        marked = [uid for uid in there if box.messages[uid].flags.bits & BIT_DELETED]
        return self._remove(account, marked)

    async def remove(self, uids: UIDSet) -> Expunged:
        box, account = self._may_change()
        return self._remove(account, box.present(uids))

    async def take_recent(self) -> UID:
        box, _ = self._may_change()
        recent, box.recent = box.recent, box.uid_next
        return recent

    # -- the session -----------------------------------------------------------

    async def lock(self) -> Callable[[], Awaitable[None]]:
        box, _ = self._there()
        if box.lock is not None:
            raise MailboxInUse(f"{box.name} is locked by another session")
        box.lock = mine = object()

        async def release() -> None:
            if box.lock is mine:
                box.lock = None

        return release

    def close(self) -> None:
        while self._watching:
            self._watching.pop()()

    # -- inside ----------------------------------------------------------------

    def _there(self) -> tuple[Box, Account]:
        if self._box.account is None:
            raise NoSuchMailbox(f"{self.name} was deleted")
        return self._box, self._box.account

    def _may_change(self) -> tuple[Box, Account]:
        there = self._there()
        if self.read_only:
            raise MailboxReadOnly(f"{self.name} was opened read-only")
        return there

    def _sortables(self, found: Found) -> list[Sortable]:
        scores = dict(zip(found.uids, found.scores, strict=False))
        messages = [(uid, self._box.messages[uid]) for uid in self._box.present(found.uids)]
        return [
            Sortable(
                *(uid, to_microseconds(message.internal_date), message.content.size),
                entry=message.digest.index,
                score=scores.get(uid, 0),
            )
            for uid, message in messages
        ]

    async def _load(self, uid: UID) -> tuple[IContent, bytes] | None:
        message = self._box.messages.get(uid)
        return None if message is None else (message.content, message.digest.structure)

    def _remove(self, account: Account, uids: Sequence[UID]) -> Expunged:
        if not uids:
            return Expunged(UIDSet(), self._box.modseq)
        modseq = account.step()
        self._drop(uids, modseq)
        account.changed([self._box], modseq)
        return Expunged(UIDSet(uids), modseq)

    def _drop(self, uids: Sequence[UID], modseq: ModSeq) -> None:
        settings = self._settings
        drop(self._box, uids, modseq=modseq, now=settings.now(), tombstones=settings.tombstones)


async def _without_a_clock() -> None:
    """Nothing else has a turn: a store for tests needs no reactor."""


def _check_room(box: Box, account: Account, octets: int, messages: int) -> None:
    account.quota.check(octets, messages)
    box.quota.check(octets, messages)


def _column(message: Message, wanted: Wanted) -> Any:
    match wanted:
        case Wanted.FLAGS:
            return names_of(message.flags)
        case Wanted.MODSEQ:
            return message.modseq
        case Wanted.SIZE:
            return message.content.size
        case Wanted.INTERNAL_DATE:
            return message.internal_date
        case Wanted.SAVE_DATE:
            return message.save_date
        case Wanted.ENVELOPE:
            return message.digest.envelope
        case Wanted.STRUCTURE:
            return message.digest.structure
        case Wanted.IMAP_ENVELOPE:
            return message.digest.imap_envelope
        case Wanted.IMAP_STRUCTURE:
            return message.digest.imap_structure
        case Wanted.PREVIEW:
            return message.digest.preview
        case Wanted.EMAIL_ID:
            return message.email_id
        case Wanted.CONTENT:
            return message.content.octets if message.content.size <= SLICE else None
