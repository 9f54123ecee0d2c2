"""
Tests for the server machine: dialogues, played whole and octet by octet.
"""

from __future__ import annotations

import pytest

from pymta.errors import LocalProtocolError
from pymta.wire import NEED_DATA
from pymta.wire.pop3 import events
from pymta.wire.pop3.capability import RESP_CODES
from pymta.wire.pop3.events import Answered, Closed, ClosedReason
from pymta.wire.pop3.server import POP3Server
from pymta.wire.pop3.state import State
from pymta.wire.pop3.texts import Code, Text
from tests.wire.pop3.drop import TIMESTAMP, Drop, log_in, play, server, settle, talk

GREETING = f"S: +OK ready {TIMESTAMP}"
LOGIN = f"""
    {GREETING}
    C: USER mrose
    S: +OK
    C: PASS tanstaaf
    S: +OK maildrop ready
"""

TRANSCRIPTS = {
    "RFC 1939 section 10": f"""
        {GREETING}
        C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
        S: +OK maildrop ready
        C: STAT
        S: +OK 2 58
        C: LIST
        S: +OK listing follows
        S: 1 33
        S: 2 25
        S: .
        C: RETR 1
        S: +OK message follows
        S: Subject: one
        S:
        S: first
        S: ..dot
        S: ...
        S: .
        C: DELE 1
        S: +OK marked
        C: RETR 1
        S: -ERR no such message
        C: QUIT
        S: +OK signing off
    """,
    "pipelined": f"""
        {GREETING}
        C: USER mrose
        C: PASS tanstaaf
        C: STAT
        C: UIDL 2
        C: TOP 2 1
        C: NOOP
        C: QUIT
        S: +OK
        S: +OK maildrop ready
        S: +OK 2 58
        S: +OK 2 uid-2
        S: +OK
        S: Subject: two
        S:
        S: 1
        S: .
        S: +OK
        S: +OK signing off
    """,
    "case, spaces": f"""
        {GREETING}
        C: user  mrose
        S: +OK
        C: pAsS tanstaaf
        S: +OK maildrop ready
        C: list 1\x20
        S: +OK 1 33
        C: uidl
        S: +OK listing follows
        S: 1 uid-1
        S: 2 uid-2
        S: .
    """,
    "reset": f"""
        {LOGIN}
        C: DELE 2
        S: +OK marked
        C: DELE 2
        S: -ERR no such message
        C: LIST
        S: +OK listing follows
        S: 1 33
        S: .
        C: RSET
        S: +OK
        C: STAT
        S: +OK 2 58
    """,
    "wrong password, PASS again needs USER": f"""
        {GREETING}
        C: USER mrose
        S: +OK
        C: PASS wrong
        S: -ERR [AUTH] who?
        C: PASS tanstaaf
        S: -ERR USER comes first
        C: USER mrose
        S: +OK
        C: PASS tanstaaf
        S: +OK maildrop ready
    """,
    "PASS follows USER immediately": f"""
        {GREETING}
        C: USER mrose
        S: +OK
        C: NOOP
        S: -ERR not in this state
        C: PASS tanstaaf
        S: -ERR USER comes first
    """,
    "CAPA before and after": f"""
        {GREETING}
        C: CAPA
        S: +OK capability list follows
        S: TOP
        S: UIDL
        S: USER
        S: SASL LOGIN
        S: RESP-CODES
        S: AUTH-RESP-CODE
        S: PIPELINING
        S: STLS
        S: UTF8 USER
        S: LANG
        S: EXPIRE NEVER
        S: LOGIN-DELAY 0
        S: IMPLEMENTATION pymta
        S: .
        C: STLS
        S: +OK begin TLS negotiation
        C: CAPA
        S: +OK capability list follows
        S: TOP
        S: UIDL
        S: USER
        S: SASL PLAIN LOGIN
        S: RESP-CODES
        S: AUTH-RESP-CODE
        S: PIPELINING
        S: UTF8 USER
        S: LANG
        S: EXPIRE NEVER
        S: LOGIN-DELAY 0
        S: IMPLEMENTATION pymta
        S: .
        C: STLS
        S: -ERR not available here and now
    """,
    "AUTH with an initial response": f"""
        {GREETING}
        C: STLS
        S: +OK begin TLS negotiation
        C: auth plain AG1yb3NlAHRhbnN0YWFm
        S: +OK maildrop ready
        C: AUTH PLAIN AG1yb3NlAHRhbnN0YWFm
        S: -ERR not in this state
    """,
    "AUTH with an empty challenge": f"""
        {GREETING}
        C: STLS
        S: +OK begin TLS negotiation
        C: AUTH PLAIN
        S: +\x20
        C: AG1yb3NlAHRhbnN0YWFm
        S: +OK maildrop ready
    """,
    "AUTH, two challenges": f"""
        {GREETING}
        C: AUTH LOGIN
        S: + VXNlcm5hbWU6
        C: bXJvc2U=
        S: + UGFzc3dvcmQ6
        C: dGFuc3RhYWY=
        S: +OK maildrop ready
    """,
    "AUTH with an empty initial response, cancelled": f"""
        {GREETING}
        C: AUTH LOGIN =
        S: + UGFzc3dvcmQ6
        C: *
        S: -ERR authentication cancelled
        C: STAT
        S: -ERR not in this state
    """,
    "AUTH, no base64": f"""
        {GREETING}
        C: AUTH LOGIN
        S: + VXNlcm5hbWU6
        C: AAA=BBB
        S: -ERR not base64
        C: AUTH LOGIN =AAA
        S: -ERR not base64
        C: AUTH LOGIN bXJv c2U=
        S: -ERR not base64
    """,
    "AUTH, empty response": f"""
        {GREETING}
        C: AUTH LOGIN
        S: + VXNlcm5hbWU6
        C:
        S: -ERR [AUTH] who?
    """,
    "AUTH, not offered in the clear; the list": f"""
        {GREETING}
        C: AUTH PLAIN AG1yb3NlAHRhbnN0YWFm
        S: -ERR no such mechanism
        C: AUTH
        S: +OK mechanism list follows
        S: LOGIN
        S: .
    """,
    "languages": f"""
        {GREETING}
        C: LANG
        S: +OK languages
        S: en English
        S: de Deutsch
        S: .
        C: LANG de
        S: +OK de Sprache geändert
        C: HELO you
        S: -ERR hä?
        C: LANG xx
        S: -ERR no such language
        C: LANG *
        S: +OK en language changed
        C: LANG i-default
        S: +OK en language changed
        C: HELO you
        S: -ERR unknown command
    """,
    "UTF8, then no STLS": f"""
        {GREETING}
        C: UTF8
        S: +OK UTF8 enabled
        C: STLS
        S: -ERR STLS comes before UTF8
        C: USER jürgen
        S: +OK
        C: PASS straße
        S: -ERR [AUTH] who?
    """,
    "QUIT before a login": f"""
        {GREETING}
        C: QUIT
        S: +OK goodbye
    """,
}


@pytest.mark.parametrize("size", [1 << 20, 1, 3], ids=["whole", "octets", "threes"])
@pytest.mark.parametrize("transcript", TRANSCRIPTS.values(), ids=TRANSCRIPTS)
def test_transcript(transcript: str, size: int) -> None:
    """The dialogue goes as written, wherever the network cuts."""
    play(server(), transcript, size=size)


def test_quit_removes_what_is_marked() -> None:
    """QUIT asks for the UPDATE, once."""
    drop = play(server(), LOGIN + "C: DELE 1\nC: QUIT\nS: +OK marked\nS: +OK signing off", size=9)

    assert [1] == drop.removed
    assert 1 == drop.events.count(events.Quit())


@pytest.mark.parametrize(
    "data",
    [b"DELE 1\r\n", b"DELE 1\r\nQUI", b"DELE 1\r\nQUIT"],
    ids=["no QUIT", "half of it", "without its end"],
)
def test_without_quit_nothing_is_removed(data: bytes) -> None:
    """A session that ends without QUIT never enters the UPDATE state."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    talk(machine, drop, data)
    machine.receive_data(b"")
    settle(machine, drop)

    assert [] == drop.removed
    assert State.TRANSACTION is machine.status.state
    assert Closed(ClosedReason.PEER_CLOSED) == machine.next_event()


def test_answers_reach_a_peer_that_closed_its_side() -> None:
    """What came before the end is answered, then the machine closes."""
    machine, drop = server(timestamp=None), Drop()
    machine.greet("ready")
    machine.receive_data(b"USER mrose\nPASS tanstaaf\nSTAT\nQUIT\n")
    machine.receive_data(b"")

    assert b"+OK ready\r\n+OK\r\n+OK maildrop ready\r\n+OK 2 58\r\n+OK signing off\r\n" == settle(
        machine, drop
    )
    assert machine.closing


def test_failed_update_closes_too() -> None:
    """-ERR to QUIT is said, and the connection closed."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    machine.receive_data(b"QUIT\r\nSTAT\r\n")

    assert events.Quit() == machine.next_event()
    assert State.UPDATE is machine.status.state
    machine.err("some deleted messages not removed", code=Code.SYS_TEMP)
    assert b"-ERR [SYS/TEMP] some deleted messages not removed\r\n" == machine.data_to_send()
    assert machine.closing
    assert Closed(ClosedReason.QUIT) == machine.next_event()


@pytest.mark.parametrize("end", [b"\r\n", b"\n"], ids=["CRLF", "LF"])
def test_line_ends(end: bytes) -> None:
    """A bare LF ends a line like CRLF does, in an AUTH exchange too."""
    machine, drop = server(), Drop()
    machine.greet("ready")
    machine.data_to_send()
    lines = [b"AUTH LOGIN", b"bXJvc2U=", b"dGFuc3RhYWY=", b"NOOP", b""]

    assert b"+ VXNlcm5hbWU6\r\n+ UGFzc3dvcmQ6\r\n+OK maildrop ready\r\n+OK\r\n" == talk(
        machine, drop, end.join(lines)
    )


def test_octets_before_the_greeting_wait() -> None:
    """Who talks early is answered in order."""
    machine, drop = server(timestamp=None), Drop()
    machine.receive_data(b"QUIT\r\n")
    machine.greet("ready")

    assert b"+OK ready\r\n+OK goodbye\r\n" == settle(machine, drop)


def test_every_line_is_an_event() -> None:
    """What the machine answers itself is told, so a driver can give way in between."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    machine.data_to_send()
    machine.receive_data(b"NOOP\r\nCAPA\r\nWHAT\r\nRETR x\r\n")

    told = [machine.next_event() for _ in range(4)]
    assert [
        Answered("NOOP"),
        Answered("CAPA"),
        Answered("", Text.UNKNOWN),
        Answered("RETR", Text.ARGUMENTS),
    ] == told
    assert NEED_DATA is machine.next_event()


def test_secrets_are_not_shown() -> None:
    """What is logged of an event holds no credential."""
    shown = repr(
        [
            events.Password("tanstaaf"),
            events.Auth("PLAIN", b"tanstaaf"),
            events.AuthResponse(b"tanstaaf"),
            events.Apop("mrose", b"tanstaaf"),
        ]
    )

    assert "tanstaaf" not in shown


def test_lines_of_content_end_with_crlf() -> None:
    """Content without its last CRLF gets one; an empty one is no line at all."""
    machine, drop = server(), Drop([b"a\r\n.b", b"", b"x\n.\ny\r\n"])
    log_in(machine, drop)
    machine.data_to_send()

    assert b"+OK message follows\r\na\r\n..b\r\n.\r\n" == talk(machine, drop, b"RETR 1\r\n")
    assert b"+OK message follows\r\n.\r\n" == talk(machine, drop, b"RETR 2\r\n")
    # RFC 1939 section 3: a line ends with CRLF, and behind a bare LF none begins
    assert b"+OK message follows\r\nx\n.\ny\r\n.\r\n" == talk(machine, drop, b"RETR 3\r\n")


def test_a_hundred_thousand_entries_in_one_slice() -> None:
    """LIST takes joined octets; what comes out is them and the end."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    machine.data_to_send()
    entries = b"".join(b"%d 1000\r\n" % n for n in range(1, 100_001))
    machine.receive_data(b"LIST\r\n")
    assert events.List() == machine.next_event()
    machine.begin_lines()
    machine.lines(entries)
    machine.end_lines()

    assert b"+OK\r\n" + entries + b".\r\n" == machine.data_to_send()


# -- misuse by our own side --------------------------------------------------


def asked(line: bytes) -> POP3Server:
    """A machine, logged in where the line needs it, with a question open."""
    machine, drop = server(), Drop()
    if line.split()[0] in (b"AUTH", b"USER", b"STLS", b"UTF8"):
        machine.greet("ready")
    else:
        log_in(machine, drop)
    machine.receive_data(line)
    machine.next_event()
    machine.data_to_send()
    return machine


MISUSES = {
    "ok to RETR": (b"RETR 1\r\n", lambda m: m.ok()),
    "ok to LIST": (b"LIST\r\n", lambda m: m.ok()),
    "lines to LIST 1": (b"LIST 1\r\n", lambda m: m.begin_lines()),
    "ok to AUTH": (b"AUTH LOGIN\r\n", lambda m: m.ok()),
    "login to USER": (b"USER x\r\n", lambda m: m.logged_in()),
    "ok to STLS": (b"STLS\r\n", lambda m: m.ok()),
    "ok to LANG": (b"LANG en\r\n", lambda m: m.ok()),
    "lines before begin": (b"RETR 1\r\n", lambda m: m.lines(b"")),
    "end before begin": (b"RETR 1\r\n", lambda m: m.end_lines()),
    "challenge to DELE": (b"DELE 1\r\n", lambda m: m.challenge(b"")),
    "TLS to DELE": (b"DELE 1\r\n", lambda m: m.start_tls()),
    "TLS started": (b"STLS\r\n", lambda m: m.tls_started()),
    "greeting again": (b"STAT\r\n", lambda m: m.greet("ready")),
    "next event": (b"STAT\r\n", lambda m: m.next_event()),
    "CR in a text": (b"STAT\r\n", lambda m: m.ok("1\r\n+OK 2")),
    "NUL in a text": (b"STAT\r\n", lambda m: m.err("\0")),
    "a text like a code": (b"STAT\r\n", lambda m: m.ok("[AUTH] 1")),
    "a code that is none": (b"STAT\r\n", lambda m: m.err("no", code="A]B")),
}


@pytest.mark.parametrize(("line", "misuse"), MISUSES.values(), ids=MISUSES)
def test_misuse_raises_and_writes_nothing(line: bytes, misuse: object) -> None:
    """A wrong answer raises; nothing is written, and the question is still open."""
    machine = asked(line)
    assert callable(misuse)
    with pytest.raises(LocalProtocolError):
        misuse(machine)

    assert b"" == machine.data_to_send()
    machine.err("no")
    assert b"-ERR no\r\n" == machine.data_to_send()


def test_an_answer_without_a_question_raises() -> None:
    """Nothing is answered twice."""
    machine = asked(b"STAT\r\n")
    machine.ok("0 0")
    with pytest.raises(LocalProtocolError):
        machine.ok("0 0")


def test_next_event_before_the_greeting_raises() -> None:
    """The greeting comes first."""
    with pytest.raises(LocalProtocolError):
        server().next_event()


# -- texts -------------------------------------------------------------------


def test_texts_are_ascii_until_the_client_takes_more() -> None:
    """Other characters are replaced before UTF8 or LANG, and sent after."""
    machine = asked(b"USER x\r\n")
    machine.ok("grüß")
    assert b"+OK gr??\r\n" == machine.data_to_send()
    machine.receive_data(b"UTF8\r\n")
    machine.next_event()
    machine.ok("grüß")
    machine.receive_data(b"USER x\r\n")
    machine.next_event()
    machine.data_to_send()
    machine.ok("grüß")

    assert "+OK grüß\r\n".encode() == machine.data_to_send()


def test_a_long_text_is_cut_between_characters() -> None:
    """A response line has 512 octets at most, and is UTF-8 still."""
    machine = asked(b"UTF8\r\n")
    machine.ok()
    machine.receive_data(b"USER x\r\n")
    machine.next_event()
    machine.data_to_send()
    machine.ok("x" + "ß" * 400)
    line = machine.data_to_send()

    assert 511 == len(line)
    assert line.decode().endswith("ßß\r\n")


def test_a_long_greeting_keeps_its_timestamp() -> None:
    """What is cut is the text."""
    machine = server()
    machine.greet("x" * 600)
    line = machine.data_to_send()

    assert 512 == len(line)
    assert line.endswith(f" {TIMESTAMP}\r\n".encode())


def test_a_greeting_with_a_second_timestamp_raises() -> None:
    """Only the timestamp may look like one."""
    with pytest.raises(LocalProtocolError):
        server().greet("<ready>")


def test_codes_need_their_capability() -> None:
    """Without RESP-CODES no response has a code."""
    for capabilities, line in [((), b"-ERR no\r\n"), ((RESP_CODES,), b"-ERR [SYS/TEMP] no\r\n")]:
        machine = POP3Server(capabilities=capabilities)
        machine.shut_down("no")
        assert line == machine.data_to_send()


# -- shutting down -----------------------------------------------------------


def test_shut_down_in_place_of_the_greeting() -> None:
    """Who will not serve says so."""
    machine = server()
    machine.shut_down("too many connections")

    assert b"-ERR [SYS/TEMP] too many connections\r\n" == machine.data_to_send()
    assert machine.closing


def test_shut_down_amid_lines_says_nothing() -> None:
    """A broken message has no end, so that no client takes it for whole."""
    machine = asked(b"RETR 1\r\n")
    machine.begin_lines()
    machine.lines(b"half\r\n")
    machine.shut_down("sorry")

    assert b"+OK\r\nhalf\r\n" == machine.data_to_send()
    assert Closed(ClosedReason.SHUT_DOWN) == machine.next_event()


def test_an_idle_session_is_closed_without_a_word() -> None:
    """The inactivity timer sends no response (RFC 1939 section 3)."""
    machine, drop = server(), Drop()
    log_in(machine, drop)
    machine.data_to_send()
    machine.shut_down()

    assert b"" == machine.data_to_send()
    assert machine.closing
    assert [] == drop.removed
