"""
Tests for STLS and implicit TLS, in memory.
"""

from __future__ import annotations

from base64 import b64encode

from pymta.events import LoggedIn
from pymta.sasl import TLS_EXPORTER, Channel, Credentials, choose
from tests.edge.home import ALICE, STRANGER, with_tls
from tests.edge.tlsplayer import TLSPlayer
from tests.pop3.house import LOGIN, ONE, House, lines
from tests.pop3.test_login import converse
from tests.sasl.accounts import counting


def behind_stls(house: House) -> TLSPlayer:
    """A stranger, behind STLS."""
    player = house.player(STRANGER)
    player.play("S: +OK ...\nC: STLS\nS: +OK begin TLS negotiation")
    return TLSPlayer(player)


def test_stls() -> None:
    """It is announced until it is done; behind it a stranger may log in."""
    house = with_tls(House)
    house.put(ONE)
    player = house.player(STRANGER)
    player.heard()
    before = lines(player.say(b"CAPA\r\n"))
    player.play("C: STLS\nS: +OK begin TLS negotiation")
    secure = TLSPlayer(player)
    after = lines(secure.say(b"CAPA\r\n"))

    assert "STLS" in before
    assert "USER" not in before
    assert "STLS" not in after
    assert {"USER", "UTF8 USER"} < set(after)
    [mechanisms] = [line for line in after if line.startswith("SASL")]
    assert mechanisms.startswith("SASL SCRAM-SHA-256-PLUS ")
    secure.play(LOGIN)
    assert b"+OK 29 octets\r\n" + ONE.replace(b"\r\n.", b"\r\n..") + b".\r\n" == secure.say(
        b"RETR 1\r\n"
    )
    secure.play("C: QUIT\nS: +OK goodbye")
    [entered] = house.observer.of(LoggedIn)
    assert entered.session.tls is not None
    assert entered.session.tls.version.startswith("TLSv1.")


def test_no_stls_without_certificates() -> None:
    """It is neither announced nor known."""
    player = House().player()
    player.heard()

    assert "STLS" not in lines(player.say(b"CAPA\r\n"))
    assert "-ERR unknown command\r\n" == player.line("STLS")


def test_s04_what_follows_stls_in_the_clear_ends_the_session() -> None:
    """A command put behind STLS is not obeyed, before or behind the handshake (CVE-2011-0411)."""
    house = with_tls(House)
    player = house.player(STRANGER)
    player.heard()

    assert b"-ERR nothing may follow STLS\r\n" == player.say(b"STLS\r\nCAPA\r\n")
    assert player.closed


def test_s04_what_was_said_in_the_clear_is_forgotten() -> None:
    """A name, and the language."""
    house = with_tls(House)
    player = house.player()
    player.heard()
    player.play(
        f"""
        C: LANG de
        S: +OK de ...
        C: USER {ALICE}
        S: +OK das Passwort, bitte
        C: STLS
        S: +OK TLS kann beginnen
        """
    )
    secure = TLSPlayer(player)
    secure.play(
        f"""
        C: PASS sesame
        S: -ERR USER comes first
        C: USER {ALICE}
        S: +OK send your password
        C: PASS sesame
        S: +OK 0 messages, 0 octets
        """
    )


def test_channel_binding() -> None:
    """SCRAM-SHA-256-PLUS binds a login to the TLS connection."""
    house = with_tls(House)
    secure = behind_stls(house)
    binding = secure.tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
    for data, expected in ((b"\0" * 32, "-ERR [AUTH]"), (binding, "+OK 0 messages")):
        client = choose(
            ["SCRAM-SHA-256-PLUS"],
            Credentials(username=ALICE, password="sesame"),
            channel=Channel(secure=True, bindings={TLS_EXPORTER: data}),
            random=counting,
        )
        assert client is not None
        assert converse(secure, "SCRAM-SHA-256-PLUS", client).startswith(expected)


def test_implicit_tls() -> None:
    """The greeting comes behind the handshake."""
    house = with_tls(House, implicit_tls=True)
    player = house.player(STRANGER)
    assert b"" == player.heard()
    secure = TLSPlayer(player)
    secure.play("S: +OK pop.example.test ready")

    assert "STLS" not in lines(secure.say(b"CAPA\r\n"))
    token = b64encode(f"\0{ALICE}\0sesame".encode()).decode()
    assert "+OK 0 messages, 0 octets\r\n" == secure.line(f"AUTH PLAIN {token}")


def test_apop_behind_implicit_tls() -> None:
    """A stranger is shown a timestamp only in secret."""
    house = with_tls(House, implicit_tls=True, apop=True)
    secure = TLSPlayer(house.player(STRANGER))

    assert b"@pop.example.test>\r\n" == secure.heard()[-20:]
