"""
Tests for coroutines on Twisted.
"""

from __future__ import annotations

import threading
from collections.abc import Coroutine
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from pymta.aio import (
    Pool,
    Shared,
    TimeLimit,
    begun,
    breathe,
    deferred,
    forever,
    gather,
    start,
    timeout,
)
from pymta.errors import TooManyWaiting


def ended(waiting: Deferred[Any]) -> list[object]:
    """What it has ended with: nothing yet, a value, or an exception."""
    results: list[object] = []
    waiting = waiting.addBoth(lambda r: results.append(r.value if isinstance(r, Failure) else r))
    return results


async def awaited(waiting: Deferred[str]) -> str:
    return await waiting


def test_timeout_in_time() -> None:
    """
    What ends in time gives its value, and leaves no timer.
    """
    clock = Clock()
    work: Deferred[str] = Deferred()
    result = ended(start(timeout(clock, 5, work)))
    work.callback("done")

    assert ["done"] == result
    assert [] == clock.getDelayedCalls()


def test_timeout_too_late() -> None:
    """
    What does not end is cancelled, and the caller is told.
    """
    clock = Clock()
    cancelled: list[Deferred[str]] = []
    work: Deferred[str] = Deferred(cancelled.append)
    result = ended(start(timeout(clock, 5, work)))
    clock.advance(5)

    assert [TimeLimit] == [type(r) for r in result]
    assert [work] == cancelled


async def two_waits(first: Deferred[str], second: Deferred[str], seen: list[str]) -> str:
    """Waits twice, and remembers what it was told, failures too."""
    for waiting in (first, second):
        try:
            seen.append(await waiting)
        except (ValueError, CancelledError) as error:
            seen.append(type(error).__name__)
    return "done"


@pytest.mark.parametrize("ends", ["value", "failure", "late"])
@pytest.mark.parametrize("which", [0, 1])
def test_timeout_of_a_coroutine_that_waits(which: int, ends: str) -> None:
    """
    Values, failures and the cancel of a late wait reach the coroutine at the wait it is in, and
    its own end is what the caller has.
    """
    clock = Clock()
    waits: list[Deferred[str]] = [Deferred(), Deferred()]
    seen: list[str] = []
    result = ended(start(timeout(clock, 5, two_waits(waits[0], waits[1], seen))))
    for number, waiting in enumerate(waits):
        if number != which or ends == "value":
            waiting.callback("ok")
        elif ends == "failure":
            waiting.errback(Failure(ValueError()))
        else:
            clock.advance(6)

    wanted = {"value": "ok", "failure": "ValueError", "late": "CancelledError"}[ends]
    assert [wanted if number == which else "ok" for number in range(2)] == seen
    assert ["done"] == result
    assert [] == clock.getDelayedCalls()


def test_timeout_of_a_coroutine_that_fails() -> None:
    """
    What a coroutine raises is raised, before its first wait or behind it.
    """

    async def fail(waiting: Deferred[str] | None) -> None:
        if waiting is not None:
            await waiting
        raise KeyError

    clock = Clock()
    waiting: Deferred[str] = Deferred()
    early = ended(start(timeout(clock, 5, fail(None))))
    late = ended(start(timeout(clock, 5, fail(waiting))))
    waiting.callback("ok")

    assert [KeyError, KeyError] == [type(r) for r in early + late]


def test_timeout_of_a_coroutine_is_cancelled_with_its_caller() -> None:
    """
    Who cancels the wait cancels the coroutine, which hears of it.
    """
    seen: list[str] = []
    done: Deferred[str] = Deferred()
    done.callback("ok")
    running = start(timeout(Clock(), 5, two_waits(Deferred(), done, seen)))
    result = ended(running)
    running.cancel()

    assert ["CancelledError", "ok"] == seen
    assert ["done"] == result


def test_a_coroutine_that_was_begun_and_is_thrown_away() -> None:
    """
    Whoever has both closes them in any order: nothing is raised for it.
    """
    seen: list[str] = []
    work = two_waits(Deferred(), Deferred(), seen)
    rest = begun(work)
    assert isinstance(rest, Coroutine)
    rest.send(None)
    work.close()
    rest.close()

    assert [] == seen


def test_timeout_of_what_is_done_sets_no_timer() -> None:
    """
    A coroutine that does not wait costs no timer.
    """

    async def at_once() -> str:
        return "done"

    clock = Clock()
    clock.callLater = None  # type: ignore[assignment]

    assert ["done"] == ended(start(timeout(clock, 5, at_once())))


def test_timeout_cancelled_from_outside() -> None:
    """
    A cancel is a cancel, and no time limit.
    """
    clock = Clock()
    work: Deferred[str] = Deferred()
    waiting = start(timeout(clock, 5, work))
    result = ended(waiting)
    waiting.cancel()

    assert [CancelledError] == [type(r) for r in result]
    assert [] == clock.getDelayedCalls()


def test_gather_in_order() -> None:
    """
    Values come in the order of the awaitables, whenever each ended.
    """
    first: Deferred[str] = Deferred()
    second: Deferred[str] = Deferred()
    result = ended(start(gather([awaited(first), second])))
    second.callback("b")
    first.callback("a")

    assert [["a", "b"]] == result


def test_gather_raises_when_all_have_ended() -> None:
    """
    A failure is told when nothing is under way any more.
    """
    first: Deferred[str] = Deferred()
    second: Deferred[str] = Deferred()
    result = ended(start(gather([first, second])))
    first.errback(ValueError("no"))
    assert [] == result
    second.callback("b")

    assert [ValueError] == [type(r) for r in result]


def test_shared_each_waiter_has_the_result() -> None:
    """
    All who wait get the value, also those who come later.
    """
    work: Deferred[str] = Deferred()
    shared = Shared(work)
    early = [ended(shared.wait()), ended(start(awaited(shared.wait())))]
    assert not shared.ended
    work.callback("done")

    assert [["done"], ["done"]] == early
    assert ["done"] == ended(shared.wait())
    assert shared.ended


def test_shared_failure() -> None:
    """
    All who wait get the failure, each his own.
    """
    shared: Shared[str] = Shared()
    early = [ended(shared.wait()), ended(shared.wait())]
    shared.fail(Failure(ValueError("no")))

    assert [[ValueError], [ValueError]] == [[type(r) for r in result] for result in early]
    assert [ValueError] == [type(r) for r in ended(shared.wait())]


def test_d01_cancelling_a_waiter_cancels_nothing_else() -> None:
    """
    Neither the work nor the other waiters hear of one that goes.
    """
    cancelled: list[Deferred[str]] = []
    work: Deferred[str] = Deferred(cancelled.append)
    shared = Shared(work)
    gone, stays = shared.wait(), shared.wait()
    results = ended(gone), ended(stays)
    gone.cancel()
    work.callback("done")

    assert [] == cancelled
    assert [CancelledError] == [type(r) for r in results[0]]
    assert ["done"] == results[1]


def test_shared_waiter_who_is_told_cancels_another() -> None:
    """
    Who is told first may cancel one who is not told yet: that one ends so, and the rest are told.
    """
    shared: Shared[str] = Shared()
    first, second, third = shared.wait(), shared.wait(), shared.wait()
    first.addCallback(lambda _: second.cancel())  # type: ignore[unused-awaitable]
    results = ended(first), ended(second), ended(third)
    shared.succeed("done")

    assert [None] == results[0]
    assert [CancelledError] == [type(r) for r in results[1]]
    assert ["done"] == results[2]


def test_shared_tells_the_end() -> None:
    """
    A call can be left for the end, whatever it is.
    """
    told: list[str] = []
    good: Shared[str] = Shared()
    good.tell(lambda: told.append("good"))
    good.succeed("x")
    bad: Shared[str] = Shared()
    bad.tell(lambda: told.append("bad"))
    bad.fail(Failure(ValueError()))

    assert ["good", "bad"] == told


def test_forever_survives_failures(caplog: pytest.LogCaptureFixture) -> None:
    """
    A step that fails is taken again; only a cancel ends the loop.
    """
    clock = Clock()
    steps: list[int] = []

    async def step() -> None:
        steps.append(1)
        raise ValueError("no")

    loop = start(forever(clock, 10, step, "a test"))
    result = ended(loop)
    clock.pump([10, 10])
    loop.cancel()

    assert 3 == len(steps)
    assert [CancelledError] == [type(r) for r in result]


def test_breathe_lets_others_go_first() -> None:
    """
    Whoever breathes goes on in a later turn.
    """
    clock = Clock()
    order: list[str] = []

    async def work() -> None:
        await breathe(clock)
        order.append("work")

    clock.callLater(0, order.append, "other")
    running = start(work())
    clock.advance(0)

    assert ["other", "work"] == order
    assert running.called


def test_deferred_of_anything() -> None:
    """
    A Deferred stays itself; other awaitables become one.
    """

    class Awaitable:
        def __await__(self):  # type: ignore[no-untyped-def]
            return awaited(done).__await__()

    done: Deferred[str] = Deferred()
    done.callback("x")
    waiting: Deferred[str] = Deferred()

    assert waiting is deferred(waiting)
    assert ["x"] == ended(deferred(Awaitable()))


class Thread(Clock):
    """A reactor whose thread is this one: calls from others wait for :meth:`turn`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[object, ...]] = []
        self.came = threading.Semaphore(0)

    def callFromThread(self, call, *args):  # type: ignore[no-untyped-def]
        self.asked.append((call, args))
        self.came.release()

    def turn(self) -> None:
        assert self.came.acquire(timeout=10)
        call, args = self.asked.pop(0)
        call(*args)  # type: ignore[operator,misc]


def test_s09_pool_is_bounded() -> None:
    """
    One call more than may wait is refused at once; the others end in their time.
    """
    reactor = Thread()
    pool = Pool(reactor, threads=1, limit=1, name="test")  # type: ignore[arg-type]
    pool.start()
    go = threading.Event()
    results = [ended(pool.run(go.wait, 10)), ended(pool.run(lambda: 1 // 0))]
    with pytest.raises(TooManyWaiting):
        _ = pool.run(print)
    stopped = start(pool.stop())
    go.set()
    reactor.turn()
    assert not stopped.called
    reactor.turn()

    assert [True] == results[0]
    assert [ZeroDivisionError] == [type(r) for r in results[1]]
    assert stopped.called


def test_pool_call_outlives_its_waiter() -> None:
    """
    Cancelling who waits does not end the call, and its end is counted.
    """
    reactor = Thread()
    pool = Pool(reactor, threads=1, limit=0, name="test")  # type: ignore[arg-type]
    pool.start()
    done = threading.Event()
    waiting = pool.run(done.set)
    result = ended(waiting)
    waiting.cancel()
    reactor.turn()

    assert done.is_set()
    assert [CancelledError] == [type(r) for r in result]
    assert start(pool.stop()).called
