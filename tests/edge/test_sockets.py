"""
Tests for sockets that one process binds and others accept from.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory, Protocol

from pymta.aio import timeout
from pymta.edge.sockets import Bound, HandedEndpoint, bound

LOOPBACK = "tcp:0:interface=127.0.0.1"


def of_some(endpoint: str, *, workers: int) -> Bound:
    """What must be there."""
    made = bound(reactor, endpoint, workers=workers)
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("endpoint", "family", "host"),
    [
        pytest.param(LOOPBACK, socket.AF_INET, "127.0.0.1", id="IPv4"),
        pytest.param("tcp6:0:interface=\\:\\:1", socket.AF_INET6, "::1", id="IPv6"),
        pytest.param("tcp:0:interface=\\:\\:1", socket.AF_INET6, "::1", id="IPv6 by its address"),
    ],
)
def test_each_worker_has_its_own(endpoint: str, family: int, host: str) -> None:
    """At one port, of the kind that the endpoint says; all of them listen, and none blocks."""
    made = of_some(endpoint, workers=3)
    try:
        assert 3 == len({made.of(number).fileno() for number in (1, 2, 3)})
        assert 1 == len({made.of(number).getsockname() for number in (1, 2, 3)})
        assert family == made.of(1).family
        assert host == made.of(1).getsockname()[0]
        assert [1] * 3 == [
            each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) for each in made.sockets
        ]
        assert not any(each.getblocking() for each in made.sockets)
    finally:
        made.close()
    assert all(each.fileno() == -1 for each in made.sockets)


def test_connections_are_dealt_out() -> None:
    """A hundred of them: each of two sockets gets its share, and every one is in a backlog."""
    made = of_some(f"{LOOPBACK}:backlog=200", workers=2)
    clients = [socket.create_connection(made.of(1).getsockname()) for _ in range(100)]
    try:
        accepted = [accepted_from(each) for each in made.sockets]
        assert 100 == sum(accepted)
        assert min(accepted) > 20
    finally:
        for client in clients:
            client.close()
        made.close()


def accepted_from(listening: socket.socket) -> int:
    """How many wait there."""
    count = 0
    while True:
        try:
            listening.accept()[0].close()
        except BlockingIOError:
            return count
        count += 1


@pytest.mark.parametrize("shared", [False, True], ids=["another's", "workers of another server"])
def test_taken(shared: bool) -> None:
    """A port is not shared with another server, not even with one that shares its own."""
    other = of_some(LOOPBACK, workers=2 if shared else 1)
    port = other.of(1).getsockname()[1]
    try:
        with pytest.raises(CannotListenError) as refused:
            bound(reactor, f"tcp:{port}:interface=127.0.0.1", workers=2)
        assert port == refused.value.port
    finally:
        other.close()


@pytest.mark.parametrize(
    "endpoint", ["unix:/nowhere/lmtp", "haproxy:tcp:0:interface=127.0.0.1"], ids=["UNIX", "wrapped"]
)
def test_what_only_one_can_listen_at(endpoint: str) -> None:
    """Is bound by nobody here."""
    assert bound(reactor, endpoint, workers=2) is None


@pytest.mark.parametrize("endpoint", ["nonsense:1", "tcp:x", ""])
def test_no_endpoint(endpoint: str) -> None:
    """Is told as Twisted tells it."""
    with pytest.raises((ValueError, LookupError)):
        bound(reactor, endpoint, workers=2)


class Greeting(Protocol):
    """Says which socket it was accepted from."""

    def connectionMade(self) -> None:
        assert self.transport is not None
        self.transport.write(b"hello")
        self.transport.loseConnection()


@ensureDeferred
async def test_a_handed_one_accepts() -> None:
    """In the process that got it, with the backlog that was asked for."""
    made = of_some(f"{LOOPBACK}:backlog=7", workers=2)
    own = made.of(2)
    handed = (socket.dup(own.fileno()), int(own.family), made.backlog)
    port: Any = await HandedEndpoint(reactor, handed).listen(Factory.forProtocol(Greeting))
    made.close()
    number = port.getHost().port
    try:
        assert 7 == backlog_of(port.socket)
        assert b"hello" == await said_by(number)
    finally:
        await port.stopListening()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", number))


def backlog_of(listening: socket.socket) -> int:
    """As the kernel has it: ``tcpi_sacked``, which is the longest backlog of one that listens."""
    told = listening.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
    return int.from_bytes(told[28:32], sys.byteorder)


async def said_by(port: int) -> bytes:
    """All that it says."""
    ended: Deferred[bytes] = Deferred()

    class Reading(Protocol):
        octets = b""

        def dataReceived(self, data: bytes) -> None:
            self.octets += data

        def connectionLost(self, reason: Any = None) -> None:
            ended.callback(self.octets)

    clock: Any = reactor
    await connectProtocol(TCP4ClientEndpoint(clock, "127.0.0.1", port), Reading())
    return await timeout(clock, 10, ended)
