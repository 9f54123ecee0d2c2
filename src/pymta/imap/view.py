"""
One client's view of a mailbox: its numbers, what it was told, and what it may be told now.

Pure: changes go in as the store tells them, notices come out at the moments that the client can
bear.  An EXPUNGE moves all numbers behind it, so it waits while the client may be using numbers
(:rfc:`3501#section-7.4.1`); all else need not.  While one waits, HIGHESTMODSEQ stays below it
(:rfc:`7162#section-3.2`): a client that is cut off then asks again from there, and loses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pymta.imap.numbering import Numbering
from pymta.mailbox import UID, Changes, ModSeq, Snapshot, UIDSet

__all__ = [
    "SLICE",
    "Exist",
    "Expunge",
    "FlagsChanged",
    "Notice",
    "Recent",
    "SelectedView",
    "Vanish",
    "highest",
    "slices",
]

SLICE = 1000
"""The most UIDs that a store is asked about at once."""


@dataclass(frozen=True, slots=True)
class Expunge:
    """These numbers are gone, one after the other in this order."""

    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Vanish:
    """These UIDs are gone (:rfc:`7162#section-3.2.10.2`)."""

    uids: UIDSet


@dataclass(frozen=True, slots=True)
class Exist:
    """So many messages there are now."""

    count: int


@dataclass(frozen=True, slots=True)
class Recent:
    """So many of them are recent to this session (:rfc:`3501#section-7.3.2`)."""

    count: int


@dataclass(frozen=True, slots=True)
class FlagsChanged:
    """Flags of these messages are to be told, as they are when they are read."""

    uids: UIDSet


Notice: TypeAlias = Expunge | Vanish | Exist | Recent | FlagsChanged


class SelectedView:
    """
    A mailbox from SELECT to its end.

    :param snapshot: what the client is told by SELECT.
    :param recent: messages from this UID on are recent to this session; None where there is no
        such thing (:rfc:`9051#appendix-E`).
    """

    __slots__ = (
        "_arrived",
        "_cap",
        "_changed",
        "_numbering",
        "_recent",
        "_saved",
        "_vanished",
        "asked",
        "by_uid_only",
        "uid_validity",
        "vanishes",
    )

    def __init__(self, snapshot: Snapshot, recent: UID | None = None) -> None:
        self._numbering = Numbering(snapshot.uids)
        self._arrived = UIDSet()
        self._vanished = UIDSet()
        self._changed = UIDSet()
        self._saved: UIDSet | None = UIDSet()
        self._cap: ModSeq | None = None
        self._recent = recent
        self.asked: ModSeq = snapshot.modseq
        """Changes are known up to here; ask the store for those behind it."""
        self.uid_validity = snapshot.uid_validity
        self.vanishes = False
        """Whether VANISHED takes the place of EXPUNGE (QRESYNC, UIDONLY)."""
        self.by_uid_only = False
        """Whether there are no numbers any more (:rfc:`9586`)."""

    # -- what the client knows ----------------------------------------------------

    @property
    def count(self) -> int:
        """Messages that the client knows of, those included that are gone and not yet told."""
        return self._numbering.count

    @property
    def largest(self) -> int:
        """The largest UID that the client knows of; 0 without any."""
        return self._numbering.largest

    @property
    def uids(self) -> UIDSet:
        """All that the client knows of."""
        return self._numbering.uids()

    @property
    def recent(self) -> int:
        """How many of them are recent."""
        if self._recent is None:
            return 0
        return sum(b - a + 1 for a, b in self._numbering.between(self._recent, self.largest))

    @property
    def recent_uids(self) -> UIDSet:
        """Those that are recent."""
        return UIDSet() if self._recent is None else self.of_uids([(self._recent, self.largest)])

    @property
    def gone(self) -> UIDSet:
        """Those that are gone and the client was not told."""
        return self._vanished

    @property
    def highest(self) -> ModSeq:
        """What may be said as HIGHESTMODSEQ now."""
        return self.asked if self._cap is None else self._cap

    @property
    def holding(self) -> bool:
        """Whether an EXPUNGE waits."""
        return bool(self._vanished)

    @property
    def owes(self) -> bool:
        """Whether anything waits to be told."""
        return bool(self._arrived or self._vanished or self._changed)

    def is_recent(self, uid: UID) -> bool:
        """Whether ``\\Recent`` is told of it."""
        return self._recent is not None and uid >= self._recent

    def is_gone(self, uid: UID) -> bool:
        """Whether it is gone and the client was not told."""
        return uid in self._vanished

    def forget_recent(self) -> None:
        """There is no such thing any more: IMAP4rev2 was enabled."""
        self._recent = None

    # -- numbers ---------------------------------------------------------------------

    def number(self, uid: UID) -> int:
        """The number of a message that the client knows of; 0 for another."""
        return self._numbering.number(uid)

    def numbers(self, uids: Sequence[UID]) -> Sequence[int]:
        """Those of messages that the client knows of, ascending."""
        return self._numbering.numbers(uids)

    def uid(self, number: int) -> UID:
        """:raises IndexError: no message has the number."""
        return self._numbering.uid(number)

    def of_numbers(self, ranges: Sequence[tuple[int, int]]) -> UIDSet:
        """:param ranges: of numbers that exist.  :raises IndexError: one does not."""
        runs: list[tuple[int, int]] = []
        for first, last in ranges:
            if not 1 <= first <= last <= self.count:
                raise IndexError(last)
            runs += self._numbering.numbered(first, last)
        return UIDSet.of_ranges(runs)

    def of_uids(self, ranges: Sequence[tuple[int, int]]) -> UIDSet:
        """Those of these UIDs that the client knows of (:rfc:`3501#section-6.4.8`)."""
        runs: list[tuple[int, int]] = []
        for first, last in ranges:
            runs += self._numbering.between(first, last)
        return UIDSet.of_ranges(runs)

    # -- the saved result (RFC 5182) ----------------------------------------------------

    @property
    def saved(self) -> UIDSet:
        """What ``$`` stands for; messages that the client was told are gone are not in it."""
        return self._saved or UIDSet()

    def save(self, uids: UIDSet) -> None:
        """:rfc:`5182#section-2.1`"""
        self._saved = uids & self.uids

    # -- changes ---------------------------------------------------------------------------

    def apply(self, changes: Changes) -> None:
        """
        Take what the store told of the time behind :attr:`asked`.

        What is known already (an arrival, an expunge, told twice) is not told again.
        """
        known = self._numbering
        vanished = UIDSet.of_ranges(
            run for first, last in changes.vanished.ranges for run in known.between(first, last)
        )
        vanished = vanished - self._vanished
        if vanished and self._cap is None:
            self._cap = self.asked
        self._vanished = self._vanished | vanished
        new = UIDSet.of_ranges(
            (max(first, known.largest + 1), last)
            for first, last in changes.arrived.ranges
            if last > known.largest
        )
        if self._arrived or new:
            self._arrived = (self._arrived | new) - changes.vanished
        if changes.changed or self._changed:
            changed = UIDSet(uid for uid, _ in changes.changed if known.number(uid))
            self._changed = (self._changed | changed) - self._vanished
        self.asked = max(self.asked, changes.until)

    def tell(self, *, may_expunge: bool) -> Iterator[Notice]:
        """
        What the client is told now; with each notice it counts as told.

        :param may_expunge: the client can bear that numbers move.
        """
        if may_expunge and self._vanished:
            yield self._expunged()
        if self._arrived:
            arrived, self._arrived = self._arrived, UIDSet()
            self._numbering.add(arrived)
            yield Exist(self.count)
            if self._recent is not None:
                yield Recent(self.recent)
        if self._changed:
            changed, self._changed = self._changed, UIDSet()
            yield FlagsChanged(changed)

    def _expunged(self) -> Notice:
        vanished, self._vanished = self._vanished, UIDSet()
        self._cap = None
        numbers = self._numbering.remove(vanished)
        if self._saved:
            self._saved = self._saved - vanished
        # RFC 7162 section 3.2.10.2: once QRESYNC is enabled, VANISHED and never EXPUNGE
        return Vanish(vanished) if self.vanishes else Expunge(numbers)

    def told(self, uids: UIDSet) -> None:
        """The client has just been told the flags of these, as part of an answer."""
        if self._changed:
            self._changed = self._changed - uids

    def owe(self, uids: UIDSet) -> None:
        """The flags of these are to be told."""
        self._changed = self._changed | (uids - self._vanished)

    def take_changed(self, uids: UIDSet) -> UIDSet:
        """Those of ``uids`` whose flags would be told, which they now will not be."""
        taken = self._changed & uids
        self._changed = self._changed - uids
        return taken


def highest(uids: UIDSet, count: int) -> UIDSet:
    """So many of them, those with the highest UIDs; all, if there are fewer."""
    kept: list[tuple[int, int]] = []
    for first, last in reversed(uids.ranges):
        if count <= 0:
            break
        start = max(first, last - count + 1)
        kept.append((start, last))
        count -= last - start + 1
    return UIDSet.of_ranges(kept)


def slices(uids: UIDSet, size: int = SLICE) -> Iterator[UIDSet]:
    """The same UIDs, ascending, in sets of at most ``size``."""
    part: list[tuple[int, int]] = []
    room = size
    for run in uids.ranges:
        first, last = run[0], int(run[1])
        while first + room - 1 < last:
            yield UIDSet.of_ranges([*part, (first, first + room - 1)])
            first, part, room = UID(first + room), [], size
        part.append((first, last))
        room -= last - first + 1
        if not room:
            yield UIDSet.of_ranges(part)
            part, room = [], size
    if part:
        yield UIDSet.of_ranges(part)
