"""
Tests for logins: USER and PASS, APOP, SASL, and what stands in their way.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode, b64encode

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pymta.aio import start
from pymta.errors import StoreClosed, TooManyWaiting
from pymta.events import Disconnected, LoggedIn, LoginFailed
from pymta.sasl import Channel, ClientExchange, Credentials, choose
from pymta.shared.memory import MemorySharedState
from tests.edge.home import ALICE, BOB, STRANGER
from tests.edge.player import Player
from tests.pop3.house import LOGIN, ONE, House, lines
from tests.sasl.accounts import counting


def plain(name: str, password: str) -> str:
    """The initial response of PLAIN."""
    return b64encode(f"\0{name}\0{password}".encode()).decode()


def exchange(name: str, password: str, mechanism: str) -> ClientExchange:
    """The client's side of a mechanism."""
    made = choose(
        [mechanism],
        Credentials(username=name, password=password),
        channel=Channel(secure=True),
        random=counting,
    )
    assert made is not None
    return made


def converse(player: Player, mechanism: str, client: ClientExchange) -> str:
    """Run an exchange without an initial response; the server's last word."""
    heard = player.line(f"AUTH {mechanism}")
    initial = client.begin()
    while heard.startswith("+ "):
        challenge = b64decode(heard[2:])
        if not challenge and initial is not None:
            response, initial = initial, None
        else:
            response = client.respond(challenge)
        heard = player.line(b64encode(response).decode())
    return heard


@pytest.mark.parametrize(
    "mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN", "CRAM-MD5"]
)
def test_mechanisms(mechanism: str) -> None:
    """Each lets in who knows the password, and nobody else."""
    house = House(apop=True)
    house.put(ONE)
    player = house.player()
    player.heard()
    refused = converse(player, mechanism, exchange(ALICE, "open", mechanism))
    welcome = converse(player, mechanism, exchange(ALICE, "sesame", mechanism))

    assert "-ERR [AUTH] wrong name or password\r\n" == refused
    assert "+OK 1 messages, 29 octets\r\n" == welcome
    [failed] = house.observer.of(LoginFailed)
    [entered] = house.observer.of(LoggedIn)
    assert mechanism == failed.mechanism == entered.session.mechanism


def test_initial_response() -> None:
    """It spares a round trip (RFC 5034 section 4)."""
    player = House().player()
    player.heard()

    assert "+OK 0 messages, 0 octets\r\n" == player.line(f"AUTH PLAIN {plain(BOB, 'mushroom')}")


def test_an_exchange_can_be_cancelled() -> None:
    """It is no login, and the session goes on."""
    player = House().player()
    player.play(
        """
        S: +OK ...
        C: AUTH PLAIN
        S: + ...
        C: *
        S: -ERR authentication cancelled
        """
        + LOGIN
    )


def test_malformed_message() -> None:
    """It is refused without AUTH, which speaks of credentials only (RFC 3206 section 6)."""
    player = House().player()
    player.heard()

    heard = player.line(f"AUTH PLAIN {b64encode(b'no nul').decode()}")
    assert heard.startswith("-ERR Malformed")


def test_apop() -> None:
    """The digest is of the greeting's timestamp and the password (RFC 1939 section 7)."""
    house = House(apop=True)
    timestamps = set()
    for name, password, right in ((ALICE, "sesame", True), (BOB, "sesame", False)):
        player = house.player()
        greeting = player.heard().decode()
        found = re.search(r"<[^<>@]+@pop\.example\.test>\r\n", greeting)
        assert found is not None
        timestamp = found[0].strip()
        timestamps.add(timestamp)
        digest = hashlib.md5(f"{timestamp}{password}".encode()).hexdigest()
        heard = player.line(f"APOP {name} {digest}")
        assert ("+OK" if right else "-ERR [AUTH]") == heard.split(" wrong")[0].split(" 0")[0]

    assert 2 == len(timestamps)


def test_no_apop_without_secrets() -> None:
    """Without clear text passwords there is neither a timestamp nor the command."""
    player = House().player()

    assert b"+OK pop.example.test ready\r\n" == player.heard()
    assert "-ERR unknown command\r\n" == player.line(f"APOP {ALICE} {'0' * 32}")


def test_nobody_logs_in_in_the_clear() -> None:
    """Who is not listed is offered nothing before TLS, not even APOP."""
    house = House(apop=True)
    player = house.player(STRANGER)
    greeting = player.heard()
    announced = lines(player.say(b"CAPA\r\n"))

    assert b"<" not in greeting
    assert not [line for line in announced if line.startswith(("USER", "SASL"))]
    assert "-ERR not available here and now\r\n" == player.line(f"USER {ALICE}")
    assert "-ERR not available here and now\r\n" == player.line("AUTH PLAIN")


def test_unknown_names_look_like_wrong_passwords() -> None:
    """And USER never tells them apart."""
    player = House().player()
    player.play(
        f"""
        S: +OK ...
        C: USER nobody@example.test
        S: +OK send your password
        C: PASS sesame
        S: -ERR [AUTH] wrong name or password
        C: USER {ALICE}
        S: +OK send your password
        C: PASS open
        S: -ERR [AUTH] wrong name or password
        """
    )


def test_the_third_failure_closes() -> None:
    """Guessing costs connections."""
    house = House()
    player = house.player()
    player.heard()
    for _ in range(3):
        assert not player.closed
        player.line(f"USER {ALICE}")
        player.line("PASS open")

    assert player.closed
    [gone] = house.observer.of(Disconnected)
    assert "too many failed logins" == gone.reason


def test_names_and_passwords_in_utf8() -> None:
    """As the capability UTF8 USER says (RFC 6856 section 2.2), also before the command UTF8."""
    player = House().player()
    player.play(
        """
        S: +OK ...
        C: USER zoë@example.test
        S: +OK send your password
        C: PASS påss
        S: +OK 0 messages, 0 octets
        """
    )


def test_spaces_belong_to_the_password() -> None:
    """PASS takes all that follows its space."""
    player = House().player()
    player.play(f"S: +OK ...\nC: USER {ALICE}\nS: +OK ...")

    assert player.say(b"PASS sesame \r\n").startswith(b"-ERR [AUTH]")


# -- what stands in the way ------------------------------------------------------


def test_in_use() -> None:
    """A second session is told so, and gets in when the first has gone."""
    house = House()
    first, second = house.logged_in(), house.player()
    second.heard()
    second.line(f"USER {ALICE}")
    refused = second.line("PASS sesame")
    first.play("C: QUIT\nS: +OK goodbye")
    second.play(LOGIN)

    assert "-ERR [IN-USE] the maildrop is open in another session\r\n" == refused


def test_another_account_is_not_locked() -> None:
    """The lock is of one maildrop."""
    house = House()
    house.logged_in()
    player = house.player()
    player.play(f"S: +OK ...\nC: USER {BOB}\nS: +OK ...\nC: PASS mushroom\nS: +OK ...")


@pytest.mark.parametrize("end", ["disconnect", "time limit", "stop"])
def test_the_lock_is_given_back(end: str) -> None:
    """However a session ends."""
    house = House()
    first = house.logged_in()
    match end:
        case "disconnect":
            first.hang_up()
        case "time limit":
            house.elapse(601)
        case "stop":
            stopping = start(house.listener.stop(5))
            first.hang_up()
            assert stopping.called
            house.listen_again()
    house.clock.advance(0)

    house.logged_in()


@pytest.mark.parametrize("step", ["info", "sizes", "lock", "open"])
def test_a_maildrop_that_does_not_open(step: str) -> None:
    """The login fails as a whole: nothing stays locked, and the same may be tried again."""
    house = House()
    player = house.player()
    player.heard()
    house.stones()[step] = StoreClosed("the disk is gone")
    player.line(f"USER {ALICE}")
    refused = player.line("PASS sesame")
    del house.stones()[step]

    assert "-ERR [SYS/TEMP] too busy, try again later\r\n" == refused
    assert "-ERR not in this state\r\n" == player.line("STAT")
    player.play(LOGIN)


def test_a_lock_that_comes_too_late_is_given_back() -> None:
    """Whoever waited for it has been refused; nobody must stay locked out."""
    house = House()
    house.stones()["lock"] = waiting = Deferred[None]()
    player = house.player()
    player.heard()
    player.line(f"USER {ALICE}")
    player.line("PASS sesame")
    house.clock.advance(60)
    assert b"-ERR [SYS/TEMP]" == player.heard()[:15]
    del house.stones()["lock"]
    waiting.callback(None)

    house.logged_in()


def test_a_login_that_nobody_can_check() -> None:
    """It is answered with "later", and counted as no wrong password."""
    house = House()

    async def check_password(username: str, password: str) -> str | None:
        raise TooManyWaiting("all threads are busy")

    house.directory.check_password = check_password  # type: ignore[method-assign]
    player = house.player()
    player.heard()
    player.line(f"USER {ALICE}")

    assert player.line("PASS sesame").startswith("-ERR [SYS/TEMP] login is not possible now")


def test_login_delay() -> None:
    """A second login within the delay is refused; one behind it, or another account's, is not."""
    house = delaying(60)
    player = house.player()
    player.heard()
    assert "LOGIN-DELAY 60" in lines(player.say(b"CAPA\r\n"))
    player.play(LOGIN + "C: QUIT\nS: +OK goodbye")
    second = house.player()
    second.heard()
    second.line(f"USER {ALICE}")
    refused = second.line("PASS sesame")
    second.line(f"USER {BOB}")

    assert "-ERR [LOGIN-DELAY] at most one login in 60 seconds\r\n" == refused
    assert "+OK 0 messages, 0 octets\r\n" == second.line("PASS mushroom")
    house.elapse(60)
    house.logged_in()


def test_a_refused_login_is_not_delayed() -> None:
    """Neither a wrong password nor a locked maildrop begins a delay."""
    house = delaying(60)
    player = house.player()
    player.heard()
    player.line(f"USER {ALICE}")
    player.line("PASS open")

    player.play(LOGIN)


def test_no_delay_without_state() -> None:
    """A delay that could not be enforced is not announced."""
    with pytest.raises(ValueError, match="state"):
        House(login_delay=60)


def delaying(seconds: int) -> House:
    """A house with a delay."""
    clock = Clock()
    return House(clock=clock, login_delay=seconds, state=MemorySharedState(clock))
