"""
The contract kit of routers: :class:`~pymta.interfaces.routing.IRouter`.

Subclass it, override what :class:`~pymta.testing.contracts.provider_case.ProviderCase` names, and
let pytest find it.  ``make`` gives a router that knows ``alice@example.test`` as a local account,
``example.test`` as its only domain, and no way to the outside unless :attr:`RouterContract.relays`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from zope.interface.verify import verifyObject

from pymta.address import Address
from pymta.aio import deferred, gather
from pymta.envelope import Notify, OriginalRecipient, Recipient, RecipientID, Sender
from pymta.interfaces.content import Origin
from pymta.interfaces.routing import IMembers, IRouter, Refusal, Via
from pymta.session import Endpoint, Role, Session
from pymta.testing.contracts.provider_case import ProviderCase, case

__all__ = ["RouterContract", "origin", "read_all", "recipient"]


def recipient(text: str | Address, number: int = 1) -> Recipient:
    """Somebody."""
    address = text if isinstance(text, Address) else Address.parse(text)
    return Recipient(id=RecipientID(number), address=address)


def origin(sender: Sender | None = None) -> Origin:
    """A message from outside."""
    session = Session(
        id="1",
        role=Role.SMTP,
        peer=Endpoint("192.0.2.1", 1234),
        local=Endpoint("192.0.2.2", 25),
        started=datetime(2024, 5, 6, tzinfo=UTC),
    )
    return Origin(session, sender or Sender(reverse_path=Address("sender", "example.net")))


async def read_all(members: IMembers, limit: int = 1000) -> list[Address]:
    """All members, a page at a time."""
    found: list[Address] = []
    page: Sequence[Address] = await members.read(None, limit)
    while page:
        assert len(page) <= limit
        found += page
        page = await members.read(page[-1], limit)
    return found


TRICKS = [
    pytest.param(Address("user%example.org", "example.test"), id="percent hack"),
    pytest.param(Address("user%example.org%example.net", "example.test"), id="percent hack, twice"),
    pytest.param(Address("user@example.org", "example.test"), id="quoted @"),
    pytest.param(Address("@example.org:user", "example.test"), id="source route, quoted"),
    pytest.param(Address("example.org!user", "example.test"), id="bang path"),
    pytest.param(Address("user%example.org+alice", "example.test"), id="percent hack with detail"),
    pytest.param(Address("user@example.org ", "example.test"), id="quoted @ and a space"),
    pytest.param(Address("\\user@example.org", "example.test"), id="backslash"),
    pytest.param(Address("|/bin/sh", "example.test"), id="command"),
    pytest.param(Address("/etc/passwd", "example.test"), id="file"),
    pytest.param(Address(":include:/etc/passwd", "example.test"), id="include"),
    pytest.param(Address("", "example.test"), id="empty local part"),
]

STRANGERS = [
    pytest.param(Address("alice", "example.org"), id="another domain"),
    pytest.param(Address("alice", "example.test."), id="trailing dot"),
    pytest.param(Address("alice", "example.test.example.org"), id="our domain in front"),
    pytest.param(Address("alice", "notexample.test"), id="our domain behind"),
    pytest.param(Address("alice", "sub.example.test"), id="below our domain"),
    pytest.param(Address("alice", "test"), id="above our domain"),
    pytest.param(Address("alice", "[127.0.0.1]"), id="loopback literal"),
    pytest.param(Address("alice", "[192.0.2.2]"), id="our own address, not listed"),
    pytest.param(Address("alice", "[IPv6:::1]"), id="IPv6 literal"),
    pytest.param(Address("alice%example.test", "example.org"), id="our domain by percent"),
    pytest.param(Address("alice@example.test", "example.org"), id="our address, quoted"),
    pytest.param(Address("example.test!alice", "example.org"), id="our domain by bang"),
]


class RouterContract(ProviderCase[IRouter]):
    """
    What every router does.

    :cvar relays: whether it has a way for other domains; that is never local.
    """

    relays = False

    @case
    async def test_provides(self, router: IRouter) -> None:
        """It has the method, with its arguments."""
        assert verifyObject(IRouter, router)

    @pytest.mark.parametrize("text", ["alice@example.test", "ALICE@Example.Test"])
    @case
    async def test_an_account(self, router: IRouter, text: str) -> None:
        """A local account has a local way; what came with the recipient stays with it."""
        whole = Recipient(
            id=RecipientID(7),
            address=Address.parse(text),
            notify=Notify.SUCCESS,
            orcpt=OriginalRecipient("rfc822", "a@b"),
        )
        route = await router.route(whole, origin())

        assert isinstance(route, Via)
        assert route.local
        assert (whole.id, whole.notify, whole.orcpt) == (
            route.recipient.id,
            route.recipient.notify,
            route.recipient.orcpt,
        )

    @case
    async def test_nobody(self, router: IRouter) -> None:
        """Who is unknown in a local domain is refused for good, as unknown."""
        route = await router.route(recipient("carol@example.test"), origin())

        assert isinstance(route, Refusal)
        assert (550, "5.1.1") == (route.reply.code, route.reply.status)

    @pytest.mark.parametrize("address", TRICKS)
    @case
    async def test_s21_tricks_in_local_parts(self, router: IRouter, address: Address) -> None:
        """No second address is ever read out of a local part."""
        route = await router.route(recipient(address), origin())

        assert isinstance(route, Refusal)
        assert route.reply.permanent

    @pytest.mark.parametrize("address", STRANGERS)
    @case
    async def test_s21_other_domains(self, router: IRouter, address: Address) -> None:
        """What is in no local domain is refused, or relayed as it is, and never taken for local."""
        route = await router.route(recipient(address), origin())

        if self.relays:
            assert isinstance(route, Via)
            assert not route.local
            assert address == route.recipient.address
        else:
            assert isinstance(route, Refusal)
            assert (550, "5.7.1") == (route.reply.code, route.reply.status)

    @case
    async def test_the_same_answer(self, router: IRouter) -> None:
        """The same question has the same answer, also asked many times at once."""
        asked = [deferred(router.route(recipient("alice@example.test"), origin())) for _ in "12345"]
        answers = await gather(asked)

        assert 1 == len(set(answers))
