"""
One account, opened: the avatar of every protocol.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from zope.interface import implementer

from pymta.address import Address
from pymta.edge.login_credentials import folded
from pymta.interfaces.accounts import IMailAccount
from pymta.interfaces.mailbox import IMailboxStore

__all__ = ["MailAccount", "without_detail"]


@implementer(IMailAccount)
class MailAccount:
    """
    :param name: the account's, folded.
    :param separator: between a local part and its detail; empty for none.
    :param others: asked with the name, for addresses that are neither the name nor a
        sub-address of it.
    """

    def __init__(
        self,
        name: str,
        mailboxes: IMailboxStore,
        *,
        separator: str = "+",
        others: Callable[[str, Address], Awaitable[bool]] | None = None,
    ) -> None:
        self.name = name
        self.mailboxes = mailboxes
        self._separator = separator
        self._others = others

    async def owns(self, address: Address) -> bool:
        """See :class:`~pymta.interfaces.accounts.IMailAccount`."""
        plain = without_detail(address, self._separator)
        if self.name in (folded(str(address)), folded(str(plain))):
            return True
        if self._others is None:
            return False
        return await self._others(self.name, address) or (
            plain != address and await self._others(self.name, plain)
        )

    def __repr__(self) -> str:
        return f"MailAccount({self.name!r})"


def without_detail(address: Address, separator: str) -> Address:
    """The address before the first separator; as it is without one, or where nothing is left."""
    if not separator:
        return address
    local, found, _ = address.local.partition(separator)
    return Address(local, address.domain) if found and local else address
