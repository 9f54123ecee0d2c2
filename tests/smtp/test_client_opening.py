"""
Tests for opening sessions: greeting, EHLO, STARTTLS by policy, and every "no" on the way.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from twisted.internet.error import ConnectError
from twisted.python.failure import Failure

from pymta.aio import CancelledError
from pymta.interfaces.relay import Host, TLSLevel, TLSPolicy
from pymta.session import Role
from pymta.smtp.client_opening import HandshakeFailed, NotOpened, described
from tests.smtp.client_far import NONE
from tests.smtp.client_peer import ADDRESS, HOST, MAY, PIPELINING, PLAIN, now, playing

ENCRYPT = TLSPolicy(level=TLSLevel.ENCRYPT)
VERIFY = TLSPolicy(level=TLSLevel.VERIFY)
OFFERED = """
    S: 220 mx.example.test
    C: EHLO client.example.org
    S: 250-mx.example.test
    S: 250 STARTTLS
"""
WHERE = f"mx.example.test[{ADDRESS}]:25"


def test_opened() -> None:
    """
    Behind the answer to EHLO a transaction may begin, and what was announced is known.
    """
    with playing() as peer:
        session, _ = peer.session(PIPELINING)

        assert session.usable
        assert "PIPELINING" in session.capabilities
        assert "mx.example.test" == session.capabilities.domain
        assert session.tls is None
        assert HOST == session.host
        assert ADDRESS == session.peer.host
        assert (ADDRESS, 25) == peer.reactor.tcpClients[0][:2]


def test_helo() -> None:
    """
    Who does not know EHLO is asked again with HELO, and announces nothing.
    """
    with playing() as peer:
        session, _ = peer.session(
            """
            S: 220 old.example
            C: EHLO client.example.org
            S: 502 what?
            C: HELO client.example.org
            S: 250-old.example
            S: 250 SIZE 12
            """
        )

        assert session.usable
        assert not session.capabilities.keywords


def test_lmtp_says_lhlo() -> None:
    """
    LMTP introduces itself by LHLO, and has no second way.
    """
    with playing(role=Role.LMTP) as peer:
        opened = peer.open()
        line = peer.accept()
        line.play(
            """
            S: 220 mx
            C: LHLO client.example.org
            S: 500 5.5.1 no
            C: QUIT
            """
        )
        with pytest.raises(NotOpened, match="500"):
            now(opened)


@pytest.mark.parametrize(
    ("script", "reply", "bye"),
    [
        pytest.param("S: 554 go away", "554 go away", "QUIT\r\n", id="greeting"),
        pytest.param("S: 450 4.3.2 later", "450 4.3.2 later", "QUIT\r\n", id="greeting, later"),
        pytest.param("S: 421 4.3.2 busy", "421 4.3.2 busy", "", id="greeting, 421"),
        pytest.param(
            "S: 220 mx\nC: EHLO client.example.org\nS: 421 4.3.2 busy",
            "421 4.3.2 busy",
            "",
            id="EHLO, 421",
        ),
        pytest.param(
            "S: 220 mx\nC: EHLO client.example.org\nS: 450 4.7.1 later",
            "450 4.7.1 later",
            "QUIT\r\n",
            id="EHLO, later",
        ),
        pytest.param(
            "S: 220 mx\nC: EHLO client.example.org\nS: 550 no\n"
            "C: HELO client.example.org\nS: 550 no, I said",
            "550 no, I said",
            "QUIT\r\n",
            id="HELO",
        ),
    ],
)
def test_refused_by_the_server(script: str, reply: str, bye: str) -> None:
    """
    A server's own "no" is told as it is, and the connection is closed with QUIT where that may
    be said.
    """
    with playing() as peer:
        opened = peer.open()
        line = peer.accept()
        line.play(script)
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert reply == f"{caught.value.reply.code} {caught.value.reply.text}"
        assert caught.value.from_peer
        assert bye.encode() == line.rest
        assert line.gone


GREETED = "S: 220 mx\nC: EHLO client.example.org\n"


@pytest.mark.parametrize("way", ["finish", "reset"])
@pytest.mark.parametrize(
    ("script", "what"),
    [
        pytest.param("", "its greeting", id="nothing"),
        pytest.param("S: 220-mx", "its greeting", id="half a greeting"),
        pytest.param(GREETED, "the answer to EHLO", id="greeting"),
        pytest.param(f"{GREETED}S: 250-mx", "the answer to EHLO", id="half of EHLO"),
        pytest.param(
            f"{OFFERED}\nC: STARTTLS\n", "the answer to STARTTLS", id="answer to EHLO, STARTTLS"
        ),
    ],
)
def test_s11_closed_while_opening(script: str, what: str, way: str) -> None:
    """
    A server that closes before the session is open is tried again later, wherever that was.
    """
    with playing() as peer:
        opened = peer.open(MAY)
        line = peer.accept()
        line.play(script)
        getattr(line, way)()
        with pytest.raises(NotOpened) as caught:
            now(opened)

        reply = caught.value.reply
        assert f"451 4.4.2 {WHERE} closed the connection instead of {what}" == str(reply)
        assert not caught.value.from_peer


@pytest.mark.parametrize(
    ("script", "seconds", "what"),
    [
        pytest.param("", 300, "its greeting", id="greeting"),
        pytest.param(GREETED, 300, "the answer to EHLO", id="EHLO"),
        pytest.param(f"{OFFERED}\nC: STARTTLS\n", 300, "the answer to STARTTLS", id="STARTTLS"),
    ],
)
def test_time_limits(script: str, seconds: float, what: str) -> None:
    """
    Each answer has its time limit; then the connection is cut, and mail waits.
    """
    with playing() as peer:
        opened = peer.open(MAY)
        line = peer.accept()
        line.play(script)
        peer.pass_time(seconds - 1)
        assert not opened.called
        peer.pass_time(1)
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert f"451 4.4.2 {WHERE} took too long with {what}" == str(caught.value.reply)
        assert line.transport.aborted


def test_s11_banner_an_octet_a_minute() -> None:
    """
    Octets that trickle in lengthen no time limit: the greeting is there as a whole or not.
    """
    with playing() as peer:
        opened = peer.open()
        line = peer.accept()
        for octet in b"220 m":
            assert not line.transport.aborted
            line.say(bytes([octet]))
            peer.pass_time(60)
        with pytest.raises(NotOpened, match="its greeting"):
            now(opened)

        assert line.transport.aborted


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"220-" + b"x" * 100_000, id="endless line"),
        pytest.param(b"220-more\r\n" * 1000, id="endless reply"),
        pytest.param(b"\xff\xfb\x01\xff\r\n", id="not SMTP"),
        pytest.param(b"SSH-2.0-x\r\n", id="SSH"),
        pytest.param(b"220-a\r\n221 b\r\n", id="two codes"),
        pytest.param(b"354 go on\r\n", id="354 as a greeting"),
        pytest.param(b"220 mx\r\n250 mx\r\n", id="answers to EHLO before it"),
        pytest.param(b"220 mx\r\n220 mx\r\n", id="two greetings"),
    ],
)
def test_s11_broken_greetings(said: bytes) -> None:
    """
    What is no greeting ends the connection at once; mail waits.
    """
    with playing() as peer:
        opened = peer.open()
        line = peer.accept()
        line.say(said)
        line.say(b"250 what was not asked for\r\n")
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert "4.5.0" == caught.value.reply.status
        assert line.gone


# -- TLS -----------------------------------------------------------------------


def test_none_never_starts_tls() -> None:
    """
    With NONE, TLS is not begun where it is offered.
    """
    with playing() as peer:
        session, _ = peer.session(OFFERED, policy=NONE)

        assert session.usable


@pytest.mark.parametrize("script", [PLAIN, f"{OFFERED}\nC: STARTTLS\nS: 454 4.7.0 not now"])
def test_may_goes_on_without(script: str) -> None:
    """
    With MAY, a server that offers no TLS, or will not start it, is spoken to without.
    """
    with playing() as peer:
        session, _ = peer.session(script, policy=MAY)

        assert session.usable
        assert session.tls is None


@pytest.mark.parametrize("policy", [ENCRYPT, VERIFY], ids=lambda policy: policy.level.value)
@pytest.mark.parametrize(
    ("script", "text"),
    [
        pytest.param(PLAIN, "offers no TLS, which is required", id="not offered"),
        pytest.param(
            f"{OFFERED}\nC: STARTTLS\nS: 502 5.5.1 no", "refuses to start TLS", id="refused"
        ),
    ],
)
def test_required_tls_is_missing(policy: TLSPolicy, script: str, text: str) -> None:
    """
    With ENCRYPT and VERIFY no mail goes without TLS, and it waits: the server may get some.
    """
    with playing() as peer:
        opened = peer.open(policy)
        line = peer.accept()
        line.play(script)
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert f"451 4.7.4 {WHERE} {text}" == str(caught.value.reply)
        assert b"QUIT\r\n" == line.rest
        assert line.gone


STARTED = f"{OFFERED}\nC: STARTTLS\nS: 220 go"


@pytest.mark.parametrize("policy", [MAY, ENCRYPT, VERIFY], ids=lambda policy: policy.level.value)
def test_s04_octets_behind_the_answer_to_starttls(policy: TLSPolicy) -> None:
    """
    What comes in clear text behind the 220 is never taken for what comes through TLS: the
    connection ends, and no other is made without TLS for its sake.
    """
    with playing() as peer:
        opened = peer.open(policy)
        line = peer.accept()
        line.play(f"{STARTED}\nS: 250-evil\nS: 250 AUTH PLAIN")
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert "4.5.0" == caught.value.reply.status
        assert "behind the answer to STARTTLS" in str(caught.value)
        assert line.gone
        assert 1 == len(peer.reactor.tcpClients)


def test_s11_stalling_handshake() -> None:
    """
    A handshake that does not end is cut off; with MAY the server is dialled once more, without.
    """
    with playing() as peer:
        opened = peer.open(MAY)
        line = peer.accept()
        line.play(STARTED)
        assert b"\x16\x03" == line.rest[:2]  # the ClientHello
        peer.pass_time(59)
        assert not line.transport.aborted
        peer.pass_time(1)
        assert line.transport.aborted
        assert not opened.called

        second = peer.accept()
        second.play(OFFERED)
        assert now(opened).tls is None


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"250 this is no TLS\r\n", id="SMTP"),
        pytest.param(b"\x15\x03\x03\x00\x02\x02\x28", id="alert"),
        pytest.param(b"\x16\x03\x03\xff\xff" + b"x" * 300, id="record too long"),
    ],
)
@pytest.mark.parametrize("policy", [MAY, ENCRYPT, VERIFY], ids=lambda policy: policy.level.value)
def test_broken_handshake(policy: TLSPolicy, said: bytes) -> None:
    """
    Where TLS fails, mail goes without it only if nobody asked for it; otherwise it waits.
    """
    with playing() as peer:
        opened = peer.open(policy)
        line = peer.accept()
        line.play(STARTED)
        line.protocol.dataReceived(said)
        line.transport.clear()
        line.heard()
        if policy is MAY:
            peer.accept().play(OFFERED)
            assert now(opened).usable
        else:
            with pytest.raises(HandshakeFailed) as caught:
                now(opened)
            assert f"454 4.7.5 TLS with {WHERE} failed" == str(caught.value.reply)
            assert 1 == len(peer.reactor.tcpClients)
        assert line.gone


def test_implicit_tls_has_no_clear_text() -> None:
    """
    Where TLS comes first nothing is said without it, whatever the level.
    """
    with playing() as peer:
        opened = peer.open(TLSPolicy(level=TLSLevel.MAY, implicit=True))
        line = peer.accept()
        assert b"\x16\x03" == line.heard()[:2]
        line.say(b"220 mx\r\n")
        with pytest.raises(HandshakeFailed):
            now(opened)

        assert 1 == len(peer.reactor.tcpClients)


# -- no connection -------------------------------------------------------------


def test_refused_connection() -> None:
    """
    Nobody listens: 4.4.1, with the reason in the log.
    """
    with playing() as peer:
        opened = peer.open()
        peer.reactor.tcpClients[0][2].clientConnectionFailed(
            peer.reactor.connectors[0], Failure(ConnectError(string="refused"))
        )
        with pytest.raises(NotOpened, match="refused") as caught:
            now(opened)

        assert f"451 4.4.1 {WHERE} cannot be reached" == str(caught.value.reply)


def test_no_connection_in_time() -> None:
    """
    Half a minute is enough for a connection.
    """
    with playing() as peer:
        opened = peer.open()
        peer.pass_time(29)
        assert not opened.called
        peer.pass_time(1)
        with pytest.raises(NotOpened, match="no answer in time") as caught:
            now(opened)

        assert "4.4.1" == caught.value.reply.status


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(None, id="connecting"),
        pytest.param("", id="greeting"),
        pytest.param(GREETED, id="EHLO"),
        pytest.param(f"{OFFERED}\nC: STARTTLS\n", id="STARTTLS"),
        pytest.param(STARTED, id="handshake"),
    ],
)
def test_cancelled(script: str | None) -> None:
    """
    Cancelled, nothing stays open, wherever it was; and nothing is dialled again.
    """
    with playing() as peer:
        opened = peer.open(MAY)
        if script is not None:
            line = peer.accept()
            line.play(script)
        opened.cancel()
        with pytest.raises(CancelledError):
            now(opened)

        if script is not None:
            assert line.transport.aborted
        assert 1 == len(peer.reactor.tcpClients)


@pytest.mark.parametrize(
    ("host", "text"),
    [
        pytest.param(HOST, WHERE, id="a name"),
        pytest.param(
            Host(name="2001:db8::1", addresses=("2001:db8::1",), port=587),
            "[2001:db8::1]:587",
            id="an address",
        ),
        pytest.param(
            Host(name="/run/lmtp", addresses=("/run/lmtp",), port=0), "/run/lmtp", id="a socket"
        ),
    ],
)
def test_described(host: Host, text: str) -> None:
    """
    Replies and the log call a server by its name, its address and its port.
    """
    assert text == described(host, host.addresses[0])


def test_local_names_cannot_inject() -> None:
    """
    A HELO name with a line end in it never becomes a second command (S12).
    """
    with playing() as peer:
        peer.dialler.settings = replace(peer.settings, helo="x\r\nMAIL FROM:<>")
        opened = peer.open()
        line = peer.accept()
        heard = line.lines("220 mx")
        with pytest.raises(Exception, match="CR, LF or NUL"):
            now(opened)

        assert "" == heard
        assert line.transport.aborted
