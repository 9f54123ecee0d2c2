"""
The client against the DNS server that Twisted brings, over UDP and TCP.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor as _reactor
from twisted.names import dns
from twisted.names.authority import FileAuthority
from twisted.names.server import DNSServerFactory

from pymta.dns.client import DNSClient
from pymta.errors import NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, MX, TXT, A

reactor: Any = _reactor

NAME = b"example.test"
RECORDS: dict[bytes, list[Any]] = {
    NAME: [
        dns.Record_SOA(mname=NAME, rname=NAME, serial=1, minimum=60, ttl=300),
        dns.Record_MX(10, b"MX.example.test", ttl=300),
        dns.Record_MX(0, b"", ttl=300),
    ],
    b"mx.example.test": [dns.Record_A("1.0.0.1", ttl=300), dns.Record_AAAA("2a00::1", ttl=300)],
    b"large.example.test": [dns.Record_TXT(b"%d" % n * 80, ttl=300) for n in range(60)],
}


class Authority(FileAuthority):
    """A zone that is in no file."""

    def loadFile(self, filename: object) -> None:
        me: Any = self  # both are None to their types
        me.soa = NAME, RECORDS[NAME][0]
        me.records = RECORDS


@asynccontextmanager
async def serving() -> AsyncIterator[DNSClient]:
    """A client of it."""
    factory = DNSServerFactory(authorities=[Authority(None)])
    factory.noisy = False
    udp = reactor.listenUDP(0, dns.DNSDatagramProtocol(factory), interface="127.0.0.1")
    port = udp.getHost().port
    tcp = reactor.listenTCP(port, factory, interface="127.0.0.1")
    try:
        yield DNSClient(reactor, [f"127.0.0.1:{port}"], timeout=3, lifetime=9)
    finally:
        await udp.stopListening()
        await tcp.stopListening()


@ensureDeferred
async def test_answers() -> None:
    """What there is, and what there is not."""
    async with serving() as client:
        answer = await client.lookup("Example.test.", MX)
        assert {MX(10, "mx.example.test"), MX(0, "")} == set(answer.records)
        assert (A("1.0.0.1"),) == (await client.lookup("mx.example.test", A)).records
        assert (AAAA("2a00::1"),) == (await client.lookup("mx.example.test", AAAA)).records
        assert not answer.authentic
        with pytest.raises(NoRecords):
            await client.lookup("mx.example.test", MX)
        with pytest.raises(NoSuchName):
            await client.lookup("gone.example.test", A)


@ensureDeferred
async def test_large_answers() -> None:
    """They come over TCP, or by a datagram as large as the server likes."""
    async with serving() as client:
        assert 60 == len((await client.lookup("large.example.test", TXT)).records)
