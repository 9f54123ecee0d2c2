"""
Tests for reports of what was delivered without a queue: LMTP announces DSN, and owes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from zope.interface import implementer

from pymta.address import Address
from pymta.envelope import Envelope, Notify, Recipient, RecipientID, Sender
from pymta.inbound.endings import AtOnce
from pymta.interfaces.content import Lane, NewMail, Octets, Origin, QueueID
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.queue import Claim, QueueEntry
from pymta.outcome import Delivered, Failed, Outcome, Relayed, Scope
from pymta.queue.outcomes import Notice, Unreported
from pymta.reply import Reply
from tests.awaiting import now_done
from tests.inbound.house import NOW, SESSION, House

ANN = Sender(reverse_path=Address("ann", "example.org"))
BOB = Recipient(
    id=RecipientID(1), address=Address("bob", "example.test"), notify=Notify.SUCCESS | Notify.DELAY
)
MAIL = NewMail(
    id=QueueID("M1"),
    envelope=Envelope(sender=ANN, recipients=(BOB,)),
    content=Octets(b"Subject: x\r\n\r\nHello\r\n"),
    origin=Origin(SESSION, ANN),
    arrived=NOW,
    lanes={BOB.id: Lane("local", "bob")},
)
REPORT = replace(
    MAIL, id=QueueID("R1"), envelope=Envelope(sender=Sender(reverse_path=None), recipients=(BOB,))
)


HERE = Delivered()


@implementer(IDeliveryAgent)
class Ends:
    """Everything ends like this."""

    recipient_limit = 1

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return [Result(each.id, self.outcome) for each in attempt.recipients]


class Reports:
    """Writes them, or does not."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.told: list[tuple[Claim, Sequence[Notice]]] = []

    async def __call__(self, claim: Claim, notices: Sequence[Notice]) -> Sequence[NewMail]:
        self.told.append((claim, notices))
        if self.error is not None:
            raise self.error
        return [REPORT]


def taken(
    mail: NewMail, reports: Reports | None, outcome: Outcome = HERE
) -> tuple[Reply, list[QueueEntry]]:
    """What the client is told, and what is queued."""
    house = House()
    agents = {"local": Ends(outcome)}
    ending = AtOnce(house.queue, agents, now=lambda: NOW, reports=reports)
    said = now_done(ending.take([mail]))
    return said[BOB.id], list(house.entries())


def test_a_delivery_is_reported_to_whoever_asked() -> None:
    """
    With what RCPT and MAIL said, as the queue's runner would.
    """
    reports = Reports()
    reply, queued = taken(MAIL, reports)

    assert (True, ["R1"]) == (reply.positive, [entry.id for entry in queued])
    [(claim, [notice])] = reports.told
    assert (BOB, Delivered()) == (notice.claimed.recipient, notice.outcome)
    assert ("M1", ANN, MAIL.content) == (claim.queue_id, claim.sender, claim.content)


def _with(recipient: Recipient = BOB, sender: Sender = ANN, **changes: Any) -> NewMail:
    envelope = Envelope(sender=sender, recipients=(recipient,))
    return replace(MAIL, envelope=envelope, **changes)


NO = Failed(reply=Reply(552, "5.2.2", "Full"), scope=Scope.RECIPIENT)


@pytest.mark.parametrize(
    ("mail", "outcome"),
    [
        (_with(replace(BOB, notify=None)), Delivered()),
        (_with(replace(BOB, notify=Notify.NEVER)), Delivered()),
        (_with(replace(BOB, notify=Notify.FAILURE)), Delivered()),
        (_with(sender=Sender(reverse_path=None)), Delivered()),
        (_with(bounceable=False), Delivered()),
        (_with(replace(BOB, notify=Notify.SUCCESS | Notify.FAILURE)), NO),
        (MAIL, Relayed(Reply(250, "2.0.0", "Ok"), dsn=True)),
        (MAIL, Delivered(dsn=True)),
    ],
    ids=[
        "not asked for",
        "NEVER",
        "FAILURE",
        "null sender",
        "not bounceable",
        "failed",
        "DSN",
        "DSN by LMTP",
    ],
)
def test_s22_others_are_not(mail: NewMail, outcome: Outcome) -> None:
    """
    A failure is the answer: whoever gets it reports (RFC 2033 section 4.2).
    """
    reports = Reports()
    _reply, queued = taken(mail, reports, outcome)

    assert ([], []) == (reports.told, queued)


@pytest.mark.parametrize(
    "reports", [Reports(Unreported("too many")), Reports(RuntimeError("disk")), None]
)
def test_what_is_delivered_is_delivered_whatever_becomes_of_its_report(
    reports: Reports | None,
) -> None:
    """
    A "no" here would bring it a second time.
    """
    reply, queued = taken(MAIL, reports)

    assert (True, []) == (reply.positive, queued)
