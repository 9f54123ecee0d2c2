"""
Tests for the SMTP client machine: STARTTLS, AUTH, the end, and servers that are hostile.
"""

from __future__ import annotations

from collections.abc import (
    Callable,
)
from dataclasses import (
    replace,
)

import pytest

from pymta.envelope import (
    Body,
)
from pymta.errors import (
    LocalProtocolError,
    RemoteProtocolError,
)
from pymta.reply import (
    Reply,
)
from pymta.wire.smtp.client import (
    Phase,
)
from pymta.wire.smtp.client_events import (
    AuthChallenge,
    AuthFailed,
    AuthSucceeded,
    ClientEvent,
    Closed,
    CommandAnswered,
    ContentAnswered,
    Greeting,
    SenderAnswered,
    TLSReady,
    TLSRefused,
    TransactionEnded,
)
from tests.wire.smtp.client_dialogue import (
    ANN,
    BOB,
    NO,
    OK,
    SENDER,
    Dialogue,
    accepted,
)

# -- STARTTLS ----------------------------------------------------------------


def test_starttls() -> None:
    """Behind the handshake nothing is known of the server until EHLO is said again."""
    d = Dialogue("STARTTLS", "PIPELINING", "AUTH PLAIN")
    d.client.start_tls()
    assert ["STARTTLS"] == d.sent()
    assert [TLSReady(Reply(220, "", "go"))] == d.say("220 go")
    d.client.tls_started()
    assert {} == d.client.capabilities.keywords
    with pytest.raises(LocalProtocolError):
        d.client.begin(SENDER, [ANN])
    d.client.hello("c.example")
    assert ["EHLO c.example"] == d.sent()
    d.say("250-mx.example", "250 STARTTLS")
    with pytest.raises(LocalProtocolError):
        d.client.start_tls()
    d.client.begin(SENDER, [ANN])

    assert ["MAIL FROM:<from@a.example>"] == d.sent()


@pytest.mark.parametrize("reply", ["454 not now", "500 what?"])
def test_starttls_refused(reply: str) -> None:
    """A server that will not is told of; the connection goes on."""
    d = Dialogue("STARTTLS")
    d.client.start_tls()
    [event] = d.say(reply)

    assert isinstance(event, TLSRefused)
    assert Phase.READY is d.phase()


def test_starttls_not_offered() -> None:
    """STARTTLS is not said where it was not announced."""
    with pytest.raises(LocalProtocolError):
        Dialogue("X").client.start_tls()


@pytest.mark.parametrize("injected", [b"2", b"250 injected\r\n", b"421 bye\r\n", b"\x16\x03"])
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_s04_octets_behind_starttls(injected: bytes, cut: int) -> None:
    """Whatever stands behind the 220 in clear text ends the connection, in whatever slices."""
    d = Dialogue("STARTTLS")
    d.client.start_tls()
    wire = b"220 go\r\n"
    d.client.receive_data(wire[:cut])
    d.client.receive_data(wire[cut:] + injected)
    with pytest.raises(RemoteProtocolError, match="clear text"):
        # TLSReady is not told first: who is told it starts the handshake.
        d.client.next_event()
    assert d.client.closing
    with pytest.raises(LocalProtocolError):
        d.client.tls_started()


def test_s04_octets_before_the_handshake() -> None:
    """What comes in clear text after TLSReady was told ends the connection too."""
    d = Dialogue("STARTTLS")
    d.client.start_tls()
    d.say("220 go")
    with pytest.raises(RemoteProtocolError, match="clear text"):
        d.say("250 injected")


@pytest.mark.parametrize("injected", [b"250-injected\r\n250 AUTH PLAIN\r\n", b"250-injected\r\n"])
def test_s04_octets_that_nobody_looked_at(injected: bytes) -> None:
    """A driver that feeds them and goes on at once does not get them as the answer to EHLO."""
    d = Dialogue("STARTTLS")
    d.client.start_tls()
    d.say("220 go")
    d.client.receive_data(injected)
    d.client.tls_started()
    d.client.hello("c.example")
    with pytest.raises(RemoteProtocolError):
        d.say("250 mx.example")


# -- AUTH --------------------------------------------------------------------


def test_auth_with_initial_response() -> None:
    """An initial response goes with the command."""
    d = Dialogue("AUTH plain LOGIN", "ENHANCEDSTATUSCODES")
    d.client.authenticate("PLAIN", b"\0ann\0secret")
    assert ["AUTH PLAIN AGFubgBzZWNyZXQ="] == d.sent()

    assert [AuthSucceeded(Reply(235, "2.7.0", "welcome"))] == d.say("235 2.7.0 welcome")
    with pytest.raises(LocalProtocolError):
        d.client.authenticate("LOGIN", None)


def test_auth_by_challenges() -> None:
    """Challenges and responses are octets here and base64 there; they may be empty."""
    d = Dialogue("AUTH LOGIN")
    d.client.authenticate("login", None)
    assert ["AUTH LOGIN"] == d.sent()
    assert [AuthChallenge(b"Username:")] == d.say("334 VXNlcm5hbWU6")
    assert Phase.CHALLENGED is d.phase()
    d.client.respond(b"ann")
    assert ["YW5u"] == d.sent()
    assert [AuthChallenge(b"")] == d.say("334 ")
    d.client.respond(b"")
    assert [""] == d.sent()

    assert [AuthFailed(Reply(535, "", "no"))] == d.say("535 no")
    assert Phase.READY is d.phase()


def test_auth_with_empty_initial_response() -> None:
    """An initial response of no octets is written "=" (RFC 4954 section 4)."""
    d = Dialogue("AUTH EXTERNAL")
    d.client.authenticate("EXTERNAL", b"")

    assert ["AUTH EXTERNAL ="] == d.sent()


def test_auth_with_long_initial_response() -> None:
    """An initial response that does not fit a command answers the empty challenge."""
    d = Dialogue("AUTH XOAUTH2")
    d.client.authenticate("XOAUTH2", b"x" * 600)
    assert ["AUTH XOAUTH2"] == d.sent()
    assert [] == d.say("334 ")
    assert ["eHh4" * 200] == d.sent()

    [event] = d.say("235 welcome")
    assert isinstance(event, AuthSucceeded)


def test_auth_cancelled() -> None:
    """The exchange may be given up."""
    d = Dialogue("AUTH LOGIN")
    d.client.authenticate("LOGIN", None)
    d.say("334 VXNlcm5hbWU6")
    d.sent()
    d.client.cancel()
    assert ["*"] == d.sent()

    assert [AuthFailed(Reply(501, "", "cancelled"))] == d.say("501 cancelled")


def test_auth_challenge_that_is_no_base64() -> None:
    """A challenge that cannot be decoded cancels the exchange (RFC 4954 section 4)."""
    d = Dialogue("AUTH LOGIN")
    d.client.authenticate("LOGIN", None)
    d.sent()
    assert [] == d.say("334 !")

    assert ["*"] == d.sent()


def test_auth_long_challenge() -> None:
    """A challenge may be longer than other replies."""
    d = Dialogue("AUTH GSSAPI")
    d.client.authenticate("GSSAPI", None)

    assert [AuthChallenge(b"\0" * 6000)] == d.say("334 " + "AAAA" * 2000)


def test_auth_not_offered() -> None:
    """A mechanism that was not announced is not tried."""
    for keywords in (("X",), ("AUTH LOGIN",)):
        with pytest.raises(LocalProtocolError):
            Dialogue(*keywords).client.authenticate("PLAIN", b"")


def test_auth_response_too_long() -> None:
    """A response that no server has to take is not sent."""
    d = Dialogue("AUTH PLAIN")
    d.client.authenticate("PLAIN", None)
    d.say("334 ")
    with pytest.raises(LocalProtocolError):
        d.client.respond(b"x" * 10000)


@pytest.mark.parametrize("reply", ["354 go", "300 what"])
def test_s11_auth_answered_by_another_3xx(reply: str) -> None:
    """Only 334 is a challenge."""
    d = Dialogue("AUTH LOGIN")
    d.client.authenticate("LOGIN", None)
    with pytest.raises(RemoteProtocolError):
        d.say(reply)


def test_login_does_not_survive_starttls() -> None:
    """Who logged in in clear text logs in again behind STARTTLS."""
    d = Dialogue("STARTTLS", "AUTH LOGIN")
    d.client.authenticate("LOGIN", None)
    d.say("235 in")
    d.client.start_tls()
    d.say("220 go")
    d.client.tls_started()
    d.client.hello("c.example")
    d.say("250-mx.example", "250 AUTH LOGIN")
    d.client.authenticate("LOGIN", None)

    assert "AUTH LOGIN" == d.sent()[-1]


def test_s11_auth_without_end() -> None:
    """A server that challenges without end is left."""
    d = Dialogue("AUTH LOGIN")
    d.client.authenticate("LOGIN", None)
    with pytest.raises(RemoteProtocolError, match="does not end"):
        d.say(*["334 !"] * 21)


# -- NOOP, RSET, QUIT, 421, the end ------------------------------------------


def test_noop_and_reset() -> None:
    """Both have their answers told, and the connection is ready again."""
    d = Dialogue("PIPELINING")
    d.client.noop()
    with pytest.raises(LocalProtocolError):
        d.client.noop()
    assert [CommandAnswered("NOOP", OK)] == d.say("250 ok")
    d.client.reset()
    assert ["NOOP", "RSET"] == d.sent()

    assert [CommandAnswered("RSET", OK)] == d.say("250 ok")
    assert Phase.READY is d.phase()


@pytest.mark.parametrize("keywords", [("PIPELINING",), ("SIZE",)])
def test_reset_in_the_middle_of_chunks(keywords: tuple[str, ...]) -> None:
    """Content that goes by BDAT may be given up; what was sent is answered first."""
    d = Dialogue(*keywords, "CHUNKING", "BINARYMIME")
    d.client.begin(replace(SENDER, body=Body.BINARY), [ANN])
    d.say("250 ok", "250 ok")
    for _ in range(3):
        d.client.content(b"x" * 65536)
    chunks = d.client.data_to_send().count(b"BDAT")
    d.client.reset()
    assert [] == d.say(*["250 ok"] * chunks)

    assert [CommandAnswered("RSET", OK), TransactionEnded()] == d.say("250 ok")
    assert ["RSET"] == d.sent()
    d.client.begin(SENDER, [ANN])
    assert d.sent()[0].startswith("MAIL")


def test_no_reset_inside_data() -> None:
    """Content that goes by DATA cannot be given up."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok", "354 go")
    for method in (d.client.reset, d.client.quit, d.client.noop):
        with pytest.raises(LocalProtocolError):
            method()


def test_quit() -> None:
    """QUIT's answer, whatever it is, is the end."""
    d = Dialogue("PIPELINING")
    d.client.quit()
    assert ["QUIT"] == d.sent()
    assert not d.client.closing
    assert [Closed(Reply(221, "", "bye"))] == d.say("221 bye")

    assert d.client.closing
    assert [] == d.events()
    for method in (d.client.quit, d.client.noop):
        with pytest.raises(LocalProtocolError):
            method()


def test_quit_behind_content() -> None:
    """QUIT goes with the end of the content, and comes to its turn."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok", "354 go")
    d.sent()
    d.client.end_content()
    d.client.quit()
    assert [".", "QUIT"] == d.sent()
    assert [ContentAnswered(OK), TransactionEnded()] == d.say("250 ok")
    with pytest.raises(LocalProtocolError):
        d.client.begin(SENDER, [ANN])

    assert [Closed(Reply(221, "", "bye"))] == d.say("221 bye")


def test_quit_behind_content_one_by_one() -> None:
    """Without PIPELINING it waits for the answer to the content."""
    d = Dialogue("8BITMIME")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok", "354 go")
    d.client.end_content()
    d.sent()
    d.client.quit()
    assert [] == d.sent()
    d.say("250 ok")

    assert ["QUIT"] == d.sent()


def closed_421(d: Dialogue) -> list[ClientEvent]:
    """The server gives notice."""
    return d.say("421 4.3.2 going down")


NOTICE = Reply(421, "", "4.3.2 going down")


def test_421_that_nothing_asked_for() -> None:
    """A server may give notice at any time (RFC 5321 section 3.8)."""
    d = Dialogue("PIPELINING")

    assert [Closed(NOTICE)] == closed_421(d)
    assert d.client.closing


def test_421_has_its_status_read() -> None:
    """Its enhanced status is read where such were announced."""
    d = Dialogue("ENHANCEDSTATUSCODES")

    assert [Closed(Reply(421, "4.3.2", "going down"))] == closed_421(d)


def test_421_instead_of_a_greeting() -> None:
    """A server that is full says so and closes."""
    d = Dialogue()

    assert [Greeting(NOTICE), Closed(NOTICE)] == closed_421(d)


def test_421_instead_of_an_answer() -> None:
    """It answers what was due; what was asked behind it has no answer."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN, BOB])
    d.say("250 ok")

    assert [accepted(ANN, NOTICE), Closed(NOTICE)] == closed_421(d)
    assert b"" == d.client.data_to_send()


def test_421_while_content_is_given() -> None:
    """It is the end, also inside of DATA."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok", "354 go")
    d.client.content(b"x\r\n")

    assert [Closed(NOTICE)] == closed_421(d)
    with pytest.raises(LocalProtocolError):
        d.client.content(b"x\r\n")


@pytest.mark.parametrize("partial", ["", "250-half"])
def test_end_without_notice(partial: str) -> None:
    """A server that closes its side has said nothing; half a reply is none."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.client.receive_data(partial.encode())
    d.client.receive_data(b"")

    assert [Closed(None)] == d.events()
    assert d.client.closing


def test_end_behind_answers() -> None:
    """What came before the end is told before the end."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.client.receive_data(b"250 ok\r\n550 no\r\n")
    d.client.receive_data(b"")

    assert [SenderAnswered(OK), accepted(ANN, NO), Closed(None)] == d.events()


# -- hostile servers ---------------------------------------------------------


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param(("250 ok",), id="idle"),
        pytest.param(("220 mx.example",), id="greeted again"),
        pytest.param(("550 no",), id="refused without a question"),
    ],
)
def test_s11_reply_that_nothing_asked_for(lines: tuple[str, ...]) -> None:
    """A reply too many would shift all that follow; it ends the connection."""
    d = Dialogue("PIPELINING")
    with pytest.raises(RemoteProtocolError, match="nothing asked for"):
        d.say(*lines)
    with pytest.raises(RemoteProtocolError):
        d.events()
    assert d.client.closing
    assert b"" == d.client.data_to_send()


def test_s11_reply_before_its_question() -> None:
    """A reply that waits before the question is asked is not its answer."""
    d = Dialogue("PIPELINING")
    d.client.receive_data(b"250 earl")
    d.client.begin(SENDER, [ANN])
    with pytest.raises(RemoteProtocolError, match="nothing asked for"):
        d.say("y")


def test_s11_answer_to_content_before_its_end() -> None:
    """The answer to the content cannot come before the content has ended."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    d.say("250 ok", "250 ok", "354 go")
    d.client.content(b"x\r\n")
    with pytest.raises(RemoteProtocolError):
        d.say("250 ok")


@pytest.mark.parametrize(
    "replies",
    [
        pytest.param(("354 go",), id="354 to MAIL"),
        pytest.param(("250 ok", "334 "), id="334 to RCPT"),
        pytest.param(("250 ok", "250 ok", "250 ok"), id="250 to DATA"),
        pytest.param(("250 ok", "250 ok", "334 "), id="334 to DATA"),
        pytest.param(("250 ok", "250 ok", "354 go", "354 go"), id="354 twice"),
    ],
)
def test_s11_replies_of_the_wrong_kind(replies: tuple[str, ...]) -> None:
    """A reply whose first digit cannot answer the command ends the connection."""
    d = Dialogue("PIPELINING")
    d.client.begin(SENDER, [ANN])
    with pytest.raises(RemoteProtocolError):
        d.say(*replies)


def test_s11_nothing_is_collected_behind_the_end() -> None:
    """Octets behind the end of the dialogue are not kept."""
    d = Dialogue("PIPELINING")
    closed_421(d)
    for _ in range(100):
        d.client.receive_data(b"x" * 65536)

    assert 0 == len(d.client._reader)


# -- misuse ------------------------------------------------------------------


def test_methods_out_of_order() -> None:
    """Each method belongs to a phase, and changes nothing outside of it."""
    d = Dialogue()
    c = d.client
    for method in (c.end_content, c.tls_started, c.noop, c.reset, c.quit, c.cancel, c.start_tls):
        with pytest.raises(LocalProtocolError):
            method()
    calls: list[Callable[[], object]] = [
        lambda: c.content(b""),
        lambda: c.respond(b""),
        lambda: c.begin(SENDER, [ANN]),
        lambda: c.hello("c.example"),
        lambda: c.authenticate("PLAIN", None),
    ]
    for call in calls:
        with pytest.raises(LocalProtocolError):
            call()
    assert [] == d.sent()
    ready = Dialogue("PIPELINING")
    with pytest.raises(LocalProtocolError):
        ready.client.begin(SENDER, [])
