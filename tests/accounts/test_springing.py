"""
Accounts that spring into being, and cred's realm over them.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from zope.interface import Interface
from zope.interface.verify import verifyObject

from pymta.accounts.cred import AccountRealm, portal_for
from pymta.accounts.springing import Springing
from pymta.address import Address
from pymta.edge.login_credentials import VerifiedIdentity
from pymta.errors import NoSuchAccount
from pymta.interfaces.accounts import IAccountDirectory, IMailAccount
from pymta.mailbox import INBOX
from pymta.store.memory.mailboxes import MemoryMailStore
from tests.awaiting import now_done


def springing(*domains: str) -> Springing:
    """In these domains, or in all."""
    return Springing(MemoryMailStore(), domains=domains or None)


@pytest.mark.parametrize(
    ("domains", "text", "expected"),
    [
        (["demo.test"], "New@demo.test", "new@demo.test"),
        (["Demo.TEST"], "new@DEMO.test", "new@demo.test"),
        (["demo.test"], "new@other.test", None),
        (["demo.test"], "new@sub.demo.test", None),
        (["demo.test"], "new+x@demo.test", None),
        (["demo.test"], "+x@demo.test", "+x@demo.test"),
        (["demo.test"], "x%y@demo.test", "x%y@demo.test"),
        (["bücher.example"], "x@xn--bcher-kva.example", "x@xn--bcher-kva.example"),
        ([], "new@anything.test", "new@anything.test"),
        ([], "new@[127.0.0.1]", "new@[127.0.0.1]"),
    ],
)
def test_find(domains: list[str], text: str, expected: str | None) -> None:
    """Every address of the domains is an account, and no sub-address is."""
    assert expected == now_done(springing(*domains).find(Address.parse(text)))


def test_it_is_a_directory() -> None:
    """It has the methods, with their arguments, and its accounts have an inbox of their own."""
    directory = springing("demo.test")
    assert verifyObject(IAccountDirectory, directory)
    account = now_done(directory.open("One@demo.test"))

    assert "one@demo.test" == account.name
    now_done(account.mailboxes.open(INBOX)).close()
    assert now_done(account.owns(Address.parse("one+x@demo.test")))
    assert not now_done(account.owns(Address.parse("two@demo.test")))


@pytest.mark.parametrize("name", ["x@other.test", "x", "", "@demo.test"])
def test_open_nobody(name: str) -> None:
    """Elsewhere nobody springs into being."""
    with pytest.raises(NoSuchAccount):
        now_done(springing("demo.test").open(name))


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("New@demo.test", "new@demo.test"),
        ("new+x@demo.test", "new@demo.test"),
        ("new", None),
        ("new@other.test", None),
    ],
)
def test_any_password_is_right(username: str, expected: str | None) -> None:
    """Through cred; a sub-address opens its account."""
    portal = portal_for(springing("demo.test"))
    credentials = UsernamePassword(username.encode(), b"anything")
    if expected is None:
        with pytest.raises(UnauthorizedLogin):
            now_done(portal.login(credentials, None, IMailAccount))
        return
    _, account, logout = now_done(portal.login(credentials, None, IMailAccount))

    assert expected == account.name  # type: ignore[attr-defined]  # an IMailAccount
    logout()


def test_whom_we_have_verified() -> None:
    """A token or a certificate opens an account as a password does."""
    portal = portal_for(springing("demo.test"))

    login = portal.login(VerifiedIdentity("x@demo.test", "EXTERNAL"), None, IMailAccount)
    assert "x@demo.test" == now_done(login)[1].name  # type: ignore[attr-defined]  # an IMailAccount
    with pytest.raises(UnauthorizedLogin):
        now_done(portal.login(VerifiedIdentity("x@other.test", "EXTERNAL"), None, IMailAccount))


def test_the_realm_has_accounts_and_nothing_else() -> None:
    """As cred wants it of a realm that is asked for what it does not have."""

    class IOther(Interface):
        pass

    realm: Any = AccountRealm(springing("demo.test"))
    with pytest.raises(NotImplementedError):
        realm.requestAvatar(b"x@demo.test", None, IOther)
