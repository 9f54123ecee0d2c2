"""
The factory behind an endpoint, for every protocol: it counts connections, makes a machine and
a conversation for each, and stops them all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IReactorTime,
)
from twisted.logger import Logger
from zope.interface import implementer

from pymta.aio import TimeLimit, gather, timeout
from pymta.edge.connection import Connection, Machine
from pymta.edge.limits import ConnectionCount
from pymta.edge.peers import Peers
from pymta.edge.switch import Client, Switch
from pymta.interfaces.observe import IObserver
from pymta.session import Role

__all__ = ["Begin", "Door", "Listener", "Served", "Talk", "listener_for"]

_log = Logger(namespace="pymta.edge")

# Ids are words: programs that read a log split lines at blanks.
_UNSAFE = re.compile(r"[^A-Za-z0-9_.-]")


class Talk(Protocol):
    """What is said on one connection."""

    def run(self, connection: Connection[Any]) -> Coroutine[Deferred[Any], Any, None]:
        """From the greeting to the end; called once."""

    def stop(self) -> None:
        """End soon: at the next command boundary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """
    Who may come in.

    :param connections: shared by the listeners that share its limits; None is no limit.
    :param proxies: who must speak PROXY first; nobody else can.
    :param proxy_seconds: for the PROXY header, which its sender writes at once.
    :param numbers: of sessions, for their ids; shared by the listeners that share a log.
    :param name: of the listener, in its sessions and their ids; without one they go by its role.
    :param worker: which of a server's processes this is; from the second on it is in the ids.
    """

    connections: ConnectionCount | None = None
    proxies: Peers = field(default_factory=Peers)
    proxy_seconds: float = 10
    numbers: Iterator[int] = field(default_factory=lambda: count(1))
    name: str = ""
    worker: int = 1

    def session_id(self, role: Role, number: int) -> str:
        """
        ``submissions-1f``, of the second worker ``submissions.2-1f``: in every line about the
        session, so that it tells the listener.
        """
        name = _UNSAFE.sub("_", self.name) or role.value
        worker = "" if self.worker == 1 else f".{self.worker}"
        return f"{name}{worker}-{number:x}"


class Handshake(Protocol):
    """Seconds for TLS."""

    @property
    def handshake(self) -> float: ...


class Served(Protocol):
    """What the settings of all listeners have."""

    @property
    def clock(self) -> IReactorTime: ...
    @property
    def now(self) -> Callable[[], datetime]: ...
    @property
    def certificates(self) -> IOpenSSLServerConnectionCreator | None: ...
    @property
    def implicit_tls(self) -> bool: ...
    @property
    def door(self) -> Door: ...
    @property
    def timeouts(self) -> Handshake: ...
    @property
    def observer(self) -> IObserver | None: ...


Begin: TypeAlias = Callable[[Client], tuple[Machine[Any], Talk]]
"""Makes the machine and the talk for a client."""


@implementer(IProtocolFactory)
class Listener:
    """
    Give it to ``endpoint.listen``, and :meth:`stop` it when the port listens no more.

    :param too_many: what a client over the limits is told before it is closed.
    """

    noisy = False

    def __init__(
        self,
        clock: IReactorTime,
        begin: Begin,
        *,
        door: Door,
        too_many: bytes,
    ) -> None:
        self.clock = clock
        self.accepted = 0
        """Connections so far, those that were turned away included."""
        self._begin = begin
        self._door = door
        self._too_many = too_many
        self._open: dict[Talk, Connection[Any]] = {}
        self._stopped = False

    def doStart(self) -> None: ...

    def doStop(self) -> None: ...

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._open)

    def buildProtocol(self, addr: IAddress) -> IProtocol:
        self.accepted += 1
        door = self._door
        return Switch(self.clock, self._connect, proxies=door.proxies, seconds=door.proxy_seconds)

    def _connect(self, client: Client) -> Connection[Any] | bytes:
        if self._stopped:  # a proxy took its time to say who is there
            return b""
        counted = self._door.connections
        if counted is not None and not counted.enter(client.peer.host):
            _log.info(
                "{name}: [{peer}] is turned away: too many connections",
                name=self._door.name or "listener",
                peer=str(client.peer),
            )
            return self._too_many
        machine, talk = self._begin(client)
        connection: Connection[Any] = Connection(self.clock, machine, talk.run)
        self._open[talk] = connection
        connection.ended.tell(partial(self._forget, talk, client.peer.host))
        return connection

    def _forget(self, talk: Talk, host: str) -> None:
        del self._open[talk]
        if self._door.connections is not None:
            self._door.connections.leave(host)

    async def stop(self, seconds: float) -> None:
        """
        End each talk at its next command boundary, and wait until all connections are closed.

        What is open after this time is cut off; a commit under way still ends.  Nobody is let
        in any more.
        """
        self._stopped = True
        ending = list(self._open.items())
        for talk, _ in ending:
            talk.stop()
        try:
            await timeout(
                self.clock, seconds, gather(connection.ended.wait() for _, connection in ending)
            )
        except TimeLimit:
            for _, connection in ending:
                connection.abort()


def listener_for(settings: Served, begin: Begin, *, too_many: bytes) -> Listener:
    """
    What is given to an endpoint.

    :raises ValueError: implicit TLS without certificates.
    """
    if settings.implicit_tls and settings.certificates is None:
        raise ValueError("implicit TLS needs certificates")
    return Listener(settings.clock, begin, door=settings.door, too_many=too_many)
