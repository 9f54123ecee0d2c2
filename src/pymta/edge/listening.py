"""
A port: an endpoint and the listener behind it, bound first and opened later.
"""

from __future__ import annotations

from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from pymta.aio import CancelledError, Shared, start
from pymta.edge.accepting import Accepting
from pymta.edge.connection import endpoint_of
from pymta.edge.listener import Listener
from pymta.session import Endpoint

__all__ = ["Listening"]

_log = Logger(namespace="pymta.edge")

SESSION_SECONDS = 10.0


class Listening:
    """
    One port: an endpoint and the listener behind it.

    :param name: for the log, and for whoever asks where it listens.
    :param seconds: for sessions to reach a command boundary at the stop.
    """

    def __init__(
        self,
        name: str,
        endpoint: IStreamServerEndpoint,
        listener: Listener,
        *,
        seconds: float = SESSION_SECONDS,
    ) -> None:
        self.name = name
        self.listener = listener
        self._endpoint = endpoint
        self._seconds = seconds
        self._port: IListeningPort | None = None
        self._accepting: Accepting | None = None
        self._binding: Shared[None] | None = None

    @property
    def port(self) -> IListeningPort:
        """The bound port.  :raises RuntimeError: it is not bound."""
        if self._port is None:
            raise RuntimeError(f"{self.name} is not bound")
        return self._port

    @property
    def address(self) -> Endpoint:
        """Where it listens.  :raises RuntimeError: it is not bound."""
        return endpoint_of(self.port.getHost())

    async def bind(self) -> None:
        """
        Bind the socket, once; connections wait in its backlog until :meth:`start`.

        What failed is tried again by the next call.
        """
        if self._binding is None or (self._binding.ended and self._port is None):
            self._binding = Shared(start(self._bind()))
        await self._binding.wait()

    async def _bind(self) -> None:
        self._port = await self._endpoint.listen(self.listener)
        listener = self.listener
        self._accepting = Accepting(listener.clock, self._port, lambda: listener.accepted)
        self._accepting.pause()

    async def start(self) -> None:
        """Accept connections."""
        await self.bind()
        if self._accepting is not None:
            self._accepting.begin()
        _log.info("{name}: listening on {at}", name=self.name, at=str(self.address))

    async def stop(self) -> None:
        """Accept no more, and end those that are open, at their next command boundary."""
        if self._binding is not None:  # maybe under way: no socket is left behind
            await self._binding.wait().addErrback(_told)
        port, self._port = self._port, None
        accepting, self._accepting = self._accepting, None
        if accepting is not None:
            accepting.end()
        if port is not None:
            closing = port.stopListening()
            if closing is not None:
                await closing
        await self.listener.stop(self._seconds)


def _told(no: Failure) -> Failure | None:
    """Whoever binds is told why not; who only waits for the end is not."""
    return no if no.check(CancelledError) else None
