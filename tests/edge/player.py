"""
Play a client's part against a listener, in memory and on a clock.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from pymta.edge.listener import Listener

PEER = "192.0.2.7"


class Transport(StringTransport):
    """A transport whose end can be looked at."""

    aborted = False

    def abortConnection(self) -> None:
        self.aborted = True
        self.disconnecting = True


class Player:
    """
    One connection: say what the client says, look at what it hears.
    """

    gone = False

    def __init__(self, listener: Listener, clock: Clock, *, peer: str = PEER) -> None:
        self.clock = clock
        address = IPv4Address("TCP", peer, 4711)
        self.transport = Transport(
            hostAddress=IPv4Address("TCP", "192.0.2.1", 25), peerAddress=address
        )
        protocol = listener.buildProtocol(address)
        assert protocol is not None
        self.protocol = protocol
        protocol.makeConnection(self.transport)

    def say(self, data: bytes) -> bytes:
        """Send octets; what was heard since the last time."""
        self.protocol.dataReceived(data)
        return self.heard()

    def line(self, text: str) -> str:
        """Send a line; what was heard, as text."""
        return self.say(text.encode() + b"\r\n").decode()

    def heard(self) -> bytes:
        """What was heard since the last time."""
        self.clock.advance(0)
        data: bytes = self.transport.value()
        self.transport.clear()
        return data

    def play(self, script: str) -> None:
        """
        Play a transcript: ``C:`` lines are said, ``S:`` lines must be heard, in this order and
        nothing else; an ``S:`` that ends with ``...`` is a beginning.
        """
        self._heard = self.heard().decode()
        for line in filter(None, (line.lstrip() for line in script.splitlines())):
            who, _, text = line.partition(":")
            text = text.removeprefix(" ")
            if who == "C":
                assert "" == self._heard, "more was heard than the script has"
                self._heard = self.line(text)
            else:
                heard, _, self._heard = self._heard.partition("\r\n")
                begun = text.endswith("...") and heard.startswith(text[:-3])
                assert begun or text == heard
        assert "" == self._heard

    def reads_no_more(self) -> Any:
        """Let its transport be full after every write; the producer, to resume."""
        producer: Any = self.transport.producer
        write = self.transport.write

        def write_and_pause(data: bytes) -> None:
            write(data)
            producer.pauseProducing()

        self.transport.write = write_and_pause  # type: ignore[method-assign]
        return producer

    def hang_up(self) -> None:
        """The client is gone; idempotent."""
        if not self.gone:
            self.gone = True
            self.protocol.connectionLost(Failure(ConnectionLost()))

    @property
    def closed(self) -> bool:
        """Whether the server has closed."""
        return bool(self.transport.disconnecting)
