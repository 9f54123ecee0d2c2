"""
Files that are read again when they have changed.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from twisted.internet.interfaces import IReactorTime

from pymta.aio import Pool, Shared, breathe, start
from pymta.errors import Mistake

__all__ = ["MAX_OCTETS", "WatchedFile"]

T = TypeVar("T")

MAX_OCTETS = 4 * 1024 * 1024
"""Of one file: some 130,000 addresses."""

# Longer than that, and others wait for us.
_TURN = 0.004


class WatchedFile(Generic[T]):
    """
    One file, and what it says.

    :param parse: gives None after each piece of work, and then what the file says.
    :param pool: where files are read.
    :param every: seconds between two looks at whether it has changed.
    """

    def __init__(
        self,
        path: str,
        parse: Callable[[str], Iterator[T | None]],
        *,
        clock: IReactorTime,
        pool: Pool,
        every: float = 1,
        limit: int = MAX_OCTETS,
    ) -> None:
        self.path = path
        self._parse = parse
        self._clock = clock
        self._pool = pool
        self._every = every
        self._limit = limit
        self._looked = 0.0
        self._stamp: object = None
        self._value: T | None = None
        self._looking: Shared[T] | None = None

    async def current(self) -> T:
        """
        What the file says now, or a moment ago.

        :raises OSError: it cannot be read; also where it could be before.
        :raises Mistake: it is too large, or no UTF-8.
        """
        now = self._clock.seconds()
        if self._value is not None and now - self._looked < self._every:
            return self._value
        if self._looking is None or self._looking.ended:
            self._looking = Shared(start(self._look(now)))
        return await self._looking.wait()

    async def _look(self, now: float) -> T:
        stamp, text = await self._pool.run(self._read, self._stamp)
        if text is not None:
            value = await self._parsed(text)
            self._value, self._stamp = value, stamp
        self._looked = now
        assert self._value is not None
        return self._value

    async def _parsed(self, text: str) -> T:
        began = self._clock.seconds()
        value: T | None = None
        for value in self._parse(text):  # noqa: B007  the last one is meant
            if self._clock.seconds() - began > _TURN:
                await breathe(self._clock)
                began = self._clock.seconds()
        assert value is not None
        return value

    def _read(self, known: object) -> tuple[object, str | None]:  # in a thread
        with open(self.path, "rb") as file:
            found = os.fstat(file.fileno())
            stamp = (found.st_mtime_ns, found.st_size, found.st_ino)
            if stamp == known:
                return stamp, None
            octets = file.read(self._limit + 1)
        if len(octets) > self._limit:
            raise Mistake(f"{self.path} is larger than {self._limit} octets")
        try:
            return stamp, octets.decode()
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            raise Mistake(f"{self.path} is no UTF-8", line=line) from None
