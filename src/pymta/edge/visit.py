"""
One client's visit, from the handshake or the greeting to the end, whatever the protocol.

Here are the rules that all conversations obey: when TLS comes first, where to stop, whose fault a
silence is, who asks in a SASL exchange, what observers are told, and that a surprise shows the
peer an id and no more.  What is said and asked is the protocol's: its :class:`Speaker` knows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Generic, Protocol, TypeVar

from twisted.logger import Logger

from pymta.aio import TimeLimit
from pymta.edge.connection import Connection, Lost, Machine
from pymta.edge.listener import Served
from pymta.edge.login import Identity, Login, LoginCancelled
from pymta.edge.switch import Client
from pymta.edge.talk import tell
from pymta.events import Connected, Disconnected, Event, Faulted, TLSFailed
from pymta.session import TLS, Role, Session
from pymta.wire import AuthCancelled, AuthResponse, Closed

__all__ = ["LoginTimes", "ServerMachine", "Speaker", "Visit", "session_of"]

E = TypeVar("E")
E_co = TypeVar("E_co", covariant=True)


class ServerMachine(Machine[E_co], Protocol[E_co]):
    """What a visit needs of a machine, besides what its connection does."""

    @property
    def at_boundary(self) -> bool: ...
    def challenge(self, data: bytes) -> None: ...


class LoginTimes(Protocol):
    """Seconds for the next command, behind a login and before it, and for the login in all."""

    @property
    def inactive(self) -> float: ...
    @property
    def unknown(self) -> float: ...
    @property
    def login(self) -> float: ...


class Speaker(Protocol):
    """What a protocol's conversation brings to a visit, which calls it."""

    def secured(self, tls: TLS) -> None:
        """The handshake is done."""

    async def greet(self) -> bool:
        """:returns: whether the client was let in."""

    async def step(self) -> bool:
        """Take an event, and answer it.  :returns: whether others follow."""

    def patience(self) -> float:
        """Seconds that the client's next words may take."""

    def too_slow(self) -> None:
        """They took longer: say so, where the protocol does, and shut down."""

    def say_goodbye(self) -> None:
        """We stop, and are at a command boundary: say so, and shut down."""

    async def leave(self) -> None:
        """Give back what the visit held; nobody is there any more."""


class Visit(Generic[E]):
    """
    What a listener holds of a client, and calls: it lets the speaker speak.

    :param session: as far as the client is known now; replaced by TLS and by a login.
    :param log: the protocol's.
    """

    def __init__(
        self,
        speaker: Speaker,
        settings: Served,
        *,
        machine: ServerMachine[E],
        session: Session,
        log: Logger,
    ) -> None:
        self.session = session
        self.connection: Connection[E]
        self.identity: Identity | None = None
        """Who has logged in."""
        self.since = 0.0
        """When it began; or, where that counts, when it last led to something."""
        self.reason = "lost"
        """Why it ended."""
        self.stopping = False
        self._let_in = False
        self._speaker = speaker
        self._settings = settings
        self._clock = settings.clock
        self._machine = machine
        self._log = log

    # -- from beginning to end -----------------------------------------------------

    async def run(self, connection: Connection[E]) -> None:
        """Until the client leaves or is sent away."""
        self.connection = connection
        self.since = self._clock.seconds()
        speaker = self._speaker
        try:
            if self._settings.implicit_tls:
                await self.secure()
            if await speaker.greet():
                self._let_in = True
                self.tell(Connected(self.session))
                while await speaker.step():
                    pass
        except TimeLimit:
            self.out_of_time()
        finally:
            await speaker.leave()
            self.tell(Disconnected(self.session, self.reason))

    def stop(self) -> None:
        """End at the next command boundary: what is being done for the client is done first."""
        self.stopping = True
        self.stop_here()
        self.connection.wake()

    def stop_here(self) -> None:
        """Say goodbye, if it is time to."""
        if self.stopping and self._let_in and self._machine.at_boundary:
            self.reason = "shutdown"
            self._speaker.say_goodbye()

    def out_of_time(self) -> None:
        """The client was too slow."""
        self.reason = "time limit"
        self._speaker.too_slow()

    def closed(self, event: Closed) -> None:
        """The machine says that it is over."""
        if self.reason == "lost":
            self.reason = str(event.reason.value)

    # -- TLS and logins --------------------------------------------------------------

    async def secure(self) -> None:
        """
        Shake hands.

        :raises TimeLimit: :raises Lost: as :meth:`~pymta.edge.connection.Connection.start_tls`.
        """
        certificates = self._settings.certificates
        assert certificates is not None
        try:
            tls = await self.connection.start_tls(certificates, self._settings.timeouts.handshake)
        except (TimeLimit, Lost) as why:
            self.tell(TLSFailed(self.session, str(why) or "the handshake failed"))
            raise
        self.session = replace(self.session, tls=tls)
        self._speaker.secured(tls)

    def patience(self, times: LoginTimes) -> float:
        """Seconds for the next command: strangers have few of them, and few in all."""
        if self.identity is not None:
            return times.inactive
        left = self.since + times.login - self._clock.seconds()
        return min(times.unknown, left)

    async def authenticate(
        self, login: Login, mechanism: str, *, initial: bytes | None
    ) -> Identity:
        """A SASL exchange; as :meth:`~pymta.edge.login.Login.authenticate`."""
        return await login.authenticate(
            mechanism,
            initial,
            session=self.session,
            prompt=self._prompt,
            binding=self.connection.channel_binding(),
        )

    async def _prompt(self, challenge: bytes) -> bytes:
        self._machine.challenge(challenge)
        try:
            event = await self.connection.next_event(self._speaker.patience())
        except TimeLimit:
            # It is the client that was too slow, which no "nobody can tell" answers.
            self.out_of_time()
            raise Lost from None
        match event:
            case AuthResponse(data):
                return data
            case AuthCancelled():
                raise LoginCancelled
            case Closed():
                self.closed(event)
                raise Lost
            case _:
                raise AssertionError(event)  # nothing else comes within an exchange

    def enter(self, identity: Identity) -> None:
        """The client is known from now on."""
        self.identity = identity
        self.session = self.known_as(identity)

    def known_as(self, identity: Identity) -> Session:
        """The session, with who it is."""
        return replace(self.session, identity=identity.name, mechanism=identity.mechanism)

    def log_out(self) -> None:
        """Let go of the account; idempotent."""
        identity, self.identity = self.identity, None
        if identity is not None:
            self.surely(identity.logout)

    # -- observers, and the fence -------------------------------------------------------

    def tell(self, happened: Event) -> None:
        """Tell an event."""
        tell(self._settings.observer, happened)

    def surely(self, last: Callable[[], object]) -> None:
        """Call what must not raise; what does, keeps nobody else from hearing of the end."""
        try:
            last()
        except Exception:  # noqa: BLE001  the fence of all sessions
            self.fault()

    def fault(self) -> str:
        """
        A fence caught a surprise: log it, from within ``except``.

        :returns: an id, which is all of it that the peer is told.
        """
        name = f"{self.session.id}.{int(self._clock.seconds() * 1000) % 10**9:09d}"
        self._log.failure("{id}: a command failed unexpectedly", id=name)
        self.tell(Faulted(name, self._log.namespace.removeprefix("pymta.")))
        return name


def session_of(client: Client, settings: Served, role: Role) -> Session:
    """What is known of a client at first."""
    return Session(
        id=settings.door.session_id(role, next(settings.door.numbers)),
        role=role,
        peer=client.peer,
        local=client.local,
        proxy=client.proxy,
        started=settings.now(),
        listener=settings.door.name,
    )
