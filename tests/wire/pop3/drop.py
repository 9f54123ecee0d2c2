"""
A maildrop to answer a server machine with, and transcripts to talk to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from hashlib import md5
from typing import assert_never

from pymta.wire import NEED_DATA
from pymta.wire.pop3 import capability
from pymta.wire.pop3.events import (
    UIDL,
    Answered,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    Closed,
    Delete,
    EnableUTF8,
    Event,
    Extended,
    Language,
    List,
    Password,
    Quit,
    Reset,
    Retrieve,
    StartTLS,
    Stat,
    Top,
    User,
)
from pymta.wire.pop3.server import POP3Server
from pymta.wire.pop3.texts import Code, Text

CAPABILITIES = (
    capability.TOP,
    capability.UIDL,
    capability.user(lambda _status: True),
    capability.sasl(lambda status: ("PLAIN", "LOGIN") if status.tls else ("LOGIN",)),
    capability.RESP_CODES,
    capability.AUTH_RESP_CODE,
    capability.PIPELINING,
    capability.STLS,
    capability.UTF8,
    capability.LANG,
    capability.expire(None),
    capability.login_delay(0),
    capability.implementation("pymta"),
)
TIMESTAMP = "<1896.697170952@dbc.mtview.ca.us>"
MESSAGES = (b"Subject: one\r\n\r\nfirst\r\n.dot\r\n..\r\n", b"Subject: two\r\n\r\n1\r\n2\r\n3\r\n")


def server(tls: bool = False, timestamp: str | None = TIMESTAMP) -> POP3Server:
    """A server that offers everything."""
    return POP3Server(capabilities=CAPABILITIES, tls=tls, timestamp=timestamp)


class Drop:
    """Messages of the user mrose, whose password is tanstaaf."""

    def __init__(self, messages: Iterable[bytes] = MESSAGES, cut: int = 7) -> None:
        self.messages = list(messages)
        self.marked: set[int] = set()
        self.removed: list[int] = []
        self.events: list[Event] = []
        self._cut = cut
        self._name = ""

    def answer(self, machine: POP3Server, event: Event) -> None:
        """Answer what is asked; remember all."""
        self.events.append(event)
        match event:
            case User(name):
                self._name = name
                machine.ok()
            case Password(password):
                self._login(machine, (self._name, password) == ("mrose", "tanstaaf"))
            case Apop(name, digest):
                wanted = md5(f"{TIMESTAMP}tanstaaf".encode()).digest()
                self._login(machine, (name, digest) == ("mrose", wanted))
            case Auth("PLAIN", bytes(data)):
                self._login(machine, data == b"\0mrose\0tanstaaf")
            case Auth("LOGIN", bytes(data)):
                machine.challenge(b"Password:")
            case Auth("PLAIN", None):
                machine.challenge(b"")
            case Auth():
                machine.challenge(b"Username:")
            case AuthResponse(b"mrose"):
                machine.challenge(b"Password:")
            case AuthResponse(data):
                self._login(machine, data in (b"tanstaaf", b"\0mrose\0tanstaaf"))
            case StartTLS():
                machine.start_tls()
            case EnableUTF8():
                machine.ok("UTF8 enabled")
            case Language("*" | "en" | "i-default"):
                machine.language_chosen("en", "language changed")
            case Language("de"):
                machine.language_chosen("de", "Sprache geändert", texts={Text.UNKNOWN: "hä?"})
            case Language(None):
                self._lines(machine, "languages", b"en English\r\nde Deutsch\r\n")
            case Language():
                machine.err("no such language")
            case Quit():
                self.removed = sorted(self.marked)
                machine.ok("signing off")
            case Reset():
                self.marked.clear()
                machine.ok()
            case Stat():
                sizes = [len(self.messages[n - 1]) for n in self._kept()]
                machine.ok(f"{len(sizes)} {sum(sizes)}")
            case List(number):
                entries = {n: len(self.messages[n - 1]) for n in self._kept()}
                self._entries(machine, number, entries)
            case UIDL(number):
                self._entries(machine, number, {n: f"uid-{n}" for n in self._kept()})
            case Retrieve(number) | Delete(number) | Top(number) if number not in self._kept():
                machine.err("no such message")
            case Retrieve(number):
                self._lines(machine, "message follows", self.messages[number - 1])
            case Top(number, lines):
                header, _, body = self.messages[number - 1].partition(b"\r\n\r\n")
                top = b"".join(body.splitlines(keepends=True)[:lines])
                self._lines(machine, "", header + b"\r\n\r\n" + top)
            case Delete(number):
                self.marked.add(number)
                machine.ok("marked")
            case Extended():
                machine.ok("extended")
            case Answered() | AuthCancelled() | Closed():
                pass
            case _:
                assert_never(event)

    def _kept(self) -> list[int]:
        return [n for n in range(1, len(self.messages) + 1) if n not in self.marked]

    def _login(self, machine: POP3Server, right: bool) -> None:
        if right:
            machine.logged_in("maildrop ready")
        else:
            machine.err("who?", code=Code.AUTH)

    def _entries(
        self, machine: POP3Server, number: int | None, entries: dict[int, int] | dict[int, str]
    ) -> None:
        if number is None:
            lines = "".join(f"{n} {value}\r\n" for n, value in entries.items())
            self._lines(machine, "listing follows", lines.encode())
        elif number in entries:
            machine.ok(f"{number} {entries[number]}")
        else:
            machine.err("no such message")

    def _lines(self, machine: POP3Server, text: str, data: bytes) -> None:
        machine.begin_lines(text)
        for piece in cuts(data, self._cut):
            machine.lines(piece)
        machine.end_lines()


def cuts(data: bytes, size: int) -> Iterator[bytes]:
    """Cut data in slices."""
    return (data[start : start + size] for start in range(0, len(data), size))


def settle(machine: POP3Server, drop: Drop) -> bytes:
    """Answer everything that is asked now; return what is to be written."""
    while not machine.closing:
        if machine.starting_tls:
            machine.tls_started()
        event = machine.next_event()
        if event is NEED_DATA:
            break
        drop.answer(machine, event)
    return machine.data_to_send()


def talk(machine: POP3Server, drop: Drop, data: bytes, size: int = 1 << 20) -> bytes:
    """Feed data in slices of a size; return all that is written."""
    output = b""
    for piece in cuts(data, size):
        machine.receive_data(piece)
        output += settle(machine, drop)
    return output


def play(machine: POP3Server, transcript: str, *, drop: Drop | None = None, size: int) -> Drop:
    """
    Play the ``C:`` lines of a transcript and compare with its ``S:`` lines.

    Neighbouring ``C:`` lines are sent in one piece; the greeting is given first.
    """
    drop = drop or Drop()
    machine.greet("ready")
    output = machine.data_to_send()
    pending = expected = b""
    for line in [*filter(None, map(str.lstrip, transcript.splitlines())), "C:"]:
        side, text = line[:2], line[3:].encode() + b"\r\n"
        if side == "C:":
            if expected:
                output += talk(machine, drop, pending, size)
                assert expected.decode() == output.decode()
                pending = expected = output = b""
            pending += text
        else:
            assert "S:" == side
            expected += text
    return drop


def log_in(machine: POP3Server, drop: Drop) -> None:
    """Bring a fresh machine into the TRANSACTION state."""
    machine.greet("ready")
    talk(machine, drop, b"USER mrose\r\nPASS tanstaaf\r\n")
    drop.events.clear()
