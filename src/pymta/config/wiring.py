"""
From a configuration to a mail system and its listeners.  Opens nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from zope.interface import Interface

from pymta.components.people import MakePeople, kept, springing
from pymta.components.relay import AGENT, LMTP, with_peers
from pymta.components.routes import LOCAL
from pymta.components.stores import Mailboxes, durable_stores
from pymta.components.system import MailSystem, utc_now
from pymta.components.worker import Worker
from pymta.config.checks import pairs
from pymta.config.lines import Path
from pymta.config.plugins import Given, make
from pymta.config.reading import Missing, Reader
from pymta.config.relaying import credentials, policies, relaying
from pymta.config.tables import (
    DNS,
    Addresses,
    Configuration,
    ListenerTable,
    Protocol,
    TLSMode,
    Use,
)
from pymta.dns.client import DNSClient
from pymta.edge.listener import Listener
from pymta.edge.login_credentials import completed, folded
from pymta.edge.login_limits import LoginLimits
from pymta.edge.tls import Certificates
from pymta.interfaces.delivery import IDeliveryAgent, IModifier
from pymta.interfaces.observe import IObserver
from pymta.interfaces.policy import IPolicy
from pymta.observe.log import LogObserver
from pymta.observe.redaction import Redaction, domain_only, plain, pseudonyms
from pymta.queue.schedule import AgentRules, Schedule
from pymta.store.granting import FURNISHED

__all__ = ["Wired", "WiredListener", "wire"]


@dataclass(frozen=True, slots=True)
class WiredListener:
    """:param endpoint: as it was written."""

    name: str
    endpoint: str
    listener: Listener


@dataclass(frozen=True, slots=True)
class Wired:
    """What a file asks for, ready to be started by :class:`~pymta.service.MailService`."""

    configuration: Configuration
    system: MailSystem
    listeners: tuple[WiredListener, ...]


def wire(
    configuration: Configuration,
    reactor: IReactorFromThreads,
    *,
    reader: Reader,
    worker: Worker,
    random: Any,
) -> Wired:
    """
    :param reader: is told of what components of other people have against it.
    :param worker: which of the configuration's ``workers`` this process is.
    :param random: so many octets, unpredictable.
    """
    clock = IReactorTime(reactor)
    stores = durable_stores(
        reactor, configuration.directory, mailboxes=_mailboxes(configuration), worker=worker
    )
    given = Given(
        reactor=reactor,
        clock=clock,
        now=utc_now,
        random=random,
        state=stores.shared,
        hostname=configuration.hostname,
    )
    others = _Others(given, reader)
    limits = configuration.limits
    queue = configuration.queue
    system = MailSystem(
        reactor,
        hostname=configuration.hostname,
        domains=configuration.domains,
        directory=configuration.directory,
        stores=stores,
        people=_people(configuration),
        routes=configuration.routing,
        relay=with_peers(configuration.relay.networks, configuration.relay.domains),
        dns=_dns(configuration.dns, reactor),
        tls=policies(configuration.relay),
        credentials=credentials(configuration.relay).get,
        relaying=relaying(configuration),
        policies=others.row(configuration.policies, IPolicy, ("policies",)),
        modifiers=others.row(configuration.modifiers, IModifier, ("modifiers",)),
        agents=others.named(configuration.agents, IDeliveryAgent, ("agents",)),
        observers=[
            LogObserver(redaction=_redaction(configuration.log.addresses, worker, random)),
            *others.row(configuration.observers, IObserver, ("observers",)),
        ],
        certificates=_certificates(configuration, clock),
        plaintext=configuration.accounts.plaintext,
        servers=[_account(name, configuration) for name in configuration.accounts.servers],
        limit_logins=partial(LoginLimits, **asdict(limits.logins)),
        connections=worker.connections(limits.connections),
        account_sessions=worker.part(configuration.imap.sessions),
        message_limits=limits.message,
        schedule=Schedule(queue.schedule, queue.retry, agents=_rules(configuration, worker)),
        runner_limits=queue.runner,
        owner=queue.owner,
        worker=worker,
        random=random,
    )
    listeners = [_listener(each, configuration, system) for each in configuration.listeners]
    return Wired(configuration, system, tuple(listeners))


def _mailboxes(configuration: Configuration) -> Mailboxes:
    accounts = configuration.accounts
    return Mailboxes(
        furnished=FURNISHED if accounts.special_use else {},
        public=_account(accounts.public, configuration) if accounts.public else None,
        anyone=accounts.anyone,
        about={"/shared/admin": accounts.admin.encode()} if accounts.admin else {},
        maildirs=configuration.maildirs or None,
    )


def _account(name: str, configuration: Configuration) -> str:
    """An account's name as accounts have it, of one that is written like a login name."""
    return folded(completed(name, configuration.own_domain))


class _Others:
    """Makes other people's components."""

    def __init__(self, given: Given, reader: Reader) -> None:
        self._given = given
        self._reader = reader

    def row(self, uses: Iterable[Use], wanted: type[Interface], path: Path) -> list[Any]:
        return list(self._made(enumerate(uses), wanted, path).values())

    def named(self, uses: Mapping[str, Use], wanted: type[Interface], path: Path) -> dict[Any, Any]:
        return self._made(uses.items(), wanted, path)

    def _made(
        self, uses: Iterable[tuple[Any, Use]], wanted: type[Interface], path: Path
    ) -> dict[Any, Any]:
        made = {}
        for key, use in uses:
            one = make(use, wanted, given=self._given, reader=self._reader, path=(*path, key))
            if not isinstance(one, Missing):
                made[key] = one
        return made


def _dns(table: DNS, reactor: IReactorFromThreads) -> DNSClient:
    return DNSClient(
        reactor,
        table.servers or None,
        timeout=table.timeout,
        lifetime=table.lifetime,
        trusted=table.trusted,
    )


def _people(configuration: Configuration) -> MakePeople:
    accounts = configuration.accounts
    return springing(configuration.domains) if accounts.spring else kept(accounts.cost)


def _rules(configuration: Configuration, worker: Worker) -> dict[str, AgentRules]:
    """What each agent bears, of this worker."""
    rules = {name: AgentRules() for name in (LOCAL, AGENT, LMTP, *configuration.agents)}
    return {n: worker.rules(each) for n, each in {**rules, **configuration.queue.agents}.items()}


def _redaction(addresses: Addresses, worker: Worker, random: Any) -> Redaction:
    match addresses:
        case Addresses.PLAIN:
            return plain
        case Addresses.DOMAIN:
            return domain_only
        case Addresses.PSEUDONYM:
            return pseudonyms(worker.key("pseudonyms", random))


def _certificates(configuration: Configuration, clock: IReactorTime) -> Certificates | None:
    if configuration.tls is None:
        return None
    known = {name: pair for _, name, pair in pairs(configuration.tls)}
    return Certificates(
        known.pop(""),
        clock=clock,
        names=known,
        client_authorities=configuration.tls.client_authorities,
    )


def _listener(
    table: ListenerTable, configuration: Configuration, system: MailSystem
) -> WiredListener:
    settings = dict(_settings(table, configuration, system))
    make_listener = {
        Protocol.SMTP: system.smtp,
        Protocol.SUBMISSION: system.submission,
        Protocol.LMTP: system.lmtp,
        Protocol.POP3: system.pop3,
        Protocol.IMAP: system.imap,
    }[table.protocol]
    name = table.name or table.protocol.value
    return WiredListener(name, table.endpoint, make_listener(**settings))


def _settings(
    table: ListenerTable, configuration: Configuration, system: MailSystem
) -> Iterator[tuple[str, Any]]:
    name = table.name or table.protocol.value
    yield "door", replace(system.door, proxies=table.proxies, name=name)
    if table.tls is TLSMode.NONE:
        yield "certificates", None
    yield "implicit_tls", table.tls is TLSMode.IMPLICIT
    if table.protocol is Protocol.POP3:
        yield "limits", configuration.limits.pop3
        yield "timeouts", configuration.timeouts.pop3
        for key in ("uidl", "utf8_headers", "expire", "login_delay", "implementation"):
            yield key, getattr(configuration.pop3, key)
        return
    if table.protocol is Protocol.IMAP:
        yield from _imap_settings(configuration)
        return
    yield "limits", configuration.limits.smtp
    yield "timeouts", configuration.timeouts.smtp
    yield "forwarders", table.forwarders
    yield "newlines", table.newlines
    yield "require_tls", table.require_tls
    if table.login:
        yield "login", system.login
    if table.queue:
        yield "receiver", system.receiver


def _imap_settings(configuration: Configuration) -> Iterator[tuple[str, Any]]:
    yield "limits", configuration.limits.imap
    yield "timeouts", configuration.timeouts.imap
    for key in ("append_limit", "message_limit", "save_limit", "utf8_headers"):
        yield key, getattr(configuration.imap, key)
    yield "identity", {"name": configuration.imap.name}
    yield "without", frozenset(configuration.imap.without)
