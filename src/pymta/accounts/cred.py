"""
Accounts behind Twisted's cred: checkers, a realm, and the portal of both.

The realm alone serves an application that has checkers of its own: whatever name they give is
opened as an account.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeAlias

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.defer import Deferred
from zope.interface import Interface, implementer

from pymta.accounts.accounts import Accounts
from pymta.accounts.springing import Springing
from pymta.aio import start
from pymta.edge.login_credentials import IVerifiedIdentity, completed
from pymta.errors import NoSuchAccount
from pymta.interfaces.accounts import IAccountDirectory, IMailAccount

__all__ = ["AccountRealm", "PasswordChecker", "VerifiedChecker", "portal_for"]

Avatar: TypeAlias = tuple[type[Interface], object, Callable[[], None]]


class _ChecksPasswords(Protocol):
    def check_password(self, username: str, password: str) -> Awaitable[str | None]: ...


class _ChecksIdentities(Protocol):
    def check_identity(self, username: str) -> Awaitable[str | None]: ...


@implementer(ICredentialsChecker)
class PasswordChecker:
    """Names and passwords, by an ``Accounts``."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, accounts: _ChecksPasswords) -> None:
        self._accounts = accounts

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """The account's name.  :raises UnauthorizedLogin: unknown, disabled, or wrong."""
        username, password = _text(credentials.username), _text(credentials.password)
        return start(_named(self._accounts.check_password(username, password)))


@implementer(ICredentialsChecker)
class VerifiedChecker:
    """Those whom this process has verified by SASL already."""

    credentialInterfaces = (IVerifiedIdentity,)

    def __init__(self, accounts: _ChecksIdentities) -> None:
        self._accounts = accounts

    def requestAvatarId(self, credentials: Any) -> Deferred[bytes | tuple[()]]:
        """The account's name.  :raises UnauthorizedLogin: unknown, or disabled."""
        return start(_named(self._accounts.check_identity(credentials.identity)))


@implementer(IRealm)
class AccountRealm:
    """
    Opens accounts for whom a checker let in.

    :param domain: of names without ``@``, which an application's checker may give.
    """

    def __init__(self, directory: IAccountDirectory, *, domain: str | None = None) -> None:
        self._directory = directory
        self._domain = domain

    def requestAvatar(
        self, avatarId: bytes | str | tuple[()], mind: object, *interfaces: type[Interface]
    ) -> Deferred[Avatar]:
        """The opened account; there is nothing to do at logout."""
        if IMailAccount not in interfaces:
            raise NotImplementedError("an account is an IMailAccount and nothing else")
        return start(self._opened(avatarId))

    async def _opened(self, avatar_id: bytes | str | tuple[()]) -> Avatar:
        if isinstance(avatar_id, tuple):
            raise UnauthorizedLogin("nobody has mailboxes for everybody")  # ANONYMOUS
        try:
            account = await self._directory.open(completed(_text(avatar_id), self._domain))
        except NoSuchAccount as no:
            raise UnauthorizedLogin(f"no such account: {no}") from None
        return IMailAccount, account, _nothing


def portal_for(accounts: Accounts | Springing, *, domain: str | None = None) -> Portal:
    """
    The portal of these accounts.

    :param domain: of names without ``@``.
    """
    checkers = [PasswordChecker(accounts), VerifiedChecker(accounts)]
    return Portal(AccountRealm(accounts, domain=domain), checkers)


async def _named(found: Awaitable[str | None]) -> bytes | tuple[()]:
    name = await found
    if name is None:
        raise UnauthorizedLogin("wrong credentials")
    return name.encode()


def _text(octets: bytes | str) -> str:
    return octets if isinstance(octets, str) else octets.decode(errors="replace")


def _nothing() -> None: ...
