"""
Tests for names, records and servers: their forms here, on the wire, and as people write them.
"""

from __future__ import annotations

import pytest
from dns.name import Name
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.dns.names import canonical, from_text, to_text
from pymta.dns.records import most
from pymta.dns.servers import Server, at, available, resolv_conf
from pymta.errors import NoSuchName
from pymta.interfaces.dns import MX, A

CANONICAL = [
    ("example.org", "example.org"),
    ("Example.ORG.", "example.org"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("BÜCHER.example.", "xn--bcher-kva.example"),
    ("_25._tcp.mx.test", "_25._tcp.mx.test"),
    ("a+b=c/d.test", "a+b=c/d.test"),
    ("127.0.0.1", "127.0.0.1"),
    ("-.test", "-.test"),
    ("a" * 63 + ".test", "a" * 63 + ".test"),
    (("a" * 62 + ".") * 4 + "b", ("a" * 62 + ".") * 4 + "b"),
]


@pytest.mark.parametrize(("text", "expected"), CANONICAL)
def test_canonical(text: str, expected: str) -> None:
    """One form for all ways to write a name."""
    assert expected == canonical(text)
    assert expected == canonical(canonical(text))
    assert expected == to_text(from_text(expected))


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "..", "a..b", ".a", "a b", "a\tb", "a\n", "a\0", "a\\b", "\x7f", "\ud800"),
        *("é" * 80, "a" * 64, ("a" * 62 + ".") * 4 + "bc", "x" * 1_000_000, "a." * 500_000),
    ],
    ids=range(17),
)
def test_no_names(text: str) -> None:
    """What can be no name does not exist."""
    with pytest.raises(NoSuchName):
        canonical(text)


@settings(max_examples=80, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=12), min_size=1, max_size=5))
def test_any_labels(labels: list[bytes]) -> None:
    """Whatever octets are on the wire, what comes of them is printable and never misread."""
    name = Name([*labels, b""])
    text = to_text(name)

    assert text.isascii()
    assert text.isprintable()
    try:
        again = from_text(canonical(text))
    except NoSuchName:
        assert "\\" in text
    else:
        assert name == again  # ignoring case


def test_root() -> None:
    """The root is an empty name (RFC 7505)."""
    assert "" == to_text(Name([b""]))


def test_most_records() -> None:
    """A hundred come as they came; of more the first, or the best MX records."""
    hundred = [MX(n % 7, f"mx{n}.test") for n in range(100)]
    more = [MX(n % 2, f"mx{n}.test") for n in range(150)]
    addresses = [A(f"1.0.0.{n}") for n in range(150)]

    assert tuple(hundred) == most(hundred)
    assert tuple(more[0::2] + more[1:50:2]) == most(more)
    assert tuple(addresses[:100]) == most(addresses)


SERVERS = [
    ("192.0.2.1", ("192.0.2.1", 53)),
    ("192.0.2.1:5353", ("192.0.2.1", 5353)),
    ("2001:DB8::1", ("2001:db8::1", 53)),
    ("[2001:db8::1]", ("2001:db8::1", 53)),
    ("[2001:db8::1]:5353", ("2001:db8::1", 5353)),
    ("[192.0.2.1]:54", ("192.0.2.1", 54)),
    ("fe80::1%eth0", ("fe80::1%eth0", 53)),
]


@pytest.mark.parametrize(("text", "expected"), SERVERS)
def test_servers(text: str, expected: tuple[str, int]) -> None:
    """Address, and port where it is another one."""
    assert expected == at(text)


@pytest.mark.parametrize(
    "text", ["", "ns.test", "ns.test:53", "192.0.2.1:0", "192.0.2.1:65536", "[::1", "::1]:53", "[]"]
)
def test_no_servers(text: str) -> None:
    """Anything else is a mistake."""
    with pytest.raises(ValueError):
        at(text)


RESOLV_CONF = [
    pytest.param("nameserver 192.0.2.1\n", ["192.0.2.1"], id="one"),
    pytest.param(
        "# nameserver 9.9.9.9\n; x\nsearch a b\nnameserver\t::1 # here\n nameserver 192.0.2.1 \n",
        ["::1", "192.0.2.1"],
        id="comments and blanks",
    ),
    pytest.param("nameserver ns.test\nnameserver 192.0.2.1", ["192.0.2.1"], id="no address"),
    pytest.param("nameserver\noptions edns0\n", ["127.0.0.1"], id="none"),
    pytest.param("", ["127.0.0.1"], id="empty"),
    pytest.param("nameserver fe80::1%eth0\n", ["fe80::1%eth0"], id="with a zone"),
]


@pytest.mark.parametrize(("text", "expected"), RESOLV_CONF)
def test_resolv_conf(text: str, expected: list[str]) -> None:
    """Its name servers, in order; this machine where there are none."""
    assert expected == list(resolv_conf(text))


def test_servers_that_rest_are_last() -> None:
    """The order of the others is the operator's."""
    time = 0.0
    servers = [Server(f"192.0.2.{n}", 53, lambda: time) for n in range(3)]
    servers[0]._rests_until = 30.0

    assert [servers[1], servers[2], servers[0]] == list(available(servers))
    time = 30.0
    assert servers == list(available(servers))
