"""
The process of a command: its reactor, its log, how it starts and how it ends.
"""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TextIO

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEventAsClassicLogText,
    formatTime,
    globalLogBeginner,
)
from twisted.python.failure import Failure

from pymta.aio import start
from pymta.cli.errors import told
from pymta.edge.lifeline import stop

__all__ = ["STOP_SECONDS", "begin_log", "own_reactor", "run", "serve", "spare_turns"]

STOP_SECONDS = 0.8
"""For a server under test to end by itself; then it ends anyway, as after a crash."""


def own_reactor() -> Any:
    """
    The global reactor, on a monotonic clock: to be called before its first timer.

    By default its timers follow the wall clock: one step back, and none of them fires.
    """
    from twisted.internet import reactor

    own: Any = reactor
    own.seconds = time.monotonic
    return own


def begin_log(file: TextIO, level: LogLevel = LogLevel.info) -> None:
    """Write the log there from now on, and leave standard output alone."""
    written = FileLogObserver(file, _Lines())
    observer = FilteringLogObserver(written, [LogLevelFilterPredicate(level)])
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)


class _Lines:
    """
    Writes events as Twisted does, those of :mod:`pymta.observe.log` in a third of the time: their
    line is there already, and many come in one second.
    """

    def __init__(self) -> None:
        self._second = 0
        self._stamp = ""

    def __call__(self, event: LogEvent) -> str | None:
        line = event.get("line")
        if not isinstance(line, str) or "log_failure" in event:
            return formatEventAsClassicLogText(event)
        second = int(event["log_time"])
        if second != self._second:
            self._second, self._stamp = second, formatTime(second)
        where = f"{event['log_namespace']}#{event['log_level'].name}"
        return f"{self._stamp} [{where}] {line}\n"


def spare_turns() -> None:
    """
    Keep the collector from what is there now: modules and wiring, 125,000 objects that stay.

    To be called when all is started.  Every look at them was a turn of 80 ms, now 8 ms.  And look
    at new ones seldom: a message makes a few hundred, and nearly all are gone with its last one;
    looking at every 700 of them took a tenth of the time.  At 4,000 a look takes 1-3 ms, at 20,000
    it took 6-13 ms, a fifth as often.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(4_000, 5, 40)


class Started(Protocol):
    """A service that says when all of it has started."""

    @property
    def ready(self) -> Deferred[None]: ...
    def startService(self) -> None: ...
    def stopService(self) -> Deferred[None]: ...


def serve(
    reactor: Any,
    service: Started,
    ready: Callable[[], Awaitable[None]],
    *,
    seconds: float | None = STOP_SECONDS,
) -> int:
    """
    Run the service until SIGTERM, SIGINT or ``reactor.stop``.

    :param ready: called when all is started.
    :param seconds: for the stop, then the process ends all the same; None where somebody else
        sees to that.
    :returns: the exit status.
    """
    status = 0

    def failed(failure: Failure) -> None:
        nonlocal status
        if not failure.check(CancelledError):  # told to end before all was started, otherwise
            status = told(failure.value)
        stop(reactor)

    async def begin() -> None:
        service.startService()
        await service.ready
        spare_turns()
        await ready()

    reactor.callWhenRunning(lambda: start(begin()).addErrback(failed))
    if seconds is not None:
        reactor.addSystemEventTrigger("before", "shutdown", _end_within, seconds)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    reactor.run()
    return status


def run(reactor: Any, task: Callable[[], Coroutine[Deferred[Any], Any, int]]) -> int:
    """Run a coroutine to its end.  :returns: the exit status that it gives."""
    status = 1

    def ended(result: int | Failure) -> None:
        nonlocal status
        status = told(result.value) if isinstance(result, Failure) else result
        stop(reactor)

    reactor.callWhenRunning(lambda: start(task()).addBoth(ended))
    reactor.run()
    return status


def _end_within(seconds: float) -> None:
    # A thread that waits for a disk would keep the process; what is durable needs no farewell.
    timer = threading.Timer(seconds + 0.1, os._exit, [0])
    timer.daemon = True
    timer.start()
