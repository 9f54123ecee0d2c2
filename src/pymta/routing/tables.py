"""
Routes out of tables that are given: virtual domains, next hops by domain, one next hop for all,
each domain as its own next hop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from pymta.accounts.mail_account import without_detail
from pymta.address import Address, ascii_domain
from pymta.envelope import Recipient
from pymta.interfaces.content import Lane, Origin
from pymta.interfaces.routing import Expand, Via
from pymta.routing.partial import (
    NO_SUCH_USER,
    NOT_MINE,
    Answer,
    ListedMembers,
    Readdress,
    direct,
)

__all__ = ["DomainTable", "EachDomain", "NextHop", "VirtualDomains"]


class VirtualDomains:
    """
    Addresses that stand for other addresses.

    :param addresses: targets by address; one's own among several is the account of that name.
    :param catch_all: targets by domain, for what is not in ``addresses``; a target ``@domain``,
        written with an empty local part, keeps the local part.
    :param domains: those that exist by these tables alone: who is unknown there is refused.
    :param separator: of sub-addresses, which go where the address without detail goes.
    """

    def __init__(
        self,
        addresses: Mapping[Address, Sequence[Address]],
        *,
        catch_all: Mapping[str, Sequence[Address]] | None = None,
        domains: Iterable[str] = (),
        separator: str = "+",
    ) -> None:
        self._addresses = {address.key: tuple(to) for address, to in addresses.items()}
        self._catch_all = {ascii_domain(d): tuple(to) for d, to in (catch_all or {}).items()}
        self._domains = frozenset(map(ascii_domain, domains))
        self._separator = separator

    async def route(self, recipient: Recipient, origin: Origin) -> Answer:
        """See :class:`~pymta.routing.partial.PartialRouter`."""
        address = recipient.address
        targets = self._targets(address)
        if not targets:
            return NO_SUCH_USER if address.ascii_domain in self._domains else NOT_MINE
        members = list(dict.fromkeys(_own(_kept(t, address), address) for t in targets))
        if members == [direct(address)]:
            return NOT_MINE
        return Readdress(members[0]) if len(members) == 1 else Expand(ListedMembers(members), None)

    def _targets(self, address: Address) -> Sequence[Address]:
        if address.local.startswith("\\"):
            return ()
        plain = without_detail(address, self._separator)
        return (
            self._addresses.get(address.key)
            or self._addresses.get(plain.key)
            or self._catch_all.get(address.ascii_domain)
            or ()
        )


def _kept(target: Address, address: Address) -> Address:
    return target if target.local else Address(address.local, target.domain)


def _own(target: Address, address: Address) -> Address:
    return direct(address) if target.key == address.key else target


class DomainTable:
    """
    Next hops by domain: for smarthosts, backup relays and gateways.

    Never local, so that whoever takes mail for there asks for permission.

    :param lanes: by domain; ``.example.org`` is all below ``example.org``.
    """

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self._lanes = {_table_key(domain): lane for domain, lane in lanes.items()}

    async def route(self, recipient: Recipient, origin: Origin) -> Answer:
        """See :class:`~pymta.routing.partial.PartialRouter`."""
        domain = recipient.address.ascii_domain
        lane = self._lanes.get(domain)
        while lane is None and "." in domain and not domain.startswith("["):
            domain = domain.partition(".")[2]
            lane = self._lanes.get(f".{domain}")
        return NOT_MINE if lane is None else Via(lane=lane, recipient=recipient)


def _table_key(domain: str) -> str:
    dot = "." if domain.startswith(".") else ""
    return dot + ascii_domain(domain.removeprefix("."))


class NextHop:
    """Everything else, by one lane; never local."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane

    async def route(self, recipient: Recipient, origin: Origin) -> Answer:
        """See :class:`~pymta.routing.partial.PartialRouter`."""
        return Via(lane=self._lane, recipient=recipient)


class EachDomain:
    """
    Everything else, each domain by a lane of its own: an agent finds its hosts; never local.

    An address literal is its own host (:rfc:`5321#section-4.1.3`), without a port, which tells
    it from a host that an operator has named.

    :param agent: the name of that agent.
    """

    def __init__(self, agent: str) -> None:
        self._agent = agent

    async def route(self, recipient: Recipient, origin: Origin) -> Answer:
        """See :class:`~pymta.routing.partial.PartialRouter`."""
        domain = recipient.address.ascii_domain
        if not domain:
            return NOT_MINE
        next_hop = domain.replace("[ipv6:", "[", 1)
        return Via(lane=Lane(self._agent, next_hop), recipient=recipient)
