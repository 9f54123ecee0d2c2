"""
What runs beside each other for the runner: routing, attempts, what is given back.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from pymta.aio import CancelledError, Shared, TimeLimit, start, timeout
from pymta.interfaces.queue import Claim
from pymta.queue.attempt import Faults

__all__ = ["UnderWay"]


class UnderWay:
    """
    Works that have begun and not ended.

    :param let_go: of claims whose work failed, which none should: they are left to their leases,
        and the store counts the strike.
    """

    def __init__(
        self, clock: IReactorTime, faults: Faults, let_go: Callable[[Sequence[Claim]], None]
    ) -> None:
        self._clock = clock
        self._faults = faults
        self._let_go = let_go
        self._number = 0
        self._running: dict[int, Deferred[None]] = {}
        self._ended: Shared[None] | None = None

    def begin(self, work: Awaitable[None], claims: Sequence[Claim] = ()) -> None:
        """
        Run it beside others.

        :param claims: what it is about.
        """
        self._number += 1
        number = self._number
        running = start(self._guarded(work, claims))
        if not running.called:
            self._running[number] = running
            running.addBoth(lambda _: self._end(number))  # type: ignore[unused-awaitable]

    async def end(self, seconds: float) -> None:
        """Wait for so long; then cancel what is left."""
        if not self._running:
            return
        self._ended = Shared()
        try:
            await timeout(self._clock, seconds, self._ended.wait())
        except TimeLimit:
            for each in list(self._running.values()):
                each.cancel()

    async def _guarded(self, work: Awaitable[None], claims: Sequence[Claim]) -> None:
        try:
            await work
        except CancelledError:
            pass
        except Exception:  # noqa: BLE001  the fence round an attempt, the outermost
            self._faults.caught("the queue's work")
            self._let_go(claims)

    def _end(self, number: int) -> None:
        del self._running[number]
        if not self._running and self._ended is not None:
            self._ended.succeed(None)
            self._ended = None
