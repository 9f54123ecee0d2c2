"""
Messages that a search reads, one after the other: as long as it goes on with the next one, more and
more of them are read ahead in one call.

A call into a thread costs more than reading a small file, the more so while the reactor is busy.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from pymta.mailbox import UID
from pymta.store.maildir.reading import Letter

__all__ = ["ReadAhead"]

_MOST = 32
"""Messages of a slice at most: two megabytes."""

Ask = Callable[[Sequence[UID]], Awaitable[dict[UID, Letter]]]


class ReadAhead:
    """
    Of one search.

    :param ask: letters of messages; those that are gone are not in it.
    """

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._page: Sequence[UID] = ()
        self._at = 0
        self._window = 1
        self._read: dict[UID, Letter] = {}

    def turn(self, page: Sequence[UID]) -> None:
        """What may be asked for from now on, in this order."""
        self._page, self._at = page, 0

    async def letter(self, uid: UID) -> Letter | None:
        """None if it is gone."""
        if uid not in self._read:
            try:
                at = self._page.index(uid, self._at)
            except ValueError:
                return None  # it was read ahead, and is gone
            self._window = min(_MOST, self._window * 2) if at == self._at else 1
            self._at = at + self._window
            self._read = await self._ask(self._page[at : self._at])
        return self._read.pop(uid, None)
