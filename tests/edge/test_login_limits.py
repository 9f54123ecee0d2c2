"""
Limits on failed logins (S24).
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from pymta.edge.login_limits import TOO_MANY, LoginLimits
from pymta.errors import Refused
from pymta.shared.memory import MemorySharedState
from tests.awaiting import now_done

ALICE = "alice@example.test"
HOST = "192.0.2.1"


class Limited:
    """Limits of 3 an address, 5 a network and 4 an account, for 100 seconds."""

    def __init__(self, **limits: int | None) -> None:
        self.clock = Clock()
        self.state = MemorySharedState(self.clock)
        wanted: dict[str, int | None] = {"address": 3, "network": 5, "account": 4, **limits}
        self.limits = LoginLimits(
            self.state,
            key=b"k" * 32,
            address=wanted["address"],
            network=wanted["network"],
            account=wanted["account"],
            credential=wanted.get("credential"),
            period=100,
        )

    def fail(self, host: str, account: str = ALICE, password: str | None = "x") -> None:
        now_done(self.limits.failed(host, account, password))

    def refused(self, host: str) -> bool:
        try:
            now_done(self.limits.check(host))
        except Refused as no:
            return no.reply == TOO_MANY
        return False

    def closed(self, host: str, account: str = ALICE, password: str | None = "x") -> bool:
        return now_done(self.limits.closed(host, account, password))


@pytest.mark.parametrize(
    ("host", "same", "other"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", "192.0.2.2", id="IPv4"),
        pytest.param("2001:db8::1", "2001:DB8:0::1", "2001:db8::2", id="IPv6, however written"),
        pytest.param("fe80::1%eth0", "fe80::1%eth1", "fe80::2%eth0", id="with a zone"),
    ],
)
def test_s24_an_address(host: str, same: str, other: str) -> None:
    """The third failure from an address closes it, and no other."""
    limited = Limited()
    for _ in range(2):
        limited.fail(host)
    assert not limited.refused(same)
    limited.fail(host)

    assert limited.refused(same)
    assert not limited.refused(other)


@pytest.mark.parametrize(
    ("host", "inside", "outside"),
    [
        pytest.param("192.0.2.{}", "192.0.2.255", "192.0.3.1", id="a /24"),
        pytest.param("2001:db8::{}", "2001:db8::ffff:1", "2001:db8:0:1::1", id="a /64"),
    ],
)
def test_s24_a_network(host: str, inside: str, outside: str) -> None:
    """Failures from many addresses of one network close all of it."""
    limited = Limited()
    for n in range(1, 6):
        assert not limited.refused(inside)
        limited.fail(host.format(n))

    assert limited.refused(inside)
    assert not limited.refused(outside)


def test_s24_an_account() -> None:
    """Failures from anywhere close an account, for whoever is not known to it; no other account."""
    limited = Limited()
    for n in range(4):
        assert not limited.closed("203.0.113.9")
        limited.fail(f"198.51.{n}.1")

    assert limited.closed("203.0.113.9")
    assert not limited.closed("203.0.113.9", "bob@example.test")


def test_s24_an_attacker_does_not_lock_the_owner_out() -> None:
    """From a network where the owner has logged in within a month, an account stays open."""
    limited = Limited()
    now_done(limited.limits.succeeded("203.0.113.9", ALICE))
    for n in range(4):
        limited.fail(f"198.51.{n}.1")

    assert not limited.closed("203.0.113.10")
    assert limited.closed("203.0.114.9")
    limited.clock.advance(31 * 86_400)
    for n in range(4):
        limited.fail(f"198.51.{n}.1")
    assert limited.closed("203.0.113.10")


def test_s24_a_credential() -> None:
    """One password tried on many accounts from many networks is closed, where that is limited."""
    limited = Limited(credential=3)
    for n in range(3):
        limited.fail(f"198.51.{n}.1", f"user{n}@example.test", "Spring2024")

    assert limited.closed("203.0.113.9", ALICE, "Spring2024")
    assert not limited.closed("203.0.113.9", ALICE, "another")
    assert not limited.closed("203.0.113.9", ALICE, None)
    other = Limited()
    for n in range(3):
        other.fail(f"198.51.{n}.1", f"user{n}@example.test", "Spring2024")
    assert not other.closed("203.0.113.9", ALICE, "Spring2024")


def test_s24_passwords_are_not_kept() -> None:
    """Neither a password nor a name is in the state, nor a hash that can be guessed at without
    the key."""
    first, second = Limited(credential=3), Limited(credential=3)
    second.limits = LoginLimits(second.state, key=b"j" * 32, credential=3)
    for limited in (first, second):
        limited.fail(HOST, ALICE, "Spring2024")
    keys = [set(limited.state._entries) for limited in (first, second)]

    assert not any("Spring2024" in key or "alice" in key for key in keys[0] | keys[1])
    [mine] = keys[0] - keys[1]
    assert "with" in mine


def test_s24_bans_end() -> None:
    """A period after the first failure all is as before; success before that changes nothing."""
    limited = Limited()
    for _ in range(2):
        limited.fail(HOST)
    limited.clock.advance(60)
    limited.fail(HOST)
    now_done(limited.limits.succeeded(HOST, "mallory@example.test"))
    assert limited.refused(HOST)
    limited.clock.advance(39)
    assert limited.refused(HOST)
    limited.clock.advance(1)

    assert not limited.refused(HOST)


def test_a_unix_socket_has_no_address() -> None:
    """Everybody behind a local socket has one name: only accounts are limited there."""
    limited = Limited()
    for _ in range(10):
        limited.fail("/run/pymta.sock")

    assert not limited.refused("/run/pymta.sock")
    assert not limited.refused("")
    assert limited.closed("/run/pymta.sock")


def test_no_limits() -> None:
    """Each of them can be left out."""
    limited = Limited(address=None, network=None, account=None)
    for _ in range(10):
        limited.fail(HOST)

    assert not limited.refused(HOST)
    assert not limited.closed(HOST)
    assert 0 == len(limited.state)


def test_any_name_is_counted() -> None:
    """Names that are too long for a key, or are no text at all, are counted all the same."""
    limited = Limited(address=None, network=None)
    for _ in range(4):
        limited.fail(HOST, "x" * 10_000 + "\0\ud800")

    assert limited.closed("203.0.113.9", "x" * 10_000 + "\0\ud800")
