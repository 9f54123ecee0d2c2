"""
What has a life of its own: started in an order, stopped in the other.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Job", "Part", "nothing"]


class Part(Protocol):
    """Something with a life of its own; each is called once, ``stop`` only after ``start``."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


async def nothing() -> None:
    """For a part that has nothing to do at one of its ends."""


@dataclass(frozen=True, slots=True)
class Job:
    """A part made of two calls."""

    begin: Callable[[], Awaitable[object]]
    end: Callable[[], Awaitable[object]] = nothing

    async def start(self) -> None:
        await self.begin()

    async def stop(self) -> None:
        await self.end()
