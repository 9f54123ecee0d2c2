"""
What the DNS said, kept for as long as it said, within bounds.

Also what it does not have (:rfc:`2308`): that a name does not exist, which goes for all kinds of
records (section 5), and that it has none of a kind.  That nobody knew is not kept.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, fields, replace
from typing import Any, TypeAlias, TypeVar

from twisted.internet.interfaces import IReactorTime

from pymta.errors import NoRecords, NoSuchName
from pymta.interfaces.dns import AAAA, MX, PTR, TLSA, TXT, A, Answer, Record

__all__ = ["Cache", "Lifetimes", "Missing"]

R = TypeVar("R", A, AAAA, MX, PTR, TXT, TLSA)


@dataclass(frozen=True, slots=True)
class Missing:
    """There are no such records, or there is no such name.  :param ttl: seconds."""

    why: type[NoSuchName | NoRecords]
    ttl: int


Known: TypeAlias = Answer[Any] | Missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """
    Seconds for which answers are kept, whatever they say themselves.

    :param shortest: also for a TTL of 0: mail does not need to know better, and many messages
        to one domain would ask for each.
    :param negative: the longest for what is missing; :rfc:`2308#section-5` finds one to three
        hours to work well.
    """

    shortest: int = 5
    longest: int = 86_400
    negative: int = 3_600

    def of(self, known: Known) -> Known:
        """The same, with a TTL within bounds."""
        longest = self.negative if isinstance(known, Missing) else self.longest
        return replace(known, ttl=min(max(known.ttl, self.shortest), longest))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    known: Known
    since: float
    size: int


class Cache:
    """
    Answers by name and kind; those that nobody asked for longest make room.

    :param size: octets, estimated, of all of them.
    """

    def __init__(
        self, clock: IReactorTime, lifetimes: Lifetimes | None = None, *, size: int = 8 << 20
    ) -> None:
        self._clock = clock
        self._lifetimes = lifetimes or Lifetimes()
        self._room = size
        self._entries: OrderedDict[tuple[str, object], _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, name: str, kind: type[Record]) -> Known | None:
        """What is known, with the seconds that are left of its TTL."""
        return self._find((name, kind)) or self._find((name, NoSuchName))

    def keep(self, name: str, kind: type[Record], known: Known) -> Known:
        """Keep it, and give it with the TTL for which it is kept."""
        known = self._lifetimes.of(known)
        whole_name = isinstance(known, Missing) and known.why is NoSuchName
        key = (name, NoSuchName if whole_name else kind)
        self._remove(key)
        entry = _Entry(known=known, since=self._clock.seconds(), size=_size(name, known))
        self._entries[key] = entry
        self._room -= entry.size
        while self._room < 0:
            self._remove(next(iter(self._entries)))
        return known

    def _find(self, key: tuple[str, object]) -> Known | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        age = self._clock.seconds() - entry.since
        # A clock that was set back must not keep anything for ever.
        if not 0 <= age < entry.known.ttl:
            self._remove(key)
            return None
        self._entries.move_to_end(key)
        return replace(entry.known, ttl=int(entry.known.ttl - age))

    def _remove(self, key: tuple[str, object]) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._room += entry.size


def _size(name: str, known: Known) -> int:
    records = () if isinstance(known, Missing) else known.records
    # An entry and its objects take about 600 octets, a record about 150 and its values.
    return 600 + len(name) + sum(150 + _octets(record) for record in records)


def _octets(record: Record) -> int:
    values = [getattr(record, each.name) for each in fields(record)]
    if isinstance(record, TXT):
        return sum(40 + len(string) for string in record.strings)
    return sum(len(value) for value in values if isinstance(value, str | bytes))
