"""
Tests for what all visits have in common, by those of POP3 and of IMAP.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.task import Clock

from pymta.edge.login import Identity
from pymta.events import Disconnected, Faulted, TLSFailed
from tests.edge.certificates import certificates
from tests.edge.home import STRANGER, Home
from tests.edge.player import Player
from tests.imap.house import House as IMAPHouse
from tests.pop3.house import House as POP3House

PROTOCOLS = pytest.mark.parametrize(
    ("house", "starttls"), [(POP3House, "STLS"), (IMAPHouse, "a STARTTLS")], ids=["POP3", "IMAP"]
)
IMPLICIT = pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "explicit"])


def before_the_handshake(
    house: Callable[..., Home], starttls: str, *, implicit: bool
) -> tuple[Home, Player]:
    """A stranger, of whom a handshake is expected."""
    clock = Clock()
    home = house(clock=clock, certificates=certificates(clock), implicit_tls=implicit)
    player = home.player(STRANGER)
    player.heard()
    if not implicit:
        player.line(starttls)
    return home, player


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
