"""
Sequence numbers: which UID a client calls by which number (:rfc:`3501#section-2.3.1.2`).

Kept as runs of consecutive UIDs in two packed arrays, eight octets a run: a mailbox of a million
messages from which nothing was removed is one run, and the worst one of 10,000 takes 80 KiB.
Numbers and UIDs are found by bisection.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from pymta.mailbox import UID, UIDSet

__all__ = ["Numbering"]

FEW = 8
"""Runs that are cut out one by one; for more, all is numbered anew."""


class Numbering:
    """
    The messages of one client, in the order of their UIDs, numbered from 1.

    :param uids: those it is told of at the beginning.
    """

    __slots__ = ("_firsts", "_numbers", "count")

    def __init__(self, uids: UIDSet) -> None:
        self.count = 0
        self._fill(uids)

    def _fill(self, uids: UIDSet) -> None:
        self._firsts = array("I")
        """The first UID of each run."""
        self._numbers = array("I")
        """Its sequence number."""
        self.count = 0
        self._extend(uids.ranges)

    def _extend(self, ranges: Sequence[tuple[int, int]]) -> None:
        for first, last in ranges:
            if not (self.count and first == self._last() + 1):
                self._firsts.append(first)
                self._numbers.append(self.count + 1)
            self.count += last - first + 1

    def _last(self) -> int:
        return self._firsts[-1] + self.count - self._numbers[-1]

    @property
    def largest(self) -> int:
        """The largest UID, 0 without any: what ``*`` is (:rfc:`3501#section-6.4.8`)."""
        return self._last() if self.count else 0

    # -- asking ----------------------------------------------------------------

    def number(self, uid: int) -> int:
        """The number of a UID; 0 for one that has none."""
        at = bisect_right(self._firsts, uid) - 1
        if at < 0:
            return 0
        number = self._numbers[at] + uid - self._firsts[at]
        return number if number < self._end(at) else 0

    def uid(self, number: int) -> UID:
        """:raises IndexError: no message has the number."""
        if not 1 <= number <= self.count:
            raise IndexError(number)
        at = bisect_right(self._numbers, number) - 1
        return UID(self._firsts[at] + number - self._numbers[at])

    def numbers(self, uids: Sequence[UID]) -> Sequence[int]:
        """The numbers of UIDs that have one, ascending."""
        if not uids:
            return ()
        first, last = self.number(uids[0]), self.number(uids[-1])
        if last - first + 1 == len(uids):
            # Nothing lies between them: the usual case, without a search for each.
            return range(first, last + 1)
        return [self.number(uid) for uid in uids]

    def uids(self) -> UIDSet:
        """All of them."""
        return UIDSet.of_ranges(self.between(1, self.largest))

    def between(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Runs of UIDs that have a number, from the UID ``first`` to the UID ``last``."""
        at = max(bisect_right(self._firsts, first) - 1, 0)
        while at < len(self._firsts) and self._firsts[at] <= last:
            start = self._firsts[at]
            stop = start + self._end(at) - self._numbers[at] - 1
            if stop >= first:
                yield max(start, first), min(stop, last)
            at += 1

    def numbered(self, first: int, last: int) -> Iterator[tuple[int, int]]:
        """Runs of UIDs with the numbers from ``first`` to ``last``, which exist."""
        at = bisect_right(self._numbers, first) - 1
        while at < len(self._firsts) and self._numbers[at] <= last:
            offset = self._firsts[at] - self._numbers[at]
            start, stop = max(self._numbers[at], first), min(self._end(at) - 1, last)
            yield start + offset, stop + offset
            at += 1

    def _end(self, at: int) -> int:
        """The number behind the last one of a run."""
        return self._numbers[at + 1] if at + 1 < len(self._numbers) else self.count + 1

    # -- changing --------------------------------------------------------------

    def add(self, uids: UIDSet) -> None:
        """
        Number more messages, at the end.

        :raises ValueError: one is not behind all the others (:rfc:`3501#section-2.3.1.1`).
        """
        if uids and uids.ranges[0][0] <= self.largest:
            raise ValueError(f"UID {uids.ranges[0][0]} behind {self.largest}")
        self._extend(uids.ranges)

    def remove(self, uids: UIDSet) -> array[int]:
        """
        Forget messages that have a number; those behind move up.

        :returns: the numbers they had, descending: told in this order, each is right when it is
            read (:rfc:`3501#section-7.4.1`).
        """
        gone = array("I")
        for first, last in reversed(uids.ranges):
            number = self.number(first)
            gone.extend(range(number + last - first, number - 1, -1))
        if len(uids.ranges) > FEW:
            self._fill(self.uids() - uids)
        else:
            for first, last in uids.ranges:
                self._cut(first, last)
        return gone

    def _cut(self, first: int, last: int) -> None:
        """Take UIDs out of the run they are in."""
        at = bisect_right(self._firsts, first) - 1
        start, number, end = self._firsts[at], self._numbers[at], self._end(at)
        count = last - first + 1
        firsts, numbers = array("I"), array("I")
        if start < first:
            firsts.append(start)
            numbers.append(number)
        if last < start + end - number - 1:
            firsts.append(last + 1)
            numbers.append(number + first - start)
        self._firsts[at : at + 1] = firsts
        self._numbers[at:] = numbers + array("I", [n - count for n in self._numbers[at + 1 :]])
        self.count -= count
