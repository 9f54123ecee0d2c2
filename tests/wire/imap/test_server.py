"""
Tests for the server machine: dialogues, played whole and octet by octet.
"""

from __future__ import annotations

import pytest

from pymta.errors import LocalProtocolError
from pymta.wire import NEED_DATA
from pymta.wire.imap import capability
from pymta.wire.imap.command.auth import Authenticate, Login, StartTLS
from pymta.wire.imap.command.session import Idle, Noop
from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.events import (
    Answered,
    Asked,
    AuthCancelled,
    AuthResponse,
    Closed,
    ClosedReason,
    IdleDone,
)
from pymta.wire.imap.response.codes import ALERT, UNAVAILABLE
from pymta.wire.imap.response.mailbox import exists_line
from pymta.wire.imap.response.status import BAD, NO, OK
from pymta.wire.imap.server import IMAPServer
from pymta.wire.imap.state import State, Status
from tests.wire.imap.serving import (
    CAPABILITIES,
    Desk,
    inside,
    server,
    settle,
    talk,
    told,
    transcript,
)

MORE = (
    "SASL-IR ENABLE IDLE UIDPLUS UNSELECT MOVE ID NAMESPACE NOTIFY CONTEXT=SEARCH MULTIAPPEND"
    " CATENATE BINARY UTF8=ACCEPT REPLACE COMPRESS=DEFLATE UNAUTHENTICATE"
)
BEFORE = f"IMAP4rev1 LITERAL- STARTTLS AUTH=PLAIN AUTH=LOGIN {MORE}"
AFTER = f"IMAP4rev1 LITERAL+ {MORE}"
IN = f"OK [CAPABILITY {AFTER}] welcome"

TRANSCRIPTS = {
    "capabilities": f"""
        C: a CAPABILITY
        S: * CAPABILITY {BEFORE}
        S: a OK that is all
        C: b LOGIN mrose tanstaaf
        S: b {IN}
        C: c capability
        S: * CAPABILITY {AFTER}
        S: c OK that is all
    """,
    "literals": f"""
        C: a LOGIN {{5}}
        C: mrose {{8}}
        C: tanstaaf
        S: + go on
        S: + go on
        S: a {IN}
        C: b SELECT {{3+}}
        C: a b
        S: b OK open
    """,
    "literals unasked": f"""
        C: a LOGIN {{5+}}
        C: mrose {{8+}}
        C: tanstaaf
        S: a {IN}
    """,
    "a literal that is a command": """
        C: a LOGIN {13+}
        C: b NOOP
        C: c NO
        C: d NOOP
        S: a BAD space expected, at octet 14
        S: d OK done
    """,
    "pipelined": f"""
        C: a LOGIN mrose tanstaaf
        C: b SELECT INBOX
        C: c FETCH 1 FLAGS
        C: d CLOSE
        C: e FETCH 1 FLAGS
        C: f LOGOUT
        C: g NOOP
        S: a {IN}
        S: b OK open
        S: c OK done
        S: d OK closed
        S: e BAD not in the authenticated state
        S: * BYE logging out
        S: f OK bye
    """,
    "states": f"""
        C: a SELECT INBOX
        S: a BAD not in the not authenticated state
        C: b LOGIN mrose tanstaaf
        S: b {IN}
        C: c LOGIN mrose tanstaaf
        S: c BAD not in the authenticated state
        C: d EXPUNGE
        S: d BAD not in the authenticated state
        C: e SELECT INBOX
        S: e OK open
        C: f AUTHENTICATE PLAIN
        S: f BAD not in the selected state
        C: g EXPUNGE
        S: g OK done
        C: h SELECT no
        S: h NO [NONEXISTENT] no mailbox
        C: i EXPUNGE
        S: i BAD not in the authenticated state
        C: j STARTTLS
        S: j BAD unknown command
    """,
    "AUTHENTICATE PLAIN": f"""
        C: a AUTHENTICATE plain
        C: AG1yb3NlAHRhbnN0YWFm
        S: +\x20
        S: a {IN}
    """,
    "AUTHENTICATE LOGIN": f"""
        C: a AUTHENTICATE LOGIN
        C: bXJvc2U=
        C: dGFuc3RhYWY=
        S: + VXNlcm5hbWU6
        S: + UGFzc3dvcmQ6
        S: a {IN}
    """,
    "initial response": f"""
        C: a AUTHENTICATE PLAIN AG1yb3NlAHRhbnN0YWFm
        S: a {IN}
    """,
    "empty initial response": """
        C: a AUTHENTICATE PLAIN =
        S: a NO no
        C: b NOOP
        S: b OK done
    """,
    "AUTHENTICATE cancelled": """
        C: a AUTHENTICATE PLAIN
        C: *
        S: +\x20
        S: a BAD cancelled
        C: b NOOP
        S: b OK done
    """,
    "AUTHENTICATE, no base64": """
        C: a AUTHENTICATE PLAIN
        C: AG1yb3NlAHRhbnN0YWF
        S: +\x20
        S: a BAD not base64
        C: b AUTHENTICATE PLAIN AG1yb3NlAHRhbnN0YWF
        S: b BAD not base64, at octet 26
    """,
    "AUTHENTICATE, no such mechanism": """
        C: a AUTHENTICATE CRAM-MD5
        S: a NO [CANNOT] no such mechanism
        C: b AUTHENTICATE
        S: b BAD space expected, at octet 0
        C: c AUTHENTICATE x/y
        S: c BAD mechanism expected, at octet 4
    """,
    "IDLE": f"""
        C: a LOGIN mrose tanstaaf
        C: b IDLE
        C: done
        C: c IDLE
        C: DONE
        C: d NOOP
        S: a {IN}
        S: + idling
        S: b OK idled
        S: + idling
        S: c OK idled
        S: d OK done
    """,
    "IDLE without DONE": f"""
        C: a LOGIN mrose tanstaaf
        C: b IDLE
        C: c NOOP
        C: d NOOP
        S: a {IN}
        S: + idling
        S: b BAD DONE expected
        S: d OK done
    """,
    "blank lines": """
        C:
        C:
        C: a NOOP
        S: a OK done
    """,
    "nonsense": """
        C: a
        S: a BAD no command
        C: + x
        S: * BAD no tag
        C: * OK
        S: * BAD no tag
        C: a1 \xfc
        S: a1 BAD no command
        C: a2 FOO {3+}
        C: abc {1+}
        C: x
        S: a2 BAD unknown command
        C: a3 FOO {3}
        S: a3 BAD unknown command
        C: a4 noop
        S: a4 OK done
        C: GET / HTTP/1.1
        S: GET BAD unknown command
    """,
    "UNAUTHENTICATE": f"""
        C: a LOGIN mrose tanstaaf
        C: b ENABLE UTF8=ACCEPT
        C: c UNAUTHENTICATE
        C: d SELECT INBOX
        C: e LOGIN mrose tanstaaf
        C: f SELECT "ü"
        S: a {IN}
        S: * ENABLED UTF8=ACCEPT
        S: b OK enabled
        S: c OK [CAPABILITY {BEFORE}] as you were
        S: d BAD not in the not authenticated state
        S: e {IN}
        S: f BAD mailbox name in a wrong encoding, at octet 5
    """,
}


@pytest.mark.parametrize("cut", [None, 1, 5], ids=["whole", "octets", "slices"])
@pytest.mark.parametrize("text", TRANSCRIPTS.values(), ids=TRANSCRIPTS)
def test_transcript(text: str, cut: int | None) -> None:
    """What is said is answered so, however it is cut."""
    said, heard = transcript(text)
    machine = server()
    talk(machine, Desk(), said, cut)
    assert "\r\n".join([*heard, ""]) == machine.data_to_send().decode()


def test_lines_may_end_with_lf() -> None:
    """People at keyboards, and scripts, send no CR."""
    machine = server()
    talk(machine, Desk(), b"a NOOP\nb LOGIN {5+}\nmrose {8+}\ntanstaaf\n")
    assert State.AUTHENTICATED is machine.state


def test_greeting() -> None:
    """The greeting tells what is offered (RFC 3501 section 7.1)."""
    machine = IMAPServer(CAPABILITIES, tls=True)
    machine.greet("ready")
    words = BEFORE.replace(" STARTTLS", "")
    assert f"* OK [CAPABILITY {words}] ready\r\n".encode() == machine.data_to_send()


def test_preauth() -> None:
    """Somebody may be known by other means (RFC 3501 section 7.1.4)."""
    machine = IMAPServer(CAPABILITIES)
    machine.greet_preauth("you again")
    assert f"* PREAUTH [CAPABILITY {AFTER}] you again\r\n".encode() == machine.data_to_send()
    assert State.AUTHENTICATED is machine.state


def test_bye_in_place_of_a_greeting() -> None:
    """Who will not serve says so."""
    machine = IMAPServer(CAPABILITIES)
    machine.shut_down("too many connections", UNAVAILABLE)
    assert b"* BYE [UNAVAILABLE] too many connections\r\n" == machine.data_to_send()
    assert machine.closing


def test_early_octets_wait() -> None:
    """What comes before the greeting is obeyed behind it."""
    machine = IMAPServer(CAPABILITIES)
    machine.receive_data(b"a NOOP\r\n")
    with pytest.raises(LocalProtocolError):
        machine.next_event()
    machine.greet("ready")
    assert Asked("a", Noop()) == machine.next_event()


def test_one_command_at_a_time() -> None:
    """The next is not asked before the last was finished, so that answers leave in order."""
    machine = server()
    machine.receive_data(b"a NOOP\r\nb NOOP\r\n")
    assert Asked("a", Noop()) == machine.next_event()
    with pytest.raises(LocalProtocolError):
        machine.next_event()
    machine.say(exists_line(3))
    machine.finish(OK("done", ALERT))
    assert Asked("b", Noop()) == machine.next_event()
    assert b"* 3 EXISTS\r\na OK [ALERT] done\r\n" == machine.data_to_send()


def test_logindisabled() -> None:
    """Where LOGIN is not offered, it is refused without a look at the password."""
    offered = [*CAPABILITIES, capability.fixed("LOGINDISABLED")]
    machine = IMAPServer(offered)
    machine.greet("ready")
    machine.data_to_send()
    told_ = told(machine, b"a LOGIN mrose tanstaaf\r\n")
    assert [Answered("a", "not without TLS")] == told_
    assert b"a NO [PRIVACYREQUIRED] not without TLS\r\n" == machine.data_to_send()


def test_no_sasl_ir() -> None:
    """An initial response needs SASL-IR (RFC 4959)."""
    machine = server(["SASL-IR"])
    talk(machine, Desk(), b"a AUTHENTICATE PLAIN AG1yb3NlAHRhbnN0YWFm\r\n")
    assert b"a BAD no initial response here\r\n" == machine.data_to_send()


def test_credentials_stay_out_of_logs() -> None:
    """No representation of an event shows what must not be seen."""
    events = told(
        server(),
        b"a LOGIN mrose secret\r\nb AUTHENTICATE PLAIN c2VjcmV0\r\n"
        b"c AUTHENTICATE PLAIN\r\nc2VjcmV0\r\n",
    )
    assert not any("secret" in repr(event) for event in events)
    assert 5 == len(events)


def test_auth_events() -> None:
    """Responses come decoded, and a cancelled exchange is told."""
    desk = Desk()
    machine = server()
    talk(machine, desk, b"a AUTHENTICATE LOGIN\r\nbXJvc2U=\r\n*\r\n")
    assert [
        Asked("a", Authenticate("LOGIN")),
        AuthResponse(b"mrose"),
        AuthCancelled("cancelled"),
    ] == desk.events


def test_third_failed_login_closes() -> None:
    """Guessing passwords takes new connections, which a listener counts."""
    machine, desk = server(), Desk()
    talk(machine, desk, b"a LOGIN x y\r\nb AUTHENTICATE PLAIN\r\n*\r\nc LOGIN x y\r\nd NOOP\r\n")
    assert Closed(ClosedReason.TOO_MANY_LOGINS) == desk.events[-1]
    said = machine.data_to_send()
    assert said.endswith(b"c NO no\r\n* BYE too many failed logins\r\n")


def test_cancelled_logins_are_counted() -> None:
    """Also those that the client gives up."""
    machine, desk = server(), Desk()
    talk(machine, desk, b"a AUTHENTICATE PLAIN\r\n*\r\n" * 3)
    assert Closed(ClosedReason.TOO_MANY_LOGINS) == desk.events[-1]


def test_idle_tells_at_once() -> None:
    """Between ``idling`` and DONE lines are said whenever something happens."""
    machine, desk = inside(), Desk()
    talk(machine, desk, b"a IDLE\r\n")
    assert b"+ idling\r\n" == machine.data_to_send()
    assert machine.at_boundary
    machine.say(exists_line(4))
    assert b"* 4 EXISTS\r\n" == machine.data_to_send()
    talk(machine, desk, b"DONE\r\n")
    assert [Asked("a", Idle()), IdleDone()] == desk.events
    assert b"a OK idled\r\n" == machine.data_to_send()


@pytest.mark.parametrize("line", [b"b APPEND x {100+}\r\n", b"x" * 100_000 + b"\r\n"])
def test_idle_with_a_literal(line: bytes) -> None:
    """A command with a literal in the place of DONE leaves nothing to go on with."""
    machine, desk = inside(), Desk()
    talk(machine, desk, b"a IDLE\r\n" + line)
    assert Closed(ClosedReason.TOO_MANY_ERRORS) == desk.events[-1]
    assert machine.data_to_send().endswith(b"* BYE DONE expected\r\n")


def test_shut_down_while_idling() -> None:
    """An idling client is told why it is over."""
    machine = inside()
    talk(machine, Desk(), b"a IDLE\r\n")
    machine.data_to_send()
    machine.shut_down("closing for the night")
    machine.say(exists_line(1))
    assert b"* BYE closing for the night\r\n" == machine.data_to_send()
    assert Closed(ClosedReason.SHUT_DOWN) == machine.next_event()


def test_silent_shut_down() -> None:
    """Amid a response nothing can be said that is not taken for part of it."""
    machine = inside()
    machine.receive_data(b"a NOOP\r\n")
    machine.next_event()
    machine.say(b"* 1 FETCH (BODY[] {1000}\r\nabc")
    machine.shut_down(None)
    assert machine.data_to_send().endswith(b"\r\nabc")
    assert machine.closing


@pytest.mark.parametrize("said", [b"", b"a NO", b"a LOGIN {5}\r\nmro", b"a LOGIN x {5}\r\n"])
def test_peer_leaves(said: bytes) -> None:
    """A command of which the end does not come is not obeyed."""
    machine, desk = server(), Desk()
    talk(machine, desk, said)
    machine.receive_data(b"")
    settle(machine, desk)
    assert [Closed(ClosedReason.PEER_CLOSED)] == desk.events
    assert machine.closing


def test_half_closed() -> None:
    """A peer who has closed its side is still answered."""
    machine, desk = server(), Desk()
    machine.receive_data(b"a NOOP\r\nb NOOP\r\n")
    machine.receive_data(b"")
    settle(machine, desk)
    assert b"a OK done\r\nb OK done\r\n" == machine.data_to_send()
    assert machine.closing


# -- STARTTLS ----------------------------------------------------------------


def test_starttls() -> None:
    """Behind STARTTLS all begins anew, without STARTTLS."""
    machine, desk = server(), Desk()
    talk(machine, desk, b"a STARTTLS\r\n")
    assert machine.starting_tls
    assert b"a OK begin TLS negotiation\r\n" == machine.data_to_send()
    with pytest.raises(LocalProtocolError):
        machine.say(b"* OK\r\n")
    machine.tls_started()
    talk(machine, desk, b"b STARTTLS\r\nc CAPABILITY\r\n")
    words = BEFORE.replace(" STARTTLS", "")
    wanted = f"b BAD unknown command\r\n* CAPABILITY {words}\r\nc OK that is all\r\n"
    assert wanted.encode() == machine.data_to_send()


@pytest.mark.parametrize("at", ["with the command", "while it is answered", "behind the answer"])
def test_injected_behind_starttls(at: str) -> None:
    """Octets in the clear behind STARTTLS are never obeyed (CVE-2011-0411)."""
    injected = b"b LOGIN mrose tanstaaf\r\n"
    machine = server()
    machine.receive_data(b"a STARTTLS\r\n" + (injected if at == "with the command" else b""))
    event = machine.next_event()
    if at != "with the command":
        assert Asked("a", StartTLS()) == event
        if at == "while it is answered":
            machine.receive_data(injected)
        machine.start_tls()
        machine.receive_data(injected)
    assert Closed(ClosedReason.PIPELINED_TLS) == machine.next_event()
    assert machine.closing
    assert not machine.starting_tls
    assert b"LOGIN" not in machine.data_to_send()


def test_peer_leaves_before_tls() -> None:
    """A peer who leaves in place of the handshake is told of."""
    machine = server()
    talk(machine, Desk(), b"a STARTTLS\r\n")
    machine.receive_data(b"")
    assert Closed(ClosedReason.PEER_CLOSED) == machine.next_event()


# -- what our own side must not do -------------------------------------------


def test_own_methods() -> None:
    """An OK that changes the machine has a method of its own."""
    for line, method in (
        (b"a LOGIN x y\r\n", "login"),
        (b"a AUTHENTICATE PLAIN\r\n", "authenticate"),
        (b"a STARTTLS\r\n", "starttls"),
    ):
        machine = server()
        machine.receive_data(line)
        machine.next_event()
        with pytest.raises(LocalProtocolError, match="OK is no answer"):
            machine.finish(OK(method))
        machine.finish(NO("no"))
        assert b"a NO no\r\n" == machine.data_to_send()


def test_misuse() -> None:
    """Answers that nobody asked for are a mistake of ours."""
    machine = server()
    for answer in (
        lambda: machine.finish(OK("x")),
        lambda: machine.challenge(b""),
        lambda: machine.logged_in("x"),
        lambda: machine.start_tls(),
        lambda: machine.tls_started(),
        lambda: machine.compress(),
        lambda: machine.unauthenticated("x"),
        lambda: machine.idling(),
        lambda: machine.go_on(),
        lambda: machine.selected(),
        lambda: machine.greet("x"),
    ):
        with pytest.raises(LocalProtocolError):
            answer()
    machine.receive_data(b"a NOOP\r\n")
    machine.next_event()
    for answer in (lambda: machine.idling(), lambda: machine.logged_in("x")):
        with pytest.raises(LocalProtocolError):
            answer()
    machine.finish(BAD("x"))
    assert b"a BAD x\r\n" == machine.data_to_send()


def test_offers_less_behind_a_login() -> None:
    """An account may have less than the server promised everybody."""
    machine = inside()
    machine.offer([entry for entry in CAPABILITIES if entry.name != "MOVE"])
    talk(machine, Desk(), b"a SELECT INBOX\r\nb MOVE 1 x\r\n")
    assert b"a OK open\r\nb BAD unknown command\r\n" == machine.data_to_send()


def test_a_third_partys_command() -> None:
    """Anybody's verb is read by anybody's parser."""

    def parse(cursor: Cursor) -> tuple[str, bool]:
        cursor.space()
        return cursor.word(), cursor.by_uid

    verb = capability.Verb(name="X-MOON", parse=parse, by_uid=True)
    machine = IMAPServer([*CAPABILITIES, capability.fixed("X-MOON", verb)])
    machine.greet_preauth("ready")
    events = told(machine, b"a X-MOON full\r\nb uid x-moon new\r\n")
    assert [Asked("a", ("FULL", False)), Asked("b", ("NEW", True))] == events


def test_one_register_for_all() -> None:
    """What a connection is offered may depend on who it is, by one register for all of them."""
    moon = capability.Capability(
        name="X-MOON", words=lambda status: ("X-MOON",) if status.context == "full" else None
    )
    register = capability.Register([*CAPABILITIES, moon])
    for context, offered in (("full", True), ("new", False), (None, False)):
        machine = IMAPServer(register, context=context)
        machine.greet_preauth("ready")
        assert offered == ("X-MOON" in machine.capability_words())
        talk(machine, Desk(), b"a UNAUTHENTICATE\r\nb STARTTLS\r\n")
        machine.tls_started()
        assert offered == ("X-MOON" in machine.capability_words())


def test_verbs_come_once() -> None:
    """Two capabilities cannot bring the same verb."""
    move = next(entry for entry in CAPABILITIES if entry.name == "MOVE")
    with pytest.raises(ValueError, match="MOVE comes twice"):
        IMAPServer([*CAPABILITIES, move])


@pytest.mark.parametrize("name", ["", "move", "A B", "A(", "\xc4"])
def test_verbs_are_words(name: str) -> None:
    """A verb is an atom in upper case."""
    with pytest.raises(ValueError, match="no verb"):
        capability.Verb(name=name, parse=lambda _cursor: None)


def test_nothing_is_left_over() -> None:
    """A quiet machine needs data, and says nothing."""
    machine = server()
    assert NEED_DATA is machine.next_event()
    assert b"" == machine.data_to_send()
    assert not machine.closing


def test_login_event() -> None:
    """LOGIN is asked as it was given."""
    assert [Asked("a", Login("mrose", "tanstaaf"))] == told(server(), b"a LOGIN mrose tanstaaf\r\n")


def test_words_are_asked_for_once_a_status() -> None:
    """What is announced is worked out when the session moves on, not with every command."""
    asked: list[State] = []

    def words(status: Status) -> list[str]:
        asked.append(status.state)
        return ["MOON"]

    moon = capability.Capability(name="MOON", words=words)
    machine = IMAPServer([*CAPABILITIES, moon])
    machine.greet_preauth("ready")
    for _ in range(3):
        assert "MOON" in machine.capability_words()
    assert [State.AUTHENTICATED] == asked

    machine.enable(["CONDSTORE"])
    assert ["MOON"] == machine.capability_words()[-1:]
    machine.offer([])
    assert [] == machine.capability_words()
    assert [State.AUTHENTICATED] * 2 == asked
