"""
The mailbox kit: quota roots, limits of single mailboxes and of the size of messages.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from zope.interface.verify import verifyObject

from pymta.errors import MessageTooLarge, NoSuchMailbox, NoSuchQuotaRoot, OverQuota
from pymta.interfaces.mailbox import IAppendLimitStore, IMailboxStore, IQuotaRootStore
from pymta.mailbox import ACCOUNT_ROOT, DELETED, INBOX, SEEN, UID, QuotaRoot, Resource, UIDSet
from pymta.testing.contracts.mailbox_case import MailboxCase, case, flag, message, name

__all__ = ["AppendLimitContract", "QuotaRootContract"]

STORAGE, MESSAGE, MAILBOX = Resource.STORAGE, Resource.MESSAGE, Resource.MAILBOX


class QuotaRootContract(MailboxCase):
    """The add-on :class:`~pymta.interfaces.mailbox.IQuotaRootStore`."""

    async def roots(self, store: IMailboxStore) -> IQuotaRootStore:
        """The store, if it has quota roots."""
        if not IQuotaRootStore.providedBy(store):
            pytest.skip("the provider has no quota roots")
        return store

    async def limit(self, roots: IQuotaRootStore, mailbox: str, **limits: int) -> str:
        """Limit a mailbox."""
        [_, own] = await roots.quota_roots(name(mailbox))
        await roots.set_limits(own.name, {Resource(key): n for key, n in limits.items()})
        return own.name

    @case
    async def test_quota_roots(self, store: IMailboxStore) -> None:
        """Usage is that of the account, and that of each mailbox; they survive."""
        roots = await self.roots(store)
        assert verifyObject(IQuotaRootStore, roots)
        await store.create(name("a"))
        await (await store.open(name("a"))).append([message(b"x" * 60)])
        await (await self.inbox(store)).append([message(b"x" * 10), message(b"x" * 20)])
        await roots.set_limits(ACCOUNT_ROOT, {STORAGE: 1000, MAILBOX: 9})
        own = await self.limit(roots, "a", MESSAGE=5)
        roots = await self.roots(await self.reopen(store))
        whole = QuotaRoot(
            ACCOUNT_ROOT, {STORAGE: 90, MESSAGE: 3, MAILBOX: 2}, {STORAGE: 1000, MAILBOX: 9}
        )
        part = QuotaRoot(own, {STORAGE: 60, MESSAGE: 1}, {MESSAGE: 5})

        assert [whole, part] == list(await roots.quota_roots(name("a")))
        assert [whole, part] == [await roots.quota(ACCOUNT_ROOT), await roots.quota(own)]
        assert [whole] == list(await roots.quota_roots(name("none")))

    @case
    async def test_no_root(self, store: IMailboxStore) -> None:
        """What there is not is not told, and not limited; mailboxes of a mailbox are not."""
        roots = await self.roots(store)
        own = await self.limit(roots, "INBOX")
        for root in ["", "none", own + "x"]:
            with pytest.raises(NoSuchQuotaRoot):
                await roots.quota(root)
            with pytest.raises(NoSuchQuotaRoot):
                await roots.set_limits(root, {})
        with pytest.raises(ValueError):
            await roots.set_limits(own, {MAILBOX: 1})

    @case
    async def test_set_limits_sets_all(self, store: IMailboxStore) -> None:
        """What is not named is not limited any more (RFC 9208 §4.1.3)."""
        roots = await self.roots(store)
        await roots.set_quota(10, 1)
        after = await roots.set_limits(ACCOUNT_ROOT, {STORAGE: 100})

        assert {STORAGE: 100} == after.limits
        await (await self.inbox(store)).append([message(b"x" * 20), message(b"x" * 20)])

    @case
    async def test_limit_of_mailboxes(self, store: IMailboxStore) -> None:
        """No more are made than may be, by any way, levels above included."""
        roots = await self.roots(store)
        await roots.set_limits(ACCOUNT_ROOT, {MAILBOX: 3})
        await store.create(name("a"))
        for call in (
            lambda: store.create(name("b/c")),
            lambda: store.rename(name("a"), name("b/c/d")),
            lambda: store.rename(INBOX, name("b/c")),
        ):
            with pytest.raises(OverQuota):
                await call()
        await store.rename(name("a"), name("b"))
        await store.create(name("b/c"))

        assert 3 == (await roots.quota(ACCOUNT_ROOT)).usage[MAILBOX]

    @pytest.mark.parametrize("way", ["append", "copy", "move", "replace", "replace itself"])
    @case
    async def test_limit_of_a_mailbox(self, store: IMailboxStore, way: str) -> None:
        """What would be more than a mailbox may hold does not come in, by any way."""
        roots = await self.roots(store)
        await store.create(name("a"))
        target, inbox = await store.open(name("a")), await self.inbox(store)
        await target.append([message(b"x" * 60)])
        await inbox.append([message(b"x" * 41)])
        await self.limit(roots, "a", STORAGE=100)
        before = await target.snapshot(), await inbox.snapshot()
        ways: dict[str, Callable[[], Awaitable[object]]] = {
            "append": lambda: target.append([message(b"x" * 41)]),
            "copy": lambda: inbox.copy(UIDSet([1]), name("a")),
            "move": lambda: inbox.move(UIDSet([1]), name("a")),
            "replace": lambda: inbox.replace(UID(1), name("a"), message(b"x" * 41)),
            "replace itself": lambda: target.replace(UID(1), name("a"), message(b"x" * 101)),
        }
        with pytest.raises(OverQuota):
            await ways[way]()

        assert before == (await target.snapshot(), await inbox.snapshot())
        await target.replace(UID(1), name("a"), message(b"x" * 100))

    @case
    async def test_deleted_size(self, store: IMailboxStore) -> None:
        """What an EXPUNGE would free is kept (RFC 9208 §4.1.4), whatever happens."""
        roots = await self.roots(store)
        inbox = await self.inbox(store)

        async def deleted() -> tuple[int, int]:
            info = await inbox.info()
            return info.deleted, info.deleted_size

        await inbox.append([message(b"x" * n, DELETED) for n in (1, 10)] + [message(b"x" * 100)])
        assert (2, 11) == await deleted()
        await inbox.change_flags(UIDSet([1, 3]), flag("+", DELETED, SEEN))
        assert (3, 111) == await deleted()
        await inbox.change_flags(UIDSet([1, 2]), flag("=", SEEN))
        assert (1, 100) == await deleted()
        await inbox.copy(UIDSet([3]), INBOX)
        assert (2, 200) == await deleted()
        await inbox.remove(UIDSet([3]))
        assert (1, 100) == await deleted()
        assert 111 == (await roots.quota(ACCOUNT_ROOT)).usage[STORAGE]


class AppendLimitContract(MailboxCase):
    """The add-on :class:`~pymta.interfaces.mailbox.IAppendLimitStore`."""

    async def limited(self, store: IMailboxStore) -> IAppendLimitStore:
        """The store, if it has limits."""
        if not IAppendLimitStore.providedBy(store):
            pytest.skip("the provider has no limits for messages")
        return store

    @case
    async def test_append_limit(self, store: IMailboxStore) -> None:
        """What is larger does not come in (RFC 7889), what is as large does."""
        limited = await self.limited(store)
        assert verifyObject(IAppendLimitStore, limited)
        inbox = await self.inbox(store)
        await inbox.append([message(b"x" * 11)])
        await limited.set_append_limit(name("inbox"), 10)
        with pytest.raises(MessageTooLarge) as caught:
            await inbox.append([message(b"x"), message(b"x" * 11)])
        with pytest.raises(MessageTooLarge):
            await inbox.replace(UID(1), INBOX, message(b"x" * 11))
        assert 10 == caught.value.limit
        await inbox.append([message(b"x" * 10)])
        await inbox.copy(UIDSet([1]), INBOX)

        assert 3 == (await inbox.info()).messages

    @case
    async def test_append_limit_is_told(self, store: IMailboxStore) -> None:
        """It is in the info, survives, and can be lifted."""
        limited = await self.limited(store)
        await limited.set_append_limit(INBOX, 10)
        limited = await self.limited(await self.reopen(store))
        assert [10] == [info.append_limit for info in await limited.mailboxes()]
        await limited.set_append_limit(INBOX, None)
        assert [None] == [info.append_limit for info in await limited.mailboxes()]
        with pytest.raises(NoSuchMailbox):
            await limited.set_append_limit(name("none"), 1)

    @case
    async def test_deliveries_have_no_append_limit(self, store: IMailboxStore) -> None:
        """Mail that was accepted is no APPEND."""
        limited = await self.limited(store)
        await limited.set_append_limit(INBOX, 10)
        inbox = await self.inbox(store)
        await inbox.append([message(b"x" * 11, delivery_id="1")])

        assert 1 == (await inbox.info()).messages
