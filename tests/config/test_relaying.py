"""
Tests for the way out in a configuration: next hops, TLS, credentials, and their mistakes.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pymta.components.relay import AGENT, LMTP
from pymta.config.relaying import credentials, policies
from pymta.config.wiring import Wired
from pymta.delivery.mx import MXFinder
from pymta.delivery.relay import RelayAgent
from pymta.dns.client import DNSClient
from pymta.interfaces.content import Lane
from pymta.interfaces.relay import TLSLevel, TLSPolicy
from pymta.sasl import Credentials
from tests.config.files import GOOD, mistakes, wired
from tests.edge.certificates import make_pair

HOP = "[smtp.example.net]:587"
ROUTED = f'{GOOD}[routing]\nnext_hop = "smtp.example.net:587"\n'
SPECIAL = f'{ROUTED}[relay.next_hops."smtp.example.net:587"]\n'
"""Its last line is the 11th."""


def agent_of(made: Wired) -> RelayAgent:
    """Who carries mail elsewhere."""
    agent = made.system.agents[AGENT]
    assert isinstance(agent, RelayAgent)
    return agent


def test_by_default(tmp_path: Path) -> None:
    """
    The relay is closed; the agent is there for applications that queue mail themselves.
    """
    made = wired(tmp_path, GOOD)

    assert not made.configuration.routing.leads_elsewhere
    assert isinstance(made.system.dns, DNSClient)
    assert agent_of(made).credentials("anything") is None


def test_by_mx(tmp_path: Path) -> None:
    """
    One key sends everything else to the hosts of its domain.
    """
    made = wired(tmp_path, f'{GOOD}[routing]\nmx = true\nhops."a.test" = "b.test"\n')

    assert made.configuration.routing.leads_elsewhere
    assert (Lane(AGENT, "b.test"),) == made.configuration.routing.lanes


def test_figures(tmp_path: Path) -> None:
    """
    Limits and time limits reach the agent, resolvers the DNS.
    """
    made = wired(
        tmp_path,
        f"""{GOOD}
[relay]
tls = "encrypt"
allow = ["10.0.0.0/8"]
names = ["mx2.example.test"]
addresses = ["192.0.2.7"]
[relay.limits]
recipients = 50
tries = 5
[relay.sessions]
idle = 7
[timeouts.relay]
greeting = 60
[dns]
servers = ["192.0.2.53", "[2001:db8::53]:5353"]
""",
    )
    agent = agent_of(made)

    assert (50, 50, 5) == (agent.recipient_limit, agent.limits.recipients, agent.limits.tries)
    assert 7 == agent.pool._limits.idle
    assert made.configuration.timeouts.relay.greeting == 60
    found = made.system.carriers.finder
    assert isinstance(found, MXFinder)
    assert "mx2.example.test" in found._own_names
    assert "192.0.2.7" in found._own_addresses
    assert TLSLevel.ENCRYPT is policies(made.configuration.relay)._default.level
    assert ("192.0.2.53", "[2001:db8::53]:5353") == made.configuration.dns.servers


@pytest.mark.parametrize(
    ("text", "policy", "known"),
    [
        ("", TLSPolicy(), None),
        ('tls = "encrypt"', TLSPolicy(level=TLSLevel.ENCRYPT), None),
        (
            'user = "ann"\npassword = "x"',
            TLSPolicy(level=TLSLevel.VERIFY),
            Credentials(username="ann", password="x"),
        ),
        (
            'tls = "verify"\nnames = ["Bücher.example"]\nimplicit = true',
            TLSPolicy(level=TLSLevel.VERIFY, names=("xn--bcher-kva.example",), implicit=True),
            None,
        ),
        (
            'user = "ann"\npassword_file = "secret"',
            TLSPolicy(level=TLSLevel.VERIFY),
            Credentials(username="ann", password=" geheim "),
        ),
    ],
    ids=["nothing", "encrypt", "user", "names", "password in a file"],
)
def test_next_hops(tmp_path: Path, text: str, policy: TLSPolicy, known: Credentials | None) -> None:
    """
    Each may have a policy and a user of its own; with a user, its server is verified.
    """
    (tmp_path / "secret").write_text(" geheim \nand more\n")
    made = wired(tmp_path, f"{SPECIAL}{text}\n")
    relay = made.configuration.relay

    assert policy == policies(relay)._table[HOP]
    assert known == credentials(relay).get(HOP) == agent_of(made).credentials(HOP)


def test_a_password_is_not_shown(tmp_path: Path) -> None:
    """
    Not where a configuration is printed either.
    """
    made = wired(tmp_path, f'{SPECIAL}user = "ann"\npassword = "geheim"\n')

    assert "geheim" not in repr(made.configuration)


def test_trusted_servers_get_a_password_in_any_case(tmp_path: Path) -> None:
    """
    Somebody on this machine needs no certificate.
    """
    text = f'{SPECIAL}tls = "may"\nuser = "ann"\npassword = "x"\n[relay]\ntrusted = ["127.0.0.1"]\n'

    assert [] == mistakes(tmp_path, text)


def test_authorities(tmp_path: Path) -> None:
    """
    A file of one's own, meant from the folder of the configuration.
    """
    made = make_pair(tmp_path, "ca.test")
    text = f'{GOOD}[relay]\nauthorities = "{Path(made.certificate).name}"\n'

    assert [] == mistakes(tmp_path, text)


def test_lmtp(tmp_path: Path) -> None:
    """
    A domain's mail may be delivered by somebody else's mailboxes, in clear text by a socket.
    """
    made = wired(
        tmp_path,
        f"""{GOOD}[routing]
hops."lists.test" = "lmtp:unix:/run/lists"
hops."box.test" = "lmtp:box.test:24"
[relay]
domains = ["lists.test", "box.test"]
[relay.next_hops."lmtp:box.test:24"]
tls = "encrypt"
""",
    )
    lanes = made.configuration.routing.lanes

    assert (Lane(LMTP, "unix:/run/lists"), Lane(LMTP, "[box.test]:24")) == lanes
    assert ["[box.test]:24"] == list(policies(made.configuration.relay)._table)


MISTAKES = [
    pytest.param(
        f'{GOOD}[relay]\ndomains = ["b.test"]\n',
        "mail.toml:9: relay.domains[0]: no route leads to b.test",
        id="a gateway to nowhere",
    ),
    pytest.param(
        f'{ROUTED}[relay]\ndomains = ["example.test"]\n',
        "mail.toml:11: relay.domains[0]: example.test is a local domain",
        id="a gateway to here",
    ),
    pytest.param(
        f'{GOOD}[routing]\nhops."b.test" = "lmtp:b.test"\n',
        'mail.toml:9: routing.hops."b.test": no port: \'lmtp:b.test\' ("lmtp:host:port" or',
        id="LMTP without a port",
    ),
    pytest.param(
        f'{GOOD}[routing]\nmx = true\nnext_hop = "a.test:25"\n',
        "mail.toml:9: routing.mx: there is a next_hop already",
        id="two ways for everything else",
    ),
    pytest.param(
        f'{ROUTED}[relay.next_hops."smtp.example.nte:587"]\n',
        'mail.toml:10: relay.next_hops."smtp.example.nte:587": no route leads to [smtp.example.'
        "nte]:587 (did you mean [smtp.example.net]:587?)",
        id="no such hop",
    ),
    pytest.param(
        f'{GOOD}[relay.next_hops."a b"]\n',
        "mail.toml:8: relay.next_hops.\"a b\": no next hop: 'a b'",
        id="no hop at all",
    ),
    pytest.param(
        f'{SPECIAL}tls = "verfy"\n',
        'mail.toml:11: relay.next_hops."smtp.example.net:587".tls: "verfy" is none of "none", ',
        id="no level",
    ),
    pytest.param(
        f'{SPECIAL}tls = "may"\nuser = "ann"\npassword = "x"\n',
        'mail.toml:11: relay.next_hops."smtp.example.net:587".tls: a password is for verified serv',
        id="a password for anybody",
    ),
    pytest.param(
        f'{SPECIAL}user = "ann"\n',
        'mail.toml:10: relay.next_hops."smtp.example.net:587": one of password and password_file',
        id="no password",
    ),
    pytest.param(
        f'{SPECIAL}user = "ann"\npassword = ""\n',
        'mail.toml:12: relay.next_hops."smtp.example.net:587".password: it is empty',
        id="an empty password",
    ),
    pytest.param(
        f'{SPECIAL}user = ""\npassword = "x"\n',
        'mail.toml:11: relay.next_hops."smtp.example.net:587".user: it is empty',
        id="an empty user",
    ),
    pytest.param(
        f'{SPECIAL}user = "ann"\npassword = "x"\npassword_file = "y"\n',
        'mail.toml:10: relay.next_hops."smtp.example.net:587": one of password and password_file',
        id="two passwords",
    ),
    pytest.param(
        f'{SPECIAL}password = "x"\n',
        'mail.toml:11: relay.next_hops."smtp.example.net:587".password: there is no user',
        id="no user",
    ),
    pytest.param(
        f'{SPECIAL}user = "ann"\npassword_file = "nowhere"\n',
        'mail.toml:12: relay.next_hops."smtp.example.net:587".password_file: nowhere cannot be read'
        ": No such file or directory",
        id="no file",
    ),
    pytest.param(
        f'{SPECIAL}user = "ann"\npassword_file = "empty"\n',
        'mail.toml:12: relay.next_hops."smtp.example.net:587".password_file: empty begins with an',
        id="an empty file",
    ),
    pytest.param(
        f'{SPECIAL}user = "ann"\npassword_file = "binary"\n',
        'mail.toml:12: relay.next_hops."smtp.example.net:587".password_file: binary is no UTF-8',
        id="a binary file",
    ),
    pytest.param(
        f'{SPECIAL}names = ["a.test"]\n',
        'mail.toml:11: relay.next_hops."smtp.example.net:587".names: certificates are looked at wi',
        id="names that nobody looks at",
    ),
    pytest.param(
        f'{SPECIAL}tls = "none"\nimplicit = true\n',
        'mail.toml:12: relay.next_hops."smtp.example.net:587".implicit: TLS from the first octet',
        id="TLS and none",
    ),
    pytest.param(
        f'{GOOD}[relay]\nauthorities = "nowhere"\n',
        "mail.toml:9: relay.authorities: cannot be used: nowhere: No such file or directory",
        id="no authorities",
    ),
    pytest.param(
        f'{GOOD}[relay]\nauthorities = "empty"\n',
        "mail.toml:9: relay.authorities: cannot be used: empty: ",
        id="empty authorities",
    ),
    pytest.param(
        f'{GOOD}[relay]\nnetworks = ["192.0.2.0/24"]\n',
        'mail.toml:9: relay.networks: there is no next hop (set "routing.next_hop", or "routing',
        id="relay to nowhere",
    ),
    pytest.param(
        f"{GOOD}[relay.limits]\ntries = 0\n",
        "mail.toml:8: relay.limits: recipients, tries and seconds are more than 0",
        id="no tries",
    ),
    pytest.param(
        f"{GOOD}[relay.sessions]\ntransactions = 0\n",
        "mail.toml:8: relay.sessions: transactions is more than 0",
        id="no transactions",
    ),
    pytest.param(
        f'{GOOD}[dns]\nservers = ["resolver.test"]\n',
        "mail.toml:9: dns.servers[0]: 'resolver.test' does not appear to be an IPv4 or IPv6 addr",
        id="a resolver by name",
    ),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES)
def test_mistakes(tmp_path: Path, text: str, told: str) -> None:
    """
    One each, with its line and its path.
    """
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\n")
    found = mistakes(tmp_path, text)

    assert 1 == len(found), found
    assert found[0].startswith(told), found[0]
