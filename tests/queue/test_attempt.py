"""
Tests for agents and rewriters of every temper.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from pymta.address import Address
from pymta.delivery.relay import RelayLimits
from pymta.envelope import RecipientID
from pymta.events import Event, Faulted, Stale
from pymta.interfaces.content import Lane
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, IRewriter, Result
from pymta.interfaces.observe import IObserver
from pymta.interfaces.queue import (
    QueueState,
)
from pymta.outcome import Delivered, Failed, Scope
from pymta.queue.queue import Queue
from pymta.queue.runner import RunnerLimits
from pymta.reply import Reply
from pymta.smtp.client_settings import ClientTimeouts
from tests.queue.house import (
    ALICE,
    GONE,
    LATER,
    YES,
    Agent,
    House,
    Table,
    mail,
    names,
)


def wrong_ids(attempt: Attempt) -> Sequence[Result]:
    """A result for the first one, two for nobody, none for the others."""
    first = attempt.recipients[0]
    return [
        Result(RecipientID(77), Delivered()),
        Result(first.id, Delivered()),
        Result(first.id, Failed(reply=GONE, scope=Scope.RECIPIENT)),
    ]


def test_a_recipient_without_a_result_has_failed_for_now() -> None:
    """And a result that nobody asked for is nothing; both are logged."""
    house = House(Agent(wrong_ids)).begin()
    house.send(mail(1, "bob", "carol"))
    [entry] = house.entries()
    assert [str(each.recipient) for each in entry.recipients] == ["carol@example.test"]
    assert entry.recipients[0].reply == Reply(451, "4.3.0", "The delivery ended without a result")
    assert len(house.told.of(Faulted)) == 3


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(RuntimeError("bug"), id="it raises"),
        pytest.param(CancelledError(), id="it is cancelled from within"),
        pytest.param(lambda attempt: None, id="it gives nothing"),
        pytest.param(lambda attempt: ["what"], id="it gives something else"),
    ],
)
def test_an_agents_surprise_is_a_failure_that_may_pass(answer: object) -> None:
    """It is told with its number; the message is tried again, the lane is not blamed."""
    house = House(Agent(answer, YES)).begin()
    house.send(mail(1))
    assert [event.id for event in house.told.of(Faulted)] == ["F1"]
    [entry] = house.entries()
    assert entry.recipients[0].reply == Reply(451, "4.3.0", "Internal error (F1)")
    house.run(301)
    assert house.entries() == []


def test_an_agent_that_hangs_is_cancelled() -> None:
    """After its time; meanwhile the lease is renewed, and others go on."""
    house = House(Agent("wait", YES), limits=RunnerLimits(attempt=1800)).begin()
    house.send(mail(1, "bob"))
    house.send(mail(2, "carol"))
    assert [entry.id for entry in house.entries()] == ["M1"]
    house.run(1700, 10)
    assert (house.states(), house.agent.cancelled) == ([QueueState.CLAIMED], 0)
    house.run(101, 10)
    assert house.agent.cancelled == 1
    house.run(301)
    assert house.entries() == []
    assert house.told.of(Stale) == []


def test_a_late_attempt_is_put_off_with_a_reply_that_says_so() -> None:
    """Whoever looks at the queue sees why; the fault is told of."""
    house = House(Agent("wait", YES), limits=RunnerLimits(attempt=10)).begin()
    house.send(mail(1))
    house.run(12)
    [recipient] = house.entries()[0].recipients
    late = Reply(451, "4.4.2", "The delivery took too long")
    assert (QueueState.DUE, 1, late) == (recipient.state, recipient.attempts, recipient.reply)
    assert ["delivering M1 by relay"] == [event.where for event in house.told.of(Faulted)]


def test_there_is_a_limit_unless_somebody_says_so() -> None:
    """By itself: longer than what the SMTP client allows servers, and finite."""
    times, hosts = ClientTimeouts(), RelayLimits().seconds
    # To find and open; MAIL, RCPT and one transaction's answers.
    own = hosts + 2 * times.command + times.data + times.block + times.end
    assert own < RunnerLimits().attempt < float("inf")


@pytest.mark.parametrize("name", ["attempt", "route", "report", "grace", "stop"])
@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_limits_that_are_none_are_refused(name: str, value: float) -> None:
    """No time at all would fail for ever; time without an end would renew leases for ever."""
    with pytest.raises(ValueError, match=rf"\b{name}\b"):
        RunnerLimits(**{name: value})


@implementer(IDeliveryAgent)
class Knowing:
    """Cancelled, it says whom it has reached."""

    recipient_limit = 1

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        try:
            await Deferred[None]()
        except CancelledError:
            pass
        return [Result(each.id, Delivered()) for each in attempt.recipients]


@pytest.mark.parametrize("way", ["time limit", "stop"])
def test_what_a_cancelled_agent_knows_counts(way: str) -> None:
    """At its time limit, and when the runner stops: who has the message gets it once."""
    house = House(Knowing(), limits=RunnerLimits(attempt=10)).begin()
    house.send(mail(1))
    assert house.states() == [QueueState.CLAIMED]
    if way == "stop":
        house.do(house.runner.stop())
    else:
        house.run(12)
    assert house.entries() == []


@implementer(IDeliveryAgent)
class Stubborn:
    """Does not let itself be cancelled."""

    recipient_limit = 1

    def __init__(self) -> None:
        self.tries = 0

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        self.tries += 1
        while True:
            waiting: Deferred[None] = Deferred()
            try:
                await waiting
            except CancelledError:
                pass


def test_an_agent_that_does_not_end_blocks_nobody() -> None:
    """It is not waited for: neither at its time limit nor at the stop."""
    agent = Stubborn()
    house = House(agent, limits=RunnerLimits(attempt=10)).begin()
    house.send(mail(1))
    house.run(12)
    assert house.states() == [QueueState.DUE]
    house.run(300)
    assert agent.tries == 2
    house.do(house.runner.stop())
    assert house.states() == [QueueState.DUE]


def test_a_lane_without_its_agent_waits_until_it_is_set_up() -> None:
    """A mistake in a configuration loses nothing."""
    house = House(router=Table({"bob": Lane("gone")})).begin()
    house.send(mail(1, lane=Lane("gone")))
    [entry] = house.entries()
    assert entry.recipients[0].reply == Reply(451, "4.3.5", "No way to deliver it is set up")


def test_mails_that_follow_are_committed_with_the_result() -> None:
    """A redirect of a filter: queued with its settlement, and delivered."""

    def redirect(attempt: Attempt) -> Sequence[Result]:
        return [Result(each.id, Delivered(), (mail(9, "dave"),)) for each in attempt.recipients]

    house = House(Agent(redirect, YES)).begin()
    house.send(mail(1))
    assert names(house.agent.attempts) == [["bob"], ["dave"]]
    assert house.entries() == []


@implementer(IRewriter)
class PerRecipient:
    """An attempt and a reverse path of its own for each; forgets those it is told to."""

    def __init__(self, *forgotten: str) -> None:
        self.forgotten = forgotten

    async def rewrite(self, attempt: Attempt) -> Sequence[Attempt]:
        return [
            replace(
                attempt,
                sender=replace(ALICE, reverse_path=Address(f"b-{each.address.local}", "x.test")),
                recipients=(each,),
            )
            for each in attempt.recipients
            if each.address.local not in self.forgotten
        ]


def test_rewriters_change_the_attempt_and_nothing_that_is_kept() -> None:
    """Each recipient in an attempt of its own; what fails is kept with the old sender."""
    house = House(Agent(YES, LATER), rewriters={"relay": [PerRecipient()]}).begin()
    house.send(mail(1, "bob", "carol"))
    assert [str(attempt.sender) for attempt in house.agent.attempts] == [
        "b-bob@x.test", "b-carol@x.test",
    ]  # fmt: skip
    [entry] = house.entries()
    assert str(entry.sender) == "alice@example.test"
    assert [str(each.recipient) for each in entry.recipients] == ["carol@example.test"]


def test_a_rewriter_that_loses_a_recipient_loses_nothing() -> None:
    """Nothing is attempted; all is tried again."""
    house = House(rewriters={"relay": [PerRecipient("bob")]}).begin()
    house.send(mail(1, "bob", "carol"))
    assert house.agent.attempts == []
    assert house.states() == [QueueState.DUE, QueueState.DUE]


def test_an_observer_that_raises_is_logged_and_no_more() -> None:
    """The queue goes on."""

    @implementer(IObserver)
    class Broken:
        def observe(self, event: Event) -> None:
            raise RuntimeError("observer")

    house = House()
    runner = house.make()
    runner._observer = Broken()
    house.do(runner.start())
    house.do(Queue(house.store, runner).submit([mail(1)]))
    house.settle()
    assert house.entries() == []
