"""
One message there and one back, by UDP or TCP.

dnspython's own exchange measures its times by the wall clock, and gives a whole answer up for one
TLSA record whose length does not fit its type.  :rfc:`7672#section-2.2` wants to know of such
records: who has no others still has TLS.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any, TypeAlias

from dns.exception import DNSException, FormError, Timeout
from dns.flags import AA, TC
from dns.message import Message, Truncated, from_wire
from dns.name import from_wire as from_wire_name
from dns.rcode import Rcode
from dns.rdata import GenericRdata
from dns.rdataclass import RdataClass
from dns.rdatatype import RdataType

__all__ = ["Clock", "by_tcp", "by_udp"]

Clock: TypeAlias = Callable[[], float]

# More than any message has.
_SIZE = 65_535


async def by_udp(
    question: Message, server: tuple[str, int], backend: Any, *, seconds: float, now: Clock
) -> Message:
    """
    The first datagram that answers the question; whatever else comes is not looked at.

    :raises dns.message.Truncated: there is more of it by TCP.
    :raises dns.exception.FormError: it is a referral.
    :raises dns.exception.Timeout: none came.
    :raises OSError: nobody listens there.
    """
    ends = now() + seconds
    async with await backend.make_socket(
        _family(server), socket.SOCK_DGRAM, 0, None, server
    ) as datagrams:
        await datagrams.sendto(question.to_wire(), server, seconds)
        response = None
        while response is None:
            octets, _ = await datagrams.recvfrom(_SIZE, _left(ends, now))
            response = _read(octets, question)
    return _whole(response)


async def by_tcp(
    question: Message, server: tuple[str, int], backend: Any, *, seconds: float, now: Clock
) -> Message:
    """
    The answer, by a connection of its own.

    :raises dns.message.Truncated: it is not whole even here.
    :raises dns.exception.FormError: what came is no answer, or a referral.
    :raises dns.exception.Timeout: nothing came.
    :raises OSError, EOFError: no connection, or not for long enough.
    """
    ends = now() + seconds
    async with await backend.make_socket(
        _family(server), socket.SOCK_STREAM, 0, None, server, seconds
    ) as stream:
        await stream.sendall(question.to_wire(prepend_length=True), _left(ends, now))
        # RFC 1035 section 4.2.2: the length, in two octets, then the message.
        length = int.from_bytes(await _octets(stream, 2, _left(ends, now)))
        response = _read(await _octets(stream, length, _left(ends, now)), question)
    if response is None:
        raise FormError("no answer to the question")  # type: ignore[no-untyped-call]
    return _whole(response)


async def _octets(stream: Any, count: int, seconds: float) -> bytes:
    octets: bytes = await stream.recv(count, seconds)
    if len(octets) < count:
        raise EOFError("the connection was closed")
    return octets


def _read(octets: bytes, question: Message) -> Message | None:
    if octets[:2] != question.id.to_bytes(2):
        return None
    kind = question.question[0].rdtype
    try:
        message = from_wire(octets, continue_on_error=kind == RdataType.TLSA)
        if message.errors:
            _add_unreadable(message, octets)
    except (DNSException, struct.error, ValueError):
        return None
    # If nothing of what was asked for can be read, that must not look like nothing.
    unread = message.errors and not any(rrset.rdtype == kind for rrset in message.answer)
    return message if question.is_response(message) and not unread else None


def _add_unreadable(message: Message, octets: bytes) -> None:
    """All TLSA records of an answer, of which some were not read, as they are."""
    questions, answers = struct.unpack_from("!HH", octets, 4)
    at = 12
    for _ in range(questions):
        at += from_wire_name(octets, at)[1] + 4
    for _ in range(answers):
        owner, size = from_wire_name(octets, at)
        kind, of, ttl, length = struct.unpack_from("!HHIH", octets, at + size)
        data = octets[at + size + 10 :][:length]
        at += size + 10 + length
        # RFC 6698 section 2.1: three numbers, and data.
        if kind == RdataType.TLSA and of == RdataClass.IN and len(data) == length >= 3:
            rrset = message.find_rrset(message.answer, owner, of, kind, create=True)
            rrset.add(GenericRdata(of, kind, data), ttl)


def _whole(response: Message) -> Message:
    if response.flags & TC:
        raise Truncated(message=response)  # type: ignore[no-untyped-call]
    if _refers(response):
        raise FormError("no answer, but who might know")  # type: ignore[no-untyped-call]
    return response


def _refers(response: Message) -> bool:
    """
    Whether a server has sent us on (:rfc:`2308#section-2.2`), as those do that are no resolvers
    or none of ours: that is not the same as that there is nothing.
    """
    kinds = {rrset.rdtype for rrset in response.authority}
    said_nothing = response.rcode() == Rcode.NOERROR and not response.answer
    is_referral = RdataType.NS in kinds and RdataType.SOA not in kinds
    return said_nothing and is_referral and not response.flags & AA


def _left(ends: float, now: Clock) -> float:
    left = ends - now()
    if left <= 0:
        raise Timeout  # a server that sends what is no answer, again and again
    return left


def _family(server: tuple[str, int]) -> int:
    return socket.AF_INET6 if ip_address(server[0]).version == 6 else socket.AF_INET
