"""
Accounts that spring into being when somebody writes to them or logs in: for tests and demos.

Any password is right, so nothing that hides passwords can be offered: no SCRAM, no CRAM-MD5.
"""

from __future__ import annotations

from collections.abc import Iterable

from zope.interface import implementer

from pymta.accounts.accounts import MailStore
from pymta.accounts.mail_account import MailAccount, without_detail
from pymta.address import Address, ascii_domain
from pymta.edge.login_credentials import folded
from pymta.errors import AddressError, NoSuchAccount
from pymta.interfaces.accounts import IAccountDirectory, IMailAccount

__all__ = ["Springing"]


@implementer(IAccountDirectory)
class Springing:
    """
    Every address is an account.  Nothing is kept of it but its mailboxes.

    :param domains: in which; None for all there are.
    :param separator: of sub-addresses, which are none of their own; empty for none.
    """

    def __init__(
        self, mail: MailStore, *, domains: Iterable[str] | None, separator: str = "+"
    ) -> None:
        self._mail = mail
        self._domains = None if domains is None else frozenset(map(ascii_domain, domains))
        self._separator = separator

    async def find(self, address: Address) -> str | None:
        """The address itself, if it is in one of the domains and no sub-address."""
        if without_detail(address, self._separator) != address:
            return None
        return folded(str(address)) if await self.has_domain(address.ascii_domain) else None

    async def has_domain(self, domain: str) -> bool:
        """Whether accounts spring into being there."""
        return self._domains is None or domain in self._domains

    async def open(self, account: str) -> IMailAccount:
        """The account.  :raises pymta.errors.NoSuchAccount: in none of the domains."""
        name = await self._named(account)
        if name is None:
            raise NoSuchAccount(account)
        return MailAccount(name, self._mail.mailboxes(name), separator=self._separator)

    async def check_password(self, username: str, password: str) -> str | None:
        """Any password is right."""
        return await self._named(username)

    async def check_identity(self, username: str) -> str | None:
        """Whoever was verified by a token or a certificate."""
        return await self._named(username)

    async def _named(self, text: str) -> str | None:
        try:
            address = Address.parse(text)
        except AddressError:
            return None
        return await self.find(without_detail(address, self._separator))
