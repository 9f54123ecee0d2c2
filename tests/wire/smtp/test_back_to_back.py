"""
The client and the server machine against each other, over a network that cuts at random.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from random import Random

import pytest

from pymta.address import Address
from pymta.envelope import Body, Notify, Recipient, RecipientID, Return, Sender
from pymta.reply import Reply
from pymta.session import Role
from pymta.wire import NEED_DATA
from pymta.wire.smtp import events as told
from pymta.wire.smtp.client import CLIENT_EXTENSIONS, Phase, SMTPClient
from pymta.wire.smtp.client_events import (
    AuthChallenge,
    AuthFailed,
    AuthSucceeded,
    ClientEvent,
    Closed,
    ContentAnswered,
    ContentWanted,
    HelloAnswered,
    RecipientAnswered,
    RecipientDelivered,
    SenderAnswered,
    TLSReady,
    TransactionEnded,
)
from pymta.wire.smtp.extensions import (
    BINARYMIME,
    CHUNKING,
    DSN,
    EIGHTBITMIME,
    ENHANCEDSTATUSCODES,
    PIPELINING,
    SIZE,
    SMTPUTF8,
    STARTTLS,
    Extension,
    auth,
)
from pymta.wire.smtp.server import SMTPServer

EVERYTHING = (SIZE, EIGHTBITMIME, SMTPUTF8, DSN, ENHANCEDSTATUSCODES)
SENDER = Sender(reverse_path=Address("from", "a.example"))


@dataclass
class Message:
    """A message as one side knows it."""

    sender: Sender
    recipients: list[Recipient]
    content: bytes = b""


@dataclass
class Server:
    """A server that refuses "no", has no room for "full", and keeps the rest."""

    machine: SMTPServer
    lmtp: bool
    taken: list[Message] = field(default_factory=list)
    now: Message | None = None

    def work(self) -> None:
        """Deal with all that has come."""
        while (event := self.machine.next_event()) is not NEED_DATA:
            self.told(event)

    def told(self, event: told.Event) -> None:
        """Answer one event."""
        match event:
            case told.Mail(sender):
                self.now = Message(sender, [])
                local = sender.reverse_path and sender.reverse_path.local
                self.machine.answer(Reply(550, "5.7.1", "no") if local == "no" else None)
            case told.Rcpt(recipient):
                self.recipient(recipient)
            case told.Content(data):
                assert self.now is not None
                self.now.content += data
            case told.ContentEnded():
                self.ended()
            case told.Auth(mechanism="LOGIN"):
                self.machine.challenge(b"Username:")
            case told.Auth(initial=data) | told.AuthResponse(data=data):
                good = data in (b"ann", b"\0ann\0secret")
                self.machine.answer(None if good else Reply(535, "5.7.8", "no"))
            case told.Hello() | told.ContentBegins() | told.StartTLS() | told.Command():
                self.machine.answer()
            case _:
                pass

    def recipient(self, recipient: Recipient) -> None:
        """Answer RCPT."""
        assert self.now is not None
        if recipient.address.local == "no":
            self.machine.answer(Reply(550, "5.1.1", "no"))
            return
        self.now.recipients.append(recipient)
        self.machine.answer()

    def ended(self) -> None:
        """Answer the end of content: in LMTP for each."""
        assert self.now is not None
        self.taken.append(self.now)
        locals_ = [recipient.address.local for recipient in self.now.recipients]
        if self.lmtp:
            self.machine.answer_each(
                [
                    Reply(452, "4.2.2", "full") if local == "full" else Reply(250, "2.1.5", local)
                    for local in locals_
                ]
            )
        else:
            self.machine.answer()


class Wire:
    """Both machines and what is between them."""

    def __init__(self, server: Server, client: SMTPClient, seed: int) -> None:
        self.server, self.client = server, client
        self.random = Random(seed)
        self.to_server = self.to_client = b""
        self.seen = b""

    def events(self) -> list[ClientEvent]:
        """Let octets flow until nothing moves; what the client has to tell."""
        events: list[ClientEvent] = []
        while True:
            sent = self.client.data_to_send()
            self.seen += sent
            self.to_server += sent
            self.to_client += self.server.machine.data_to_send()
            if not (self.to_server or self.to_client):
                return events
            if self.to_server and (not self.to_client or self.random.random() < 0.5):
                cut = self.cut()
                self.server.machine.receive_data(self.to_server[:cut])
                self.to_server = self.to_server[cut:]
                self.server.work()
            elif self.to_client:
                cut = self.cut()
                self.client.receive_data(self.to_client[:cut])
                self.to_client = self.to_client[cut:]
                while (event := self.client.next_event()) is not NEED_DATA:
                    events.append(event)

    def cut(self) -> int:
        """How much the network brings at once."""
        return self.random.choice((1, 2, 7, 40, 1000, 100000))


def connect(
    extensions: Sequence[Extension],
    *,
    role: Role = Role.SMTP,
    seed: int = 0,
    chunking: bool = True,
) -> Wire:
    """A connection, up to the answer to EHLO."""
    machine = SMTPServer(hostname="mx.example", role=role, extensions=extensions)
    machine.greet()
    server = Server(machine, lmtp=role is Role.LMTP)
    wire = Wire(server, SMTPClient(role, chunking=chunking), seed)
    wire.events()
    wire.client.hello("c.example")
    [answer] = wire.events()
    assert isinstance(answer, HelloAnswered)
    assert {extension.keyword for extension in extensions} == set(answer.capabilities.keywords)
    return wire


def recipients(*locals_: str) -> list[Recipient]:
    """Recipients of those local parts."""
    return [
        Recipient(id=RecipientID(n), address=Address(local, "b.example"))
        for n, local in enumerate(locals_)
    ]


def send(wire: Wire, message: Message) -> list[ClientEvent]:
    """One transaction; its events."""
    client = wire.client
    client.begin(message.sender, message.recipients)
    events = wire.events()
    rest = message.content
    if client.phase is not Phase.CONTENT:
        return events
    while rest and client.phase is Phase.CONTENT:
        size = wire.random.choice((1, 5, 70, 65536))
        client.content(rest[:size])
        rest = rest[size:]
        if client.backlog or wire.random.random() < 0.3:
            events += wire.events()
    client.end_content()
    return events + wire.events()


def canonical(content: bytes) -> bytes:
    """The content with CRLF only."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", content)


SETS = [
    pytest.param(
        (
            *((PIPELINING,) if pipelining else ()),
            *((CHUNKING,) if chunking else ()),
            *(EVERYTHING if everything else ()),
        ),
        role,
        id=f"{role.value}-{pipelining=}-{chunking=}-{everything=}",
    )
    for pipelining, chunking, everything, role in product(
        (True, False), (True, False), (True, False), (Role.SMTP, Role.LMTP)
    )
]
WHO = [
    ("ann",),
    ("ann", "no"),
    ("no", "ann", "full", "ann"),
    ("no", "no"),
    ("full", "full"),
]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("extensions", "role"), SETS)
def test_transactions(extensions: tuple[Extension, ...], role: Role, seed: int) -> None:
    """
    Whatever is offered, and however the network cuts: each message arrives once, for those who
    were taken, with its content; and every recipient has its answer.
    """
    wire = connect(extensions, role=role, seed=seed)
    random = Random(seed)
    expected = []
    for n in range(8):
        sender = replace(SENDER, size=random.choice((None, 77)))
        if n == 3:
            sender = replace(sender, reverse_path=Address("no", "a.example"))
        content = bytes(random.choices(b".\r\na\xff", k=random.choice((0, 3, 40, 400))))
        message = Message(sender, recipients(*random.choice(WHO)), content)
        events = send(wire, message)
        taken = [r for r in message.recipients if r.address.local != "no" and n != 3]
        check_events(events, message, taken, role)
        if taken:
            expected.append((taken, canonical(content)))
    wire.client.quit()
    [closed] = wire.events()

    assert isinstance(closed, Closed)
    assert [[r.address for r in taken] for taken, _ in expected] == [
        [r.address for r in message.recipients] for message in wire.server.taken
    ]
    for (_, content), message in zip(expected, wire.server.taken, strict=True):
        ended = content if content.endswith(b"\r\n") else content + b"\r\n"
        assert message.content in (content, ended)


def check_events(
    events: list[ClientEvent], message: Message, taken: list[Recipient], role: Role
) -> None:
    """One answer to MAIL, one for each recipient, then those to the content, then the end."""
    first, *answers, last = events
    assert isinstance(first, SenderAnswered)
    assert TransactionEnded() == last
    if not first.reply.positive:
        assert [] == answers
        return
    count = len(message.recipients)
    assert [(r, r in taken) for r in message.recipients] == [
        (e.recipient, e.reply.positive) for e in answers[:count] if isinstance(e, RecipientAnswered)
    ]
    if not taken:
        assert [] == answers[count:]
        return
    assert ContentWanted(tuple(taken)) == answers[count]
    if role is Role.LMTP:
        assert [(r, r.address.local != "full") for r in taken] == [
            (e.recipient, e.reply.positive)
            for e in answers[count + 1 :]
            if isinstance(e, RecipientDelivered)
        ]
    else:
        [answer] = answers[count + 1 :]
        assert isinstance(answer, ContentAnswered)
        assert answer.reply.positive


@pytest.mark.parametrize("role", [Role.SMTP, Role.LMTP])
@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_binary_content(role: Role, pipelining: bool, seed: int) -> None:
    """Binary content of several chunks arrives octet for octet, with PIPELINING and without."""
    offered = (PIPELINING, CHUNKING, BINARYMIME) if pipelining else (CHUNKING, BINARYMIME)
    wire = connect(offered, role=role, seed=seed)
    content = Random(seed).randbytes(200000)
    events = send(wire, Message(replace(SENDER, body=Body.BINARY), recipients("a", "b"), content))

    assert TransactionEnded() == events[-1]
    [message] = wire.server.taken
    assert Body.BINARY is message.sender.body
    assert content == message.content


def test_parameters_arrive() -> None:
    """What the envelope says is what the server understands."""
    wire = connect((PIPELINING, *EVERYTHING, auth(lambda standing: ("PLAIN",))))
    sender = Sender(
        reverse_path=Address("grüße", "a.example"),
        size=5,
        body=Body.EIGHT_BIT,
        smtputf8=True,
        ret=Return.FULL,
        envid="x=+y",
        auth="ann@b.example",
    )
    [recipient] = recipients("ann")
    asked = replace(recipient, notify=Notify.NEVER)
    send(wire, Message(sender, [asked], b"x\r\n"))
    [message] = wire.server.taken

    # RFC 4954 section 5: an identity told by a client that did not log in is not believed.
    assert replace(sender, auth="") == message.sender
    assert [Notify.NEVER] == [r.notify for r in message.recipients]


def test_server_that_offers_nothing() -> None:
    """Without a single extension a message goes through."""
    wire = connect(())
    events = send(wire, Message(SENDER, recipients("ann", "no"), b".\r\n..\r\n"))

    assert TransactionEnded() == events[-1]
    assert [b".\r\n..\r\n"] == [message.content for message in wire.server.taken]


@pytest.mark.parametrize("seed", range(5))
def test_starttls_and_auth(seed: int) -> None:
    """STARTTLS, EHLO again, a failed login, one by challenge; then a message."""
    mechanisms = ("PLAIN", "LOGIN")
    offered = (PIPELINING, STARTTLS, auth(lambda s: mechanisms if s.in_tls else ("LOGIN",)))
    wire = connect(offered, seed=seed)
    client = wire.client
    client.start_tls()
    [ready] = wire.events()
    assert isinstance(ready, TLSReady)
    wire.server.machine.tls_started()
    client.tls_started()
    client.hello("c.example")
    wire.events()
    assert mechanisms == client.capabilities.mechanisms
    client.authenticate("PLAIN", b"\0ann\0wrong")
    [failed] = wire.events()
    assert isinstance(failed, AuthFailed)
    client.authenticate("LOGIN", None)
    assert [AuthChallenge(b"Username:")] == wire.events()
    client.respond(b"ann")
    [succeeded] = wire.events()
    assert isinstance(succeeded, AuthSucceeded)
    send(wire, Message(SENDER, recipients("ann"), b"x\r\n"))

    assert wire.server.machine.authenticated
    assert 1 == len(wire.server.taken)


def test_server_shuts_down_between_messages() -> None:
    """A server that says 421 closes the client's side too."""
    wire = connect((PIPELINING, ENHANCEDSTATUSCODES))
    wire.server.machine.shut_down()
    [closed] = wire.events()

    assert isinstance(closed, Closed)
    assert closed.reply is not None
    assert (421, "4.3.2") == (closed.reply.code, closed.reply.status)


def test_bdat_and_data_carry_the_same() -> None:
    """Where BDAT is forbidden the same content goes by DATA."""
    content = b"a\n.\r\n\r.\r\n"
    got = []
    for chunking in (True, False):
        wire = connect((PIPELINING, CHUNKING), chunking=chunking)
        send(wire, Message(SENDER, recipients("ann"), content))
        assert chunking == (b"BDAT" in wire.seen)
        got.append(wire.server.taken[0].content)

    assert [canonical(content)] * 2 == got


def test_client_extensions_are_those_of_the_server() -> None:
    """What a server offers by default, a client can use."""
    wire = connect(tuple(e for e in CLIENT_EXTENSIONS if e.keyword not in ("AUTH", "LIMITS")))

    assert "HELP" in wire.client.capabilities
