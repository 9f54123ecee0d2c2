"""
Tests for what runs beside each other.
"""

from __future__ import annotations

from collections.abc import Sequence

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from pymta.aio import CancelledError, start
from pymta.events import Event, Faulted
from pymta.interfaces.queue import Claim
from pymta.queue.attempt import Faults
from pymta.queue.under_way import UnderWay


class Works:
    """Some that wait, and what became of them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.told: list[Event] = []
        self.let_go: list[Sequence[Claim]] = []
        self.cancelled: list[int] = []
        faults = Faults(lambda: "F1", self.told.append)
        self.under_way = UnderWay(self.clock, faults, self.let_go.append)

    async def waiting(self, number: int, until: Deferred[None]) -> None:
        """Waits, and says so if it is cancelled."""
        try:
            await until
        except CancelledError:
            self.cancelled.append(number)
            raise

    def ending(self, seconds: float) -> Deferred[None]:
        """The end, begun."""
        return start(self.under_way.end(seconds))


def test_nothing_is_waited_for_where_nothing_runs() -> None:
    """Neither before the first, nor behind the last; nor for one that has ended at once."""
    works = Works()

    async def at_once() -> None:
        pass

    assert works.ending(3).called
    works.under_way.begin(at_once())
    assert works.ending(3).called


def test_the_end_waits_for_all_and_cancels_nobody_who_ends() -> None:
    """The last of two ends it."""
    works = Works()
    first, second = Deferred[None](), Deferred[None]()
    works.under_way.begin(works.waiting(1, first))
    works.under_way.begin(works.waiting(2, second))
    ending = works.ending(3)

    first.callback(None)
    assert not ending.called
    second.callback(None)
    assert ending.called
    assert [] == works.cancelled
    assert [] == works.clock.getDelayedCalls()


def test_whoever_does_not_end_is_cancelled() -> None:
    """After the seconds, and without a word of a fault."""
    works = Works()
    for number in (1, 2):
        works.under_way.begin(works.waiting(number, Deferred()))
    ending = works.ending(3)

    works.clock.advance(2.9)
    assert [] == works.cancelled
    works.clock.advance(0.2)
    assert ending.called
    assert [1, 2] == works.cancelled
    assert ([], []) == (works.told, works.let_go)


def test_what_fails_is_told_and_its_claims_let_go() -> None:
    """The others go on."""
    works = Works()
    until, other = Deferred[None](), Deferred[None]()
    claims: list[Claim] = []
    works.under_way.begin(works.waiting(1, until), claims)
    works.under_way.begin(works.waiting(2, other))

    with capturedLogs() as logged:
        until.errback(OSError("disk"))

    assert [Faulted("F1", "the queue's work")] == works.told
    assert [claims] == works.let_go
    assert 1 == len(logged)
    assert not works.ending(3).called
