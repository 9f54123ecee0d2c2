"""
Maildirs for tests, with a clock of ours, on a disk in memory where there is one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from twisted.internet.task import Clock

from pymta.store.maildir.disk import Disk
from pymta.store.maildir.store import MaildirMailStore

__all__ = ["MaildirHouse", "quick_folder"]


@contextmanager
def quick_folder() -> Iterator[Path]:
    """A folder, where fsync costs nothing if there is such a place."""
    shared = "/dev/shm"
    place = shared if os.access(shared, os.W_OK) else None
    made = tempfile.mkdtemp(prefix="pymta-maildir-", dir=place)
    try:
        yield Path(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


class MaildirHouse:
    """:ivar ahead: microseconds that its time is ahead of ours."""

    def __init__(
        self, reactor: Any, directory: Path, *, tombstones: int = 50, disk: Disk | None = None
    ) -> None:
        self.reactor = reactor
        self.directory = directory
        self.ahead = 0
        self._tombstones = tombstones
        self._disk = disk
        self._build()

    def _build(self) -> None:
        self.clock = Clock()
        self.store = MaildirMailStore(
            self.reactor,
            str(self.directory),
            clock=self.clock,
            now=self._now,
            tombstones=self._tombstones,
            disk=self._disk,
        )

    def _now(self) -> int:
        return time.time_ns() // 1000 + self.ahead

    async def close(self) -> None:
        """As a process that ends."""
        await self.store.stop()

    async def reopen(self) -> None:
        """A restart."""
        await self.close()
        self._build()

    async def elapse(self, seconds: float) -> None:
        """Time goes on, timers fire and what is due is swept."""
        self.ahead += int(seconds * 1_000_000)
        self.clock.advance(seconds)
        await self.store.sweep()
