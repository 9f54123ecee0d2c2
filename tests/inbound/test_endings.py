"""
Tests for LMTP into the mailbox before it is answered: each recipient for himself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from zope.interface import implementer

from pymta.address import Address
from pymta.envelope import Envelope, Recipient, Sender
from pymta.errors import QueueError, Refused
from pymta.events import Attempted
from pymta.inbound.endings import AtOnce
from pymta.interfaces.content import NewMail, Origin, QueueID
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, IModifier, Result
from pymta.interfaces.routing import Expand, IMembers, IRouter, Route
from pymta.outcome import Delivered, Expanded, Failed, Outcome, Relayed, Scope
from pymta.queue.memory import MemoryQueueStore
from pymta.reply import Reply
from pymta.session import Role
from pymta.verdict import Proceed
from tests.awaiting import now_done
from tests.inbound.house import NOW, SESSION, Domains, House, Rule, give, recipient

LMTP = replace(SESSION, role=Role.LMTP)
FULL = Reply(452, "4.2.2", "Mailbox full")


@implementer(IDeliveryAgent)
@dataclass
class Mailboxes:
    """Delivers; ``outcomes`` are by local part: a result, an exception, or no result at all."""

    outcomes: Mapping[str, Outcome | Exception | None] = field(default_factory=dict)
    then: tuple[NewMail, ...] = ()
    delivered: list[str] = field(default_factory=list)
    recipient_limit = 1

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        [to] = attempt.recipients
        outcome = self.outcomes.get(to.address.local, Delivered())
        if isinstance(outcome, Exception):
            raise outcome
        if outcome is None:
            return []
        self.delivered.append(str(to))
        return [Result(to.id, outcome, self.then)]


class Full(MemoryQueueStore):
    """Takes nothing."""

    async def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Sequence[object]:  # type: ignore[override]
        raise QueueError("full")


def home(agent: IDeliveryAgent, *rules: Rule, full: bool = False, **changes: object) -> House:
    """A receiver that delivers at once."""
    house = House(*rules, **changes)
    if full:
        house.queue._store = Full(lambda: NOW)
    ending = AtOnce(house.queue, {"local": agent}, now=lambda: NOW, observer=house.observer)
    return _with(house, ending)


def _with(house: House, ending: AtOnce) -> House:
    house.flow = replace(house.flow, ending=ending)
    house.receiver = type(house.receiver)(house.flow)
    return house


def replies(house: House, *recipients: str) -> list[str]:
    """A message for them; what each is told."""
    transaction = house.begin(session=LMTP)
    give(transaction, *recipients)
    return [str(reply) for reply in now_done(transaction.commit_each())]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("outcome", "reply"),
    [
        pytest.param(Delivered(), "250 2.1.5 Delivered", id="delivered"),
        pytest.param(
            Delivered(Reply(250, "2.0.0", "In Junk")), "250 2.0.0 In Junk", id="its own words"
        ),
        pytest.param(Expanded(members=2), "250 2.1.5 Delivered", id="expanded"),
        pytest.param(
            Relayed(reply=Reply(250, "2.0.0", "Ok"), dsn=False), "250 2.0.0 Ok", id="relayed"
        ),
        pytest.param(Failed(reply=FULL, scope=Scope.RECIPIENT), str(FULL), id="full"),
        pytest.param(RuntimeError("secret"), "451 4.3.0", id="a surprise"),
        pytest.param(None, "451 4.3.0", id="no result"),
    ],
)
def test_one_recipient_fails_alone(
    outcome: Outcome | Exception | None, reply: str, caplog: pytest.LogCaptureFixture
) -> None:
    """
    What becomes of one recipient is told for that one; the others have their mail.
    """
    agent = Mailboxes({"b": outcome})
    house = home(agent)

    first, second, third = replies(house, "a@example.test", "b@example.test", "a@example.test")

    assert second.startswith(reply)
    assert ["250 2.1.5 Delivered"] * 2 == [first, third]
    assert 2 == agent.delivered.count("a@example.test")
    told = [event for event in house.observer.events if isinstance(event, Attempted)]
    assert [1, 2, 3] == [event.recipient.id for event in told]
    assert isinstance(told[1].outcome, Failed) is (second[0] != "2")
    assert {("Q1", 1, "local", True)} == {
        (event.queue_id, event.number, event.agent, event.final) for event in told
    }


def test_another_agents_recipient_is_refused_at_rcpt() -> None:
    """
    Whom no agent of ours serves is no recipient here.
    """
    house = _with(House(), AtOnce(House().queue, {}, now=lambda: NOW))

    with pytest.raises(Refused) as no:
        now_done(house.begin(session=LMTP).add_recipient(recipient("b@example.test")))

    assert "550 5.7.1" == str(no.value.reply)[:9]


@implementer(IMembers)
class Members:
    """Nobody."""

    async def read(self, after: Address | None, limit: int) -> Sequence[Address]:
        return []


@implementer(IRouter)
class WithList(Domains):
    """``all`` is a list."""

    async def route(self, recipient: Recipient, origin: Origin) -> Route:
        if recipient.address.local == "all":
            return Expand(Members(), None)
        return await super().route(recipient, origin)


def test_lists_go_through_the_queue() -> None:
    """
    A list is queued, its neighbour delivered; each is answered.
    """
    agent = Mailboxes()
    house = home(agent, router=WithList())

    said = replies(house, "b@example.test", "all@example.test")

    assert ["250 2.1.5 Delivered", "250 2.0.0 queued as Q1"] == said
    assert ["b@example.test"] == agent.delivered
    assert ["all@example.test"] == [str(r.recipient) for e in house.entries() for r in e.recipients]


def test_d01_nobody_has_got_anything_if_the_queue_refuses() -> None:
    """
    The queue is asked before any mailbox: if it refuses, all recipients are refused.
    """
    agent = Mailboxes()
    house = home(agent, router=WithList(), full=True)

    with pytest.raises(Refused) as no:
        replies(house, "b@example.test", "all@example.test")

    assert "452 4.3.1" == str(no.value.reply)[:9]
    assert [] == agent.delivered


def test_held_mail_is_not_delivered() -> None:
    """
    What a policy holds waits in the queue, with all its recipients.
    """
    agent = Mailboxes()
    house = home(agent, Rule(message=Proceed(held="odd")))

    assert ["250 2.0.0 queued as Q1"] == replies(house, "b@example.test")
    assert [] == agent.delivered
    assert 1 == len(house.entries())


def mail(number: str) -> NewMail:
    """A mail that follows from another."""
    house = House()
    transaction = house.begin()
    give(transaction, "c@example.test")
    now_done(transaction.commit())
    [entry] = house.entries()
    return NewMail(
        id=QueueID(number),
        envelope=Envelope(
            sender=Sender(reverse_path=None), recipients=(recipient("c@example.test"),)
        ),
        content=entry.content,
        origin=entry.origin,
        arrived=NOW,
        lanes={},
    )


def test_mails_that_follow() -> None:
    """
    What follows from a delivery is in the queue before the recipient is answered.
    """
    house = home(Mailboxes(then=(mail("T1"),)))

    assert ["250 2.1.5 Delivered"] == replies(house, "b@example.test")
    assert ["T1"] == [entry.id for entry in house.entries()]


def test_mails_that_follow_and_cannot_be_queued(caplog: pytest.LogCaptureFixture) -> None:
    """
    If they cannot be, the recipient is told "later": his second copy is better than a lost reply.
    """
    assert ["451 4.3.0"] == [
        said[:9]
        for said in replies(home(Mailboxes(then=(mail("T1"),)), full=True), "b@example.test")
    ]


@implementer(IModifier)
class JournalFirst:
    """Names a copy for the archive before the message, with a recipient id that is taken."""

    async def modify(self, mail: NewMail) -> Sequence[NewMail]:
        copy = Envelope(
            sender=Sender(reverse_path=None), recipients=(recipient("archive@example.test", 1),)
        )
        return [replace(mail, id=QueueID("J"), envelope=copy), mail]


def test_the_message_itself_is_delivered_and_the_copy_queued() -> None:
    """
    Whatever a modifier adds goes through the queue; the recipients' answers are their own.
    """
    agent = Mailboxes()
    house = home(agent, modifiers=[JournalFirst()])

    assert ["250 2.1.5 Delivered"] == replies(house, "b@example.test")
    assert ["b@example.test"] == agent.delivered
    assert ["J"] == [entry.id for entry in house.entries()]
