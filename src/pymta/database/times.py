"""
Time on disk: integer microseconds since 1970, UTC.

SQLite hands ``DateTime(timezone=True)`` back naive, and text sorts wrongly around fractions;
integers do neither and are half the size.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

__all__ = ["from_microseconds", "to_microseconds"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_microseconds(moment: datetime) -> int:
    """An aware datetime as an integer, exactly.  :raises TypeError: for a naive one."""
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(microseconds: int) -> datetime:
    """The datetime, in UTC."""
    return _EPOCH + timedelta(microseconds=microseconds)
