"""
Tests for mail to next hops: how a hop is written, who may relay, how it is carried, and that what
an earlier release has left is let go.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from pymta.address import Address
from pymta.components.parts import Part
from pymta.components.relay import (
    AGENT,
    REASON,
    Carriers,
    Relaying,
    Releasing,
    lane_of,
    next_hop,
    whoever_logged_in,
    with_peers,
)
from pymta.edge.peers import LOOPBACK
from pymta.edge.tls import TLSError
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.errors import Mistake, Refused
from pymta.interfaces.content import Lane, NewMail, Octets, Origin, QueueID
from pymta.interfaces.delivery import IDeliveryAgent
from pymta.interfaces.dns import MX, A
from pymta.queue.memory import MemoryQueueStore
from pymta.session import Endpoint, Role, Session
from pymta.testing.dns import FakeDNS, Zones
from tests.awaiting import now_done
from tests.edge.certificates import make_pair

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOB = Recipient(id=RecipientID(1), address=Address("bob", "elsewhere.test"))
HOP = Lane(AGENT, "[mx.test]:25")
ZONES: Zones = {
    "elsewhere.test": [MX(10, "mx.elsewhere.test")],
    "mx.elsewhere.test": [A("127.0.0.1")],
}


def origin(peer: str = "192.0.2.1", identity: str | None = None) -> Origin:
    """Who sends."""
    session = Session(
        id="1",
        role=Role.SMTP,
        peer=Endpoint(peer, 1),
        local=Endpoint("192.0.2.2", 25),
        started=NOW,
        identity=identity,
    )
    return Origin(session, Sender(reverse_path=None))


def carriers(**relaying: Any) -> Carriers:
    """Of a server that asks a DNS of its own."""
    return Carriers(
        MemoryReactorClock(),
        Relaying(**relaying),
        dns=FakeDNS(ZONES),
        hostname="mail.bücher.example",
        below=lambda limit: 0,
        random=bytes,
    )


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("mx.test:25", "[mx.test]:25"),
        ("[mx.test]:25", "[mx.test]:25"),
        ("192.0.2.1:2525", "[192.0.2.1]:2525"),
        ("192.0.2.1", "[192.0.2.1]:25"),
        ("[192.0.2.1]", "[192.0.2.1]:25"),
        ("[mx.test]", "[mx.test]:25"),
        ("[2001:db8::1]:25", "[2001:db8::1]:25"),
        ("mx.test", "mx.test"),
        ("MX.test", "mx.test"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("bücher.example:587", "[xn--bcher-kva.example]:587"),
        ("unix:/run/lmtp", "unix:/run/lmtp"),
        ("lmtp:unix:/run/lmtp", "lmtp:unix:/run/lmtp"),
        ("lmtp:mx.test:24", "lmtp:[mx.test]:24"),
        ("lmtp:[::1]:24", "lmtp:[::1]:24"),
        ("lmtp:25", "[lmtp]:25"),
    ],
)
def test_next_hop(text: str, hop: str) -> None:
    """
    A host and a port, or a domain, in one spelling.
    """
    assert hop == next_hop(text)
    assert hop == next_hop(hop)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mx.test:",
        ":25",
        "mx.test:0",
        "mx.test:65536",
        "2001:db8::1:25",
        "[x:25",
        "a b:25",
        "a b",
        "lmtp:mx.test",
        "lmtp:[mx.test]",
        "lmtp:[::1]",
        "lmtp:a b:24",
        "lmtp:",
        "unix:run/lmtp",
        "192.0.2.256",
        "[::g]:25",
        "mx.test:25\n",
        "mx..test:25",
        "mx.test:٢٥",
    ],
)
def test_no_next_hop(text: str) -> None:
    """
    Nothing else.
    """
    with pytest.raises(Mistake):
        next_hop(text)


@pytest.mark.parametrize(
    ("who", "logged_in", "listed"),
    [
        (origin(), False, False),
        (origin(identity="ann@a.test"), True, True),
        (origin("127.0.0.1"), False, True),
        (origin("::1"), False, True),
    ],
    ids=["stranger", "logged in", "IPv4", "IPv6"],
)
def test_s21_who_may_relay(who: Origin, logged_in: bool, listed: bool) -> None:
    """
    Whoever logged in, and listed peers where there is a list; nobody else.
    """
    assert logged_in is now_done(whoever_logged_in(BOB, who))
    assert listed is now_done(_asked(who))


async def _asked(who: Origin) -> bool:
    return await with_peers(LOOPBACK)(BOB, who)


@pytest.mark.parametrize(
    ("address", "taken"),
    [
        ("bob@gate.test", True),
        ("bob@GATE.test", True),
        ("bob@xn--bcher-kva.example", True),
        ("bob@sub.gate.test", False),
        ("bob@elsewhere.test", False),
        ("bob%elsewhere.test@gate.test", False),
        ('"bob@elsewhere.test"@gate.test', False),
        ("elsewhere.test!bob@gate.test", False),
        ("bob@[192.0.2.1]", False),
        ("bob@[IPv6:2001:db8::1]", False),
        ("bob@gate.test.elsewhere.test", False),
    ],
)
def test_s21_a_gateway(address: str, taken: bool) -> None:
    """
    Mail for the domains that it stands before is taken from everybody, but for local parts out of
    which somebody behind it might read a route; from those who may relay, it is taken as it is.
    """
    permission = with_peers(LOOPBACK, ["gate.test", "bücher.example"])
    recipient = Recipient(id=RecipientID(1), address=Address.parse(address))

    assert taken is now_done(permission(recipient, origin()))
    assert now_done(permission(recipient, origin("127.0.0.1")))


@pytest.mark.parametrize(
    ("hop", "lane"),
    [
        ("[mx.test]:25", Lane("relay", "[mx.test]:25")),
        ("elsewhere.test", Lane("relay", "elsewhere.test")),
        ("lmtp:[::1]:24", Lane("lmtp", "[::1]:24")),
        ("lmtp:unix:/run/lmtp", Lane("lmtp", "unix:/run/lmtp")),
    ],
)
def test_lanes(hop: str, lane: Lane) -> None:
    """
    Who carries mail there is told by how the hop is written.
    """
    assert lane == lane_of(hop)


def test_agents() -> None:
    """
    SMTP moves the responsibility, LMTP delivers; both are parts, and nothing is opened.
    """
    made = carriers()
    smtp, lmtp = made.smtp(), made.lmtp_to("unix:/run/lmtp")

    assert verifyObject(IDeliveryAgent, smtp)
    assert verifyObject(IDeliveryAgent, lmtp)
    assert [Role.SMTP, Role.LMTP, Role.LMTP] == [smtp.role, lmtp.role, made.lmtp().role]
    assert all(isinstance(each, Part) for each in (made, smtp, lmtp))
    destination = now_done(lmtp.finder.find("bob@elsewhere.test"))
    assert [("/run/lmtp", 0)] == [(host.name, host.port) for host in destination.hosts]


def test_we_introduce_ourselves_in_ascii() -> None:
    """
    EHLO takes a domain, which has A-labels.
    """
    dial: Any = carriers().smtp().pool._dial

    assert "mail.xn--bcher-kva.example" == dial.__self__.settings.helo


def test_s30_hosts_in_here() -> None:
    """
    A zone that names this machine's own addresses leads nowhere, unless they are allowed.
    """
    with pytest.raises(Refused):
        now_done(carriers().finder.find("elsewhere.test"))
    found = now_done(carriers(allow=LOOPBACK).finder.find("elsewhere.test"))

    assert [("mx.elsewhere.test", ("127.0.0.1",))] == [
        (host.name, host.addresses) for host in found.hosts
    ]


@pytest.mark.parametrize(
    "known",
    [
        pytest.param({"names": ("mx.Elsewhere.test",)}, id="by name"),
        pytest.param({"addresses": LOOPBACK}, id="by address"),
    ],
)
def test_other_names_of_ours(known: dict[str, Any]) -> None:
    """
    A domain whose mail comes to us by a name that only others know us by: no loop begins.
    """
    with pytest.raises(Refused) as no:
        now_done(carriers(allow=LOOPBACK, **known).finder.find("elsewhere.test"))

    assert "5.4.6" == no.value.reply.status


def test_s30_a_literal_in_here() -> None:
    """
    Nor does a recipient's address literal; what an operator has written is another thing.
    """
    with pytest.raises(Refused):
        now_done(carriers().finder.find("[127.0.0.1]"))
    found = now_done(carriers().finder.find(next_hop("[127.0.0.1]")))

    assert [("127.0.0.1", 25)] == [(host.name, host.port) for host in found.hosts]


def test_authorities(tmp_path: Path) -> None:
    """
    Files that cannot be used end the start.
    """
    pair = make_pair(tmp_path, "ca.test")
    good, bad = carriers(authorities=pair.certificate), carriers(authorities=str(tmp_path / "no"))
    now_done(good.start())
    now_done(good.stop())

    with pytest.raises(TLSError):
        now_done(bad.start())


def test_lanes_of_an_earlier_release_are_let_go() -> None:
    """
    What was suspended until a release delivers it is claimed; other lanes stay as they are.
    """
    now = NOW
    store = MemoryQueueStore(lambda: now)
    other = Lane(AGENT, "other.test")
    mails = [
        NewMail(
            id=QueueID(f"Q{n}"),
            envelope=Envelope(sender=Sender(reverse_path=None), recipients=(BOB,)),
            content=Octets(b"x"),
            origin=origin(),
            arrived=NOW,
            lanes={BOB.id: lane},
        )
        for n, lane in enumerate((HOP, other))
    ]
    now_done(store.suspend(HOP, datetime(9999, 1, 1, tzinfo=UTC), REASON))
    now_done(store.suspend(other, NOW + timedelta(hours=1), "down"))
    assert [] == list(now_done(store.add(mails, "owner")))

    releasing = Releasing(store)
    now_done(releasing.start())
    now_done(releasing.stop())

    assert [other] == [each.lane for each in now_done(store.statistics()).suspended]
    assert [HOP] == [claim.lane for claim in now_done(store.claim("owner", now, 10, 10))]
