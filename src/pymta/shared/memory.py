"""
Shared state in this process's memory.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import count

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from pymta.interfaces.shared import ISharedState
from pymta.shared._checks import check_key, check_step, check_ttl, check_value, counted

__all__ = ["MemorySharedState"]


@dataclass(slots=True)
class _Entry:
    value: bytes
    expires: float


@implementer(ISharedState)
class MemorySharedState:
    """
    Gone with the process.

    :param clock: by which keys end; no timer is set.
    :param limit: keys kept; at 100,000 of the usual size some 30 MiB.  What is expired makes
        room first, then the oldest.
    """

    def __init__(self, clock: IReactorTime, *, limit: int = 100_000) -> None:
        self._clock = clock
        self._limit = limit
        self._entries: dict[str, _Entry] = {}  # the oldest first
        # When each ends, with those that were removed meanwhile; the number keeps ties apart.
        self._ends: list[tuple[float, int, str, _Entry]] = []
        self._numbers = count()

    def __len__(self) -> int:
        """How many keys are kept, with those that nobody has noticed to be expired."""
        return len(self._entries)

    async def add(self, key: str, value: bytes, ttl: float) -> bytes | None:
        """See :class:`~pymta.interfaces.shared.ISharedState`."""
        check_key(key)
        check_value(value)
        check_ttl(ttl)
        there = self._living(key)
        if there is not None:
            return there.value
        self._put(key, value, ttl)
        return None

    async def get(self, key: str) -> bytes | None:
        """See :class:`~pymta.interfaces.shared.ISharedState`."""
        check_key(key)
        there = self._living(key)
        return None if there is None else there.value

    async def count(self, key: str, ttl: float, by: int = 1) -> int:
        """See :class:`~pymta.interfaces.shared.ISharedState`."""
        check_key(key)
        check_ttl(ttl)
        check_step(by)
        there = self._living(key)
        if there is None:
            self._put(key, b"%d" % by, ttl)
            return by
        there.value = counted(there.value, by)
        return int(there.value)

    async def remove(self, key: str) -> None:
        """See :class:`~pymta.interfaces.shared.ISharedState`."""
        check_key(key)
        self._entries.pop(key, None)
        self._forget_removed()

    def _living(self, key: str) -> _Entry | None:
        entry = self._entries.get(key)
        if entry is None or entry.expires > self._clock.seconds():
            return entry
        del self._entries[key]
        return None

    def _put(self, key: str, value: bytes, ttl: float) -> None:
        self._make_room()
        entry = _Entry(value, self._clock.seconds() + ttl)
        self._entries[key] = entry
        heapq.heappush(self._ends, (entry.expires, next(self._numbers), key, entry))

    def _make_room(self) -> None:
        now = self._clock.seconds()
        while self._ends and self._ends[0][0] <= now:
            _, _, key, entry = heapq.heappop(self._ends)
            if self._entries.get(key) is entry:
                del self._entries[key]
        while len(self._entries) >= self._limit:
            del self._entries[next(iter(self._entries))]
        self._forget_removed()

    def _forget_removed(self) -> None:
        # Keys that come and go before their end must not pile up here.
        if len(self._ends) > 2 * len(self._entries) + 1000:
            self._ends = [end for end in self._ends if self._entries.get(end[2]) is end[3]]
            heapq.heapify(self._ends)
