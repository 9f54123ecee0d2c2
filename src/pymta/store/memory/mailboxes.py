"""
The mailboxes of an account in memory, and all accounts together.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from zope.interface import implementer

from pymta.errors import MailboxError, MailboxExists, NoSuchMailbox, NoSuchQuotaRoot
from pymta.interfaces.annotations import Depth, IMetadataStore
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import Expiring, IAppendLimitStore, IQuotaRootStore, Vault
from pymta.interfaces.sharing import ANYONE, IACLStore
from pymta.mailbox import (
    ALL_RIGHTS,
    INBOX,
    UID,
    MailboxInfo,
    MailboxName,
    ModSeq,
    Namespaces,
    PossibleRights,
    QuotaRoot,
    Resource,
    Rights,
    RightsChange,
    StoreChanges,
    UIDValidity,
)
from pymta.store._annotations import checked_asked, checked_uses
from pymta.store._names import checked, nobody, normal, parents, renamed, sort_key
from pymta.store._quota import mailbox_of, without
from pymta.store._rights import (
    changed_rights,
    checked_identifier,
    granted,
    identifiers,
    possible,
)
from pymta.store.granting import Grant
from pymta.store.memory import notes
from pymta.store.memory.changes import RETENTION, copy, drop
from pymta.store.memory.mailbox import MemoryMailbox
from pymta.store.memory.state import Account, Box, Buried, Settings

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
    :param furnished: mailboxes that a new account has beside its inbox, all subscribed, and what
        they are for.
    :param about: shared annotations of the server, such as ``/shared/admin``.
    :param vault: asked before octets of an expunged message go; without one, nobody is.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime] = _utc_now,
        zone: tzinfo = UTC,
        tombstones: int = TOMBSTONES,
        furnished: Mapping[MailboxName, frozenset[str]] | None = None,
        about: Mapping[str, bytes] | None = None,
        vault: Vault | None = None,
    ) -> None:
        self._graves: list[Box] = []
        self._settings = Settings(
            now=now,
            zone=zone,
            tombstones=tombstones,
            ids=itertools.count(1),
            # From the time, so that a name that comes back in another process has another one.
            validities=itertools.count(int(time.time())),
            about=about or {},
            furnished=furnished or {},
            ring=self._ring,
            vaulted=vault is not None,
            graves=self._graves,
        )
        self._vault = vault
        self._accounts: dict[str, Account] = {}

    def mailboxes(self, account: str) -> MemoryMailboxes:
        """The account's mailboxes; ``INBOX`` exists."""
        return self.visited(account, account)

    def visited(self, account: str, visitor: str) -> MemoryMailboxes:
        """See :class:`~pymta.store.granting.GrantingMailStore`."""
        kept = self._accounts.get(account)
        if kept is None:
            kept = self._accounts[account] = Account(name=account)
            _furnish(kept, self._settings)
        return MemoryMailboxes(kept, self._settings, visitor)

    async def granted(self, visitor: str) -> Sequence[Grant]:
        """See :class:`~pymta.store.granting.GrantingMailStore`."""
        speaking = identifiers(visitor)
        return [
            Grant(box.account.name, box.info(subscribed=False), box.rights)
            for box in self._settings.shared.values()
            if box.account is not None
            and box.account.name != visitor
            and not box.rights.keys().isdisjoint(speaking)
        ]

    def _ring(self, identifier: str) -> None:
        for account in self._accounts.values():
            if identifier in (account.name, ANYONE):
                account.bells.ring()

    async def remove(self, account: str) -> None:
        """All of the account's mailboxes are gone, also for whoever has them open."""
        kept = self._accounts.pop(account, None)
        if kept is None:
            return
        boxes = list(kept.boxes.values())
        for box in boxes:
            _close(box, self._settings)
        kept.boxes.clear()
        kept.notes.clear()
        kept.subscribed.clear()
        kept.removed = True
        # Whoever gets the name next is somebody else.
        for box in self._settings.shared.values():
            box.rights.pop(account, None)
            box.rights.pop("-" + account, None)
            box.notes = {key: note for key, note in box.notes.items() if key[0] != account}
        kept.changed(boxes, kept.step())

    async def sweep(self) -> None:
        """Octets of messages that were expunged an hour ago go."""
        before = self._settings.now() - RETENTION
        for account in list(self._accounts.values()):
            for box in list(account.boxes.values()):
                await self._vault_all(box, before)
                box.forget(self._settings.tombstones, before)
        for box in list(self._graves):
            await self._vault_all(box, before)
            if not box.buried:
                self._graves.remove(box)

    async def _vault_all(self, box: Box, before: datetime) -> None:
        if self._vault is None:
            return
        for uid in box.overdue(before):
            buried = box.buried[uid]
            if self._times_kept(buried.content) == 1:
                await self._vault(_expiring(box, uid, buried))
            box.buried.pop(uid, None)

    def _times_kept(self, content: Octets) -> int:
        """Where a copy stays, no octets go."""
        boxes = [box for account in self._accounts.values() for box in account.boxes.values()]
        return sum(
            kept.content is content
            for box in (*boxes, *self._graves)
            for kept in (*(box.messages.values() if box.account else ()), *box.buried.values())
        )

    def close(self) -> None:
        """Nothing is held."""


@implementer(IACLStore, IMetadataStore, IQuotaRootStore, IAppendLimitStore)
class MemoryMailboxes:
    """
    One account; made by :meth:`MemoryMailStore.mailboxes`.

    :param who: looks at it: the account itself, or a visitor.
    """

    def __init__(self, account: Account, settings: Settings, who: str) -> None:
        self._account = account
        self._settings = settings
        self._who = who

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
            annotated=self._annotated(since),
        )

    def _annotated(self, since: ModSeq) -> tuple[tuple[MailboxName | None, frozenset[str]], ...]:
        account = self._account
        of_all = [(None, account.notes), *((box.name, box.notes) for box in account.boxes.values())]
        changed = [(name, notes.annotated(kept, since, self._who)) for name, kept in of_all]
        return tuple((name, entries) for name, entries in changed if entries)

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        return self._account.bells.add(ring)

    # -- changing --------------------------------------------------------------

    async def create(
        self, name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> MailboxInfo:
        name, uses = checked(name), checked_uses(special_use)
        account = self._living()
        if name in account.boxes:
            raise MailboxExists(f"{name} is there already")
        self._check_mailboxes(name, 1)
        modseq = account.step()
        made = self._add_parents(name)
        box = _add_box(account, name, self._settings)
        box.special_use = uses
        account.changed([*made, box], modseq)
        return self._info(box)

    async def delete(self, name: MailboxName) -> None:
        box = self._account.box(name)
        if box.name == INBOX:
            raise MailboxError("INBOX cannot be deleted")
        account = self._account
        modseq = account.step()
        self._vacate(box.name, modseq)
        account.quota.octets -= box.quota.octets
        account.quota.messages -= box.quota.messages
        _close(box, self._settings)
        account.changed([box], modseq)

    async def rename(self, old: MailboxName, new: MailboxName) -> None:
        box = self._account.box(old)
        new = checked(new)
        if new in self._account.boxes:
            raise MailboxExists(f"{new} is there already")
        self._check_mailboxes(new, box.name == INBOX)
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

    async def quota_roots(self, name: MailboxName) -> Sequence[QuotaRoot]:
        roots = [self._root(None)]
        box = self._account.boxes.get(normal(name))
        return roots if box is None else [*roots, self._root(box)]

    async def quota(self, root: str) -> QuotaRoot:
        return self._root(self._box_of(root))

    async def set_limits(self, root: str, limits: Mapping[Resource, int]) -> QuotaRoot:
        box = self._box_of(root)
        if box is None:
            self._account.quota.limit(limits)
        else:
            box.quota.limit(without(limits, Resource.MAILBOX))
        return self._root(box)

    def _box_of(self, root: str) -> Box | None:
        name = mailbox_of(root)
        if name is None:
            return None
        if name not in self._account.boxes:
            raise NoSuchQuotaRoot(f"no quota root {root}")
        return self._account.boxes[name]

    def _root(self, box: Box | None) -> QuotaRoot:
        account = self._account
        if box is None:
            return account.quota.root(len(account.boxes))
        return box.quota.root_of(box.name)

    async def set_append_limit(self, name: MailboxName, octets: int | None) -> None:
        box = self._account.box(name)
        box.append_limit = octets
        self._account.changed([box], self._account.step())

    # -- rights ----------------------------------------------------------------

    async def acl(self, name: MailboxName) -> Mapping[str, Rights]:
        box = self._account.box(name)
        return {self._account.name: ALL_RIGHTS, **box.rights}

    async def set_rights(self, name: MailboxName, identifier: str, change: RightsChange) -> None:
        checked_identifier(identifier)
        account = self._account
        box = account.box(name)
        after = changed_rights(box.rights, identifier, change)
        if identifier == account.name:
            return
        box.rights.pop(identifier, None)
        if after:
            box.rights[identifier] = after
            self._settings.shared[box.id] = box
        account.changed([box], account.step())
        self._settings.ring(identifier.removeprefix("-"))

    async def my_rights(self, name: MailboxName) -> Rights:
        return granted(self._account.box(name).rights, self._account.name, self._who)

    async def possible_rights(self, name: MailboxName, identifier: str) -> PossibleRights:
        checked_identifier(identifier)
        self._account.box(name)
        return possible(self._account.name, identifier)

    async def namespaces(self) -> Namespaces:
        return Namespaces()

    # -- annotations -----------------------------------------------------------

    async def annotations(
        self, name: MailboxName | None, entries: Sequence[str], depth: Depth = Depth.ZERO
    ) -> Mapping[str, bytes]:
        asked = [(checked_asked(entry), depth) for entry in entries]
        about = self._settings.about
        return notes.read(self._account, name, asked, who=self._who, about=about)

    async def annotate(self, name: MailboxName | None, values: Mapping[str, bytes | None]) -> None:
        notes.annotate(self._account, name, values, who=self._who)

    # -- inside ----------------------------------------------------------------

    def _living(self) -> Account:
        if self._account.removed:
            raise NoSuchMailbox("the account was removed")
        return self._account

    def _info(self, box: Box) -> MailboxInfo:
        return box.info(box.name in self._account.subscribed)

    def _check_mailboxes(self, name: MailboxName, more: int) -> None:
        account = self._account
        missing = sum(each not in account.boxes for each in parents(name))
        if more + missing:
            account.quota.check_mailboxes(len(account.boxes) + more + missing)

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
        # RFC 5464 section 4.1: the annotations are copied.
        target.notes = dict(inbox.notes)
        drop(inbox, uids, modseq=modseq, now=now, tombstones=settings.tombstones)
        account.changed([*made, target, inbox], modseq)

    def _subscription_changed(self, name: MailboxName) -> None:
        account = self._account
        modseq = account.step()
        box = account.boxes.get(name)
        if box is None:
            account.gone[name] = modseq
        account.changed([] if box is None else [box], modseq)


def _furnish(account: Account, settings: Settings) -> None:
    _add_box(account, INBOX, settings)
    for name, uses in settings.furnished.items():
        _add_box(account, name, settings).special_use = uses
    if settings.furnished:
        account.subscribed.update(account.boxes)


def _add_box(account: Account, name: MailboxName, settings: Settings) -> Box:
    above = [each for each in parents(name) if each in account.boxes]
    box = Box(
        id=f"M{next(settings.ids)}",
        name=name,
        account=account,
        uid_validity=UIDValidity(next(settings.validities)),
        special_use=frozenset(),
        modseq=account.modseq,
        vaulted=settings.vaulted,
        # RFC 4314 section 4: of the next level above that is there.
        rights=dict(account.boxes[above[-1]].rights) if above else {},
    )
    if box.rights:
        settings.shared[box.id] = box
    account.boxes[name] = box
    account.gone.pop(name, None)
    return box


def _expiring(box: Box, uid: UID, buried: Buried) -> Expiring:
    return Expiring(
        account=None if box.account is None else box.account.name,
        mailbox=box.name,
        uid=uid,
        internal_date=buried.internal_date,
        since=buried.since,
        content=buried.content,
    )


def _close(box: Box, settings: Settings) -> None:
    """It is gone, for whoever has it open, too."""
    box.account = None
    settings.shared.pop(box.id, None)
    if settings.vaulted:
        now = settings.now()
        for uid, message in box.messages.items():
            box.bury(uid, message, now)
        settings.graves.append(box)
