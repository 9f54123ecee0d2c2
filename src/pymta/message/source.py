"""
Where the octets of a message are read from: what of :class:`~pymta.interfaces.content.IContent`
the ground needs, which is below interfaces and waits for nothing itself.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Protocol

__all__ = ["SLICE", "Source"]

SLICE = 64 * 1024
"""The most octets that one read gives."""


class Source(Protocol):
    """Octets that are read in slices."""

    @property
    def size(self) -> int:
        """How many there are."""

    def read(self, start: int, stop: int) -> Awaitable[bytes]:
        """Those from ``start`` up to ``stop``, at most :data:`SLICE`."""
