"""
A DNS that a test makes up: zones as a mapping, and faults on request.

Needs no reactor and no network; a slow answer waits on the clock that the test gives.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pymta.aio import sleep
from pymta.dns.names import canonical
from pymta.dns.records import most
from pymta.errors import Bogus, DNSUnavailable, NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, MX, PTR, TLSA, TXT, A, Answer, IDNSClient, Record

__all__ = ["CNAME", "FakeDNS", "Faults", "Records", "Zones"]

R = TypeVar("R", A, AAAA, MX, PTR, TXT, TLSA)

# As long a chain as a resolver follows.
_MAX_CNAMES = 16


@dataclass(frozen=True, slots=True)
class CNAME:
    """This name is another's alias; it has no other records."""

    target: str


Records: TypeAlias = Sequence[Record | CNAME]
"""Of one name; empty for a name that exists and has none."""

Zones: TypeAlias = Mapping[str, Records | Mapping[str, Records]]
"""
Names and their records; or zones, and in each the names below it, ``""`` for the zone itself::

    {"example.test": {"": [MX(10, "mx.example.test")], "mx": [A("192.0.2.1")]}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Faults:
    """
    Names that give trouble, for all kinds of records.

    :param unavailable: nobody knows now.
    :param bogus: DNSSEC validation fails.
    :param silent: no answer ever comes; cancelling ends the wait.
    :param slow: seconds until the answer comes, by the fake's clock.
    """

    unavailable: Collection[str] = ()
    bogus: Collection[str] = ()
    silent: Collection[str] = ()
    slow: Mapping[str, float] | None = None


@implementer(IDNSClient)
class FakeDNS:
    """
    Answers from a mapping; nothing is kept, so a changed zone is seen at once.

    :param zones: names in any case, with or without a trailing dot.
    :param authentic: names whose answers DNSSEC proves.
    :param clock: for answers that are slow.

    :ivar asked: what was looked up, in order: names as they were given.
    :ivar faults: to be replaced at any time.
    """

    def __init__(
        self,
        zones: Zones,
        faults: Faults | None = None,
        *,
        authentic: Collection[str] = (),
        ttl: int = 300,
        clock: IReactorTime | None = None,
    ) -> None:
        self.asked: list[tuple[str, type[Record]]] = []
        self.faults = faults or Faults()
        self._authentic = {canonical(name) for name in authentic}
        self._ttl = ttl
        self._clock = clock
        self._names: dict[str, Records] = {}
        self.change(zones)

    def change(self, zones: Zones) -> None:
        """Give these names these records, in place of what they had."""
        self._names.update((canonical(name), records) for name, records in _flat(zones))

    def remove(self, *names: str) -> None:
        """These names do not exist any more."""
        for name in names:
            del self._names[canonical(name)]

    async def lookup(self, name: str, kind: type[R]) -> Answer[R]:
        self.asked.append((name, kind))
        name = canonical(name)
        end = await self._end(name)
        if not self._exists(end):
            raise NoSuchName(f"{name} {kind.__name__}")
        records = [record for record in self._names.get(end, ()) if isinstance(record, kind)]
        if not records:
            raise NoRecords(f"{name} {kind.__name__}")
        return Answer(
            records=most([_written(record) for record in records]),
            canonical=end,
            ttl=self._ttl,
            authentic=name in self._authentic,
        )

    async def _suffer(self, name: str) -> None:
        faults = self.faults
        if name in map(canonical, faults.silent):
            await Deferred()
        slow = {canonical(each): seconds for each, seconds in (faults.slow or {}).items()}
        if name in slow:
            assert self._clock is not None, "slow answers need a clock"
            await sleep(self._clock, slow[name])
        if name in map(canonical, faults.unavailable):
            raise DNSUnavailable(name)
        if name in map(canonical, faults.bogus):
            raise Bogus(name)

    async def _end(self, name: str) -> str:
        for _ in range(_MAX_CNAMES):
            await self._suffer(name)
            aliases = [each for each in self._names.get(name, ()) if isinstance(each, CNAME)]
            if not aliases:
                return name
            name = canonical(aliases[0].target)
        raise DNSUnavailable(f"{name}: CNAMEs without an end")

    def _exists(self, name: str) -> bool:
        # RFC 8020: a name with something below it exists.
        return name in self._names or any(each.endswith("." + name) for each in self._names)


def _flat(zones: Zones) -> Iterator[tuple[str, Records]]:
    for name, value in zones.items():
        if isinstance(value, Mapping):
            for label, records in value.items():
                yield (f"{label}.{name}" if label else name), records
        else:
            yield name, value


def _written(record: R) -> R:
    match record:
        case MX(preference, exchange):
            return MX(preference, _name(exchange))
        case PTR(name):
            return PTR(_name(name))
    return record


def _name(text: str) -> str:
    return text.removesuffix(".").lower()
