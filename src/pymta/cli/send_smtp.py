"""
``pymta send --server``: to one server, by SMTP.

What the relay agent does for the queue, once and now: all addresses of the server are tried, one
session serves all messages, and each recipient has an answer of its own.
"""

from __future__ import annotations

import os
import socket
import sys
from argparse import Namespace
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from getpass import getpass
from ipaddress import ip_address
from tempfile import TemporaryDirectory

from twisted.internet.interfaces import IReactorTime
from twisted.logger import LogLevel
from zope.interface import implementer

from pymta.address import ascii_domain
from pymta.aio import Pool
from pymta.cli.errors import Usage
from pymta.cli.letters import Letter, Marks
from pymta.cli.names import host_name
from pymta.cli.process import begin_log, own_reactor, run
from pymta.cli.sending import STANDARD_INPUT, NotSent, Sent, Unreachable, send_all
from pymta.cli.store import between
from pymta.components.parts import Job, Part
from pymta.delivery.hops import Literal, Socket, parse
from pymta.delivery.pool import PoolLimits
from pymta.delivery.relay import RelayAgent
from pymta.delivery.tls_policy import TLSPolicies
from pymta.edge.client_tls import ClientTLS
from pymta.edge.peers import LOOPBACK
from pymta.errors import Mistake
from pymta.interfaces.content import IContentWriter, Origin, QueueID
from pymta.interfaces.delivery import Attempt, Result
from pymta.interfaces.relay import Destination, Host, IDestinationFinder, TLSLevel, TLSPolicy
from pymta.outcome import Failed, Relayed, Scope
from pymta.sasl import Credentials
from pymta.session import Endpoint, Role, Session
from pymta.smtp.client_dialler import Dialler
from pymta.smtp.client_settings import ClientSettings
from pymta.spool.writer import Spool

__all__ = ["by_server", "destination_of", "password_of", "policy_of"]

PASSWORD = "PYMTA_PASSWORD"  # noqa: S105  the name of a variable
SMTP, SUBMISSION, SUBMISSIONS = 25, 587, 465

_HERE = Endpoint("")
# A file may take longer to read than a server needs to be asked for its answer.
_POOL = PoolLimits(idle=60.0)
_WRITING = 100


def by_server(arguments: Namespace, marks: Marks) -> int:
    """
    Send to the server that the arguments name.

    :returns: the exit status.
    :raises Usage: they make no sense.
    """
    if arguments.user is None and arguments.password_file is not None:
        raise Usage("--password-file goes with --user")
    destination = destination_of(arguments)
    policy = policy_of(arguments, destination.hosts[0].port)
    credentials = None
    if arguments.user is not None:
        credentials = Credentials(username=arguments.user, password=password_of(arguments))
    reactor = own_reactor()
    clock = IReactorTime(reactor)
    begin_log(sys.stderr, LogLevel.critical)
    settings = ClientSettings(
        helo=ascii_domain(host_name()),
        role=Role.SUBMISSION if credentials else Role.SMTP,
        trusted=LOOPBACK,
    )
    tls = ClientTLS(authorities=arguments.authorities)
    tls.load()
    pool = Pool(reactor, threads=1, limit=_WRITING, name="pymta-send")
    agent = RelayAgent(
        _Given(destination),
        Dialler(reactor, clock, settings, random=os.urandom, tls=tls, pool=pool).open,
        clock=clock,
        tls=TLSPolicies(default=policy),
        credentials=lambda next_hop: credentials,
        pool=_POOL,
    )
    with TemporaryDirectory(prefix="pymta-") as folder:
        carrier = _Relaying(agent, Spool(pool, folder), destination.next_hop)

        async def task() -> int:
            return await between(_parts(pool, agent), lambda: send_all(arguments, marks, carrier))

        return run(reactor, task)


def _parts(pool: Pool, agent: RelayAgent) -> Iterable[Part]:
    async def begin() -> None:
        pool.start()

    return Job(begin, pool.stop), agent


# -- arguments -------------------------------------------------------------------------


def destination_of(arguments: Namespace) -> Destination:
    """
    All addresses of the server, as this machine knows them: the hosts file counts.

    :raises Usage: it is no server.
    :raises Mistake: there is no such host.
    """
    text = arguments.server
    try:
        hop = parse(_bracketed(text))
    except ValueError as error:
        raise Usage(f"--server {text}: {error}") from None
    if isinstance(hop, Socket):
        host = Host(name=hop.path, addresses=(hop.path,), port=0)
        return Destination(next_hop=text, hosts=(host,))
    name = hop.address if isinstance(hop, Literal) else hop.name
    port = hop.port or _port(arguments)
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Mistake(f"{text}: {error.strerror}") from None
    addresses = tuple(dict.fromkeys(str(each[4][0]) for each in found))
    return Destination(next_hop=text, hosts=(Host(name=name, addresses=addresses, port=port),))


def _bracketed(text: str) -> str:
    """IP addresses as next hops have them."""
    host, colon, port = text.rpartition(":")
    if _is_address(text):
        return f"[{text}]"
    return f"[{host}]:{port}" if colon and _is_address(host) and ":" not in host else text


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False


def _port(arguments: Namespace) -> int:
    if arguments.tls == "implicit":
        return SUBMISSIONS
    # RFC 6409 section 3.1: who logs in, submits.
    return SMTP if arguments.user is None else SUBMISSION


def policy_of(arguments: Namespace, port: int) -> TLSPolicy:
    """
    How the connection is protected.

    A password goes to a server that has proved who it is, if nothing else is said (S26); nothing
    leaves this machine on a UNIX socket.
    """
    if arguments.tls == "implicit" or (arguments.tls is None and port == SUBMISSIONS):
        return TLSPolicy(level=TLSLevel.VERIFY, implicit=True)
    if arguments.tls is not None:
        return TLSPolicy(level=TLSLevel(arguments.tls))
    if port == 0:
        return TLSPolicy(level=TLSLevel.NONE)
    return TLSPolicy(level=TLSLevel.MAY if arguments.user is None else TLSLevel.VERIFY)


def password_of(arguments: Namespace) -> str:
    """
    The first line of the file; else what the environment says; else what a person types.

    Never an argument, which everybody on the machine can read.

    :raises Usage: there is none.
    """
    if arguments.password_file is not None:
        with open(arguments.password_file, encoding="utf-8") as file:
            password = file.readline().rstrip("\r\n")
    elif PASSWORD in os.environ:
        password = os.environ[PASSWORD]
    elif sys.stdin.isatty() and STANDARD_INPUT not in arguments.files:
        password = getpass(f"Password of {arguments.user}: ")
    else:
        raise Usage(f"--user without a password: --password-file, or {PASSWORD}")
    if not password:
        raise Usage("the password is empty")
    return password


# -- work ------------------------------------------------------------------------------


@implementer(IDestinationFinder)
class _Given:
    def __init__(self, destination: Destination) -> None:
        self._destination = destination

    async def find(self, next_hop: str) -> Destination:
        return self._destination


class _Relaying:
    """Each message is one attempt; what fails now has failed."""

    def __init__(self, agent: RelayAgent, spool: Spool, next_hop: str) -> None:
        self._agent = agent
        self._spool = spool
        self._next_hop = next_hop
        self._troubles = 0

    def create(self) -> IContentWriter:
        return self._spool.create()

    async def send(self, letter: Letter) -> Sent:
        attempt = self._attempt(letter)
        results: list[Result] = []
        for at in range(0, len(attempt.recipients), self._agent.recipient_limit):
            some = attempt.recipients[at : at + self._agent.recipient_limit]
            results += await self._agent.deliver(replace(attempt, recipients=some))
        failed = {r.id: r.outcome for r in results if isinstance(r.outcome, Failed)}
        if len(failed) == len(results):
            self._check_reached(list(failed.values()))
        self._troubles = 0
        names = {each.id: str(each) for each in attempt.recipients}
        refused = {names[id_]: _reason(outcome) for id_, outcome in failed.items()}
        taken = [str(r.outcome.reply) for r in results if isinstance(r.outcome, Relayed)]
        return Sent(
            facts={"reply": taken[-1]} if taken else {},
            line=taken[-1] if taken else "",
            refused=refused,
        )

    def _attempt(self, letter: Letter) -> Attempt:
        now = datetime.now(UTC)
        session = Session(id="send", role=Role.LOCAL, peer=_HERE, local=_HERE, started=now)
        return Attempt(
            queue_id=QueueID("send"),
            number=1,
            sender=letter.envelope.sender,
            recipients=letter.envelope.recipients,
            next_hop=self._next_hop,
            content=letter.content,
            origin=Origin(session, letter.envelope.sender),
            arrived=now,
        )

    def _check_reached(self, failed: Sequence[Failed]) -> None:
        """
        Nobody got it: was anybody there?

        :raises NotSent: nobody was.
        :raises Unreachable: twice in a row.
        """
        if all(each.scope is Scope.DESTINATION for each in failed):
            self._troubles += 1
            raise (Unreachable if self._troubles > 1 else NotSent)(_reason(failed[0]))


def _reason(failed: Failed) -> str:
    if failed.scope is Scope.DESTINATION and failed.diagnostic:
        return failed.diagnostic
    return str(failed.reply)
