"""
Tests for counting connections, networks and lists of peers.
"""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest

from pymta.edge.limits import ConnectionCount, ConnectionLimits, network_of
from pymta.edge.peers import LOOPBACK, Peers, PeersError
from pymta.imap.settings import Timeouts as IMAPTimeouts
from pymta.pop3.settings import Timeouts as POP3Timeouts
from pymta.smtp.client_settings import ClientTimeouts
from pymta.smtp.settings import Timeouts as SMTPTimeouts


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", None),
        ("/run/lmtp", None),
    ],
)
def test_network_of(host: str, network: str | None) -> None:
    """
    A network is a /24 or a /64.
    """
    assert network == network_of(host)


@pytest.mark.parametrize(
    ("limits", "hosts", "let_in"),
    [
        pytest.param(
            ConnectionLimits(address=1, network=None, total=None),
            ["192.0.2.1", "192.0.2.1", "192.0.2.2"],
            [True, False, True],
            id="address",
        ),
        pytest.param(
            ConnectionLimits(address=None, network=1, total=None),
            ["192.0.2.1", "192.0.2.2", "198.51.100.1", "2001:db8::1", "2001:db8::2"],
            [True, False, True, True, False],
            id="network",
        ),
        pytest.param(
            ConnectionLimits(address=None, network=None, total=2),
            ["192.0.2.1", "", "192.0.2.2"],
            [True, True, False],
            id="total",
        ),
        pytest.param(
            ConnectionLimits(address=None, network=None, total=None),
            ["192.0.2.1"] * 5,
            [True] * 5,
            id="none",
        ),
    ],
)
def test_s09_counted(limits: ConnectionLimits, hosts: list[str], let_in: list[bool]) -> None:
    """
    Each limit turns away what is over it, and nothing else.
    """
    count = ConnectionCount(limits)

    assert let_in == [count.enter(host) for host in hosts]


def test_leaving_makes_room() -> None:
    """
    What has left is counted no more; what was turned away never was.
    """
    count = ConnectionCount(ConnectionLimits(address=1))
    assert count.enter("192.0.2.1")
    assert not count.enter("192.0.2.1")
    count.leave("192.0.2.1")

    assert count.enter("192.0.2.1")


@pytest.mark.parametrize(
    ("host", "listed"),
    [
        ("127.0.0.1", True),
        ("127.255.0.9", True),
        ("::1", True),
        ("192.0.2.1", False),
        ("::2", False),
        ("", False),
        ("localhost", False),
    ],
)
def test_loopback(host: str, listed: bool) -> None:
    """
    Loopback is by address, and by nothing else.
    """
    assert listed is (host in LOOPBACK)


def test_unix_sockets_are_listed_by_name() -> None:
    """
    The word ``unix`` lists the peers that have no address.
    """
    assert "" in Peers(["unix"])
    assert "/run/mail.sock" in Peers(["unix"])
    assert "" not in Peers(["0.0.0.0/0"])
    assert "unknown" not in Peers(["unix"])
    assert not Peers()
    assert Peers(["unix"])


@pytest.mark.parametrize("name", ["example.org", "192.0.2.1/33", "192.0.2.1/24", ""])
def test_no_network(name: str) -> None:
    """
    A name, or a network with host bits, is a mistake.
    """
    with pytest.raises(PeersError):
        Peers([name])


@pytest.mark.parametrize("seconds", [0, -1, nan, -inf])
@pytest.mark.parametrize(
    ("timeouts", "name"),
    [
        (SMTPTimeouts, "command"),
        (ClientTimeouts, "idle"),
        (IMAPTimeouts, "reading"),
        (POP3Timeouts, "update"),
    ],
)
def test_no_time(timeouts: Any, name: str, seconds: float) -> None:
    """A time limit that is over at once, or that nothing can be compared with, is a mistake."""
    with pytest.raises(ValueError, match=f"{name} is not more than 0"):
        timeouts(**{name: seconds})
