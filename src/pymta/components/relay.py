"""
Mail for elsewhere: how next hops are written, who may send there, and the agent that carries it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias, assert_never

from twisted.internet.interfaces import IReactorTime

from pymta.address import Address, ascii_domain
from pymta.aio import Pool
from pymta.delivery.hops import Direct, Domain, Literal, Socket, parse
from pymta.delivery.lmtp import Fixed
from pymta.delivery.mx import Limits as HostLimits
from pymta.delivery.mx import MXFinder
from pymta.delivery.pool import PoolLimits
from pymta.delivery.relay import CredentialsFor, RelayAgent, RelayLimits, anonymous
from pymta.edge.client_tls import ClientTLS
from pymta.edge.peers import Peers
from pymta.envelope import Recipient
from pymta.errors import Mistake
from pymta.inbound.flow import RelayPermission
from pymta.interfaces.content import Lane, Origin
from pymta.interfaces.dns import IDNSClient
from pymta.interfaces.observe import IObserver
from pymta.interfaces.queue import IQueueStore
from pymta.interfaces.relay import IDestinationFinder, ITLSPolicySource
from pymta.session import Role
from pymta.smtp.client_dialler import Dialler
from pymta.smtp.client_settings import ClientSettings, ClientTimeouts

__all__ = [
    "AGENT",
    "LMTP",
    "Carriers",
    "Hop",
    "Relaying",
    "Releasing",
    "lane_of",
    "next_hop",
    "whoever_logged_in",
    "with_peers",
]

AGENT = "relay"
"""The name of the agent that carries mail to next hops."""

LMTP = "lmtp"
"""The name of the one that does so by LMTP, to servers that deliver."""

PORT = 25
WAITING = 100

_WITH_PORT = re.compile(r"[^:]:[0-9]{1,5}\Z")
_ADDRESS = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,3}){3})(:[0-9]{1,5})?")


def next_hop(text: str) -> str:
    """
    In one spelling: ``host:port`` and ``[address]`` are a host, ``domain`` its MX hosts;
    ``lmtp:host:port`` and ``lmtp:unix:/path`` are spoken to by LMTP.

    :raises Mistake: it is none.
    """
    inner = text.removeprefix(f"{LMTP}:")
    if inner == text or inner.isdigit():
        return _by_smtp(text)
    if not (inner.startswith("unix:") or _WITH_PORT.search(inner)):
        # RFC 2033 section 5: not on port 25, and there is no other that is everybody's.
        raise Mistake(f"no port: {text!r}", hint='"lmtp:host:port" or "lmtp:unix:/path"')
    return f"{LMTP}:{_by_smtp(inner)}"


def lane_of(hop: str) -> Lane:
    """Who carries mail to a next hop, and its name there.  :param hop: as ``next_hop`` has it."""
    to = hop.removeprefix(f"{LMTP}:")
    return Lane(AGENT, hop) if to == hop else Lane(LMTP, to)


def _by_smtp(text: str) -> str:
    bare = _ADDRESS.fullmatch(text)
    try:
        hop = parse(text if bare is None else f"[{bare[1]}]{bare[2] or ''}")
    except ValueError:
        hint = '"host:port", "[address]:port", or "domain" for its MX hosts'
        raise Mistake(f"no next hop: {text!r}", hint=hint) from None
    match hop:
        case Domain(name, None):
            return name
        # With a port, operators mean the host itself, as it is with all other programs.
        case Domain(name, port) | Direct(name, port) | Literal(name, port):
            return f"[{name}]:{port or PORT}"
        case Socket():
            return text
        case _:
            assert_never(hop)


Hop: TypeAlias = Annotated[str, next_hop]


# -- who may ---------------------------------------------------------------------


async def whoever_logged_in(recipient: Recipient, origin: Origin) -> bool:
    """Permission to relay for sessions with an identity."""
    return origin.session.identity is not None


def with_peers(peers: Peers, domains: Iterable[str] = ()) -> RelayPermission:
    """
    Permission to relay for these clients, and for whoever logged in.

    :param domains: whose mail is taken from everybody: we are their gateway or their backup.
    """
    known = frozenset(map(ascii_domain, domains))

    async def permission(recipient: Recipient, origin: Origin) -> bool:
        if origin.session.peer.host in peers or _is_for(recipient.address, known):
            return True
        return await whoever_logged_in(recipient, origin)

    return permission


def _is_for(address: Address, domains: Collection[str]) -> bool:
    # S21: behind a gateway there may be somebody who reads a route out of a local part, and who
    # trusts the gateway (RFC 5321 section 4.1.2: only the final host reads it).
    return address.ascii_domain in domains and not any(sign in address.local for sign in "@%!")


# -- who carries it ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaying:
    """
    What the agents that carry mail elsewhere have in common.

    :param limits: of one attempt.
    :param hosts: what looking up a domain's hosts may cost.
    :param sessions: that are kept for the next message.
    :param timeouts: of servers.
    :param allow: addresses that are not public and that MX hosts may have all the same.
    :param trusted: servers that get our credentials without TLS or without a certificate.
    :param names: that MX records may have for us, beside the host name: no mail is carried there.
    :param addresses: by which others reach us, likewise.
    :param authorities: PEM file of those who may vouch for servers; None is the system's.
    """

    limits: RelayLimits = field(default_factory=RelayLimits)
    hosts: HostLimits = field(default_factory=HostLimits)
    sessions: PoolLimits = field(default_factory=PoolLimits)
    timeouts: ClientTimeouts = field(default_factory=ClientTimeouts)
    allow: Peers = field(default_factory=Peers)
    trusted: Peers = field(default_factory=Peers)
    names: tuple[str, ...] = ()
    addresses: Peers = field(default_factory=Peers)
    authorities: str | None = None


class Carriers:
    """
    Makes agents that carry mail by SMTP and by LMTP.

    A part: to be started before its agents, which are parts themselves.  Constructing it opens
    nothing.

    :param finder: in place of one by MX records.
    :param tls: in place of "wherever it is offered".
    :param credentials: by which we log in to next hops.
    :param random: so many octets, unpredictable.
    """

    def __init__(
        self,
        reactor: Any,
        relaying: Relaying,
        *,
        dns: IDNSClient,
        hostname: str,
        below: Callable[[int], int],
        random: Callable[[int], bytes],
        finder: IDestinationFinder | None = None,
        tls: ITLSPolicySource | None = None,
        credentials: CredentialsFor = anonymous,
        observer: IObserver | None = None,
    ) -> None:
        self._reactor = reactor
        self._clock = IReactorTime(reactor)
        self._relaying = relaying
        self._hostname = ascii_domain(hostname)
        self._random = random
        # SCRAM hashes for as long as the server asks.
        self._pool = Pool(reactor, threads=1, limit=WAITING, name="pymta-relay-login")
        self._tls = tls
        self._credentials = credentials
        self._observer = observer
        self.client_tls = ClientTLS(authorities=relaying.authorities)
        self.finder = finder or MXFinder(
            dns,
            self._clock,
            hostname=hostname,
            names=relaying.names,
            own_addresses=relaying.addresses,
            below=below,
            allow=relaying.allow,
            limits=relaying.hosts,
        )

    def smtp(self) -> RelayAgent:
        """To the hosts of each lane's next hop."""
        return self._agent(Role.SMTP, self.finder)

    def lmtp(self) -> RelayAgent:
        """To the mailboxes behind each lane's next hop (:rfc:`2033`)."""
        return self._agent(Role.LMTP, self.finder)

    def lmtp_to(self, to: str) -> RelayAgent:
        """
        To one server's mailboxes, whatever the lane's next hop is: in place of local delivery.

        :param to: ``host:port`` or ``unix:/path``.  :raises Mistake: it is neither.
        """
        return self._agent(Role.LMTP, Fixed(self.finder, next_hop(to)))

    def _agent(self, role: Role, finder: IDestinationFinder) -> RelayAgent:
        settings = ClientSettings(
            helo=self._hostname,
            role=role,
            timeouts=self._relaying.timeouts,
            trusted=self._relaying.trusted,
        )
        dialler = Dialler(
            self._reactor,
            self._clock,
            settings,
            random=self._random,
            tls=self.client_tls,
            pool=self._pool,
        )
        return RelayAgent(
            finder,
            dialler.open,
            clock=self._clock,
            tls=self._tls,
            credentials=self._credentials,
            role=role,
            limits=self._relaying.limits,
            pool=self._relaying.sessions,
            observer=self._observer,
        )

    async def start(self) -> None:
        """Read the authorities.  :raises pymta.edge.tls.TLSError: they are unusable."""
        self._pool.start()
        if self._relaying.authorities is not None:
            self.client_tls.load()

    async def stop(self) -> None:
        """Wait for logins that are being computed."""
        await self._pool.stop()


# -- what an earlier release has left -----------------------------------------------

REASON = "this release queues mail for next hops and does not deliver it yet"
_PAST = datetime(2000, 1, 1, tzinfo=UTC)


class Releasing:
    """
    A part: lets mail go that a release without a relay agent suspended for ever.

    Started before the queue's runner.
    """

    def __init__(self, store: IQueueStore) -> None:
        self._store = store

    async def start(self) -> None:
        statistics = await self._store.statistics()
        for suspended in statistics.suspended:
            if suspended.reason == REASON:
                await self._store.suspend(suspended.lane, _PAST, "")

    async def stop(self) -> None: ...
