"""
The mailboxes of an account in its Maildir.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from zope.interface import implementer

from pymta.interfaces.annotations import Depth, IMetadataStore
from pymta.interfaces.mailbox import IAppendLimitStore, IQuotaRootStore
from pymta.mailbox import MailboxInfo, MailboxName, ModSeq, QuotaRoot, Resource, StoreChanges
from pymta.store._annotations import checked_asked, checked_uses
from pymta.store._names import checked, normal
from pymta.store.maildir import limits, looking, naming, notes
from pymta.store.maildir.account import Account
from pymta.store.maildir.leases import Leases
from pymta.store.maildir.limits import set_limits
from pymta.store.maildir.mailbox import MaildirMailbox
from pymta.store.maildir.roots import scan_names
from pymta.store.maildir.work import Work

__all__ = ["MaildirMailboxes"]


@implementer(IMetadataStore, IQuotaRootStore, IAppendLimitStore)
class MaildirMailboxes:
    """
    Made by :meth:`~pymta.store.maildir.store.MaildirMailStore.mailboxes`.

    :param about: shared annotations of the server.
    """

    def __init__(
        self, account: Account, leases: Leases, *, about: Mapping[str, bytes] | None = None
    ) -> None:
        self._account = account
        self._leases = leases
        self._about = about or {}

    # -- looking ---------------------------------------------------------------

    async def mailboxes(self) -> Sequence[MailboxInfo]:
        return await self._account.look_again(None, looking.mailboxes)

    async def open(self, name: MailboxName, read_only: bool = False) -> MaildirMailbox:
        name = normal(name)
        guid = await self._account.change(partial(_find, name=name))
        return MaildirMailbox(
            self._account, name, guid=guid, leases=self._leases, read_only=read_only
        )

    async def changes(self, since: ModSeq) -> StoreChanges:
        return await self._account.look_again(None, lambda work: looking.store_changes(work, since))

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        return self._account.bells.watch(None, ring)

    # -- changing --------------------------------------------------------------

    async def create(
        self, name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> MailboxInfo:
        name, uses = checked(name), checked_uses(special_use)
        return await self._account.change(lambda work: naming.create(work, name, uses))

    async def delete(self, name: MailboxName) -> None:
        name = normal(name)
        await self._account.change(lambda work: naming.delete_mailbox(work, name))

    async def rename(self, old: MailboxName, new: MailboxName) -> None:
        old, new, name = normal(old), checked(new), self._account.resources.name
        await self._account.change(lambda work: naming.rename(work, old, new, name=name))

    async def subscribe(self, name: MailboxName) -> None:
        name = checked(name)
        await self._account.change(lambda work: naming.subscribe(work, name))

    async def unsubscribe(self, name: MailboxName) -> None:
        name = normal(name)
        await self._account.change(lambda work: naming.unsubscribe(work, name))

    # -- the quota -------------------------------------------------------------

    async def room(self, size: int) -> bool:
        return await self._account.look(lambda work: limits.account_quota(work).fits(size, 1))

    async def set_quota(self, octets: int | None, messages: int | None = None) -> None:
        asked = {Resource.STORAGE: octets, Resource.MESSAGE: messages}
        await self._account.change(lambda work: limits.set_quota(work, asked))

    async def quota_roots(self, name: MailboxName) -> Sequence[QuotaRoot]:
        name = normal(name)
        return await self._account.look_again(None, lambda work: limits.quota_roots(work, name))

    async def quota(self, root: str) -> QuotaRoot:
        return await self._account.look_again(None, lambda work: limits.quota_root(work, root))

    async def set_limits(self, root: str, limits: Mapping[Resource, int]) -> QuotaRoot:
        asked = dict(limits)
        return await self._account.change(lambda work: set_limits(work, root, asked))

    async def set_append_limit(self, name: MailboxName, octets: int | None) -> None:
        name = normal(name)
        await self._account.change(lambda work: limits.set_append_limit(work, name, octets))

    # -- annotations -----------------------------------------------------------

    async def annotations(
        self, name: MailboxName | None, entries: Sequence[str], depth: Depth = Depth.ZERO
    ) -> Mapping[str, bytes]:
        asked = [(checked_asked(entry), depth) for entry in entries]
        wanted = None if name is None else normal(name)
        about = self._about
        return await self._account.look_again(
            None, lambda work: notes.read(work, wanted, asked, about=about)
        )

    async def annotate(self, name: MailboxName | None, values: Mapping[str, bytes | None]) -> None:
        wanted, given = None if name is None else normal(name), dict(values)
        await self._account.change(lambda work: naming.annotate(work, wanted, given))


def _find(work: Work, name: MailboxName) -> str:
    scan_names(work)
    return work.box_named(name).guid
