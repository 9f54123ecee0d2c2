"""
Tests for coming in: greeting, LOGIN, AUTHENTICATE, STARTTLS, limits, UNAUTHENTICATE and LOGOUT.
"""

from __future__ import annotations

import base64
import gc

import pytest
from twisted.internet.defer import Deferred

from pymta.aio import start
from pymta.edge.limits import ConnectionCount, ConnectionLimits
from pymta.edge.listener import Door
from pymta.errors import StoreClosed
from pymta.events import Connected, Disconnected, LoggedIn, LoginFailed
from pymta.imap.contexts import Contexts
from pymta.imap.settings import AccountSessions, Timeouts
from pymta.wire.imap.limits import Limits
from tests.edge.home import ALICE, BOB, PASSWORDS, STRANGER
from tests.edge.player import PEER
from tests.imap.house import House


def plain(user: str, password: str) -> str:
    return base64.b64encode(f"\0{user}\0{password}".encode()).decode()


def test_greeting() -> None:
    """The greeting tells the capabilities: no client has to ask."""
    house = House()
    heard = house.player().heard().decode()
    assert heard.startswith("* OK [CAPABILITY IMAP4rev1 IMAP4rev2 LITERAL- ")
    assert heard.endswith("] imap.example.test ready\r\n")
    assert 1 == len(house.observer.of(Connected))


def test_login_and_logout() -> None:
    """LOGIN lets in and tells the capabilities; LOGOUT says BYE."""
    house = House()
    player = house.logged_in()
    player.play(
        """
        C: a LOGOUT
        S: * BYE logging out
        S: a OK Goodbye
        """
    )
    assert player.closed
    assert [ALICE] == [event.session.identity for event in house.observer.of(LoggedIn)]
    assert ["logout"] == [event.reason for event in house.observer.of(Disconnected)]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        pytest.param(f"a LOGIN {ALICE} wrong", "NO [AUTHENTICATIONFAILED] ", id="password"),
        pytest.param("a LOGIN nobody@example.test x", "NO [AUTHENTICATIONFAILED] ", id="account"),
        pytest.param("a LOGIN onlyaname", "BAD ", id="one argument"),
        pytest.param("a SELECT INBOX", "BAD ", id="too early"),
        pytest.param("a AUTHENTICATE NTLM", "NO ", id="mechanism"),
        pytest.param("a AUTHENTICATE PLAIN ====", "BAD ", id="base64"),
        pytest.param(
            f"a AUTHENTICATE PLAIN {plain(ALICE, 'x')}", "NO [AUTHENTICATIONFAILED] ", id="SASL"
        ),
    ],
)
def test_no(command: str, answer: str) -> None:
    """What is refused before a login says why, with its code (RFC 5530)."""
    player = House().player()
    player.heard()
    assert player.line(command).startswith(f"a {answer}")
    assert player.line(f"b LOGIN {ALICE} sesame").startswith("b OK ")


@pytest.mark.parametrize(
    "initial",
    [pytest.param(True, id="initial response"), pytest.param(False, id="challenge")],
)
def test_authenticate(initial: bool) -> None:
    """AUTHENTICATE, with SASL-IR (RFC 4959) and without."""
    house = House()
    player = house.player()
    player.heard()
    response = plain(BOB, "mushroom")
    if initial:
        heard = player.line(f"a AUTHENTICATE PLAIN {response}")
    else:
        assert "+ \r\n" == player.line("a AUTHENTICATE PLAIN")
        heard = player.line(response)
    assert heard.startswith("a OK [CAPABILITY ")
    assert "AUTH=" not in heard
    assert "LITERAL+" in heard


def test_authenticate_given_up() -> None:
    """RFC 3501 section 6.2.2: "*" ends the exchange with BAD."""
    player = House().player()
    player.heard()
    player.line("a AUTHENTICATE PLAIN")
    assert player.line("*").startswith("a BAD ")
    assert player.line(f"b LOGIN {ALICE} sesame").startswith("b OK ")


def test_names_with_spaces_and_beyond_ascii() -> None:
    """Names and passwords come as quoted strings and literals, in UTF-8."""
    player = House().player()
    player.heard()
    assert player.say('a LOGIN "zoë@example.test" {5+}\r\npåss\r\n'.encode()).startswith(b"a OK ")


def test_strangers_have_no_login_without_tls() -> None:
    """LOGINDISABLED is announced, and LOGIN refused with PRIVACYREQUIRED."""
    player = House().player(STRANGER)
    heard = player.heard().decode()
    assert " LOGINDISABLED" in heard
    assert "AUTH=" not in heard
    assert player.line(f"a LOGIN {ALICE} sesame").startswith("a NO [PRIVACYREQUIRED] ")
    assert player.line("b AUTHENTICATE PLAIN").startswith("b NO ")


def test_three_failures_end_it() -> None:
    """Who guesses is sent away."""
    player = House().player()
    player.heard()
    heard = "".join(player.line(f"{n} LOGIN {ALICE} {n}") for n in range(3))
    assert 3 == heard.count("AUTHENTICATIONFAILED")
    assert "\r\n* BYE " in heard
    assert player.closed


def test_a_directory_that_is_down_is_no_wrong_password() -> None:
    """A login that nobody can check is [UNAVAILABLE], and not counted."""
    house = House()

    async def down(username: str, password: str) -> str | None:
        raise StoreClosed("down")

    house.directory.check_password = down  # type: ignore[method-assign]
    player = house.player()
    player.heard()
    assert player.line(f"a LOGIN {ALICE} sesame").startswith("a NO [UNAVAILABLE] ")
    assert [] == [event for event in house.observer.of(LoginFailed) if "wrong" in str(event)]


def test_sessions_of_an_account_are_counted() -> None:
    """One more than the limit is refused; when one leaves, the next may come."""
    house = House(accounts=AccountSessions(1))
    first, other = house.logged_in(), house.player()
    other.heard()
    assert other.line(f"a LOGIN {ALICE} sesame").startswith("a NO [LIMIT] ")
    assert other.line(f"b LOGIN {BOB} mushroom").startswith("b OK ")
    first.line("c LOGOUT")
    assert house.player().line(f"d LOGIN {ALICE} sesame").rpartition("d OK ")[1]


def test_unauthenticate() -> None:
    """RFC 8437: another one may log in on the same connection, and nothing is left of the first."""
    house = House(accounts=AccountSessions(1))
    player = house.selected()
    player.play(
        f"""
        C: a ENABLE CONDSTORE
        S: * OK [HIGHESTMODSEQ ...
        S: * ENABLED CONDSTORE
        S: a OK Enabled
        C: b UNAUTHENTICATE
        S: b OK ...
        C: c NOOP
        S: c OK ...
        C: d SELECT INBOX
        S: d BAD ...
        C: e LOGIN {BOB} mushroom
        S: e OK ...
        C: f FETCH 1 FLAGS
        S: f BAD ...
        C: g ENABLE CONDSTORE
        S: * ENABLED CONDSTORE
        S: g OK Enabled
        """
    )
    assert house.logged_in(ALICE)


def test_nothing_is_kept_of_a_former_login() -> None:
    """Whoever comes and goes on one connection leaves nothing behind: searches kept up to date."""
    house = House()
    player = house.player()
    player.heard()
    for _ in range(3):
        player.line(f"a LOGIN {ALICE} {PASSWORDS[ALICE]}")
        player.line("b SELECT INBOX")
        assert "c OK" in player.line("c SEARCH RETURN (UPDATE) ALL")
        assert "d OK" in player.line("d UNAUTHENTICATE")
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, Contexts)]


def test_autologout() -> None:
    """RFC 3501 §5.4: not before thirty minutes; then BYE."""
    house = House()
    player = house.logged_in()
    house.elapse(1799)
    assert b"" == player.heard()
    house.elapse(2)
    assert player.heard().startswith(b"* BYE [UNAVAILABLE] Autologout")
    assert player.closed
    with pytest.raises(ValueError, match="RFC 3501"):
        Timeouts(inactive=1799)


def test_an_idler_is_logged_out_too() -> None:
    """RFC 2177 section 3: the autologout counts while a client idles."""
    house = House()
    player = house.selected()
    player.line("i IDLE")
    house.elapse(1801)
    assert player.heard().startswith(b"* BYE ")


def test_too_many_commands_before_a_login() -> None:
    """Who only talks is sent away."""
    player = House(limits=Limits(commands_before_login=3)).player()
    player.heard()
    heard = "".join(player.line(f"{n} NOOP") for n in range(4))
    assert "* BYE " in heard


def test_stop_says_bye_at_a_boundary() -> None:
    """A shutdown waits for the command that is under way."""
    house = House()
    waiting: Deferred[None] = Deferred()
    house.stones()["mailboxes"] = waiting
    busy, idle, idler = house.logged_in(), house.logged_in(), house.selected()
    busy.line('a LIST "" *')
    idler.line("i IDLE")
    stopping = start(house.listener.stop(5))
    assert b"* BYE [UNAVAILABLE] The server is shutting down\r\n" == idle.heard()
    assert b"* BYE [UNAVAILABLE] The server is shutting down\r\n" == idler.heard()
    assert b"" == busy.heard()
    waiting.callback(None)
    assert busy.heard().endswith(
        b"a OK Listed\r\n* BYE [UNAVAILABLE] The server is shutting down\r\n"
    )
    for player in (busy, idle, idler):
        player.hang_up()
    assert stopping.called


def test_faults_are_told_by_an_id() -> None:
    """What nobody expected is NO [SERVERBUG], and the session goes on."""
    house = House()
    house.stones()["mailboxes"] = RuntimeError("secret")
    player = house.logged_in()
    heard = player.line('a LIST "" *')
    assert heard.startswith("a NO [SERVERBUG] Something is wrong here; it is logged as imap-1.")
    assert "secret" not in heard
    assert player.line("b NOOP").startswith("b OK ")


def test_a_store_that_takes_too_long() -> None:
    """After a minute the client hears NO [UNAVAILABLE]."""
    house = House()
    house.stones()["mailboxes"] = Deferred()
    player = house.logged_in()
    assert "" == player.line('a LIST "" *')
    house.elapse(61)
    assert player.heard().startswith(b"a NO [UNAVAILABLE] ")


def test_too_many_connections() -> None:
    """The door says BYE."""
    house = House(door=Door(connections=ConnectionCount(ConnectionLimits(address=1))))
    house.player(PEER).heard()
    assert house.player(PEER).heard() == b"* BYE [UNAVAILABLE] Too many connections\r\n"
