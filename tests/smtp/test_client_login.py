"""
Tests for logging in to servers: to whom, by what, and what a "no" means.
"""

from __future__ import annotations

import threading
from base64 import b64decode, b64encode

import pytest
import pytest_twisted

from pymta.aio import CancelledError, Pool
from pymta.edge.peers import Peers
from pymta.interfaces.relay import TLSLevel, TLSPolicy
from pymta.sasl import Credentials
from pymta.smtp.client_dialler import Dialler
from pymta.smtp.client_opening import NotOpened
from tests.edge.home import ALICE, PASSWORDS
from tests.sasl.accounts import counting
from tests.smtp.client_far import BOB, SENDER, Far, logins
from tests.smtp.client_peer import ADDRESS, CONTENT, MAY, now, playing, send

TRUSTED = Peers([ADDRESS])
ANN = Credentials(username="ann", password="sesame")
PLAIN = b64encode(b"\0ann\0sesame").decode()


def offering(mechanisms: str) -> str:
    """An opening that offers these."""
    return f"""
        S: 220 mx.example.test
        C: EHLO client.example.org
        S: 250-mx.example.test
        S: 250-ENHANCEDSTATUSCODES
        S: 250 AUTH {mechanisms}
    """


@pytest.mark.parametrize(
    ("mechanisms", "script"),
    [
        pytest.param(
            "LOGIN PLAIN", f"C: AUTH PLAIN {PLAIN}\nS: 235 2.7.0 in", id="PLAIN before LOGIN"
        ),
        pytest.param(
            "LOGIN",
            "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\nS: 334 UGFzc3dvcmQ6\n"
            "C: c2VzYW1l\nS: 235 2.7.0 in",
            id="LOGIN",
        ),
        pytest.param(
            "FOO PLAIN", f"C: AUTH PLAIN {PLAIN}\nS: 235 2.7.0 in", id="one that is not known"
        ),
        pytest.param(
            "CRAM-MD5 PLAIN",
            f"C: AUTH CRAM-MD5\nS: 504 5.5.4 not really\nC: AUTH PLAIN {PLAIN}\nS: 235 2.7.0 in",
            id="a second one, where the server does not know the first",
        ),
    ],
)
def test_logged_in(mechanisms: str, script: str) -> None:
    """
    We log in by the strongest mechanism that both sides know; then transactions may begin.
    """
    with playing(trusted=TRUSTED) as peer:
        session, line = peer.session(f"{offering(mechanisms)}\n{script}", credentials=ANN)

        assert session.usable
        sent = send(session)
        assert b"MAIL FROM" in line.heard()
        line.lines("550 5.7.1 no")
        assert not now(sent)[0].reply.positive


@pytest.mark.parametrize(
    ("said", "reply", "from_peer"),
    [
        pytest.param("535 5.7.8 wrong", "451 4.7.8", False, id="wrong password"),
        pytest.param("534 5.7.9 too weak", "451 4.7.8", False, id="mechanism too weak"),
        pytest.param("530 5.7.0 TLS first", "451 4.7.8", False, id="TLS wanted"),
        pytest.param("501 5.5.2 what?", "451 4.7.8", False, id="syntax"),
        pytest.param("454 4.7.0 try later", "454 4.7.0", True, id="later"),
        pytest.param("421 4.3.2 leaving", "421 4.3.2", True, id="421"),
    ],
)
def test_a_no_is_a_no_for_now(said: str, reply: str, from_peer: bool) -> None:
    """
    A login that fails holds mail up and bounces none: its sender cannot know our password.  The
    same password is not tried in another way.
    """
    with playing(trusted=TRUSTED) as peer:
        opened = peer.open(credentials=ANN)
        line = peer.accept()
        line.play(f"{offering('PLAIN LOGIN')}\nC: AUTH PLAIN {PLAIN}\nS: {said}")
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert reply == str(caught.value.reply)[:9]
        assert from_peer == caught.value.from_peer
        assert said in str(caught.value)
        assert (b"" if said.startswith("421") else b"QUIT\r\n") == line.rest
        assert line.gone


@pytest.mark.parametrize(
    ("opening", "credentials", "status"),
    [
        pytest.param(offering("FOO"), ANN, "4.7.0", id="no mechanism of ours"),
        pytest.param(offering("EXTERNAL"), ANN, "4.7.0", id="none for these credentials"),
        pytest.param(offering("PLAIN").replace(" AUTH PLAIN", " HELP"), ANN, "4.7.0", id="no AUTH"),
        pytest.param(
            offering("PLAIN"),
            Credentials(username="ann", password="a\0b"),
            "4.7.8",
            id="a password that none may have",
        ),
        pytest.param(
            offering("PLAIN"),
            Credentials(username="ann", password="x" * 10_000),
            "4.7.8",
            id="a password too long",
        ),
    ],
)
def test_nothing_is_said(opening: str, credentials: Credentials, status: str) -> None:
    """
    Where there is no way to log in, no mail goes without it.
    """
    with playing(trusted=TRUSTED) as peer:
        opened = peer.open(credentials=credentials)
        line = peer.accept()
        line.play(opening)
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert status == caught.value.reply.status
        assert caught.value.reply.transient
        assert b"AUTH" not in line.rest
        assert "x" * 100 not in str(caught.value)


@pytest.mark.parametrize("policy", [TLSPolicy(level=TLSLevel.NONE), MAY])
@pytest.mark.parametrize("mechanisms", ["PLAIN", "SCRAM-SHA-256", "CRAM-MD5 LOGIN"])
def test_s26_never_in_clear_text(policy: TLSPolicy, mechanisms: str) -> None:
    """
    Without TLS no credentials leave, by no mechanism, whether TLS was stripped or never there.
    """
    with playing() as peer:
        opened = peer.open(policy, credentials=ANN)
        line = peer.accept()
        line.play(offering(mechanisms))
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert "4.7.11" == caught.value.reply.status
        assert b"QUIT\r\n" == line.rest


# -- SCRAM ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "status"),
    [
        pytest.param("235 2.7.0 in", "4.7.0", id="yes without a proof"),
        pytest.param("334 " + b64encode(b"r=other,s=QUFB,i=4096").decode(), "4.7.0", id="nonce"),
        pytest.param("334 " + b64encode(b"garbage").decode(), "4.7.0", id="garbage"),
        pytest.param("334 " + b64encode(b"e=other-error").decode(), "4.7.0", id="error"),
        pytest.param("535 5.7.8 no", "4.7.8", id="no"),
    ],
)
def test_s26_the_server_must_prove_itself(said: str, status: str) -> None:
    """
    A server that says yes without knowing the password gets no mail, and no weaker mechanism.
    """
    with playing(trusted=TRUSTED) as peer:
        opened = peer.open(credentials=ANN)
        line = peer.accept()
        line.play(offering("SCRAM-SHA-256 PLAIN"))
        assert line.rest.startswith(b"AUTH SCRAM-SHA-256 ")
        heard = line.lines(said)
        with pytest.raises(NotOpened) as caught:
            now(opened)

        assert status == caught.value.reply.status
        assert "PLAIN" not in heard
        assert line.gone


def test_s11_endless_challenges() -> None:
    """
    A server that never ends its challenges is left.
    """
    with playing(trusted=TRUSTED) as peer:
        opened = peer.open(credentials=ANN)
        line = peer.accept()
        line.play(offering("LOGIN"))
        for _ in range(100):
            line.lines("334 VXNlcm5hbWU6")
        with pytest.raises(NotOpened):
            now(opened)

        assert line.gone


def test_time_limit() -> None:
    """
    The answer to AUTH has five minutes, and cancelling ends it before.
    """
    with playing(trusted=TRUSTED) as peer:
        opened = peer.open(credentials=ANN)
        line = peer.accept()
        line.play(offering("PLAIN"))
        peer.pass_time(300)
        with pytest.raises(NotOpened, match="took too long with the answer to AUTH"):
            now(opened)
        assert line.transport.aborted

        again = peer.open(credentials=ANN)
        line = peer.accept()
        line.play(offering("PLAIN"))
        again.cancel()
        with pytest.raises(CancelledError):
            now(again)
        assert line.transport.aborted


@pytest.mark.parametrize("count", [0, 1])
def test_cancelled_inside(count: int) -> None:
    """
    Cancelled between two challenges, the connection is cut.
    """
    with playing(trusted=TRUSTED) as peer:
        opened = peer.open(credentials=ANN)
        line = peer.accept()
        line.play(offering("LOGIN"))
        for _ in range(count):
            line.lines("334 VXNlcm5hbWU6")
        opened.cancel()
        with pytest.raises(CancelledError):
            now(opened)

        assert line.transport.aborted


# -- against our own server ----------------------------------------------------


@pytest.mark.parametrize(
    ("level", "mechanism"),
    [
        pytest.param(TLSLevel.VERIFY, "SCRAM-SHA-256-PLUS", id="verified"),
        pytest.param(TLSLevel.ENCRYPT, None, id="encrypted"),
        pytest.param(TLSLevel.MAY, None, id="opportunistic"),
        pytest.param(TLSLevel.NONE, None, id="clear"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_s26_only_to_verified_servers(level: TLSLevel, mechanism: str | None) -> None:
    """
    Credentials are shown to a server whose certificate was verified, bound to that very
    connection, and to no other.
    """
    from twisted.internet import reactor

    far = Far(reactor, **logins(reactor))
    host = far.listen()
    credentials = Credentials(username=ALICE, password=PASSWORDS[ALICE])
    try:
        opening = far.dialler().open(host, "127.0.0.1", TLSPolicy(level=level), credentials)
        if mechanism is None:
            with pytest.raises(NotOpened) as caught:
                await opening
            assert "4.7.11" == caught.value.reply.status
            assert all(session.identity is None for session in far.collector.sessions)
        else:
            session = await opening
            (answer,) = await session.send(SENDER, (BOB,), CONTENT)
            assert answer.reply.positive
            assert (ALICE, mechanism) == (
                far.mail.session.identity,
                far.mail.session.mechanism,
            )
            await session.quit()
    finally:
        await far.stop()


@pytest_twisted.ensureDeferred
async def test_hashes_in_a_thread() -> None:
    """
    With a pool SCRAM's hashing is done there; a pool without room means later.
    """
    from twisted.internet import reactor

    far = Far(reactor, **logins(reactor))
    host = far.listen()
    pool = Pool(reactor, threads=1, limit=0, name="logins")  # type: ignore[arg-type]
    pool.start()
    near = far.dialler(trusted=Peers(["127.0.0.1"]))
    dialler = Dialler(
        reactor,
        reactor,
        near.settings,
        random=counting,
        pool=pool,
    )
    credentials = Credentials(username=ALICE, password=PASSWORDS[ALICE])
    none = TLSPolicy(level=TLSLevel.NONE)
    try:
        session = await dialler.open(host, "127.0.0.1", none, credentials)
        assert "SCRAM-SHA-256" == far.collector.sessions[-1].mechanism
        await session.quit()

        go_on = threading.Event()
        busy = pool.run(go_on.wait)
        with pytest.raises(NotOpened) as caught:
            await dialler.open(host, "127.0.0.1", none, credentials)
        go_on.set()
        await busy
        assert "4.3.2" == caught.value.reply.status
    finally:
        await pool.stop()
        await far.stop()


def test_credentials_are_not_told() -> None:
    """
    No error names the password.
    """
    with playing(trusted=TRUSTED) as peer:
        opened = peer.open(credentials=ANN)
        line = peer.accept()
        line.play(f"{offering('PLAIN')}\nC: AUTH PLAIN {PLAIN}\nS: 535 5.7.8 wrong")
        with pytest.raises(NotOpened) as caught:
            now(opened)

        told = f"{caught.value} {caught.value.reply} {ANN!r}"
        assert "sesame" not in told
        assert b64decode(PLAIN).decode() not in told
