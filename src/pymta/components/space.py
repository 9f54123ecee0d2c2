"""
How much room there is on the disk, as of about now.

Asked at every MAIL, so it must not wait: a loop asks the disk once a second.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.interfaces import IReactorTime

from pymta.components.parts import Loop

__all__ = ["FreeSpace"]

PERIOD = 1.0


class FreeSpace:
    """
    A part: started after, and stopped before, what it asks.

    :param free: octets that an ordinary user may still write.
    """

    def __init__(self, clock: IReactorTime, free: Callable[[], Awaitable[int]]) -> None:
        self._free = free
        self._known = 0
        self._loop = Loop(clock, PERIOD, self._look, "looking for free space")

    def __call__(self) -> int:
        """Octets; what the last look found."""
        return self._known

    async def start(self) -> None:
        await self._look()
        await self._loop.start()

    async def stop(self) -> None:
        await self._loop.stop()

    async def _look(self) -> None:
        self._known = await self._free()
