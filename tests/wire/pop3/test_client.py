"""
Tests for the client machine against written responses, friendly and hostile.
"""

from __future__ import annotations

import pytest

from pymta.errors import LocalProtocolError
from pymta.wire import NEED_DATA, NeedData
from pymta.wire.pop3.client import POP3Client, render
from pymta.wire.pop3.events import (
    UIDL,
    Apop,
    Auth,
    AuthResponse,
    Capabilities,
    Closed,
    ClosedReason,
    Command,
    Delete,
    EnableUTF8,
    Extended,
    Language,
    List,
    Mechanisms,
    Noop,
    Password,
    Quit,
    Reset,
    Retrieve,
    StartTLS,
    Stat,
    Top,
    User,
)
from pymta.wire.pop3.limits import ClientLimits
from pymta.wire.pop3.responses import (
    Challenge,
    ClientEvent,
    Content,
    ContentEnd,
    Greeting,
    Reply,
)
from tests.wire.pop3.drop import cuts

LINES: list[tuple[Command, bytes]] = [
    (User("mrose"), b"USER mrose\r\n"),
    (Password("two words"), b"PASS two words\r\n"),
    (Apop("mrose", b"\xab" * 16), b"APOP mrose " + b"ab" * 16 + b"\r\n"),
    (Auth("PLAIN"), b"AUTH PLAIN\r\n"),
    (Auth("PLAIN", b""), b"AUTH PLAIN =\r\n"),
    (Auth("PLAIN", b"\0a\0b"), b"AUTH PLAIN AGEAYg==\r\n"),
    (Mechanisms(), b"AUTH\r\n"),
    (Capabilities(), b"CAPA\r\n"),
    (StartTLS(), b"STLS\r\n"),
    (EnableUTF8(), b"UTF8\r\n"),
    (Language(), b"LANG\r\n"),
    (Language("*"), b"LANG *\r\n"),
    (Stat(), b"STAT\r\n"),
    (List(), b"LIST\r\n"),
    (List(3), b"LIST 3\r\n"),
    (UIDL(), b"UIDL\r\n"),
    (UIDL(3), b"UIDL 3\r\n"),
    (Retrieve(3), b"RETR 3\r\n"),
    (Top(3, 0), b"TOP 3 0\r\n"),
    (Delete(3), b"DELE 3\r\n"),
    (Noop(), b"NOOP\r\n"),
    (Reset(), b"RSET\r\n"),
    (Quit(), b"QUIT\r\n"),
    (Extended("XTAG"), b"XTAG\r\n"),
    (Extended("XTAG", b"a b"), b"XTAG a b\r\n"),
]


@pytest.mark.parametrize(("command", "line"), LINES, ids=lambda value: repr(value)[:20])
def test_render(command: Command, line: bytes) -> None:
    """A command is one line."""
    assert line == render(command)


@pytest.mark.parametrize("name", ["a\r\nQUIT", "a\nb", "a\0b", "a\x7f"])
def test_s12_no_line_is_broken_by_a_value(name: str) -> None:
    """A control character in a name is our bug."""
    for command in (User(name), Password(name), Extended("XTAG", name.encode())):
        with pytest.raises(LocalProtocolError):
            render(command)


def ready(**limits: int) -> POP3Client:
    """A client that was greeted."""
    client = POP3Client(limits=ClientLimits(**limits))
    client.receive_data(b"+OK ready\r\n")
    client.next_event()
    return client


def heard(client: POP3Client, data: bytes, size: int = 1 << 20) -> list[ClientEvent]:
    """All events of data, slices of content joined."""
    found: list[ClientEvent] = []
    for piece in cuts(data, size):
        client.receive_data(piece)
        while (event := client.next_event()) is not NEED_DATA:
            assert not isinstance(event, NeedData)
            last = found[-1] if found else None
            if isinstance(event, Content) and isinstance(last, Content):
                found[-1] = Content(event.command, last.data + event.data)
            elif event != last:
                found.append(event)
            if isinstance(event, Closed):
                break
    return found


@pytest.mark.parametrize(
    ("line", "greeting"),
    [
        (b"+OK\r\n", Greeting(ok=True, text="")),
        (b"+OK hi <1@a> there\n", Greeting(ok=True, text="hi <1@a> there", timestamp="<1@a>")),
        (b"-ERR [SYS/TEMP] busy\r\n", Greeting(ok=False, text="busy", code="SYS/TEMP")),
    ],
)
def test_greeting(line: bytes, greeting: Greeting) -> None:
    """The first line says whether, and with what timestamp."""
    assert [greeting] == heard(POP3Client(), line, 1)


@pytest.mark.parametrize("size", [1, 2, 5, 1 << 20])
def test_pipelined(size: int) -> None:
    """Each reply names its command; lines come out unstuffed."""
    client = ready()
    commands: list[Command] = [Stat(), Retrieve(1), Retrieve(2), List(2), UIDL()]
    for command in commands:
        client.send(command)
    assert b"STAT\r\nRETR 1\r\nRETR 2\r\nLIST 2\r\nUIDL\r\n" == client.data_to_send()

    stat, one, two, listed, ids = commands
    assert [
        Reply(command=stat, ok=True, text="1 9"),
        Reply(command=one, ok=True, text=""),
        Content(one, b".\r\n+OK\r\n"),
        ContentEnd(one),
        Reply(command=two, ok=False, text="gone", code="X"),
        Reply(command=listed, ok=True, text="2 9"),
        Reply(command=ids, ok=True, text=""),
        ContentEnd(ids),
    ] == heard(
        client,
        b"+OK 1 9\r\n+OK\r\n..\r\n+OK\r\n.\r\n-ERR [x] gone\r\n+OK 2 9\r\n+OK\r\n.\r\n",
        size,
    )
    assert 0 == client.outstanding


def test_a_command_of_a_third_party_in_lines() -> None:
    """The constructor says which are."""
    client = POP3Client(in_lines=frozenset({"XTAG"}))
    heard(client, b"+OK\r\n")
    client.send(Extended("XTAG"))

    command = Extended("XTAG")
    assert [
        Reply(command=command, ok=True, text=""),
        Content(command, b"a\r\n"),
        ContentEnd(command),
    ] == heard(client, b"+OK\r\na\r\n.\r\n")


def test_authentication() -> None:
    """Challenges are answered one by one."""
    client = ready()
    client.send(Auth("LOGIN"))
    assert [Challenge(b"Username:")] == heard(client, b"+ VXNlcm5hbWU6\r\n")
    client.respond(b"mrose")
    assert [Challenge(b"")] == heard(client, b"+ \r\n")
    client.cancel()
    assert [Reply(command=Auth("LOGIN"), ok=False, text="no")] == heard(client, b"-ERR no\r\n")

    assert b"AUTH LOGIN\r\nbXJvc2U=\r\n*\r\n" == client.data_to_send()


def test_a_long_initial_response_waits() -> None:
    """RFC 5034 §4: it is sent behind the empty challenge when the line would be too long."""
    client = ready()
    client.send(Auth("PLAIN", b"x" * 300))
    assert b"AUTH PLAIN\r\n" == client.data_to_send()
    assert [] == heard(client, b"+ \r\n")

    assert b"eHh4" * 100 + b"\r\n" == client.data_to_send()


def test_a_challenge_that_is_no_base64_is_cancelled() -> None:
    """RFC 5034 §4: the client MUST cancel."""
    client = ready()
    client.send(Auth("LOGIN"))
    client.data_to_send()
    assert [] == heard(client, b"+ !\r\n")
    assert b"*\r\n" == client.data_to_send()

    assert [Reply(command=Auth("LOGIN"), ok=False, text="")] == heard(client, b"-ERR\r\n")


@pytest.mark.parametrize(
    ("line", "event"),
    [
        (b"+OK in\r\n", Closed(ClosedReason.UNSOLICITED)),
        (b"+ \r\n", Closed(ClosedReason.UNSOLICITED)),
        (b"-ERR late\r\n", Reply(command=Auth("LOGIN"), ok=False, text="late")),
    ],
)
def test_an_answer_in_place_of_our_response(line: bytes, event: ClientEvent) -> None:
    """A server may lose its patience; it may not say yes to what we have not said."""
    client = ready()
    client.send(Auth("LOGIN"))
    heard(client, b"+ VXNlcm5hbWU6\r\n")

    assert [event] == heard(client, line)
    with pytest.raises(LocalProtocolError):
        client.respond(b"mrose")


def test_quit_ends_the_session() -> None:
    """Behind its reply nothing is heard or said."""
    client = ready()
    client.send(Quit())
    with pytest.raises(LocalProtocolError):
        client.send(Noop())

    assert [
        Reply(command=Quit(), ok=True, text=""),
        Closed(ClosedReason.QUIT),
    ] == heard(client, b"+OK\r\n+OK\r\n")
    with pytest.raises(LocalProtocolError):
        client.send(Noop())


HOSTILE = {
    "no POP3": (b"220 smtp ready\r\n", ClosedReason.NO_POP3),
    "lower case": (b"+ok\r\n", ClosedReason.NO_POP3),
    "no space": (b"+OKAY\r\n", ClosedReason.NO_POP3),
    "a challenge for STAT": (b"+ \r\n", ClosedReason.NO_POP3),
    "too long": (b"+OK " + b"x" * 20_000 + b"\r\n", ClosedReason.TOO_LONG),
    "one too many": (b"+OK 0 0\r\n+OK 0 0\r\n", ClosedReason.UNSOLICITED),
}


@pytest.mark.parametrize("size", [1, 1 << 20], ids=["octets", "whole"])
@pytest.mark.parametrize(("data", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_s11_hostile_server(data: bytes, reason: ClosedReason, size: int) -> None:
    """It ends the session, and nothing is raised or kept."""
    client = ready()
    client.send(Stat())

    assert Closed(reason) == heard(client, data, size)[-1]
    assert client.closing


def test_s11_lines_without_end() -> None:
    """A limit stops what never ends."""
    client = ready(lines=1000)
    client.send(Retrieve(1))

    assert Closed(ClosedReason.TOO_LONG) == heard(client, b"+OK\r\n" + b"x\r\n" * 400, 100)[-1]


@pytest.mark.parametrize("data", [b"", b"+O", b"+OK\r\nhalf"])
def test_the_server_leaves(data: bytes) -> None:
    """What is half is not taken for whole."""
    client = ready()
    client.send(Retrieve(1))
    found = heard(client, data)
    client.receive_data(b"")

    assert Closed(ClosedReason.PEER_CLOSED) == client.next_event()
    assert ContentEnd(Retrieve(1)) not in found


MISUSES = {
    "a response unasked": lambda c: c.respond(b""),
    "cancelling nothing": lambda c: c.cancel(),
    "TLS unasked": lambda c: c.tls_started(),
    "a response as a command": lambda c: c.send(AuthResponse(b"")),
    "256 octets": lambda c: c.send(User("x" * 249)),
}


@pytest.mark.parametrize("misuse", MISUSES.values(), ids=MISUSES)
def test_misuse_raises(misuse: object) -> None:
    """What the protocol forbids is not written."""
    client = ready()
    assert callable(misuse)
    with pytest.raises(LocalProtocolError):
        misuse(client)
    assert b"" == client.data_to_send()


def test_the_greeting_comes_first() -> None:
    """Nothing is sent before it."""
    with pytest.raises(LocalProtocolError):
        POP3Client().send(Noop())
