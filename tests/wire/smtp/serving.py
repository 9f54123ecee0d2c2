"""
Someone who answers the events of an SMTP server machine, for the tests in this folder.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from pymta.reply import Reply
from pymta.session import Role
from pymta.wire import NEED_DATA
from pymta.wire.smtp.events import (
    Answered,
    Auth,
    AuthResponse,
    Content,
    ContentEnded,
    Event,
    Question,
)
from pymta.wire.smtp.extensions import (
    EXPN,
    STANDARD,
    STARTTLS,
    VRFY,
    ExtensionTable,
    Standing,
    auth,
    xclient,
    xforward,
)
from pymta.wire.smtp.server import SMTPServer
from tests.wire.smtp.transcript import Slices, run

E = TypeVar("E", bound=Event)


def mechanisms(standing: Standing) -> Sequence[str]:
    """PLAIN inside of TLS only; SCRAM everywhere."""
    return ("SCRAM-SHA-256", "PLAIN") if standing.in_tls else ("SCRAM-SHA-256",)


EVERYTHING = ExtensionTable(
    (*STANDARD, STARTTLS, auth(mechanisms), VRFY, EXPN, xclient(), xforward())
)
PLAIN = ExtensionTable(STANDARD)


class Server:
    """
    Serve one machine: record what happens, and answer.

    :param says: how to answer an event of a class; else the standard reply is given.
    """

    def __init__(
        self,
        machine: SMTPServer,
        says: Mapping[type, Callable[[Question], Reply | Sequence[Reply] | bytes | None]]
        | None = None,
    ) -> None:
        self.machine = machine
        self.says = dict(says or {})
        self.events: list[Event] = []
        self.messages: list[bytes] = []
        self._content = b""

    def serve(self) -> None:
        """Take events until the machine needs data."""
        while (event := self.machine.next_event()) is not NEED_DATA:
            assert not isinstance(event, type(NEED_DATA))
            self.take(event)

    def take(self, event: Event) -> None:
        """Record one event, and answer it if it asks."""
        if isinstance(event, Content):
            self._content += event.data
            return
        if not isinstance(event, Answered):
            self.events.append(event)
        if isinstance(event, ContentEnded):
            self.messages.append(self._content)
            self._content = b""
        if isinstance(event, Question):
            self.answer(event)

    def answer(self, event: Question) -> None:
        """Answer as was said."""
        say = self.says.get(type(event))
        answer = say(event) if say else None
        if isinstance(answer, bytes):
            assert isinstance(event, Auth | AuthResponse)
            self.machine.challenge(answer)
        elif isinstance(answer, Reply) or answer is None:
            self.machine.answer(answer)
        else:
            self.machine.answer_each(answer)

    def seen(self, kind: type[E]) -> list[E]:
        """The events of a class, in order."""
        return [event for event in self.events if isinstance(event, kind)]


def talk(server: Server, *lines: bytes) -> list[str]:
    """Send lines, CRLF added, one group; give the lines of the answer."""
    server.machine.receive_data(b"".join(line + b"\r\n" for line in lines))
    server.serve()
    return server.machine.data_to_send().decode("utf-8").split("\r\n")[:-1]


def always(
    answer: Reply | Sequence[Reply] | bytes,
) -> Callable[[Question], Reply | Sequence[Reply] | bytes]:
    """An answer that does not depend on the question."""
    return lambda question: answer


NO = Reply(550, "5.7.1", "Not with me")
LATER = Reply(451, "4.3.0", "Come back")

HELLO = """
    S: 220 mx.example ESMTP
    C: EHLO client.example
    S: 250-mx.example
    S: ...
    S: 250 HELP
"""
BEGIN = (
    HELLO
    + """
    C: MAIL FROM:<a@b.example>
    C: RCPT TO:<c@d.example>
    S: 250 2.1.0 Sender OK
    S: 250 2.1.5 Recipient OK
"""
)


def plain() -> Server:
    """A server with the standard extensions, greeted."""
    server = Server(SMTPServer(hostname="mx.example", extensions=PLAIN))
    server.machine.greet()
    return server


def full() -> Server:
    """A server with every extension, greeted."""
    server = Server(SMTPServer(hostname="mx.example", extensions=EVERYTHING))
    server.machine.greet()
    return server


def lmtp() -> Server:
    """An LMTP server, greeted."""
    server = Server(SMTPServer(hostname="mx.example", role=Role.LMTP, extensions=PLAIN))
    server.machine.greet()
    return server


def play(server: Server, transcript: str, slices: Slices) -> None:
    """Run a transcript; ``* tls`` is the handshake."""
    run(
        transcript,
        server.machine,
        server.serve,
        slices=slices,
        actions={"tls": server.machine.tls_started},
    )
