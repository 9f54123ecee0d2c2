"""Writing at once: in order, whole, and left to the transport where it must be."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.internet.unix import Server as UNIXServer

from pymta.edge.writing import undelayed, write_now


class Peer:
    """A socket of Twisted's, whose reactor does nothing by itself, and its other end."""

    def __init__(self) -> None:
        ours, self.socket = socket.socketpair()
        ours.setblocking(False)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        self.reactor = MemoryReactor()
        nothing: Any = None
        self.transport: Any = Server(ours, nothing, ("", 0), nothing, 1, self.reactor)
        self.transport.connected = 1

    @property
    def waits(self) -> bool:
        """Whether the transport asked the reactor to be told when there is room."""
        return self.transport in self.reactor.getWriters()

    def close(self) -> None:
        self.transport.socket.close()
        self.socket.close()


@pytest.fixture
def peer() -> Any:
    made = Peer()
    yield made
    made.close()


def test_a_line_is_there_at_once(peer: Peer) -> None:
    """No turn of the reactor is needed for what the socket takes."""
    write_now(peer.transport, b"250 Ok\r\n")

    assert b"250 Ok\r\n" == peer.socket.recv(100)
    assert not peer.waits


def test_what_waits_goes_first(peer: Peer) -> None:
    """What was given to the transport and has not left yet is not overtaken."""
    peer.transport.write(b"first ")
    write_now(peer.transport, b"second")
    peer.transport.doWrite()

    assert b"first second" == peer.socket.recv(100)


def test_the_rest_is_left_to_the_transport(peer: Peer) -> None:
    """A socket that takes a part gets the rest behind it, every octet once."""
    data = bytes(range(256)) * 8192
    write_now(peer.transport, data)
    assert peer.waits
    write_now(peer.transport, b"end")
    peer.socket.setblocking(False)
    seen = bytearray()
    while len(seen) < len(data) + 3:
        try:
            seen += peer.socket.recv(65536)
        except BlockingIOError:
            assert peer.waits
            peer.transport.doWrite()

    assert data + b"end" == bytes(seen)
    assert not peer.waits


def test_a_lost_peer_is_left_to_the_transport(peer: Peer) -> None:
    """A socket that fails is not an error here: the transport finds it for itself."""
    peer.transport.socket.shutdown(socket.SHUT_WR)
    write_now(peer.transport, b"250 Ok\r\n")

    assert peer.waits


def test_other_transports_write_as_they_do() -> None:
    """TLS, or one of a test."""
    transport = StringTransport()
    write_now(transport, b"250 Ok\r\n")

    assert b"250 Ok\r\n" == transport.value()


def accepted() -> tuple[socket.socket, socket.socket]:
    """Both ends of a connection over 127.0.0.1."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        theirs = socket.create_connection(listening.getsockname())
        return listening.accept()[0], theirs


def test_the_end_of_an_answer_waits_for_no_acknowledgement() -> None:
    """
    A TCP socket sends what it is given, also while octets before it are on their way.
    """
    ours, theirs = accepted()
    nothing: Any = None
    with ours, theirs:
        undelayed(Server(ours, nothing, ("127.0.0.1", 0), nothing, 1, MemoryReactor()))

        assert 1 == ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_sockets_that_delay_nothing_are_left_alone() -> None:
    """
    One of UNIX, which is a kind of TCP to Twisted and none to the system.
    """
    ours, theirs = socket.socketpair()
    nothing: Any = None
    with ours, theirs:
        transport: Any = UNIXServer(ours, nothing, "", nothing, 1, MemoryReactor())
        transport.connected = 1
        undelayed(transport)
        undelayed(StringTransport())
        write_now(transport, b"250 Ok\r\n")

        assert b"250 Ok\r\n" == theirs.recv(100)
