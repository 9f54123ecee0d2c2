"""
Tests for STARTTLS and implicit TLS, in memory.
"""

from __future__ import annotations

from base64 import b64encode

from pymta.events import LoggedIn
from tests.edge.home import ALICE, BOB, STRANGER, with_tls
from tests.edge.tlsplayer import TLSPlayer
from tests.imap.house import House


def test_starttls() -> None:
    """It is announced until it is done; behind it a stranger may log in."""
    house = with_tls(House)
    player = house.player(STRANGER)
    before = player.heard().decode()
    assert " STARTTLS LOGINDISABLED" in before
    assert " AUTH=" not in before
    player.play("C: a STARTTLS\nS: a OK begin TLS negotiation")
    secure = TLSPlayer(player)
    after = secure.say(b"b CAPABILITY\r\n").decode()
    assert "STARTTLS" not in after
    assert "LOGINDISABLED" not in after
    assert " AUTH=SCRAM-SHA-256-PLUS " in after
    assert secure.say(f"c LOGIN {ALICE} sesame\r\n".encode()).startswith(b"c OK [CAPABILITY ")
    assert secure.say(b"d STARTTLS\r\n").startswith(b"d BAD ")
    [entered] = house.observer.of(LoggedIn)
    assert entered.session.tls is not None
    assert entered.session.tls.version.startswith("TLSv1.")


def test_no_starttls_without_certificates() -> None:
    """It is neither announced nor known."""
    player = House().player()
    assert b"STARTTLS" not in player.heard()
    assert player.line("a STARTTLS").startswith("a BAD ")


def test_s04_what_follows_starttls_in_the_clear_ends_the_session() -> None:
    """A command put behind STARTTLS is not obeyed (CVE-2011-0411)."""
    player = with_tls(House).player(STRANGER)
    player.heard()
    heard = player.say(b"a STARTTLS\r\nb NOOP\r\n")
    assert b"b OK" not in heard
    assert b"a OK" not in heard
    assert player.closed


def test_s04_what_was_said_in_the_clear_is_forgotten() -> None:
    """A peer that the machine counted commands of begins anew behind TLS, not logged in."""
    house = with_tls(House)
    player = house.player()
    player.heard()
    player.line("a NOOP")
    player.line("b STARTTLS")
    secure = TLSPlayer(player)
    assert secure.say(b"c SELECT INBOX\r\n").startswith(b"c BAD ")
    assert secure.say(f"d LOGIN {BOB} mushroom\r\n".encode()).startswith(b"d OK ")
    assert secure.say(b"e SELECT INBOX\r\n").endswith(b"e OK [READ-WRITE] It is open\r\n")


def test_implicit_tls() -> None:
    """The greeting comes behind the handshake."""
    house = with_tls(House, implicit_tls=True)
    player = house.player(STRANGER)
    assert b"" == player.heard()
    secure = TLSPlayer(player)
    greeting = secure.heard()
    assert greeting.startswith(b"* OK [CAPABILITY ")
    assert b"STARTTLS" not in greeting
    token = b64encode(f"\0{ALICE}\0sesame".encode()).decode()
    assert secure.line(f"a AUTHENTICATE PLAIN {token}").startswith("a OK ")
