"""
Everything that runs, as one Twisted service: started in an order, stopped in the other.

Nothing is opened by any constructor: ``twistd`` forks between making a service and starting it.
Sockets are bound first, while the process may still bind privileged ports, and no connection
is accepted before all that answers it is open.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IReactorTime, IStreamServerEndpoint
from twisted.logger import Logger

from pymta.aio import CancelledError, TimeLimit, gather, start, timeout
from pymta.edge.listener import Listener

__all__ = ["Job", "Listening", "MailService", "Part"]

_log = Logger(namespace="pymta.service")

STOP_SECONDS = 30.0
"""For the whole of a stop; what has not ended by then is left to the durable stores."""
SESSION_SECONDS = 10.0
"""Of these, for sessions to reach a command boundary."""


class Part(Protocol):
    """Something with a life of its own; each is called once, ``stop`` only after ``start``."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Job:
    """A part made of two calls."""

    begin: Callable[[], Awaitable[object]]
    end: Callable[[], Awaitable[object]]

    async def start(self) -> None:
        await self.begin()

    async def stop(self) -> None:
        await self.end()


class Listening:
    """
    One port: an endpoint and the listener behind it.

    :param name: for the log, and for whoever asks where it listens.
    """

    def __init__(self, name: str, endpoint: IStreamServerEndpoint, listener: Listener) -> None:
        self.name = name
        self.listener = listener
        self._endpoint = endpoint
        self._port: IListeningPort | None = None

    @property
    def port(self) -> IListeningPort:
        """The bound port.  :raises RuntimeError: it is not bound."""
        if self._port is None:
            raise RuntimeError(f"{self.name} is not bound")
        return self._port

    async def bind(self) -> None:
        """Bind the socket; connections wait in its backlog until :meth:`start`."""
        if self._port is None:
            self._port = await self._endpoint.listen(self.listener)
            _switch(self._port, "stopReading")

    async def start(self) -> None:
        """Accept connections."""
        await self.bind()
        _switch(self.port, "startReading")
        _log.info("{name}: listening on {at}", name=self.name, at=str(self.port.getHost()))

    async def stop(self) -> None:
        """Accept no more, and end those that are open, at their next command boundary."""
        port, self._port = self._port, None
        if port is not None:
            closing = port.stopListening()
            if closing is not None:
                await closing
        await self.listener.stop(SESSION_SECONDS)


def _switch(port: Any, name: str) -> None:
    # Ports of the reactor are file descriptors; those of tests may be nothing of the kind.
    switch = getattr(port, name, None)
    if switch is not None:
        switch()


class MailService(Service):
    """
    Parts in the order in which they are needed: stores, then who works on them, then listeners.

    :param parts: started in this order and stopped in the other, each awaited.
    :param listening: started after all parts and stopped, side by side, before them.
    """

    name = "pymta"

    def __init__(
        self, clock: IReactorTime, parts: Sequence[Part], listening: Sequence[Listening]
    ) -> None:
        self._clock = clock
        self._parts = tuple(parts)
        self.listening = tuple(listening)
        self._started: list[Part] = []
        self.ready: Deferred[None] | None = None
        """Fires when all is started; fails with the first part that could not."""

    def privilegedStartService(self) -> None:
        self._bound = start(self._bind())
        self._bound.addErrback(_failed_to_bind)  # type: ignore[unused-awaitable]

    async def _bind(self) -> None:
        for listening in self.listening:
            await listening.bind()

    def startService(self) -> None:
        self.running = True
        self.ready = start(self.open())

    async def open(self) -> None:
        """
        Start all parts, then the listeners.

        If one fails, those before it are stopped again and its exception is raised.
        """
        try:
            await self._bind()
            for part in self._parts:
                await part.start()
                self._started.append(part)
            for listening in self.listening:
                await listening.start()
        except BaseException:
            await self.close()
            raise

    def stopService(self) -> Deferred[None]:
        self.running = False
        return start(self.close())

    async def close(self) -> None:
        """Stop what was started, in the other order; idempotent."""
        try:
            await timeout(self._clock, STOP_SECONDS, self._close())
        except TimeLimit:
            _log.error("not all had stopped after {seconds} s", seconds=STOP_SECONDS)

    async def _close(self) -> None:
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


def _failed_to_bind(failure: Any) -> None:
    _log.failure("cannot listen", failure=failure)
