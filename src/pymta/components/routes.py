"""
Where mail goes, as an operator writes it down, and the router that this makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, TypeAlias

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime

from pymta.address import Address, parse_domain
from pymta.aio import Pool
from pymta.components.parts import Job, Part
from pymta.components.relay import AGENT, Hop, lane_of, next_hop
from pymta.interfaces.accounts import IAccountDirectory
from pymta.interfaces.content import Lane
from pymta.routing.aliases import Aliases
from pymta.routing.first_of import FirstOf
from pymta.routing.local import CatchAll, LocalAccounts, Postmaster
from pymta.routing.partial import PartialRouter
from pymta.routing.tables import DomainTable, EachDomain, NextHop, VirtualDomains

__all__ = ["LOCAL", "Domain", "Routes", "Routing", "routing_of"]

LOCAL = "local"
"""The name of the agent that delivers to accounts."""

Domain: TypeAlias = Annotated[str, parse_domain]


def _address(text: str) -> str:
    """As it is kept: text, as programs write it.  :raises pymta.errors.AddressError: it is none."""
    return str(Address.parse(text))


Written: TypeAlias = Annotated[str, _address]
"""A mail address as text, which a key of a table is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """
    Asked in this order: aliases, virtual addresses, the postmaster, accounts and their catch-all,
    next hops by domain, then the next hop of everything else, or the hosts of each domain.

    :param aliases: path of a file as aliases(5) has them, read again when it changes.
    :param virtual: addresses that stand for others; a domain of these alone is in ``domains``.
    :param catch_all: who gets the mail of unknown users, by domain.
    :param postmaster: who gets the mail of each domain's postmaster that has no account of its
        own; an account by this name at the first domain otherwise, which is made.
    :param separator: between an address and its detail (:rfc:`5233`); empty for none.
    :param hops: next hop by domain; ``.example.org`` is all below ``example.org``.  It is
        written as ``next_hop`` is.
    :param next_hop: where everything else goes: ``host:port`` is a host, ``domain`` the MX hosts
        of that domain; ``lmtp:host:port`` and ``lmtp:unix:/path`` are spoken to by LMTP.
    :param mx: whether everything else goes to the MX hosts of its own domain.  Without this and
        without ``next_hop``, everything else is refused.
    """

    aliases: str | None = None
    virtual: Mapping[Written, tuple[Address, ...]] = field(default_factory=dict)
    catch_all: Mapping[Domain, Address] = field(default_factory=dict)
    postmaster: Address | None = None
    separator: str = "+"
    hops: Mapping[str, Hop] = field(default_factory=dict)
    next_hop: Hop | None = None
    mx: bool = False

    def __post_init__(self) -> None:
        """In one spelling, whoever wrote them.  :raises Mistake: one is no next hop."""
        hops = {domain: next_hop(hop) for domain, hop in self.hops.items()}
        object.__setattr__(self, "hops", hops)
        if self.next_hop is not None:
            object.__setattr__(self, "next_hop", next_hop(self.next_hop))

    @property
    def leads_elsewhere(self) -> bool:
        """Whether mail may leave this system at all."""
        return self.mx or bool(self.lanes)

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Those to next hops."""
        hops = dict.fromkeys([*self.hops.values(), *filter(None, [self.next_hop])])
        return tuple(map(lane_of, hops))


@dataclass(frozen=True, slots=True)
class Routing:
    """:param postmaster: an address that must exist."""

    router: FirstOf
    postmaster: Address
    parts: tuple[Part, ...]


def routing_of(
    routes: Routes,
    reactor: IReactorFromThreads,
    *,
    directory: IAccountDirectory,
    domains: Iterable[str],
    hostname: str,
) -> Routing:
    """:param domains: all local ones; the first is the postmaster's."""
    local = tuple(domains)
    own = local[0] if local else hostname
    postmaster = (routes.postmaster or Address("postmaster", own)).simplest
    parts: list[Part] = []
    routers: list[PartialRouter] = []
    if routes.aliases is not None:
        pool = Pool(reactor, threads=1, limit=1000, name="pymta-aliases")
        aliases = Aliases(
            routes.aliases,
            domains=local,
            domain=own,
            clock=IReactorTime(reactor),
            pool=pool,
            separator=routes.separator,
        )
        routers.append(aliases)
        parts += [_started(pool), Job(aliases.start)]
    routers += _tables(routes, directory, local, postmaster)
    return Routing(FirstOf(routers), postmaster, tuple(parts))


def _tables(
    routes: Routes, directory: IAccountDirectory, domains: tuple[str, ...], postmaster: Address
) -> Iterator[PartialRouter]:
    if routes.virtual:
        virtual = {
            Address.parse(text): [target.simplest for target in targets]
            for text, targets in routes.virtual.items()
        }
        yield VirtualDomains(virtual, separator=routes.separator)
    yield Postmaster(directory, postmaster, domains=domains)
    accounts = LocalAccounts(directory, agent=LOCAL, domains=domains, separator=routes.separator)
    catch_all = {domain: target.simplest for domain, target in routes.catch_all.items()}
    yield CatchAll(accounts, catch_all)
    if routes.hops:
        yield DomainTable({domain: lane_of(hop) for domain, hop in routes.hops.items()})
    if routes.next_hop is not None:
        yield NextHop(lane_of(routes.next_hop))
    elif routes.mx:
        yield EachDomain(AGENT)


def _started(pool: Pool) -> Part:
    async def begin() -> None:
        pool.start()

    return Job(begin, pool.stop)
