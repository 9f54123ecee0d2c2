"""
Bells of a queue: rung when it has changed.
"""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

__all__ = ["Bells"]

_log = Logger(namespace="pymta.queue")


class Bells:
    """Those of one store."""

    def __init__(self) -> None:
        self._bells: dict[object, Callable[[], None]] = {}

    def hang(self, ring: Callable[[], None]) -> Callable[[], None]:
        """:returns: takes it down; idempotent."""
        key = object()
        self._bells[key] = ring

        def take_down() -> None:
            self._bells.pop(key, None)

        return take_down

    def ring(self) -> None:
        """All of them, whatever one of them raises."""
        for ring in tuple(self._bells.values()):
            try:
                ring()
            except Exception:  # noqa: BLE001  a watcher's bug must not undo what was kept
                _log.failure("a watcher failed")
