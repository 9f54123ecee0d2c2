"""
A whole mail system: the reference parts, each an attribute, wired once.

What comes in by a listener goes through policies and modifiers, is kept by the queue in one
durable commit, and is carried by the runner to an account's mailbox, where POP3 and IMAP find it.
Constructing it opens nothing; ``parts`` are started in their order by
:class:`~pymta.service.MailService`, and listeners after them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IOpenSSLServerConnectionCreator,
    IReactorFromThreads,
    IReactorTime,
)

from pymta.address import Address, ascii_domain
from pymta.aio import start
from pymta.components.chance import Chance
from pymta.components.owning import Ownership
from pymta.components.parts import Job, Part, nothing
from pymta.components.people import Ground, MakePeople, kept
from pymta.components.relay import AGENT, LMTP, Carriers, Relaying, Releasing, whoever_logged_in
from pymta.components.routes import LOCAL, Routes, Routing, routing_of
from pymta.components.space import FreeSpace
from pymta.components.stores import (
    MAILBOXES,
    Mailboxes,
    Stores,
    durable_stores,
    memory_stores,
    provided_by,
)
from pymta.components.worker import ALONE, Worker
from pymta.content import own_mail
from pymta.delivery.local import LocalAgent
from pymta.delivery.relay import CredentialsFor, anonymous
from pymta.dns.client import DNSClient
from pymta.edge.limits import ConnectionCount, ConnectionLimits
from pymta.edge.listener import Door, Listener
from pymta.edge.login import CertificateCheck, Login
from pymta.edge.login_limits import LoginLimits
from pymta.edge.peers import LOOPBACK, Peers
from pymta.edge.tls import Certificates
from pymta.imap.listener import imap_listener
from pymta.imap.settings import AccountSessions
from pymta.imap.settings import Settings as IMAPSettings
from pymta.inbound.endings import AtOnce, Queueing
from pymta.inbound.flow import Flow, MessageLimits, RelayPermission
from pymta.inbound.receiver import Inbound
from pymta.interfaces.accounts import IClearTextPasswords, ITokenChecker
from pymta.interfaces.content import QueueID
from pymta.interfaces.delivery import IDeliveryAgent, IModifier
from pymta.interfaces.dns import IDNSClient
from pymta.interfaces.observe import IObserver
from pymta.interfaces.policy import IPolicy
from pymta.interfaces.relay import IDestinationFinder, ITLSPolicySource
from pymta.interfaces.shared import ISharedState
from pymta.modify.submission import SubmissionFields
from pymta.observe.log import LogObserver
from pymta.observe.tee import Tee
from pymta.policy.chain import PolicyChain
from pymta.policy.submission import SenderBinding
from pymta.pop3.listener import pop3_listener
from pymta.pop3.settings import Settings as POP3Settings
from pymta.queue.ids import QueueIDs
from pymta.queue.queue import Queue
from pymta.queue.reporting import Reporter
from pymta.queue.runner import Runner, RunnerLimits
from pymta.queue.schedule import Schedule
from pymta.routing.sends_as import sends_as
from pymta.session import Role
from pymta.smtp.listener import smtp_listener
from pymta.smtp.settings import Settings as SMTPSettings

__all__ = ["LimitLogins", "MailSystem"]


class LimitLogins(Protocol):
    """Makes the limits on failed logins: ``LoginLimits``, or one with other figures."""

    def __call__(self, state: ISharedState, *, key: bytes) -> LoginLimits: ...


CONNECTIONS = ConnectionLimits()
SESSIONS = 100


def utc_now() -> datetime:
    """Aware wall time, for what is written down."""
    return datetime.now(UTC)


class MailSystem:
    """
    :param reactor: not necessarily the global one.
    :param hostname: what we are called in greetings and in Received.
    :param domains: local ones: whoever is unknown there is refused.  The first is that of login
        names without ``@`` and of the bare postmaster.
    :param directory: the folder in which everything is kept; None keeps all in memory.
    :param stores: in place of those that would be made for the folder.
    :param mailboxes: what those of all accounts have in common, where ``stores`` are not given:
        the special-use ones of new accounts, who shares with all, what is asked before octets go.
    :param people: who has mailboxes, and how they log in.
    :param routes: where mail goes, beside to accounts.
    :param relay: who may send to elsewhere; by default whoever logged in, and only where the
        routes lead there.
    :param dns: in place of one that asks the resolvers of ``/etc/resolv.conf``.
    :param finder: of next hops' hosts, in place of one that asks ``dns`` for MX records.
    :param tls: how connections to next hops are protected; by default wherever TLS is offered.
    :param credentials: by which we log in to next hops.
    :param relaying: limits, time limits and whom we trust, on the way out.
    :param policies: asked after our own, which binds senders to their accounts: no policy's
        acceptance unbinds them (S25).
    :param modifiers: asked before our own, which completes what is submitted.
    :param agents: further ones, or others in place of ours, by name; those that are parts are
        started and stopped.
    :param observers: told what happens.
    :param certificates: the server side of TLS; None offers none.
    :param plaintext: who may log in without TLS.
    :param servers: accounts by which other mail servers log in, which send as anybody (S25).
    :param limit_logins: on failed logins; None for no limits, no delays and no bans.
    :param connections: limits that all listeners share.
    :param account_sessions: of IMAP, open at once, of one account.
    :param owner: of the queue's claims: another for each server on one store, the same after
        a restart.  With ``directory``, a second one of its name there does not start.
    :param worker: which one this process is, where several are one server
        (:mod:`pymta.workers`).
    :param now: aware wall time.
    :param random: so many octets, unpredictable.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        *,
        hostname: str = "localhost",
        domains: Iterable[str] = (),
        directory: str | None = None,
        stores: Stores | None = None,
        mailboxes: Mailboxes = MAILBOXES,
        people: MakePeople | None = None,
        routes: Routes | None = None,
        relay: RelayPermission = whoever_logged_in,
        dns: IDNSClient | None = None,
        finder: IDestinationFinder | None = None,
        tls: ITLSPolicySource | None = None,
        credentials: CredentialsFor = anonymous,
        relaying: Relaying | None = None,
        policies: Sequence[IPolicy] = (),
        modifiers: Sequence[IModifier] = (),
        agents: Mapping[str, IDeliveryAgent] | None = None,
        observers: Sequence[IObserver] | None = None,
        certificates: IOpenSSLServerConnectionCreator | None = None,
        plaintext: Peers = LOOPBACK,
        servers: Iterable[str] = (),
        passwords: IClearTextPasswords | None = None,
        tokens: ITokenChecker | None = None,
        holders: CertificateCheck | None = None,
        limit_logins: LimitLogins | None = LoginLimits,
        connections: ConnectionLimits | None = CONNECTIONS,
        account_sessions: int | None = SESSIONS,
        message_limits: MessageLimits | None = None,
        schedule: Schedule | None = None,
        runner_limits: RunnerLimits | None = None,
        owner: str = "pymta",
        worker: Worker = ALONE,
        now: Callable[[], datetime] = utc_now,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.reactor = reactor
        self.clock = IReactorTime(reactor)
        self.now = now
        self.chance = Chance(random)
        # RFC 6531 section 3.7.1: in greetings and the like there is no place for U-labels.
        self.hostname = hostname = ascii_domain(hostname)
        self.domains = tuple(map(ascii_domain, domains))
        self.domain = self.domains[0] if self.domains else hostname
        self.routes = routes or Routes()
        self.observer = Tee(*([LogObserver()] if observers is None else observers))
        self.certificates = certificates

        # What is kept, and who has mailboxes.
        owner = worker.named(owner)
        self.ownership = None if directory is None else Ownership(directory, owner)
        self.stores = stores or _stores(
            reactor, directory, now=now, mailboxes=mailboxes, worker=worker
        )
        self.people = (people or kept())(self._ground())
        self.login = self._login(
            passwords=passwords,
            tokens=tokens,
            holders=holders,
            limits=_login_limits(limit_logins, self.stores.shared, worker.key("logins", random)),
            plaintext=plaintext,
        )

        # Where mail goes, and who carries it.
        self.routing = self._routing()
        self.router = self.routing.router
        self.dns: IDNSClient = dns or DNSClient(reactor)
        self.carriers = self._carriers(
            relaying or Relaying(), finder=finder, tls=tls, credentials=credentials
        )
        self.agents: dict[str, IDeliveryAgent] = {
            LOCAL: LocalAgent(self.people.directory),
            AGENT: self.carriers.smtp(),
            LMTP: self.carriers.lmtp(),
            **(agents or {}),
        }
        self.reports = self._reports()
        self.runner = self._runner(owner, schedule=schedule, limits=runner_limits)
        self.queue = Queue(self.stores.queue, self.runner)

        # How it comes in.
        self.space = None if self.stores.free is None else FreeSpace(self.clock, self.stores.free)
        binding = SenderBinding(self.people.directory, servers=frozenset(servers))
        self.flow = self._flow(
            PolicyChain([binding, *policies]),
            [*modifiers, SubmissionFields(hostname, now=now, random=random)],
            relay=relay,
            limits=message_limits or MessageLimits(),
        )
        self.receiver = Inbound(self.flow)
        self.delivering_receiver = Inbound(replace(self.flow, ending=self._at_once()))
        self.door = Door(
            connections=None if connections is None else ConnectionCount(connections),
            worker=worker.number,
        )
        self.account_sessions = AccountSessions(account_sessions)

    # -- its parts: each is made once, of those that stand above it -----------------------------

    def _ground(self) -> Ground:
        return Ground(
            reactor=self.reactor,
            stores=self.stores,
            random=self.chance.octets,
            domain=self.domain,
            separator=self.routes.separator,
            senders=self._sends_as,
        )

    def _login(
        self,
        *,
        passwords: IClearTextPasswords | None,
        tokens: ITokenChecker | None,
        holders: CertificateCheck | None,
        limits: LoginLimits | None,
        plaintext: Peers,
    ) -> Login:
        return Login(
            self.people.portal,
            clock=self.clock,
            hostname=self.hostname,
            random=self.chance.octets,
            secrets=self.people.secrets,
            passwords=passwords,
            tokens=tokens,
            certificates=holders,
            limits=limits,
            plaintext=plaintext,
            domain=self.domain,
            observer=self.observer,
        )

    def _routing(self) -> Routing:
        return routing_of(
            self.routes,
            self.reactor,
            directory=self.people.directory,
            domains=self.domains,
            hostname=self.hostname,
        )

    def _carriers(
        self,
        relaying: Relaying,
        *,
        finder: IDestinationFinder | None,
        tls: ITLSPolicySource | None,
        credentials: CredentialsFor,
    ) -> Carriers:
        return Carriers(
            self.reactor,
            relaying,
            dns=self.dns,
            hostname=self.hostname,
            below=self.chance.below,
            random=self.chance.octets,
            finder=finder,
            tls=tls,
            credentials=credentials,
            observer=self.observer,
        )

    def _reports(self) -> Reporter:
        return Reporter(
            self.router,
            hostname=self.hostname,
            clock=self.clock,
            now=self.now,
            state=self.stores.shared,
            postmaster=Address("postmaster", self.domain),
        )

    def _runner(
        self, owner: str, *, schedule: Schedule | None, limits: RunnerLimits | None
    ) -> Runner:
        return Runner(
            self.stores.queue,
            self.router,
            agents=self.agents,
            owner=owner,
            clock=self.clock,
            now=self.now,
            random=self.chance.fraction,
            ids=self.chance.name,
            observer=self.observer,
            reports=self.reports,
            schedule=schedule,
            limits=limits,
        )

    def _flow(
        self,
        policies: PolicyChain,
        modifiers: Sequence[IModifier],
        *,
        relay: RelayPermission,
        limits: MessageLimits,
    ) -> Flow:
        return Flow(
            hostname=self.hostname,
            domain=self.domain,
            router=self.router,
            queue=self.queue,
            ending=Queueing(self.queue),
            ids=QueueIDs(self.now, self.chance.below),
            now=self.now,
            policies=policies,
            modifiers=modifiers,
            relay=relay,
            limits=limits,
            free=self.space,
            observer=self.observer,
        )

    def _at_once(self) -> AtOnce:
        return AtOnce(
            self.queue,
            {LOCAL: self.agents[LOCAL]},
            now=self.now,
            observer=self.observer,
            reports=self.reports,
        )

    # -- listeners: one for each call; give it to an endpoint, or to pymta.service.Listening ----

    def smtp(self, **settings: Any) -> Listener:
        """
        Mail from other servers; nobody logs in.

        :param settings: of :class:`~pymta.smtp.settings.Settings`, where they are to be others.
        """
        return smtp_listener(replace(self._smtp(Role.SMTP), **settings))

    def submission(self, **settings: Any) -> Listener:
        """Mail from our people, who log in first (:rfc:`6409`)."""
        wanted = replace(self._smtp(Role.SUBMISSION), login=self.login, require_login=True)
        return smtp_listener(replace(wanted, **settings))

    def lmtp(self, **settings: Any) -> Listener:
        """
        Mail for our mailboxes, which is there before it is answered (:rfc:`2033`).

        With ``receiver=system.receiver`` it goes through the queue.
        """
        wanted = replace(self._smtp(Role.LMTP), receiver=self.delivering_receiver)
        return smtp_listener(replace(wanted, **settings))

    def pop3(self, **settings: Any) -> Listener:
        """
        Mail for our people (:rfc:`1939`).

        :param settings: of :class:`~pymta.pop3.settings.Settings`, where they are to be others.
        """
        return pop3_listener(
            replace(
                POP3Settings(
                    hostname=self.hostname,
                    clock=self.clock,
                    now=self.now,
                    random=self.chance.octets,
                    login=self.login,
                    certificates=self.certificates,
                    state=self.stores.shared,
                    door=self.door,
                    observer=self.observer,
                ),
                **settings,
            )
        )

    def imap(self, **settings: Any) -> Listener:
        """
        Mail for our people, kept here (:rfc:`9051`).

        :param settings: of :class:`~pymta.imap.settings.Settings`, where they are to be others.
        """
        return imap_listener(
            replace(
                IMAPSettings(
                    hostname=self.hostname,
                    clock=self.clock,
                    now=self.now,
                    login=self.login,
                    create=self.stores.queue.create,
                    certificates=self.certificates,
                    accounts=self.account_sessions,
                    provided=provided_by(self.stores.mail),
                    door=self.door,
                    observer=self.observer,
                ),
                **settings,
            )
        )

    def _smtp(self, role: Role) -> SMTPSettings:
        return SMTPSettings(
            receiver=self.receiver,
            hostname=self.hostname,
            role=role,
            clock=self.clock,
            now=self.now,
            certificates=self.certificates,
            door=self.door,
            observer=self.observer,
        )

    # -- for the application ---------------------------------------------------------------

    def send(self, octets: bytes, *, sender: str, to: Sequence[str]) -> Deferred[QueueID]:
        """
        Queue a message of the application's own; when it fires, nothing loses it.

        :param octets: header and body, with CRLF; what lacks, ``Date`` for instance, stays away.
        :param sender: the address that failures are reported to; empty for none.
        :param to: addresses; the header has no say.
        :raises pymta.errors.AddressError: as the Deferred's failure, like all others.
        """
        return start(self._send(octets, sender, to))

    async def _send(self, octets: bytes, sender: str, to: Sequence[str]) -> QueueID:
        mail = own_mail(
            octets,
            sender=Address.parse(sender) if sender else None,
            recipients=[Address.parse(each) for each in to],
            id=self.flow.ids(),
            arrived=self.now(),
        )
        await self.queue.submit([mail])
        return mail.id

    async def _sends_as(self, account: str, address: Address) -> bool:
        """Whose mail comes to an account, by an alias or a virtual domain, it may send as."""
        return await sends_as(self.router, account, address)

    # -- life ------------------------------------------------------------------------------

    @property
    def parts(self) -> tuple[Part, ...]:
        """In the order in which they are started; to be stopped in the other, behind listeners."""
        space = () if self.space is None else (self.space,)
        ownership = () if self.ownership is None else (self.ownership,)
        return (
            *ownership,
            *self.stores.parts,
            *self.people.parts,
            Job(self._prepare),
            *self.routing.parts,
            *space,
            *self._outgoing,
            self.runner,
        )

    @property
    def _outgoing(self) -> Iterator[Part]:
        if isinstance(self.dns, DNSClient):
            yield Job(nothing, self.dns.stop)
        yield self.carriers
        # One object may have several names.
        agents = {id(agent): agent for agent in self.agents.values()}
        yield from (agent for agent in agents.values() if isinstance(agent, Part))
        yield Releasing(self.stores.queue)

    async def _prepare(self) -> None:
        if isinstance(self.certificates, Certificates):
            self.certificates.load()
        # RFC 5321 section 4.5.1: somebody must get the postmaster's mail.
        if self.domains and self.routes.postmaster is None and self.people.ensure is not None:
            await self.people.ensure(str(self.routing.postmaster))


def _stores(
    reactor: IReactorFromThreads,
    directory: str | None,
    *,
    now: Callable[[], datetime],
    mailboxes: Mailboxes,
    worker: Worker,
) -> Stores:
    if directory is None:
        return memory_stores(IReactorTime(reactor), now=now, mailboxes=mailboxes)
    return durable_stores(reactor, directory, mailboxes=mailboxes, worker=worker)


def _login_limits(limit: LimitLogins | None, state: ISharedState, key: bytes) -> LoginLimits | None:
    return None if limit is None else limit(state, key=key)
