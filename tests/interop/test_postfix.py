"""
A real Postfix on both sides: it relays to us, and we relay to it.
"""

from __future__ import annotations

import smtplib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from pymta.components.relay import Relaying
from pymta.components.routes import Routes
from pymta.delivery.tls_policy import TLSPolicies
from pymta.interfaces.dns import MX, A
from pymta.interfaces.relay import TLSLevel, TLSPolicy
from pymta.outcome import Failed, Relayed, Scope
from pymta.sasl import Credentials
from pymta.testing.dns import FakeDNS
from tests.edge.certificates import pem
from tests.interop.letters import LETTERS, LONG_LINES, letter
from tests.interop.postfix import DOMAIN, OPEN, Postfix, postfix
from tests.interop.relaying import mx_finder, relaying
from tests.interop.servers import DOMAIN as OURS
from tests.interop.servers import Server

REACTOR = cast("Any", reactor)
DNS = FakeDNS({DOMAIN: {"": [MX(10, f"mx.{DOMAIN}")], "mx": [A("127.0.0.1")]}})
SUBMITTED = """\
smtpd_tls_security_level = encrypt
smtpd_tls_chain_files = {config}/server.pem
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_sasl_local_domain = postfix.test
smtpd_relay_restrictions = permit_sasl_authenticated, reject
"""


class Judge:
    """
    Refuses ``refused``, and ``later`` as often as it is told; takes all others.

    Postfix asks it in threads.
    """

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    def __call__(self, recipient: str) -> str:
        self.asked[recipient] += 1
        if recipient.startswith("refused"):
            return "550 5.1.1 Nobody of that name"
        if recipient.startswith("later") and self.asked[recipient] <= 2:
            return "450 4.7.1 Greylisted, come back later"
        return "OK"


@pytest.fixture
def judge() -> Judge:
    """One that was not asked yet."""
    return Judge()


@pytest.fixture
def next_door(home: Path, judge: Judge) -> Iterator[Postfix]:
    """A Postfix that takes mail for its domain from everybody."""
    with postfix(home, judge) as running:
        yield running


def lines(octets: bytes) -> bytes:
    """As a Maildir of Postfix's keeps it."""
    return octets.replace(b"\r\n", b"\n")


@pytest_twisted.ensureDeferred
async def test_octets_to_postfix(next_door: Postfix) -> None:
    """
    Found by its MX record, it gets each letter as it is: behind its trace fields and our one
    Received, no octet is another.
    """
    names = (*LETTERS, *LONG_LINES)
    sent = {name: letter(name, "ann@here.test", f"bob@{DOMAIN}") for name in names}
    finder = mx_finder(REACTOR, DNS, port=next_door.port)
    async with relaying(REACTOR, routes=Routes(mx=True), finder=finder) as relay:
        for n, name in enumerate(names):
            await relay.submit([f"user{n}@{DOMAIN}"], sent[name])
        settled = await relay.settled([f"user{n}@{DOMAIN}" for n in range(len(names))])

    assert all(isinstance(tries[0].outcome, Relayed) for tries in settled.values())
    for n, name in enumerate(names):
        (message,) = await arrived(next_door, f"user{n}")
        assert message.endswith(lines(sent[name])), name
        trace = message[: -len(lines(sent[name]))]
        assert 2 == trace.count(b"Received: ")
        assert b"\nReceived: from" in trace


@pytest_twisted.ensureDeferred
async def test_partly_refused(next_door: Postfix, judge: Judge) -> None:
    """
    One recipient is taken, one refused, one greylisted and taken later: each has its own end, in
    Postfix's words, and nobody gets it twice.
    """
    octets = letter("dots", "ann@here.test", f"bob@{DOMAIN}")
    finder = mx_finder(REACTOR, DNS, port=next_door.port)
    people = [f"{name}@{DOMAIN}" for name in ("bob", "refused", "later", "carl")]
    async with relaying(REACTOR, routes=Routes(mx=True), finder=finder) as relay:
        await relay.submit(people, octets)
        by_name = await relay.settled(people)

    assert [1, 1, 3, 1] == [len(tries) for tries in by_name.values()]
    no = by_name[people[1]][0].outcome
    assert isinstance(no, Failed)
    assert (550, "5.1.1", Scope.RECIPIENT) == (no.reply.code, no.reply.status, no.scope)
    assert "Nobody of that name" in no.reply.text
    assert f"mx.{DOMAIN}" == no.remote
    later = by_name[people[2]][0].outcome
    assert isinstance(later, Failed)
    assert (450, "4.7.1", Scope.RECIPIENT) == (
        later.reply.code,
        later.reply.status,
        later.scope,
    )
    for name in ("bob", "later", "carl"):
        (message,) = await arrived(next_door, name)
        assert message.endswith(lines(octets))
    assert [] == next_door.messages("refused")


@pytest_twisted.ensureDeferred
async def test_sessions_are_used_again(next_door: Postfix) -> None:
    """
    Many messages, few connections.
    """
    finder = mx_finder(REACTOR, DNS, port=next_door.port)
    async with relaying(REACTOR, routes=Routes(mx=True), finder=finder) as relay:
        for n in range(40):
            await relay.submit([f"user{n}@{DOMAIN}"], letter("short", "ann@here.test", "x@y.test"))
        await relay.settled([f"user{n}@{DOMAIN}" for n in range(40)])
        statistics = cast("Any", relay.system.agents["relay"]).pool.statistics

    assert statistics.reused >= 20
    assert 40 == statistics.opened + statistics.reused


@pytest_twisted.ensureDeferred
async def test_smarthost_with_tls_and_auth(home: Path, judge: Judge) -> None:
    """
    Everything goes through a host that wants TLS and a login: it is verified by its certificate,
    and gets the password; another password, and another certificate, get nowhere.
    """
    files = {"server.pem": pem().read_text()}
    users = [("ann", "geheim")]
    octets = letter("8 bit", "ann@here.test", f"bob@{DOMAIN}")
    with postfix(home, judge, more=SUBMITTED, files=files, users=users) as smarthost:
        hop = f"[127.0.0.1]:{smarthost.port}"
        right = Credentials(username=f"ann@{DOMAIN}", password="geheim")
        tls = TLSPolicies({hop: TLSPolicy(level=TLSLevel.VERIFY)})
        trusting = Relaying(authorities=str(pem()))

        async def first_outcome(credentials: Credentials, relay_settings: Relaying) -> Any:
            async with relaying(
                REACTOR,
                routes=Routes(next_hop=hop),
                tls=tls,
                credentials={hop: credentials}.get,
                relaying=relay_settings,
            ) as relay:
                await relay.submit([f"bob@{DOMAIN}"], octets)
                return await relay.tried(f"bob@{DOMAIN}")

        taken = await first_outcome(right, trusting)
        wrong = await first_outcome(replace(right, password="falsch"), trusting)
        untrusted = await first_outcome(right, Relaying())
        (message,) = await arrived(smarthost, "bob")
        log = smarthost.log

    assert isinstance(taken, Relayed)
    assert message.endswith(lines(octets))
    assert "sasl_username=ann@postfix.test" in log
    assert isinstance(wrong, Failed)
    assert ("4.7.8", Scope.DESTINATION) == (wrong.reply.status, wrong.scope)
    assert isinstance(untrusted, Failed)
    assert ("4.7.5", Scope.DESTINATION) == (untrusted.reply.status, untrusted.scope)


def test_postfix_relays_to_us(server: Server, home: Path, judge: Judge) -> None:
    """
    By a transport map: each letter is in our mailbox behind Postfix's Received, octet for octet.
    """
    transport = f"{OURS} smtp:[127.0.0.1]:{server.ports['smtp']}\n"
    more = f"{OPEN}transport_maps = texthash:{{config}}/transport\n"
    account = server.account()
    names = (*LETTERS, *LONG_LINES)
    sent = [letter(name, "ann@elsewhere.test", account.address) for name in names]
    with postfix(home, judge, more=more, files={"transport": transport}) as running:
        with smtplib.SMTP("127.0.0.1", running.port, timeout=30) as client:
            for octets in sent:
                client.sendmail("ann@elsewhere.test", [account.address], octets, ["BODY=8BITMIME"])
        got = server.read_by(account, len(sent))

    assert len(sent) == len(got)
    for octets in sent:
        (message,) = [each for each in got if each.endswith(octets)]
        trace = message[: -len(octets)]
        assert 2 == trace.count(b"Received: ")
        assert b"by mx.postfix.test (Postfix)" in trace


def test_postfix_hears_of_unknown_users(server: Server, home: Path, judge: Judge) -> None:
    """
    Of several recipients one is refused at RCPT: the others get the mail, and Postfix has our
    words for its report.
    """
    transport = f"{OURS} smtp:[127.0.0.1]:{server.ports['smtp']}\n"
    more = f"{OPEN}transport_maps = texthash:{{config}}/transport\n"
    accounts_ = [server.account(), server.account()]
    to = [accounts_[0].address, f"nobody@{OURS}", accounts_[1].address]
    octets = letter("dots", f"ann@{DOMAIN}", to[0])
    with postfix(home, judge, more=more, files={"transport": transport}) as running:
        with smtplib.SMTP("127.0.0.1", running.port, timeout=30) as client:
            client.sendmail(f"ann@{DOMAIN}", to, octets)
        got = [server.read_by(account, 1) for account in accounts_]
        (report,) = wait_for(running, "ann")

    assert [1, 1] == [len(messages) for messages in got]
    assert all(messages[0].endswith(octets) for messages in got)
    assert b"550 5.1.1" in report
    assert f"nobody@{OURS}".encode() in report


async def arrived(running: Postfix, user: str) -> list[bytes]:
    """The messages of a user, when there are any."""
    return await deferToThread(wait_for, running, user)


def wait_for(running: Postfix, user: str) -> list[bytes]:
    """The messages of a user, when there are any."""
    until = time.monotonic() + 20
    while not (messages := running.messages(user)) and time.monotonic() < until:
        time.sleep(0.05)
    assert messages, running.log
    return messages
