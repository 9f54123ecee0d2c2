"""
Connecting to somebody: a client's :class:`~pymta.edge.connection.Connection`.

To IP addresses and UNIX sockets only: whoever looks names up has done so.  Whoever dials is the
conversation: it holds the connection until it closes or aborts it.
"""

from __future__ import annotations

import errno
from collections.abc import Sequence
from typing import Any, Generic, TypeVar

from twisted.internet.abstract import isIPAddress, isIPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectBindError, ConnectError
from twisted.internet.interfaces import (
    IAddress,
    IConnector,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from pymta.aio import TimeLimit, timeout
from pymta.edge.connection import Connection, Machine
from pymta.edge.peers import Peers
from pymta.edge.switch import Switch
from pymta.errors import PymtaError

__all__ = ["Dialled", "Unreachable", "dial"]

E = TypeVar("E")

NOBODY = Peers()


_SHORTAGES = frozenset(
    {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN, errno.EADDRNOTAVAIL}
)


class Unreachable(PymtaError):
    """
    There is no connection; the message says why.

    :param ours: this machine lacks something (files, memory, ports, the address to connect from):
        it says nothing of who was called.
    """

    def __init__(self, message: str, *, ours: bool = False) -> None:
        super().__init__(message)
        self.ours = ours


class Dialled(Generic[E]):
    """
    A connection that we opened; :meth:`close` or :meth:`abort` it, however it ends.

    :ivar connection: for what a conversation does.
    """

    def __init__(self, clock: IReactorTime, machine: Machine[E]) -> None:
        self.connection: Connection[E] = Connection(clock, machine, self._hold)
        self.made: Deferred[None] = Deferred()
        self._over: Deferred[None] = Deferred()

    async def _hold(self, connection: Connection[E]) -> None:
        self.made.callback(None)
        await self._over

    @property
    def over(self) -> bool:
        """Whether it was closed or aborted, here."""
        return self._over.called

    def close(self) -> None:
        """Close when all that was said has left; idempotent."""
        if not self._over.called:
            self._over.callback(None)

    def abort(self) -> None:
        """Cut it, and what was not written yet never is; idempotent."""
        self.connection.machine.data_to_send()
        self.connection.abort()
        self.close()


async def dial(
    reactor: Any,
    clock: IReactorTime,
    machine: Machine[E],
    *,
    address: str,
    port: int,
    seconds: float,
    local: Sequence[str] = (),
) -> Dialled[E]:
    """
    Connect.

    :param reactor: provides ``IReactorTCP``, and ``IReactorUNIX`` for a path.
    :param address: an IP address; the path of a UNIX socket with port 0.
    :param local: our own addresses; the first of the same family is connected from.
    :raises Unreachable: nobody answers there within the time.
    :raises ValueError: no address.
    """
    dialled = Dialled(clock, machine)
    factory = _Calling(clock, dialled)
    try:
        if not port:
            reactor.connectUNIX(address, factory, timeout=None)
        else:
            bound = _bound(address, local)
            reactor.connectTCP(address, port, factory, timeout=None, bindAddress=bound)
    except OSError as error:  # no more files: told by a Failure for TCP alone
        raise Unreachable(str(error), ours=error.errno in _SHORTAGES) from None
    try:
        await timeout(clock, seconds, dialled.made)
    except TimeLimit:
        raise Unreachable("no answer in time") from None
    except ConnectError as error:
        ours = isinstance(error, ConnectBindError) or _errno(error) in _SHORTAGES
        raise Unreachable(str(error), ours=ours) from None
    finally:
        factory.hang_up()
    return dialled


def _errno(error: ConnectError) -> int | None:
    cause = error.osError
    return cause.errno if isinstance(cause, OSError) else cause


def _bound(address: str, local: Sequence[str]) -> tuple[str, int] | None:
    family = isIPv6Address if isIPv6Address(address) else isIPAddress
    if not family(address):
        # The reactor would look it up by itself, in a thread that has no time limit.
        raise ValueError(f"no IP address: {address!r}")
    return next(((ours, 0) for ours in local if family(ours)), None)


@implementer(IProtocolFactory)
class _Calling:
    """What the reactor tells of one attempt."""

    noisy = False

    def __init__(self, clock: IReactorTime, dialled: Dialled[Any]) -> None:
        self._clock = clock
        self._dialled = dialled
        self._connector: IConnector | None = None
        self._over = False

    def hang_up(self) -> None:
        """Nobody waits for this attempt any more; a connection that was made stays."""
        self._over = True
        connector, self._connector = self._connector, None
        if connector is not None:
            connector.disconnect()

    def startedConnecting(self, connector: IConnector) -> None:
        self._connector = connector

    def buildProtocol(self, addr: IAddress) -> IProtocol | None:
        self._connector = None
        if self._over:
            return None
        connection = self._dialled.connection
        return Switch(self._clock, lambda client: connection, proxies=NOBODY, seconds=0)

    def clientConnectionFailed(self, connector: IConnector, reason: Failure) -> None:
        self._connector = None
        if not self._over:
            self._dialled.made.errback(reason)

    def clientConnectionLost(self, connector: IConnector, reason: Failure) -> None:
        """The connection itself knows."""

    def doStart(self) -> None: ...

    def doStop(self) -> None: ...
