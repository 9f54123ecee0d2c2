"""
Tests for what all visits have in common, by those of POP3, IMAP and SMTP.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from pymta.aio import start
from pymta.edge.login import Identity
from pymta.events import Disconnected, Faulted, TLSFailed
from tests.edge.home import STRANGER, Home, with_tls
from tests.edge.player import Player
from tests.imap.house import House as IMAPHouse
from tests.pop3.house import House as POP3House
from tests.smtp.house import home as smtp_home

PROTOCOLS = pytest.mark.parametrize(
    ("house", "starttls"), [(POP3House, "STLS"), (IMAPHouse, "a STARTTLS")], ids=["POP3", "IMAP"]
)
STRANGERS = pytest.mark.parametrize(
    ("house", "line"), [(POP3House, "USER a"), (IMAPHouse, "a NOOP")], ids=["POP3", "IMAP"]
)
HOMES = pytest.mark.parametrize(
    "house", [POP3House, IMAPHouse, smtp_home], ids=["POP3", "IMAP", "SMTP"]
)
EXCHANGES = pytest.mark.parametrize(
    ("house", "lines"),
    [
        (POP3House, ["AUTH PLAIN"]),
        (IMAPHouse, ["a AUTHENTICATE PLAIN"]),
        (smtp_home, ["EHLO client.example", "AUTH PLAIN"]),
    ],
    ids=["POP3", "IMAP", "SMTP"],
)
IMPLICIT = pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "explicit"])


def before_the_handshake(
    house: Callable[..., Home], starttls: str, *, implicit: bool
) -> tuple[Home, Player]:
    """A stranger, of whom a handshake is expected."""
    home = with_tls(house, implicit_tls=implicit)
    player = home.player(STRANGER)
    player.heard()
    if not implicit:
        player.line(starttls)
    return home, player


def challenged(home: Home, lines: Sequence[str]) -> Player:
    """Who has said all this, and is asked."""
    player = home.player()
    player.heard()
    for line in lines:
        player.line(line)
    return player


@PROTOCOLS
def test_implicit_tls_needs_certificates(house: Callable[..., Home], starttls: str) -> None:
    """A listener that could greet nobody is not made."""
    with pytest.raises(ValueError, match="certificates"):
        house(implicit_tls=True)


@IMPLICIT
@PROTOCOLS
def test_a_handshake_that_fails(house: Callable[..., Home], starttls: str, implicit: bool) -> None:
    """What is no TLS ends the connection, and observers hear of it."""
    home, player = before_the_handshake(house, starttls, implicit=implicit)
    player.say(b"GET / HTTP/1.1\r\n\r\n")
    assert player.closed
    player.hang_up()

    assert 1 == len(home.observer.of(TLSFailed))
    assert 1 == len(home.observer.of(Disconnected))


@IMPLICIT
@PROTOCOLS
def test_a_handshake_that_never_comes(
    house: Callable[..., Home], starttls: str, implicit: bool
) -> None:
    """It is waited for a minute."""
    home, player = before_the_handshake(house, starttls, implicit=implicit)
    home.clock.advance(59)
    assert not player.closed
    home.clock.advance(1)

    assert player.transport.aborted
    [failed] = home.observer.of(TLSFailed)
    assert failed.reason


@PROTOCOLS
def test_a_logout_that_fails(house: Callable[..., Home], starttls: str) -> None:
    """What an application's logout raises is for the log; the end is told all the same."""
    home = house()
    check = home.login.check_password

    def fail() -> None:
        raise RuntimeError("secret words")

    async def check_password(*args: Any, **kwargs: Any) -> Identity:
        return replace(await check(*args, **kwargs), logout=fail)

    home.login.check_password = check_password  # type: ignore[method-assign]
    home.logged_in().hang_up()

    assert 1 == len(home.observer.of(Faulted))
    assert 1 == len(home.observer.of(Disconnected))


@EXCHANGES
def test_an_exchange_that_is_left(house: Callable[[], Home], lines: Sequence[str]) -> None:
    """A client that does not answer a challenge is sent away; it is no fault of ours."""
    home = house()
    player = challenged(home, lines)
    home.elapse(301)

    assert player.closed
    [gone] = home.observer.of(Disconnected)
    assert "time limit" == gone.reason
    assert [] == home.observer.of(Faulted)


@EXCHANGES
def test_a_disconnect_within_an_exchange(house: Callable[[], Home], lines: Sequence[str]) -> None:
    """It ends the session and nothing else."""
    home = house()
    player = challenged(home, lines)
    player.hang_up()

    assert 0 == home.listener.connections
    [gone] = home.observer.of(Disconnected)
    assert "closed" in gone.reason
    assert [] == home.observer.of(Faulted)


@STRANGERS
def test_strangers_have_less_time(house: Callable[[], Home], line: str) -> None:
    """Before a login a command has a minute, and the login three."""
    home = house()
    quiet, busy = home.player(), home.player()
    quiet.heard()
    busy.heard()
    for _ in range(3):
        assert busy.line(line)
        home.clock.advance(59)
    assert quiet.closed
    busy.line(line)
    assert not busy.closed
    home.clock.advance(3)

    assert busy.closed


@HOMES
def test_stop(house: Callable[[], Home]) -> None:
    """An idle client is told and sent away, and observers hear why."""
    home = house()
    player = home.logged_in()
    stopping = start(home.listener.stop(5))
    assert player.heard()
    assert player.closed
    player.hang_up()

    assert stopping.called
    [gone] = home.observer.of(Disconnected)
    assert "shutdown" == gone.reason
