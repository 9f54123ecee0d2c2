"""
The contract kit of stores whose mailboxes can be shared: what
:class:`~pymta.store.granting.GrantingMailStore` promises, seen through
:class:`~pymta.store.sharing.SharingMailStore`.

The store of each test is Anna's; she shares with Bob.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from pymta.errors import (
    MailboxError,
    MailboxReadOnly,
    MessageGone,
    NoSuchMailbox,
    NoSuchQuotaRoot,
    NotPermitted,
    OverQuota,
)
from pymta.interfaces.mailbox import IMailbox, IMailboxStore
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import (
    ACCOUNT_ROOT,
    ALL_RIGHTS,
    ANSWERED,
    DELETED,
    INBOX,
    SEEN,
    UID,
    FlagMode,
    MailboxName,
    ModSeq,
    Namespaces,
    Resource,
    RightsChange,
    UIDSet,
)
from pymta.store.granting import GrantingMailStore
from pymta.store.sharing import SharingMailStore
from pymta.testing.contracts.mailbox_case import (
    MailboxCase,
    case,
    flag,
    flags_of,
    message,
    name,
    subjects,
)

__all__ = ["VisitingContract"]


class VisitingContract(MailboxCase):
    """
    Override :meth:`inner`, and ``make`` to give what Anna sees: ``self.of(self.anna)``.

    Where several tests have one store, give each other accounts, and let nothing stay shared with
    ``anyone`` in the end.
    """

    anna, bob, nobody = "anna", "bob", "nobody"

    def inner(self) -> GrantingMailStore:
        """Where all is kept."""
        raise NotImplementedError

    def of(self, account: str) -> Any:
        """What an account sees."""
        sharing = SharingMailStore(self.inner(), public=self.nobody, anyone=True)
        return sharing.mailboxes(account)

    async def grant(self, mailbox: str, rights: str, who: str = "", by: str = "") -> None:
        """Share a mailbox."""
        change = RightsChange(FlagMode.REPLACE, frozenset(rights))
        await self.of(by or self.anna).set_rights(name(mailbox), who or self.bob, change)

    def theirs(self, mailbox: str) -> MailboxName:
        """What Bob calls Anna's."""
        return name(f"Other Users/{self.anna}/{mailbox}")

    async def names(self, store: IMailboxStore) -> list[str]:
        """All but INBOX."""
        return [info.name for info in await store.mailboxes() if info.name != INBOX]

    async def work(self, rights: str) -> IMailbox:
        """Anna's mailbox with messages 1 and 2, as Bob opens it."""
        anna = self.of(self.anna)
        await anna.create(name("Work"))
        await (await anna.open(name("Work"))).append([message("1"), message("2", SEEN, DELETED)])
        await self.grant("Work", rights)
        opened: IMailbox = await self.of(self.bob).open(self.theirs("Work"))
        return opened

    # -- who sees what ---------------------------------------------------------

    @case
    async def test_namespaces(self, store: IMailboxStore) -> None:
        """Others' mailboxes, and nobody's, have places of their own (RFC 2342)."""
        assert (
            Namespaces(("",), ("Other Users/",), ("Shared/",))
            == await self.of(self.bob).namespaces()
        )

    @pytest.mark.parametrize(
        ("grants", "rights"),
        [
            pytest.param({"bob": "lr"}, "lr", id="granted"),
            pytest.param({"anyone": "lr"}, "lr", id="to anyone"),
            pytest.param({"bob": "lw", "anyone": "r"}, "lrw", id="both together"),
            pytest.param({"anyone": "lrw", "-bob": "w"}, "lr", id="taken from one"),
            pytest.param({"bob": "lrw", "-anyone": "w"}, "lr", id="taken from all"),
            pytest.param({"bob": "lr", "-bob": "l"}, "", id="not to be seen"),
            pytest.param({"carl": "lr"}, "", id="to somebody else"),
            pytest.param({"bob": "r"}, "", id="without lookup"),
        ],
    )
    @case
    async def test_effective_rights(
        self, store: IMailboxStore, grants: dict[str, str], rights: str
    ) -> None:
        """What is granted to one and to all, less what is taken from both (RFC 4314 §2)."""
        await store.create(name("Work"))
        for who, granted in grants.items():
            await self.grant("Work", granted, who.replace("bob", self.bob))
        bob = self.of(self.bob)
        seen = {info.name: info.rights for info in await bob.mailboxes() if info.name != INBOX}

        assert ({self.theirs("Work"): set(rights)} if rights else {}) == seen
        if rights:
            assert set(rights) == await bob.my_rights(self.theirs("Work"))

    @case
    async def test_what_is_listed(self, store: IMailboxStore) -> None:
        """Others' mailboxes come behind one's own; what they are for is their owner's affair."""
        await store.create(name("Out"), frozenset({"\\Sent"}))
        await store.create(name("Out/Deep"))
        await (await store.open(name("Out"))).append([message("1")])
        await self.grant("Out", "lr")
        await self.grant("INBOX", "l")
        bob = self.of(self.bob)
        await bob.create(name("Own"))
        infos = {info.name: info for info in await bob.mailboxes()}
        out, inbox = infos[self.theirs("Out")], infos[self.theirs("INBOX")]

        assert [self.theirs("INBOX"), self.theirs("Out"), "Own"] == await self.names(bob)
        assert (1, frozenset(), False) == (out.messages, out.special_use, out.subscribed)
        assert (frozenset("l"), 0, 0) == (inbox.rights, inbox.messages, inbox.size)
        assert ALL_RIGHTS == infos[name("Own")].rights

    @case
    async def test_subscriptions_are_ones_own(self, store: IMailboxStore) -> None:
        """Bob subscribes to Anna's mailbox; that is not hers, and outlives his right to it."""
        await self.grant("INBOX", "lr")
        bob = self.of(self.bob)
        await bob.subscribe(self.theirs("INBOX"))
        shared = {info.name: info for info in await bob.mailboxes()}[self.theirs("INBOX")]
        assert (True, True) == (shared.exists, shared.subscribed)
        assert not (await store.mailboxes())[0].subscribed
        await self.grant("INBOX", "")
        [lost] = [i for i in await bob.mailboxes() if i.name != INBOX]

        assert (self.theirs("INBOX"), False, True) == (lost.name, lost.exists, lost.subscribed)

    @case
    async def test_nobodys_mailboxes(self, store: IMailboxStore) -> None:
        """Those of the public account are in a place of their own."""
        public = self.inner().mailboxes(self.nobody)
        await public.create(name("News"))
        await self.grant("News", "lr", "anyone", by=self.nobody)
        bob = self.of(self.bob)

        assert ["Shared/News"] == await self.names(bob)
        assert {"l", "r"} == await bob.my_rights(name("Shared/News"))

    @case
    async def test_sharing_with_everybody(self, store: IMailboxStore) -> None:
        """Unless all may do so, only the public account's mailboxes are shared with anyone."""
        sharing = SharingMailStore(self.inner(), public=self.nobody)
        anna, public = (IACLStore(sharing.mailboxes(each)) for each in (self.anna, self.nobody))
        for mode in ("=", "+"):
            change = RightsChange(FlagMode(mode), frozenset("l"))
            with pytest.raises(NotPermitted):
                await anna.set_rights(INBOX, "anyone", change)
        for who, mode, rights in (("-anyone", "+", "l"), ("anyone", "-", "l"), ("anyone", "=", "")):
            await anna.set_rights(INBOX, who, RightsChange(FlagMode(mode), frozenset(rights)))
        assert () == (await anna.possible_rights(INBOX, "anyone")).optional
        await public.set_rights(INBOX, "anyone", RightsChange(FlagMode.ADD, frozenset("l")))

        assert (await public.possible_rights(INBOX, "anyone")).optional
        assert ["Shared/INBOX"] == await self.names(self.of(self.bob))

    @case
    async def test_what_is_hidden(self, store: IMailboxStore) -> None:
        """Nobody finds out whether there is what he may not see (RFC 4314 §6)."""
        await store.create(name("Secret"))
        await store.create(name("Work"))
        await self.grant("Work", "r")
        bob = self.of(self.bob)
        secret = [self.theirs("Secret"), self.theirs("none"), name("Other Users/carl/INBOX")]
        places = [name("Other Users"), name(f"Other Users/{self.bob}/INBOX"), name("Shared")]
        for hidden in [*secret, *places]:
            calls: list[Callable[[], Awaitable[object]]] = [
                lambda hidden=hidden: bob.open(hidden),  # type: ignore[misc]
                lambda hidden=hidden: bob.my_rights(hidden),  # type: ignore[misc]
                lambda hidden=hidden: bob.acl(hidden),  # type: ignore[misc]
                lambda hidden=hidden: bob.delete(hidden),  # type: ignore[misc]
            ]
            for call in calls:
                with pytest.raises(NoSuchMailbox):
                    await call()
        with pytest.raises(NoSuchMailbox):
            await bob.delete(self.theirs("Work"))
        assert [] == [grant.account for grant in await self.inner().granted("carl")]

    # -- what may be done ------------------------------------------------------

    @pytest.mark.parametrize(
        ("needed", "call"),
        [
            pytest.param("r", lambda box: box.snapshot(), id="snapshot"),
            pytest.param("r", lambda box: box.changes(ModSeq(0)), id="changes"),
            pytest.param("r", lambda box: box.records(UIDSet([1]), []), id="records"),
            pytest.param("r", lambda box: box.content(UID(1)), id="content"),
            pytest.param("i", lambda box: box.append([message("x")]), id="append"),
            pytest.param(
                "s", lambda box: box.change_flags(UIDSet([1]), flag("+", SEEN)), id="seen"
            ),
            pytest.param(
                "t", lambda box: box.change_flags(UIDSet([1]), flag("+", DELETED)), id="deleted"
            ),
            pytest.param(
                "w", lambda box: box.change_flags(UIDSet([1]), flag("-", "x")), id="keyword"
            ),
            pytest.param("e", lambda box: box.expunge(), id="expunge"),
            pytest.param("te", lambda box: box.remove(UIDSet([1])), id="remove"),
            pytest.param("te", lambda box: box.move(UIDSet([1]), INBOX), id="move"),
            pytest.param("te", lambda box: box.replace(UID(1), INBOX, message("x")), id="replace"),
        ],
    )
    @case
    async def test_needed_rights(
        self, store: IMailboxStore, needed: str, call: Callable[[IMailbox], Awaitable[object]]
    ) -> None:
        """Each method needs its right (RFC 4314 §4): without it nothing happens."""
        box = await self.work("".join(ALL_RIGHTS - set(needed)))
        own = await store.open(name("Work"))
        before = await own.snapshot()
        with pytest.raises(NotPermitted):
            await call(box)
        assert before == await own.snapshot()
        await self.grant("Work", "lr" + needed)
        await call(await self.of(self.bob).open(self.theirs("Work")))

    @case
    async def test_rights_that_are_taken_away(self, store: IMailboxStore) -> None:
        """Changes ask at each call, also where the mailbox is open already."""
        box = await self.work("lri")
        await box.append([message("3")])
        await self.grant("Work", "lr")
        with pytest.raises(NotPermitted):
            await box.append([message("4")])

        assert [UID(1), UID(2), UID(3)] == list((await box.snapshot()).uids)

    @pytest.mark.parametrize(
        ("rights", "read_only"),
        [("lr", True), ("lrpkxa", True), ("lri", False), ("lrs", False), ("lre", False)],
    )
    @case
    async def test_read_only(self, store: IMailboxStore, rights: str, read_only: bool) -> None:
        """Who may change nothing opens read-only (RFC 4314 §5.2)."""
        box = await self.work(rights)
        info = await box.info()

        assert (read_only, self.theirs("Work")) == (box.read_only, box.name)
        assert (self.theirs("Work"), frozenset(rights)) == (info.name, info.rights)

    @pytest.mark.parametrize(
        ("rights", "kept"),
        [
            ("lri", set()),
            ("lris", {SEEN}),
            ("lrit", {DELETED}),
            ("lriw", {ANSWERED, "Work"}),
            ("lriswt", {SEEN, DELETED, ANSWERED, "Work"}),
        ],
    )
    @case
    async def test_flags_that_may_be_set(
        self, store: IMailboxStore, rights: str, kept: set[str]
    ) -> None:
        """APPEND and COPY keep the flags that may be set, and never fail for the others."""
        box = await self.work(rights)
        flags = [SEEN, DELETED, ANSWERED, "Work"]
        bobs = await self.of(self.bob).open(INBOX)
        await bobs.append([message("b", *flags)])
        await box.append([message("a", *flags)])
        await bobs.copy(UIDSet([1]), self.theirs("Work"))

        assert [kept, kept] == [await flags_of(box, uid) for uid in (3, 4)]

    @pytest.mark.parametrize(
        ("rights", "after"),
        [
            pytest.param("lrw", {SEEN, DELETED, ANSWERED}, id="others only"),
            pytest.param("lrs", {DELETED, "Old"}, id="seen only"),
            pytest.param("lrswt", {ANSWERED}, id="all"),
        ],
    )
    @case
    async def test_replacing_flags(
        self, store: IMailboxStore, rights: str, after: set[str]
    ) -> None:
        """STORE FLAGS changes what may be changed, and leaves the rest (RFC 4314 §4)."""
        box = await self.work(rights)
        own = await store.open(name("Work"))
        await own.change_flags(UIDSet([2]), flag("+", "Old"))
        await box.change_flags(UIDSet([2]), flag("=", ANSWERED))

        assert after == await flags_of(own, 2)

    # -- across accounts -------------------------------------------------------

    @pytest.mark.parametrize("there", ["INBOX", "Work"])
    @case
    async def test_copy_and_move_across(self, store: IMailboxStore, there: str) -> None:
        """Messages go from one's own to another's and back, octet for octet, with their flags."""
        anna, bob = self.of(self.anna), self.of(self.bob)
        if there == "Work":
            await anna.create(name("Work"))
        await self.grant(there, "".join(ALL_RIGHTS))
        own, box = await bob.open(INBOX), await bob.open(self.theirs(there))
        await own.append([message("1", "Blue"), message("2", SEEN), message("3")])
        copied = await own.copy(UIDSet([1, 3, 9]), self.theirs(there))
        moved, gone = await own.move(UIDSet([2]), self.theirs(there))
        back, _ = await box.move(UIDSet([1]), INBOX)

        assert ((1, 1), (3, 2)) == copied.pairs
        assert ((2, 3),) == moved.pairs
        assert UIDSet([2]) == gone.uids
        assert ((1, 4),) == back.pairs
        assert (["1", "3", "1"], ["3", "2"]) == (await subjects(own), await subjects(box))
        assert {"Blue"} == await flags_of(own, 4)
        assert () == (await own.copy(UIDSet([99]), self.theirs(there))).pairs

    @case
    async def test_replace_across(self, store: IMailboxStore) -> None:
        """A draft is replaced by what goes to another's mailbox."""
        box = await self.work("lrite")
        own = await self.of(self.bob).open(INBOX)
        await own.append([message("draft")])
        await own.replace(UID(1), self.theirs("Work"), message("final"))
        with pytest.raises(MessageGone):
            await own.replace(UID(1), self.theirs("Work"), message("final"))
        await box.replace(UID(1), INBOX, message("back"))

        assert (["back"], ["2", "final"]) == (await subjects(own), await subjects(box))

    @case
    async def test_nothing_goes_where_it_may_not(self, store: IMailboxStore) -> None:
        """Copies need ``i`` there; a mailbox that is open read-only loses nothing."""
        await self.work("lr")
        bob = self.of(self.bob)
        own = await bob.open(INBOX)
        await own.append([message("1")])
        for call in (own.copy, own.move):
            with pytest.raises(NotPermitted):
                await call(UIDSet([1]), self.theirs("Work"))
        with pytest.raises(NoSuchMailbox):
            await own.copy(UIDSet([1]), self.theirs("none"))
        await self.grant("Work", "lri")
        closed = await bob.open(INBOX, read_only=True)
        with pytest.raises(MailboxReadOnly):
            await closed.move(UIDSet([1]), self.theirs("Work"))

        assert ["1"] == await subjects(own)

    @case
    async def test_quota_is_the_owners(self, store: IMailboxStore) -> None:
        """What comes in is counted where it is."""
        box = await self.work("lri")
        await self.inner().mailboxes(self.anna).set_quota(10)  # type: ignore[attr-defined]
        own = await self.of(self.bob).open(INBOX)
        await own.append([message("1")])
        with pytest.raises(OverQuota):
            await box.append([message("x")])
        with pytest.raises(OverQuota):
            await own.copy(UIDSet([1]), self.theirs("Work"))

    # -- names -----------------------------------------------------------------

    @case
    async def test_create_below_anothers(self, store: IMailboxStore) -> None:
        """``k`` on the next level above makes mailboxes, which have its rights."""
        await self.work("lrkx")
        bob = self.of(self.bob)
        made = await bob.create(self.theirs("Work/New/Deep"))
        assert (self.theirs("Work/New/Deep"), frozenset("lrkx")) == (made.name, made.rights)
        await bob.rename(self.theirs("Work/New/Deep"), self.theirs("Work/Other"))
        await bob.delete(self.theirs("Work/New"))

        assert ["Work", "Work/Other"] == await self.names(store)

    @pytest.mark.parametrize(
        ("rights", "call"),
        [
            pytest.param("lrx", lambda bob, at: bob.create(at("Work/New")), id="create"),
            pytest.param("lrkx", lambda bob, at: bob.create(at("New")), id="create at the top"),
            pytest.param(
                "lrkx", lambda bob, at: bob.create(name("Other Users/carl/x")), id="of nobody"
            ),
            pytest.param(
                "lrkx", lambda bob, at: bob.create(name("Other Users/x")), id="no account"
            ),
            pytest.param("lrk", lambda bob, at: bob.delete(at("Work")), id="delete"),
            pytest.param("lrk", lambda bob, at: bob.rename(at("Work"), at("Work2")), id="rename"),
            pytest.param(
                "lrkx", lambda bob, at: bob.rename(at("Work"), at("Top")), id="rename to the top"
            ),
            pytest.param(
                "lrkx",
                lambda bob, at: bob.create(at("Work/x"), frozenset({"\\Sent"})),
                id="special use",
            ),
            pytest.param("lrkx", lambda bob, at: bob.rename(at("Work"), name("My")), id="take it"),
            pytest.param("lrkx", lambda bob, at: bob.rename(INBOX, at("Work/My")), id="bring it"),
        ],
    )
    @case
    async def test_names_that_may_not_be_changed(
        self,
        store: IMailboxStore,
        rights: str,
        call: Callable[[IMailboxStore, Callable[[str], MailboxName]], Awaitable[object]],
    ) -> None:
        """Without the right, or between accounts, no name changes."""
        await self.work(rights)
        with pytest.raises(MailboxError):
            await call(self.of(self.bob), self.theirs)

        assert ["Work"] == await self.names(store)
        assert [self.theirs("Work")] == await self.names(self.of(self.bob))

    # -- lists, annotations, limits --------------------------------------------

    @case
    async def test_administering_anothers(self, store: IMailboxStore) -> None:
        """``a`` lets others read and change the list, and no less (RFC 4314 §4)."""
        await self.work("lr")
        bob, work = self.of(self.bob), self.theirs("Work")
        change = RightsChange(FlagMode.REPLACE, frozenset("lr"))
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: bob.acl(work),
            lambda: bob.set_rights(work, "carl", change),
            lambda: bob.possible_rights(work, "carl"),
            lambda: bob.set_append_limit(work, 1),
        ]
        for call in calls:
            with pytest.raises(NotPermitted):
                await call()
        await self.grant("Work", "lra")
        for call in calls:
            await call()

        assert {self.anna: ALL_RIGHTS, self.bob: set("lra"), "carl": set("lr")} == dict(
            await bob.acl(work)
        )

    @case
    async def test_annotations_of_anothers(self, store: IMailboxStore) -> None:
        """Private ones are the visitor's, shared ones everybody's; ``w`` changes these."""
        await self.work("lr")
        anna, bob, work = self.of(self.anna), self.of(self.bob), self.theirs("Work")
        mine, shared, use = "/private/comment", "/shared/comment", "/private/specialuse"
        await anna.annotate(name("Work"), {mine: b"a", shared: b"s", use: b"\\Sent"})
        await bob.annotate(work, {mine: b"b"})
        with pytest.raises(NotPermitted):
            await bob.annotate(work, {shared: b"x"})
        with pytest.raises(NotPermitted):
            await bob.annotate(work, {use: None})
        assert {mine: b"b", shared: b"s"} == await bob.annotations(work, [mine, shared, use])
        await self.grant("Work", "lrw")
        await bob.annotate(work, {shared: b"x"})
        assert {mine: b"a", shared: b"x"} == await anna.annotations(name("Work"), [mine, shared])
        await self.grant("Work", "lk")
        with pytest.raises(NotPermitted):
            await bob.annotations(work, [mine])
        await bob.annotate(None, {mine: b"server"})
        assert {mine: b"server"} == await bob.annotations(None, [mine])

    @case
    async def test_quota_roots_of_anothers(self, store: IMailboxStore) -> None:
        """Roots of others have their names; ``r`` reads them, ``a`` limits a mailbox."""
        await self.work("l")
        bob, work = self.of(self.bob), self.theirs("Work")
        with pytest.raises(NotPermitted):
            await bob.quota_roots(work)
        await self.grant("Work", "lr")
        account, own = await bob.quota_roots(work)
        assert self.theirs(ACCOUNT_ROOT) == account.name
        assert own == await bob.quota(own.name)
        for root in (account.name, own.name):
            with pytest.raises(NotPermitted):
                await bob.set_limits(root, {})
        with pytest.raises(NoSuchQuotaRoot):
            await bob.quota("Other Users/x")
        await self.grant("Work", "lra")
        limited = await bob.set_limits(own.name, {Resource.MESSAGE: 7})

        assert {Resource.MESSAGE: 7} == limited.limits
        assert own.name == limited.name

    # -- changes ---------------------------------------------------------------

    @case
    async def test_changes_of_anothers(self, store: IMailboxStore) -> None:
        """What happens to others' mailboxes is told, as far as they may be seen."""
        box = await self.work("lriswte")
        await store.create(name("Secret"))
        bob = self.of(self.bob)
        rung: list[bool] = []
        down = bob.watch(lambda: rung.append(True))
        work = self.theirs("Work")
        told = await bob.changes(ModSeq(0))
        assert {INBOX, work} == {info.name for info in told.changed}

        async def tell(*steps: Callable[[], Awaitable[object]]) -> tuple[list[str], list[str]]:
            nonlocal told
            rung.clear()
            for step in steps:
                await step()
            await self.until(lambda: bool(rung))
            before, told = told.until, await bob.changes(told.until)
            assert told.until > before
            again = await bob.changes(told.until)
            assert ((), (), (), told.until) == (
                again.changed,
                again.gone,
                again.annotated,
                again.until,
            )
            return [info.name for info in told.changed], list(told.gone)

        anna = self.of(self.anna)
        secret = await anna.open(name("Secret"))
        assert ([work], []) == await tell(
            lambda: box.append([message("3")]), lambda: secret.append([message("x")])
        )
        assert 3 == told.changed[0].messages
        assert ([work], []) == await tell(lambda: bob.subscribe(work))
        assert told.changed[0].subscribed
        assert ([], []) == await tell(
            lambda: anna.annotate(name("Work"), {"/shared/comment": b"x"})
        )
        assert ((work, frozenset({"/shared/comment"})),) == told.annotated
        assert ([self.theirs("New")], [work]) == await tell(
            lambda: anna.rename(name("Work"), name("New"))
        )
        assert ([], [self.theirs("New")]) == await tell(lambda: self.grant("New", ""))
        assert ([self.theirs("New")], []) == await tell(lambda: self.grant("New", "l"))
        assert ([], [self.theirs("New")]) == await tell(lambda: anna.delete(name("New")))
        down()
        down()

    @case
    async def test_a_removed_account_has_no_rights(self, store: IMailboxStore) -> None:
        """Who gets its name is somebody else."""
        await self.work("lr")
        await self.of(self.bob).mailboxes()
        await SharingMailStore(self.inner()).remove(self.bob)

        assert [] == await self.names(self.of(self.bob))
