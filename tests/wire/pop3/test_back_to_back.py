"""
The two machines against each other, and the server against anything at all.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.wire import NEED_DATA
from pymta.wire.pop3 import events
from pymta.wire.pop3.client import POP3Client, render
from pymta.wire.pop3.events import Command
from pymta.wire.pop3.responses import Challenge, Content, ContentEnd, Greeting, Reply
from pymta.wire.pop3.server import POP3Server
from tests.wire.pop3.drop import Drop, server, settle, talk

LOGIN: list[Command] = [events.User("mrose"), events.Password("tanstaaf")]


class Dialogue:
    """A client and a server, with random cuts in both directions."""

    def __init__(self, drop: Drop, seed: int) -> None:
        self.drop = drop
        self.server = server()
        self.client = POP3Client()
        self.replies: list[Reply] = []
        self.contents: dict[Command, bytes] = {}
        self.ended: list[Command] = []
        self._random = Random(seed)
        self.server.greet("ready")
        self._pump()

    def say(self, *commands: Command) -> None:
        """Send commands, all at once, and exchange until both are silent."""
        for command in commands:
            self.client.send(command)
        self._pump()

    def _cut(self, data: bytes) -> list[bytes]:
        pieces = []
        while data:
            size = self._random.choice((1, 1, 2, 3, 7, 40, 4096))
            pieces.append(data[:size])
            data = data[size:]
        return pieces

    def _pump(self) -> None:
        while True:
            up, down = self.client.data_to_send(), settle(self.server, self.drop)
            # STLS must come alone, which a cut behind it does not change.
            for piece in self._cut(up):
                self.server.receive_data(piece)
                down += settle(self.server, self.drop)
            for piece in self._cut(down):
                self.client.receive_data(piece)
                self._hear()
            if not up and not down:
                return

    def _hear(self) -> None:
        while (event := self.client.next_event()) is not NEED_DATA:
            match event:
                case Reply():
                    self.replies.append(event)
                    if self.client.starting_tls:
                        self.client.tls_started()
                case Content(command, data):
                    self.contents[command] = self.contents.get(command, b"") + data
                case ContentEnd(command):
                    self.ended.append(command)
                case Challenge():
                    self.client.respond(b"mrose" if b"User" in event.data else b"tanstaaf")
                case Greeting():
                    assert event.ok
                case _:
                    assert self.client.closing
                    return


def message(random: Random) -> bytes:
    """A message full of dots and line ends, with its last CRLF."""
    alphabet = [b".", b"\r\n", b"\r\n.", b"\r", b"\n", b"a", b"+OK\r\n", b"\r\n.\r\n"]
    return b"".join(random.choices(alphabet, k=random.randrange(40))) + b"\r\n"


@pytest.mark.parametrize("seed", range(60))
def test_messages_arrive_octet_for_octet(seed: int) -> None:
    """Everything pipelined, cut anywhere, lines as they are."""
    random = Random(seed)
    kept = [message(random) for _ in range(8)]
    dialogue = Dialogue(Drop(kept, cut=random.choice((1, 2, 3, 5, 64))), seed)
    wanted: list[Command] = [events.Retrieve(n) for n in range(1, len(kept) + 1)]
    dialogue.say(*LOGIN, *wanted, events.List(), events.Noop(), events.Quit())

    assert all(reply.ok for reply in dialogue.replies)
    assert kept == [dialogue.contents[command] for command in wanted]
    assert [*wanted, events.List()] == dialogue.ended
    assert dialogue.client.closing
    assert dialogue.server.closing


@pytest.mark.parametrize("seed", range(10))
def test_a_session_with_everything(seed: int) -> None:
    """CAPA, STLS, CAPA, UTF8, AUTH, listings, marks and QUIT."""
    dialogue = Dialogue(Drop(), seed)
    dialogue.say(events.Capabilities())
    before = dialogue.contents.pop(events.Capabilities())
    dialogue.say(events.StartTLS())
    dialogue.say(events.Capabilities(), events.EnableUTF8(), events.Language("de"))
    dialogue.say(events.Auth("LOGIN"))
    dialogue.say(
        events.Stat(),
        events.List(2),
        events.UIDL(),
        events.Top(2, 2),
        events.Delete(1),
        events.Reset(),
        events.Delete(2),
        events.Quit(),
    )

    assert all(reply.ok for reply in dialogue.replies)
    assert b"STLS\r\n" in before
    assert b"STLS\r\n" not in dialogue.contents[events.Capabilities()]
    assert b"1 uid-1\r\n2 uid-2\r\n" == dialogue.contents[events.UIDL()]
    assert b"Subject: two\r\n\r\n1\r\n2\r\n" == dialogue.contents[events.Top(2, 2)]
    assert [2] == dialogue.drop.removed


# -- the server against anything ---------------------------------------------

KEYWORDS = [
    b"CAPA", b"USER mrose", b"PASS tanstaaf", b"PASS wrong", b"AUTH LOGIN", b"AUTH",
    b"AUTH PLAIN =", b"bXJvc2U=", b"dGFuc3RhYWY=", b"*", b"STLS", b"UTF8", b"LANG de", b"LANG",
    b"STAT", b"LIST", b"LIST 2", b"UIDL", b"RETR 1", b"TOP 1 1", b"DELE 1", b"RSET",
    b"NOOP", b"QUIT",
]  # fmt: skip
ENDS = [b"\r\n", b"\n", b"\r", b"", b"\0\r\n", b" \r\n"]
STREAMS = st.lists(
    st.builds(
        bytes.__add__, st.sampled_from(KEYWORDS) | st.binary(max_size=20), st.sampled_from(ENDS)
    ),
    max_size=40,
).map(b"".join)


def check_silent(machine: POP3Server, drop: Drop) -> None:
    """Check what holds whenever the machine is silent."""
    assert len(machine._input) <= 12_288
    if drop.removed:
        assert events.Quit() in drop.events


@settings(max_examples=200, deadline=None)
@given(STREAMS, st.booleans())
def test_any_octets_are_answered(stream: bytes, login: bool) -> None:
    """Nothing raises; each response is a line that begins as it must; memory is bounded."""
    machine, drop = server(), Drop()
    machine.greet("ready")
    if login:
        talk(machine, drop, b"USER mrose\r\nPASS tanstaaf\r\n")
    machine.data_to_send()
    # A line at a time, so that STLS does not end every second run at once.
    for line in stream.splitlines(keepends=True):
        output = talk(machine, drop, line)
        check_silent(machine, drop)
        assert output.startswith((b"+OK", b"-ERR", b"+ ")) or not output
        assert output.endswith(b"\r\n") or not output
    machine.receive_data(b"")
    settle(machine, drop)

    assert machine.closing


@settings(max_examples=150, deadline=None)
@given(STREAMS.filter(lambda stream: b"STLS" not in stream.upper()), st.integers(1, 30))
def test_cuts_change_nothing(stream: bytes, size: int) -> None:
    """However the octets are cut, events and output are the same."""
    runs = []
    for cut in (1 << 20, size):
        machine, drop = server(), Drop()
        machine.greet("ready")
        runs.append((talk(machine, drop, stream, cut), drop.events, machine.closing))

    assert runs[0] == runs[1]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=600), st.integers(1, 50))
def test_any_octets_are_heard_by_the_client(stream: bytes, size: int) -> None:
    """No server makes the client raise."""
    client = POP3Client()
    client.receive_data(b"+OK\r\n")
    client.next_event()
    for command in (events.Retrieve(1), events.Stat(), events.Auth("LOGIN")):
        client.send(command)
    for start in range(0, len(stream), size):
        client.receive_data(stream[start : start + size])
        for _ in range(100):
            event = client.next_event()
            if event is NEED_DATA or client.closing:
                break
            if isinstance(event, Challenge):
                client.cancel()
    client.receive_data(b"")
    while not client.closing:
        assert client.next_event() is not NEED_DATA


NAMES = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
NUMBERS = st.integers(1, 2**32 - 1)
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(events.User, NAMES.filter(lambda name: name == name.strip(" "))),
    st.builds(events.Auth, st.just("LOGIN"), st.none() | st.binary(max_size=50)),
    st.builds(events.List, st.none() | NUMBERS),
    st.builds(events.UIDL, st.none() | NUMBERS),
    st.builds(events.Retrieve, NUMBERS),
    st.builds(events.Top, NUMBERS, st.integers(0, 2**32 - 1)),
    st.builds(events.Delete, NUMBERS),
    st.sampled_from([events.Stat(), events.Reset(), events.StartTLS(), events.Language("de")]),
)


@given(COMMANDS)
def test_a_server_is_asked_what_a_client_sent(command: Command) -> None:
    """Reading undoes writing."""
    machine, drop = server(), Drop()
    machine.greet("ready")
    if type(command) in (events.List, events.UIDL, events.Retrieve, events.Top, events.Delete):
        talk(machine, drop, b"USER mrose\r\nPASS tanstaaf\r\n")
    if isinstance(command, events.Stat | events.Reset):
        talk(machine, drop, b"USER mrose\r\nPASS tanstaaf\r\n")
    machine.receive_data(render(command))

    assert command == machine.next_event()
