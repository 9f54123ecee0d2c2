"""
How long the reactor's turns take: from one wait for sockets to the next.

Measured from outside, round the reactor's poller: timers, reads, writes and what they call.
"""

from __future__ import annotations

import time
from array import array
from typing import Any

__all__ = ["Turns"]


class Turns:
    """
    Stands in the place of ``reactor._poller`` of an epoll reactor.

    Two clocks: of the wall, and of the thread alone, since on a shared machine others have the
    cores for a while in the middle of a turn.
    """

    def __init__(self, poller: Any) -> None:
        self._poller = poller
        self._wall = array("d")
        self._own = array("d")
        self._since = 0.0
        self._since_own = 0.0

    @classmethod
    def watch(cls, reactor: Any) -> Turns:
        """:raises AttributeError: it is another kind of reactor."""
        turns = cls(reactor._poller)
        reactor._poller = turns
        return turns

    def poll(self, *arguments: Any) -> Any:
        now = time.perf_counter()
        if self._since:
            self._wall.append(now - self._since)
            self._own.append(time.thread_time() - self._since_own)
        ready = self._poller.poll(*arguments)
        self._since = time.perf_counter()
        self._since_own = time.thread_time()
        return ready

    def __getattr__(self, name: str) -> Any:
        return getattr(self._poller, name)

    def take(self) -> dict[str, list[int]]:
        """All since the last time, in microseconds."""
        wall, own = self._wall, self._own
        self._wall, self._own = array("d"), array("d")
        return {
            "wall": [round(each * 1e6) for each in wall],
            "own": [round(each * 1e6) for each in own],
        }
