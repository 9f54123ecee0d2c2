"""
Tests for the commands of a session, as dialogues.
"""

from __future__ import annotations

import pytest

from pymta.events import Connected, Disconnected, LoggedIn
from tests.edge.home import ALICE, result
from tests.edge.player import PEER
from tests.pop3.house import LOGIN, ONE, TWO, House, lines


def test_everything_once() -> None:
    """
    Each command of RFC 1939 gets its answer, and what was marked is gone after QUIT.
    """
    house = House()
    house.put(ONE, TWO)
    player = house.player()
    player.play(
        f"""
        S: +OK pop.example.test ready
        C: USER {ALICE}
        S: +OK send your password
        C: PASS sesame
        S: +OK 2 messages, 54 octets
        C: STAT
        S: +OK 2 54
        C: LIST
        S: +OK 2 messages, 54 octets in all
        S: 1 29
        S: 2 25
        S: .
        C: LIST 2
        S: +OK 2 25
        C: RETR 1
        S: +OK 29 octets
        S: Subject: one
        S:
        S: first
        S: ..dot
        S: .
        C: TOP 2 1
        S: +OK top of message follows
        S: Subject: two
        S:
        S: 1
        S: .
        C: TOP 2 0
        S: +OK top of message follows
        S: Subject: two
        S:
        S: .
        C: NOOP
        S: +OK
        C: DELE 1
        S: +OK message 1 marked as deleted
        C: STAT
        S: +OK 1 25
        C: LIST
        S: +OK 1 messages, 25 octets in all
        S: 2 25
        S: .
        C: RSET
        S: +OK 2 messages, 54 octets
        C: DELE 2
        S: +OK message 2 marked as deleted
        C: QUIT
        S: +OK goodbye
        """
    )

    assert player.closed
    assert [(1, 29)] == list(_sizes(house))


def _sizes(house: House) -> list[tuple[int, int]]:
    sizes: list[tuple[int, int]] = result(house.mailbox().sizes())
    return sizes


@pytest.mark.parametrize(
    "command",
    ["LIST 3", "UIDL 3", "RETR 3", "TOP 3 1", "DELE 3", "LIST 1", "UIDL 1", "RETR 1", "DELE 1"],
)
def test_no_such_message(command: str) -> None:
    """A number beyond the last, or of a message that is marked, is refused."""
    house = House()
    house.put(ONE, TWO)
    player = house.logged_in()
    player.play("C: DELE 1\nS: +OK ...")

    assert "-ERR no such message\r\n" == player.line(command)


def test_capabilities_before_and_after_login() -> None:
    """CAPA announces all there is, in both states; STLS only where there are certificates."""
    house = House()
    player = house.player()
    player.play("S: +OK ...")
    capabilities = [
        "TOP",
        "UIDL",
        "USER",
        "SASL SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN",
        "RESP-CODES",
        "AUTH-RESP-CODE",
        "PIPELINING",
        "UTF8 USER",
        "LANG",
        "EXPIRE NEVER",
        "LOGIN-DELAY 0",
        "IMPLEMENTATION pymta",
    ]

    assert capabilities == lines(player.say(b"CAPA\r\n"))
    player.play(LOGIN)
    assert capabilities == lines(player.say(b"CAPA\r\n"))


def test_capabilities_are_arguments() -> None:
    """EXPIRE and IMPLEMENTATION are the administrator's."""
    house = House(expire=30, implementation="shop-mail 7")
    player = house.player()
    player.play("S: +OK ...")

    announced = lines(player.say(b"CAPA\r\n"))
    assert "EXPIRE 30" in announced
    assert "IMPLEMENTATION shop-mail 7" == announced[-1]


def test_empty_maildrop() -> None:
    """No message is no error."""
    house = House()
    house.logged_in().play(
        """
        C: STAT
        S: +OK 0 0
        C: LIST
        S: +OK 0 messages, 0 octets in all
        S: .
        C: UIDL
        S: +OK 0 messages, 0 octets in all
        S: .
        C: QUIT
        S: +OK goodbye
        """
    )


def test_unique_ids() -> None:
    """They stay in another session, also when messages before them are gone."""
    house = House()
    house.put(ONE, TWO)
    player = house.logged_in()
    listed = dict(line.split(" ") for line in lines(player.say(b"UIDL\r\n")))
    assert f"+OK 2 {listed['2']}\r\n" == player.line("UIDL 2")
    player.play("C: DELE 1\nS: +OK ...\nC: QUIT\nS: +OK goodbye")

    assert [f"1 {listed['2']}"] == lines(house.logged_in().say(b"UIDL\r\n"))
    assert 2 == len(set(listed.values()))


def test_pipelining() -> None:
    """Commands that come together are answered in their order, whole."""
    house = House()
    house.put(ONE, TWO)
    player = house.player()
    commands = f"USER {ALICE}\r\nPASS sesame\r\nSTAT\r\nRETR 2\r\nDELE 2\r\nNOOP\r\nQUIT\r\n"
    heard = player.say(commands.encode())

    assert (
        b"+OK pop.example.test ready\r\n+OK send your password\r\n+OK 2 messages, 54 octets\r\n"
        b"+OK 2 54\r\n+OK 25 octets\r\n" + TWO + b".\r\n+OK message 2 marked as deleted\r\n"
        b"+OK\r\n+OK goodbye\r\n"
    ) == heard
    assert [(1, 29)] == _sizes(house)


def test_a_client_that_closes_its_side_is_answered() -> None:
    """Commands sent before a half-close are obeyed, QUIT among them."""
    house = House()
    house.put(ONE)
    player = house.logged_in()
    player.protocol.dataReceived(b"DELE 1\r\nQUIT\r\n")
    player.protocol.readConnectionLost()  # type: ignore[attr-defined]

    assert b"+OK message 1 marked as deleted\r\n+OK goodbye\r\n" == player.heard()
    assert [] == _sizes(house)


def test_what_observers_hear() -> None:
    """A session's beginning, login and end, with who it was."""
    house = House()
    player = house.logged_in()
    player.play("C: QUIT\nS: +OK goodbye")

    first, second, third = house.observer.events
    assert isinstance(first, Connected)
    assert (PEER, None) == (first.session.peer.host, first.session.identity)
    assert isinstance(second, LoggedIn)
    assert (ALICE, "USER") == (second.session.identity, second.session.mechanism)
    assert isinstance(third, Disconnected)
    assert (ALICE, "quit") == (third.session.identity, third.reason)


@pytest.mark.parametrize(
    "command", ["STAT", "LIST", "RETR 1", "DELE 1", "NOOP", "RSET", "UIDL", "TOP 1 1"]
)
def test_nothing_before_a_login(command: str) -> None:
    """The commands of the TRANSACTION state are refused before it."""
    player = House().player()
    player.play("S: +OK ...")

    assert "-ERR not in this state\r\n" == player.line(command)


def test_quit_before_a_login() -> None:
    """There is nothing to update."""
    player = House().player()
    player.play("S: +OK ...\nC: QUIT\nS: +OK goodbye")

    assert player.closed


def test_language() -> None:
    """LANG lists languages, and what is said from then on is in the one chosen."""
    house = House()
    player = house.player()
    player.play(
        f"""
        S: +OK pop.example.test ready
        C: LANG
        S: +OK language listing follows
        S: en English
        S: de Deutsch
        S: .
        C: LANG tlh
        S: -ERR no such language
        C: LANG de
        S: +OK de ab jetzt auf Deutsch
        C: LANG tlh
        S: -ERR diese Sprache gibt es nicht
        C: USER {ALICE}
        S: +OK das Passwort, bitte
        C: PASS sesame
        S: +OK 0 Nachrichten, 0 Oktette
        C: XYZZY
        S: -ERR unbekannter Befehl
        C: RETR 1
        S: -ERR diese Nachricht gibt es nicht
        C: LANG *
        S: +OK en language changed
        C: QUIT
        S: +OK goodbye
        """
    )
