"""
One question, asked of the resolvers until one of them answers or the time is up.

Servers, retries, TCP behind a truncated answer, ids and the check of what comes back are
dnspython's.  Ours: what is sent along (:rfc:`6891`, the AD bit of :rfc:`6840#section-5.7`), whom
to believe about DNSSEC, and what a failure means.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dns.asyncresolver
from dns import edns, flags
from dns.exception import DNSException
from dns.message import ChainingResult, Message, QueryMessage
from dns.rcode import Rcode
from dns.rdatatype import RdataType
from dns.resolver import NXDOMAIN, NoNameservers

from pymta.aio import CancelledError
from pymta.dns.backend import Cancelled, ReactorBackend
from pymta.dns.names import from_text
from pymta.dns.servers import Server, available
from pymta.edge.peers import Peers
from pymta.errors import Bogus, DNSUnavailable

__all__ = ["Asker", "Response"]

# What fits, with its headers, into the 1,280 octets that any IPv6 network carries: no fragments,
# which get lost and can be forged.
_PAYLOAD = 1232
# RFC 8914 sections 4.7 to 4.13: bogus, signatures expired or not yet valid, keys, signatures,
# bits or denials that are missing.
_BOGUS = range(6, 13)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """
    What a resolver said.

    :param exists: whether the name at the end of the CNAMEs does.
    :param conclusive: whether it said all: a resolver that does not follow CNAMEs leaves off.
    """

    chain: ChainingResult
    exists: bool
    conclusive: bool
    authentic: bool


class Asker:
    """
    :param timeout: seconds for which one server is waited for, each time.
    :param lifetime: seconds for all of it; soft, as dnspython's times are.
    :param trusted: resolvers that are believed about DNSSEC, and asked for it.
    """

    def __init__(
        self,
        backend: ReactorBackend,
        servers: Sequence[Server],
        *,
        timeout: float,
        lifetime: float,
        trusted: Peers,
    ) -> None:
        self._backend = backend
        self._servers = servers
        self._timeout = timeout
        self._lifetime = lifetime
        self._trusted = trusted
        self._validating = any(server.address in trusted for server in servers)

    async def ask(self, name: str, kind: RdataType) -> Response:
        """
        :param name: a canonical one.
        :raises pymta.errors.DNSUnavailable: no server answered.
        :raises pymta.errors.Bogus: it did not pass DNSSEC validation.
        """
        try:
            return await self._ask(self._resolver(), name, kind)
        except NoNameservers as error:
            failed = error
        responses = [each[4] for each in failed.kwargs["errors"] if each[4] is not None]
        codes = {response.rcode() for response in responses}
        if codes & {Rcode.FORMERR, Rcode.NOTIMP}:
            return await self._ask_plainly(name, kind)
        if any(map(_says_bogus, responses)) or (
            Rcode.SERVFAIL in codes and await self._is_there_unchecked(name, kind)
        ):
            raise Bogus(f"{name}: {failed}")
        raise DNSUnavailable(f"{name}: {failed}")

    async def _ask_plainly(self, name: str, kind: RdataType) -> Response:
        # RFC 6891 section 6.2.2: a server that does not know EDNS may know the rest.
        try:
            return await self._ask(self._resolver(with_edns=False), name, kind)
        except NoNameservers as error:
            raise DNSUnavailable(f"{name}: {error}") from None

    async def _is_there_unchecked(self, name: str, kind: RdataType) -> bool:
        # RFC 4035 section 3.2.2: with CD set, a validating resolver gives what it would not
        # believe itself.  Most of them say nothing else of why they failed.
        if not self._validating:
            return False
        try:
            await self._ask(self._resolver(flags.CD), name, kind)
        except (NoNameservers, DNSUnavailable):
            return False
        return True

    def _resolver(self, more: int = 0, *, with_edns: bool = True) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=False)
        resolver.nameservers = list(available(self._servers))
        resolver.timeout = self._timeout
        resolver.lifetime = self._lifetime
        wanted = flags.RD | (flags.AD if self._validating else 0) | more
        resolver.set_flags(wanted)
        if with_edns:
            resolver.use_edns(0, flags.DO if self._validating else 0, _PAYLOAD)
        return resolver

    async def _ask(
        self, resolver: dns.asyncresolver.Resolver, name: str, kind: RdataType
    ) -> Response:
        try:
            answer = await resolver.resolve(
                from_text(name), kind, raise_on_no_answer=False, search=False, backend=self._backend
            )
        except Cancelled:
            raise CancelledError from None
        except NoNameservers:
            raise
        except NXDOMAIN as error:
            return _response(error.kwargs["responses"][from_text(name)], trusted=False)
        except DNSException as error:
            raise DNSUnavailable(f"{name}: {error}") from None
        return _response(answer.response, trusted=answer.nameserver in self._trusted)


def _response(message: Any, *, trusted: bool) -> Response:
    assert isinstance(message, QueryMessage)
    chain = message.resolve_chaining()
    exists = message.rcode() != Rcode.NXDOMAIN
    # RFC 2308 section 2: who knows that there is nothing shows the SOA record of the zone.
    denied = any(rrset.rdtype == RdataType.SOA for rrset in message.authority)
    return Response(
        chain=chain,
        exists=exists,
        conclusive=chain.answer is not None or not exists or denied or not chain.cnames,
        authentic=trusted and bool(message.flags & flags.AD),
    )


def _says_bogus(message: Message) -> bool:
    return any(code in _BOGUS for code in _extended(message.options))


def _extended(options: Iterable[edns.Option]) -> list[int]:
    return [option.code for option in options if isinstance(option, edns.EDEOption)]
