"""
A desk that answers a server machine, and transcripts to talk to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pymta.wire import NEED_DATA
from pymta.wire.imap import capability, verbs
from pymta.wire.imap.capability import Capability
from pymta.wire.imap.command.append import Append
from pymta.wire.imap.command.auth import Authenticate, Login, Logout, StartTLS, Unauthenticate
from pymta.wire.imap.command.mailbox import Delete
from pymta.wire.imap.command.select import Close, Select, Unselect
from pymta.wire.imap.command.session import Compress, Enable, Idle
from pymta.wire.imap.events import (
    AppendBroken,
    AppendEnded,
    Asked,
    AuthResponse,
    Closed,
    Event,
    IdleDone,
    LiteralBegan,
    LiteralOctets,
    MessageBegan,
    PartURL,
)
from pymta.wire.imap.limits import Limits
from pymta.wire.imap.response.codes import NONEXISTENT, OVERQUOTA
from pymta.wire.imap.response.session import enabled_line
from pymta.wire.imap.response.status import NO, OK
from pymta.wire.imap.server import IMAPServer
from pymta.wire.imap.state import State, Status


def _literals(status: Status) -> Sequence[str]:
    return ("LITERAL-",) if status.state is State.NOT_AUTHENTICATED else ("LITERAL+",)


def _starttls(status: Status) -> Sequence[str] | None:
    stranger = status.state is State.NOT_AUTHENTICATED
    return ("STARTTLS",) if stranger and not status.tls else None


CAPABILITIES: tuple[Capability, ...] = (
    capability.fixed("IMAP4rev1", *verbs.CORE),
    Capability(name="LITERAL", words=_literals),
    Capability(name="STARTTLS", words=_starttls, verbs=(verbs.STARTTLS,)),
    capability.sasl(lambda _status: ("PLAIN", "LOGIN")),
    capability.fixed("SASL-IR"),
    capability.fixed("ENABLE", verbs.ENABLE),
    capability.fixed("IDLE", verbs.IDLE),
    capability.fixed("UIDPLUS", verbs.UID_EXPUNGE),
    capability.fixed("UNSELECT", verbs.UNSELECT),
    capability.fixed("MOVE", verbs.MOVE),
    capability.fixed("ID", verbs.ID),
    capability.fixed("NAMESPACE", verbs.NAMESPACE),
    capability.fixed("NOTIFY", verbs.NOTIFY),
    capability.fixed("CONTEXT=SEARCH", verbs.CANCELUPDATE),
    capability.fixed("MULTIAPPEND"),
    capability.fixed("CATENATE"),
    capability.fixed("BINARY"),
    capability.fixed("UTF8=ACCEPT"),
    capability.fixed("REPLACE", verbs.REPLACE),
    capability.fixed("COMPRESS=DEFLATE", verbs.COMPRESS),
    capability.fixed("UNAUTHENTICATE", verbs.UNAUTHENTICATE),
)


class Desk:
    """
    Answers: logs mrose in by tanstaaf, opens any mailbox, refuses what is called "no".

    :param refuse: refuse messages: with "began" when a message begins, with "literal" when its
        octets are announced, with "octets" when the first have come, with "ended" at the end.
    """

    def __init__(self, refuse: str = "") -> None:
        self.events: list[Event] = []
        self.messages: list[bytes] = []
        self._refuse = refuse

    def answer(self, machine: IMAPServer, event: Event) -> None:
        """Answer what is asked; remember all."""
        self.events.append(event)
        match event:
            case Asked(_, command):
                self._answer(machine, command)
            case AuthResponse(data):
                self._login(machine, data)
            case IdleDone():
                machine.finish(OK("idled"))
            case MessageBegan():
                self.messages.append(b"")
                self._perhaps_refuse(machine, "began")
            case LiteralBegan():
                if not self._perhaps_refuse(machine, "literal"):
                    machine.go_on()
            case LiteralOctets(data):
                self.messages[-1] += data
                self._perhaps_refuse(machine, "octets")
            case PartURL(url):
                self.messages[-1] += b"<" + url + b">"
            case AppendEnded():
                if not self._perhaps_refuse(machine, "ended"):
                    machine.finish(OK("appended"))
            case AppendBroken():
                self.messages.clear()

    def _perhaps_refuse(self, machine: IMAPServer, moment: str) -> bool:
        if self._refuse != moment:
            return False
        self.messages.clear()
        machine.finish(NO("no room", OVERQUOTA))
        return True

    def _answer(self, machine: IMAPServer, command: object) -> None:
        match command:
            case Append("no"):
                machine.finish(NO("no mailbox", NONEXISTENT))
            case Append():
                pass
            case Login("mrose", "tanstaaf"):
                machine.logged_in("welcome")
            case Authenticate(_, bytes(data)):
                self._login(machine, data)
            case Authenticate("LOGIN", None):
                machine.challenge(b"Username:")
            case Authenticate():
                machine.challenge(b"")
            case Select(mailbox="no") | Delete("no"):
                machine.deselected()
                machine.finish(NO("no mailbox", NONEXISTENT))
            case Select():
                machine.selected()
                machine.finish(OK("open"))
            case Close() | Unselect():
                machine.deselected()
                machine.finish(OK("closed"))
            case Enable(names):
                machine.enable(names)
                machine.say(enabled_line(names))
                machine.finish(OK("enabled"))
            case Idle():
                machine.idling()
            case StartTLS():
                machine.start_tls()
            case Compress():
                machine.compress()
            case Unauthenticate():
                machine.unauthenticated("as you were")
            case Logout():
                machine.finish(OK("bye"))
            case Login():
                machine.finish(NO("no"))
            case _:
                machine.finish(OK("done"))

    def _login(self, machine: IMAPServer, data: bytes) -> None:
        match data:
            case b"mrose":
                machine.challenge(b"Password:")
            case b"\0mrose\0tanstaaf" | b"tanstaaf":
                machine.logged_in("welcome")
            case _:
                machine.finish(NO("no"))


def server(
    without: Iterable[str] = (), *, limits: Limits | None = None, tls: bool = False
) -> IMAPServer:
    """A server that offers everything but what is named, and has greeted."""
    offered = [entry for entry in CAPABILITIES if entry.name not in set(without)]
    machine = IMAPServer(offered, limits=limits or Limits(), tls=tls)
    machine.greet("ready")
    machine.data_to_send()
    return machine


def inside(
    without: Iterable[str] = (), *, selected: bool = False, limits: Limits | None = None
) -> IMAPServer:
    """The same, with mrose logged in, and perhaps INBOX open."""
    machine = server(without, limits=limits)
    lines = b"- LOGIN mrose tanstaaf\r\n" + (b"- SELECT INBOX\r\n" if selected else b"")
    talk(machine, Desk(), lines)
    machine.data_to_send()
    return machine


def settle(machine: IMAPServer, desk: Desk) -> None:
    """Answer all that has come."""
    while True:
        event = machine.next_event()
        if event is NEED_DATA:
            return
        assert not isinstance(event, type(NEED_DATA))
        desk.answer(machine, event)
        if isinstance(event, Closed) or machine.starting_tls:
            return


def talk(machine: IMAPServer, desk: Desk, data: bytes, cut: int | None = None) -> None:
    """Say this, whole or in slices of ``cut`` octets."""
    step = cut or len(data) or 1
    for at in range(0, len(data), step):
        machine.receive_data(data[at : at + step])
        settle(machine, desk)


def told(machine: IMAPServer, data: bytes, *, desk: Desk | None = None) -> list[Event]:
    """What comes out of this."""
    desk = desk or Desk()
    talk(machine, desk, data)
    return desk.events


def transcript(text: str) -> tuple[bytes, list[str]]:
    """What a client says, and the lines of the server: of lines beginning with ``C:``, ``S:``."""
    said, heard = [], []
    for line in text.strip().splitlines():
        who, _, words = line.lstrip().partition(":")
        words = words.removeprefix(" ")
        if who == "C":
            said.append(words.encode("utf-8") + b"\r\n")
        else:
            heard.append(words)
    return b"".join(said), heard
