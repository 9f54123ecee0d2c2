"""
Tests for connecting to somebody: what the reactor is asked, time limits, and the end.
"""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectBindError, ConnectError, UserError
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure

from pymta.aio import CancelledError, sleep, start
from pymta.edge.accepting import room_for_files
from pymta.edge.dialling import Dialled, Unreachable, dial
from pymta.wire import NEED_DATA, NeedData
from tests.edge.player import Transport


class Echo:
    """A machine whose events are the octets that came; what is in ``says`` is said."""

    def __init__(self) -> None:
        self.closing = False
        self.says = b""
        self._heard: list[bytes] = []

    def receive_data(self, data: bytes) -> None:
        self._heard.append(data)

    def next_event(self) -> bytes | NeedData:
        return self._heard.pop(0) if self._heard else NEED_DATA

    def data_to_send(self) -> bytes:
        says, self.says = self.says, b""
        return says


def dialling(
    reactor: MemoryReactorClock, address: str = "192.0.2.25", port: int = 25, **rest: Any
) -> Deferred[Dialled[bytes]]:
    """Begin."""
    machine = Echo()
    machine.says = b"hello\r\n"
    return start(dial(reactor, reactor, machine, address=address, port=port, seconds=30, **rest))


def failed(dialled: Deferred[Any], kind: type[Exception]) -> str:
    """Why it failed."""
    failures: list[Any] = []
    dialled.addErrback(failures.append)  # type: ignore[unused-awaitable]
    assert failures[0].check(kind)
    return str(failures[0].value)


LOCAL = ("192.0.2.1", "2001:db8::1", "192.0.2.2")


@pytest.mark.parametrize(
    ("address", "local", "bound"),
    [
        pytest.param("192.0.2.25", (), None, id="IPv4"),
        pytest.param("2001:db8::25", (), None, id="IPv6"),
        pytest.param("192.0.2.25", LOCAL, ("192.0.2.1", 0), id="IPv4 from"),
        pytest.param("2001:db8::25", LOCAL, ("2001:db8::1", 0), id="IPv6 from"),
        pytest.param("2001:db8::25", LOCAL[:1], None, id="no address of this family"),
    ],
)
def test_addresses(address: str, local: tuple[str, ...], bound: tuple[str, int] | None) -> None:
    """
    The reactor is asked for this address, from the first of ours in its family.
    """
    reactor = MemoryReactorClock()
    waiting = dialling(reactor, address, local=local)
    host, port, _, limit, bind = map(str, reactor.tcpClients[0])

    assert (address, "25", "None", str(bound)) == (host, port, limit, bind)
    waiting.cancel()
    failed(waiting, CancelledError)


def test_unix() -> None:
    """
    Port 0 is the path of a UNIX socket.
    """
    reactor = MemoryReactorClock()
    waiting = dialling(reactor, "/run/lmtp", 0)

    assert "/run/lmtp" == reactor.unixClients[0][0]
    waiting.cancel()
    failed(waiting, CancelledError)


@pytest.mark.parametrize("address", ["mx.example.test", "", "192.0.2.25.example", "1.2.3"])
def test_no_address(address: str) -> None:
    """
    A name is never looked up here.
    """
    reactor = MemoryReactorClock()

    failed(dialling(reactor, address), ValueError)
    assert [] == reactor.tcpClients


def made(reactor: MemoryReactorClock, waiting: Deferred[Dialled[bytes]]) -> tuple[Any, Transport]:
    """Let the connection be made."""
    address = IPv4Address("TCP", "192.0.2.25", 25)
    transport = Transport(hostAddress=address, peerAddress=address)
    factory: Any = reactor.tcpClients[-1][2]
    protocol = factory.buildProtocol(address)
    protocol.makeConnection(transport)
    return protocol, transport


def test_connected() -> None:
    """
    The connection that was made is whoever dialled's, until it closes it.
    """
    reactor = MemoryReactorClock()
    waiting = dialling(reactor)
    protocol, transport = made(reactor, waiting)
    dialled: Dialled[bytes] = waiting.result  # type: ignore[assignment]
    heard = start(dialled.connection.next_event(5))
    protocol.dataReceived(b"220")

    assert b"220" == heard.result
    assert b"hello\r\n" == transport.value()
    assert "192.0.2.25" == dialled.connection.peer.host
    assert not dialled.over
    assert not transport.disconnecting
    dialled.close()
    dialled.close()
    assert dialled.over
    assert transport.disconnecting
    assert not transport.aborted
    protocol.connectionLost(Failure(ConnectError()))
    assert dialled.connection.ended.ended
    assert [] == reactor.getDelayedCalls()


def test_what_was_said_leaves_before_it_closes() -> None:
    """
    Closing writes what the machine still has to say; aborting cuts.
    """
    for end, aborted in ((Dialled.close, False), (Dialled.abort, True)):
        reactor = MemoryReactorClock()
        waiting = dialling(reactor)
        protocol, transport = made(reactor, waiting)
        dialled: Dialled[bytes] = waiting.result  # type: ignore[assignment]
        end(dialled)

        assert aborted == transport.aborted
        assert (b"" if aborted else b"hello\r\n") == transport.value()
        protocol.connectionLost(Failure(ConnectError()))
        assert dialled.connection.ended.ended
        assert [] == reactor.getDelayedCalls()


def test_whoever_does_not_close_is_cut_off() -> None:
    """
    A peer that keeps its side open is cut off after a while.
    """
    reactor = MemoryReactorClock()
    waiting = dialling(reactor)
    protocol, transport = made(reactor, waiting)
    dialled: Dialled[bytes] = waiting.result  # type: ignore[assignment]
    dialled.close()
    reactor.advance(10)

    assert transport.aborted
    protocol.connectionLost(Failure(ConnectError()))


@pytest.mark.parametrize(
    ("why", "text", "ours"),
    [
        (ConnectError(string="No route to host"), "No route to host", False),
        (ConnectError(errno.EHOSTUNREACH, "No route to host"), "No route to host", False),
        (ConnectError(errno.EADDRNOTAVAIL, "no port"), "no port", True),
        (ConnectError(OSError(errno.EMFILE, "no file"), "no file"), "no file", True),
        (ConnectBindError(errno.EADDRINUSE, "taken"), "taken", True),
    ],
    ids=["nothing", "theirs", "ports", "files", "bind"],
)
def test_refused(why: ConnectError, text: str, ours: bool) -> None:
    """
    Why there is no connection is told, and whether it says anything of who was called.
    """
    reactor = MemoryReactorClock()
    waiting = dialling(reactor)
    told: list[Any] = []
    _ = waiting.addErrback(told.append)
    reactor.tcpClients[0][2].clientConnectionFailed(reactor.connectors[0], Failure(why))

    assert text in str(told[0].value)
    assert ours == told[0].value.ours
    assert [] == reactor.getDelayedCalls()


def test_time_limit() -> None:
    """
    After the time the attempt is given up, and what comes of it later is turned away.
    """
    reactor = MemoryReactorClock()
    waiting = dialling(reactor)
    reactor.advance(29)
    assert not waiting.called
    reactor.advance(1)

    assert "no answer in time" == failed(waiting, Unreachable)
    assert reactor.connectors[0]._disconnected
    assert reactor.tcpClients[0][2].buildProtocol(None) is None
    assert [] == reactor.getDelayedCalls()


def test_cancelled() -> None:
    """
    Cancelled, the attempt is given up; the reactor's own word of that is no second answer.
    """
    reactor = MemoryReactorClock()
    waiting = dialling(reactor)
    waiting.cancel()
    failed(waiting, CancelledError)
    reactor.tcpClients[0][2].clientConnectionFailed(reactor.connectors[0], Failure(UserError()))

    assert reactor.connectors[0]._disconnected
    assert [] == reactor.getDelayedCalls()


# -- real sockets --------------------------------------------------------------


class Greeter(Protocol):
    """Says something and closes."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"220")
        self.transport.loseConnection()


async def greeted(port: Any, address: str, number: int, **rest: Any) -> str:
    """Dial a greeter, hear it, and see it leave; our own address."""
    from twisted.internet import reactor

    try:
        clock: Any = reactor
        dialled = await dial(
            reactor, clock, Echo(), address=address, port=number, seconds=5, **rest
        )
        assert b"220" == await dialled.connection.next_event(5)
        assert b"" == await dialled.connection.next_event(5)
        local = dialled.connection.local.host
        dialled.close()
        await dialled.connection.ended.wait()
        return local
    finally:
        await port.stopListening()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
@pytest_twisted.ensureDeferred
async def test_real_tcp(address: str) -> None:
    """
    Over IPv4 and IPv6, and from an address of ours.
    """
    from twisted.internet import reactor

    real: Any = reactor
    port = real.listenTCP(0, Factory.forProtocol(Greeter), interface=address)
    local = ("127.0.0.2", "::1")

    assert await greeted(port, address, port.getHost().port, local=local) in local


@pytest_twisted.ensureDeferred
async def test_the_end_of_a_message_waits_for_no_acknowledgement() -> None:
    """
    What is dialled sends what it is given, also while octets before it are on their way.
    """
    from twisted.internet import reactor

    real: Any = reactor
    port = real.listenTCP(0, Factory.forProtocol(Greeter), interface="127.0.0.1")
    dialled = await dial(
        real, real, Echo(), address="127.0.0.1", port=port.getHost().port, seconds=5
    )
    socket: Any = dialled.connection._raw
    delays_nothing = socket.getTcpNoDelay()
    dialled.abort()
    await dialled.connection.ended.wait()
    await port.stopListening()

    assert delays_nothing


@pytest_twisted.ensureDeferred
async def test_real_unix(tmp_path: Path) -> None:
    """
    Over a UNIX socket.
    """
    from twisted.internet import reactor

    real: Any = reactor
    path = str(tmp_path / "s")

    await greeted(real.listenUNIX(path, Factory.forProtocol(Greeter)), path, 0)


@pytest_twisted.ensureDeferred
async def test_real_nobody(tmp_path: Path) -> None:
    """
    Where nobody listens, that is known at once.
    """
    from twisted.internet import reactor

    real: Any = reactor
    port = real.listenTCP(0, Factory.forProtocol(Greeter), interface="127.0.0.1")
    number = port.getHost().port
    await port.stopListening()
    for address, where in (("127.0.0.1", number), (str(tmp_path / "none"), 0)):
        with pytest.raises(Unreachable):
            await dial(reactor, real, Echo(), address=address, port=where, seconds=5)


@pytest_twisted.ensureDeferred
async def test_real_no_more_files(tmp_path: Path) -> None:
    """
    Where the process may open no more files there is no connection, of either kind.
    """
    from twisted.internet import reactor

    taken = []
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, limits[1]))
    try:
        while room_for_files():
            taken.append(os.open(os.devnull, os.O_RDONLY))
        for address, port in (("127.0.0.1", 25), (str(tmp_path / "none"), 0)):
            with pytest.raises(Unreachable) as no:
                await dial(reactor, reactor, Echo(), address=address, port=port, seconds=5)
            assert no.value.ours
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for file in taken:
            os.close(file)


@pytest_twisted.ensureDeferred
async def test_real_cancel() -> None:
    """
    A cancelled attempt leaves nothing behind in the reactor.
    """
    from twisted.internet import reactor

    real: Any = reactor
    port = real.listenTCP(0, Factory.forProtocol(Greeter), interface="127.0.0.1")
    number = port.getHost().port
    waiting = start(dial(reactor, real, Echo(), address="127.0.0.1", port=number, seconds=5))
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    await port.stopListening()
    await sleep(real, 0)
    assert not [each for each in real.getReaders() if "Client" in type(each).__name__]
