"""
Tests for the closed relay (S21), in a whole system whose routes lead to the whole world.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pymta.components.people import springing
from pymta.components.relay import with_peers
from pymta.components.routes import Routes
from pymta.components.system import MailSystem
from pymta.edge.peers import Peers
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.errors import Refused, RemoteProtocolError
from pymta.session import Endpoint, Role, Session
from pymta.wire.smtp.grammar import parse_rcpt
from tests.awaiting import now_done
from tests.config.files import Reactor

STRANGER = "203.0.113.9"
NOW = datetime(2026, 1, 1, tzinfo=UTC)

TRICKS = [
    pytest.param("b@elsewhere.test", id="plainly"),
    pytest.param("b%elsewhere.test@elsewhere.test", id="percent"),
    pytest.param("@example.test:b@elsewhere.test", id="source route"),
    pytest.param("@example.test,@gate.test:b@elsewhere.test", id="longer source route"),
    pytest.param("elsewhere.test!b@elsewhere.test", id="bang"),
    pytest.param('"b@example.test"@elsewhere.test', id="quoted @"),
    pytest.param("b@elsewhere.test.", id="trailing dot"),
    pytest.param("b@example.test.", id="our own with a trailing dot"),
    pytest.param("b@[203.0.113.1]", id="IPv4 literal"),
    pytest.param("b@[IPv6:2001:db8::1]", id="IPv6 literal"),
    pytest.param("b@[example.test]", id="a name in brackets"),
    pytest.param("b@203.0.113.1", id="a bare address"),
    pytest.param("b@sub.example.test", id="below ours"),
    pytest.param("b@xexample.test", id="ends like ours"),
    pytest.param("b%elsewhere.test@gate.test", id="percent at the gateway"),
    pytest.param("elsewhere.test!b@gate.test", id="bang at the gateway"),
    pytest.param('"b@elsewhere.test"@gate.test', id="quoted @ at the gateway"),
    pytest.param("@gate.test:b@elsewhere.test", id="source route by the gateway"),
    pytest.param("b@sub.gate.test", id="below the gateway's"),
]


def system(routes: Routes) -> MailSystem:
    """One that relays for a network, and for whoever logged in, and is a gateway."""
    reactor: Any = Reactor()
    return MailSystem(
        reactor,
        domains=["example.test"],
        people=springing(["example.test"]),
        routes=routes,
        relay=with_peers(Peers(["192.0.2.0/24"]), ["gate.test"]),
        observers=[],
    )


def answered(made: MailSystem, text: str, *, peer: str, identity: str | None = None) -> str:
    """What RCPT of this path is answered with."""
    session = Session(
        id="1",
        role=Role.SMTP,
        peer=Endpoint(peer, 1),
        local=Endpoint("198.51.100.1", 25),
        started=NOW,
        identity=identity,
    )
    try:
        address, _ = parse_rcpt(f"TO:<{text}>")
        mail_session = now_done(made.receiver.connected(session))
        transaction = now_done(mail_session.begin(Sender(reverse_path=None)))
        now_done(transaction.add_recipient(Recipient(id=RecipientID(1), address=address)))
    except Refused as no:
        return f"{no.reply.code}"
    except RemoteProtocolError as no:
        return f"{no.reply and no.reply.code}"
    return "250"


@pytest.mark.parametrize(
    "routes",
    [Routes(mx=True), Routes(next_hop="[mx.test]:25"), Routes(hops={"gate.test": "[mx.test]:25"})],
    ids=["MX", "smarthost", "gateway"],
)
@pytest.mark.parametrize("text", TRICKS)
def test_s21_strangers(routes: Routes, text: str) -> None:
    """
    Wherever mail could go, a stranger's for elsewhere is refused for good.
    """
    assert answered(system(routes), text, peer=STRANGER) in ("501", "550", "553")


@pytest.mark.parametrize(
    ("text", "peer", "identity", "code"),
    [
        ("b@example.test", STRANGER, None, "250"),
        ("b@gate.test", STRANGER, None, "250"),
        ("b@elsewhere.test", "192.0.2.7", None, "250"),
        ("b%x@elsewhere.test", "192.0.2.7", None, "250"),
        ("b@[203.0.113.1]", "192.0.2.7", None, "250"),
        ("b@elsewhere.test", STRANGER, "ann@example.test", "250"),
        ("b@elsewhere.test", "192.0.3.7", None, "550"),
        ("b@elsewhere.test", "", None, "550"),
        ("b@elsewhere.test", "127.0.0.1", None, "550"),
    ],
)
def test_s21_who_may(text: str, peer: str, identity: str | None, code: str) -> None:
    """
    Mail for us and for the domains that we stand before is everybody's; elsewhere is for the
    network that is listed and for whoever logged in, not even for this machine.
    """
    assert code == answered(system(Routes(mx=True)), text, peer=peer, identity=identity)
