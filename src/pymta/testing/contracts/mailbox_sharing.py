"""
The mailbox kit: access control lists, and annotations.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from zope.interface.verify import verifyObject

from pymta.errors import (
    AnnotationTooLarge,
    MailboxError,
    NoSuchMailbox,
    NotPermitted,
    TooManyAnnotations,
    UnknownUse,
)
from pymta.interfaces.annotations import Depth, IMetadataStore
from pymta.interfaces.mailbox import IMailboxStore
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import ALL_RIGHTS, INBOX, FlagMode, ModSeq, RightsChange
from pymta.testing.contracts.mailbox_case import MailboxCase, case, message, name

__all__ = ["AnnotationsContract", "RightsContract"]

COMMENT = "/shared/comment"
MINE = "/private/comment"


def change(text: str) -> RightsChange:
    """As SETACL writes it."""
    mode = FlagMode(text[0]) if text[:1] in ("+", "-") else FlagMode.REPLACE
    return RightsChange(mode, frozenset(text.lstrip("+-")))


class RightsContract(MailboxCase):
    """The add-on :class:`~pymta.interfaces.sharing.IACLStore`, as the owner sees it."""

    async def shared(self, store: IMailboxStore) -> IACLStore:
        """The store, if it has access control lists."""
        if not IACLStore.providedBy(store):
            pytest.skip("the provider has no access control lists")
        return store

    async def others(self, store: IACLStore, mailbox: str) -> dict[str, str]:
        """What others than the owner may do."""
        owner, *entries = (await store.acl(name(mailbox))).items()
        assert ALL_RIGHTS == owner[1]
        return {identifier: "".join(sorted(rights)) for identifier, rights in entries}

    @case
    async def test_rights_interface(self, store: IMailboxStore) -> None:
        """It has every method, with its parameters."""
        assert verifyObject(IACLStore, await self.shared(store))

    @case
    async def test_an_owner_may_do_everything(self, store: IMailboxStore) -> None:
        """All rights are the owner's, and cannot be taken away."""
        acls = await self.shared(store)
        [owner] = await acls.acl(INBOX)
        await acls.set_rights(INBOX, owner, change(""))
        await acls.set_rights(INBOX, "anyone", change("r"))
        await acls.set_rights(INBOX, "-" + owner, change("a"))
        possible = await acls.possible_rights(INBOX, owner)

        assert ALL_RIGHTS == await acls.my_rights(INBOX)
        assert (ALL_RIGHTS, ()) == (possible.required, possible.optional)
        assert ALL_RIGHTS == (await acls.mailboxes())[0].rights

    @pytest.mark.parametrize(
        ("changes", "after"),
        [
            pytest.param(["lr"], "lr", id="new"),
            pytest.param(["lr", "wi"], "iw", id="replaced"),
            pytest.param(["+lr", "+s"], "lrs", id="added"),
            pytest.param(["lrs", "-sw"], "lr", id="removed"),
            pytest.param(["lrs", "+"], "lrs", id="nothing added"),
        ],
    )
    @case
    async def test_set_rights(self, store: IMailboxStore, changes: list[str], after: str) -> None:
        """Rights are set, added and removed (RFC 4314 §3.1), and survive."""
        acls = await self.shared(store)
        for each in changes:
            await acls.set_rights(name("inbox"), "bob", change(each))
        acls = await self.shared(await self.reopen(store))

        assert {"bob": after} == await self.others(acls, "INBOX")

    @pytest.mark.parametrize("last", ["", "-lr"])
    @case
    async def test_an_entry_without_rights_goes(self, store: IMailboxStore, last: str) -> None:
        """Nothing granted is no entry (RFC 4314 §3.2)."""
        acls = await self.shared(store)
        await acls.set_rights(INBOX, "bob", change("lr"))
        await acls.set_rights(INBOX, "-bob", change("l"))
        await acls.set_rights(INBOX, "bob", change(last))

        assert {"-bob": "l"} == await self.others(acls, "INBOX")

    @pytest.mark.parametrize(
        ("identifier", "rights"),
        [
            pytest.param("bob", "lq", id="unknown right"),
            pytest.param("bob", "L", id="capital"),
            pytest.param("", "l", id="nobody"),
            pytest.param("-", "l", id="nobody's negative"),
            pytest.param("b\nb", "l", id="control"),
            pytest.param("b" * 256, "l", id="long"),
        ],
    )
    @case
    async def test_bad_rights(self, store: IMailboxStore, identifier: str, rights: str) -> None:
        """What there is not is refused, never ignored (RFC 4314 §3.1)."""
        acls = await self.shared(store)
        with pytest.raises(ValueError):
            await acls.set_rights(INBOX, identifier, change(rights))

        assert {} == await self.others(acls, "INBOX")

    @case
    async def test_many_identifiers(self, store: IMailboxStore) -> None:
        """A list ends somewhere."""
        acls = await self.shared(store)
        for n in range(100):
            await acls.set_rights(INBOX, f"u{n}", change("l"))
        with pytest.raises(MailboxError):
            await acls.set_rights(INBOX, "bob", change("l"))
        await acls.set_rights(INBOX, "u7", change("+r"))

        assert 100 == len(await self.others(acls, "INBOX"))

    @case
    async def test_rights_of_nothing(self, store: IMailboxStore) -> None:
        """No mailbox, no rights."""
        acls = await self.shared(store)
        for call in (
            lambda: acls.acl(name("none")),
            lambda: acls.my_rights(name("none")),
            lambda: acls.set_rights(name("none"), "bob", change("l")),
            lambda: acls.possible_rights(name("none"), "bob"),
        ):
            with pytest.raises(NoSuchMailbox):
                await call()

    @case
    async def test_possible_rights(self, store: IMailboxStore) -> None:
        """Each right can be granted to others, once (RFC 4314 §3.7)."""
        acls = await self.shared(store)
        possible = await acls.possible_rights(INBOX, "bob")
        every = [right for tied in possible.optional for right in tied] + [*possible.required]

        assert sorted(ALL_RIGHTS) == sorted(every)

    @case
    async def test_rights_of_new_levels(self, store: IMailboxStore) -> None:
        """New mailboxes have the rights of the next level above (RFC 4314 §4)."""
        acls = await self.shared(store)
        await acls.create(name("a"))
        await acls.set_rights(name("a"), "bob", change("lr"))
        await acls.create(name("a/b/c"))
        await acls.create(name("d"))
        await acls.set_rights(name("a"), "bob", change(""))

        assert [{}, {"bob": "lr"}, {"bob": "lr"}, {}] == [
            await self.others(acls, each) for each in ["a", "a/b", "a/b/c", "d"]
        ]

    @case
    async def test_rights_follow_their_mailbox(self, store: IMailboxStore) -> None:
        """A rename keeps them, a deletion does not (RFC 4314 §4)."""
        acls = await self.shared(store)
        await acls.create(name("a"))
        await acls.create(name("b"))
        await acls.set_rights(name("a"), "bob", change("lr"))
        await acls.rename(name("a"), name("b/c"))
        assert {"bob": "lr"} == await self.others(acls, "b/c")
        await acls.delete(name("b/c"))
        await acls.create(name("b/c"))

        assert {} == await self.others(acls, "b/c")

    @case
    async def test_rights_are_told(self, store: IMailboxStore) -> None:
        """Who watches finds out."""
        acls = await self.shared(store)
        since = (await acls.changes(ModSeq(0))).until
        rung: list[bool] = []
        down = acls.watch(lambda: rung.append(True))
        await (await self.shared(await self.another(store))).set_rights(INBOX, "bob", change("l"))
        await self.until(lambda: bool(rung))
        down()

        assert [INBOX] == [info.name for info in (await acls.changes(since)).changed]

    @case
    async def test_namespaces(self, store: IMailboxStore) -> None:
        """One's own mailboxes have no prefix."""
        assert ("",) == (await (await self.shared(store)).namespaces()).personal


class AnnotationsContract(MailboxCase):
    """The add-on :class:`~pymta.interfaces.annotations.IMetadataStore`."""

    async def noted(self, store: IMailboxStore) -> IMetadataStore:
        """The store, if it has annotations."""
        if not IMetadataStore.providedBy(store):
            pytest.skip("the provider has no annotations")
        return store

    @case
    async def test_annotations_interface(self, store: IMailboxStore) -> None:
        """It has every method, with its parameters."""
        assert verifyObject(IMetadataStore, await self.noted(store))

    @case
    async def test_annotate(self, store: IMailboxStore) -> None:
        """Values are kept octet for octet, by names without case, and survive."""
        noted = await self.noted(store)
        values = {"/shared/Comment": b"a\0\r\nb\xff", MINE: b"", "/private/vendor/x/y": b"z"}
        await noted.annotate(name("inbox"), values)
        await noted.annotate(INBOX, {"/private/vendor/X/y": b"other"})
        noted = await self.noted(await self.reopen(store))
        asked = ["/SHARED/comment", MINE, "/private/vendor/x/y", "/private/none"]

        assert {
            COMMENT: b"a\0\r\nb\xff",
            MINE: b"",
            "/private/vendor/x/y": b"other",
        } == await noted.annotations(INBOX, asked)

    @case
    async def test_annotations_of_the_server(self, store: IMailboxStore) -> None:
        """An account has its own, apart from those of mailboxes; shared ones are read-only."""
        noted = await self.noted(store)
        filters = {f"/private/filters/values/{n}": b"SEEN" for n in "ab"}
        await noted.annotate(None, filters)
        with pytest.raises(NotPermitted):
            await noted.annotate(None, {COMMENT: b"x", MINE: b"y"})
        noted = await self.noted(await self.reopen(store))

        assert filters == await noted.annotations(None, ["/private"], Depth.INFINITY)
        assert {} == await noted.annotations(INBOX, ["/private"], Depth.INFINITY)

    @pytest.mark.parametrize(
        ("asked", "depth", "found"),
        [
            pytest.param(["/private/a"], Depth.ZERO, "a", id="itself"),
            pytest.param(["/private/a"], Depth.ONE, "a a/b", id="its children"),
            pytest.param(["/private/a"], Depth.INFINITY, "a a/b a/b/c", id="all below"),
            pytest.param(["/private/A/b"], Depth.INFINITY, "a/b a/b/c", id="a level below"),
            pytest.param(["/private"], Depth.ONE, "a ab", id="the top"),
            pytest.param(["/private/x", "/private/ab"], Depth.ONE, "ab", id="several"),
        ],
    )
    @case
    async def test_depth(
        self, store: IMailboxStore, asked: list[str], depth: Depth, found: str
    ) -> None:
        """What is below a name is asked for with it (RFC 5464 §4.2.2)."""
        noted = await self.noted(store)
        names = [f"/private/{each}" for each in ("a", "a/b", "a/b/c", "ab")]
        await noted.annotate(INBOX, dict.fromkeys(names, b"v"))
        values = await noted.annotations(INBOX, asked, depth)

        assert [f"/private/{each}" for each in found.split()] == list(values)

    @case
    async def test_annotations_go(self, store: IMailboxStore) -> None:
        """An entry without a value is none; one that never was can be removed."""
        noted = await self.noted(store)
        await noted.annotate(INBOX, {COMMENT: b"a", MINE: b"b"})
        await noted.annotate(INBOX, {COMMENT: None, "/private/never": None})

        assert {MINE: b"b"} == await noted.annotations(INBOX, ["/private", "/shared"], Depth.ONE)

    @pytest.mark.parametrize(
        "bad",
        [
            pytest.param("/private", id="no component"),
            pytest.param("/other/x", id="no scope"),
            pytest.param("private/x", id="no slash"),
            pytest.param("/private//x", id="empty level"),
            pytest.param("/private/x/", id="ends in a slash"),
            pytest.param("/private/a*", id="asterisk"),
            pytest.param("/private/a%", id="percent"),
            pytest.param("/private/\x05", id="control"),
            pytest.param("/private/é", id="not ASCII"),
            pytest.param("/private/vendor/x", id="vendor without entry"),
            pytest.param("/private/" + "a" * 250, id="long"),
            pytest.param("/private/x\n", id="line end"),
        ],
    )
    @case
    async def test_no_name_of_an_entry(self, store: IMailboxStore, bad: str) -> None:
        """Names have a form (RFC 5464 §3.2); what comes with a bad one is not set, either."""
        noted = await self.noted(store)
        with pytest.raises(ValueError):
            await noted.annotate(INBOX, {MINE: b"x", bad: b"y"})

        assert {} == await noted.annotations(INBOX, [MINE])

    @pytest.mark.parametrize(
        ("values", "error"),
        [
            pytest.param({COMMENT: b"x" * 32769}, AnnotationTooLarge, id="long value"),
            pytest.param(
                {f"/private/n{n}": b"" for n in range(101)}, TooManyAnnotations, id="many"
            ),
        ],
    )
    @case
    async def test_limits_of_annotations(
        self, store: IMailboxStore, values: Mapping[str, bytes], error: type[MailboxError]
    ) -> None:
        """Size and number have limits, and all of a call is refused (RFC 5464 §4.3)."""
        noted = await self.noted(store)
        with pytest.raises(error):
            await noted.annotate(INBOX, {MINE: b"x", **values})

        assert {} == await noted.annotations(INBOX, ["/private"], Depth.INFINITY)

    @case
    async def test_room_for_annotations_comes_back(self, store: IMailboxStore) -> None:
        """What was removed, or is replaced, needs no room; removed names do not pile up."""
        noted = await self.noted(store)
        full: dict[str, bytes | None] = {f"/private/n{n}": b"" for n in range(100)}
        await noted.annotate(INBOX, {**full, COMMENT: b"x" * 32768})
        await noted.annotate(INBOX, {"/private/n7": b"new"})
        with pytest.raises(TooManyAnnotations):
            await noted.annotate(INBOX, {"/private/more": b""})
        await noted.annotate(INBOX, dict.fromkeys(full))
        await noted.annotate(INBOX, {f"/private/m{n}": b"" for n in range(100)})

        assert 100 == len(await noted.annotations(INBOX, ["/private"], Depth.ONE))

    @case
    async def test_annotations_follow_their_mailbox(self, store: IMailboxStore) -> None:
        """A rename keeps them, a deletion does not; INBOX leaves a copy (RFC 5464 §4.1)."""
        noted = await self.noted(store)
        await noted.create(name("a"))
        await noted.annotate(name("a"), {COMMENT: b"a"})
        await noted.rename(name("a"), name("b"))
        assert {COMMENT: b"a"} == await noted.annotations(name("b"), [COMMENT])
        await noted.delete(name("b"))
        await noted.create(name("b"))
        assert {} == await noted.annotations(name("b"), [COMMENT])
        await noted.annotate(INBOX, {COMMENT: b"i"})
        await noted.rename(INBOX, name("c"))

        assert [{COMMENT: b"i"}] * 2 == [
            await noted.annotations(each, [COMMENT]) for each in (INBOX, name("c"))
        ]

    @case
    async def test_annotations_of_nothing(self, store: IMailboxStore) -> None:
        """No mailbox, no annotations."""
        noted = await self.noted(store)
        with pytest.raises(NoSuchMailbox):
            await noted.annotate(name("none"), {COMMENT: b"x"})
        with pytest.raises(NoSuchMailbox):
            await noted.annotations(name("none"), [COMMENT])

    @case
    async def test_annotations_are_told(self, store: IMailboxStore) -> None:
        """Who watches finds out which entries changed; the mailbox itself did not move."""
        noted = await self.noted(store)
        await noted.annotate(INBOX, {MINE: b"x"})
        before = await noted.changes(ModSeq(0))
        rung: list[bool] = []
        down = noted.watch(lambda: rung.append(True))
        other = await self.noted(await self.another(store))
        await other.annotate(INBOX, {COMMENT: b"x", MINE: None})
        await other.annotate(None, {MINE: b"y"})
        await self.until(lambda: bool(rung))
        down()
        told = await noted.changes(before.until)

        assert ((), ()) == (told.changed, told.gone)
        assert {INBOX: {COMMENT, MINE}, None: {MINE}} == dict(told.annotated)
        assert () == (await noted.changes(told.until)).annotated

    @case
    async def test_special_use_is_an_annotation(self, store: IMailboxStore) -> None:
        """What a mailbox is for is read and set as one (RFC 6154 §5.4)."""
        noted = await self.noted(store)
        entry = "/private/specialuse"
        await noted.create(name("Out"), frozenset({"\\Sent"}))
        await noted.create(name("a"))
        assert {entry: b"\\Sent"} == await noted.annotations(name("Out"), [entry])
        await noted.annotate(name("a"), {entry: b"\\junk \\Trash", COMMENT: b"x"})
        await noted.annotate(name("Out"), {entry: None})
        with pytest.raises(UnknownUse):
            await noted.annotate(name("a"), {entry: b"\\Nonsense", COMMENT: b"y"})
        noted = await self.noted(await self.reopen(store))
        uses = {info.name: info.special_use for info in await noted.mailboxes()}

        assert {"INBOX": set(), "Out": set(), "a": {"\\Junk", "\\Trash"}} == uses
        assert {entry: b"\\Junk \\Trash", COMMENT: b"x"} == await noted.annotations(
            name("a"), [entry, COMMENT]
        )
        assert {} == await noted.annotations(name("Out"), ["/private"], Depth.INFINITY)

    @case
    async def test_unknown_use(self, store: IMailboxStore) -> None:
        """A mailbox for what there is not is not made (RFC 6154 §3)."""
        for use in ("\\All", "\\Nonsense", "Sent"):
            with pytest.raises(UnknownUse):
                await store.create(name("a"), frozenset({use}))
        info = await store.create(name("a"), frozenset({"\\SENT"}))

        assert {"\\Sent"} == info.special_use

    @case
    async def test_annotating_keeps_messages(self, store: IMailboxStore) -> None:
        """Messages and their modseqs are as they were."""
        noted = await self.noted(store)
        inbox = await self.inbox(store)
        await inbox.append([message("a")])
        before = await inbox.snapshot()
        await noted.annotate(INBOX, {COMMENT: b"x"})

        assert before == await inbox.snapshot()
