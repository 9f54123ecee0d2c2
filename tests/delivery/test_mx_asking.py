"""
The finder and the client together, over sockets: what they find is what the fake lets it find.
"""

from __future__ import annotations

import random
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor as _reactor

from pymta.delivery.mx import MXFinder
from pymta.dns.client import DNSClient
from pymta.errors import Refused
from pymta.interfaces.dns import AAAA, MX, A
from pymta.interfaces.relay import Destination
from pymta.reply import Reply
from pymta.testing.dns import CNAME, FakeDNS, Zones
from tests.dns.resolvers import Resolver, Zone

reactor: Any = _reactor

ZONES: Zones = {
    "example.test": [MX(20, "mx2.example.test"), MX(10, "mx1.example.test")],
    "mx1.example.test": [A("1.0.0.1"), AAAA("2a00::1")],
    "mx2.example.test": [A("1.0.0.2")],
    "implicit.test": [A("1.0.0.1")],
    "alias.test": [CNAME("example.test")],
    "null.test": [MX(0, "")],
    "nothing.test": [],
    "private.test": [MX(10, "host.private.test")],
    "host.private.test": [A("127.0.0.1")],
    "loop.test": [CNAME("loop2.test")],
    "loop2.test": [CNAME("loop.test")],
    "literal.test": [MX(10, "192.0.2.1")],
    "many.test": [MX(n, f"mx{n}.many.test") for n in range(150)],
    **{f"mx{n}.many.test": [A(f"1.0.1.{n}")] for n in range(150)},
}

NEXT_HOPS = [
    *("example.test", "EXAMPLE.test.", "example.test:2525", "implicit.test", "alias.test"),
    *("null.test", "nothing.test", "gone.test", "private.test", "loop.test", "literal.test"),
    *("many.test", "[mx1.example.test]", "[host.private.test]:25", "[1.0.0.1]", "[gone.test]"),
]


async def find(dns: FakeDNS | DNSClient, next_hop: str) -> Destination | Reply:
    """What it finds, or says."""
    below = random.Random(1).randrange
    try:
        return await MXFinder(dns, reactor, hostname="here.test", below=below).find(next_hop)
    except Refused as refused:
        return refused.reply


@pytest.mark.parametrize("next_hop", NEXT_HOPS)
@ensureDeferred
async def test_as_with_the_fake(next_hop: str) -> None:
    """Every form of a next hop and every kind of answer."""
    zone = Zone(ZONES)
    resolver = Resolver(zone.udp, zone.tcp).listen(reactor)
    try:
        dns = DNSClient(reactor, [resolver.address], timeout=3, lifetime=9)
        found = await find(dns, next_hop)
    finally:
        await resolver.close()

    assert await find(FakeDNS(ZONES), next_hop) == found
