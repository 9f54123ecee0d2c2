"""
Tests for mail to next hops: how a hop is written, who may relay, and that it waits.
"""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from pymta.address import Address
from pymta.aio import start
from pymta.components.relay import (
    AGENT,
    NotYet,
    Waiting,
    next_hop,
    whoever_logged_in,
    with_peers,
)
from pymta.edge.peers import LOOPBACK
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.errors import Mistake
from pymta.interfaces.content import Lane, NewMail, Octets, Origin, QueueID
from pymta.interfaces.delivery import Attempt, IDeliveryAgent
from pymta.interfaces.queue import QueueQuery, RetryNow
from pymta.outcome import Failed, Scope
from pymta.queue.memory import MemoryQueueStore
from pymta.session import Endpoint, Role, Session

T = TypeVar("T")

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOB = Recipient(id=RecipientID(1), address=Address("bob", "elsewhere.test"))
HOP = Lane(AGENT, "[mx.test]:25")


def done(coroutine: Coroutine[Deferred[Any], Any, T]) -> T:
    """The result of what does not wait."""
    results: list[T] = []
    _ = start(coroutine).addCallback(results.append)
    (result,) = results
    return result


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


@pytest.mark.parametrize(
    ("text", "hop"),
    [
        ("mx.test:25", "[mx.test]:25"),
        ("[mx.test]:25", "[mx.test]:25"),
        ("192.0.2.1:2525", "[192.0.2.1]:2525"),
        ("[2001:db8::1]:25", "[2001:db8::1]:25"),
    ],
)
def test_next_hop(text: str, hop: str) -> None:
    """
    A host and a port, in one spelling.
    """
    assert hop == next_hop(text)
    assert hop == next_hop(hop)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "mx.test",
        "mx.test:",
        ":25",
        "mx.test:0",
        "mx.test:65536",
        "2001:db8::1:25",
        "[x:25",
        "a b:25",
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
    assert logged_in is done(whoever_logged_in(BOB, who))
    assert listed is done(_asked(who))


async def _asked(who: Origin) -> bool:
    return await with_peers(LOOPBACK)(BOB, who)


def test_nobody_carries_it_yet() -> None:
    """
    The agent says "later" of the destination, for each recipient, and never "no".
    """
    agent = NotYet()
    attempt = Attempt(
        queue_id=QueueID("Q"),
        number=1,
        sender=Sender(reverse_path=None),
        recipients=(BOB, replace(BOB, id=RecipientID(2))),
        next_hop=HOP.next_hop,
        content=Octets(b""),
        origin=origin(),
        arrived=NOW,
    )
    results = done(agent.deliver(attempt))

    assert verifyObject(IDeliveryAgent, agent)
    assert [1, 2] == [each.id for each in results]
    for each in results:
        assert isinstance(each.outcome, Failed)
        assert each.outcome.reply.transient
        assert each.outcome.scope is Scope.DESTINATION


def test_mail_waits_in_a_suspended_lane() -> None:
    """
    It is kept and due, is never claimed, in a year neither, and says why; somebody who retries it
    gets what he wants.
    """
    now = NOW
    store = MemoryQueueStore(lambda: now)
    _ = start(Waiting(store, [HOP]).start())
    mail = NewMail(
        id=QueueID("Q1"),
        envelope=Envelope(sender=Sender(reverse_path=None), recipients=(BOB,)),
        content=Octets(b"x"),
        origin=origin(),
        arrived=NOW,
        lanes={BOB.id: HOP},
    )

    assert [] == list(done(store.add([mail], "owner")))
    now = NOW + timedelta(days=365)
    assert [] == list(done(store.claim("owner", now, 10, 10)))
    assert ["this release queues mail for next hops and does not deliver it yet"] == [
        each.reason for each in done(store.statistics()).suspended
    ]

    assert 1 == done(store.change(QueueQuery(), RetryNow()))
    assert 1 == len(done(store.claim("owner", now, 10, 10)))
