"""
Sets of message numbers as a client writes them: ``2,4:7,9,12:*`` (:rfc:`3501#section-9`).

``*`` is the largest number in use, which only a view knows: :meth:`SeqSet.within` asks for it.
The same value holds sequence numbers and UIDs; the command says which.  ``$`` is the set that a
search has saved (:rfc:`5182#section-2.1`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeAlias

from pymta.mailbox import UIDSet

__all__ = ["HIGHEST", "SAVED", "STAR", "Numbers", "Saved", "SeqSet"]

#: nz-number: what fits into 32 bits (RFC 3501 section 9).
HIGHEST: Final = 2**32 - 1

#: Stands for ``*`` in the ranges of a :class:`SeqSet`: above every number.
STAR: Final = 2**32

_RANGE: Final = re.compile(rb"(\*|[1-9][0-9]{0,9})(?::(\*|[1-9][0-9]{0,9}))?")


class Saved(Enum):
    """The type of :data:`SAVED`."""

    SAVED = "$"

    def __str__(self) -> str:
        return self.value


SAVED: Final = Saved.SAVED


@dataclass(frozen=True, slots=True)
class SeqSet:
    """
    :param ranges: pairs of first and last, in the order written; :data:`STAR` is ``*``.
        ``7:2`` and ``2:7`` are the same range (:rfc:`3501#section-9`): first is the smaller.
    """

    ranges: tuple[tuple[int, int], ...]

    @classmethod
    def parse(cls, octets: bytes) -> SeqSet:
        """
        Read what a client wrote, in time linear to its length.

        :raises ValueError: it is no set, or a number is larger than 32 bits.
        """
        return cls(tuple(map(_range, octets.split(b","))))

    @classmethod
    def of(cls, numbers: Iterable[int]) -> SeqSet:
        """From single numbers, joined into ranges, ascending."""
        return cls(UIDSet(numbers).ranges)

    def within(self, largest: int) -> tuple[tuple[int, int], ...]:
        """
        The ranges with ``*`` as ``largest``, ascending, joined, without what lies above it.

        ``9:*`` contains the largest number even if that is below 9 (:rfc:`3501#section-6.4.8`);
        nothing is in any set where there is no message (``largest`` 0).
        """
        if largest < 1:
            return ()
        clipped = tuple(self._clipped(largest))
        return clipped if len(clipped) < 2 else UIDSet.of_ranges(clipped).ranges

    def exceeds(self, largest: int) -> bool:
        """
        Whether a number was written that is larger; ``*`` is where there is no message at all
        (:rfc:`9051#section-9`, seq-number).
        """
        return not largest or any(largest < end < STAR for pair in self.ranges for end in pair)

    def _clipped(self, largest: int) -> Iterator[tuple[int, int]]:
        for first, last in self.ranges:
            if last == STAR:
                yield min(first, largest), largest
            elif first <= largest:
                yield first, min(last, largest)

    def __str__(self) -> str:
        return ",".join(
            _text(first) if first == last else f"{_text(first)}:{_text(last)}"
            for first, last in self.ranges
        )


Numbers: TypeAlias = SeqSet | Saved
"""What a command names messages by."""


def _range(octets: bytes) -> tuple[int, int]:
    match = _RANGE.fullmatch(octets)
    if match is None:
        raise ValueError("no set of numbers")
    first = _number(match[1])
    last = first if match[2] is None else _number(match[2])
    return (first, last) if first <= last else (last, first)


def _number(octets: bytes) -> int:
    if octets == b"*":
        return STAR
    number = int(octets)
    if number > HIGHEST:
        raise ValueError("a number above 4294967295")
    return number


def _text(number: int) -> str:
    return "*" if number == STAR else str(number)
