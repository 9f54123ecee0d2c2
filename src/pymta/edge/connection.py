"""
One connection: a Twisted protocol that drives a machine (:mod:`pymta.wire`) for one coroutine.

The coroutine, the *conversation*, asks for events and answers them; it alone decides.  Here is
what no conversation should have to think of: back-pressure both ways, a time limit on every
wait, giving way after 2 ms, TLS begun in the middle, half-closed peers, and the end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, Protocol, TypeVar

from cryptography.x509 import Certificate
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IHandshakeListener,
    IOpenSSLClientConnectionCreator,
    IOpenSSLServerConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from pymta.aio import Shared, TimeLimit, breathe, start
from pymta.edge.peers import unmapped
from pymta.edge.tls import explained
from pymta.edge.writing import write_now
from pymta.session import TLS, Endpoint
from pymta.wire import NeedData

__all__ = ["Connection", "Conversation", "Lost", "Machine", "endpoint_of"]

E_co = TypeVar("E_co", covariant=True)
E = TypeVar("E")

_log = Logger(namespace="pymta.edge")

TURN = 0.002
"""
Seconds of commands after which a connection lets the others have their turn.  One of them may
come behind two such turns; with 5 ms, 64 KiB of NOOPs made 1 in 100 wait 19-28 ms on a busy
machine, with 2 ms 12-21.
"""
STREAK = 16
"""Events in a row after which the clock is looked at."""
PENDING = 64 * 1024
"""Octets that may wait for a busy conversation before the peer is asked to wait."""
LINGER = 10.0
"""Seconds for the last octets to leave, and the peer to close, before it is cut off."""


class Machine(Protocol[E_co]):
    """What a connection needs of a protocol machine."""

    @property
    def closing(self) -> bool: ...
    def receive_data(self, data: bytes) -> None: ...
    def next_event(self) -> E_co | NeedData: ...
    def data_to_send(self) -> bytes: ...


class Lost(Exception):
    """There is nobody to talk to any more: the machine has closed, or the peer has."""


Conversation = Callable[["Connection[E]"], Coroutine[Deferred[Any], Any, None]]


@implementer(IProtocol, IHandshakeListener, IPushProducer)
class Connection(Generic[E]):
    """
    What a conversation holds in its hand; a :class:`~pymta.edge.switch.Switch` connects it to
    the transport.

    :param conversation: started when the connection is made; when it ends, the connection is
        closed.  It is never cancelled by the peer's leaving: it hears of that from
        :meth:`next_event`, as the machine's own event.
    """

    def __init__(
        self, clock: IReactorTime, machine: Machine[E], conversation: Conversation[E]
    ) -> None:
        self.clock = clock
        self.machine = machine
        self.tls: TLS | None = None
        self.ended: Shared[None] = Shared()
        """When the conversation has ended and the connection is closed."""
        self._conversation = conversation
        self._transport: Any = None
        self._raw: Any = None
        self._secure: TLSMemoryBIOProtocol | None = None
        self._waiting: Deferred[None] | None = None
        self._listening: Deferred[object] | None = None
        self._draining: Deferred[None] | None = None
        self._handshake: Deferred[None] | None = None
        self._timer: IDelayedCall | None = None
        self._deadline = 0.0
        self._pending = 0
        self._turn = 0.0
        self._streak = 0
        self._full = False
        self._paused = False
        self._over = False
        self._left = False
        self._said_all = False

    # -- for the conversation -------------------------------------------------

    @property
    def lost(self) -> bool:
        """Whether the connection is gone, so that nothing said now is heard."""
        return self._left

    @property
    def peer(self) -> Endpoint:
        """The other end of the socket."""
        return endpoint_of(self._raw.getPeer())

    @property
    def local(self) -> Endpoint:
        """Our end of the socket."""
        return endpoint_of(self._raw.getHost())

    async def next_event(self, seconds: float) -> E:
        """
        The machine's next event.

        :param seconds: until the whole event is there; octets that come meanwhile do not
            lengthen it.
        :raises TimeLimit: they have passed.
        :raises Lost: the machine is closing, and all it said is on its way.
        """
        event = self.machine.next_event()
        if isinstance(event, NeedData):
            self._deadline = self.clock.seconds() + seconds
            while isinstance(event, NeedData):
                await self._more()
                event = self.machine.next_event()
        else:
            self._streak += 1
            if self._streak >= STREAK:
                await self._give_way()
        if self._full and not self._left:
            await self._drained(seconds)
        return event

    async def _give_way(self) -> None:
        self._streak = 0
        if self.clock.seconds() - self._turn > TURN:
            self.flush()
            await breathe(self.clock)
            self._turn = self.clock.seconds()

    def flush(self) -> None:
        """Write what the machine has to say."""
        data = self.machine.data_to_send()
        if data and not self._left:
            write_now(self._transport, data)

    async def written(self, seconds: float) -> None:
        """
        Write what the machine has to say, and wait while the peer lags behind.

        For answers of many slices, after each of them.

        :param seconds: until there is room again.
        :raises TimeLimit: they have passed.  :raises Lost: nobody is there any more.
        """
        self.flush()
        await self._give_way()
        if self._left:
            raise Lost
        if self._full:
            await self._drained(seconds)
            self._turn = self.clock.seconds()

    async def heard(self, seconds: float) -> None:
        """
        Write what the machine has to say, and wait until the peer has said something more,
        whether it makes an event or not.

        :param seconds: until then.  :raises TimeLimit: they have passed.
        :raises Lost: the machine is closing, or nobody is there any more.
        """
        self._deadline = self.clock.seconds() + seconds
        await self._more()

    def listen(self, seconds: float, heard: Callable[[], object]) -> None:
        """
        Call when the peer says something, or leaves, or has done neither for so long.

        For when nothing is asked of it, in place of a conversation that waits.  Once; at once where
        it has left already.  :meth:`look_away` takes it back.
        """
        if self._over:
            heard()
            return
        self._deadline = self.clock.seconds() + seconds
        self._listening = self._wait().addBoth(lambda _: heard())

    def look_away(self) -> None:
        """Whoever listens does no more; who waits for events still does."""
        if self._waiting is self._listening:
            self._waiting = None

    async def start_tls(
        self,
        creator: IOpenSSLServerConnectionCreator | IOpenSSLClientConnectionCreator,
        seconds: float,
    ) -> TLS:
        """
        Shake hands, after what was said so far.

        :param creator: of a client's end where it makes such, of a server's otherwise.
        :raises TimeLimit: it took too long.  :raises Lost: it failed; the text says why.
        """
        self.flush()
        if self._over:
            raise Lost
        self._read_on()
        self._transport.unregisterProducer()
        client = IOpenSSLClientConnectionCreator.providedBy(creator)
        factory = TLSMemoryBIOFactory(creator, client, _Wrapped(), clock=self.clock)
        secure = TLSMemoryBIOProtocol(factory, self)
        secure.makeConnection(self._raw)  # may raise: then nothing is diverted yet
        self._divert(secure)
        self._transport = self._secure = secure
        self._handshake = Deferred()
        self._deadline = self.clock.seconds() + seconds
        self._arm()
        await self._handshake
        self.tls = _agreed(secure)
        self._transport.registerProducer(self, True)
        return self.tls

    def channel_binding(self) -> bytes | None:
        """The ``tls-exporter`` data (:rfc:`9266#section-2`); None without TLS 1.3."""
        # Before TLS 1.3 it is safe only with the extended master secret (section 4.2), which
        # pyOpenSSL cannot ask for.
        if self._secure is None or self.tls is None or self.tls.version != "TLSv1.3":
            return None
        if self._left:  # with the state of TLS
            return None
        handle: SSL.Connection = self._secure.getHandle()
        return handle.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")

    def wake(self) -> None:
        """Let a conversation that waits for the peer look at the machine again."""
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            self._turn = self.clock.seconds()
            self._streak = 0
            waiting.callback(None)

    def abort(self) -> None:
        """Cut the connection, whatever is on its way."""
        if not self._left:
            self._raw.abortConnection()

    # -- waiting ---------------------------------------------------------------

    async def _more(self) -> None:
        self.flush()
        if self.machine.closing or self._over:
            raise Lost
        await self._wait()

    def _wait(self) -> Deferred[None]:
        waiting: Deferred[None] = Deferred()
        self._waiting = waiting
        self._arm()
        self._read_on()
        return waiting

    def _read_on(self) -> None:
        self._pending = 0
        if self._paused:
            self._paused = False
            self._transport.resumeProducing()

    async def _drained(self, seconds: float) -> None:
        self._draining = Deferred()
        self._deadline = self.clock.seconds() + seconds
        self._arm()
        await self._draining

    def _arm(self) -> None:
        # One timer a connection, another only when it would come too late: most waits are
        # over long before it fires, and cost no timer at all.
        if self._timer is not None:
            if self._timer.getTime() <= self._deadline:
                return
            # Not reset, for which the reactor looks at all the timers that there are.
            self._timer.cancel()
        left = max(self._deadline - self.clock.seconds(), 0)
        self._timer = self.clock.callLater(left, self._expire)

    def _expire(self) -> None:
        self._timer = None
        if self._waiting is None and self._draining is None and self._handshake is None:
            return
        if self.clock.seconds() < self._deadline:
            self._arm()
            return
        if self._handshake is not None:
            self.abort()
        self._fail(Failure(TimeLimit("the peer took too long")))

    def _fail(self, why: Failure) -> None:
        for name in ("_waiting", "_draining", "_handshake"):
            waiting: Deferred[None] | None = getattr(self, name)
            setattr(self, name, None)
            if waiting is not None:
                waiting.errback(why)

    # -- told by the switch -------------------------------------------------------

    def connected(self, transport: Any, divert: Callable[[IProtocol], None]) -> None:
        """
        The socket is there: the conversation begins.

        :param divert: takes the protocol that gets the socket's octets from now on.
        """
        self._raw = self._transport = transport
        self._divert = divert
        transport.registerProducer(self, True)
        self._turn = self.clock.seconds()
        self._running = start(self._run())  # kept: nobody else holds the coroutine

    def half_closed(self) -> None:
        """The peer has closed its side: it is answered, and then we close ours."""
        self._over = True
        self.machine.receive_data(b"")
        self.wake()

    # -- IProtocol, of the switch or of the TLS layer -----------------------------

    def logPrefix(self) -> str:
        return type(self.machine).__name__

    def makeConnection(self, transport: ITransport) -> None:
        """The TLS layer says that it is there, which we knew."""

    def connectionMade(self) -> None: ...

    def dataReceived(self, data: bytes) -> None:
        if self._said_all:
            return  # nobody listens any more: read only to see the peer close
        self.machine.receive_data(data)
        if self._waiting is not None:
            self.wake()
            return
        self._pending += len(data)
        if self._pending > PENDING and not self._paused:
            self._paused = True
            self._transport.pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._left:
            return
        self._left = self._over = True
        self.machine.receive_data(b"")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.wake()
        assert reason.value is not None  # there is always one; its type alone allows for none
        self._fail(Failure(Lost(explained(reason.value))))
        if self._said_all:
            self.ended.succeed(None)

    def handshakeCompleted(self) -> None:
        handshake, self._handshake = self._handshake, None
        if handshake is not None:
            handshake.callback(None)

    # -- IPushProducer: the transport says when our output is too much ------------

    def pauseProducing(self) -> None:
        self._full = True

    def resumeProducing(self) -> None:
        self._full = False
        draining, self._draining = self._draining, None
        if draining is not None:
            draining.callback(None)

    def stopProducing(self) -> None:
        self.resumeProducing()

    # -- the conversation's life ---------------------------------------------------

    async def _run(self) -> None:
        try:
            await self._conversation(self)
        except Lost:
            pass
        except Exception:  # noqa: BLE001  conversations have fences of their own; this is a bug
            _log.failure("a conversation failed unexpectedly")
        self._said_all = True
        if self._left:
            self.ended.succeed(None)
        else:
            self._close()

    def _close(self) -> None:
        self.flush()
        self._read_on()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.clock.callLater(LINGER, self._cut)
        self._transport.unregisterProducer()
        self._transport.loseConnection()

    def _cut(self) -> None:
        self._timer = None
        self.abort()


@implementer(IProtocolFactory)
class _Wrapped:
    """The TLS factory insists on a factory inside; nothing is ever built by it."""

    def buildProtocol(self, addr: IAddress) -> None:
        return None

    def doStart(self) -> None: ...

    def doStop(self) -> None: ...


def endpoint_of(address: IAddress) -> Endpoint:
    """The end of a socket as a value of ours."""
    host: str | None = getattr(address, "host", None)
    if host is None:
        name = getattr(address, "name", None)
        return Endpoint(name.decode(errors="replace") if isinstance(name, bytes) else "")
    # An IPv4 client of a dual-stack socket is known by its IPv4 address.
    return Endpoint(unmapped(host), getattr(address, "port", 0))


def _agreed(secure: TLSMemoryBIOProtocol) -> TLS:
    handle: SSL.Connection = secure.getHandle()
    name = handle.get_servername()
    return TLS(
        version=handle.get_protocol_version_name(),
        cipher=handle.get_cipher_name() or "",
        server_name=name.decode("ascii", "replace") if name else None,
        peer_name=_name_of(handle.get_peer_certificate(as_cryptography=True)),
    )


def _name_of(certificate: Certificate | None) -> str | None:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME) if certificate else ()
    return str(names[0].value) if len(names) == 1 else None
