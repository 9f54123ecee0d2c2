"""
Play a server's part for our own client, in memory and on a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import connectionDone
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

from pymta.aio import start
from pymta.interfaces.content import SLICE, IContent, Octets
from pymta.interfaces.relay import Host, TLSLevel, TLSPolicy
from pymta.sasl import Credentials
from pymta.smtp.client_answers import Answer
from pymta.smtp.client_dialler import Dialler
from pymta.smtp.client_session import ClientSession
from pymta.smtp.client_settings import ClientSettings
from tests.edge.player import Transport
from tests.sasl.accounts import counting
from tests.smtp.client_far import BOB, NONE, SENDER

T = TypeVar("T")

ADDRESS = "192.0.2.25"
HOST = Host(name="mx.example.test", addresses=(ADDRESS,))
MAY = TLSPolicy(level=TLSLevel.MAY)
CONTENT = Octets(b"Subject: x\r\n\r\n.dot\r\n")

PLAIN = """
    S: 220 mx.example.test
    C: EHLO client.example.org
    S: 250 mx.example.test
"""
PIPELINING = """
    S: 220 mx.example.test
    C: EHLO client.example.org
    S: 250-mx.example.test
    S: 250-PIPELINING
    S: 250 ENHANCEDSTATUSCODES
"""

WHERE = "mx.example.test[192.0.2.25]:25"
ENVELOPE = """
    C: MAIL FROM:<ann@example.org>
    S: 250 2.1.0 ok
    C: RCPT TO:<bob@example.test>
    S: 250 2.1.5 ok
    C: DATA
"""
WANTED = """
    S: 354 go on
    C: Subject: x
    C:
    C: ..dot
    C: .
"""
LMTP = """
    S: 220 mx
    C: LHLO client.example.org
    S: 250-mx
    S: 250-PIPELINING
    S: 250 ENHANCEDSTATUSCODES
"""
CHUNKING = f"{PIPELINING}\n".replace("S: 250 EN", "S: 250-CHUNKING\nS: 250 EN")
LEAVING = "421 4.3.2 shutting down"


def now(deferred: Deferred[T]) -> T:
    """What has come of it by now."""
    results: list[Any] = []
    deferred.addBoth(results.append)  # type: ignore[unused-awaitable]
    assert results, "nothing has come of it yet"
    if isinstance(results[0], Failure):
        results[0].raiseException()
    value: T = results[0]
    return value


class SlowTransport(Transport):
    """A transport that can be full."""

    room = 1_000_000

    def full_after(self, writes: int) -> None:
        """There is room again, for so many writes."""
        self.room = writes
        assert self.producer is not None
        self.producer.resumeProducing()

    def write(self, data: bytes) -> None:
        super().write(data)
        self.room -= 1
        if self.room == 0:
            assert self.producer is not None
            self.producer.pauseProducing()


class Line:
    """One connection, from the server's side."""

    def __init__(self, peer: Peer, factory: Any) -> None:
        self.clock = peer.reactor
        address = IPv4Address("TCP", ADDRESS, 25)
        self.transport = SlowTransport(
            hostAddress=IPv4Address("TCP", "192.0.2.1", 4711), peerAddress=address
        )
        self.gone = False
        self.rest = b""
        self.protocol = factory.buildProtocol(address)
        self.protocol.makeConnection(self.transport)

    def heard(self) -> bytes:
        """What was heard since the last time; a connection that the client closed is lost."""
        self.clock.advance(0)
        data: bytes = self.transport.value()
        self.transport.clear()
        if self.transport.disconnecting:
            self.hang_up()
        return data

    def say(self, data: bytes) -> bytes:
        """Send octets; what was heard since the last time."""
        if not self.gone:
            self.protocol.dataReceived(data)
        return self.heard()

    def lines(self, *texts: str) -> str:
        """Send lines; what was heard, as text."""
        return self.say(_wire(texts)).decode()

    def play(self, script: str) -> None:
        """
        Play a transcript: ``S:`` lines are said, those that stand together in one piece; ``C:``
        lines must be heard, in this order and nothing else.  What is heard after a
        last ``S:`` is in :attr:`rest`.
        """
        heard = self.heard().decode()
        saying: list[str] = []
        for line in filter(None, (line.lstrip() for line in script.splitlines())):
            who, _, text = line.partition(":")
            text = text.removeprefix(" ")
            if who == "S":
                assert "" == heard, "more was heard than the script has"
                saying.append(text)
                continue
            if saying:
                heard, saying = self.lines(*saying), []
            first, _, heard = heard.partition("\r\n")
            assert text == first
        assert "" == heard
        if saying:
            self.rest = self.say(_wire(saying))

    def finish(self) -> None:
        """Close our side, in order."""
        self.protocol.readConnectionLost()
        self.heard()

    def hang_up(self, reason: Exception | None = None) -> None:
        """The connection is gone."""
        if not self.gone:
            self.gone = True
            lost = connectionDone if reason is None else Failure(reason)
            self.protocol.connectionLost(lost)

    def reset(self) -> None:
        """The connection breaks."""
        self.hang_up(ConnectionLost())


def _wire(lines: Sequence[str]) -> bytes:
    return b"".join(line.encode() + b"\r\n" for line in lines)


class Peer:
    """
    A client and its server.

    :param settings: of the client.
    """

    def __init__(self, **settings: Any) -> None:
        self.reactor = MemoryReactorClock()
        self.settings = ClientSettings(helo="client.example.org", **settings)
        self.dialler = Dialler(self.reactor, self.reactor, self.settings, random=counting)
        self.connections: list[Line] = []

    def open(
        self, policy: TLSPolicy = NONE, credentials: Credentials | None = None, host: Host = HOST
    ) -> Deferred[ClientSession]:
        """The client begins."""
        return start(self.dialler.open(host, host.addresses[0], policy, credentials))

    def accept(self) -> Line:
        """Take its last connection."""
        self.connections.append(Line(self, self.reactor.tcpClients[-1][2]))
        return self.connections[-1]

    def session(self, opening: str = PLAIN, **open_: Any) -> tuple[ClientSession, Line]:
        """A session, opened by this dialogue."""
        opened = self.open(**open_)
        line = self.accept()
        line.play(opening)
        return now(opened), line

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.reactor.advance(seconds)
        for line in self.connections:
            line.heard()

    def end(self) -> None:
        """All hang up; nothing is left then that would wake anybody."""
        for line in self.connections:
            line.hang_up()
        self.reactor.advance(0)
        assert [] == self.reactor.getDelayedCalls()


def send(
    session: ClientSession, recipients: Sequence[Any] = (BOB,), content: IContent = CONTENT
) -> Deferred[tuple[Answer, ...]]:
    """Begin to send."""
    return start(session.send(SENDER, recipients, content))


@contextmanager
def playing(**settings: Any) -> Iterator[Peer]:
    """A peer, looked after."""
    peer = Peer(**settings)
    yield peer
    peer.end()


def told(answers: tuple[Answer, ...]) -> list[tuple[int, str, str]]:
    """Recipients, codes and stages, for comparing."""
    return [(a.recipient.id, str(a.reply), a.stage.name) for a in answers]


@implementer(IContent)
class Slow:
    """Content whose slices come when a test says so."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked: Deferred[bytes] | None = None

    @property
    def given(self) -> bool:
        """Whether the last slice that was asked for is there, and no other was."""
        return self.asked is not None and self.asked.called

    def read(self, start: int, stop: int) -> Deferred[bytes]:
        self.asked = Deferred()
        return self.asked

    def give(self) -> None:
        """The slice that was asked for is there."""
        assert self.asked is not None
        self.asked.callback(b"x" * SLICE)
