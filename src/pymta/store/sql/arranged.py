"""
Orders and threads that were found lately.

What messages are sorted and threaded by never changes, so an arrangement of the same UIDs is the
same for as long as they are there: nothing makes it stale.  Packed, four octets a number, and of
which UIDs it is eight a range.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from pymta.mailbox import UID, UIDSet
from pymta.search import ThreadNode

__all__ = ["ENTRY", "Arrangements", "Key", "key_of"]

MOST = 16 * 1024 * 1024
"""Octets, of all mailboxes together."""

ENTRY = 1024
"""Octets that each takes besides: an order of nothing is one, too."""

Key = tuple[int, bytes, Hashable]
"""Made by :func:`key_of`."""


def key_of(mailbox: int, uids: UIDSet, how: Hashable) -> Key:
    """:param how: they are arranged."""
    return mailbox, array("I", [end for pair in uids.ranges for end in pair]).tobytes(), how


class Arrangements:
    """The least recently asked for go first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Key, array[int]] = OrderedDict()
        self._size = 0

    def order(self, key: Key) -> list[UID] | None:
        """What :meth:`put_order` was given; None if it is not there any more."""
        kept = self._get(key)
        return None if kept is None else [UID(number) for number in kept]

    def put_order(self, key: Key, order: Sequence[UID]) -> None:
        """Remember it."""
        self._put(key, array("I", order))

    def threads(self, key: Key) -> list[ThreadNode] | None:
        """What :meth:`put_threads` was given."""
        kept = self._get(key)
        if kept is None:
            return None
        return [
            ThreadNode(depth, UID(uid) if uid else None)
            for depth, uid in zip(kept[::2], kept[1::2], strict=True)
        ]

    def put_threads(self, key: Key, nodes: Sequence[ThreadNode]) -> None:
        """Remember them."""
        self._put(key, array("I", [number for d, uid in nodes for number in (d, uid or 0)]))

    def _get(self, key: Key) -> array[int] | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _put(self, key: Key, packed: array[int]) -> None:
        before = self._kept.pop(key, None)
        self._size += _size(key, packed) - (0 if before is None else _size(key, before))
        self._kept[key] = packed
        while self._size > self._most:
            self._size -= _size(*self._kept.popitem(last=False))


def _size(key: Key, packed: array[int]) -> int:
    return ENTRY + len(key[1]) + len(packed) * packed.itemsize
