"""
``pymta testserver``: a whole mail system for somebody else's tests, on free loopback ports.

The first and only line on standard output is a JSON object of port numbers; the log goes to
standard error.  It ends within a second on SIGTERM, or when standard input closes.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from twisted.internet.endpoints import serverFromString

from pymta.accounts.passwords import CHEAPEST
from pymta.address import Address, ascii_domain, parse_domain
from pymta.cli.errors import Usage
from pymta.cli.output import say_json
from pymta.cli.process import STOP_SECONDS, begin_log, own_reactor, serve
from pymta.components.parts import Job, Part
from pymta.components.people import kept, springing
from pymta.components.relay import next_hop, with_peers
from pymta.components.routes import Routes
from pymta.components.selfsigned import SelfSigned
from pymta.components.system import MailSystem
from pymta.edge.lifeline import watch_input
from pymta.edge.listener import Listener
from pymta.edge.peers import LOOPBACK
from pymta.errors import AddressError, Mistake, NoSuchAccount
from pymta.queue.runner import RunnerLimits
from pymta.service import Listening, MailService

__all__ = ["QUICK", "account", "run_testserver", "system_of"]

QUICK = RunnerLimits(grace=0.2, stop=0.4)
_SESSIONS = 0.3


def run_testserver(arguments: Namespace) -> int:
    """Serve until told to end.  :raises Usage: an argument makes no sense."""
    reactor = own_reactor()
    begin_log(sys.stderr)
    domain = _domain(arguments.domain)
    accounts = [account(text, domain) for text in arguments.account]
    system = system_of(
        reactor, domain, accounts=accounts, directory=arguments.store, relay=arguments.relay
    )
    parts = [*system.parts, *_accounts(system, accounts)]
    listening = [
        Listening(name, _loopback(reactor), listener, seconds=_SESSIONS)
        for name, listener in _listeners(system)
    ]

    async def ready() -> None:
        ports = {each.name: each.address.port for each in listening}
        say_json(ports)

    watch_input(reactor)
    return serve(reactor, MailService(system.clock, parts, listening, seconds=STOP_SECONDS), ready)


def system_of(
    reactor: Any,
    domain: str,
    *,
    accounts: Sequence[tuple[str, str]],
    directory: str | None = None,
    relay: str | None = None,
) -> MailSystem:
    """
    The system: loopback is trusted with everything, nobody is limited, guesses are cheap.

    :param accounts: without any, every address of the domain is one.
    :param relay: next hop of everything else; without it, everything else is refused.
    :raises Usage: no next hop.
    """
    routes = Routes(next_hop=None if relay is None else _host(relay))
    return MailSystem(
        reactor,
        hostname=domain,
        domains=[domain],
        directory=directory,
        people=kept(CHEAPEST) if accounts else springing([domain]),
        routes=routes,
        relay=with_peers(LOOPBACK),
        certificates=SelfSigned(["localhost", "127.0.0.1", "::1", ascii_domain(domain)]),
        plaintext=LOOPBACK,
        limit_logins=None,
        connections=None,
        account_sessions=None,
        runner_limits=QUICK,
    )


def account(text: str, domain: str) -> tuple[str, str]:
    """
    ``ADDRESS:PASSWORD``, split at the first colon that has an address before it.

    :param domain: of an address without one.
    :raises Usage: it is none.
    """
    colons = [at for at, character in enumerate(text) if character == ":" and text[at + 1 :]]
    if not colons:
        raise Usage("--account: ADDRESS:PASSWORD expected")
    for at in colons:
        address = _completed(text[:at], domain)
        if _is_address(address):
            break
    else:
        raise Usage(f"--account {text[: colons[0]]}: no address")
    parsed = Address.parse(address)
    if parsed.ascii_domain != ascii_domain(domain):
        raise Usage(f"--account {address}: {domain} is the only local domain")
    return address, text[at + 1 :]


def _completed(name: str, domain: str) -> str:
    return name if "@" in name else f"{name}@{domain}"


def _is_address(text: str) -> bool:
    try:
        return bool(Address.parse(text))
    except AddressError:
        return False


def _host(text: str) -> str:
    """
    A host and its port: tests do not ask the DNS for other people's.

    :raises Usage: it is none.
    """
    try:
        hop = next_hop(text)
    except Mistake:
        hop = ""
    if not hop.startswith("["):
        raise Usage(f'--relay: no next hop: {text!r} ("host:port" or "[address]:port")')
    return hop


def _domain(text: str) -> str:
    try:
        return parse_domain(text)
    except AddressError as error:
        raise Usage(f"--domain {text}: {error}") from None


def _listeners(system: MailSystem) -> Iterator[tuple[str, Listener]]:
    yield "smtp", system.smtp(login=system.login)
    yield "submission", system.submission()
    yield "submissions", system.submission(implicit_tls=True)
    yield "lmtp", system.lmtp()
    yield "pop3", system.pop3()
    yield "pop3s", system.pop3(implicit_tls=True)
    yield "imap", system.imap()
    yield "imaps", system.imap(implicit_tls=True)


def _loopback(reactor: Any) -> Any:
    return serverFromString(reactor, "tcp:0:interface=127.0.0.1")


def _accounts(system: MailSystem, accounts: Sequence[tuple[str, str]]) -> Iterator[Part]:
    administration = system.people.administration

    async def make() -> None:
        assert administration is not None
        for name, password in accounts:
            try:
                await administration.set_password(name, password)
            except NoSuchAccount:
                await administration.add(name, password)

    if accounts:
        yield Job(make)
