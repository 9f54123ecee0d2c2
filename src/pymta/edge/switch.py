"""
The protocol that a transport sees: it passes octets to whoever they belong to now.

First, from a listed proxy, to the reader of the PROXY header; then to the connection; then,
once that has begun TLS, to the TLS layer between.  (Not ``transport.startTLS``: that needs the
global reactor.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from twisted.internet.interfaces import (
    IDelayedCall,
    IHalfCloseableProtocol,
    IProtocol,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from pymta.edge.connection import Connection, endpoint_of
from pymta.edge.peers import Peers
from pymta.edge.writing import undelayed
from pymta.errors import RemoteProtocolError
from pymta.session import Endpoint
from pymta.wire import NeedData
from pymta.wire.proxy import ProxyHeader, ProxyReader

__all__ = ["Client", "Connect", "Switch"]

_log = Logger(namespace="pymta.edge")


class Client:
    """
    Who is there: the ends of the connection, with what a listed proxy says of them.

    :param proxy: the proxy itself; None without one.
    :param header: what it said.
    """

    __slots__ = ("header", "local", "peer", "proxy")

    def __init__(self, peer: Endpoint, local: Endpoint, header: ProxyHeader | None) -> None:
        self.header = header
        self.proxy = None if header is None else peer
        self.peer = peer
        self.local = local
        if header is not None and header.source is not None and header.destination is not None:
            self.peer = header.source
            self.local = header.destination


Connect: TypeAlias = Callable[[Client], "Connection[Any] | bytes"]
"""Makes the connection for a client; octets instead are said, and the socket closed."""


@implementer(IProtocol, IHalfCloseableProtocol)
class Switch:
    """
    One socket.

    :param proxies: who must speak PROXY first; from nobody else is it believed (S21).
    :param seconds: how long they may take to.
    """

    def __init__(
        self, clock: IReactorTime, connect: Connect, *, proxies: Peers, seconds: float
    ) -> None:
        self._clock = clock
        self._connect = connect
        self._proxies = proxies
        self._seconds = seconds
        self._connection: Connection[Any] | None = None
        self._target: IProtocol = Protocol()
        self._transport: Any = None

    def logPrefix(self) -> str:
        return "pymta"

    def makeConnection(self, transport: ITransport) -> None:
        self._transport = transport
        undelayed(transport)
        if endpoint_of(transport.getPeer()).host in self._proxies:
            opening = _Opening(self._clock, self._seconds, self._introduced)
            self._target = opening
            opening.opened(transport)
        else:
            self._introduced(None, b"")

    def _introduced(self, header: ProxyHeader | None, rest: bytes) -> None:
        transport = self._transport
        peer, local = endpoint_of(transport.getPeer()), endpoint_of(transport.getHost())
        opened = self._connect(Client(peer, local, header))
        if isinstance(opened, bytes):
            self._target = Protocol()
            transport.write(opened)
            transport.loseConnection()
            return
        self._connection = self._target = opened
        opened.connected(transport, self._divert)
        if rest:
            self._target.dataReceived(rest)

    def _divert(self, target: IProtocol) -> None:
        self._target = target

    def connectionMade(self) -> None: ...

    def dataReceived(self, data: bytes) -> None:
        self._target.dataReceived(data)

    def readConnectionLost(self) -> None:
        if self._connection is not None and self._target is self._connection:
            self._connection.half_closed()
        else:  # TLS has a close of its own; a peer that closes without it is gone
            self._transport.loseConnection()

    def writeConnectionLost(self) -> None: ...

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._target.connectionLost(reason)


class _Opening(Protocol):
    """Before the PROXY header is there."""

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        introduced: Callable[[ProxyHeader, bytes], None],
    ) -> None:
        self._reader = ProxyReader()
        self._introduced = introduced
        self._clock = clock
        self._seconds = seconds
        self._timer: IDelayedCall | None = None

    def opened(self, transport: ITransport) -> None:
        self.transport = transport
        self._timer = self._clock.callLater(self._seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._refuse("no PROXY header in time")

    def _refuse(self, reason: str) -> None:
        assert self.transport is not None
        _log.warn("{peer}: {reason}", peer=str(self.transport.getPeer()), reason=reason)
        self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        self._reader.receive_data(data)
        try:
            header = self._reader.next_event()
        except RemoteProtocolError as error:
            self._refuse(str(error))
            return
        if not isinstance(header, NeedData):
            self._stop()
            self._introduced(header, self._reader.rest)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._stop()

    def _stop(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
