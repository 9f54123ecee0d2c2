"""
Which addresses an account may send as (S25).
"""

from __future__ import annotations

import pytest

from pymta.accounts.memory import memory_accounts
from pymta.accounts.passwords import CHEAPEST, Passwords
from pymta.address import Address
from pymta.aio import start
from pymta.envelope import Sender
from pymta.interfaces.content import Lane, Origin
from pymta.interfaces.routing import Expand
from pymta.routing.first_of import FirstOf
from pymta.routing.local import CatchAll, LocalAccounts
from pymta.routing.partial import Answer, ListedMembers
from pymta.routing.sends_as import sends_as
from pymta.routing.tables import NextHop, VirtualDomains
from pymta.store.memory.mailboxes import MemoryMailStore


def _(text: str) -> Address:
    return Address.parse(text)


class AList:
    """A list with an owner."""

    async def route(self, recipient: object, origin: Origin) -> Answer:
        if getattr(recipient, "address", None) != _("list@example.test"):
            return None
        members = ListedMembers([_("alice@example.test")])
        return Expand(members, Sender(reverse_path=_("owner@example.test")))


@pytest.mark.parametrize(
    ("text", "allowed"),
    [
        pytest.param("alice@example.test", True, id="itself"),
        pytest.param("alice+x@example.test", True, id="sub-address"),
        pytest.param("info@example.test", True, id="alias"),
        pytest.param("info+x@example.test", True, id="sub-address of an alias"),
        pytest.param("team@example.test", True, id="alias of several"),
        pytest.param("bob@example.test", False, id="another account"),
        pytest.param("bobs@example.test", False, id="another one's alias"),
        pytest.param("list@example.test", False, id="list with an owner"),
        pytest.param("any@all.test", True, id="catch-all"),
        pytest.param("bob@all.test", False, id="an account within a catch-all"),
        pytest.param("nobody@example.test", False, id="nobody"),
        pytest.param("away@example.test", False, id="alias to the outside"),
        pytest.param("alice@example.test.example.org", False, id="outside"),
        pytest.param("alice%example.test@example.org", False, id="percent hack"),
    ],
)
def test_s25_sends_as(text: str, allowed: bool) -> None:
    """Whoever gets the mail of an address may send as it; nobody else may."""

    async def ask() -> None:
        accounts = memory_accounts(
            MemoryMailStore(),
            passwords=Passwords(random=bytes, pool=None, cost=CHEAPEST),
            random=bytes,
            senders=lambda account, address: sends_as(router, account, address),
        )
        for name in ("alice@example.test", "bob@example.test", "bob@all.test"):
            await accounts.add(name, "password")
        local = LocalAccounts(accounts)
        virtual = VirtualDomains(
            {
                _("info@example.test"): [_("alice@example.test")],
                _("team@example.test"): [_("bob@example.test"), _("alice@example.test")],
                _("bobs@example.test"): [_("bob@example.test")],
                _("away@example.test"): [_("alice@example.org")],
            }
        )
        router = FirstOf(
            [
                AList(),
                virtual,
                CatchAll(local, {"all.test": _("alice@example.test")}),
                NextHop(Lane("relay")),
            ]
        )
        account = await accounts.open("alice@example.test")
        results.append(await account.owns(_(text)))

    results: list[bool] = []
    failures: list[object] = []
    start(ask()).addErrback(failures.append)  # type: ignore[unused-awaitable]  # at once

    assert ([allowed], []) == (results, failures)
