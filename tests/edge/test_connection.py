"""
Tests for what a connection does for its conversation: TLS, back-pressure, limits, the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocol
from twisted.internet.task import Clock
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from pymta.edge.connection import LINGER, PENDING, Connection
from pymta.edge.listener import Door, Listener
from pymta.edge.switch import Client
from pymta.wire import NEED_DATA, NeedData
from tests.edge.certificates import certificates
from tests.edge.player import Player
from tests.edge.tlsplayer import TLSPlayer


class Words:
    """A machine: words out of octets, octets for words."""

    def __init__(self) -> None:
        self._buffer = b""
        self._out = b""
        self.ended = False
        self.closing = False

    @property
    def held(self) -> int:
        return len(self._buffer)

    def receive_data(self, data: bytes) -> None:
        self._buffer += data
        self.ended = self.ended or not data

    def next_event(self) -> str | NeedData:
        word, space, rest = self._buffer.partition(b" ")
        if space:
            self._buffer = rest
            return word.decode()
        if self.ended and not self.closing:
            self.closing = True
            return "closed"
        return NEED_DATA

    def say(self, word: bytes) -> None:
        self._out += word

    def data_to_send(self) -> bytes:
        data, self._out = self._out, b""
        return data


class Talk:
    """Echoes; ``tls``, ``wait``, ``ask`` and ``fail`` are orders."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.machine = Words()
        self.gate: Deferred[None] = Deferred()
        self.ended: list[str] = []
        self.creator: object = certificates(clock)

    async def run(self, connection: Connection[str]) -> None:
        self.connection = connection
        try:
            while (word := await connection.next_event(30)) != "closed":
                await self._obey(word)
        except Exception as why:
            self.ended.append(type(why).__name__)
            raise
        self.ended.append("closed")

    async def _obey(self, word: str) -> None:
        match word:
            case "tls":
                await self.connection.start_tls(self.creator, 60)  # type: ignore[arg-type]
                self.machine.say(b"secure")
            case "wait":
                await self.gate
            case "binding":
                self.machine.say(repr(self.connection.channel_binding()).encode())
            case "fail":
                raise RuntimeError(word)
            case _:
                self.machine.say(word[:9].encode() + b" ")

    def stop(self) -> None: ...


class House:
    """A listener of talks."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.talks: list[Talk] = []
        self.listener = Listener(self.clock, self._begin, door=Door(), too_many=b"")
        self.player = Player(self.listener, self.clock)
        [self.talk] = self.talks

    def _begin(self, client: Client) -> tuple[Words, Talk]:
        talk = Talk(self.clock)
        self.talks.append(talk)
        return talk.machine, talk

    @property
    def reads(self) -> bool:
        """Whether the socket is read."""
        return "producing" == self.player.transport.producerState


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.player.hang_up()


def half_close(player: Player) -> None:
    half: Callable[[], None] = player.protocol.readConnectionLost  # type: ignore[attr-defined]
    half()


# -- back-pressure ---------------------------------------------------------------


def test_s09_a_busy_conversation_is_not_fed_more(house: House) -> None:
    """
    While the conversation waits for somebody else the socket is read up to a limit, and on again
    when all that had come is done.
    """
    house.player.say(b"wait ")
    slices = 0
    while house.reads and slices < 100:
        house.player.protocol.dataReceived(b"x " * 8192)
        slices += 1

    assert slices == PENDING // 16384 + 1
    house.talk.gate.callback(None)
    house.clock.advance(1)
    assert house.reads


def test_s09_nothing_is_kept_behind_the_end(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """
    What comes while the last octets leave is read, so that the close is seen, and thrown away.
    """
    house.player.say(b"fail ")
    for _ in range(100):
        house.player.protocol.dataReceived(b"x" * 65536)

    assert house.player.closed
    assert 0 == house.talk.machine.held
    assert house.reads


def test_full_transport_holds_back_until_there_is_room(house: House) -> None:
    """
    With a peer that does not read, the next word waits; what is over the time limit ends it.
    """
    producer = house.player.transport.producer
    assert producer is not None
    producer.pauseProducing()
    house.player.say(b"a b c ")
    assert [] == house.talk.ended
    producer.resumeProducing()
    assert b"a b c " == house.player.heard()
    producer.pauseProducing()
    house.player.say(b"d ")
    house.clock.advance(31)

    assert ["TimeLimit"] == house.talk.ended


# -- TLS ------------------------------------------------------------------------------


def test_tls_begins_on_a_socket_that_was_paused(house: House) -> None:
    """
    Whoever sent much before he began TLS is read again for the handshake.
    """
    house.player.say(b"wait ")
    house.player.protocol.dataReceived(b"x " * PENDING + b"tls ")
    assert not house.reads
    house.talk.gate.callback(None)
    while house.player.heard():
        pass

    assert house.reads
    assert b"secure" == TLSPlayer(house.player).heard()


@pytest.mark.parametrize("how", ["half closed", "gone"])
def test_tls_with_nobody_is_lost_at_once(house: House, how: str) -> None:
    """
    No handshake is waited for with a peer that has left before it began.
    """
    house.player.say(b"wait ")
    house.player.protocol.dataReceived(b"tls ")
    if how == "gone":
        house.player.hang_up()
    else:
        half_close(house.player)
    house.talk.gate.callback(None)

    assert ["Lost"] == house.talk.ended
    house.player.hang_up()
    assert 0 == house.listener.connections
    assert [] == house.clock.getDelayedCalls()


def test_tls_that_cannot_begin_loses_no_connection(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """
    Certificates that cannot be used end the connection, and it is counted no more.
    """

    @implementer(IOpenSSLServerConnectionCreator)
    class Broken:
        def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
            raise OSError("no such file")

    house.talk.creator = Broken()
    house.player.say(b"tls ")

    assert ["OSError"] == house.talk.ended
    house.player.hang_up()
    assert 0 == house.listener.connections


def test_handshake_takes_too_long(house: House) -> None:
    """
    A client that is silent in the handshake is cut off.
    """
    house.player.say(b"tls ")
    house.player.protocol.dataReceived(b"\x16")
    house.clock.advance(61)

    assert ["TimeLimit"] == house.talk.ended
    assert house.player.transport.aborted
    house.player.hang_up()
    assert [] == house.clock.getDelayedCalls()


def test_no_binding_of_a_connection_that_is_gone(house: House) -> None:
    """
    A login that is asked for by a client who left sees no binding, and does not fail for it.
    """
    house.player.say(b"tls ")
    secure = TLSPlayer(house.player)
    assert secure.say(b"binding ").removeprefix(b"secure").startswith((b"b'", b'b"'))
    secure.say(b"wait ")
    secure.say(b"binding ")
    house.player.hang_up()
    house.talk.gate.callback(None)

    assert ["closed"] == house.talk.ended


def test_pause_behind_tls(house: House) -> None:
    """
    Behind TLS, too, a busy conversation pauses the socket, and reads on when it is done.
    """
    house.player.say(b"tls ")
    secure = TLSPlayer(house.player)
    secure.say(b"wait ")
    for _ in range(6):
        secure.say(b"x " * 8000)
    assert not house.reads
    house.talk.gate.callback(None)
    house.clock.advance(1)

    assert house.reads


# -- the end --------------------------------------------------------------------------


def test_who_does_not_take_the_last_octets_is_cut_off(house: House) -> None:
    """
    The peer has some seconds to take what was said last; then the connection is gone.
    """
    half_close(house.player)
    assert ["closed"] == house.talk.ended
    assert not house.player.transport.aborted
    house.clock.advance(LINGER)

    assert house.player.transport.aborted


def test_transport_that_loses_the_connection_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    A transport that tells of the loss while it is closed, as those in memory do, is told no
    second time, and leaves no timer.
    """
    protocol: IProtocol = house.player.protocol
    monkeypatch.setattr(house.player.transport, "loseConnection", house.player.hang_up)
    protocol.dataReceived(b"a ")
    half_close(house.player)

    assert 0 == house.listener.connections
    assert [] == house.clock.getDelayedCalls()
