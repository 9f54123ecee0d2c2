"""
State that several connections, and several processes, share for a time: greylists, counters,
bans, what a vacation reply was sent to.
"""

from __future__ import annotations

from collections.abc import Awaitable

from zope.interface import Interface

__all__ = ["ISharedState"]


class ISharedState(Interface):
    """
    Keys with a life.  A key is at most 255 octets of UTF-8 without NUL, a value at most 4,096
    octets, a life 1 to 31,622,400 seconds (a year); ValueError otherwise.  Bounded: the oldest
    make room.
    """

    def add(key: str, value: bytes, ttl: float) -> Awaitable[bytes | None]:
        """Set if absent.  :returns: None if it was, the value that is there if not."""

    def get(key: str) -> Awaitable[bytes | None]:
        """The value, while it lives; that of a counter is its sum in decimal."""

    def count(key: str, ttl: float, by: int = 1) -> Awaitable[int]:
        """Add to a counter whose life starts with its first count.  :returns: the sum."""

    def remove(key: str) -> Awaitable[None]:
        """Forget it."""
