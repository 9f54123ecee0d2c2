"""
Listening sockets that one process binds and others accept from.

Each worker has a socket of its own at the same port (``SO_REUSEPORT``): the kernel deals the
connections out evenly, and no worker is woken for another's.  The process that has bound them
keeps them open, so that those who come while a worker is started again wait in its backlog.
Sockets of systemd are shared by all: whoever is free accepts.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    AdoptedStreamServerEndpoint,
    TCP4ServerEndpoint,
    TCP6ServerEndpoint,
    serverFromString,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["Bound", "Handed", "HandedEndpoint", "bound"]

_BACKLOG = 50

# Elsewhere the last one who has bound a port gets all connections.
_DEALT = sys.platform.startswith("linux")

Handed: TypeAlias = Sequence[int]
"""A socket in the process that got it: descriptor, address family, backlog."""


@dataclass(frozen=True, slots=True)
class Bound:
    """
    One port, bound and listening.

    :param sockets: one for each worker, or one for all of them.
    """

    sockets: Sequence[socket.socket]
    backlog: int

    def of(self, worker: int) -> socket.socket:
        """That of a worker, from 1."""
        return self.sockets[(worker - 1) % len(self.sockets)]

    def close(self) -> None:
        """Here; whoever got one has it still."""
        for each in self.sockets:
            each.close()


def bound(reactor: Any, endpoint: str, *, workers: int) -> Bound | None:
    """
    Bind what an endpoint of Twisted's says.

    :returns: None for what only one process can listen at: a UNIX socket, which the one that
        stops takes away, or whatever wraps another endpoint.
    :raises ValueError: :raises LookupError: there is no such endpoint.
    :raises CannotListenError: the port is taken.
    """
    found: Any = serverFromString(reactor, endpoint)
    if type(found) is AdoptedStreamServerEndpoint:
        if found.addressFamily == socket.AF_UNIX:
            raise ValueError("a UNIX socket of systemd's cannot be shared by workers")
        return Bound([socket.socket(fileno=found.fileno)], _BACKLOG)
    if type(found) not in (TCP4ServerEndpoint, TCP6ServerEndpoint):
        return None
    binder = _Binder(workers if _DEALT else 1)
    # It knows what its description means, and asks its reactor for just that.
    refused: list[Failure] = []
    listening: Any = serverFromString(binder, endpoint).listen(Factory())
    listening.addErrback(refused.append)
    for failure in refused:
        failure.raiseException()
    return binder.bound


class _Binder:
    """In the place of an endpoint's reactor."""

    def __init__(self, sockets: int) -> None:
        self._sockets = sockets
        self.bound: Bound | None = None

    def listenTCP(
        self, port: int, factory: object, backlog: int = _BACKLOG, interface: str = ""
    ) -> None:
        try:
            self.bound = Bound(_listening(port, interface, self._sockets, backlog), backlog)
        except OSError as error:
            raise CannotListenError(interface, port, error) from None


def _listening(port: int, interface: str, count: int, backlog: int) -> list[socket.socket]:
    family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
    # Whoever shares a port lets others of the same user share it too: not with another server.
    with _bound(family, interface, port, shared=False) as probe:
        port = probe.getsockname()[1]
    sockets: list[socket.socket] = []
    try:
        for _ in range(count):
            sockets.append(_bound(family, interface, port, shared=count > 1))
        for each in sockets:
            each.listen(backlog)
    except BaseException:
        for each in sockets:
            each.close()
        raise
    return sockets


def _bound(family: int, interface: str, port: int, *, shared: bool) -> socket.socket:
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((interface, port))
    except BaseException:
        made.close()
        raise
    return made


@implementer(IStreamServerEndpoint)
class HandedEndpoint:
    """Accepts from a socket that this process was given; once."""

    def __init__(self, reactor: Any, handed: Handed) -> None:
        descriptor, family, self._backlog = handed
        self._inner = AdoptedStreamServerEndpoint(reactor, descriptor, family)

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        listening: Deferred[IListeningPort] = self._inner.listen(protocolFactory)
        return listening.addCallback(self._widen)

    def _widen(self, port: IListeningPort) -> IListeningPort:
        # Adopting it has set the backlog to Twisted's default.
        port.socket.listen(self._backlog)  # type: ignore[attr-defined]  # each TCP port has one
        return port
