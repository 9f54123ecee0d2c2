"""
Tests for next hops that are this server's own ports.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pymta.config.loops import _HINT
from tests.config.files import mistakes

HOST = "mail.example.test"


def written(endpoint: str, hop: str, protocol: str = "smtp", more: str = "") -> str:
    """A file whose 7th line is the next hop."""
    return f"""\
hostname = "{HOST}"
directory = "mail"
domains = ["example.test"]
[routing]
[routing.hops]

"elsewhere.test" = "{hop}"
[relay]
names = ["mx2.example.test"]
addresses = ["192.0.2.7"]
{more}
[[listeners]]
protocol = "{protocol}"
endpoint = '{endpoint}'
"""


@pytest.mark.parametrize(
    ("endpoint", "hop"),
    [
        pytest.param("tcp:2525:interface=127.0.0.1", "127.0.0.1:2525", id="address and port"),
        pytest.param("tcp:25", "[127.0.0.1]", id="the port that goes without saying"),
        pytest.param("tcp:25", "[127.1.2.3]:25", id="any loopback address"),
        pytest.param("tcp:25", "0.0.0.0:25", id="no address"),
        pytest.param("tcp:25", "192.0.2.7:25", id="an address that is ours"),
        pytest.param("tcp:port=25", "localhost:25", id="localhost, port by name"),
        pytest.param("tcp:25:127.0.0.1", "localhost:25", id="localhost, interface in its place"),
        pytest.param("tcp:25", f"{HOST}:25", id="the host's name"),
        pytest.param("tcp:25", "MX2.example.test:25", id="another name that is ours"),
        pytest.param("tcp:25:interface=192.0.2.7", f"{HOST}:25", id="one interface, by name"),
        pytest.param(r"tcp6:25:interface=\:\:1", "[::1]:25", id="IPv6"),
        pytest.param("tcp6:25", "[::1]:25", id="IPv6, any interface"),
        pytest.param(r"tcp:25:interface=\:\:", "127.0.0.1:25", id="both families"),
        pytest.param(r"tcp:25:interface=fe80\:\:1%eth0", "[fe80::1]:25", id="with a zone"),
    ],
)
def test_s23_a_port_of_our_own_is_a_mistake(tmp_path: Path, endpoint: str, hop: str) -> None:
    """Told with the place of its key, and which listener it is."""
    told = mistakes(tmp_path, written(endpoint, hop))
    said = 'mail.toml:7: routing.hops."elsewhere.test": listeners[0] (smtp) listens there'
    assert [f"{said} ({_HINT})"] == told


@pytest.mark.parametrize(
    ("endpoint", "hop"),
    [
        pytest.param("tcp:2525", "127.0.0.1:25", id="another port"),
        pytest.param("tcp:25:interface=127.0.0.1", "127.0.0.2:25", id="another interface"),
        pytest.param("tcp:25", "192.0.2.8:25", id="somebody's address"),
        pytest.param("tcp:25", "smtp.example.net:25", id="somebody's name"),
        pytest.param("tcp:25", "[::1]:25", id="the other family"),
        pytest.param("tcp:25:interface=127.0.0.1", f"{HOST}:25", id="on loopback alone"),
        pytest.param("tcp:25:interface=192.0.2.7", "localhost:25", id="not on loopback"),
        pytest.param("tcp:25", HOST, id="MX records say"),
        pytest.param("tcp:0", "127.0.0.1:25", id="a port of chance"),
        pytest.param("systemd:domain=INET:index=0", "127.0.0.1:25", id="a socket of somebody's"),
    ],
)
def test_others_are_none(tmp_path: Path, endpoint: str, hop: str) -> None:
    """What may be another server is left alone."""
    assert [] == mistakes(tmp_path, written(endpoint, hop))


def test_by_lmtp(tmp_path: Path) -> None:
    """A socket by its path, also through a link."""
    (tmp_path / "link").symlink_to(tmp_path)
    text = written(f"unix:{tmp_path}/lmtp:mode=600", f"lmtp:unix:{tmp_path}/link/lmtp", "lmtp")
    assert 1 == len(mistakes(tmp_path, text))
    assert [] == mistakes(tmp_path, text.replace("/link/lmtp", "/link/other"))
    port = written("tcp:24", "lmtp:127.0.0.1:24", "lmtp")
    assert 1 == len(mistakes(tmp_path, port))


def test_where_everything_else_goes(tmp_path: Path) -> None:
    """Every key is looked at, and each told once, whatever else is wrong."""
    text = written("tcp:25", "localhost:25").replace(
        "[routing]\n", '[routing]\nnext_hop = "127.0.0.1:587"\n'
    )
    text += '[[listeners]]\nprotocol = "submission"\nendpoint = "tcp:587"\nname = "mine"\n'
    text += '[[listeners]]\nprotocol = "smtp"\nendpoint = "tcp:99999"\n'
    told = mistakes(tmp_path, text)
    assert 3 == len(told)
    assert "mail.toml:5: routing.next_hop: listeners[1] (mine) listens there" in told[0]
