"""
Chains of routers: the contract, and what each kind of router adds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import pytest

from pymta.accounts.accounts import Accounts
from pymta.accounts.memory import memory_accounts
from pymta.accounts.passwords import CHEAPEST, Passwords
from pymta.accounts.springing import Springing
from pymta.address import Address
from pymta.interfaces.content import Lane, Origin
from pymta.interfaces.routing import Expand, IRouter, Refusal, Route, Via
from pymta.routing.first_of import FirstOf
from pymta.routing.local import CatchAll, LocalAccounts, Postmaster
from pymta.routing.partial import (
    LOOP,
    NO_SUCH_USER,
    RELAY_DENIED,
    Answer,
    ListedMembers,
    PartialRouter,
)
from pymta.routing.tables import DomainTable, NextHop, VirtualDomains
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.testing.contracts.provider_case import ProviderCase, case
from pymta.testing.contracts.router import RouterContract, origin, read_all, recipient

OUT = Lane("relay", "[192.0.2.9]:25")


def accounts() -> Accounts:
    """None yet."""
    passwords = Passwords(random=bytes, pool=None, cost=CHEAPEST)
    return memory_accounts(MemoryMailStore(), passwords=passwords, random=bytes)


async def with_alice() -> Accounts:
    """One."""
    directory = accounts()
    await directory.add("alice@example.test", "password")
    return directory


class TestLocal(RouterContract):
    """Local accounts alone."""

    async def make(self) -> IRouter:
        return FirstOf([LocalAccounts(await with_alice())])


class TestRelaying(RouterContract):
    """Everything else by a next hop."""

    relays = True

    async def make(self) -> IRouter:
        return FirstOf([LocalAccounts(await with_alice()), NextHop(OUT)])


class TestWhole(RouterContract):
    """All kinds together, with tables that have nothing to say."""

    async def make(self) -> IRouter:
        directory = await with_alice()
        return FirstOf(
            [
                VirtualDomains({}),
                Postmaster(directory, _("alice@example.test"), domains=["example.test"]),
                CatchAll(LocalAccounts(directory), {}),
                DomainTable({}),
            ]
        )


def _(text: str) -> Address:
    return Address.parse(text)


def local(address: str, account: str | None = None) -> Via:
    """To an account; its address, unless it is another one's."""
    lane = Lane("local", account or address)
    return Via(lane=lane, recipient=recipient(address), local=True)


class Asking(ProviderCase[Accounts]):
    """Routers over the accounts alice, bob and team in example.test."""

    async def make(self) -> Accounts:
        directory = accounts()
        for name in ("alice", "bob", "a+b", "postmaster"):
            await directory.add(f"{name}@example.test", "password")
        return directory

    async def ask(self, text: str, *routers: PartialRouter) -> Route:
        """The route."""
        return await FirstOf(routers).route(recipient(text), origin())


class TestLocalAccounts(Asking):
    """Accounts and their sub-addresses."""

    @pytest.mark.parametrize(
        ("text", "account"),
        [
            pytest.param("alice+x@example.test", "alice", id="detail"),
            pytest.param("Alice+X+Y@EXAMPLE.test", "alice", id="more detail, another case"),
            pytest.param("alice+@example.test", "alice", id="empty detail"),
            pytest.param("a+b@example.test", "a+b", id="an account with a separator in its name"),
            pytest.param('"\\\\alice"@example.test', "alice", id="past all aliases"),
        ],
    )
    @case
    async def test_lanes(self, directory: Accounts, text: str, account: str) -> None:
        """The next hop is the account; the address stays as it came, for Sieve and for headers."""
        route = await self.ask(text, LocalAccounts(directory))

        assert local(text, f"{account}@example.test") == route

    @pytest.mark.parametrize("text", ["+alice@example.test", "alice-x@example.test"])
    @case
    async def test_no_sub_address(self, directory: Accounts, text: str) -> None:
        """A separator in front, or another character, separates nothing."""
        assert NO_SUCH_USER == await self.ask(text, LocalAccounts(directory))

    @pytest.mark.parametrize(
        ("separator", "expected"),
        [pytest.param("-", True, id="another separator"), pytest.param("", False, id="none")],
    )
    @case
    async def test_separators(self, directory: Accounts, separator: str, expected: bool) -> None:
        """The separator is the operator's choice."""
        route = await self.ask(
            "alice-x@example.test", LocalAccounts(directory, separator=separator)
        )

        assert expected is isinstance(route, Via)

    @case
    async def test_a_domain_without_accounts(self, directory: Accounts) -> None:
        """A local domain knows that it has nobody; other domains are not ours to speak of."""
        router = LocalAccounts(directory, domains=["Empty.test"])

        assert NO_SUCH_USER == await self.ask("alice@empty.TEST", router)
        assert RELAY_DENIED == await self.ask("alice@other.test", router)

    @case
    async def test_a_failed_look_up_is_no_no(self, directory: Accounts) -> None:
        """What the directory raises reaches the caller, who says 451."""

        class Down:
            async def has_domain(self, domain: str) -> bool:
                raise OSError("down")

        with pytest.raises(OSError, match="down"):
            await self.ask("alice@example.test", LocalAccounts(Down()))  # type: ignore[arg-type]  # broken

    @case
    async def test_springing(self, directory: Accounts) -> None:
        """Where accounts spring into being, sub-addresses are still those of one account."""
        router = LocalAccounts(Springing(MemoryMailStore(), domains=["demo.test"]))

        assert local("New@demo.test", "new@demo.test") == await self.ask("New@demo.test", router)
        route = await self.ask("new+x@demo.test", router)
        assert local("new+x@demo.test", "new@demo.test") == route


class TestCatchAll(Asking):
    """Who is unknown goes to somebody."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("bob@example.test", local("bob@example.test"), id="known"),
            pytest.param("carol@example.test", local("alice@example.test"), id="unknown"),
            pytest.param(
                '"x@example.org"@example.test', local("alice@example.test"), id="quoted @ (S21)"
            ),
            pytest.param(
                "x%example.org@example.test", local("alice@example.test"), id="percent (S21)"
            ),
            pytest.param("carol@example.org", RELAY_DENIED, id="another domain"),
        ],
    )
    @case
    async def test_s21_catch_all(self, directory: Accounts, text: str, expected: Route) -> None:
        """Nobody's address becomes the target's; nothing is read out of it."""
        target = {"EXAMPLE.test": _("alice@example.test")}

        assert expected == await self.ask(text, CatchAll(LocalAccounts(directory), target))

    @case
    async def test_a_target_that_is_not_there(self, directory: Accounts) -> None:
        """A catch-all without its account refuses; it does not go round."""
        target = {"example.test": _("nobody@example.test")}

        route = await self.ask("carol@example.test", CatchAll(LocalAccounts(directory), target))
        assert NO_SUCH_USER == route


class TestPostmaster(Asking):
    """RFC 5321 section 4.5.1: any case, any domain of ours."""

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param(
                "PostMaster@example.test",
                local("PostMaster@example.test", "postmaster@example.test"),
                id="has an account",
            ),
            pytest.param("POSTMASTER@two.test", local("alice@example.test"), id="has none"),
            pytest.param("abuse@two.test", local("alice@example.test"), id="abuse"),
            pytest.param("postmaster@example.org", RELAY_DENIED, id="not ours"),
            pytest.param("postmaster%x@two.test", NO_SUCH_USER, id="no postmaster"),
            pytest.param("hostmaster@two.test", NO_SUCH_USER, id="not listed"),
        ],
    )
    @case
    async def test_postmaster(self, directory: Accounts, text: str, expected: Route) -> None:
        """Who has an account of the name gets the mail, and otherwise the target."""
        router = Postmaster(
            directory,
            _("alice@example.test"),
            domains=["example.test", "two.test"],
            names=["postmaster", "abuse"],
        )

        assert expected == await self.ask(
            text, router, LocalAccounts(directory, domains=["two.test"])
        )

    @case
    async def test_a_domain_by_its_accounts(self, directory: Accounts) -> None:
        """A domain that is local because somebody has an account there has a postmaster, too."""
        await directory.add("carol@three.test", "carol's")
        router = Postmaster(directory, _("alice@example.test"), domains=["example.test"])

        route = await self.ask("postmaster@three.test", router, LocalAccounts(directory))
        assert local("alice@example.test") == route

    @case
    async def test_the_bare_one(self, directory: Accounts) -> None:
        """Without a domain it is ours, whoever asks."""
        router = Postmaster(directory, _("alice@example.test"), domains=["two.test"])
        chain = FirstOf([router, LocalAccounts(directory)])

        route = await chain.route(recipient(Address("Postmaster", "")), origin())
        assert local("alice@example.test") == route


class TestVirtualDomains(Asking):
    """Addresses that stand for others."""

    def table(self, directory: Accounts) -> Sequence[PartialRouter]:
        """In front of accounts and a next hop."""
        virtual = VirtualDomains(
            {
                _("info@v.test"): [_("alice@example.test")],
                _("both@v.test"): [_("alice@example.test"), _("x@example.org")],
                _("out@v.test"): [_("x@example.org")],
                _("gone@v.test"): [_("nobody@example.test")],
                _("a@v.test"): [_("b@v.test")],
                _("b@v.test"): [_("a@v.test")],
                _("bob@example.test"): [_("bob@example.test"), _("x@example.org")],
                _("alice@example.test"): [_("alice@example.test")],
            },
            catch_all={
                "all.test": [_("bob@all2.test")],
                "same.test": [Address("", "example.test")],
            },
            domains=["v.test", "all2.test"],
        )
        return [virtual, LocalAccounts(directory), NextHop(OUT)]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            pytest.param("INFO@V.test", local("alice@example.test"), id="one target"),
            pytest.param("info+x@v.test", local("alice@example.test"), id="sub-address"),
            pytest.param("gone@v.test", NO_SUCH_USER, id="the target is unknown"),
            pytest.param("nobody@v.test", NO_SUCH_USER, id="not in the table"),
            pytest.param("a@v.test", LOOP, id="goes round"),
            pytest.param("x@all.test", NO_SUCH_USER, id="catch-all, target unknown"),
            pytest.param(
                "bob@same.test",
                Expand(
                    ListedMembers([Address("\\bob", "example.test"), Address("x", "example.org")]),
                    None,
                ),
                id="domain for domain, then a table entry",
            ),
            pytest.param("alice@same.test", local("alice@example.test"), id="domain for domain"),
            pytest.param("alice@example.test", local("alice@example.test"), id="itself alone"),
            pytest.param(
                "out@v.test", Expand(ListedMembers([_("x@example.org")]), None), id="to the outside"
            ),
            pytest.param(
                "both@v.test",
                Expand(ListedMembers([_("alice@example.test"), _("x@example.org")]), None),
                id="several",
            ),
            pytest.param(
                "x%y@other.test",
                Via(lane=OUT, recipient=recipient("x%y@other.test")),
                id="not ours",
            ),
        ],
    )
    @case
    async def test_tables(self, directory: Accounts, text: str, expected: Route) -> None:
        """One target is asked for at once, several are an expansion."""
        assert expected == await self.ask(text, *self.table(directory))

    @case
    async def test_itself_among_others(self, directory: Accounts) -> None:
        """An address that is among its own targets is the account there: nothing goes round."""
        route = await self.ask("bob@example.test", *self.table(directory))

        assert isinstance(route, Expand)
        itself, other = await read_all(route.members)
        assert Address("x", "example.org") == other
        assert local(str(itself), "bob@example.test") == await self.ask(
            str(itself), *self.table(directory)
        )

    @case
    async def test_forwarding_opens_no_relay(self, directory: Accounts) -> None:
        """What a table sends outside needs a way outside; it needs no permission of the sender."""
        virtual, accounts, _next_hop = self.table(directory)

        assert RELAY_DENIED == await self.ask("out@v.test", virtual, accounts)

    @case
    async def test_a_long_way(self, directory: Accounts) -> None:
        """Seventeen forwards are more than anybody means."""
        addresses = [_(f"a{n}@v.test") for n in range(30)]
        ways = {a: [b] for a, b in itertools.pairwise(addresses)}
        router = VirtualDomains({**ways, addresses[-1]: [_("alice@example.test")]})
        accounts = LocalAccounts(directory)

        assert LOOP == await self.ask("a0@v.test", router, accounts)
        assert local("alice@example.test") == await self.ask("a20@v.test", router, accounts)


class TestDomainTable(Asking):
    """Next hops by domain."""

    @pytest.mark.parametrize(
        ("text", "lane"),
        [
            pytest.param("x@Example.ORG", "host", id="the domain"),
            pytest.param("x@a.example.org", "below", id="below"),
            pytest.param("x@b.a.example.org", "below", id="far below"),
            pytest.param("x@b.special.example.org", "special", id="the nearest"),
            pytest.param("x@special.example.org", "below", id="a leading dot is below only"),
            pytest.param("x@bücher.example", "idn", id="U-label"),
            pytest.param("x@a.xn--bcher-kva.example", "idn below", id="below a U-label"),
            pytest.param("x@[192.0.2.3]", "literal", id="literal"),
            pytest.param("x@org", None, id="above"),
            pytest.param("x@notexample.org", None, id="only its end"),
            pytest.param("x@[192.0.2.4]", None, id="another literal"),
        ],
    )
    @case
    async def test_lanes(self, directory: Accounts, text: str, lane: str | None) -> None:
        """The nearest entry; never local."""
        table = DomainTable(
            {
                "example.org": Lane("relay", "host"),
                ".example.org": Lane("relay", "below"),
                ".special.example.org": Lane("relay", "special"),
                "bücher.example": Lane("relay", "idn"),
                ".bücher.example": Lane("relay", "idn below"),
                "[192.0.2.3]": Lane("relay", "literal"),
            }
        )
        route = await self.ask(text, table)

        if lane is None:
            assert RELAY_DENIED == route
        else:
            assert Via(lane=Lane("relay", lane), recipient=recipient(text)) == route


class TestFirstOf(Asking):
    """The chain itself."""

    @case
    async def test_the_first_that_knows(self, directory: Accounts) -> None:
        """Nobody behind it is asked."""
        asked = []

        class Says:
            def __init__(self, name: str, answer: Answer) -> None:
                self.name, self.answer = name, answer

            async def route(self, recipient: object, origin: Origin) -> Answer:
                asked.append(self.name)
                return self.answer

        no = NO_SUCH_USER
        assert no == await self.ask("x@y", Says("1", None), Says("2", no), Says("3", LOOP))
        assert ["1", "2"] == asked

    @case
    async def test_nobody_knows(self, directory: Accounts) -> None:
        """An empty chain relays nothing."""
        assert RELAY_DENIED == await self.ask("x@example.org")


# -- the kit itself ---------------------------------------------------------------


class Percent:
    """Reads addresses out of local parts."""

    async def route(self, who: object, origin: Origin) -> Answer:
        address = who.address  # type: ignore[attr-defined]  # a Recipient
        local_part, percent, domain = address.local.rpartition("%")
        if not percent:
            return None
        return Via(lane=OUT, recipient=recipient(Address(local_part, domain)))


class Trailing:
    """Takes a trailing dot, and what is below, for the domain."""

    def __init__(self, inner: PartialRouter) -> None:
        self.inner = inner

    async def route(self, who: object, origin: Origin) -> Answer:
        address = who.address  # type: ignore[attr-defined]  # a Recipient
        return await self.inner.route(recipient(Address(address.local, "example.test")), origin)


class Says:
    """One answer for everything."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def route(self, who: object, origin: Origin) -> Answer:
        return self.answer


class Changing:
    """Another answer each time."""

    def __init__(self) -> None:
        self.number = 0

    async def route(self, who: object, origin: Origin) -> Answer:
        self.number += 1
        return Via(lane=Lane("local", str(self.number)), recipient=recipient("a@b"), local=True)


TRICK = {"address": Address("user%example.org", "example.test")}
MUTANTS = [
    pytest.param(
        lambda inner: [Percent(), inner], "test_s21_tricks_in_local_parts", TRICK, id="percent hack"
    ),
    pytest.param(
        lambda inner: [Trailing(inner)],
        "test_s21_other_domains",
        {"address": Address("alice", "example.test.")},
        id="trailing dot",
    ),
    pytest.param(
        lambda inner: [inner, NextHop(OUT)],
        "test_s21_other_domains",
        {"address": Address("a", "b.c")},
        id="relays to anywhere",
    ),
    pytest.param(
        lambda inner: [Says(None)],
        "test_an_account",
        {"text": "alice@example.test"},
        id="knows nobody",
    ),
    pytest.param(
        lambda inner: [Says(local("alice@example.test"))],
        "test_an_account",
        {"text": "alice@example.test"},
        id="forgets parameters",
    ),
    pytest.param(lambda inner: [Says(RELAY_DENIED)], "test_nobody", {}, id="the wrong refusal"),
    pytest.param(
        lambda inner: [Changing()], "test_the_same_answer", {}, id="another answer each time"
    ),
]


@pytest.mark.parametrize(("break_it", "test", "arguments"), MUTANTS)
def test_mutants_fail(
    break_it: Callable[[PartialRouter], Sequence[PartialRouter]],
    test: str,
    arguments: dict[str, object],
) -> None:
    """What is broken is found, and what is not passes the same test."""

    class Mutant(RouterContract):
        async def make(self) -> IRouter:
            return FirstOf(break_it(LocalAccounts(await with_alice())))

    getattr(TestLocal(), test)(**arguments)
    with pytest.raises((Exception, pytest.fail.Exception)):
        getattr(Mutant(), test)(**arguments)


def test_a_refusal_is_an_answer() -> None:
    """The refusals of this room are permanent and have their status."""
    for refusal in (NO_SUCH_USER, RELAY_DENIED, LOOP):
        assert isinstance(refusal, Refusal)
        assert refusal.reply.permanent
