"""
Keys of rows: made by the process that inserts, ascending in time, never used twice.

Known before the INSERT, so that a batch needs no RETURNING and no sequence; ascending, so that
new rows meet at the right edge of their B-tree; not reused, so that a handle of a row that has
gone never names another one.

A process has a place among those on one folder, and so numbers that nobody else makes.  Whoever has
none trusts to chance: two that make 5,000 a second each meet about once a minute, and what meets is
refused for now.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable
from threading import Lock

from pymta.database.duty import Duty

__all__ = ["PLACES", "Numbers"]

# Microseconds at 2020-01-01, so that 51 bits of them reach to 2091.
_START = 1_577_836_800_000_000
_BITS = 12
# Asked for together: a call to the system for each number took 5 us of its 6.
_MANY = 128

PLACES = 16
# Of 256 us each place has 65,536 numbers that follow each other, and begins within the first half.
_TICKS = 8
_PLACE = 4
_OWN = _TICKS + _BITS - _PLACE


class Numbers:
    """
    63-bit integers: microseconds, and twelve bits against other processes: chance, or its place.

    :param now: microseconds since 1970.  When it steps back, numbers go on ascending.
    """

    __slots__ = ("_duty", "_last", "_lock", "_now", "_place", "_random")

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._last = 0
        self._lock = Lock()
        self._random = array("H")  # filled by the first take: processes fork before it
        self._place: int | None = None
        self._duty: Duty | None = None

    def settle(self, places: Iterable[Duty]) -> None:
        """
        Have the first of these places that is free; if none is, chance has to do.

        :raises OSError: a lock cannot be made.
        """
        for place, duty in enumerate(places):
            if duty.take():
                self._place, self._duty = place, duty
                return

    def leave(self) -> None:
        """Let somebody else have it.  Idempotent."""
        duty, self._place, self._duty = self._duty, None, None
        if duty is not None:
            duty.leave()

    def take(self, count: int = 1) -> int:
        """
        The first of ``count`` consecutive numbers, from any thread.

        More than 65,536 of them may meet another's.
        """
        now = self._now() - _START
        with self._lock:
            place = self._place
            first = self._next(now) if place is None else self._own(now, place, count)
            self._last = first + count - 1
        return first

    def _next(self, now: int) -> int:
        return max(self._last + 1, now << _BITS | self._chance() >> 16 - _BITS)

    def _own(self, now: int, place: int, count: int) -> int:
        ours = _ours(now >> _TICKS, place)
        if self._last >= ours:
            first = self._last + 1
            block = first >> _OWN + _PLACE
            ours = _ours(block, place)
            if ours <= first <= ours + (1 << _OWN) - count:
                return first
            if first > ours:
                ours = _ours(block + 1, place)
        # Not from the start of its own: whoever had the place before a restart, in the same moment
        # or one that a clock was set back to, has begun somewhere else.
        return ours + (self._chance() >> 1 if count <= 1 << _OWN - 1 else 0)

    def _chance(self) -> int:
        """Sixteen bits."""
        if not self._random:
            self._random = array("H", os.urandom(2 * _MANY))
        return self._random.pop()


def _ours(block: int, place: int) -> int:
    return (block << _PLACE | place) << _OWN
