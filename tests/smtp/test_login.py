"""
Tests for STARTTLS, implicit TLS and AUTH on SMTP connections, in memory.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from pymta.edge.login import Identity
from pymta.edge.peers import Peers
from pymta.events import Faulted, LoggedIn, LoginFailed, TLSFailed
from pymta.reply import Reply
from pymta.session import Role
from pymta.smtp.settings import Timeouts
from tests.edge.home import ALICE, STRANGER
from tests.edge.player import PEER
from tests.edge.tlsplayer import TLSPlayer
from tests.smtp.house import PLAIN, House, greeted, home

WRONG = b64encode(f"\0{ALICE}\0wrong".encode()).decode()


def test_auth_is_offered_where_it_may_be_used() -> None:
    """
    Logins are offered to listed peers and inside of TLS, and to nobody else.
    """
    house = home()
    _, near = greeted(house)
    stranger, far = greeted(house, STRANGER)
    assert "250-STARTTLS" in near
    assert "AUTH SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN" in near
    assert "AUTH" not in far
    stranger.line("STARTTLS")
    inside = TLSPlayer(stranger).line("EHLO client.example")

    assert "STARTTLS" not in inside
    assert "AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-1-PLUS SCRAM-SHA-256 SCRAM-SHA-1 PLAIN" in inside


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(f"C: AUTH PLAIN {PLAIN}\nS: 235 2.7.0 ...", id="initial response"),
        pytest.param(f"C: AUTH PLAIN\nS: 334 \nC: {PLAIN}\nS: 235 2.7.0 ...", id="asked for it"),
        pytest.param(
            "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YWxpY2U=\nS: 334 UGFzc3dvcmQ6\n"
            "C: c2VzYW1l\nS: 235 2.7.0 ...",
            id="LOGIN without a domain",
        ),
    ],
)
def test_logged_in(script: str) -> None:
    """
    A right password makes another session of it.
    """
    house = home()
    player, _ = greeted(house)

    player.play(script)

    assert ALICE == house.collector.sessions[-1].identity
    assert "ESMTPA" == house.collector.sessions[-1].protocol


@pytest.mark.parametrize(
    ("script", "identity"),
    [
        pytest.param(f"C: AUTH PLAIN {WRONG}\nS: 535 5.7.8 ...", None, id="wrong password"),
        pytest.param(
            "C: AUTH PLAIN AGJvYgBzZXNhbWU=\nS: 535 5.7.8 ...", None, id="another's password"
        ),
        pytest.param("C: AUTH PLAIN\nS: 334 \nC: *\nS: 501 5.7.0 ...", None, id="cancelled"),
        pytest.param("C: AUTH PLAIN\nS: 334 \nC: !\nS: 501 5.5.2 ...", None, id="no base64"),
        pytest.param("C: AUTH PLAIN =\nS: 501 5.5.2 ...", None, id="malformed"),
        pytest.param("C: AUTH XOAUTH2 eA==\nS: 504 5.5.4 ...", None, id="not offered"),
        pytest.param(
            f"C: AUTH PLAIN {PLAIN}\nS: 235 ...\nC: AUTH PLAIN {PLAIN}\nS: 503 5.5.1 ...",
            ALICE,
            id="twice",
        ),
    ],
)
def test_s24_not_logged_in(script: str, identity: str | None) -> None:
    """
    Everything else is answered by its rule, and the session goes on as it was.
    """
    house = home()
    player, _ = greeted(house)

    player.play(script)

    assert identity == house.collector.sessions[-1].identity
    assert [] == house.observer.of(Faulted)
    assert player.line("NOOP").startswith("250 2.0.0")


def test_submission_requires_a_login() -> None:
    """
    Where a login is required MAIL is 530 before it, and fine behind it.
    """
    house = home(require_login=True, role=Role.SUBMISSION)
    player, _ = greeted(house)
    player.play(
        f"""
        C: MAIL FROM:<>
        S: 530 5.7.0 ...
        C: AUTH PLAIN {PLAIN}
        S: 235 2.7.0 ...
        C: MAIL FROM:<>
        S: 250 2.1.0 ...
        """
    )


# -- TLS ---------------------------------------------------------------------------------


def test_starttls_forgets_what_was_said() -> None:
    """
    Behind STARTTLS nothing of before is true: EHLO, the login and the transaction are gone.
    """
    house = home()
    player, _ = greeted(house)
    player.line(f"AUTH PLAIN {PLAIN}")
    player.line("MAIL FROM:<>")
    assert player.line("STARTTLS").startswith("220 2.0.0")
    secure = TLSPlayer(player)
    assert b"" == secure.heard()

    session = house.collector.sessions[-1]
    assert ("", None) == (session.helo, session.identity)
    assert session.tls is not None
    assert session.tls.version == "TLSv1.3"
    assert "aborted" == house.collector.mails[0].ended
    assert secure.line("MAIL FROM:<>").startswith("503 5.5.1")
    assert secure.line("EHLO a.b").startswith("250-")
    assert secure.line("MAIL FROM:<>").startswith("250 ")


@pytest.mark.parametrize("behind", [b"EHLO a.b\r\n", b"x", b"RSET\r\nMAIL FROM:<x@y>\r\n"])
def test_s04_octets_behind_starttls(behind: bytes) -> None:
    """
    What came in plain text behind STARTTLS is never taken for what came inside.
    """
    house = home()
    player, _ = greeted(house)
    said = player.say(b"STARTTLS\r\n" + behind)

    assert said.startswith(b"554 5.5.1")
    assert player.closed
    assert [] == house.collector.mails


def test_implicit_tls() -> None:
    """
    The handshake comes before the greeting, and STARTTLS is not offered.
    """
    house = home(implicit_tls=True)
    player = house.player(STRANGER)
    assert b"" == player.heard()
    secure = TLSPlayer(player)

    assert secure.heard().startswith(b"220 ")
    assert "STARTTLS" not in secure.line("EHLO a.b")
    assert house.collector.sessions[0].tls is not None


def test_handshake_that_fails() -> None:
    """
    Garbage in place of a handshake ends the connection, and is told.
    """
    house = home()
    player, _ = greeted(house)
    player.line("STARTTLS")
    player.protocol.dataReceived(b"EHLO no.tls.example\r\n" * 10)

    assert player.transport.disconnecting
    player.hang_up()
    assert 1 == len(house.observer.of(TLSFailed))
    assert 0 == house.listener.connections


def test_s09_handshake_without_end() -> None:
    """
    A client that does not shake hands in time is cut off.
    """
    house = home(implicit_tls=True)
    player = house.player()
    house.clock.advance(61)

    assert player.transport.aborted
    player.hang_up()
    assert 1 == len(house.observer.of(TLSFailed))


def test_logins_are_told() -> None:
    """
    The observer hears of each login, good or bad.
    """
    house = home()
    assert house.settings.login is not None
    house.settings.login._observer = house.observer
    player, _ = greeted(house)
    player.line(f"AUTH PLAIN {WRONG}")
    player.line(f"AUTH PLAIN {PLAIN}")

    assert [LoginFailed, LoggedIn] == [
        type(e) for e in house.observer.events if isinstance(e, LoginFailed | LoggedIn)
    ]


def count_logouts(house: House) -> list[str]:
    """Each logout from now on."""
    login = house.settings.login
    assert login is not None
    logouts: list[str] = []
    ask = login.authenticate

    async def authenticate(*args: Any, **kwargs: Any) -> Identity:
        identity = await ask(*args, **kwargs)
        return replace(identity, logout=lambda: logouts.append(identity.name))

    login.authenticate = authenticate  # type: ignore[method-assign]
    return logouts


@pytest.mark.parametrize("how", ["refused", "too slow"])
def test_login_that_the_receiver_does_not_take(how: str) -> None:
    """
    An account that was opened for a login which then is not taken is closed, in time.
    """
    house = home(timeouts=Timeouts(answer=100))
    logouts = count_logouts(house)
    player, _ = greeted(house)
    if how == "refused":
        house.collector.refuse["changed"] = Reply(454, "4.7.0", "Not now")
    else:
        house.waits["changed"] = Deferred()
    said = player.line(f"AUTH PLAIN {PLAIN}")
    house.clock.advance(101)
    said += player.heard().decode()

    assert said.startswith("454 4.7.0 " if how == "refused" else "451 4.3.0 ")
    assert [ALICE] == logouts
    assert house.collector.sessions[-1].identity is None
    assert player.line("NOOP").startswith("250 ")


def test_s21_xclient_logs_out() -> None:
    """
    A forwarder's own login ends when it speaks for somebody else.
    """
    house = home(forwarders=Peers([PEER]))
    logouts = count_logouts(house)
    player, _ = greeted(house)
    player.line(f"AUTH PLAIN {PLAIN}")
    assert player.line("XCLIENT ADDR=198.51.100.9").startswith("220 ")

    assert [ALICE] == logouts
    assert house.collector.sessions[-1].identity is None


def test_s04_octets_behind_starttls_in_the_last_moment() -> None:
    """
    What comes behind STARTTLS before its answer ends the connection, and no handshake begins.
    """
    house = home()
    player, _ = greeted(house)
    producer = player.transport.producer
    assert producer is not None
    producer.pauseProducing()
    player.line("STARTTLS")
    player.line("EHLO injected.example")
    producer.resumeProducing()

    assert player.heard().startswith(b"554 5.5.1 ")
    assert player.closed
    player.hang_up()
    assert [] == house.observer.of(TLSFailed)


@pytest.mark.parametrize("where", ["prompt", "checker", "handshake", "implicit TLS"])
def test_stop_within_a_login_or_handshake(where: str) -> None:
    """
    Who is asked for a response is sent away at once; what else is under way ends first.
    """
    house = home(implicit_tls=where == "implicit TLS")
    checked: Deferred[None] = Deferred()
    player = house.player()
    secure = player
    if where == "handshake":
        player.heard()
        player.line("EHLO a.b")
        player.line("STARTTLS")
    elif where == "prompt":
        player.heard()
        player.line("EHLO a.b")
        player.line("AUTH PLAIN")
    elif where == "checker":
        player.heard()
        player.line("EHLO a.b")
        house.waits["changed"] = checked
        player.line(f"AUTH PLAIN {PLAIN}")
    stopped = Deferred.fromCoroutine(house.listener.stop(10))
    if where in {"handshake", "implicit TLS"}:
        secure = TLSPlayer(player)
    elif where == "checker":
        assert b"" == player.heard()
        checked.callback(None)

    codes = [line[:3] for line in secure.heard().splitlines()]
    wanted = {"checker": [b"235", b"421"], "implicit TLS": [b"220", b"421"]}
    assert wanted.get(where, [b"421"]) == codes
    player.hang_up()
    assert stopped.called
    assert 1 == house.collector.closed
    assert [] == house.clock.getDelayedCalls()
