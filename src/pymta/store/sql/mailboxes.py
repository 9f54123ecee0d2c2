"""
The mailboxes of an account in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, select
from zope.interface import implementer

from pymta.database.rows import keys
from pymta.errors import NoSuchMailbox, NoSuchQuotaRoot
from pymta.interfaces.annotations import Depth, IMetadataStore
from pymta.interfaces.mailbox import IAppendLimitStore, IQuotaRootStore
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import (
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
)
from pymta.store._annotations import checked_asked, checked_uses
from pymta.store._names import checked, nobody, normal, sort_key
from pymta.store._quota import mailbox_of
from pymta.store._rights import checked_identifier, granted, possible
from pymta.store.sql import access, annotating, naming
from pymta.store.sql.mailbox import SQLMailbox
from pymta.store.sql.place import Place
from pymta.store.sql.queries import STORES
from pymta.store.sql.resources import Resources
from pymta.store.sql.rows import info_of, store_of
from pymta.store.sql.tables import gone, mailboxes, stores, subscriptions

__all__ = ["SQLMailboxes"]

_ACCOUNT = select(stores.c.id).where(stores.c.account == bindparam("account"))
_MODSEQ = select(stores.c.modseq).where(stores.c.id == bindparam("store"))
_ALL = select(mailboxes).where(mailboxes.c.store == bindparam("store"))
_SUBSCRIBED = select(subscriptions.c.name).where(subscriptions.c.store == bindparam("store"))
_GONE = select(gone.c.name).where(
    gone.c.store == bindparam("store"), gone.c.modseq > bindparam("since")
)


@implementer(IACLStore, IMetadataStore, IQuotaRootStore, IAppendLimitStore)
class SQLMailboxes:
    """
    Made by :meth:`~pymta.store.sql.store.SQLMailStore.mailboxes`; asks for its rows at its first
    call, which makes them if need be.

    :param who: looks at it: the account itself, or a visitor.
    """

    def __init__(self, resources: Resources, account: str, who: str) -> None:
        self._resources = resources
        self._account = account
        self._who = who
        self._number: int | None = None

    # -- looking ---------------------------------------------------------------

    async def mailboxes(self) -> Sequence[MailboxInfo]:
        store = await self._store()
        infos, subscribed = await self._resources.read(lambda c: _infos(c, store, ModSeq(-1)))
        names = {info.name for info in infos}
        infos += [nobody(name) for name in subscribed if name not in names]
        return sorted(infos, key=lambda info: sort_key(info.name))

    async def open(self, name: MailboxName, read_only: bool = False) -> SQLMailbox:
        place = Place(await self._store(), normal(name))
        return SQLMailbox(self._resources, place, read_only=read_only)

    async def changes(self, since: ModSeq) -> StoreChanges:
        store = await self._store()
        who = self._who
        return await self._resources.read(lambda c: _changes(c, store, since, who))

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        return self._resources.bells.watch(self._number, ring)

    # -- changing --------------------------------------------------------------

    async def create(
        self, name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> MailboxInfo:
        name, uses = checked(name), checked_uses(special_use)
        entry = naming.Create(await self._store(), name, uses)
        return await self._resources.write(naming.create, entry)

    async def delete(self, name: MailboxName) -> None:
        entry = naming.Delete(await self._store(), normal(name))
        await self._resources.write(naming.delete_mailbox, entry)

    async def rename(self, old: MailboxName, new: MailboxName) -> None:
        entry = naming.Rename(await self._store(), normal(old), checked(new))
        await self._resources.write(naming.rename, entry)

    async def subscribe(self, name: MailboxName) -> None:
        entry = naming.Subscribe(await self._store(), checked(name), subscribed=True)
        await self._resources.write(naming.subscribe, entry)

    async def unsubscribe(self, name: MailboxName) -> None:
        entry = naming.Subscribe(await self._store(), normal(name), subscribed=False)
        await self._resources.write(naming.subscribe, entry)

    # -- the quota -------------------------------------------------------------

    async def room(self, size: int) -> bool:
        store = await self._store()
        return await self._resources.read(lambda c: _room(c, store, size))

    async def set_quota(self, octets: int | None, messages: int | None = None) -> None:
        entry = naming.Limit(await self._store(), octets, messages)
        await self._resources.write(naming.limit, entry)

    async def quota_roots(self, name: MailboxName) -> Sequence[QuotaRoot]:
        store, name = await self._store(), normal(name)
        try:
            return await self._resources.read(lambda c: access.roots(c, store, [None, name]))
        except NoSuchMailbox:
            return await self._resources.read(lambda c: access.roots(c, store, [None]))

    async def quota(self, root: str) -> QuotaRoot:
        name, store = mailbox_of(root), await self._store()
        try:
            [found] = await self._resources.read(lambda c: access.roots(c, store, [name]))
        except NoSuchMailbox:
            raise NoSuchQuotaRoot(f"no quota root {root}") from None
        return found

    async def set_limits(self, root: str, limits: Mapping[Resource, int]) -> QuotaRoot:
        entry = access.SetLimits(await self._store(), root, dict(limits))
        await self._resources.write(access.set_limits, entry)
        return await self.quota(root)

    async def set_append_limit(self, name: MailboxName, octets: int | None) -> None:
        entry = access.SetAppendLimit(await self._store(), normal(name), octets)
        await self._resources.write(access.set_append_limit, entry)

    # -- rights ----------------------------------------------------------------

    async def acl(self, name: MailboxName) -> Mapping[str, Rights]:
        store, name, owner = await self._store(), normal(name), self._account
        return await self._resources.read(lambda c: access.acl(c, store, name, owner))

    async def set_rights(self, name: MailboxName, identifier: str, change: RightsChange) -> None:
        checked_identifier(identifier)
        entry = access.SetRights(await self._store(), normal(name), identifier, change)
        await self._resources.write(access.set_rights, entry)

    async def my_rights(self, name: MailboxName) -> Rights:
        return granted(await self.acl(name), self._account, self._who)

    async def possible_rights(self, name: MailboxName, identifier: str) -> PossibleRights:
        checked_identifier(identifier)
        await self.acl(name)
        return possible(self._account, identifier)

    async def namespaces(self) -> Namespaces:
        return Namespaces()

    # -- annotations -----------------------------------------------------------

    async def annotations(
        self, name: MailboxName | None, entries: Sequence[str], depth: Depth = Depth.ZERO
    ) -> Mapping[str, bytes]:
        asked = annotating.Asked(
            store=await self._store(),
            name=None if name is None else normal(name),
            owner=self._account,
            who=self._who,
            entries=tuple((checked_asked(entry), depth) for entry in entries),
        )
        context = self._resources.context
        return await self._resources.read(lambda c: annotating.read(c, asked, context))

    async def annotate(self, name: MailboxName | None, values: Mapping[str, bytes | None]) -> None:
        entry = annotating.Annotate(
            store=await self._store(),
            name=None if name is None else normal(name),
            who=self._who,
            values=dict(values),
        )
        size = sum(len(value or b"") for value in values.values())
        await self._resources.write(annotating.annotate, entry, size=size)

    # -- inside ----------------------------------------------------------------

    async def _store(self) -> int:
        """The number of the account's row."""
        if self._number is None:
            which = {"account": self._account}
            number: int | None = await self._resources.known(
                ("account", self._account), lambda c: c.scalar(_ACCOUNT, which)
            )
            if number is None:
                number = await self._resources.write(naming.open_account, self._account)
            self._number = number
            return number
        return self._number


def _infos(
    connection: Connection, store: int, since: ModSeq
) -> tuple[list[MailboxInfo], set[MailboxName]]:
    """Mailboxes that moved after ``since``, and all subscribed names."""
    subscribed = set(connection.execute(_SUBSCRIBED, {"store": store}).scalars())
    rows = connection.execute(_ALL, {"store": store}).all()
    infos = [info_of(row, subscribed=row.name in subscribed) for row in rows if row.modseq > since]
    return infos, {MailboxName(name) for name in subscribed}


def _changes(connection: Connection, store: int, since: ModSeq, who: str) -> StoreChanges:
    infos, _ = _infos(connection, store, since)
    names = connection.execute(_GONE, {"store": store, "since": since}).scalars()
    until = connection.scalar(_MODSEQ, {"store": store})
    assert until is not None
    return StoreChanges(
        changed=tuple(sorted(infos, key=lambda info: sort_key(info.name))),
        gone=tuple(sorted(map(MailboxName, names), key=sort_key)),
        until=ModSeq(until),
        annotated=annotating.annotated(connection, store, since, who),
    )


def _room(connection: Connection, number: int, size: int) -> bool:
    row = connection.execute(STORES, {"ids": keys([number])}).first()
    return row is not None and store_of(row).quota.fits(size, 1)
