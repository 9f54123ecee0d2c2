"""
The tables of a configuration file, each a dataclass: the names of its fields are the keys.

Where a constructor of the library takes a dataclass already (limits, time limits, routes), that
one is the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, TypeAlias

from pymta.accounts.passwords import Cost
from pymta.components.relay import Hop
from pymta.components.routes import Domain, Routes
from pymta.config.reading import Rest
from pymta.delivery.mx import Limits as HostLimits
from pymta.delivery.pool import PoolLimits
from pymta.delivery.relay import RelayLimits
from pymta.dns.servers import at
from pymta.edge.limits import ConnectionLimits
from pymta.edge.login_limits import LONGEST
from pymta.edge.peers import LOOPBACK, Peers
from pymta.imap.offer import NAMES
from pymta.imap.settings import MIB
from pymta.imap.settings import Timeouts as IMAPTimeouts
from pymta.imap.settings import UTF8Headers as IMAPUTF8Headers
from pymta.inbound.flow import MessageLimits
from pymta.interfaces.relay import TLSLevel
from pymta.pop3.settings import Timeouts as POP3Timeouts
from pymta.pop3.settings import UTF8Headers
from pymta.pop3.uidl import PLAIN, UIDLFormat, template
from pymta.queue.retry import RetryRules
from pymta.queue.runner import RunnerLimits
from pymta.queue.schedule import AgentRules, ScheduleLimits
from pymta.smtp.client_settings import ClientTimeouts
from pymta.smtp.settings import Timeouts as SMTPTimeouts
from pymta.wire.imap.limits import Limits as IMAPLimits
from pymta.wire.pop3.limits import Limits as POP3Limits
from pymta.wire.smtp.data import Newlines
from pymta.wire.smtp.limits import Limits as SMTPLimits

__all__ = [
    "DNS",
    "IMAP",
    "POP3",
    "REQUIRED",
    "Accounts",
    "Addresses",
    "Configuration",
    "KeyPairTable",
    "Limits",
    "ListenerTable",
    "Log",
    "Logins",
    "NextHop",
    "Protocol",
    "Queue",
    "Relay",
    "TLSMode",
    "TLSTable",
    "Timeouts",
    "Use",
]

REQUIRED = ("hostname", "directory")
"""Keys at the top that must be given; they have defaults so that all mistakes can be found."""

UIDL: TypeAlias = Annotated[UIDLFormat, template]


def _resolver(text: str) -> str:
    """As it is written.  :raises ValueError: it is none."""
    at(text)
    return text


Resolver: TypeAlias = Annotated[str, _resolver]


MOST_WORKERS = 64
"""One of them writes at a time: with more, each mostly waits for the others."""


def _workers(number: int) -> int:
    """As it is.  :raises ValueError: there cannot be so many."""
    if not 1 <= number <= MOST_WORKERS:
        raise ValueError(f"workers is from 1 to {MOST_WORKERS}")
    return number


Workers: TypeAlias = Annotated[int, _workers]


class Protocol(Enum):
    """What is spoken."""

    SMTP = "smtp"
    SUBMISSION = "submission"
    LMTP = "lmtp"
    POP3 = "pop3"
    IMAP = "imap"


class TLSMode(Enum):
    """When TLS begins."""

    STARTTLS = "starttls"
    """When the client asks for it: STARTTLS, in POP3 STLS."""
    IMPLICIT = "implicit"
    """Before anything else."""
    NONE = "none"


class Addresses(Enum):
    """How addresses look in the log."""

    PLAIN = "plain"
    DOMAIN = "domain"
    """``…@example.org``"""
    PSEUDONYM = "pseudonym"
    """``3f0c91d2@example.org``: the same for the same address, until the next start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListenerTable:
    """
    One port.

    :param protocol: what is spoken there.
    :param endpoint: a Twisted endpoint: ``"tcp:25"``, ``"tcp:143:interface=127.0.0.1"``,
        ``"unix:/run/pymta/lmtp"``, ``"systemd:domain=INET:index=0"``.
    :param name: in the log, in the ids of its sessions (``submissions-1f``) too; by default the
        protocol.
    :param tls: when TLS begins; by default on request where there is a table ``[tls]``.
    :param require_tls: refuse mail and logins before TLS; SMTP's and LMTP's only.
    :param login: whether SMTP offers AUTH; submission, POP3 and IMAP always do.
    :param queue: whether LMTP puts mail into the queue in place of the mailbox.
    :param proxies: who must speak the PROXY protocol first; nobody else can.
    :param forwarders: who may say XCLIENT and XFORWARD; SMTP's and LMTP's only.
    :param newlines: what becomes of a CR or LF that stands alone in a message; SMTP's and LMTP's
        only.
    """

    protocol: Protocol
    endpoint: str
    name: str | None = None
    tls: TLSMode | None = None
    require_tls: bool = False
    login: bool = False
    queue: bool = False
    proxies: Peers = field(default_factory=Peers)
    forwarders: Peers = field(default_factory=Peers)
    newlines: Newlines = Newlines.REFUSE


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPairTable:
    """
    A certificate, for clients that ask for one name.

    :param certificate: PEM file: the certificate, then its chain.
    :param key: PEM file: the private key; the same file where it is left out.
    """

    certificate: str
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSTable:
    """
    The server side of TLS.  Files are read again when they change.

    :param certificate: PEM file: the certificate, then its chain.
    :param key: PEM file: the private key; the same file where it is left out.
    :param names: other pairs, for clients that ask for these names (SNI); ``*.example.org`` is
        any name in there.
    :param client_authorities: PEM file of authorities; with it, clients may show certificates.
    """

    certificate: str
    key: str | None = None
    names: Mapping[str, KeyPairTable] = field(default_factory=dict)
    client_authorities: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """
    Who has mailboxes.

    :param plaintext: who may log in without TLS.
    :param servers: accounts by which other mail servers log in to submission, as to their
        smarthost, written as login names: they send for people of theirs, so that no address is
        refused them.
    :param spring: whether every address of ``domains`` is an account and any password right: for
        tests alone.
    :param special_use: whether new accounts begin with Archive, Drafts, Junk, Sent and Trash.
    :param public: the account whose mailboxes others see as ``Shared/…``, as far as its access
        control lists let them; written as a login name.
    :param anyone: whether people may share their mailboxes with everybody, and so be in everybody's
        list.
    :param admin: a URI by which users reach whoever runs the server: the annotation
        ``/shared/admin`` (:rfc:`5464`).
    :param cost: of a guess at a password.
    """

    plaintext: Peers = LOOPBACK
    servers: tuple[str, ...] = ()
    spring: bool = False
    special_use: bool = True
    public: str = ""
    anyone: bool = False
    admin: str = ""
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True, kw_only=True)
class NextHop:
    """
    How the hosts of one next hop are spoken to.

    :param tls: how much is asked of a connection; by default ``"verify"`` where there is a
        ``user`` and what ``relay.tls`` says where there is none.
    :param names: that its certificate may be for, with ``"verify"``; by default the host's name.
    :param implicit: whether TLS is from the first octet (:rfc:`8314`), as on port 465.
    :param user: by which we log in.
    :param password: its password.
    :param password_file: path of a file whose first line is the password.
    """

    tls: TLSLevel | None = None
    names: tuple[Domain, ...] = ()
    implicit: bool = False
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """
    Who may send to elsewhere, where the routes lead there, and how it is carried.

    :param networks: addresses and networks, or ``"unix"``, that may send to elsewhere; whoever
        logged in may as well.
    :param domains: whose mail is taken from everybody, to be carried on: this server is their
        gateway, or a backup of theirs.
    :param tls: how much is asked of connections.
    :param authorities: PEM file of those who may vouch for servers; the system's otherwise.
    :param allow: addresses that are not public and that MX hosts may have all the same: an
        intranet's, whose mail comes back with 5.4.4 otherwise.
    :param trusted: servers that get our passwords without TLS, or without a certificate.
    :param names: further names that MX records may have for this server, beside its hostname:
        mail is carried neither to it nor to those behind it (no loops).
    :param addresses: by which others reach this server, likewise.
    :param next_hops: what is special about a next hop, as the routes write it.
    :param limits: of one attempt.
    :param hosts: what looking up a domain's hosts may cost.
    :param sessions: that are kept for the next message.
    """

    networks: Peers = field(default_factory=Peers)
    domains: tuple[Domain, ...] = ()
    tls: TLSLevel = TLSLevel.MAY
    authorities: str | None = None
    allow: Peers = field(default_factory=Peers)
    trusted: Peers = field(default_factory=Peers)
    names: tuple[Domain, ...] = ()
    addresses: Peers = field(default_factory=Peers)
    next_hops: Mapping[Hop, NextHop] = field(default_factory=dict)
    limits: RelayLimits = field(default_factory=RelayLimits)
    hosts: HostLimits = field(default_factory=HostLimits)
    sessions: PoolLimits = field(default_factory=PoolLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class DNS:
    """
    Whom we ask for other people's hosts.

    :param servers: resolvers: addresses, with a port or without; those of ``/etc/resolv.conf``
        otherwise.
    :param timeout: seconds for which one server is waited for, each time.
    :param lifetime: seconds that a look-up may take in all.
    :param trusted: resolvers that are believed about DNSSEC: those that validate, over a path
        that nobody else writes to.
    """

    servers: tuple[Resolver, ...] = ()
    timeout: float = 5.0
    lifetime: float = 20.0
    trusted: Peers = LOOPBACK

    def __post_init__(self) -> None:
        if self.timeout <= 0 or self.lifetime <= 0:
            raise ValueError("timeout and lifetime are more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """
    How mail is delivered.

    :param owner: of claims: another for each process on one store, the same after a restart.  A
        second server of the same name in one ``directory`` does not start.
    :param retry: when to try again.
    :param schedule: how much at once.
    :param agents: what each agent bears, by its name.
    :param runner: how long things may take.
    """

    owner: str = "pymta"
    retry: RetryRules = field(default_factory=RetryRules)
    schedule: ScheduleLimits = field(default_factory=ScheduleLimits)
    agents: Mapping[str, AgentRules] = field(default_factory=dict)
    runner: RunnerLimits = field(default_factory=RunnerLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """
    Limits on failed logins within a period.

    :param address: from one IP address; then it is refused before anything is checked.
    :param network: from one /24 or /64.
    :param account: for one account; then a right password looks wrong, except from networks from
        which somebody has logged in to it within a month.
    :param credential: with one password, for any account.
    :param period: seconds that a counter lives.
    :param delay: seconds by which "no" is told later.
    """

    address: int | None = 30
    network: int | None = 100
    account: int | None = 100
    credential: int | None = None
    period: float = 3600
    delay: float = 2

    def __post_init__(self) -> None:
        if self.credential == 0:
            raise ValueError("credential: 0 lets nothing through")
        # Otherwise nothing is counted, and so nothing limited.
        if not 1 <= self.period <= LONGEST:
            raise ValueError(f"a counter lives for 1 to {LONGEST} seconds")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """
    What others may ask for; ``"none"`` is no limit.

    :param smtp: of one SMTP, submission or LMTP connection.
    :param message: of one message.
    :param pop3: of one POP3 connection.
    :param imap: of one IMAP connection.
    :param connections: open at once, over all listeners.
    :param logins: on failed logins.
    """

    smtp: SMTPLimits = field(default_factory=SMTPLimits)
    message: MessageLimits = field(default_factory=MessageLimits)
    pop3: POP3Limits = field(default_factory=POP3Limits)
    imap: IMAPLimits = field(default_factory=IMAPLimits)
    connections: ConnectionLimits = field(default_factory=ConnectionLimits)
    logins: Logins = field(default_factory=Logins)


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """
    How long others may take, in seconds.

    :param smtp: SMTP, submission and LMTP.
    :param relay: servers that mail is carried to.
    :param pop3: POP3.
    :param imap: IMAP.
    """

    smtp: SMTPTimeouts = field(default_factory=SMTPTimeouts)
    relay: ClientTimeouts = field(default_factory=ClientTimeouts)
    pop3: POP3Timeouts = field(default_factory=POP3Timeouts)
    imap: IMAPTimeouts = field(default_factory=IMAPTimeouts)


@dataclass(frozen=True, slots=True, kw_only=True)
class POP3:
    """
    What POP3 says.

    :param uidl: the format of unique ids, as Dovecot writes it: ``%v`` is the UIDVALIDITY, ``%u``
        the UID, ``%08Xu`` in eight hexadecimal digits.  Clients fetch all again when it changes.
    :param utf8_headers: what a client gets that has not said UTF8 where it is needed.
    :param expire: days that messages are kept at least, to be announced; without it: for ever.
    :param login_delay: seconds between two logins to one account.
    :param implementation: what is announced as the server's name.
    """

    uidl: UIDL = PLAIN
    utf8_headers: UTF8Headers = UTF8Headers.SERVE
    expire: int | None = None
    login_delay: int = 0
    implementation: str = "pymta"

    def __post_init__(self) -> None:
        # RFC 2449 section 6.9: a string of one line of CAPA.
        if not (self.implementation.isascii() and self.implementation.isprintable()):
            raise ValueError("implementation is printable ASCII")


@dataclass(frozen=True, slots=True, kw_only=True)
class IMAP:
    """
    What IMAP says.

    :param append_limit: octets of the largest message that a client may put into a mailbox.
    :param message_limit: messages that one command may work on (MESSAGELIMIT).
    :param save_limit: messages that one COPY or APPEND may bring (SAVELIMIT).
    :param utf8_headers: what becomes of a message that is appended with UTF-8 in its header,
        unannounced.
    :param sessions: open at once, of one account.
    :param name: what ID announces as the server's name.
    :param without: capabilities that are not offered, as they are announced, nor what builds on
        them.
    """

    append_limit: int | None = 50 * MIB
    message_limit: int | None = None
    save_limit: int | None = None
    utf8_headers: IMAPUTF8Headers = IMAPUTF8Headers.STORE
    sessions: int | None = 100
    name: str = "pymta"
    without: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("message_limit", "save_limit"):
            if getattr(self, name) == 0:
                raise ValueError(f"{name}: 0 lets nothing through")
        for name in self.without:
            if name not in NAMES:
                raise ValueError(f"without: {name!r} is no capability that can be left out")


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """
    What is written down.

    :param addresses: how mail addresses look.
    """

    addresses: Addresses = Addresses.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """
    Somebody else's component.

    :param use: its name in the entry points group ``pymta.components``.
    :param options: all other keys are arguments of its constructor.
    """

    use: str
    options: Annotated[Mapping[str, object], Rest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """
    A whole server.

    :param hostname: what it is called in greetings and in Received fields.
    :param directory: where everything is kept; made if it is not there.
    :param maildirs: a folder in which each account has a Maildir; without it, mailboxes are in
        ``directory`` too.
    :param domains: whose mailboxes are here; the first is that of login names without ``@``.
    :param workers: processes that are this server together: one keeps one core busy.  They share
        its limits out among them.
    :param listeners: the ports.
    :param tls: certificates; without this table there is no TLS.
    :param accounts: who has mailboxes.
    :param routing: where mail goes, beside to accounts.
    :param relay: who may send to elsewhere, and how it is carried.
    :param dns: whom we ask for other people's hosts.
    :param queue: how mail is delivered.
    :param limits: what others may ask for.
    :param timeouts: how long others may take.
    :param pop3: what POP3 says.
    :param imap: what IMAP says.
    :param log: what is written down.
    :param policies: somebody else's policies, in the order in which they are asked.
    :param modifiers: somebody else's modifiers, likewise.
    :param agents: somebody else's delivery agents, by the name that routes use.
    :param observers: who is told what happens, beside the log.
    """

    hostname: Domain = ""
    directory: str = ""
    maildirs: str = ""
    domains: tuple[Domain, ...] = ()
    workers: Workers = 1
    listeners: tuple[ListenerTable, ...] = ()
    tls: TLSTable | None = None
    accounts: Accounts = field(default_factory=Accounts)
    routing: Routes = field(default_factory=Routes)
    relay: Relay = field(default_factory=Relay)
    dns: DNS = field(default_factory=DNS)
    queue: Queue = field(default_factory=Queue)
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)
    pop3: POP3 = field(default_factory=POP3)
    imap: IMAP = field(default_factory=IMAP)
    log: Log = field(default_factory=Log)
    policies: tuple[Use, ...] = ()
    modifiers: tuple[Use, ...] = ()
    agents: Mapping[str, Use] = field(default_factory=dict)
    observers: tuple[Use, ...] = ()

    @property
    def own_domain(self) -> str:
        """That of names without one."""
        return self.domains[0] if self.domains else self.hostname
