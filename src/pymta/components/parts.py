"""
What has a life of its own: started in an order, stopped in the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from pymta.aio import CancelledError, forever, start

__all__ = ["Job", "Loop", "Part", "nothing"]


@runtime_checkable
class Part(Protocol):
    """Something with a life of its own; each is called once, ``stop`` only after ``start``."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


async def nothing() -> None:
    """For a part that has nothing to do at one of its ends."""


@dataclass(frozen=True, slots=True)
class Job:
    """A part made of two calls."""

    begin: Callable[[], Awaitable[object]]
    end: Callable[[], Awaitable[object]] = nothing

    async def start(self) -> None:
        await self.begin()

    async def stop(self) -> None:
        await self.end()


class Loop:
    """
    A part that does something again and again while it is started.

    :param seconds: from the end of one step to the next; the first comes at once.
    :param what: for the log, where a step fails.
    """

    def __init__(
        self, clock: IReactorTime, seconds: float, step: Callable[[], Awaitable[object]], what: str
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._step = step
        self._what = what
        self._running: Deferred[None] | None = None

    async def start(self) -> None:
        self._running = start(forever(self._clock, self._seconds, self._step, self._what))
        self._running.addErrback(_cancelled)  # type: ignore[unused-awaitable]  # ends in stop()

    async def stop(self) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()


def _cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)
