"""
Finding the hosts of a next hop (:rfc:`5321#section-5.1`, :rfc:`7505`).

All hosts of a domain are tried in one attempt, in the order of their preference; what cannot be
found now never counts as missing.  Whoever writes a zone is not trusted: there are limits on
hosts, addresses and time, and only public addresses are taken from it (S11, S30).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from typing import TypeAlias, TypeVar, assert_never

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pymta.aio import TimeLimit, gather, timeout
from pymta.delivery.hops import Direct, Domain, Literal, Socket, is_host, parse
from pymta.delivery.strangers import is_public
from pymta.dns.names import canonical
from pymta.edge.peers import Peers
from pymta.errors import DNSError, NoRecords, NoSuchName, Refused
from pymta.interfaces.dns import AAAA, MX, A, Answer, IDNSClient
from pymta.interfaces.relay import Destination, Host, IDestinationFinder
from pymta.reply import Reply

__all__ = ["Limits", "MXFinder"]

NO_DOMAIN = Reply(550, "5.1.2", "There is no such domain")
NO_HOP = Reply(550, "5.1.2", "This is no domain")
# RFC 7505 section 4.1.
NULL_MX = Reply(556, "5.1.10", "The domain does not accept mail")
UNUSABLE = Reply(550, "5.4.4", "The domain has no mail host with a public address")
LOOP = Reply(554, "5.4.6", "Mail for this domain would come back to this server")
LATER = Reply(451, "4.4.3", "The mail hosts of the domain cannot be looked up now")
# Not the sender's fault: the mail waits until the operator has found the mistake.
MISCONFIGURED = Reply(451, "4.3.5", "The host that mail goes through cannot be found")

Family: TypeAlias = type[A] | type[AAAA]
T = TypeVar("T")

# So many are named in the log, of hundreds that there may be.
_PROBLEMS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    What a zone may cost.

    :param hosts: that are looked up and tried, of one domain.
    :param addresses: of all hosts together; each host has as many as the others, at most 8.
    :param parallel: hosts that are looked up at one time.
    :param seconds: for all look-ups of one next hop; hosts that are not found by then are left
        out.
    """

    hosts: int = 20
    addresses: int = 40
    parallel: int = 5
    seconds: float = 60.0

    def __post_init__(self) -> None:
        if min(self.hosts, self.addresses, self.parallel) < 1 or self.seconds <= 0:
            raise ValueError("hosts, addresses, parallel and seconds are more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """
    A host.

    :param own: whether it is this server.
    :param pending: whether anything about it could not be found out now.
    :param problems: for the log.
    """

    addresses: tuple[str, ...] = ()
    own: bool = False
    pending: bool = False
    authentic: bool = False
    problems: tuple[str, ...] = ()


_UNSEEN = _Found(pending=True, problems=("no time left",))


@implementer(IDestinationFinder)
class MXFinder:
    """
    From next hops to hosts, by the DNS.

    Addresses that are not public are left out, unless the operator wrote them: as a next hop
    with a port, or by the name in brackets.  Addresses of both families take turns, beginning
    with the first of ``families``: where one of them leads nowhere the other is tried soon; in
    a family the order is the resolver's.

    :param hostname: this server's: its mail must not come back to it.
    :param names: further ones by which it is known as a mail host.
    :param own_addresses: by which it is known as a mail host.
    :param below: a random number from 0, below its argument: for hosts of equal preference.
    :param allow: addresses that are not public and may be in a zone all the same.
    :param port: where the next hop names none.
    :param families: without :class:`~pymta.interfaces.dns.AAAA` on a machine without IPv6.
    """

    def __init__(
        self,
        dns: IDNSClient,
        clock: IReactorTime,
        *,
        hostname: str,
        below: Callable[[int], int],
        names: Iterable[str] = (),
        own_addresses: Peers | None = None,
        allow: Peers | None = None,
        port: int = 25,
        families: Sequence[Family] = (AAAA, A),
        limits: Limits | None = None,
    ) -> None:
        self._dns = dns
        self._clock = clock
        self._own_names = frozenset(map(canonical, (hostname, *names)))
        self._own_addresses = own_addresses or Peers()
        self._below = below
        self._allow = allow or Peers()
        self._port = port
        self._families = tuple(families)
        self._limits = limits or Limits()

    async def find(self, next_hop: str) -> Destination:
        try:
            hop = parse(next_hop)
        except ValueError as error:
            raise Refused(NO_HOP, str(error)) from None
        match hop:
            case Socket(path):
                return _destination(next_hop, Host(name=path, addresses=(path,), port=0))
            case Literal():
                return _destination(next_hop, self._literal(hop))
            case Direct():
                return await self._direct(next_hop, hop)
            case Domain():
                return await self._domain(next_hop, hop)
        assert_never(hop)

    def _literal(self, hop: Literal) -> Host:
        address = hop.address
        if hop.port is None:  # RFC 5321 section 4.1.3: by whoever wrote the recipient's address
            if address in self._own_addresses:
                raise Refused(LOOP, f"{address} is this server")
            if not self._may_connect(address):
                raise Refused(UNUSABLE, f"{address} is not public")
        return Host(name=address, addresses=(address,), port=hop.port or self._port)

    async def _direct(self, next_hop: str, hop: Direct) -> Destination:
        all_found = await self._look_up_all([hop.name], self._limits.seconds, _any)
        found = all_found.get(hop.name, _UNSEEN)
        if not found.addresses:
            reply = LATER if found.pending else MISCONFIGURED
            raise Refused(reply, _problems(hop.name, [found]))
        host = self._host(hop.name, found, 1, hop.port)
        return _destination(next_hop, host, authentic=found.authentic)

    async def _domain(self, next_hop: str, hop: Domain) -> Destination:
        began = self._clock.seconds()
        answer = await self._exchanges(hop.name)
        # RFC 5321 section 5.1: without MX records the domain is its own host.
        records = (MX(0, hop.name),) if answer is None else answer.records
        candidates = self._candidates(hop.name, records)
        tried = candidates[: self._limits.hosts]
        left = self._limits.seconds - (self._clock.seconds() - began)
        names = [record.exchange for record in tried]
        found = await self._look_up_all(names, left, self._may_connect)
        others = _before_own([(each, found.get(each.exchange, _UNSEEN)) for each in tried])
        if not others:
            raise Refused(LOOP, f"{hop.name}: {tried[0].exchange} is this server")
        usable = [(record.exchange, host) for record, host in others if host.addresses]
        if not usable:
            # Those that were left out for their number might be some.
            pending = any(host.pending for _, host in others) or len(tried) < len(candidates)
            reason = _problems(hop.name, [host for _, host in others])
            raise Refused(LATER if pending else UNUSABLE, reason)
        return _destination(
            next_hop,
            *(self._host(name, host, len(usable), hop.port) for name, host in usable),
            # RFC 7672 section 2.2.2: the host is the domain, and its addresses are its proof.
            authentic=usable[0][1].authentic if answer is None else answer.authentic,
        )

    async def _exchanges(self, name: str) -> Answer[MX] | None:
        try:
            return await self._timed(self._limits.seconds, self._dns.lookup(name, MX))
        except NoRecords:
            return None
        except NoSuchName as error:
            raise Refused(NO_DOMAIN, str(error)) from None
        except (DNSError, TimeLimit) as error:
            raise Refused(LATER, f"{name}: {error}") from None

    def _candidates(self, domain: str, records: Sequence[MX]) -> list[MX]:
        """Those of the records that name hosts before this one, best first."""
        if not any(record.exchange for record in records):
            raise Refused(NULL_MX, f"{domain}: null MX")
        own = [record.preference for record in records if record.exchange in self._own_names]
        # RFC 5321 section 5.1: "all records at that preference level and higher-numbered ones
        # MUST be discarded".
        before = [record for record in records if not own or record.preference < min(own)]
        if not before:
            raise Refused(LOOP, f"{domain}: this server is its best host")
        # It "MUST contain a domain name"; an address is none.  A null MX next to others, which
        # RFC 7505 section 3 forbids, is none of them.
        hosts = [record for record in before if is_host(record.exchange)]
        if not hosts:
            raise Refused(UNUSABLE, f"{domain}: {before[0].exchange!r} is no host")
        by_name: dict[str, MX] = {}
        for record in sorted(self._shuffled(hosts), key=lambda record: record.preference):
            by_name.setdefault(record.exchange, record)
        return list(by_name.values())

    def _shuffled(self, records: Iterable[MX]) -> list[MX]:
        # RFC 5321 section 5.1: those of equal preference MUST be randomised.
        shuffled = list(records)
        for last in range(len(shuffled) - 1, 0, -1):
            other = self._below(last + 1)
            shuffled[last], shuffled[other] = shuffled[other], shuffled[last]
        return shuffled

    async def _look_up_all(
        self, names: Sequence[str], seconds: float, may_connect: Callable[[str], bool]
    ) -> dict[str, _Found]:
        found: dict[str, _Found] = {}
        waiting = iter(names)

        async def some() -> None:
            for name in waiting:
                found[name] = await self._look_up(name, may_connect)

        try:
            await self._timed(seconds, gather(some() for _ in range(self._limits.parallel)))
        except TimeLimit:
            pass  # those that were found will do
        return found

    async def _look_up(self, name: str, may_connect: Callable[[str], bool]) -> _Found:
        """A host's addresses, of both families; a CNAME, which it should not be, is followed."""
        answers = await gather(self._addresses(name, family) for family in self._families)
        good = [answer for answer in answers if not isinstance(answer, DNSError)]
        errors = [answer for answer in answers if isinstance(answer, DNSError)]
        turns = zip_longest(*([record.address for record in answer.records] for answer in good))
        addresses = [each for each in chain.from_iterable(turns) if each is not None]
        public = tuple(filter(may_connect, addresses))
        problems = [f"{each} is not public" for each in addresses if each not in public]
        return _Found(
            addresses=public,
            own=any(each in self._own_addresses for each in addresses)
            or any(answer.canonical in self._own_names for answer in good),
            pending=any(not isinstance(error, NoSuchName | NoRecords) for error in errors),
            authentic=bool(good) and all(answer.authentic for answer in good),
            problems=(*map(str, errors), *problems),
        )

    async def _addresses(self, name: str, family: Family) -> Answer[A] | Answer[AAAA] | DNSError:
        try:
            if family is A:
                return await self._dns.lookup(name, A)
            return await self._dns.lookup(name, AAAA)
        except DNSError as error:
            return error

    def _may_connect(self, address: str) -> bool:
        return is_public(address) or address in self._allow

    def _host(self, name: str, found: _Found, hosts: int, port: int | None) -> Host:
        most = max(1, min(8, self._limits.addresses // hosts))
        return Host(name=name, addresses=found.addresses[:most], port=port or self._port)

    async def _timed(self, seconds: float, work: Awaitable[T]) -> T:
        return await timeout(self._clock, max(seconds, 0), work)


def _any(address: str) -> bool:
    return True


def _destination(next_hop: str, *hosts: Host, authentic: bool = False) -> Destination:
    return Destination(next_hop=next_hop, hosts=hosts, authentic=authentic)


def _before_own(hosts: Sequence[tuple[MX, _Found]]) -> list[tuple[MX, _Found]]:
    own = [record.preference for record, found in hosts if found.own]
    return [each for each in hosts if not own or each[0].preference < min(own)]


def _problems(name: str, hosts: Iterable[_Found]) -> str:
    problems = list(dict.fromkeys(chain.from_iterable(host.problems for host in hosts)))
    return f"{name}: {'; '.join(problems[:_PROBLEMS])}"
