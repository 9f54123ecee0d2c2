"""
Tests for what a result means: gone, later, held, and who is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from twisted.internet.defer import Deferred

from pymta.envelope import Notify
from pymta.events import Attempted, HeldBack
from pymta.interfaces.content import NewMail, QueueID
from pymta.interfaces.delivery import Attempt, Result
from pymta.interfaces.queue import (
    Bounce,
    Claim,
    QueueQuery,
    QueueState,
    Release,
)
from pymta.interfaces.routing import Drop, Refusal
from pymta.outcome import Dropped, Failed, Scope
from pymta.queue.outcomes import Notice
from pymta.reply import Reply
from tests.queue.house import (
    DAY,
    GONE,
    LATER,
    NOBODY,
    RELAY,
    START,
    YES,
    Agent,
    House,
    Reporter,
    Table,
    mail,
    names,
    outcome,
    with_notify,
)


def test_a_failure_without_anybody_to_report_it_is_held() -> None:
    """Never silently discarded: it waits for a person, with the reason."""
    house = House(Agent(GONE)).begin()
    house.send(mail(1))
    [entry] = house.entries()
    reason = "550 5.1.1 No such user; not reported: nobody writes reports here"
    assert (entry.recipients[0].state, entry.recipients[0].reason) == (QueueState.HELD, reason)
    [held] = house.told.of(HeldBack)
    assert (held.queue_id, held.reason) == ("M1", reason)
    assert [event.final for event in house.told.of(Attempted)] == [False]


@pytest.mark.parametrize(
    ("new", "why"),
    [
        (mail(1, sender=NOBODY), "the reverse path is null"),
        (mail(1, bounceable=False), "it must not be bounced"),
    ],
    ids=["null sender", "not bounceable"],
)
def test_what_may_not_be_bounced_is_held(new: NewMail, why: str) -> None:
    """Also where reports are written."""
    reports = Reporter()
    house = House(Agent(GONE), reports=reports).begin()
    house.send(new)
    [entry] = house.entries()
    assert entry.recipients[0].reason == f"550 5.1.1 No such user; not reported: {why}"
    assert reports.notices == []


def test_a_failure_is_reported_in_the_commit_that_ends_it() -> None:
    """The report is queued, and goes out; the recipient is gone."""
    reports = Reporter()
    house = House(Agent(GONE, YES), reports=reports).begin()
    house.send(mail(1))
    [notice] = reports.notices
    assert notice.outcome == Failed(reply=GONE, scope=Scope.RECIPIENT)
    assert (str(notice.claimed.recipient), notice.until, notice.gave_up) == (
        "bob@example.test", None, None,
    )  # fmt: skip
    assert names(house.agent.attempts) == [["bob"], ["alice"]]
    assert house.entries() == []


def test_a_refusal_at_the_second_routing_is_a_failure() -> None:
    """An account that was removed while its mail waited."""
    reports = Reporter()
    router = Table({"bob": Refusal(GONE)})
    house = House(router=router, reports=reports).begin()
    house.send(mail(1))
    assert [notice.outcome for notice in reports.notices] == [
        Failed(reply=GONE, scope=Scope.RECIPIENT)
    ]
    assert names(house.agent.attempts) == [["alice"]]


def test_a_sender_who_wants_silence_gets_it() -> None:
    """NOTIFY=NEVER: neither a report nor a place in the queue (RFC 3461 section 4.1)."""
    reports = Reporter()
    house = House(Agent(GONE), reports=reports).begin()
    house.send(with_notify(mail(1), Notify.NEVER))
    assert (house.entries(), reports.notices) == ([], [])
    assert [event.final for event in house.told.of(Attempted)] == [True]


@pytest.mark.parametrize("by", ["router", "agent"])
def test_what_is_dropped_is_not_reported_as_delivered(by: str) -> None:
    """NOTIFY=SUCCESS asks about a mailbox (RFC 3461 section 5.2.3), and it is in none."""
    dropped = Drop("alias to nothing") if by == "router" else RELAY

    def deliver(attempt: Attempt) -> Sequence[Result]:
        return [Result(each.id, Dropped(YES)) for each in attempt.recipients]

    reporter = Reporter()
    house = House(Agent(deliver), Table({"bob": dropped}), reports=reporter).begin()
    house.send(with_notify(mail(1), Notify.SUCCESS))
    assert ([], []) == (house.entries(), reporter.notices)


@pytest.mark.parametrize(
    ("notify", "reported"), [(None, 0), (Notify.SUCCESS, 1), (Notify.FAILURE, 0)]
)
def test_a_success_is_reported_only_if_asked_for(notify: Notify | None, reported: int) -> None:
    """RFC 3461 section 4.1."""
    reports = Reporter()
    house = House(reports=reports).begin()
    new = mail(1)
    house.send(new if notify is None else with_notify(new, notify))
    assert len(reports.notices) == reported


def test_reports_that_cannot_be_written_are_no_loss() -> None:
    """The recipient is held, with the number of the fault."""
    house = House(Agent(GONE), reports=Reporter(RuntimeError("disk"))).begin()
    house.send(mail(1))
    [entry] = house.entries()
    assert entry.recipients[0].reason == (
        "550 5.1.1 No such user; not reported: internal error (F1)"
    )


def test_a_delay_is_reported_once() -> None:
    """After four hours, with the time until which it is tried; the queue remembers that."""
    reports = Reporter()
    refuse: list[object] = [LATER] * 9
    house = House(Agent(*refuse), reports=reports).begin()
    house.send(mail(1))
    house.run(DAY, 60)
    [notice] = reports.notices
    assert notice.until == START + timedelta(days=5)
    assert notice.outcome == Failed(reply=LATER, scope=Scope.RECIPIENT)


def test_patience_ends_after_five_days() -> None:
    """The last attempt is at the end of life; the report says so."""
    reports = Reporter()
    never = with_notify(mail(1), Notify.FAILURE)
    house = House(Agent(LATER), reports=reports).begin()
    house.send(never)
    house.run(5 * DAY - 120, 60)
    assert reports.notices == []
    house.agent.answers = [LATER, YES]
    house.run(300, 60)
    [notice] = reports.notices
    assert notice.gave_up == "not delivered within 5 days"
    assert 30 <= len(house.agent.attempts) <= 50


def test_a_person_decides_that_it_fails() -> None:
    """Bounce: no attempt is made; the words are the person's."""
    reports = Reporter()
    house = House(Agent(LATER, YES), reports=reports).begin()
    house.send(mail(1))
    no = Reply(554, "5.7.1", "Not wanted")
    assert house.do(house.queue.change(QueueQuery(ids=(QueueID("M1"),)), Bounce(no))) == 1
    house.settle()
    assert [notice.outcome for notice in reports.notices] == [
        Failed(reply=no, scope=Scope.RECIPIENT)
    ]
    assert names(house.agent.attempts) == [["bob"], ["alice"]]


def test_what_is_held_is_tried_again_when_it_is_released() -> None:
    """A person has mended what was wrong."""
    house = House(Agent(GONE, YES)).begin()
    house.send(mail(1))
    assert house.do(house.queue.change(QueueQuery(), Release())) == 1
    house.settle()
    assert house.entries() == []


def test_a_person_has_the_last_word() -> None:
    """A verdict is final also where its reply is one that may pass."""
    house = House(Agent(LATER)).begin()
    house.send(mail(1))
    house.do(house.queue.change(QueueQuery(), Bounce(LATER)))
    house.settle()
    assert house.states() == [QueueState.HELD]


def test_a_delay_that_could_not_be_reported_is_told_the_next_time() -> None:
    """The queue remembers only what was told."""
    reports = Reporter(RuntimeError("disk"))
    house = House(Agent(LATER), reports=reports).begin()
    house.send(mail(1))
    house.run(6 * 3600, 60)
    assert len(reports.notices) == 1
    reports.error = None
    house.run(10 * 3600, 60)
    # The second time it was told; the third time there was nothing to tell.
    assert [notice.until for notice in reports.notices] == [START + timedelta(days=5)] * 2


def test_whoever_got_it_is_not_tried_again_because_a_report_on_others_was_not_ready() -> None:
    """At a stop: what was answered is settled; the failure, of which nobody was told, is due."""

    async def for_ever(claim: Claim, notices: Sequence[Notice]) -> Sequence[NewMail]:
        await Deferred()
        raise AssertionError("nobody wakes it")

    def some(attempt: Attempt) -> list[Result]:
        answers = {"bob": YES, "carol": GONE, "dan": LATER}
        return [Result(r.id, outcome(answers[r.address.local])) for r in attempt.recipients]

    house = House(Agent(some), reports=for_ever).begin()
    house.send(mail(1, "bob", "carol", "dan"))
    house.do(house.runner.stop())
    [entry] = house.entries()
    assert [("carol", 0, QueueState.DUE), ("dan", 1, QueueState.DUE)] == [
        (each.recipient.address.local, each.attempts, each.state) for each in entry.recipients
    ]
