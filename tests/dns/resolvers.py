"""
Small DNS servers on loopback, honest and hostile ones, that say what they were asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.TXT
import dns.rrset
from dns.message import Message
from dns.name import Name
from dns.rdata import GenericRdata, Rdata
from dns.rdataclass import RdataClass
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import DatagramProtocol, Protocol, ServerFactory

from pymta.dns.names import canonical, from_text
from pymta.interfaces.dns import MX, PTR, TLSA, TXT, A, Record
from pymta.testing.dns import CNAME, Records, Zones

Answers = Callable[[Message], Iterable[bytes]]
"""What is sent for a question: none, one or several messages."""


class Resolver:
    """
    One that listens on UDP and TCP, on one port that the system chooses.

    :param udp: what it answers.
    :param tcp: the same over TCP; without it, what ``udp`` says; messages get their length.
    :ivar asked: the questions.
    """

    def __init__(
        self, udp: Answers, tcp: Answers | None = None, *, host: str = "127.0.0.1"
    ) -> None:
        self.udp = udp
        self.tcp = tcp or udp
        self.host = host
        self.asked: list[Message] = []
        self.over_tcp = 0
        self._ports: list[Any] = []
        self.connections: list[_Stream] = []

    def listen(self, reactor: Any, *, with_tcp: bool = True) -> Resolver:
        """Open the ports."""
        for _ in range(20):
            udp = reactor.listenUDP(0, _Datagrams(self), interface=self.host, maxPacketSize=65535)
            self._ports.append(udp)
            self.port = udp.getHost().port
            if not with_tcp:
                return self
            try:
                tcp = reactor.listenTCP(self.port, _Streams(self), interface=self.host)
            except CannotListenError:
                continue
            self._ports.append(tcp)
            return self
        raise AssertionError("no port is free for both")

    @property
    def address(self) -> str:
        """As ``DNSClient`` wants it."""
        return f"[{self.host}]:{self.port}"

    @property
    def names(self) -> list[str]:
        """The names that were asked for."""
        return [str(each.question[0].name).removesuffix(".") for each in self.asked]

    async def close(self) -> None:
        """Close the ports."""
        for stream in self.connections:
            stream.transport.abortConnection()
        while self._ports:
            await self._ports.pop().stopListening()


class _Datagrams(DatagramProtocol):
    noisy = False

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver

    def datagramReceived(self, datagram: bytes, addr: Any) -> None:
        question = dns.message.from_wire(datagram)
        self.resolver.asked.append(question)
        for each in self.resolver.udp(question):
            assert self.transport is not None
            self.transport.write(each, addr)


class _Stream(Protocol):
    transport: Any

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver
        self.received = b""
        resolver.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.received += data
        if len(self.received) < 2 + int.from_bytes(self.received[:2]):
            return
        question = dns.message.from_wire(self.received[2:])
        self.resolver.asked.append(question)
        self.resolver.over_tcp += 1
        for each in self.resolver.tcp(question):
            self.transport.write(each)


class _Streams(ServerFactory):
    noisy = False

    def __init__(self, resolver: Resolver) -> None:
        self.resolver = resolver

    def buildProtocol(self, addr: object) -> _Stream:
        return _Stream(self.resolver)


def framed(message: bytes) -> bytes:
    """As TCP has it."""
    return len(message).to_bytes(2) + message


# -- honest answers ---------------------------------------------------------------------------


class Zone:
    """Answers from a mapping, as a resolver does: CNAMEs followed, SOA where there is nothing."""

    def __init__(self, zones: Zones, *, ttl: int = 300, negative: int = 60) -> None:
        self.names: dict[Name, Records] = {}
        self.ttl = ttl
        self.negative = negative
        for zone, value in zones.items():
            inside = value if isinstance(value, Mapping) else {"": value}
            for label, records in inside.items():
                name = f"{label}.{zone}" if label else zone
                self.names[from_text(canonical(name))] = records

    def answer(self, question: Message) -> Message:
        """All of it."""
        response = dns.message.make_response(question, recursion_available=True)
        asked = question.question[0]
        name = asked.name
        seen: set[Name] = set()
        while name not in seen:
            seen.add(name)
            records = [wire(each) for each in self.names.get(_lower(name), ())]
            cnames = [each for each in records if each.rdtype == dns.rdatatype.CNAME]
            found = cnames or [each for each in records if each.rdtype == asked.rdtype]
            if found:
                rrset = dns.rrset.from_rdata(name, self.ttl, *found)
                response.answer.append(rrset)
            if not cnames:
                break
            name = cnames[0].target  # type: ignore[attr-defined]  # of CNAME records
        else:
            response.set_rcode(dns.rcode.SERVFAIL)
            return response
        if not found:
            self._deny(response, _lower(name))
        return response

    def _deny(self, response: Message, name: Name) -> None:
        soa = dns.rrset.from_text("test.", self.negative, "IN", "SOA", "a. b. 1 2 3 4 30")
        response.authority.append(soa)
        if not any(each.is_subdomain(name) for each in self.names):
            response.set_rcode(dns.rcode.NXDOMAIN)

    def udp(self, question: Message) -> Iterable[bytes]:
        """In a datagram, cut where it is too large."""
        size = question.payload or 512
        yield self.answer(question).to_wire(max_size=size, prefer_truncation=True)

    def tcp(self, question: Message) -> Iterable[bytes]:
        """Over TCP."""
        yield framed(self.answer(question).to_wire(max_size=65535))


def _lower(name: Name) -> Name:
    return Name([label.lower() for label in name.labels])


def wire(record: Record | CNAME) -> Rdata:
    """As dnspython has it."""
    if isinstance(record, TLSA):  # of any length
        octets = bytes([record.usage, record.selector, record.matching]) + record.data
        return GenericRdata(RdataClass.IN, dns.rdatatype.TLSA, octets)
    if isinstance(record, TXT):
        return dns.rdtypes.ANY.TXT.TXT(RdataClass.IN, dns.rdatatype.TXT, record.strings)
    return dns.rdata.from_text("IN", _kind(record), text(record))


def _kind(record: Record | CNAME) -> str:
    return type(record).__name__


def text(record: Record | CNAME) -> str:
    """As master files have it."""
    match record:
        case MX(preference, exchange):
            return f"{preference} {exchange.removesuffix('.')}."
        case PTR(name) | CNAME(name):
            return name.removesuffix(".") + "."
        case TLSA():
            return f"{record.usage} {record.selector} {record.matching} {record.data.hex()}"
        case TXT():
            return str(wire(record))
        case A(address):
            return address
    return record.address
