"""
Everything that runs, as one Twisted service: started in an order, stopped in the other.

Nothing is opened by any constructor: ``twistd`` forks between making a service and starting it.
Sockets are bound first, while the process may still bind privileged ports, and no connection
is accepted before all that answers it is open.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorCore, IReactorTime
from twisted.logger import Logger

from pymta.aio import CancelledError, Shared, TimeLimit, gather, start, timeout
from pymta.components.parts import Job, Part
from pymta.edge.listening import Listening

__all__ = ["Job", "Listening", "MailService", "Part"]

_log = Logger(namespace="pymta.service")

STOP_SECONDS = 30.0


class MailService(Service):
    """
    Parts in the order in which they are needed: stores, then who works on them, then listeners.

    It lives once: started, and stopped, not to be started again.  Where nobody stops it, because
    the application has failed for instance, the end of its reactor does.

    :param parts: started in this order and stopped in the other, each awaited.
    :param listening: started after all parts and stopped, side by side, before them.
    :param seconds: for the whole of a stop; what has not ended by then is left to the durable
        stores.
    """

    name = "pymta"

    def __init__(
        self,
        clock: IReactorTime,
        parts: Sequence[Part],
        listening: Sequence[Listening],
        *,
        seconds: float = STOP_SECONDS,
    ) -> None:
        self._clock = clock
        self._seconds = seconds
        self._parts = tuple(parts)
        self.listening = tuple(listening)
        self._started: list[Part] = []
        self._opening: Shared[None] | None = None
        self._trigger: Any = None
        self.ready: Deferred[None] = Deferred()
        """Fires when all is started, or fails with why not; then what was started is stopped."""

    def privilegedStartService(self) -> None:
        # What cannot be bound now is tried again by startService(), which tells.
        start(self._bind()).addErrback(_nothing)  # type: ignore[unused-awaitable]

    def startService(self) -> None:
        self.running = True
        if IReactorCore.providedBy(self._clock):
            # Threads of what is left open would hold the process for ever.
            self._trigger = IReactorCore(self._clock).addSystemEventTrigger(
                "before", "shutdown", self._shut_down
            )
        self._opening = Shared(start(self._open()))
        self._opening.wait().chainDeferred(self.ready)  # type: ignore[unused-awaitable]

    def stopService(self) -> Deferred[None]:
        self.running = False
        trigger, self._trigger = self._trigger, None
        if trigger is not None:
            IReactorCore(self._clock).removeSystemEventTrigger(trigger)
        return start(self._close())

    def _shut_down(self) -> Deferred[None]:
        self._trigger = None  # it is being fired
        return self.stopService()

    async def _bind(self) -> None:
        for listening in self.listening:
            await listening.bind()

    async def _open(self) -> None:
        try:
            await self._bind()
            for part in self._parts:
                self._check_wanted()
                await part.start()
                self._started.append(part)
            self._check_wanted()
            for listening in self.listening:
                await listening.start()
        except BaseException:
            await self._stop()
            raise

    def _check_wanted(self) -> None:
        if not self.running:
            self.ready.addErrback(_nothing)  # type: ignore[unused-awaitable]
            raise CancelledError("stopped before all was started")

    async def _close(self) -> None:
        try:
            await timeout(self._clock, self._seconds, self._end())
        except TimeLimit:
            _log.error("not all had stopped after {seconds} s", seconds=self._seconds)

    async def _end(self) -> None:
        # A part that is being started is not left half open.
        if self._opening is not None:
            await self._opening.wait().addErrback(_nothing)
        await self._stop()

    async def _stop(self) -> None:
        await gather(_stop(listening) for listening in self.listening)
        while self._started:
            await _stop(self._started.pop())


async def _stop(part: Part) -> None:
    """Stop one, whatever comes of it: the others must be stopped as well."""
    try:
        await part.stop()
    except CancelledError:
        raise
    except Exception:  # noqa: BLE001
        _log.failure("{part} did not stop", part=type(part).__name__)


def _nothing(_: object) -> None: ...
