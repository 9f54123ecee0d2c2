"""
Coroutines on Twisted: the only place where Deferreds are made, joined or cancelled.

``CancelledError`` is an ``Exception`` in Twisted: every fence re-raises it first.  A Deferred is
awaited once; what several wait for goes through :class:`Shared`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from functools import partial
from types import CoroutineType, coroutine
from typing import Any, Generic, ParamSpec, TypeVar

from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

from pymta.errors import PymtaError, TooManyWaiting

__all__ = [
    "CancelledError",
    "Ended",
    "Pool",
    "Shared",
    "TimeLimit",
    "begun",
    "breathe",
    "deferred",
    "forever",
    "gather",
    "sleep",
    "start",
    "timeout",
]

T = TypeVar("T")
P = ParamSpec("P")

_log = Logger(namespace="pymta.aio")


class TimeLimit(PymtaError):
    """A wait took longer than it may."""


def start(work: Coroutine[Deferred[Any], Any, T]) -> Deferred[T]:
    """Run a coroutine until its first wait; its end is the Deferred's."""
    return Deferred.fromCoroutine(work)


def deferred(awaitable: Awaitable[T]) -> Deferred[T]:
    """Any awaitable of Twisted's as a Deferred; one that is a Deferred as it is."""
    if isinstance(awaitable, Deferred):
        return awaitable
    if isinstance(awaitable, Coroutine):
        return start(awaitable)
    return start(_await(awaitable))


async def _await(awaitable: Awaitable[T]) -> T:
    return await awaitable


def sleep(clock: IReactorTime, seconds: float) -> Deferred[None]:
    """A Deferred that fires after this time; cancelling it takes the timer down."""
    waiting: Deferred[None] = Deferred(lambda _: call.cancel())
    call = clock.callLater(seconds, waiting.callback, None)
    return waiting


def breathe(clock: IReactorTime) -> Deferred[None]:
    """Let the reactor have its turn: for work that has run for 5 ms."""
    return sleep(clock, 0)


class Ended(Generic[T]):
    """What :func:`begun` gives for work that did not have to wait."""

    __slots__ = ("value",)

    def __init__(self, value: T) -> None:
        self.value = value


def begun(awaitable: Awaitable[T]) -> Awaitable[T] | Ended[T]:
    """
    Run a coroutine until its first wait, here and now; most are over by then, and need no
    Deferred (1 us; with one, 10 us).

    :returns: the rest of it; anything else that is awaitable, as it is.
    :raises Exception: what it raised before it had to wait.
    """
    if not isinstance(awaitable, CoroutineType):
        return awaitable
    try:
        waits_for = awaitable.send(None)
    except StopIteration as end:
        return Ended(end.value)
    return _resumed(awaitable, waits_for)


async def _resumed(begun: Coroutine[Any, Any, T], waits_for: object) -> T:
    """The rest of a coroutine that was begun, and waits for this."""
    return await _rest(begun, waits_for)


@coroutine
def _rest(begun: Coroutine[Any, Any, T], waits_for: object) -> Generator[Any, Any, T]:
    # What ``await`` does, but for the first step, which was made already (PEP 380).
    while True:
        try:
            got = yield waits_for
        except GeneratorExit:
            begun.close()
            raise
        except BaseException as why:  # noqa: BLE001  it is the coroutine's, whatever it is
            step: Callable[[], object] = partial(begun.throw, why)
        else:
            step = partial(begun.send, got)
        try:
            waits_for = step()
        except StopIteration as end:
            value: T = end.value
            return value


async def timeout(clock: IReactorTime, seconds: float, awaitable: Awaitable[T]) -> T:
    """
    Wait for it, but no longer than this; then it is cancelled.

    :raises TimeLimit: time was up.
    """
    rest = begun(awaitable)
    if isinstance(rest, Ended):
        return rest.value
    waiting = deferred(rest)
    if waiting.called and not waiting.paused:
        return await waiting
    late = False

    def expire() -> None:
        nonlocal late
        late = True
        waiting.cancel()

    call = clock.callLater(seconds, expire)
    try:
        return await waiting
    except CancelledError:
        if late:
            raise TimeLimit(f"no end after {seconds:g} s") from None
        raise
    finally:
        if call.active():
            call.cancel()


async def gather(awaitables: Iterable[Awaitable[T]]) -> list[T]:
    """
    Wait for all of them, side by side.

    The first that fails, in the order given, is raised when all have ended.  Cancelled, it
    cancels them all.
    """
    waiting = DeferredList([deferred(a) for a in awaitables], consumeErrors=True)
    values = []
    for success, value in await waiting:
        if not success:
            assert isinstance(value, Failure)
            value.raiseException()
        values.append(value)
    return values


async def forever(
    clock: IReactorTime, seconds: float, step: Callable[[], Awaitable[object]], what: str
) -> None:
    """
    Run ``step`` again and again, ``seconds`` after its last end, until cancelled.

    What it raises is logged and the loop goes on: a broken step must not end a server's duty.
    """
    while True:
        try:
            await step()
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  a named fence: loops stay alive
            _log.failure("{what} failed; it will be tried again", what=what)
        await sleep(clock, seconds)


class Shared(Generic[T]):
    """
    One piece of work that several wait for.

    Each waiter has a Deferred of its own: cancelling one neither ends the work nor reaches the
    others.  Await :meth:`wait` as often as you like, also after the end.
    """

    __slots__ = ("_ended", "_result", "_waiting", "_work")

    def __init__(self, work: Awaitable[T] | None = None) -> None:
        self._waiting: list[Deferred[T]] = []
        self._ended = False
        self._result: T | Failure | None = None
        self._work = None if work is None else deferred(work).addBoth(self._end)

    @property
    def ended(self) -> bool:
        """Whether the result is there."""
        return self._ended

    def succeed(self, value: T) -> None:
        """The work is done: for work that is not one awaitable."""
        self._end(value)

    def fail(self, failure: Failure) -> None:
        """The work failed."""
        self._end(failure)

    def wait(self) -> Deferred[T]:
        """A new Deferred with the result."""
        waiting: Deferred[T] = Deferred(self._forget)
        if self._ended:
            self._fire(waiting)
        else:
            self._waiting.append(waiting)
        return waiting

    def tell(self, ended: Callable[[], object]) -> None:
        """Call this at the end, whatever it is."""
        waiting = self.wait()
        waiting.addBoth(lambda _: ended())  # type: ignore[unused-awaitable]  # nobody waits

    def _forget(self, waiting: Deferred[T]) -> None:
        self._waiting.remove(waiting)

    def _end(self, result: T | Failure) -> None:
        self._ended = True
        self._result = result
        # One by one: who is told may cancel those that are not told yet.
        self._waiting.reverse()
        while self._waiting:
            self._fire(self._waiting.pop())

    def _fire(self, waiting: Deferred[T]) -> None:
        if isinstance(self._result, Failure):
            waiting.errback(self._result)
        else:
            waiting.callback(self._result)  # type: ignore[arg-type]  # T, once ended


class Pool:
    """
    A few threads for work that *waits* (disk, database, argon2): computing in Python never goes
    to a thread.

    Opens nothing before :meth:`start`, so that it survives a fork between wiring and running.

    :param limit: how many calls may wait for a thread; one more raises
        :class:`~pymta.errors.TooManyWaiting`, which a server answers with "later".
    """

    def __init__(
        self, reactor: IReactorFromThreads, *, threads: int, limit: int, name: str
    ) -> None:
        self._reactor = reactor
        self._make = partial(ThreadPool, minthreads=0, maxthreads=threads, name=name)
        self._threads = self._make()
        self._name = name
        self._most = threads + limit
        self._under_way = 0
        self._idle: Shared[None] | None = None

    def start(self) -> None:
        """Let calls in.  Again after :meth:`stop` if wanted."""
        if self._threads.joined:  # Twisted's own does not start twice
            self._threads = self._make()
        self._threads.start()

    async def stop(self) -> None:
        """Wait for the calls under way; then the threads are gone."""
        if self._under_way:
            self._idle = Shared()
            await self._idle.wait()
        # Blocks until the threads have ended, which idle ones do at once.
        self._threads.stop()

    def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """
        Run it in a thread.

        Cancelling the Deferred does not end the call: whoever must know the end does not cancel.

        :raises pymta.errors.TooManyWaiting: at once, if the pool is full.
        """
        if self._under_way >= self._most:
            raise TooManyWaiting(f"{self._name}: {self._under_way} calls under way")
        self._under_way += 1
        waiting: Deferred[T] = Deferred()

        def ended(success: bool, result: T | Failure) -> None:  # in the thread
            self._reactor.callFromThread(self._end, waiting, result)

        self._threads.callInThreadWithCallback(ended, call, *args, **kwargs)
        return waiting

    def _end(self, waiting: Deferred[Any], result: object) -> None:
        self._under_way -= 1
        if not self._under_way and self._idle is not None:
            self._idle.succeed(None)
            self._idle = None
        if not waiting.called:  # cancelled, otherwise
            waiting.callback(result)
