"""
Tests for capabilities: what is announced works, and nothing else does.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pymta.wire.pop3 import capability
from pymta.wire.pop3.capability import Capability
from pymta.wire.pop3.events import Extended
from pymta.wire.pop3.server import POP3Server
from pymta.wire.pop3.state import ANYWHERE, State, Status
from pymta.wire.pop3.verbs import STLS, Verb, extended
from tests.wire.pop3.drop import Drop, log_in, talk

BEFORE = Status()
UNDER_TLS = Status(tls=True)
AFTER = Status(state=State.TRANSACTION, tls=True)

TEXTS = [
    (capability.user(), None, "USER", "USER"),
    (capability.user(lambda _status: True), "USER", "USER", "USER"),
    (capability.STLS, "STLS", None, None),
    (capability.UTF8, "UTF8", "UTF8", "UTF8"),
    (capability.sasl(lambda s: ["PLAIN"] if s.tls else []), None, "SASL PLAIN", "SASL PLAIN"),
    (capability.expire(None), "EXPIRE NEVER", "EXPIRE NEVER", "EXPIRE NEVER"),
    (capability.expire(0), "EXPIRE 0", "EXPIRE 0", "EXPIRE 0"),
    (capability.expire(5, of_account=lambda: 30), "EXPIRE 5 USER", "EXPIRE 5 USER", "EXPIRE 30"),
    (
        capability.expire(5, of_account=lambda: None),
        "EXPIRE 5 USER",
        "EXPIRE 5 USER",
        "EXPIRE NEVER",
    ),
    (
        capability.login_delay(900, of_account=lambda: 60),
        "LOGIN-DELAY 900 USER",
        "LOGIN-DELAY 900 USER",
        "LOGIN-DELAY 60",
    ),
]


@pytest.mark.parametrize(("offered", "before", "tls", "after"), TEXTS)
def test_text(offered: Capability, before: str | None, tls: str | None, after: str | None) -> None:
    """A capability is announced as its RFC says, in the clear, under TLS and after the login."""
    assert [before, tls, after] == [offered.text(s) for s in (BEFORE, UNDER_TLS, AFTER)]


WITH_VERBS: Sequence[tuple[Capability, bytes]] = [
    (capability.user(lambda _status: True), b"USER mrose"),
    (capability.sasl(lambda _status: ["LOGIN"]), b"AUTH LOGIN"),
    (capability.STLS, b"STLS"),
    (capability.UTF8, b"UTF8"),
    (capability.LANG, b"LANG"),
    (capability.TOP, b"TOP 1 0"),
    (capability.UIDL, b"UIDL"),
]


@pytest.mark.parametrize(("offered", "line"), WITH_VERBS, ids=lambda value: repr(value)[:12])
def test_a_verb_needs_its_capability(offered: Capability, line: bytes) -> None:
    """Taken out, its command is unknown."""
    without, drop = POP3Server(), Drop()
    without.greet("ready")
    without.data_to_send()
    assert b"-ERR unknown command\r\n" == talk(without, drop, line + b"\r\n")

    machine, drop = POP3Server(capabilities=[capability.user(lambda _s: True)]), Drop()
    if offered.name != "USER":
        machine = POP3Server(capabilities=[capability.user(lambda _s: True), offered])
    if offered.name in ("TOP", "UIDL"):
        log_in(machine, drop)
    else:
        machine.greet("ready")
    machine.data_to_send()
    assert talk(machine, drop, line + b"\r\n").startswith(b"+")


def test_apop_needs_the_timestamp() -> None:
    """APOP is announced by the greeting alone (RFC 2449 §6), so it is unknown without."""
    machine, drop = POP3Server(), Drop()
    machine.greet("ready")
    machine.data_to_send()
    line = b"APOP mrose c4c9334bac560ecc979e58001b3e22fb\r\n"

    assert b"-ERR unknown command\r\n" == talk(machine, drop, line)


def test_passwords_in_the_clear_are_refused_by_default() -> None:
    """USER is not announced without TLS, and does not work."""
    machine, drop = POP3Server(capabilities=[capability.user(), capability.STLS]), Drop()
    machine.greet("ready")
    machine.data_to_send()

    assert b"-ERR not available here and now\r\n" == talk(machine, drop, b"USER mrose\r\n")
    talk(machine, drop, b"STLS\r\n")
    assert b"+OK\r\n+OK maildrop ready\r\n" == talk(
        machine, drop, b"USER mrose\r\nPASS tanstaaf\r\n"
    )


@pytest.mark.parametrize("logins", [True, False])
def test_utf8_logins(logins: bool) -> None:
    """A name that is no ASCII is taken where UTF8 is announced with USER, else refused."""
    offered = [capability.user(lambda _status: True), capability.UTF8]
    machine, drop = POP3Server(capabilities=offered, utf8_logins=logins), Drop()
    machine.greet("ready")
    machine.data_to_send()

    assert logins == (b"UTF8 USER\r\n" in talk(machine, drop, b"CAPA\r\n"))
    wanted = b"+OK\r\n" if logins else b"-ERR wrong arguments\r\n"
    assert wanted == talk(machine, drop, "USER jürgen\r\n".encode())


@pytest.mark.parametrize("name", [b"\xff", b"j\xfcrgen", b"\xed\xa0\x80", b"\xc0\xaf"])
def test_names_that_are_no_utf8_are_refused(name: bytes) -> None:
    """RFC 6856 §2.2: what fails the formal syntax of UTF-8 MUST be rejected."""
    offered = [capability.user(lambda _status: True), capability.UTF8]
    machine, drop = POP3Server(capabilities=offered), Drop()
    machine.greet("ready")
    machine.data_to_send()

    assert b"-ERR wrong arguments\r\n" == talk(machine, drop, b"USER " + name + b"\r\n")


def test_a_capability_of_a_third_party() -> None:
    """It is announced and its command asked like ours, in the states it says."""
    ours = capability.fixed("XTAG of theirs", extended("XTAG", ANYWHERE))
    machine, drop = POP3Server(capabilities=[ours]), Drop()
    machine.greet("ready")
    machine.data_to_send()

    assert b"XTAG of theirs\r\n" in talk(machine, drop, b"CAPA\r\n")
    assert b"+OK extended\r\n" == talk(machine, drop, b"xtag a  b \r\n")
    assert Extended("XTAG", b"a  b ") == drop.events[-1]


def test_two_capabilities_with_one_verb() -> None:
    """Nobody could say which is meant."""
    with pytest.raises(ValueError):
        POP3Server(capabilities=[capability.STLS, capability.fixed("XTLS", STLS)])


def test_a_keyword_is_upper_case() -> None:
    """Else it would never be found."""
    with pytest.raises(ValueError):
        Verb(keyword="stls", states=ANYWHERE, parse=STLS.parse)


@pytest.mark.parametrize("timestamp", ["1@a", "<1>", "<1 2@a>", "<a@b><c@d>", "<ä@b>"])
def test_a_timestamp_is_a_message_id(timestamp: str) -> None:
    """RFC 1939 §7."""
    with pytest.raises(ValueError):
        POP3Server(timestamp=timestamp)
