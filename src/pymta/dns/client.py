"""
The provider of :class:`~pymta.interfaces.dns.IDNSClient` for servers.

Equal questions in flight are one; answers are kept (:mod:`pymta.dns.cache`); a question has an
end whatever the resolvers do.  At most :data:`MAX_CNAMES` aliases are followed where a resolver
does not do so itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias, TypeVar, cast

from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pymta.aio import CancelledError, Shared, TimeLimit, start, timeout
from pymta.dns.backend import ReactorBackend
from pymta.dns.cache import Cache, Known, Missing
from pymta.dns.localhost import is_localhost, localhost
from pymta.dns.names import canonical, to_text
from pymta.dns.question import Asker
from pymta.dns.records import KINDS, own
from pymta.dns.servers import Server, at, resolv_conf
from pymta.edge.peers import LOOPBACK, Peers
from pymta.errors import DNSUnavailable, NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, MX, PTR, TLSA, TXT, A, Answer, IDNSClient, Record

__all__ = ["MAX_CNAMES", "DNSClient"]

MAX_CNAMES = 8
"""Aliases that are followed from one answer to the next; each answer may have 15 itself."""

R = TypeVar("R", A, AAAA, MX, PTR, TXT, TLSA)
_Key: TypeAlias = tuple[str, type[Record]]


@implementer(IDNSClient)
class DNSClient:
    """
    Asks resolvers; opens nothing before the first question.

    :param reactor: provides ``IReactorTime``, ``IReactorTCP`` and ``IReactorFDSet``.
    :param servers: ``192.0.2.1``, ``192.0.2.1:53``, ``2001:db8::1`` or ``[2001:db8::1]:53``; in
        the order in which they are asked, but for one that gave no answer in the last 30 s.
        Without, those of ``/etc/resolv.conf`` as it is at the first question.
    :param timeout: seconds for which one server is waited for, each time.
    :param lifetime: seconds that a look-up may take in all.
    :param cache: one of your own, for other times and another size.
    :param trusted: resolvers that are believed about DNSSEC: those that validate, over a path
        that nobody else writes to.
    :param limit: questions that are asked at one time, each with a socket of its own; others
        wait for their turn.
    :raises ValueError: for a server that is no address.
    """

    def __init__(
        self,
        reactor: object,
        servers: Sequence[str] | None = None,
        *,
        timeout: float = 5.0,
        lifetime: float = 20.0,
        cache: Cache | None = None,
        trusted: Peers = LOOPBACK,
        limit: int = 200,
        resolv_conf: str = "/etc/resolv.conf",
    ) -> None:
        self._clock = IReactorTime(reactor)
        self._servers = None if servers is None else [at(server) for server in servers]
        self._resolv_conf = resolv_conf
        self._make_asker = partial(
            Asker, ReactorBackend(reactor), timeout=timeout, lifetime=lifetime, trusted=trusted
        )
        self._asker: Asker | None = None
        self._lifetime = lifetime
        # An empty cache is false.
        self._cache = Cache(self._clock) if cache is None else cache
        self._under_way: dict[_Key, Shared[Known]] = {}
        self._running: set[Deferred[Known]] = set()
        self._turns = DeferredSemaphore(limit)

    async def lookup(self, name: str, kind: type[R]) -> Answer[R]:
        key = (canonical(name), kind)
        if is_localhost(key[0]):
            return localhost(*key)
        known = self._cache.find(*key)
        if known is None:
            known = await self._shared(key).wait()
        if isinstance(known, Missing):
            raise known.why(f"{name} {kind.__name__}")
        return cast("Answer[R]", known)

    async def stop(self) -> None:
        """End all questions; whoever waits is told that nobody knows now."""
        for asking in list(self._running):
            asking.cancel()

    def _shared(self, key: _Key) -> Shared[Known]:
        under_way = self._under_way.get(key)
        if under_way is not None:
            return under_way
        running = start(self._look_up(key))
        self._running.add(running)
        shared = self._under_way[key] = Shared(running)
        shared.tell(partial(self._ended, key, running))
        return shared

    def _ended(self, key: _Key, running: Deferred[Known]) -> None:
        self._running.discard(running)
        self._under_way.pop(key, None)

    async def _look_up(self, key: _Key) -> Known:
        try:
            # Times of dnspython's are soft: a name with several answers has several of them.
            known = await timeout(self._clock, self._lifetime, self._in_turn(key))
        except TimeLimit:
            raise DNSUnavailable(f"{key[0]}: no answer in {self._lifetime:g} s") from None
        except CancelledError:  # by stop() alone: waiters cannot
            raise DNSUnavailable(f"{key[0]}: nobody asks any more") from None
        return self._cache.keep(*key, known)

    async def _in_turn(self, key: _Key) -> Known:
        await self._turns.acquire()
        try:
            return await self._follow(*key)
        finally:
            self._turns.release()

    async def _follow(self, name: str, kind: type[Record]) -> Known:
        seen = {name}
        ttls = []
        authentic = True
        while len(seen) <= MAX_CNAMES:
            response = await self._asked().ask(name, KINDS[kind])
            ttls.append(response.chain.minimum_ttl)
            authentic = authentic and response.authentic
            end = to_text(response.chain.canonical_name)
            if response.chain.answer is not None:
                return Answer(
                    records=own(kind, response.chain.answer),
                    canonical=end,
                    ttl=min(ttls),
                    authentic=authentic,
                )
            if response.conclusive:
                return Missing(NoRecords if response.exists else NoSuchName, min(ttls))
            if end in seen:
                break
            seen.add(end)
            name = canonical(end)
        raise DNSUnavailable(f"{name}: CNAMEs without an end")

    def _asked(self) -> Asker:
        if self._asker is None:
            where = self._servers
            if where is None:
                where = [at(server) for server in resolv_conf(_text_of(self._resolv_conf))]
            now: Callable[[], float] = self._clock.seconds
            self._asker = self._make_asker([Server(*each, now) for each in where])
        return self._asker


def _text_of(file: str) -> str:
    try:
        return Path(file).read_text("utf-8", "replace")
    except OSError:
        return ""
