"""
Orders and threads that were found lately.

What messages are sorted and threaded by never changes, so an arrangement of the same UIDs is the
same for as long as they are there: nothing makes it stale.  Packed, four octets a number.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Hashable, Sequence

from pymta.mailbox import UID
from pymta.search import ThreadNode

__all__ = ["Arrangements"]

MOST = 2_000_000
"""Numbers, of all mailboxes together: 8 MiB."""


class Arrangements:
    """The least recently asked for go first."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, array[int]] = OrderedDict()
        self._size = 0

    def order(self, key: Hashable) -> list[UID] | None:
        """What :meth:`put_order` was given; None if it is not there any more."""
        kept = self._get(key)
        return None if kept is None else [UID(number) for number in kept]

    def put_order(self, key: Hashable, order: Sequence[UID]) -> None:
        """Remember it."""
        self._put(key, array("I", order))

    def threads(self, key: Hashable) -> list[ThreadNode] | None:
        """What :meth:`put_threads` was given."""
        kept = self._get(key)
        if kept is None:
            return None
        return [
            ThreadNode(depth, UID(uid) if uid else None)
            for depth, uid in zip(kept[::2], kept[1::2], strict=True)
        ]

    def put_threads(self, key: Hashable, nodes: Sequence[ThreadNode]) -> None:
        """Remember them."""
        self._put(key, array("I", [number for d, uid in nodes for number in (d, uid or 0)]))

    def _get(self, key: Hashable) -> array[int] | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _put(self, key: Hashable, packed: array[int]) -> None:
        before = self._kept.pop(key, None)
        self._size += len(packed) - (0 if before is None else len(before))
        self._kept[key] = packed
        while self._size > self._most:
            self._size -= len(self._kept.popitem(last=False)[1])
