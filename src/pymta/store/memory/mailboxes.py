"""
The mailboxes of an account in memory, and all accounts together.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

from zope.interface import implementer

from pymta.errors import MailboxError, MailboxExists, NoSuchMailbox
from pymta.interfaces.mailbox import IQuotaStore
from pymta.mailbox import (
    INBOX,
    MailboxInfo,
    MailboxName,
    ModSeq,
    StoreChanges,
    UIDValidity,
)
from pymta.store._names import checked, nobody, normal, parents, renamed, sort_key
from pymta.store.memory.changes import RETENTION, copy, drop
from pymta.store.memory.mailbox import MemoryMailbox
from pymta.store.memory.state import Account, Box, Settings

__all__ = ["TOMBSTONES", "MemoryMailStore", "MemoryMailboxes"]

TOMBSTONES = 100_000
"""Expunged UIDs a mailbox remembers: what a phone misses in a month, many times over."""


def _utc_now() -> datetime:
    return datetime.now(UTC)


class MemoryMailStore:
    """
    The mailboxes of all accounts, made when they are first asked for.

    :param now: aware.
    :param zone: whose calendar internal dates are searched by.
    :param tombstones: how many expunged UIDs a mailbox remembers.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = _utc_now,
        zone: tzinfo = UTC,
        tombstones: int = TOMBSTONES,
    ) -> None:
        self._settings = Settings(
            now=now,
            zone=zone,
            tombstones=tombstones,
            ids=itertools.count(1),
            # From the time, so that a name that comes back in another process has another one.
            validities=itertools.count(int(time.time())),
        )
        self._accounts: dict[str, Account] = {}

    def mailboxes(self, account: str) -> MemoryMailboxes:
        """The account's mailboxes; ``INBOX`` exists."""
        kept = self._accounts.get(account)
        if kept is None:
            kept = self._accounts[account] = Account()
            _add_box(kept, INBOX, self._settings)
        return MemoryMailboxes(kept, self._settings)

    async def remove(self, account: str) -> None:
        """All of the account's mailboxes are gone, also for whoever has them open."""
        kept = self._accounts.pop(account, None)
        if kept is None:
            return
        boxes = list(kept.boxes.values())
        for box in boxes:
            box.account = None
        kept.boxes.clear()
        kept.subscribed.clear()
        kept.removed = True
        kept.changed(boxes, kept.step())

    async def sweep(self) -> None:
        """Octets of messages that were expunged an hour ago go."""
        before = self._settings.now() - RETENTION
        for account in self._accounts.values():
            for box in account.boxes.values():
                box.forget(self._settings.tombstones, before)

    def close(self) -> None:
        """Nothing is held."""


@implementer(IQuotaStore)
class MemoryMailboxes:
    """One account; made by :meth:`MemoryMailStore.mailboxes`."""

    def __init__(self, account: Account, settings: Settings) -> None:
        self._account = account
        self._settings = settings

    # -- looking ---------------------------------------------------------------

    async def mailboxes(self) -> Sequence[MailboxInfo]:
        account = self._account
        infos = [self._info(box) for box in account.boxes.values()]
        infos += [nobody(name) for name in account.subscribed if name not in account.boxes]
        return sorted(infos, key=lambda info: sort_key(info.name))

    async def open(self, name: MailboxName, read_only: bool = False) -> MemoryMailbox:
        return MemoryMailbox(self._account.box(name), self._settings, read_only=read_only)

    async def changes(self, since: ModSeq) -> StoreChanges:
        account = self._account
        moved = [self._info(box) for box in account.boxes.values() if box.modseq > since]
        gone = [name for name, modseq in account.gone.items() if modseq > since]
        return StoreChanges(
            changed=tuple(sorted(moved, key=lambda info: sort_key(info.name))),
            gone=tuple(sorted(gone, key=sort_key)),
            until=account.modseq,
        )

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        return self._account.bells.add(ring)

    # -- changing --------------------------------------------------------------

    async def create(
        self, name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> MailboxInfo:
        name = checked(name)
        account = self._living()
        if name in account.boxes:
            raise MailboxExists(f"{name} is there already")
        modseq = account.step()
        made = self._add_parents(name)
        box = _add_box(account, name, self._settings)
        box.special_use = special_use
        account.changed([*made, box], modseq)
        return self._info(box)

    async def delete(self, name: MailboxName) -> None:
        box = self._account.box(name)
        if box.name == INBOX:
            raise MailboxError("INBOX cannot be deleted")
        account = self._account
        modseq = account.step()
        self._vacate(box.name, modseq)
        account.quota.octets -= box.size
        account.quota.messages -= len(box.messages)
        box.account = None
        account.changed([box], modseq)

    async def rename(self, old: MailboxName, new: MailboxName) -> None:
        box = self._account.box(old)
        new = checked(new)
        if new in self._account.boxes:
            raise MailboxExists(f"{new} is there already")
        if box.name == INBOX:
            self._empty_inbox(box, new)
        else:
            self._rename(renamed(box.name, new, self._account.boxes))

    async def subscribe(self, name: MailboxName) -> None:
        name = checked(name)
        subscribed = self._living().subscribed
        if name not in subscribed:
            subscribed.add(name)
            self._subscription_changed(name)

    async def unsubscribe(self, name: MailboxName) -> None:
        name = normal(name)
        if name in self._account.subscribed:
            self._account.subscribed.remove(name)
            self._subscription_changed(name)

    # -- the quota -------------------------------------------------------------

    async def room(self, size: int) -> bool:
        return self._account.quota.fits(size, 1)

    async def set_quota(self, octets: int | None, messages: int | None = None) -> None:
        self._account.quota.max_octets = octets
        self._account.quota.max_messages = messages

    # -- inside ----------------------------------------------------------------

    def _living(self) -> Account:
        if self._account.removed:
            raise NoSuchMailbox("the account was removed")
        return self._account

    def _info(self, box: Box) -> MailboxInfo:
        return box.info(box.name in self._account.subscribed)

    def _add_parents(self, name: MailboxName) -> list[Box]:
        missing = [each for each in parents(name) if each not in self._account.boxes]
        return [_add_box(self._account, each, self._settings) for each in missing]

    def _vacate(self, name: MailboxName, modseq: ModSeq) -> None:
        del self._account.boxes[name]
        self._account.gone[name] = modseq

    def _rename(self, names: dict[MailboxName, MailboxName]) -> None:
        account = self._account
        modseq = account.step()
        boxes = [account.boxes[name] for name in names]
        for box in boxes:
            self._vacate(box.name, modseq)
            box.name = names[box.name]
        for box in boxes:
            account.boxes[box.name] = box
            account.gone.pop(box.name, None)
        made = self._add_parents(boxes[0].name)
        account.changed([*made, *boxes], modseq)

    def _empty_inbox(self, inbox: Box, new: MailboxName) -> None:
        account, settings = self._account, self._settings
        modseq = account.step()
        made = self._add_parents(new)
        target = _add_box(account, new, settings)
        uids, now = list(inbox.messages), settings.now()
        copy(inbox, target, uids, modseq=modseq, now=now)
        drop(inbox, uids, modseq=modseq, now=now, tombstones=settings.tombstones)
        account.changed([*made, target, inbox], modseq)

    def _subscription_changed(self, name: MailboxName) -> None:
        account = self._account
        modseq = account.step()
        box = account.boxes.get(name)
        if box is None:
            account.gone[name] = modseq
        account.changed([] if box is None else [box], modseq)


def _add_box(account: Account, name: MailboxName, settings: Settings) -> Box:
    box = Box(
        id=f"M{next(settings.ids)}",
        name=name,
        account=account,
        uid_validity=UIDValidity(next(settings.validities)),
        special_use=frozenset(),
        modseq=account.modseq,
    )
    account.boxes[name] = box
    account.gone.pop(name, None)
    return box
