"""
Queue ids: fifteen letters and digits that sort by the time they were made at.

Eleven digits of base 32 count microseconds, so that a sorted list is in the order of arrival;
four more are random, so that two processes on one store do not meet.  No letter looks like a
digit (no I, L, O, U), and there is one case only: an id survives the telephone and file systems.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from pymta.envelope import RecipientID
from pymta.interfaces.content import QueueID

__all__ = ["QueueIDs", "derived_id"]

_DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(high + low for high in _DIGITS for low in _DIGITS)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# 55 bits of microseconds last until the year 3111.
_TIME = 11
_RANDOM = 4
_DERIVED = 12


class QueueIDs:
    """
    Makes ids; call it.

    Ids of one maker ascend strictly, also where its clock stands still or is set back.

    :param now: aware wall time.
    :param below: a random number below its argument, ``secrets.randbelow`` for instance.
    """

    def __init__(self, now: Callable[[], datetime], below: Callable[[int], int]) -> None:
        self._now = now
        self._below = below
        self._last = 0

    def __call__(self) -> QueueID:
        time = (self._now() - _EPOCH) // timedelta(microseconds=1)
        self._last = max(time, self._last + 1)
        number = self._last * 32**_RANDOM + self._below(32**_RANDOM)
        return QueueID(_base32(number, _TIME + _RANDOM))


def derived_id(parent: QueueID, recipient: RecipientID, first: str) -> QueueID:
    """
    The id of a mail that follows from a recipient of ``parent``: always the same for the same.

    So a repeat after a crash adds nothing twice.  It sorts beside its parent.

    :param first: what tells it from others of that recipient: the first member of its slice.
    """
    digest = sha256(f"{parent}/{recipient}/{first}".encode()).digest()
    return QueueID(parent[:_TIME] + _base32(int.from_bytes(digest[:8]), _DERIVED))


def _base32(number: int, digits: int) -> str:
    # Two digits at a time: half the steps, once a message.
    pairs = [_PAIRS[number >> at & 1023] for at in range(10 * ((digits - 1) // 2), -1, -10)]
    return "".join(pairs)[-digits:]
