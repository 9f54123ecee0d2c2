"""
Tests for mail on its way in: routes, relay permission, limits, traces, responsibility.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from zope.interface import implementer
from zope.interface.verify import verifyClass

from pymta.address import Address
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.errors import (
    HeaderError,
    QueueError,
    Refused,
    SpoolError,
    StoreClosed,
    TooManyWaiting,
)
from pymta.events import Event, Queued
from pymta.inbound.flow import MessageLimits
from pymta.inbound.receiver import Inbound, InboundSession
from pymta.inbound.transaction import InboundTransaction, RecipientsLost
from pymta.interfaces.content import (
    IContent,
    IContentWriter,
    Lane,
    NewMail,
    Origin,
    QueueID,
    octets_of,
)
from pymta.interfaces.delivery import IModifier
from pymta.interfaces.observe import IObserver
from pymta.interfaces.queue import QueueState
from pymta.interfaces.receive import IMailReceiver, IMailSession, IPerRecipientTransaction
from pymta.interfaces.routing import Drop, Expand, IMembers, IRouter, Route, Via
from pymta.reply import Reply
from pymta.session import Role
from tests.awaiting import now_done
from tests.inbound.house import NOW, SENDER, SESSION, UNKNOWN, House, give, recipient

RECEIVED = (
    b"Received: from client.example ([192.0.2.7])\r\n"
    b"\tby mx.example.test with ESMTP id Q1\r\n"
    b"\tfor <b@example.test>;\r\n"
    b"\tFri, 2 Jan 2026 03:04:05 +0000\r\n"
)


def test_interfaces() -> None:
    """
    The receiver's parts provide what they say.
    """
    assert verifyClass(IMailReceiver, Inbound)
    assert verifyClass(IMailSession, InboundSession)
    assert verifyClass(IPerRecipientTransaction, InboundTransaction)


def test_kept_behind_its_trace() -> None:
    """
    What is committed is in the queue, octet for octet behind one Received field, with its lane.
    """
    house = House()
    transaction = house.begin()
    give(transaction, "b@example.test", octets=b"A: b\r\n\r\n.\0\n\xff")

    receipt = now_done(transaction.commit())

    [entry] = house.entries()
    assert (entry.id,) == receipt.queue_ids
    assert RECEIVED + b"A: b\r\n\r\n.\0\n\xff" == now_done(octets_of(entry.content))
    [queued] = entry.recipients
    assert (Lane("local", "b"), QueueState.DUE) == (queued.lane, queued.state)
    assert (SENDER, NOW, SESSION) == (entry.sender, entry.arrived, entry.origin.session)
    [event] = house.observer.events
    assert isinstance(event, Queued)
    assert (entry.id, entry.content.size) == (event.queue_id, event.size)


def test_several_recipients_are_not_named() -> None:
    """
    With two recipients the trace names none of them.
    """
    house = House()
    transaction = house.begin()
    give(transaction, "b@example.test", "c@example.test")
    now_done(transaction.commit())

    [entry] = house.entries()
    assert b"for <" not in now_done(octets_of(entry.content))
    assert ["b@example.test", "c@example.test"] == [str(r.recipient) for r in entry.recipients]


def test_bare_postmaster_is_ours() -> None:
    """
    The postmaster without a domain is the one of the local domain.
    """
    house = House()
    transaction = house.begin()
    give(transaction, "postmaster")
    now_done(transaction.commit())

    assert "postmaster@example.test" == str(house.entries()[0].recipients[0].recipient)


@pytest.mark.parametrize(
    ("address", "status"),
    [
        pytest.param("nobody@example.test", "5.1.1", id="unknown user"),
        pytest.param("b@example.net", "5.7.1", id="another's domain"),
        pytest.param("b@example.com", "5.7.1", id="nobody's domain"),
        pytest.param("b%example.net@example.com", "5.7.1", id="percent"),
        pytest.param('"b@example.net"@example.com', "5.7.1", id="quoted at"),
        pytest.param("b@[192.0.2.1]", "5.7.1", id="literal"),
    ],
)
def test_s21_refused_at_rcpt(address: str, status: str) -> None:
    """
    By default nothing is taken for anybody who is not local.
    """
    transaction = House().begin()

    with pytest.raises(Refused) as no:
        now_done(transaction.add_recipient(recipient(address)))

    assert (550, status) == (no.value.reply.code, no.value.reply.status)


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        pytest.param("b@example.com", "no route", id="no route"),
        pytest.param("b@example.net", "this client may not send to elsewhere", id="no permission"),
    ],
)
def test_the_log_tells_why_relaying_is_denied(address: str, reason: str) -> None:
    """
    The peer hears the same, whatever the cause; whoever runs the server is told which it was.
    """
    transaction = House().begin()

    with pytest.raises(Refused) as no:
        now_done(transaction.add_recipient(recipient(address)))

    assert ("550 5.7.1 Relaying denied", reason) == (str(no.value.reply), str(no.value))


def test_s21_relay_permission_is_asked() -> None:
    """
    With permission, mail for others is queued for its lane; it is asked for each recipient.
    """
    asked = []

    async def permission(recipient: Recipient, origin: Origin) -> bool:
        asked.append(str(recipient))
        return recipient.address.local == "yes"

    house = House(relay=permission)
    transaction = house.begin()
    with pytest.raises(Refused):
        now_done(transaction.add_recipient(recipient("no@example.net")))
    give(transaction, "yes@example.net", "b@example.test")
    now_done(transaction.commit())

    assert ["no@example.net", "yes@example.net"] == asked
    lanes = [queued.lane for queued in house.entries()[0].recipients]
    assert [Lane("relay", "example.net"), Lane("local", "b")] == lanes


def test_failed_look_up_is_no_no() -> None:
    """
    A router that cannot tell raises, and the listener's fence says 451.
    """

    @implementer(IRouter)
    class Broken:
        async def route(self, recipient: Recipient, origin: Origin) -> Route:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        now_done(House(router=Broken()).begin().add_recipient(recipient("b@example.test")))


@pytest.mark.parametrize("kind", ["expand", "drop"])
def test_lists_are_not_expanded_at_rcpt(kind: str) -> None:
    """
    A list is taken as it is, and routed when it is due.
    """

    @implementer(IMembers)
    class Members:
        async def read(self, after: Address | None, limit: int) -> Sequence[Address]:
            raise AssertionError

    @implementer(IRouter)
    class Lists:
        async def route(self, recipient: Recipient, origin: Origin) -> Route:
            return Expand(Members(), None) if kind == "expand" else Drop("nobody reads it")

    house = House(router=Lists())
    transaction = house.begin()
    give(transaction, "all@example.test")
    now_done(transaction.commit())

    assert 1 == len(house.entries())


# -- limits ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "octets", "status"),
    [
        pytest.param(MessageLimits(header_octets=100), b"A: " + b"x" * 200, "5.3.4", id="octets"),
        pytest.param(MessageLimits(header_fields=3), b"A: b\r\n" * 5, "5.3.4", id="fields"),
        pytest.param(MessageLimits(), b"A: b\r\n" * 1001, "5.3.4", id="1,001 fields"),
        pytest.param(
            MessageLimits(), b"Received: x\r\n" * 101 + b"\r\nbody", "5.4.6", id="101 hops"
        ),
    ],
)
@pytest.mark.parametrize("size", [1, 10_000], ids=["octets", "whole"])
def test_s23_s09_header_limits(
    limits: MessageLimits, octets: bytes, status: str, size: int
) -> None:
    """
    A header over a limit is refused while it comes, or at its end.
    """
    house = House(limits=limits)
    transaction = house.begin()
    now_done(transaction.add_recipient(recipient("b@example.test")))
    now_done(transaction.begin_content())

    async def content() -> None:
        for start in range(0, len(octets), size):
            await transaction.write(octets[start : start + size])
        await transaction.commit()

    with pytest.raises(Refused) as no:
        now_done(content())

    assert status == no.value.reply.status
    assert () == house.entries()


def test_hundred_hops_are_no_loop() -> None:
    """
    A message with a hundred Received fields still comes in.
    """
    house = House()
    transaction = house.begin()
    give(transaction, "b@example.test", octets=b"Received: x\r\n" * 100 + b"\r\n")

    assert now_done(transaction.commit()).queue_ids


def test_d04_no_room_at_mail() -> None:
    """
    Below the free-space floor MAIL is 452 4.3.1.
    """
    house = House(free=lambda: 1000, limits=MessageLimits(free_space=900))
    session = house.session()
    now_done(session.begin(SENDER))

    with pytest.raises(Refused) as no:
        now_done(session.begin(replace(SENDER, size=200)))

    assert "452 4.3.1" == str(no.value.reply)[:9]


def test_aborted() -> None:
    """
    A transaction that is aborted at any point leaves nothing.
    """
    house = House()
    house.begin().abort()
    transaction = house.begin()
    give(transaction, "b@example.test")
    transaction.abort()

    assert () == house.entries()


def test_store_closed_is_in_doubt() -> None:
    """
    A store that does not know raises through commit; the listener says 451 and closes.
    """
    house = House()
    transaction = house.begin()
    give(transaction, "b@example.test")
    now_done(house.store.close())

    with pytest.raises(StoreClosed):
        now_done(transaction.commit())


@implementer(IContentWriter)
class Watched:
    """A writer whose end can be looked at."""

    def __init__(self, writer: IContentWriter) -> None:
        self._writer = writer
        self.discarded = False

    async def write(self, data: bytes) -> None:
        await self._writer.write(data)

    async def finish(self) -> IContent:
        return await self._writer.finish()

    def discard(self) -> None:
        self.discarded = True
        self._writer.discard()


class Failing:
    """An ending, and the door of its queue; what it raises is said here."""

    def __init__(self, house: House, error: Exception) -> None:
        self._house = house
        self._error = error
        self.writers: list[Watched] = []

    def create(self) -> IContentWriter:
        self.writers.append(Watched(self._house.queue.create()))
        return self.writers[-1]

    def accepts(self, route: Via) -> Reply | None:
        return None

    async def take(self, mails: Sequence[NewMail]) -> dict[RecipientID, Reply]:
        raise self._error


@pytest.mark.parametrize(
    ("error", "raised", "kept"),
    [
        pytest.param(QueueError("full"), Refused, False, id="queue says no"),
        pytest.param(TooManyWaiting("busy"), TooManyWaiting, False, id="too busy"),
        pytest.param(SpoolError("no space"), SpoolError, False, id="no room"),
        pytest.param(Refused(UNKNOWN), Refused, False, id="refused"),
        pytest.param(StoreClosed("lost"), StoreClosed, True, id="lost"),
        pytest.param(HeaderError("a bug"), HeaderError, True, id="surprise"),
    ],
)
def test_d01_content_is_kept_only_in_doubt(
    error: Exception, raised: type[Exception], kept: bool
) -> None:
    """
    What the ending says it did not keep is discarded; where it cannot tell, nothing is.
    """
    house = House()
    failing = Failing(house, error)
    house.flow = replace(house.flow, queue=failing, ending=failing)  # type: ignore[arg-type]
    house.receiver = Inbound(house.flow)
    transaction = house.begin()
    give(transaction, "b@example.test")

    with pytest.raises(raised):
        now_done(transaction.commit())

    assert [not kept] == [writer.discarded for writer in failing.writers]


def test_observer_that_raises_makes_no_duplicate(caplog: pytest.LogCaptureFixture) -> None:
    """
    A message that is in the queue is answered yes, whatever an observer does.
    """

    @implementer(IObserver)
    class Broken:
        def observe(self, event: Event) -> None:
            raise RuntimeError

    house = House(observer=Broken())
    transaction = house.begin()
    give(transaction, "b@example.test")

    assert ("Q1",) == now_done(transaction.commit()).queue_ids


# -- modifiers -------------------------------------------------------------------------


@implementer(IModifier)
class Journal:
    """Adds a mail to an archive, and tags the message's priority."""

    async def modify(self, mail: NewMail) -> Sequence[NewMail]:
        copy = Envelope(
            sender=Sender(reverse_path=None),
            recipients=(recipient("archive@example.test", 7),),
        )
        return [replace(mail, priority=5), replace(mail, id=QueueID("J"), envelope=copy)]


@implementer(IModifier)
class Loser:
    """Loses recipients, or doubles them."""

    def __init__(self, times: int) -> None:
        self._times = times

    async def modify(self, mail: NewMail) -> Sequence[NewMail]:
        return [mail] * self._times


@implementer(IModifier)
class JournalFirst(Journal):
    """Names the copy before the message."""

    async def modify(self, mail: NewMail) -> Sequence[NewMail]:
        return (await super().modify(mail))[::-1]


@implementer(IModifier)
class Splitter:
    """Makes two mails of one, both of its id."""

    async def modify(self, mail: NewMail) -> Sequence[NewMail]:
        return [
            replace(mail, envelope=replace(mail.envelope, recipients=(each,)))
            for each in mail.envelope.recipients
        ]


@implementer(IModifier)
class Twice(Journal):
    """Adds two mails of one id."""

    async def modify(self, mail: NewMail) -> Sequence[NewMail]:
        own, copy = await super().modify(mail)
        return [own, copy, copy]


@pytest.mark.parametrize("modifier", [Splitter(), Twice()], ids=["own", "another"])
def test_no_two_mails_have_one_id(modifier: IModifier) -> None:
    """
    A queue takes one mail of each id and no second one: whoever makes two would lose one.
    """
    house = House(modifiers=[modifier])
    transaction = house.begin()
    give(transaction, "b@example.test", "c@example.test")

    with pytest.raises(RecipientsLost):
        now_done(transaction.commit())

    assert () == house.entries()


@pytest.mark.parametrize("modifier", [Journal(), JournalFirst()], ids=["behind", "before"])
def test_journal_is_atomic_with_the_message(modifier: IModifier) -> None:
    """
    A mail that a modifier adds is in the queue by the same commit; the message's id is told.
    """
    house = House(modifiers=[modifier])
    transaction = house.begin()
    give(transaction, "b@example.test")
    receipt = now_done(transaction.commit())

    assert ("Q1",) == receipt.queue_ids
    assert [("J", 0), ("Q1", 5)] == sorted(
        (e.id, e.priority) if e.id == "Q1" else (e.id, 0) for e in house.entries()
    )


@pytest.mark.parametrize("times", [0, 2], ids=["lost", "doubled"])
def test_recipients_are_checked_behind_a_modifier(times: int) -> None:
    """
    A modifier that loses or doubles a recipient takes nothing in: it is a fault, not a discard.
    """
    house = House(modifiers=[Loser(times)])
    transaction = house.begin()
    give(transaction, "b@example.test")

    with pytest.raises(RecipientsLost):
        now_done(transaction.commit())

    assert () == house.entries()


def test_lmtp_through_the_queue() -> None:
    """
    Each recipient gets a reply with the queue id, also one that was given twice.
    """
    house = House()
    transaction = house.begin(session=replace(SESSION, role=Role.LMTP))
    give(transaction, "b@example.test", "b@example.test")
    assert IPerRecipientTransaction.providedBy(transaction)

    replies = now_done(transaction.commit_each())

    assert ["250 2.0.0 queued as Q1"] * 2 == [str(reply) for reply in replies]
    assert [RecipientID(1), RecipientID(2)] == [
        r.recipient.id for r in house.entries()[0].recipients
    ]
