"""
A receiver with a queue in memory, and what is around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

from zope.interface import implementer

from pymta.address import Address
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.facts import Facts
from pymta.inbound.endings import Queueing
from pymta.inbound.flow import Flow
from pymta.inbound.receiver import Inbound
from pymta.interfaces.content import IContent, Lane, Origin, QueueID, octets_of
from pymta.interfaces.policy import IPolicy, IPolicyConnection, IPolicyTransaction
from pymta.interfaces.queue import QueueEntry, QueueQuery
from pymta.interfaces.receive import IMailSession, ITransaction
from pymta.interfaces.routing import IRouter, Refusal, Route, Via
from pymta.policy.chain import PolicyChain
from pymta.queue.memory import MemoryQueueStore
from pymta.queue.queue import Queue
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session
from pymta.verdict import PROCEED, MessageVerdict, Verdict
from tests.awaiting import now_done
from tests.observing import Observer

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SESSION = Session(
    id="s1",
    role=Role.SMTP,
    peer=Endpoint("192.0.2.7", 4711),
    local=Endpoint("192.0.2.1", 25),
    started=NOW,
    helo="client.example",
    extended=True,
)
SENDER = Sender(reverse_path=Address.parse("a@example.org"))
UNKNOWN = Reply(550, "5.1.1", "No such user")


@implementer(IRouter)
class Domains:
    """``example.test`` is local, but for ``nobody``; ``example.net`` is relayed."""

    async def route(self, recipient: Recipient, origin: Origin) -> Route:
        match recipient.address:
            case Address("nobody", "example.test"):
                return Refusal(UNKNOWN)
            case Address(local, "example.test"):
                return Via(lane=Lane("local", local), recipient=recipient, local=True)
            case Address(_, "example.net"):
                return Via(lane=Lane("relay", "example.net"), recipient=recipient)
        return Refusal(Reply(550, "5.7.1", "Relaying denied"), "no route")


@implementer(IPolicy, IPolicyConnection, IPolicyTransaction)
class Rule:
    """
    A policy that says at each stage what it was told to say, and remembers what it saw.

    :param verdicts: by stage: ``changed``, ``sender``, ``data``, a recipient, ``message``.
    """

    name = "rule"

    def __init__(self, **verdicts: Verdict | MessageVerdict) -> None:
        self.verdicts: Mapping[str, Any] = verdicts
        self.seen: list[object] = []

    async def connect(self, session: Session) -> IPolicyConnection:
        return self

    async def changed(self, session: Session) -> Verdict:
        return self._say("changed")

    async def begin(self, sender: Sender) -> IPolicyTransaction:
        self.seen.append("begin")
        return self

    async def sender(self) -> Verdict:
        return self._say("sender")

    async def recipient(self, recipient: Recipient) -> Verdict:
        return self._say(recipient.address.local)

    async def data(self) -> Verdict:
        return self._say("data")

    async def message(self, envelope: Envelope, content: IContent, facts: Facts) -> MessageVerdict:
        self.seen.append((envelope, await octets_of(content), facts))
        verdict = self.verdicts.get("message", PROCEED)
        return verdict if isinstance(verdict, MessageVerdict) else MessageVerdict(verdict)

    def closed(self) -> None:
        self.seen.append("closed")

    def _say(self, stage: str) -> Verdict:
        self.seen.append(stage)
        verdict: Verdict = self.verdicts.get(stage, PROCEED)
        return verdict


class House:
    """A receiver; ``changes`` are of its :class:`~pymta.inbound.flow.Flow`."""

    def __init__(self, *rules: IPolicy, **changes: object) -> None:
        self.store = MemoryQueueStore(lambda: NOW)
        self.queue = Queue(self.store)
        self.observer = Observer()
        numbers = count(1)
        flow = Flow(
            hostname="mx.example.test",
            domain="example.test",
            router=Domains(),
            queue=self.queue,
            ending=Queueing(self.queue),
            ids=lambda: QueueID(f"Q{next(numbers)}"),
            now=lambda: NOW,
            policies=PolicyChain(rules),
            observer=self.observer,
        )
        self.flow = replace(flow, **changes)  # type: ignore[arg-type]
        self.receiver = Inbound(self.flow)

    def session(self, session: Session = SESSION) -> IMailSession:
        return now_done(self.receiver.connected(session))

    def begin(self, sender: Sender = SENDER, session: Session = SESSION) -> ITransaction:
        return now_done(self.session(session).begin(sender))

    def entries(self) -> tuple[QueueEntry, ...]:
        return now_done(self.queue.select(QueueQuery())).entries


def recipient(text: str, number: int = 1) -> Recipient:
    address = Address("postmaster", "") if text == "postmaster" else Address.parse(text)
    return Recipient(id=RecipientID(number), address=address)


def give(
    transaction: ITransaction, *recipients: str, octets: bytes = b"A: b\r\n\r\nbody\r\n"
) -> None:
    """RCPT, DATA and the content; without the end."""
    for number, text in enumerate(recipients, 1):
        now_done(transaction.add_recipient(recipient(text, number)))
    now_done(transaction.begin_content())
    now_done(transaction.write(octets))
