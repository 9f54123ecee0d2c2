"""
What the tests of the queue share: a queue in memory with a runner, agents of every temper, and a
clock that moves only when it is told to.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

from pymta.address import Address
from pymta.aio import deferred
from pymta.envelope import Envelope, Notify, Recipient, RecipientID, Sender
from pymta.interfaces.content import Lane, NewMail, Octets, Origin, QueueID
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.queue import (
    Claim,
    Claimed,
    QueueEntry,
    QueueQuery,
    QueueState,
    Settlement,
)
from pymta.interfaces.routing import IRouter, Route, Via
from pymta.outcome import Failed, Relayed, Scope
from pymta.queue.memory import MemoryQueueStore
from pymta.queue.outcomes import Notice
from pymta.queue.queue import Queue
from pymta.queue.runner import Runner
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session
from tests.observing import Observer

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SESSION = Session(id="s", role=Role.LOCAL, peer=Endpoint(""), local=Endpoint(""), started=START)
ALICE = Sender(reverse_path=Address("alice", "example.test"))
NOBODY = Sender(reverse_path=None)
RELAY = Lane("relay", "next.example")
GONE = Reply(550, "5.1.1", "No such user")
LATER = Reply(450, "4.2.0", "Greylisted")
SILENCE = Reply(451, "4.4.1", "No answer")
YES = Reply(250, "2.0.0", "Taken")
DAY = 24 * 3600.0


def mail(
    number: int, *names: str, sender: Sender = ALICE, lane: Lane | None = RELAY, **changes: Any
) -> NewMail:
    """A mail to these names; ids of recipients count from 1."""
    recipients = tuple(
        Recipient(id=RecipientID(at), address=Address(name, "example.test"))
        for at, name in enumerate(names or ("bob",), 1)
    )
    made = NewMail(
        id=QueueID(f"M{number}"),
        envelope=Envelope(sender=sender, recipients=recipients),
        content=Octets(b"Subject: x\r\n\r\nHello\r\n"),
        origin=Origin(SESSION, sender),
        arrived=START,
        lanes={each.id: lane for each in recipients if lane is not None},
    )
    return replace(made, **changes)


def claim(number: int = 1, *names: str, fence: int = 1) -> Claim:
    """A claim of a mail to these names; ids count from 1."""
    new = mail(number, *names)
    return Claim(
        queue_id=new.id,
        lane=RELAY,
        fence=fence,
        owner="me",
        until=START,
        recipients=tuple(Claimed(recipient=each) for each in new.envelope.recipients),
        sender=new.envelope.sender,
        content=new.content,
        origin=new.origin,
        arrived=new.arrived,
    )


def with_notify(new: NewMail, notify: Notify) -> NewMail:
    """The same mail, its recipients with that NOTIFY."""
    recipients = tuple(replace(each, notify=notify) for each in new.envelope.recipients)
    return replace(new, envelope=replace(new.envelope, recipients=recipients))


@implementer(IRouter)
class Table:
    """Routes by local part; what is not in it goes to RELAY."""

    def __init__(self, routes: Mapping[str, Route | Lane | Exception] | None = None) -> None:
        self.routes = dict(routes or {})

    async def route(self, recipient: Recipient, origin: Origin) -> Route:
        found = self.routes.get(recipient.address.local, RELAY)
        if isinstance(found, Exception):
            raise found
        return Via(lane=found, recipient=recipient) if isinstance(found, Lane) else found


@implementer(IDeliveryAgent)
class Agent:
    """Answers each recipient as it is told to, from the front of a list whose last one stays."""

    def __init__(self, *answers: object, recipient_limit: int = 100) -> None:
        self.recipient_limit = recipient_limit
        self.answers = list(answers) or [YES]
        self.attempts: list[Attempt] = []
        self.waiting: list[Deferred[Any]] = []
        self.cancelled = 0

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        self.attempts.append(attempt)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if answer == "wait":
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            try:
                await waiting
            except CancelledError:
                self.cancelled += 1
                raise
            answer = YES
        if callable(answer):
            made: Sequence[Result] = answer(attempt)
            return made
        assert isinstance(answer, Reply | Failed)
        return [Result(each.id, outcome(answer)) for each in attempt.recipients]


def outcome(answer: Reply | Failed) -> Relayed | Failed:
    """What an agent makes of a reply."""
    if isinstance(answer, Failed):
        return answer
    if answer.positive:
        return Relayed(answer, dsn=False)
    return Failed(reply=answer, scope=Scope.RECIPIENT)


NO_ANSWER = Failed(reply=SILENCE, scope=Scope.DESTINATION)


class House:
    """A store, a runner and a queue on one clock."""

    def __init__(self, agent: object = None, router: Table | None = None, **more: Any) -> None:
        self.clock = Clock()
        self.store = MemoryQueueStore(self.now)
        self.told = Observer()
        self.router = router or Table()
        self.agent: Any = agent or Agent()
        self.runner = self.make(**more)
        self.queue = Queue(self.store, self.runner)

    def now(self) -> datetime:
        """Wall time, by the clock."""
        return START + timedelta(seconds=self.clock.seconds())

    def make(self, owner: str = "me", store: Any = None, agent: Any = None, **more: Any) -> Runner:
        """A runner on this store."""
        ids = (f"F{number}" for number in count(1))
        return Runner(
            store or self.store,
            self.router,
            agents={"relay": agent or self.agent},
            owner=owner,
            clock=self.clock,
            now=self.now,
            random=lambda: 0.5,
            ids=lambda: next(ids),
            observer=self.told,
            **more,
        )

    def run(self, seconds: float, step: float = 1.0) -> None:
        """Let time pass."""
        end = self.clock.seconds() + seconds
        while self.clock.seconds() < end:
            self.clock.advance(min(step, end - self.clock.seconds()))

    def settle(self) -> None:
        """Let happen what happens at once."""
        self.run(0.2, 0.01)

    def do(self, awaitable: Awaitable[Any], seconds: float = 60) -> Any:
        """Its result; time passes if it waits."""
        ended: list[Any] = []
        deferred(awaitable).addBoth(ended.append)  # type: ignore[unused-awaitable]  # seen below
        for _ in range(int(seconds * 10)):
            if ended:
                break
            self.clock.advance(0.1)
        assert ended, "it does not end"
        if isinstance(ended[0], Failure):
            ended[0].raiseException()
        return ended[0]

    def begin(self) -> House:
        """Start the runner."""
        self.do(self.runner.start())
        return self

    def send(self, *mails: NewMail) -> None:
        """Submit, and let happen what happens at once."""
        self.do(self.queue.submit(mails))
        self.settle()

    def entries(self, **query: Any) -> list[QueueEntry]:
        """What is queued."""
        found, cursor = list[QueueEntry](), None
        while True:
            page = self.do(self.store.select(QueueQuery(**query), cursor))
            found += page.entries
            cursor = page.cursor
            if cursor is None:
                return found

    def states(self) -> list[QueueState]:
        """Of all recipients."""
        return [each.state for entry in self.entries() for each in entry.recipients]


def names(attempts: Sequence[Attempt]) -> list[list[str]]:
    """Who was in which attempt."""
    return [[each.address.local for each in attempt.recipients] for attempt in attempts]


class Counting(MemoryQueueStore):
    """Counts calls: each is a commit."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.calls: list[str] = []

    async def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Sequence[Claim]:
        self.calls.append("add")
        return await super().add(mails, owner)

    async def claim(self, *args: Any, **kwargs: Any) -> Sequence[Claim]:
        self.calls.append("claim")
        return await super().claim(*args, **kwargs)

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Claim]:
        self.calls.append("settle")
        return await super().settle(settlements)


class Reporter:
    """Writes reports to the sender, or fails to."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.notices: list[Notice] = []

    async def __call__(self, claim: Claim, notices: Sequence[Notice]) -> Sequence[NewMail]:
        self.notices += notices
        if self.error is not None:
            raise self.error
        assert claim.sender.reverse_path is not None
        report = mail(len(self.notices) * 1000, claim.sender.reverse_path.local, sender=NOBODY)
        return [report]
