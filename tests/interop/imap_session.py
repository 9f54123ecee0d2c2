"""
Speak IMAP with our own client machine over a plain socket, one command after the other.

The machine's limits and the model of the mailbox are on: a server that says what cannot be, or
not at that moment, fails the test that listens.
"""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pymta.sasl.client import ClientExchange
from pymta.wire import NEED_DATA
from pymta.wire.imap.client import IMAPClient
from pymta.wire.imap.client_data import Condition, Data, Status
from pymta.wire.imap.client_events import (
    Challenge,
    ClientEvent,
    Completed,
    Greeting,
    Idling,
    Lost,
    LostReason,
    Request,
    Untagged,
    astring,
)
from pymta.wire.imap.client_mailbox import SelectedMailbox
from pymta.wire.imap.cursor import Literal
from tests.interop.reading import Account

__all__ = ["Answer", "Session", "logged_in"]

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command was answered with."""

    data: tuple[Data, ...]
    condition: Condition

    @property
    def ok(self) -> bool:
        """It was done."""
        return self.condition.status is Status.OK


@dataclass(slots=True)
class Session:
    """
    One connection, greeted.

    :ivar mailbox: the model of what is selected; None while nothing is.
    """

    socket: socket.socket
    client: IMAPClient = field(default_factory=IMAPClient)
    mailbox: SelectedMailbox | None = None
    greeting: Condition | None = None

    def greeted(self) -> Session:
        """Wait for the greeting."""
        event = self._event()
        assert isinstance(event, Greeting), event
        self.greeting = event.condition
        return self

    def ask(self, name: str, *arguments: bytes | Literal) -> Answer:
        """Send a command and wait for its end; the model follows."""
        self.begin(name, *arguments)
        return self.answer()

    def begin(self, name: str, *arguments: bytes | Literal) -> None:
        """Send a command; :meth:`answer` waits for its end, in the order of the commands."""
        self.client.send(Request(name, arguments))
        self._send()

    def authenticate(self, exchange: ClientExchange) -> Completed:
        """Log in by SASL, and see that the server proved what it has to."""
        self.client.authenticate(exchange.name, exchange.begin())
        self._send()
        while not isinstance(event := self._event(), Completed):
            if isinstance(event, Challenge):
                self.client.respond(exchange.respond(event.octets))
        assert exchange.finished or not event.ok, event
        return event

    def start_tls(self, context: ssl.SSLContext, host: str) -> None:
        """STARTTLS, and the handshake behind it."""
        self.done("STARTTLS")
        assert self.client.starting_tls
        self.socket = context.wrap_socket(self.socket, server_hostname=host)
        self.client.tls_started()
        self.done("CAPABILITY")

    def done(self, name: str, *arguments: bytes | Literal) -> tuple[Data, ...]:
        """The same, and it must be done."""
        answer = self.ask(name, *arguments)
        assert answer.ok, (name, arguments, answer.condition)
        return answer.data

    def select(self, name: str = "INBOX", *, verb: str = "SELECT") -> Answer:
        """Select a mailbox; the model begins anew."""
        return self.open(Request(verb, (self.client.mailbox(name),)))

    def open(self, request: Request) -> Answer:
        """The same, by a SELECT or EXAMINE as it is to be sent."""
        self.mailbox = None
        self.client.send(request)
        self._send()
        model = SelectedMailbox(enabled=self.client.enabled)
        answer = self.answer(model)
        self.mailbox = model if answer.ok else None
        return answer

    def answer(self, model: SelectedMailbox | None = None) -> Answer:
        """What comes up to the end of the oldest command."""
        data: list[Data] = []
        model = model or self.mailbox
        while True:
            event = self._event()
            if isinstance(event, Completed):
                if model is not None and event.ok:
                    model.completed(event)
                return Answer(tuple(data), event.condition)
            assert isinstance(event, Untagged), event
            if model is not None:
                model.apply(event)
            data.append(event.data)

    @contextmanager
    def idle(self) -> Iterator[None]:
        """IDLE for a block, in which :meth:`hear` gives what is told."""
        self.client.send(Request("IDLE"))
        self._send()
        while not isinstance(event := self._event(), Idling):
            assert isinstance(event, Untagged), event
            if self.mailbox is not None:
                self.mailbox.apply(event)
        yield
        self.client.done()
        self._send()
        self.answer()

    def hear(self, seconds: float = SECONDS) -> Data:
        """The next data that comes unasked, or during IDLE."""
        event = self._event(seconds)
        assert isinstance(event, Untagged), event
        if self.mailbox is not None:
            self.mailbox.apply(event)
        return event.data

    def _send(self) -> None:
        if data := self.client.data_to_send():
            self.socket.sendall(data)

    def _event(self, seconds: float = SECONDS) -> ClientEvent:
        end = time.monotonic() + seconds
        while (event := self.client.next_event()) is NEED_DATA:
            self._send()
            self.socket.settimeout(max(0.001, end - time.monotonic()))
            self.client.receive_data(self.socket.recv(1 << 18))
        if isinstance(event, Lost):
            assert event.reason in (LostReason.PEER_CLOSED, LostReason.BYE), event
            raise ConnectionError(f"the server closed the connection: {event}")
        return event


@contextmanager
def logged_in(port: int, account: Account, enable: Sequence[str] = ()) -> Iterator[Session]:
    """A session on loopback of somebody who has logged in; ended with the block."""
    with socket.create_connection(("127.0.0.1", port), timeout=SECONDS) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = Session(connection).greeted()
        name, password = astring(account.address.encode()), astring(account.password.encode())
        session.done("LOGIN", name, b" ", password)
        if enable:
            session.done("ENABLE", " ".join(enable).encode())
        yield session
        session.ask("LOGOUT")
