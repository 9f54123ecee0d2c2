"""
Tests for time limits, back-pressure, shutdown, and third parties' commands.
"""

from __future__ import annotations

import re

import pytest
from twisted.logger import capturedLogs, formatEvent

from pymta.aio import start
from pymta.edge.limits import ConnectionCount, ConnectionLimits
from pymta.edge.listener import Door
from pymta.events import Disconnected
from pymta.pop3.maildrop import Maildrop
from pymta.pop3.replies import Extension, Lines, No, Yes
from pymta.pop3.settings import Timeouts
from pymta.pop3.slices import Text
from pymta.wire.pop3.capability import fixed
from pymta.wire.pop3.events import Extended
from pymta.wire.pop3.limits import Limits
from pymta.wire.pop3.state import ANYWHERE
from pymta.wire.pop3.verbs import extended
from tests.pop3.house import ONE, House

HUGE = b"Subject: huge\r\n\r\n" + b"y" * 78 + b"\r\n" * 500_000


# -- time ------------------------------------------------------------------------


def test_inactivity() -> None:
    """Ten minutes without a command end the session, without a word (RFC 1939 section 3)."""
    house = House()
    player = house.logged_in()
    house.clock.advance(599)
    assert "+OK\r\n" == player.line("NOOP")
    house.clock.advance(599)
    assert not player.closed
    house.clock.advance(1)

    assert b"" == player.heard()
    assert player.closed
    [gone] = house.observer.of(Disconnected)
    assert "time limit" == gone.reason


def test_a_command_that_comes_octet_by_octet() -> None:
    """The limit is for the whole command: octets do not lengthen it."""
    house = House()
    player = house.logged_in()
    for octet in b"NOOP NOO":
        player.say(bytes([octet]))
        house.clock.advance(70)
    player.say(b"P")
    house.clock.advance(40)

    assert player.closed


def test_ten_minutes_are_the_least() -> None:
    """RFC 1939 section 3 forbids less."""
    with pytest.raises(ValueError, match="ten minutes"):
        Timeouts(inactive=599)


# -- back-pressure ----------------------------------------------------------------


def test_no_more_is_read_than_the_client_takes() -> None:
    """A slice at a time, however large the message is."""
    house = House()
    house.put(HUGE)
    player = house.logged_in()
    producer = player.reads_no_more()
    heard = player.say(b"RETR 1\r\n")
    assert len(heard) < 70_000
    while not heard.endswith(b"\r\n.\r\n"):
        producer.resumeProducing()
        more = player.heard()
        assert 0 < len(more) < 70_000
        heard += more

    assert HUGE == heard.partition(b"\r\n")[2][:-3]


def test_a_client_that_does_not_read() -> None:
    """Five minutes for a slice; one octet a minute is no reading."""
    house = House()
    house.put(HUGE)
    player = house.logged_in()
    player.reads_no_more()
    player.say(b"RETR 1\r\n")
    house.clock.advance(299)
    assert not player.closed
    house.clock.advance(1)
    assert player.closed
    house.clock.advance(10)

    assert player.transport.aborted


def test_a_disconnect_in_the_middle_of_a_message() -> None:
    """Nothing more is read, and the maildrop is free."""
    house = House()
    house.put(HUGE)
    player = house.logged_in()
    player.reads_no_more()
    player.say(b"RETR 1\r\n")
    player.hang_up()

    house.logged_in()


def test_commands_wait_for_a_client_that_does_not_read() -> None:
    """Pipelined commands are not answered into memory without end."""
    house = House()
    player = house.logged_in()
    producer = player.reads_no_more()
    player.say(b"CAPA\r\n")
    player.say(b"CAPA\r\n" * 100)
    assert b"" == player.say(b"CAPA\r\n" * 100)
    producer.resumeProducing()

    assert player.heard().startswith(b"+OK")


# -- the end ------------------------------------------------------------------------


def test_stop() -> None:
    """An idle session is told and closed; nothing is removed."""
    house = House()
    house.put(ONE)
    player, stranger = house.logged_in(), house.player()
    player.play("C: DELE 1\nS: +OK ...")
    stranger.heard()
    stopping = start(house.listener.stop(5))
    for each in (player, stranger):
        assert b"-ERR [SYS/TEMP] the server is shutting down\r\n" == each.heard()
        assert each.closed
        each.hang_up()

    assert stopping.called
    assert {"shutdown"} == {gone.reason for gone in house.observer.of(Disconnected)}
    house.listen_again()
    house.logged_in().play("C: STAT\nS: +OK 1 29")


def test_stop_amid_a_message() -> None:
    """The message goes out whole before the session ends."""
    house = House()
    house.put(HUGE)
    player = house.logged_in()
    producer = player.reads_no_more()
    heard = player.say(b"RETR 1\r\n")
    stopping = start(house.listener.stop(5))
    while not player.closed:
        producer.resumeProducing()
        heard += player.heard()
    player.hang_up()

    assert heard.endswith(b"\r\n.\r\n-ERR [SYS/TEMP] the server is shutting down\r\n")
    assert stopping.called


def test_too_many_connections() -> None:
    """Who is over the limit is told, closed and logged; leaving makes room."""
    house = House(door=Door(connections=ConnectionCount(ConnectionLimits(address=1)), name="pop"))
    with capturedLogs() as events:
        first, second = house.player(), house.player()
    first.heard()

    assert b"-ERR [SYS/TEMP] too many connections\r\n" == second.heard()
    [line] = [formatEvent(event) for event in events if event["log_namespace"] == "pymta.edge"]
    assert re.fullmatch(r"pop: \[\S+\] is turned away: too many connections", line)
    first.play("C: QUIT\nS: +OK goodbye")
    first.hang_up()
    assert b"+OK pop.example.test ready\r\n" == house.player().heard()


def test_limits_are_arguments() -> None:
    """The machine gets them."""
    house = House(limits=Limits(errors=2))
    player = house.player()
    player.heard()
    player.line("XYZZY")
    player.line("XYZZY")

    assert player.closed


# -- third parties --------------------------------------------------------------------


async def answer(question: Extended, drop: Maildrop | None) -> Yes | No | Lines:
    """What a third party says."""
    if question.keyword == "XFAIL":
        raise RuntimeError("a bug of theirs")
    if drop is None:
        return No("not yet", "X-NOT-YET")
    if question.argument == b"ALL":
        return Lines("all of them", Text(b".dot\r\n"))
    return Yes(f"{drop.messages} messages")


def test_extensions() -> None:
    """A third party's capability is announced, and its verbs are answered by it."""
    verbs = [extended(keyword, ANYWHERE) for keyword in ("XCOUNT", "XFAIL")]
    house = House(extensions=(Extension(fixed("X-COUNT", *verbs), answer),))
    house.put(ONE)
    player = house.player()
    player.heard()
    assert b"\r\nX-COUNT\r\nIMPLEMENTATION" in player.say(b"CAPA\r\n")
    assert "-ERR [X-NOT-YET] not yet\r\n" == player.line("XCOUNT")
    player = house.logged_in()
    player.play(
        """
        C: XCOUNT
        S: +OK 1 messages
        C: XCOUNT ALL
        S: +OK all of them
        S: ..dot
        S: .
        C: XFAIL
        S: -ERR [SYS/TEMP] local error, ...
        C: NOOP
        S: +OK
        """
    )
