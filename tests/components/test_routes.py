"""
Tests for the router that an operator's routes make: who is asked first, and what is refused.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pymta.accounts.springing import Springing
from pymta.address import Address
from pymta.components.routes import Routes, routing_of
from pymta.edge.login_credentials import folded
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.errors import Mistake
from pymta.interfaces.accounts import IAccountDirectory
from pymta.interfaces.content import Lane, Origin
from pymta.interfaces.routing import Expand, Refusal, Route, Via
from pymta.routing.partial import ListedMembers
from pymta.session import Endpoint, Role, Session
from pymta.store.memory.mailboxes import MemoryMailStore
from tests.awaiting import now_done
from tests.config.files import Reactor

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HERE = Endpoint("127.0.0.1")
ORIGIN = Origin(
    Session(id="1", role=Role.SMTP, peer=HERE, local=HERE, started=NOW), Sender(reverse_path=None)
)
ACCOUNTS = ("bob@a.test", "sales@a.test", "postmaster@a.test")

ROUTES = Routes(
    virtual={"info@a.test": (Address("bob", "a.test"),)},
    catch_all={"a.test": Address("sales", "a.test")},
    hops={"c.test": "[192.0.2.1]:25", ".c.test": "[192.0.2.2]:25"},
    next_hop="[mx.test]:25",
)


def test_hops_have_one_spelling() -> None:
    """A program writes next hops as a configuration does, or as lanes have them."""
    routes = Routes(hops={"a.test": "lmtp:127.0.0.1:24", "b.test": "b.test"}, next_hop="mx.test:25")

    lanes = (Lane("lmtp", "[127.0.0.1]:24"), Lane("relay", "b.test"), Lane("relay", "[mx.test]:25"))
    assert lanes == routes.lanes
    assert routes == Routes(hops=routes.hops, next_hop=routes.next_hop)


@pytest.mark.parametrize("hop", ["", "a b", "host:0", "lmtp:host"])
def test_no_hop(hop: str) -> None:
    """What is none is said at once, not by mail that comes back."""
    with pytest.raises(Mistake):
        Routes(next_hop=hop)


def directory(names: tuple[str, ...]) -> IAccountDirectory:
    """Accounts of these names, and of no others."""
    people: Any = Springing(MemoryMailStore(), domains=["a.test"])
    find = people.find

    async def only(address: Address) -> str | None:
        return await find(address) if folded(str(address)) in names else None

    people.find = only
    made: IAccountDirectory = people
    return made


def route(routes: Routes, address: str, domains: tuple[str, ...] = ("a.test", "b.test")) -> Route:
    """Where mail for somebody goes."""
    reactor: Any = Reactor()
    routing = routing_of(
        routes, reactor, directory=directory(ACCOUNTS), domains=domains, hostname="mx.a.test"
    )
    recipient = Recipient(id=RecipientID(1), address=Address.parse(address))
    return now_done(routing.router.route(recipient, ORIGIN))


LOCAL = [
    pytest.param("bob@a.test", "bob@a.test", id="account"),
    pytest.param("BOB@A.test", "bob@a.test", id="in any case"),
    pytest.param("bob+x@a.test", "bob@a.test", id="sub-address"),
    pytest.param("info@a.test", "bob@a.test", id="virtual address"),
    pytest.param("nobody@a.test", "sales@a.test", id="catch-all"),
    pytest.param("postmaster@a.test", "postmaster@a.test", id="postmaster"),
    pytest.param("PostMaster@b.test", "postmaster@a.test", id="postmaster of another domain"),
]


@pytest.mark.parametrize(("address", "account"), LOCAL)
def test_local(address: str, account: str) -> None:
    """
    Each comes to an account, by its own lane.
    """
    found = route(ROUTES, address)

    assert isinstance(found, Via)
    assert (Lane("local", account), True) == (found.lane, found.local)


HOPS = [
    pytest.param("x@c.test", "[192.0.2.1]:25", id="domain"),
    pytest.param("x@deep.sub.c.test", "[192.0.2.2]:25", id="below a domain"),
    pytest.param("x@elsewhere.test", "[mx.test]:25", id="all others"),
]


@pytest.mark.parametrize(("address", "hop"), HOPS)
def test_next_hop(address: str, hop: str) -> None:
    """
    Each goes to its next hop, and is not local: whoever takes it asks for permission.
    """
    found = route(ROUTES, address)

    assert isinstance(found, Via)
    assert (Lane("relay", hop), False) == (found.lane, found.local)


BY_MX = [
    pytest.param("x@c.test", "[192.0.2.1]:25", id="a hop comes first"),
    pytest.param("x@Elsewhere.TEST", "elsewhere.test", id="its own domain"),
    pytest.param("x@bücher.example", "xn--bcher-kva.example", id="A-labels"),
    pytest.param("x@[192.0.2.9]", "[192.0.2.9]", id="IPv4 literal"),
    pytest.param("x@[IPv6:2001:DB8::9]", "[2001:db8::9]", id="IPv6 literal"),
    pytest.param("x%d.test@elsewhere.test", "elsewhere.test", id="percent is theirs"),
]


@pytest.mark.parametrize(("address", "hop"), BY_MX)
def test_by_mx(address: str, hop: str) -> None:
    """
    Each domain is its own next hop, and is not local.
    """
    found = route(replace(ROUTES, next_hop=None, mx=True), address)

    assert isinstance(found, Via)
    assert (Lane("relay", hop), False) == (found.lane, found.local)
    assert address == str(found.recipient)


@pytest.mark.parametrize(
    ("routes", "expected"),
    [
        (Routes(), False),
        (Routes(mx=True), True),
        (Routes(next_hop="mx.test"), True),
        (Routes(hops={"c.test": "mx.test"}), True),
    ],
    ids=["nowhere", "mx", "next hop", "hops"],
)
def test_leads_elsewhere(routes: Routes, expected: bool) -> None:
    """
    Whether anything may leave.
    """
    assert expected is routes.leads_elsewhere


@pytest.mark.parametrize(
    ("address", "code"),
    [("nobody@a.test", "5.1.1"), ("nobody@b.test", "5.1.1"), ("x@elsewhere.test", "5.7.1")],
)
def test_refused(address: str, code: str) -> None:
    """
    Without routes, who is unknown is unknown, and the relay is closed.
    """
    found = route(Routes(), address)

    assert isinstance(found, Refusal)
    assert code == found.reply.status


@pytest.mark.parametrize(
    "routes",
    [
        Routes(virtual={"x@b.test": (Address("y", "bücher.example"),)}, mx=True),
        Routes(catch_all={"b.test": Address("y", "bücher.example")}, mx=True),
    ],
    ids=["virtual", "catch-all"],
)
def test_u_labels_of_an_operator(routes: Routes) -> None:
    """
    Where a target needs SMTPUTF8 for its domain alone, it goes on without.
    """
    found = route(routes, "x@b.test")

    assert isinstance(found, Expand)
    assert ListedMembers([Address("y", "xn--bcher-kva.example")]) == found.members


def test_another_postmaster() -> None:
    """
    Somebody else may get his mail; from outside, it is sent on.
    """
    inside = route(Routes(postmaster=Address("bob", "a.test")), "postmaster@b.test")
    outside = route(
        Routes(postmaster=Address("x", "elsewhere.test"), next_hop="[mx.test]:25"),
        "postmaster@b.test",
    )

    assert isinstance(inside, Via)
    assert "bob@a.test" == inside.lane.next_hop
    assert isinstance(outside, Expand)


def test_lanes() -> None:
    """
    Each next hop once.
    """
    routes = Routes(hops={"a.test": "[x.test]:1", "b.test": "[x.test]:1"}, next_hop="[y.test]:2")

    assert (Lane("relay", "[x.test]:1"), Lane("relay", "[y.test]:2")) == routes.lanes
    assert () == Routes().lanes


def test_aliases_have_parts(tmp_path: Path) -> None:
    """
    A file is read when the server starts, by a thread of its own; without one there is nothing to
    start.
    """
    reactor: Any = Reactor()
    made = [
        routing_of(
            Routes(aliases=aliases),
            reactor,
            directory=directory(ACCOUNTS),
            domains=("a.test",),
            hostname="a.test",
        )
        for aliases in (None, str(tmp_path / "aliases"))
    ]

    assert [0, 2] == [len(each.parts) for each in made]


def test_postmaster_without_domains() -> None:
    """
    A server without domains has one at its own name.
    """
    reactor: Any = Reactor()
    made = routing_of(Routes(), reactor, directory=directory(()), domains=(), hostname="mx.a.test")

    assert Address("postmaster", "mx.a.test") == made.postmaster
