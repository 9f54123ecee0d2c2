"""
Recipients of this system: accounts, their sub-addresses, catch-alls, and the postmaster.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pymta.accounts.mail_account import without_detail
from pymta.address import Address, ascii_domain
from pymta.envelope import Recipient
from pymta.interfaces.accounts import IAccountDirectory
from pymta.interfaces.content import Lane, Origin
from pymta.interfaces.routing import Via
from pymta.routing.partial import (
    NO_SUCH_USER,
    NOT_MINE,
    Answer,
    PartialRouter,
    Readdress,
)

__all__ = ["CatchAll", "LocalAccounts", "Postmaster"]


class LocalAccounts:
    """
    Accounts, each by its own lane, ``(agent, account)``.

    :param domains: local ones beside those of the directory: who is unknown there is refused,
        also when nobody has an account there yet.
    :param separator: between an address and its detail (:rfc:`5233`); empty for none.  An account
        of just that name goes first.
    """

    def __init__(
        self,
        directory: IAccountDirectory,
        *,
        agent: str = "local",
        domains: Iterable[str] = (),
        separator: str = "+",
    ) -> None:
        self._directory = directory
        self._agent = agent
        self._domains = frozenset(map(ascii_domain, domains))
        self._separator = separator

    async def route(self, recipient: Recipient, origin: Origin) -> Answer:
        """See :class:`~pymta.routing.partial.PartialRouter`."""
        domain = recipient.address.ascii_domain
        if domain not in self._domains and not await self._directory.has_domain(domain):
            return NOT_MINE
        for address in self._candidates(recipient.address):
            account = await self._directory.find(address)
            if account is not None:
                return Via(lane=Lane(self._agent, account), recipient=recipient, local=True)
        # RFC 5321 section 3.3: known to be undeliverable, so it is said now.
        return NO_SUCH_USER

    def _candidates(self, address: Address) -> Iterator[Address]:
        if address.local.startswith("\\") and len(address.local) > 1:  # see direct()
            yield Address(address.local[1:], address.domain)
        yield address
        plain = without_detail(address, self._separator)
        if plain != address:
            yield plain


class CatchAll:
    """
    Gives whom another router does not know to somebody.

    :param inner: asked first: :class:`LocalAccounts`.
    :param targets: where mail for unknown users goes, by domain.
    """

    def __init__(self, inner: PartialRouter, targets: Mapping[str, Address]) -> None:
        self._inner = inner
        self._targets = {ascii_domain(domain): target for domain, target in targets.items()}

    async def route(self, recipient: Recipient, origin: Origin) -> Answer:
        """See :class:`~pymta.routing.partial.PartialRouter`."""
        answer = await self._inner.route(recipient, origin)
        target = self._targets.get(recipient.address.ascii_domain)
        if answer != NO_SUCH_USER or target is None or target.key == recipient.address.key:
            return answer
        return Readdress(target)


class Postmaster:
    """
    Names that must exist in each domain (:rfc:`5321#section-4.5.1`, :rfc:`2142`).

    Behind aliases, before the accounts: who has an account of the name gets the mail.

    :param target: who gets it otherwise; see to it that it exists
        (:meth:`~pymta.accounts.accounts.Accounts.ensure`).
    :param domains: local ones beside those of the directory; without any, only the bare
        postmaster is anybody.
    :param names: in any case.
    """

    def __init__(
        self,
        directory: IAccountDirectory,
        target: Address,
        *,
        domains: Iterable[str],
        names: Iterable[str] = ("postmaster",),
    ) -> None:
        self._directory = directory
        self._target = target
        self._domains = frozenset(map(ascii_domain, domains))
        self._names = frozenset(name.casefold() for name in names)

    async def route(self, recipient: Recipient, origin: Origin) -> Answer:
        """See :class:`~pymta.routing.partial.PartialRouter`."""
        address = recipient.address
        # RFC 5321 section 4.5.1: without regard to case.
        if address.local.casefold() not in self._names:
            return NOT_MINE
        if address.domain and not await self._is_local(address.ascii_domain):
            return NOT_MINE
        if address.key == self._target.key or await self._directory.find(address) is not None:
            return NOT_MINE
        return Readdress(self._target)

    async def _is_local(self, domain: str) -> bool:
        if domain in self._domains:
            return True
        # Without any, the target has no domain of ours either.
        return bool(self._domains) and await self._directory.has_domain(domain)
