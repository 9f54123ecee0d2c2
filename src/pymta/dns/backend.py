"""
dnspython's sockets and waits, on a Twisted reactor.

What is not obvious: dnspython takes any ``Exception`` for a server's failure and asks the next
one, and Twisted's CancelledError is one; in here it is :class:`Cancelled`, which is none.  UDP
sockets are read by ourselves: Twisted's ports write two lines into the log for each question.
"""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Awaitable
from errno import ECONNREFUSED
from os import strerror
from typing import Any, TypeVar

# Public, says its documentation; it does not re-export them in the way that type checkers want.
from dns.asyncbackend import (  # type: ignore[attr-defined]
    Backend,
    DatagramSocket,
    Socket,
    StreamSocket,
)
from dns.exception import FormError, Timeout
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint
from twisted.internet.error import ConnectError
from twisted.internet.interfaces import IReactorFDSet, IReactorTime, IReadDescriptor
from twisted.internet.protocol import Factory, Protocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pymta.aio import CancelledError, TimeLimit, sleep, timeout

__all__ = ["Cancelled", "ReactorBackend"]

T = TypeVar("T")

_CONNECT = 10.0
# A message of TCP is 65,535 octets behind its length of two.
_MOST_OCTETS = 65_537
# Datagrams that wait to be read; who sends more than one is not the server we know.
_MOST_DATAGRAMS = 8
# Reading a record takes up to 90 us, so that 64 KiB full of them would stop the reactor for
# 0.3 s.  Nobody has so many: an answer that is used has 100 at most (S30).
_MOST_RECORDS = 500


class Cancelled(BaseException):
    """A CancelledError on its way out through dnspython."""


class ReactorBackend(Backend):
    """:param reactor: provides ``IReactorTime``, ``IReactorTCP`` and ``IReactorFDSet``."""

    def __init__(self, reactor: Any) -> None:
        self._reactor = reactor
        self._clock = IReactorTime(reactor)

    def name(self) -> str:
        return "twisted"

    def datagram_connection_required(self) -> bool:
        # Connected, so that a server that is not there is known at once, and so that the kernel
        # drops what others send.
        return True

    async def make_socket(
        self,
        af: int,
        socktype: int,
        proto: int = 0,
        source: tuple[str, int] | None = None,
        destination: tuple[str, int] | None = None,
        timeout: float | None = None,
        ssl_context: object = None,
        server_hostname: str | None = None,
    ) -> Socket:
        if source is not None or destination is None or ssl_context is not None:
            raise NotImplementedError
        if socktype == socket.SOCK_DGRAM:
            return _Datagrams(af, destination, self._clock, IReactorFDSet(self._reactor))
        kind = TCP6ClientEndpoint if af == socket.AF_INET6 else TCP4ClientEndpoint
        endpoint = kind(self._reactor, *destination)
        connecting = endpoint.connect(_Streams.forProtocol(_Stream))
        try:
            stream = await _wait(self._clock, connecting, timeout)
        except ConnectError as error:  # no OSError, which takes a server out
            raise OSError(str(error)) from None
        return _Connection(af, stream, self._clock)

    async def sleep(self, interval: float) -> None:
        await _wait(self._clock, sleep(self._clock, interval), None)

    async def wait_for(self, awaitable: Awaitable[T], timeout: float | None) -> T:
        return await _wait(self._clock, awaitable, timeout)


async def _wait(clock: IReactorTime, awaitable: Awaitable[T], seconds: float | None) -> T:
    try:
        return await timeout(clock, _CONNECT if seconds is None else seconds, awaitable)
    except CancelledError:
        raise Cancelled from None
    except TimeLimit:
        raise Timeout(timeout=seconds) from None  # type: ignore[no-untyped-call]


def _too_many(message: bytes) -> bool:
    # RFC 1035 section 4.1.1: the four counts are the end of the header.
    counts = range(4, min(len(message) - 1, 12), 2)
    return sum(int.from_bytes(message[at : at + 2]) for at in counts) > _MOST_RECORDS


@implementer(IReadDescriptor)
class _Datagrams(DatagramSocket):
    """One question's own: the kernel chooses a port at random."""

    def __init__(
        self, af: int, server: tuple[str, int], clock: IReactorTime, reactor: IReactorFDSet
    ) -> None:
        super().__init__(af, socket.SOCK_DGRAM)
        self._clock = clock
        self._reactor = reactor
        self._received: deque[bytes] = deque()
        self._failure: OSError | None = None
        self._waiting: Deferred[None] | None = None
        self._socket = socket.socket(af, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.connect(server)
        except BaseException:
            self._socket.close()
            raise
        self._server = self._socket.getpeername()
        reactor.addReader(self)

    async def sendto(self, what: bytes, destination: object, timeout: float | None) -> int:
        return self._socket.send(what)

    async def recvfrom(self, size: int, timeout: float | None) -> tuple[bytes, object]:
        if not self._received and self._failure is None:
            self._waiting = Deferred()
            await _wait(self._clock, self._waiting, timeout)
        if self._received:
            return self._received.popleft(), self._server
        assert self._failure is not None
        raise self._failure

    async def close(self) -> None:
        self._reactor.removeReader(self)
        self._socket.close()

    async def getpeername(self) -> object:
        return self._server

    async def getsockname(self) -> object:
        return self._socket.getsockname()

    def fileno(self) -> int:
        return self._socket.fileno()

    def logPrefix(self) -> str:
        return "dns"

    def doRead(self) -> None:
        try:
            datagram = self._socket.recv(_MOST_OCTETS)
        except BlockingIOError:
            return
        except OSError as error:
            self._fail(error)
            return
        if len(self._received) < _MOST_DATAGRAMS and not _too_many(datagram):
            self._received.append(datagram)
            self._wake()

    def connectionLost(self, reason: Failure) -> None:
        # An ICMP error without a datagram before it; or the reactor's end.
        number = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or ECONNREFUSED
        self._fail(OSError(number, strerror(number)))

    def _fail(self, error: OSError) -> None:
        self._reactor.removeReader(self)
        self._failure = error
        self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


class _Stream(Protocol):
    """What has come over TCP, no more of it than one message."""

    transport: Any  # a push producer too

    def __init__(self) -> None:
        self.received = bytearray()
        self.ended = False
        self.changed: Deferred[None] | None = None

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if len(self.received) >= _MOST_OCTETS:
            self.transport.pauseProducing()
        self._wake()

    def connectionLost(self, reason: object = None) -> None:
        self.ended = True
        self._wake()

    def _wake(self) -> None:
        changed, self.changed = self.changed, None
        if changed is not None:
            changed.callback(None)


class _Streams(Factory):
    noisy = False  # nothing in the log for each connection


class _Connection(StreamSocket):
    """TCP, for answers that do not fit into a datagram (:rfc:`7766`)."""

    def __init__(self, af: int, stream: _Stream, clock: IReactorTime) -> None:
        super().__init__(af, socket.SOCK_STREAM)
        self._stream = stream
        self._clock = clock

    async def sendall(self, what: bytes, timeout: float | None) -> None:
        self._stream.transport.write(what)

    async def recv(self, size: int, timeout: float | None) -> bytes:
        """All of it, or less at the end of the connection."""
        stream = self._stream
        await _wait(self._clock, self._until(size), timeout)
        data = bytes(stream.received[:size])
        del stream.received[:size]
        if _too_many(data):
            raise FormError("too many records")  # type: ignore[no-untyped-call]
        return data

    async def _until(self, size: int) -> None:
        stream = self._stream
        while len(stream.received) < size and not stream.ended:
            stream.changed = Deferred()
            await stream.changed

    async def close(self) -> None:
        self._stream.transport.abortConnection()

    async def getpeername(self) -> object:
        peer: Any = self._stream.transport.getPeer()
        return peer.host, peer.port

    async def getsockname(self) -> object:
        host: Any = self._stream.transport.getHost()
        return host.host, host.port
