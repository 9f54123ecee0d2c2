"""
One account's mailboxes as somebody else may see them, and opened mailboxes whose every method asks
for the right it needs (:rfc:`4314#section-4`).

Reading asks when a mailbox is opened, changes ask at each call.  Flags are those of the message:
there is one ``\\Seen`` for all who share it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any

from zope.interface import directlyProvides, providedBy

from pymta.errors import MailboxError, MessageGone, NoSuchMailbox, NotPermitted
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, NewMessage
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import (
    DELETED,
    SEEN,
    SYSTEM_FLAGS,
    UID,
    Appended,
    Copied,
    Expunged,
    FlagChange,
    FlagMode,
    MailboxInfo,
    MailboxName,
    ModSeq,
    Opened,
    Rights,
    UIDSet,
    Wanted,
)
from pymta.store._names import parents
from pymta.store._needed import check_needed
from pymta.store._rights import granted
from pymta.store.granting import GrantingMailStore

__all__ = ["CHANGING", "Target", "Visit", "VisitedMailbox", "as_seen", "transfer"]

CHANGING: Rights = frozenset("ieswt")
"""Any of these makes a mailbox more than read-only (:rfc:`4314#section-5.2`)."""

_FREE = frozenset({"watch", "close"})
"""Methods of a mailbox that need no right; those that are not told of here need ``r``."""

_A_CALL = 1000


class Visit:
    """
    An account's mailboxes, and who looks at them.

    Nothing of the account is touched before one of its lists speaks of the visitor: there may be
    no such account.

    :param prefix: of the names under which the visitor sees them.
    """

    def __init__(self, mail: GrantingMailStore, account: str, visitor: str, *, prefix: str) -> None:
        self.account = account
        self.prefix = prefix
        self._mail = mail
        self._visitor = visitor
        self._store: IMailboxStore | None = None

    @property
    def store(self) -> IMailboxStore:
        """Where nothing is checked; private annotations are the visitor's."""
        if self._store is None:
            self._store = self._mail.visited(self.account, self._visitor)
        return self._store

    def full(self, name: str) -> MailboxName:
        """The name that the visitor knows."""
        return MailboxName(self.prefix + name)

    async def rights(self, name: MailboxName) -> Rights:
        """What the visitor may do; nothing where there is no mailbox."""
        return (await self._rights()).get(name, frozenset())

    async def _rights(self) -> dict[MailboxName, Rights]:
        return {
            grant.info.name: granted(grant.acl, grant.account, self._visitor)
            for grant in await self._mail.granted(self._visitor)
            if grant.account == self.account
        }

    async def require(self, name: MailboxName, *needed: str) -> Rights:
        """
        What the visitor may do.

        :raises NotPermitted: not all that is needed.
        :raises NoSuchMailbox: the same, where he may not know of it (:rfc:`4314#section-6`).
        """
        rights = await self.rights(name)
        if not rights or not rights.issuperset(needed):
            raise refusal(rights, self.full(name))
        return rights

    async def require_above(self, name: MailboxName) -> None:
        """:raises NotPermitted: no right to make levels below the next one that is there."""
        rights = await self._rights()
        for above in reversed(parents(name)) if rights else ():
            if above in rights or await self._exists(above):
                if "k" in rights.get(above, ()):
                    return
                break
        raise NotPermitted(f"no right to make {self.full(name)}")

    async def _exists(self, name: MailboxName) -> bool:
        try:
            await IACLStore(self.store).acl(name)
        except NoSuchMailbox:
            return False
        return True


def refusal(rights: Rights, name: MailboxName) -> MailboxError:
    """What somebody with these rights is told."""
    if "l" in rights:
        return NotPermitted(f"rights to {name}: {''.join(sorted(rights))}")
    return NoSuchMailbox(f"no mailbox {name}")


def as_seen(info: MailboxInfo, name: MailboxName, rights: Rights) -> MailboxInfo:
    """
    What a visitor sees of a mailbox: what it is for is its owner's affair, and without ``r``,
    there are no figures (:rfc:`4314#section-4`, STATUS).
    """
    seen = replace(info, name=name, rights=rights, special_use=frozenset(), subscribed=False)
    if "r" in rights:
        return seen
    return replace(seen, messages=0, unseen=0, deleted=0, size=0, deleted_size=0, uid_next=UID(1))


class Target:
    """
    A mailbox that messages go to.

    :param store: which has it, under this name.
    :param rights: to it, of whoever brings them.
    """

    def __init__(self, store: IMailboxStore, name: MailboxName, rights: Rights) -> None:
        self.store = store
        self.name = name
        self.rights = rights

    @property
    def takes_all_flags(self) -> bool:
        """Whether flags are kept as they are."""
        return self.rights.issuperset("swt")

    def allowed(self, message: NewMessage) -> NewMessage:
        """With the flags that may be set; none is refused (:rfc:`4314#section-4`)."""
        flags = frozenset(may_set(self.rights, message.flags))
        return message if flags == message.flags else replace(message, flags=flags)


def may_set(rights: Rights, flags: Collection[str]) -> Iterator[str]:
    """Flags that may be set and cleared (:rfc:`4314#section-4`)."""
    for flag in flags:
        needed = {SEEN.lower(): "s", DELETED.lower(): "t"}.get(flag.lower(), "w")
        if needed in rights:
            yield flag


async def transfer(
    source: IMailbox, uids: UIDSet, target: Target, *, needed: UIDSet | None = None
) -> Copied:
    """
    Copy to another account, or with fewer flags: all or none, in one commit of the target.

    What goes while it is read is not copied.  :raises MessageGone: it was ``needed``.
    """
    destination = await target.store.open(target.name)
    try:
        old: list[UID] = []
        messages: list[NewMessage] = []
        for part in _parts(uids & (await source.snapshot()).uids):
            for uid, flags, date in await source.records(
                part, [Wanted.FLAGS, Wanted.INTERNAL_DATE]
            ):
                try:
                    content = await source.content(uid)
                except MessageGone:
                    continue
                message = NewMessage(content=content, flags=flags, internal_date=date)
                messages.append(target.allowed(message))
                old.append(uid)
        check_needed(needed, old)
        if not old:
            info = await destination.info()
            return Copied(info.uid_validity, (), info.modseq)
        made = await destination.append(messages)
    finally:
        destination.close()
    return Copied(made.uid_validity, tuple(zip(old, made.uids, strict=True)), made.modseq)


def _parts(uids: UIDSet) -> Iterator[UIDSet]:
    every = list(uids)
    for start in range(0, len(every), _A_CALL):
        yield UIDSet(every[start : start + _A_CALL])


class VisitedMailbox:
    """
    Another's mailbox, opened; provides what it provides there.

    Made by :class:`~pymta.store.sharing.SharedMailboxes`, which finds destinations.

    :param rights: when it was opened.
    """

    def __init__(
        self, inner: IMailbox, visit: Visit, tree: Any, *, rights: Rights, read_only: bool
    ) -> None:
        self._inner = inner
        self._visit = visit
        self._tree = tree
        self._rights = rights
        self.name = visit.full(inner.name)
        self.read_only = read_only or not rights & CHANGING
        directlyProvides(self, providedBy(inner))

    def __getattr__(self, name: str) -> Any:
        if name not in _FREE and "r" not in self._rights:
            raise refusal(self._rights, self.name)
        return getattr(self._inner, name)

    async def info(self) -> MailboxInfo:
        return as_seen(await self._inner.info(), self.name, self._rights)

    async def opened(self) -> Opened:
        if "r" not in self._rights:
            raise refusal(self._rights, self.name)
        opened = await self._inner.opened()
        return replace(opened, info=as_seen(opened.info, self.name, self._rights))

    async def append(self, messages: Sequence[NewMessage]) -> Appended:
        target = Target(self._visit.store, self._inner.name, await self._require("i"))
        return await self._inner.append([target.allowed(message) for message in messages])

    async def change_flags(
        self, uids: UIDSet, change: FlagChange, unchanged_since: ModSeq | None = None
    ) -> UIDSet:
        rights = await self._require()
        if rights.issuperset("swt"):
            return await self._inner.change_flags(uids, change, unchanged_since)
        asked = frozenset(may_set(rights, change.flags))
        if change.mode is not FlagMode.REPLACE:
            # RFC 4314 section 4: it fails only where nothing at all may be changed.
            if change.flags and not asked:
                raise refusal(rights, self.name)
            allowed = FlagChange(change.mode, asked)
            return await self._inner.change_flags(uids, allowed, unchanged_since)
        every = frozenset(may_set(rights, SYSTEM_FLAGS | await self._inner.keywords()))
        if not every and not asked:
            raise refusal(rights, self.name)
        folded = {flag.lower() for flag in asked}
        others = frozenset(flag for flag in every if flag.lower() not in folded)
        # Two commits: what may not be changed stays as it is.
        cleared = FlagChange(FlagMode.REMOVE, others)
        late = await self._inner.change_flags(uids, cleared, unchanged_since)
        await self._inner.change_flags(uids - late, FlagChange(FlagMode.ADD, asked))
        return late

    async def copy(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> Copied:
        target = await self._tree.target(destination)
        return await self._copy(uids, target, needed)

    async def move(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> tuple[Copied, Expunged]:
        # RFC 6851 section 4.1
        await self._require("t", "e")
        target = await self._tree.target(destination)
        if self._is_here(target):
            return await self._inner.move(uids, target.name, needed)
        copied = await transfer(self._inner, uids, target, needed=needed)
        return copied, await self._inner.remove(UIDSet(old for old, _ in copied.pairs))

    async def replace(self, uid: UID, destination: MailboxName, message: NewMessage) -> Appended:
        await self._require("t", "e")
        target = await self._tree.target(destination)
        if target.store is self._visit.store:
            return await self._inner.replace(uid, target.name, target.allowed(message))
        return await replace_across(self._inner, uid, target, message)

    async def expunge(self, uids: UIDSet | None = None) -> Expunged:
        await self._require("e")
        return await self._inner.expunge(uids)

    async def remove(self, uids: UIDSet) -> Expunged:
        await self._require("t", "e")
        return await self._inner.remove(uids)

    async def take_recent(self) -> UID:
        # Messages stay recent to their owner, unless the visitor keeps track of them, too.
        if "s" in self._rights and not self.read_only:
            return await self._inner.take_recent()
        return (await self._inner.snapshot()).recent

    def close(self) -> None:
        self._inner.close()

    async def _copy(self, uids: UIDSet, target: Target, needed: UIDSet | None) -> Copied:
        if self._is_here(target):
            return await self._inner.copy(uids, target.name, needed)
        return await transfer(self._inner, uids, target, needed=needed)

    def _is_here(self, target: Target) -> bool:
        return target.store is self._visit.store and target.takes_all_flags

    async def _require(self, *needed: str) -> Rights:
        return await self._visit.require(self._inner.name, *needed)


async def replace_across(
    source: IMailbox, uid: UID, target: Target, message: NewMessage
) -> Appended:
    """REPLACE into another account: append, then remove, in two commits."""
    if uid not in (await source.snapshot()).uids:
        raise MessageGone(f"no message {uid}")
    destination = await target.store.open(target.name)
    try:
        made = await destination.append([target.allowed(message)])
    finally:
        destination.close()
    await source.remove(UIDSet([uid]))
    return made
