"""
Being told of changes in folders: by the kernel where it does (inotify), else by a look a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet.interfaces import IReactorTime
from twisted.python.filepath import FilePath

from pymta.store.maildir.stamps import Stamp, changed_at

__all__ = ["Notified", "Polled", "Watches", "watches"]

Ring = Callable[[], None]

POLL = 1.0
"""Seconds between two looks, where nobody tells."""


class Watches(Protocol):
    """Rings when something changes in a folder.  Too often is allowed."""

    def watch(self, path: str, ring: Ring) -> None:
        """From now on; one that is not there, or cannot be watched, is passed over."""

    def ignore(self, path: str, ring: Ring) -> None:
        """No more; idempotent."""

    def close(self) -> None:
        """Nobody rings any more."""


class _Rings:
    """Who is to be told of which folder."""

    def __init__(self) -> None:
        self.by_path: dict[str, list[Ring]] = {}

    def add(self, path: str, ring: Ring) -> bool:
        """:returns: whether it is the first of this folder."""
        rings = self.by_path.setdefault(path, [])
        rings.append(ring)
        return len(rings) == 1

    def take(self, path: str, ring: Ring) -> bool:
        """:returns: whether it was the last one."""
        rings = self.by_path.get(path, [])
        if ring not in rings:
            return False
        rings.remove(ring)
        if not rings:
            del self.by_path[path]
        return not rings

    def ring(self, path: str) -> None:
        for ring in list(self.by_path.get(path, ())):
            ring()


class Notified:
    """
    By inotify.

    :param notifier: a :class:`twisted.internet.inotify.INotify`, not started.
    :param error: what it raises.
    """

    def __init__(self, notifier: Any, mask: int, *, error: type[Exception]) -> None:
        self._notifier = notifier
        self._mask = mask
        self._error = error
        self._rings = _Rings()
        notifier.startReading()

    def watch(self, path: str, ring: Ring) -> None:
        if not self._rings.add(path, ring):
            return
        try:
            self._notifier.watch(
                FilePath(path), self._mask, callbacks=[lambda *_: self._rings.ring(path)]
            )
        except self._error:
            # Not there, or more than the kernel watches: whoever asked looks now and then too.
            pass

    def ignore(self, path: str, ring: Ring) -> None:
        if self._rings.take(path, ring):
            try:
                self._notifier.ignore(FilePath(path))
            except (KeyError, self._error):
                pass  # it was removed, or never watched

    def close(self) -> None:
        self._rings.by_path.clear()
        self._notifier.connectionLost(None)


class Polled:
    """By looking at times of change."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._rings = _Rings()
        self._seen: dict[str, Stamp] = {}
        self._call: Any = None

    def watch(self, path: str, ring: Ring) -> None:
        if self._rings.add(path, ring):
            self._seen[path] = changed_at(path)
        if self._call is None:
            self._call = self._clock.callLater(POLL, self._look)

    def ignore(self, path: str, ring: Ring) -> None:
        if self._rings.take(path, ring):
            del self._seen[path]
        if not self._seen:
            self.close()

    def close(self) -> None:
        self._rings.by_path.clear()
        self._seen.clear()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _look(self) -> None:
        # A stat of a folder that was looked at a second ago does not wait for a disk.
        self._call = self._clock.callLater(POLL, self._look)
        for path, before in list(self._seen.items()):
            now = changed_at(path)
            if now != before:
                self._seen[path] = now
                self._rings.ring(path)


def watches(reactor: Any) -> Watches:
    """The best that this machine has."""
    try:
        # Loads the C library, where there is one that has it.
        from twisted.internet import inotify
    except (ImportError, AttributeError):
        return Polled(IReactorTime(reactor))
    mask = (
        inotify.IN_CREATE
        | inotify.IN_DELETE
        | inotify.IN_MODIFY
        | inotify.IN_MOVED_FROM
        | inotify.IN_MOVED_TO
    )
    try:
        notifier = inotify.INotify(reactor)
    except inotify.INotifyError:
        # Every user may have 128 of them.
        return Polled(IReactorTime(reactor))
    return Notified(notifier, mask, error=inotify.INotifyError)
