"""
Accounts: who has mailboxes here, and how they prove who they are.

Logging in goes through a cred ``Portal`` with :class:`IMailAccount` as the one avatar of every
protocol.  What its checkers cannot do (secrets for SCRAM and CRAM-MD5, tokens) are seams of their
own; a mechanism is announced only where what it needs is provided.
"""

from __future__ import annotations

from collections.abc import Awaitable

from zope.interface import Attribute, Interface

from pymta.address import Address
from pymta.interfaces.mailbox import IMailboxStore
from pymta.sasl.scram.secret import Decoy
from pymta.sasl.steps import SCRAMSecret

__all__ = [
    "IAccountAdministration",
    "IAccountDirectory",
    "IClearTextPasswords",
    "IMailAccount",
    "ISCRAMSecrets",
    "ITokenChecker",
]


class IMailAccount(Interface):
    """One account, opened: the avatar of whoever logged in, and where delivery puts mail."""

    name: str = Attribute("The account's name, as the directory spells it.")
    mailboxes: IMailboxStore = Attribute("Its mailboxes.")

    def owns(address: Address) -> Awaitable[bool]:
        """Whether it may send as this address (:rfc:`6409#section-6.1`)."""


class IAccountDirectory(Interface):
    """Which accounts there are."""

    def find(address: Address) -> Awaitable[str | None]:
        """
        The name of the account that gets mail for exactly this address; None if none does.

        Catch-alls, sub-addresses and aliases are the router's affair.

        :raises Exception: nobody knows now; never taken for a "no".
        """

    def has_domain(domain: str) -> Awaitable[bool]:
        """Whether this is a domain of accounts.  :param domain: as ``Address.ascii_domain``."""

    def open(account: str) -> Awaitable[IMailAccount]:
        """
        The account, with its mailboxes; ``INBOX`` exists.

        :raises pymta.errors.NoSuchAccount: unknown, or disabled.
        """


class IAccountAdministration(Interface):
    """Making and changing accounts: for commands and for applications."""

    def add(account: str, password: str) -> Awaitable[None]:
        """Make an account.  :raises ValueError: it exists, or the name is no address."""

    def set_password(account: str, password: str) -> Awaitable[None]:
        """Another password.  :raises pymta.errors.NoSuchAccount: unknown."""

    def remove(account: str) -> Awaitable[None]:
        """No more logins and no more mail.  :raises pymta.errors.NoSuchAccount: unknown."""

    def accounts(after: str | None = None, limit: int = 1000) -> Awaitable[list[str]]:
        """Names, sorted, behind ``after``."""


class ISCRAMSecrets(Interface):
    """What SCRAM needs (:rfc:`5802#section-2.2`): never the password."""

    decoy: Decoy = Attribute(
        "What stands in for users that there are not; its key is kept as long as the secrets are."
    )

    def scram_secret(username: str, hash_name: str) -> Awaitable[SCRAMSecret | None]:
        """None for an unknown account, and where no secret of that hash (``"SHA-256"``) is kept."""


class IClearTextPasswords(Interface):
    """What APOP and CRAM-MD5 need, and what is best not kept."""

    def password(username: str) -> Awaitable[str | None]:
        """None for an unknown account."""


class ITokenChecker(Interface):
    """What OAUTHBEARER and XOAUTH2 need."""

    def check_token(token: str, username: str | None) -> Awaitable[str | None]:
        """The account that the token speaks for; None if it is not valid for ``username``."""
