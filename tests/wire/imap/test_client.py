"""
The client machine: what it sends, and what it makes of the answers.
"""

from __future__ import annotations

import base64
import zlib

import pytest

from pymta.errors import LocalProtocolError
from pymta.sasl.channel import Channel
from pymta.sasl.client import ClientSide, Credentials
from pymta.sasl.plain import PlainClient
from pymta.wire.imap.client import IMAPClient
from pymta.wire.imap.client_data import Capabilities, Code, Condition, Enabled, Exists, Status
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
from pymta.wire.imap.client_lexer import ClientLimits
from pymta.wire.imap.cursor import Literal
from tests.wire.imap.client_dialogue import Dialogue

NOOP = Request("NOOP")
OK = Condition(Status.OK, "ok")
APPEND = Request("APPEND", (b"INBOX ", Literal(b"a\r\nb")))


def lost(events: list[ClientEvent]) -> LostReason:
    """Why there is no session any more."""
    event = events[-1]
    assert isinstance(event, Lost), events
    return event.reason


@pytest.mark.parametrize(
    ("line", "status"), [("* OK hi", Status.OK), ("* PREAUTH hi", Status.PREAUTH)]
)
def test_greeting(line: str, status: Status) -> None:
    """The first response is the greeting; before it, nothing is sent."""
    client = IMAPClient()
    with pytest.raises(LocalProtocolError):
        client.send(NOOP)
    client.receive_data(line.encode() + b"\r\n")

    assert Greeting(Condition(status, "hi")) == client.next_event()
    assert "A1" == client.send(NOOP)


def test_greeting_that_refuses() -> None:
    """BYE is a greeting, and the end."""
    client = IMAPClient()
    client.receive_data(b"* BYE busy\r\n")

    assert Greeting(Condition(Status.BYE, "busy")) == client.next_event()
    assert Lost(LostReason.BYE, "busy") == client.next_event()
    assert client.closing


@pytest.mark.parametrize("line", ["* 3 EXISTS", "A1 OK x", "+ go", "* NO x", "220 smtp"])
def test_greeting_that_is_none(line: str) -> None:
    """Anything else is no IMAP."""
    client = IMAPClient()
    client.receive_data(line.encode() + b"\r\n")
    assert LostReason.MALFORMED is lost([client.next_event()])  # type: ignore[list-item]


def test_pipelined_commands() -> None:
    """
    Commands leave without waiting; data belongs to the oldest; ends may come in any order.
    """
    dialogue = Dialogue()
    select = Request("SELECT", (b"INBOX",))
    assert ["A1", "A2"] == [dialogue.client.send(select), dialogue.client.send(NOOP)]

    assert ["A1 SELECT INBOX", "A2 NOOP"] == dialogue.sent()
    assert [Untagged(Exists(2), select)] == dialogue.say("* 2 EXISTS")
    assert 2 == dialogue.client.outstanding
    assert [
        Completed("A2", NOOP, OK),
        Completed("A1", select, Condition(Status.NO, "x", Code("TRYCREATE"))),
        Untagged(Exists(3), None),
    ] == dialogue.say("A2 OK ok", "A1 NO [TRYCREATE] x", "* 3 EXISTS")


def test_literal_waits() -> None:
    """
    Without LITERAL+ a literal waits for "+", and what is sent behind it waits too.
    """
    dialogue = Dialogue()
    dialogue.client.send(APPEND)
    dialogue.client.send(NOOP)

    assert ["A1 APPEND INBOX {4}"] == dialogue.sent()
    assert [] == dialogue.say("+ go on")
    assert ["a", "b", "A2 NOOP"] == dialogue.sent()


def test_literal_is_refused() -> None:
    """
    A literal that is answered NO is not sent; the next command is.
    """
    dialogue = Dialogue()
    dialogue.client.send(APPEND)
    dialogue.client.send(NOOP)
    dialogue.sent()

    (event,) = dialogue.say("A1 NO [TOOBIG] no")

    assert isinstance(event, Completed)
    assert Code("TOOBIG") == event.code
    assert not event.ok
    assert ["A2 NOOP"] == dialogue.sent()


@pytest.mark.parametrize(
    ("announced", "size", "plus"),
    [
        ("LITERAL+", 5000, "+"),
        ("LITERAL-", 4096, "+"),
        ("LITERAL-", 4097, ""),
        ("IMAP4REV2", 4096, "+"),
        ("IDLE", 1, ""),
    ],
)
def test_literal_does_not_wait(announced: str, size: int, plus: str) -> None:
    """With LITERAL+, and with LITERAL- or rev2 up to 4096 octets, a literal is just sent."""
    dialogue = Dialogue(announced)
    dialogue.client.send(Request("X", (Literal(b"x" * size, binary=True),)))
    assert f"A1 X ~{{{size}{plus}}}" == dialogue.sent()[0]


def test_arguments() -> None:
    """
    A string is quoted, or a literal where it must be; a line break in a command is refused.
    """
    assert b'"a\\"b\\\\"' == astring(b'a"b\\')
    assert Literal("ü".encode()) == astring("ü".encode())
    assert Literal(b"a\r\n") == astring(b"a\r\n")
    with pytest.raises(LocalProtocolError):
        Dialogue().client.send(Request("LOGIN", (b"a\r\nA9 DELETE x",)))


def test_mailbox_names() -> None:
    """
    Names are modified UTF-7, and UTF-8 once that is enabled.
    """
    dialogue = Dialogue()
    assert b'"Entw&APw-rfe"' == dialogue.client.mailbox("Entwürfe")
    dialogue.client.send(Request("ENABLE", (b"UTF8=ACCEPT",)))
    events = dialogue.say("* ENABLED UTF8=ACCEPT", "A1 OK ok")
    assert Enabled(frozenset({"UTF8=ACCEPT"})) == getattr(events[0], "data", None)
    assert '"Entwürfe"'.encode() == dialogue.client.mailbox("Entwürfe")
    (event,) = dialogue.say('* LIST () "/" "Entwürfe&-"')
    assert "Entwürfe&-" == getattr(getattr(event, "data", None), "name", None)


def test_capabilities() -> None:
    """
    What is announced in the greeting, by CAPABILITY or with a login is known; where a login
    says nothing of it, nothing is.
    """
    dialogue = Dialogue("IMAP4rev1", "STARTTLS")
    assert {"IMAP4REV1", "STARTTLS"} == dialogue.client.capabilities
    dialogue.client.send(Request("CAPABILITY"))
    (event, _) = dialogue.say("* CAPABILITY IMAP4rev1 IDLE", "A1 OK ok")
    assert Capabilities(frozenset({"IMAP4REV1", "IDLE"})) == getattr(event, "data", None)
    dialogue.client.send(Request("LOGIN", (b"a b",)))
    dialogue.say("A2 OK [CAPABILITY ID] ok")
    assert {"ID"} == dialogue.client.capabilities
    dialogue.client.send(Request("LOGIN", (b"a b",)))
    dialogue.say("A3 OK ok")
    assert frozenset() == dialogue.client.capabilities


def plain() -> bytes:
    """The initial response of PLAIN."""
    side = ClientSide(
        credentials=Credentials(username="ann", password="secret"),
        channel=Channel(secure=True),
        offered=frozenset({"PLAIN"}),
        random=bytes,
    )
    initial = PlainClient(side.credentials).begin()
    assert initial is not None
    return initial


def test_authenticate_with_initial_response() -> None:
    """With SASL-IR the initial response is in the command; an empty one is "="."""
    dialogue = Dialogue("SASL-IR")
    dialogue.client.authenticate("PLAIN", plain())
    assert [f"A1 AUTHENTICATE PLAIN {base64.b64encode(plain()).decode()}"] == dialogue.sent()
    with pytest.raises(LocalProtocolError):
        dialogue.client.send(NOOP)
    assert Completed("A1", Request("AUTHENTICATE", ()), OK).ok
    (event,) = dialogue.say("A1 OK ok")
    assert isinstance(event, Completed)
    assert event.ok
    dialogue.client.authenticate("EXTERNAL", b"")
    assert ["A2 AUTHENTICATE EXTERNAL"] == dialogue.sent(), "the announcement is to be asked again"


def test_authenticate_without_initial_response() -> None:
    """Without SASL-IR it answers the empty challenge; later challenges are events."""
    dialogue = Dialogue("IDLE")
    dialogue.client.authenticate("X", b"first")
    assert ["A1 AUTHENTICATE X"] == dialogue.sent()
    assert [] == dialogue.say("+ ")
    assert ["Zmlyc3Q="] == dialogue.sent()
    assert [Challenge(b"more")] == dialogue.say("+ bW9yZQ==")
    dialogue.client.respond(b"")
    assert [""] == dialogue.sent()
    assert [Challenge(b"")] == dialogue.say("+")
    dialogue.client.cancel()
    assert ["*"] == dialogue.sent()
    (event,) = dialogue.say("A1 BAD cancelled")
    assert isinstance(event, Completed)
    with pytest.raises(LocalProtocolError):
        dialogue.client.respond(b"")


def test_challenge_that_is_no_base64_is_cancelled() -> None:
    """What cannot be decoded ends the exchange, not the session."""
    dialogue = Dialogue()
    dialogue.client.authenticate("X", None)
    dialogue.sent()
    assert [] == dialogue.say("+ !!!")
    assert ["*"] == dialogue.sent()


def test_idle() -> None:
    """IDLE begins with "+", tells, and ends with DONE; nothing else is said meanwhile."""
    dialogue = Dialogue()
    idle = Request("IDLE")
    dialogue.client.send(idle)
    with pytest.raises(LocalProtocolError):
        dialogue.client.done()
    assert [Idling("A1")] == dialogue.say("+ idling")
    assert [Untagged(Exists(4), idle)] == dialogue.say("* 4 EXISTS")
    with pytest.raises(LocalProtocolError):
        dialogue.client.send(NOOP)
    dialogue.client.done()
    assert ["A1 IDLE", "DONE"] == dialogue.sent()
    assert [Completed("A1", idle, OK)] == dialogue.say("A1 OK ok")


def test_starttls() -> None:
    """STARTTLS is started when answered; what was announced is forgotten."""
    dialogue = Dialogue("STARTTLS")
    dialogue.client.send(Request("STARTTLS"))
    dialogue.say("A1 OK go")
    assert dialogue.client.starting_tls
    with pytest.raises(LocalProtocolError):
        dialogue.client.send(NOOP)
    dialogue.client.tls_started()
    assert frozenset() == dialogue.client.capabilities
    dialogue.client.send(NOOP)
    with pytest.raises(LocalProtocolError):
        dialogue.client.send(Request("STARTTLS"))
    with pytest.raises(LocalProtocolError):
        dialogue.client.tls_started()


@pytest.mark.parametrize("together", [True, False])
def test_octets_before_tls_are_refused(together: bool) -> None:
    """An answer in clear text behind that of STARTTLS, at once or later, is never believed."""
    dialogue = Dialogue()
    dialogue.client.send(Request("STARTTLS"))
    lines = ["A1 OK go", "* CAPABILITY AUTH=PLAIN"]
    events = dialogue.say(*lines) if together else dialogue.say(lines[0]) + dialogue.say(lines[1])
    assert LostReason.PIPELINED_TLS is lost(events)


def deflated(data: bytes) -> bytes:
    """As a server sends it."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)


@pytest.mark.parametrize("slices", [None, 1])
def test_compress(slices: int | None) -> None:
    """Behind COMPRESS both directions are deflated, from the first octet on."""
    dialogue = Dialogue()
    dialogue.client.send(Request("COMPRESS", (b"DEFLATE",)))
    assert ["A1 COMPRESS DEFLATE"] == dialogue.sent()
    events = dialogue.hear(b"A1 OK ok\r\n" + deflated(b"* 7 EXISTS\r\n" * 9), slices=slices)
    assert [Untagged(Exists(7), None)] * 9 == events[1:]
    dialogue.client.send(NOOP)
    sent = zlib.decompressobj(wbits=-15).decompress(dialogue.client.data_to_send())
    assert b"A2 NOOP\r\n" == sent


def test_unauthenticate_ends_compression() -> None:
    """Behind UNAUTHENTICATE both directions are plain again (RFC 8437 section 4.1)."""
    dialogue = Dialogue()
    dialogue.client.send(Request("COMPRESS", (b"DEFLATE",)))
    dialogue.sent()
    dialogue.say("A1 OK ok")
    dialogue.client.send(Request("UNAUTHENTICATE"))
    inflater = zlib.decompressobj(wbits=-15)
    assert b"A2 UNAUTHENTICATE\r\n" == inflater.decompress(dialogue.client.data_to_send())
    assert inflater.eof
    last = zlib.compressobj(wbits=-15)
    ended = last.compress(b"A2 OK bye\r\n") + last.flush()
    events = dialogue.hear(ended + b"* 1 EXISTS\r\n")
    assert [Untagged(Exists(1), None)] == events[1:]
    dialogue.client.send(NOOP)
    assert ["A3 NOOP"] == dialogue.sent()


def test_what_is_not_compressed() -> None:
    """Octets that are no deflate end the session."""
    dialogue = Dialogue()
    dialogue.client.send(Request("COMPRESS", (b"DEFLATE",)))
    dialogue.say("A1 OK ok")
    assert LostReason.COMPRESSION is lost(dialogue.hear(b"\xff* 1 EXISTS\r\n"))


def test_compressed_bomb() -> None:
    """What inflates beyond the limits is refused long before it is whole."""
    dialogue = Dialogue(limits=ClientLimits(line=100_000))
    dialogue.client.send(Request("COMPRESS", (b"DEFLATE",)))
    dialogue.say("A1 OK ok")
    dialogue.client.receive_data(deflated(b"x" * 50_000_000))
    dialogue.client.receive_data(b"")
    assert LostReason.PEER_CLOSED is lost(dialogue.events())


def test_logout() -> None:
    """BYE and the end of LOGOUT are told, then the session is over."""
    dialogue = Dialogue()
    logout = Request("LOGOUT")
    dialogue.client.send(logout)
    assert [
        Untagged(Condition(Status.BYE, "x"), logout),
        Completed("A1", logout, OK),
        Lost(LostReason.LOGOUT),
    ] == dialogue.say("* BYE x", "A1 OK ok")


def test_bye() -> None:
    """BYE without LOGOUT is told, and is the end; nothing is sent any more."""
    dialogue = Dialogue()
    dialogue.client.send(NOOP)
    events = dialogue.say("* BYE shutting down", "A1 OK ok")
    assert Lost(LostReason.BYE, "shutting down") == events[-1]
    assert 2 == len(events)
    assert Lost(LostReason.BYE, "shutting down") == dialogue.client.next_event()
    with pytest.raises(LocalProtocolError):
        dialogue.client.send(NOOP)


def test_closed() -> None:
    """A server that goes away, even within a response, is told so."""
    dialogue = Dialogue()
    dialogue.client.receive_data(b"* 3 EXI")
    dialogue.client.receive_data(b"")
    assert [Lost(LostReason.PEER_CLOSED)] == dialogue.events()


HOSTILE = {
    "unknown tag": ("A9 OK x", LostReason.UNSOLICITED),
    "go on with nothing": ("+ go", LostReason.UNSOLICITED),
    "late PREAUTH": ("* PREAUTH x", LostReason.MALFORMED),
    "line too long": ("* OK " + "x" * 1000 + "\r\n* OK", LostReason.TOO_LONG),
    "literal too long": ("* X {100000}", LostReason.TOO_LONG),
    "literals too many": ("* X" + " {0}\r\n" * 11, LostReason.TOO_LONG),
    "literal without bounds": ("* X {9999999999999999999}", LostReason.TOO_LONG),
    "bare LF": ("* 1 EXISTS\n* OK", LostReason.MALFORMED),
    "NUL": ("\0", LostReason.MALFORMED),
}


@pytest.mark.parametrize(("said", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_hostile_server(said: str, reason: LostReason) -> None:
    """A server that breaks the rules ends the session; memory stays bounded."""
    dialogue = Dialogue(limits=ClientLimits(line=500, response=2000, literals=10))
    assert reason is lost(dialogue.say(said))


def test_done_before_it_was_asked() -> None:
    """An OK to a command whose literal was not yet sent, or that waits behind, is no answer."""
    for tag in ("A1 OK", "A2 NO"):
        dialogue = Dialogue()
        dialogue.client.send(APPEND)
        dialogue.client.send(APPEND)
        assert LostReason.UNSOLICITED is lost(dialogue.say(f"{tag} x"))


def test_second_go_on() -> None:
    """IDLE and AUTHENTICATE take one "+" at a time."""
    dialogue = Dialogue()
    dialogue.client.send(Request("IDLE"))
    assert LostReason.UNSOLICITED is lost(dialogue.say("+ x", "+ x"))
    dialogue = Dialogue()
    dialogue.client.authenticate("X", None)
    assert LostReason.UNSOLICITED is lost(dialogue.say("+", "+"))


def test_limits_below_one() -> None:
    """A limit below 1 is a mistake."""
    with pytest.raises(ValueError, match="below 1"):
        ClientLimits(depth=0)
