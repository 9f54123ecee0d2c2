"""
What this process has seen of folders and files, so that it looks again only when they changed.

Times of change have the grain of the kernel's clock tick, or of a second on old file systems: one
that is younger than that when it is read proves nothing, for what comes next may have the same.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

__all__ = ["Stamps", "changed_at", "is_settled"]

_TICK = 20_000_000
_SECOND = 1_100_000_000
"""Nanoseconds: more than a tick of 10 ms, more than a second."""

Stamp = tuple[int, int, int]


def changed_at(path: str) -> Stamp:
    """Which file it is, its size and time of change; zeros if it is not there."""
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return 0, 0, 0
    return status.st_ino, status.st_size, status.st_mtime_ns


def is_settled(stamp: Stamp, now: int) -> bool:
    """
    Whether a change after ``now`` would give another stamp.

    :param now: nanoseconds; before the path was looked at.
    """
    changed = stamp[2]
    return changed < now - (_TICK if changed % 1_000_000_000 else _SECOND)


@dataclass(slots=True)
class Stamps:
    """By path.  What is in here was read, and is in the index."""

    seen: dict[str, Stamp] = field(default_factory=dict)

    def is_fresh(self, path: str) -> bool:
        """Whether nothing changed since."""
        return self.seen.get(path) == changed_at(path)

    def saw(self, path: str, stamp: Stamp, now: int) -> None:
        """It was read at this moment."""
        if is_settled(stamp, now):
            self.seen[path] = stamp
        else:
            self.seen.pop(path, None)

    def owns(self, path: str) -> None:
        """What it is now is what we made it, under its lock."""
        self.seen[path] = changed_at(path)

    def forget(self) -> None:
        """Nothing is sure any more."""
        self.seen.clear()
