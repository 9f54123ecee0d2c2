"""
Tests for reports in a whole system: what fails comes back to whoever sent it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any, cast

import pytest
from twisted.python.failure import Failure
from zope.interface import implementer

from pymta.address import Address
from pymta.aio import deferred
from pymta.components.people import springing
from pymta.components.relay import AGENT
from pymta.components.routes import Routes
from pymta.components.system import MailSystem
from pymta.envelope import Notify, Recipient, RecipientID, Sender
from pymta.interfaces.content import Origin, octets_of
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.queue import QueueQuery, QueueState
from pymta.mailbox import INBOX
from pymta.message.dsn import Action, Typed
from pymta.message.dsn_reading import parse_dsn
from pymta.outcome import Failed, Outcome, Relayed, Scope
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session
from tests.config.files import Reactor

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
ALICE = Address("alice", "example.test")
BOB = Address("bob", "remote.example")
MESSAGE = b"""\
From: alice@example.test
Subject: Lunch?
Date: Wed, 1 Jul 2026 12:00:00 +0000
Message-ID: <1@pc.test>

Today?
""".replace(b"\n", b"\r\n")
FAILED = Failed(
    reply=Reply(550, "5.1.1", "No such user"), scope=Scope.RECIPIENT, remote="mx.remote.example"
)


@implementer(IDeliveryAgent)
class Elsewhere:
    """Answers every recipient alike."""

    recipient_limit = 100

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return [Result(each.id, self.outcome) for each in attempt.recipients]


class World:
    """A system in memory, whose next hop ends like this."""

    def __init__(self, outcome: Outcome, **more: Any) -> None:
        self.reactor = cast("Any", Reactor())
        self.system = MailSystem(
            self.reactor,
            hostname="mx.example.test",
            domains=["example.test"],
            people=springing(["example.test"]),
            routes=Routes(next_hop="[mx.remote.example]:25"),
            agents={AGENT: Elsewhere(outcome)},
            observers=[],
            now=self.now,
            **more,
        )
        self.do(self.system.runner.start())

    def now(self) -> datetime:
        """Wall time, by the reactor's clock."""
        return START + timedelta(seconds=self.reactor.seconds())

    def do(self, awaitable: Any) -> Any:
        """Its result; time passes if it waits."""
        ended: list[Any] = []
        deferred(awaitable).addBoth(ended.append)  # type: ignore[unused-awaitable]  # seen below
        for _ in range(100):
            if ended:
                break
            self.reactor.advance(0.1)
        [result] = ended
        if isinstance(result, Failure):
            result.raiseException()
        return result

    async def submit(
        self, sender: Address | None, *recipients: Recipient, identity: str | None
    ) -> None:
        """Send the message."""
        session = Session(
            id="s1",
            role=Role.SUBMISSION,
            peer=Endpoint("192.0.2.7", 4711),
            local=Endpoint("192.0.2.1", 587),
            started=self.now(),
            helo="pc.test",
            extended=True,
            identity=identity,
        )
        receiving = await self.system.receiver.connected(session)
        transaction = await receiving.begin(Sender(reverse_path=sender, envid="E1"))
        for recipient in recipients:
            await transaction.add_recipient(recipient)
        await transaction.begin_content()
        await transaction.write(MESSAGE)
        await transaction.commit()

    def send(
        self,
        *recipients: Recipient,
        sender: Address | None = ALICE,
        identity: str | None = "alice@example.test",
    ) -> None:
        """Send it, and let happen what happens within the next seconds."""
        self.do(self.submit(sender, *recipients, identity=identity))
        for _ in range(50):
            self.reactor.advance(0.1)

    async def inbox(self, account: str = "alice@example.test") -> list[bytes]:
        """What is there."""
        opened = await self.system.people.directory.open(account)
        mailbox = await opened.mailboxes.open(INBOX)
        return [await octets_of(await mailbox.content(uid)) for uid, _size in await mailbox.sizes()]


def to(address: Address, notify: Notify | None = None, number: int = 1) -> Recipient:
    """One recipient."""
    return Recipient(id=RecipientID(number), address=address, notify=notify)


def test_what_the_next_hop_refuses_comes_back_to_its_sender() -> None:
    """As a message in his mailbox, which names who failed, for him and for his programs."""
    world = World(FAILED)
    world.send(to(BOB), to(Address("carol", "remote.example"), number=2))
    [octets] = world.do(world.inbox())

    report = parse_dsn(octets)
    assert ("E1", Typed("dns", "mx.example.test")) == (report.envelope_id, report.reporting_mta)
    assert [
        ("bob@remote.example", Action.FAILED, "5.1.1"),
        ("carol@remote.example", Action.FAILED, "5.1.1"),
    ] == [(each.final.text, each.action, each.status) for each in report.recipients]

    message = message_from_bytes(octets)
    assert not message.defects
    assert ("<>", "alice@example.test") == (message["Return-Path"], message["Delivered-To"])
    assert "Mail Delivery System <postmaster@example.test>" == message["From"]
    _text, status, original = cast("list[Message]", message.get_payload())
    assert [("rfc822; bob@remote.example", "5.1.1"), ("rfc822; carol@remote.example", "5.1.1")] == [
        (group["Final-Recipient"], group["Status"])
        for group in cast("list[Message]", status.get_payload())[1:]
    ]
    assert MESSAGE in original.as_bytes().replace(b"\n", b"\r\n")
    assert () == world.do(world.system.queue.select(QueueQuery())).entries


@pytest.mark.parametrize(("dsn", "reports"), [(False, 1), (True, 0)])
def test_success_is_told_if_the_next_hop_will_not(dsn: bool, reports: int) -> None:
    """Once the message has left, only whoever has it can tell more."""
    yes = Reply(250, "2.0.0", "Taken")
    world = World(Relayed(yes, dsn=dsn, remote="mx.remote.example"))
    world.send(to(BOB, Notify.SUCCESS))
    told = [parse_dsn(octets).recipients[0].action for octets in world.do(world.inbox())]
    assert [Action.RELAYED] * reports == told


def test_delivery_in_the_house_is_told_if_asked_for() -> None:
    """RFC 3461 section 5.2.3."""
    world = World(FAILED)
    world.send(to(Address("dora", "example.test"), Notify.SUCCESS))
    assert 1 == len(world.do(world.inbox("dora@example.test")))
    [octets] = world.do(world.inbox())
    [told] = parse_dsn(octets).recipients
    assert ("dora@example.test", Action.DELIVERED) == (told.final.text, told.action)


def test_delivery_by_lmtp_is_told_if_asked_for() -> None:
    """It goes into the mailbox before it is answered, and its report through the queue."""
    world = World(FAILED)
    dora = to(Address("dora", "example.test"), Notify.SUCCESS)

    async def deliver() -> Any:
        session = Session(
            id="l1",
            role=Role.LMTP,
            peer=Endpoint("192.0.2.7", 4711),
            local=Endpoint("192.0.2.1", 24),
            started=world.now(),
        )
        receiving = await world.system.delivering_receiver.connected(session)
        transaction: Any = await receiving.begin(Sender(reverse_path=ALICE))
        await transaction.add_recipient(dora)
        await transaction.begin_content()
        await transaction.write(MESSAGE)
        return await transaction.commit_each()

    assert [250] == [reply.code for reply in world.do(deliver())]
    for _ in range(20):
        world.reactor.advance(0.1)
    [octets] = world.do(world.inbox())
    assert [Action.DELIVERED] == [each.action for each in parse_dsn(octets).recipients]


def test_s22_mail_from_nobody_is_held_when_it_fails() -> None:
    """There is nobody to tell: a person finds it in the queue, with its reason."""
    world = World(FAILED)
    world.send(to(BOB), sender=None)
    [entry] = world.do(world.system.queue.select(QueueQuery())).entries
    [held] = entry.recipients
    expected = f"{FAILED.reply}; not reported: the reverse path is null"
    assert (QueueState.HELD, expected) == (held.state, held.reason)


async def anybody(recipient: Recipient, origin: Origin) -> bool:
    """An open relay."""
    return True


def test_a_report_to_elsewhere_goes_the_way_of_all_mail() -> None:
    """And where it fails it is held, and reported to nobody (S22)."""
    world = World(FAILED, relay=anybody)
    stranger = Address("eve", "elsewhere.example")
    world.send(to(BOB), sender=stranger, identity=None)
    [entry] = world.do(world.system.queue.select(QueueQuery())).entries
    [held] = entry.recipients
    assert (None, stranger) == (entry.sender.reverse_path, held.recipient.address)
    assert QueueState.HELD == held.state
