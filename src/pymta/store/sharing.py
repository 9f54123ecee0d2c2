"""
Mailboxes of an account together with those of others that it may see: rights are enforced here,
once for every protocol (:rfc:`4314`), and here is where others' names are (:rfc:`2342`).

``Other Users/anna@example.org/Work`` is Anna's ``Work``; ``Shared/News`` is ``News`` of the account
that belongs to nobody in particular, if there is one.  One's own mailboxes are as they are, and
no right is asked for them.

Inside one account a call is one commit.  Messages that go to another account are appended there
first, and removed here afterwards: a crash between the two leaves them in both places.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from zope.interface import directlyProvides, providedBy

from pymta.errors import (
    MailboxError,
    MailboxReadOnly,
    NoSuchMailbox,
    NoSuchQuotaRoot,
    NotPermitted,
)
from pymta.interfaces.annotations import Depth, IMetadataStore
from pymta.interfaces.mailbox import (
    IAppendLimitStore,
    IMailbox,
    IMailboxStore,
    IQuotaRootStore,
    NewMessage,
)
from pymta.interfaces.sharing import ANYONE, IACLStore
from pymta.mailbox import (
    ALL_RIGHTS,
    INBOX,
    UID,
    Appended,
    Copied,
    Expunged,
    FlagMode,
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
    UIDSet,
)
from pymta.store._names import normal, sort_key
from pymta.store._quota import mailbox_of
from pymta.store._rights import granted
from pymta.store._visiting import (
    Target,
    Visit,
    VisitedMailbox,
    as_seen,
    refusal,
    replace_across,
    transfer,
)
from pymta.store.granting import GrantingMailStore

__all__ = ["OTHERS", "SHARED", "SharedMailboxes", "SharingMailStore"]

OTHERS = "Other Users/"
SHARED = "Shared/"

_REMEMBERED = 16
"""Moments of ``changes`` that can be gone on from: of each session one is asked for at a time."""


class SharingMailStore:
    """
    The mailboxes of all accounts, where each sees what others share with it.

    :param public: the account whose mailboxes are everybody's, by their rights; it has no login.
    :param anyone: whether people may share with everybody: what one does is then in everybody's
        list.  The public account's mailboxes are shared so in any case.
    """

    def __init__(
        self, inner: GrantingMailStore, *, public: str | None = None, anyone: bool = False
    ) -> None:
        self.inner = inner
        self._public = public
        self._anyone = anyone

    def mailboxes(self, account: str) -> IMailboxStore:
        """See :class:`~pymta.store.granting.GrantingMailStore`."""
        return cast(
            "IMailboxStore",
            SharedMailboxes(self.inner, account, public=self._public, anyone=self._anyone),
        )

    async def remove(self, account: str) -> None:
        """All of one account's mailboxes, and its rights to others'."""
        await self.inner.remove(account)


@dataclass(frozen=True, slots=True)
class _Moment:
    """
    What a call of ``changes`` saw.

    :param until: by account, those that are out of sight now included; "" is one's own.
    :param names: of others' mailboxes.
    """

    until: Mapping[str, ModSeq]
    names: frozenset[MailboxName]


class SharedMailboxes:
    """
    Made by :meth:`SharingMailStore.mailboxes`; provides what the account's own store provides.

    Bells of others' mailboxes ring from the first ``changes`` on.
    """

    def __init__(
        self, mail: GrantingMailStore, account: str, *, public: str | None, anyone: bool
    ) -> None:
        self._mail = mail
        self._account = account
        self._public = public
        self._anyone = anyone
        self.own = mail.mailboxes(account)
        """One's own, as they are."""
        self._visits: dict[str, Visit] = {}
        self._bells: dict[object, _Bell] = {}
        self._moments: OrderedDict[int, _Moment] = OrderedDict()
        directlyProvides(self, providedBy(self.own))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.own, name)

    # -- looking ---------------------------------------------------------------

    async def mailboxes(self) -> Sequence[MailboxInfo]:
        own = list(await self.own.mailboxes())
        theirs = await self._theirs()
        subscribed = {info.name for info in own if info.subscribed}
        infos = [info for info in own if info.exists or info.name not in theirs]
        infos += [replace(i, subscribed=i.name in subscribed) for i in theirs.values()]
        return sorted(infos, key=lambda info: sort_key(info.name))

    async def open(self, name: MailboxName, read_only: bool = False) -> IMailbox:
        visit, inner = self._place(name)
        if visit is None:
            opened = await self.own.open(inner, read_only)
            return cast("IMailbox", _OwnMailbox(opened, self))
        rights = await visit.require(inner)
        opened = await visit.store.open(inner, read_only)
        visited = VisitedMailbox(opened, visit, self, rights=rights, read_only=read_only)
        return cast("IMailbox", visited)

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        key = object()
        self._bells[key] = bell = _Bell(ring)
        bell.hang("", self.own)

        def take_down() -> None:
            if self._bells.pop(key, None) is not None:
                bell.take_down()

        return take_down

    async def changes(self, since: ModSeq) -> StoreChanges:
        theirs = await self._theirs()
        before = self._moments.get(since)
        if before is None:
            # Nobody knows: all of others' is told, and of one's own what can be.
            before = _Moment({"": ModSeq(0) if theirs else since}, frozenset())
        own = await self.own.changes(before.until[""])
        until = self._departed(before, theirs) | {"": own.until}
        changed = {info.name: info for info in own.changed}
        annotated = list(own.annotated)
        for account, visit in self._seen(theirs).items():
            told = await self._ask(visit, before.until.get(account, ModSeq(0)))
            until[account] = told.until
            moved = (visit.full(info.name) for info in told.changed)
            changed |= {name: theirs[name] for name in moved if name in theirs}
            annotated += _annotated(visit, told, theirs)
        names = frozenset(theirs)
        # A subscription to what is not one's own is told as a name without a mailbox.
        changed |= {name: theirs[name] for name in own.gone if name in names}
        changed = await self._subscribed(changed, names)
        gone = (before.names - names) | (frozenset(own.gone) - names)
        return StoreChanges(
            changed=tuple(sorted(changed.values(), key=lambda info: sort_key(info.name))),
            gone=tuple(sorted(gone, key=sort_key)),
            until=self._remember(_Moment(until, names)),
            annotated=tuple(annotated),
        )

    async def _ask(self, visit: Visit, since: ModSeq) -> StoreChanges:
        told = await visit.store.changes(since)
        # A store knows whose bells it hangs up once it was asked, and what came before is asked.
        hung = [bell.hang(visit.account, visit.store) for bell in self._bells.values()]
        if True in hung:
            told = await visit.store.changes(since)
        return told

    def _departed(
        self, before: _Moment, theirs: Mapping[MailboxName, MailboxInfo]
    ) -> dict[str, ModSeq]:
        """Accounts that are out of sight have moved on by that, once."""
        until = dict(before.until)
        for account, visit in self._visits.items():
            was_seen = any(name.startswith(visit.prefix) for name in before.names)
            if account in until and was_seen:
                until[account] = ModSeq(until[account] + 1)
        return until

    async def _subscribed(
        self, changed: Mapping[MailboxName, MailboxInfo], names: frozenset[MailboxName]
    ) -> dict[MailboxName, MailboxInfo]:
        if names.isdisjoint(changed):
            return dict(changed)
        known = {info.name for info in await self.own.mailboxes() if info.subscribed}
        return {
            name: replace(info, subscribed=name in known) if name in names else info
            for name, info in changed.items()
        }

    def _remember(self, moment: _Moment) -> ModSeq:
        """Each part only grows, so their sum is another one for each moment."""
        token = ModSeq(sum(moment.until.values()))
        self._moments[token] = moment
        self._moments.move_to_end(token)
        while len(self._moments) > _REMEMBERED:
            self._moments.popitem(last=False)
        return token

    # -- names -----------------------------------------------------------------

    async def create(
        self, name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> MailboxInfo:
        visit, inner = self._place(name, making=True)
        if visit is None:
            return await self.own.create(inner, special_use)
        if special_use:
            raise NotPermitted("what another's mailbox is for is his to say")
        await visit.require_above(inner)
        made = await visit.store.create(inner)
        return as_seen(made, visit.full(inner), await visit.rights(inner))

    async def delete(self, name: MailboxName) -> None:
        visit, inner = self._place(name)
        if visit is None:
            return await self.own.delete(inner)
        await visit.require(inner, "x")
        return await visit.store.delete(inner)

    async def rename(self, old: MailboxName, new: MailboxName) -> None:
        visit, inner = self._place(old)
        other, renamed = self._place(new, making=True)
        if visit is not other:
            raise MailboxError("a mailbox cannot move to another account")
        if visit is None:
            return await self.own.rename(inner, renamed)
        await visit.require(inner, "x")
        if inner == INBOX:
            raise NotPermitted("INBOX of another cannot be emptied by a rename")
        await visit.require_above(renamed)
        return await visit.store.rename(inner, renamed)

    # -- rights ----------------------------------------------------------------

    async def acl(self, name: MailboxName) -> Mapping[str, Rights]:
        store, inner = await self._with(name, "a")
        return await IACLStore(store).acl(inner)

    async def set_rights(self, name: MailboxName, identifier: str, change: RightsChange) -> None:
        store, inner = await self._with(name, "a")
        grants = change.rights and change.mode is not FlagMode.REMOVE
        if grants and identifier == ANYONE and not self._may_all_see(name):
            raise NotPermitted("to share with everybody is not everybody's")
        await IACLStore(store).set_rights(inner, identifier, change)

    async def possible_rights(self, name: MailboxName, identifier: str) -> PossibleRights:
        store, inner = await self._with(name, "a")
        possible = await IACLStore(store).possible_rights(inner, identifier)
        if identifier == ANYONE and not self._may_all_see(name):
            return PossibleRights(frozenset(), ())
        return possible

    def _may_all_see(self, name: MailboxName) -> bool:
        """Whether a mailbox may be shared with ``anyone``."""
        visit, _ = self._place(name)
        owner = self._account if visit is None else visit.account
        return self._anyone or owner == self._public

    async def my_rights(self, name: MailboxName) -> Rights:
        visit, inner = self._place(name)
        if visit is None:
            return await IACLStore(self.own).my_rights(inner)
        rights = await visit.rights(inner)
        # RFC 4314 section 4: any of these
        if rights.isdisjoint("lrikxa"):
            raise refusal(rights, visit.full(inner))
        return rights

    async def namespaces(self) -> Namespaces:
        shared = () if self._public is None else (SHARED,)
        return Namespaces(others=(OTHERS,), shared=shared)

    # -- annotations -----------------------------------------------------------

    async def annotations(
        self, name: MailboxName | None, entries: Sequence[str], depth: Depth = Depth.ZERO
    ) -> Mapping[str, bytes]:
        if name is None:
            return await IMetadataStore(self.own).annotations(None, entries, depth)
        store, inner = await self._annotated_by(name)
        return await IMetadataStore(store).annotations(inner, entries, depth)

    async def annotate(self, name: MailboxName | None, values: Mapping[str, bytes | None]) -> None:
        if name is None:
            return await IMetadataStore(self.own).annotate(None, values)
        # What all see is changed by those who may change what all see.
        shared = any(entry.lower().startswith("/shared/") for entry in values)
        store, inner = await self._annotated_by(name, *("w" if shared else ""))
        return await IMetadataStore(store).annotate(inner, values)

    async def _annotated_by(
        self, name: MailboxName, *needed: str
    ) -> tuple[IMailboxStore, MailboxName]:
        visit, inner = self._place(name)
        if visit is None:
            return self.own, inner
        # RFC 5464 section 3.3: "l", and any of the others
        rights = await visit.require(inner, "l", *needed)
        if rights.isdisjoint("rswip"):
            raise refusal(rights, visit.full(inner))
        return visit.store, inner

    # -- limits ----------------------------------------------------------------

    async def quota_roots(self, name: MailboxName) -> Sequence[QuotaRoot]:
        visit, inner = self._place(name)
        if visit is None:
            return await IQuotaRootStore(self.own).quota_roots(inner)
        # RFC 9208 section 6
        await visit.require(inner, "r")
        roots = await IQuotaRootStore(visit.store).quota_roots(inner)
        return [replace(root, name=visit.full(root.name)) for root in roots]

    async def quota(self, root: str) -> QuotaRoot:
        visit, inner = await self._root(root, "r")
        if visit is None:
            return await IQuotaRootStore(self.own).quota(inner)
        return replace(await IQuotaRootStore(visit.store).quota(inner), name=root)

    async def set_limits(self, root: str, limits: Mapping[Resource, int]) -> QuotaRoot:
        visit, inner = await self._root(root, "a")
        if visit is None:
            return await IQuotaRootStore(self.own).set_limits(inner, limits)
        return replace(await IQuotaRootStore(visit.store).set_limits(inner, limits), name=root)

    async def _root(self, root: str, needed: str) -> tuple[Visit | None, str]:
        """Whose a root is, and its name there; that of another's account is not told by itself."""
        try:
            visit, inner = self._place(MailboxName(root))
        except NoSuchMailbox:
            raise NoSuchQuotaRoot(f"no quota root {root}") from None
        if visit is None:
            return None, root
        name = mailbox_of(inner)
        if name is None:
            raise NotPermitted("limits of another's account")
        await visit.require(name, needed)
        return visit, inner

    async def set_append_limit(self, name: MailboxName, octets: int | None) -> None:
        store, inner = await self._with(name, "a")
        await IAppendLimitStore(store).set_append_limit(inner, octets)

    # -- inside ----------------------------------------------------------------

    async def target(self, name: MailboxName) -> Target:
        """Where messages go that are copied to this name."""
        visit, inner = self._place(name)
        if visit is None:
            return Target(self.own, inner, ALL_RIGHTS)
        return Target(visit.store, inner, await visit.require(inner, "i"))

    async def _with(self, name: MailboxName, needed: str) -> tuple[IMailboxStore, MailboxName]:
        visit, inner = self._place(name)
        if visit is None:
            return self.own, inner
        await visit.require(inner, needed)
        return visit.store, inner

    def _place(
        self, name: MailboxName, *, making: bool = False
    ) -> tuple[Visit | None, MailboxName]:
        """
        Whose mailbox a name is, None is one's own, and its name there.

        :raises NoSuchMailbox: nobody's.  :raises NotPermitted: likewise, if it is to be made.
        """
        whole = normal(name)
        prefix, _, rest = whole.partition("/")
        account = self._public
        if prefix + "/" == OTHERS:
            account, _, rest = rest.partition("/")
        elif prefix + "/" != SHARED or account is None:
            return None, name
        if not account or not rest or account == self._account:
            if making:
                raise NotPermitted(f"{whole} is in the place of others' mailboxes")
            raise NoSuchMailbox(f"no mailbox {whole}")
        return self._visit(account), normal(rest)

    def _visit(self, account: str) -> Visit:
        if account not in self._visits:
            prefix = SHARED if account == self._public else f"{OTHERS}{account}/"
            self._visits[account] = Visit(self._mail, account, self._account, prefix=prefix)
        return self._visits[account]

    async def _theirs(self) -> dict[MailboxName, MailboxInfo]:
        """Others' mailboxes that this account may list."""
        found = {}
        for grant in await self._mail.granted(self._account):
            rights = granted(grant.acl, grant.account, self._account)
            # A name with a slash in it would be that of another account's mailbox.
            if "l" in rights and "/" not in grant.account:
                name = self._visit(grant.account).full(grant.info.name)
                found[name] = as_seen(grant.info, name, rights)
        return found

    def _seen(self, theirs: Mapping[MailboxName, MailboxInfo]) -> dict[str, Visit]:
        return {
            account: visit
            for account, visit in self._visits.items()
            if any(name.startswith(visit.prefix) for name in theirs)
        }


def _annotated(
    visit: Visit, told: StoreChanges, theirs: Mapping[MailboxName, MailboxInfo]
) -> list[tuple[MailboxName | None, frozenset[str]]]:
    names = [(visit.full(name), entries) for name, entries in told.annotated if name is not None]
    return [(name, entries) for name, entries in names if name in theirs]


class _Bell:
    """One ring for the bells of several stores."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._hung: dict[str, Callable[[], None]] = {}

    def hang(self, account: str, store: IMailboxStore) -> bool:
        """Whether it was not hung up before."""
        if account in self._hung:
            return False
        self._hung[account] = store.watch(self._ring)
        return True

    def take_down(self) -> None:
        for down in self._hung.values():
            down()
        self._hung.clear()


class _OwnMailbox:
    """One's own mailbox, whose messages may go to others'; provides what it provides."""

    def __init__(self, inner: IMailbox, tree: SharedMailboxes) -> None:
        self._inner = inner
        self._tree = tree
        directlyProvides(self, providedBy(inner))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def copy(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> Copied:
        target = await self._abroad(destination)
        if target is None:
            return await self._inner.copy(uids, destination, needed)
        return await transfer(self._inner, uids, target, needed=needed)

    async def move(
        self, uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> tuple[Copied, Expunged]:
        target = await self._abroad(destination)
        if target is None:
            return await self._inner.move(uids, destination, needed)
        self._may_change()
        copied = await transfer(self._inner, uids, target, needed=needed)
        return copied, await self._inner.remove(UIDSet(old for old, _ in copied.pairs))

    async def replace(self, uid: UID, destination: MailboxName, message: NewMessage) -> Appended:
        target = await self._abroad(destination)
        if target is None:
            return await self._inner.replace(uid, destination, message)
        self._may_change()
        return await replace_across(self._inner, uid, target, message)

    async def _abroad(self, name: MailboxName) -> Target | None:
        target = await self._tree.target(name)
        return None if target.store is self._tree.own else target

    def _may_change(self) -> None:
        if self._inner.read_only:
            raise MailboxReadOnly(f"{self._inner.name} was opened read-only")
