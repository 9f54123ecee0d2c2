"""
The doorbell of an account: rings for all who watch anything of it, after a change here, and when
a folder changes under our eyes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pymta.store.maildir.folders import ROOT
from pymta.store.maildir.watching import Watches
from pymta.store.maildir.work import FOLDER

__all__ = ["Bells"]

_SOON = 0.02
"""Seconds from the first event to the ring: a thousand renames are one."""
_NOW_AND_THEN = 30.0
"""Seconds between two rings without an event: the kernel forgets events if there are too many."""

Ring = Callable[[], None]


class Bells:
    """
    Opens nothing before the first :meth:`watch`.

    :param folders: tells in which folders of mailboxes what is watched is: by ids of mailboxes,
        None for all; calls back with them.
    """

    def __init__(
        self,
        reactor: IReactorTime,
        root: str,
        *,
        watches: Callable[[], Watches],
        folders: Callable[[frozenset[str] | None, Callable[[Iterable[str]], None]], None],
    ) -> None:
        self._reactor = reactor
        self._root = root
        self._watches = watches
        self._folders = folders
        self._rings: dict[object, tuple[str | None, Ring]] = {}
        self._paths: set[str] = set()
        self._soon: Any = None
        self._later: Any = None

    @property
    def are_watched(self) -> bool:
        """Whether anybody does."""
        return bool(self._rings)

    def watch(self, guid: str | None, ring: Ring) -> Callable[[], None]:
        """
        Hang a bell.  :returns: takes it down; idempotent.

        :param guid: of a mailbox; None is all of them.
        """
        key = object()
        self._rings[key] = guid, ring
        self._set_up()
        if self._later is None:
            self._later = self._reactor.callLater(_NOW_AND_THEN, self._again)
        return lambda: self._take_down(key)

    def ring(self) -> None:
        """Something changed."""
        for _, ring in list(self._rings.values()):
            ring()

    def close(self) -> None:
        """Take all of them down."""
        self._rings.clear()
        self._watch_paths(())
        for call in (self._soon, self._later):
            if call is not None and call.active():
                call.cancel()
        self._soon = self._later = None

    # -- inside ----------------------------------------------------------------

    def _take_down(self, key: object) -> None:
        if self._rings.pop(key, None) is not None and not self._rings:
            self.close()

    def _set_up(self) -> None:
        guids = {guid for guid, _ in self._rings.values()}
        asked = None if None in guids else frozenset(guid for guid in guids if guid)
        self._folders(asked, self._watch_folders)

    def _watch_folders(self, folders: Iterable[str]) -> None:
        if not self._rings:
            return
        paths = {self._root, os.path.join(self._root, FOLDER)}
        for folder in [*folders, ROOT]:
            paths |= {os.path.join(self._root, folder, place) for place in ("new", "cur")}
        self._watch_paths(paths)

    def _watch_paths(self, paths: Iterable[str]) -> None:
        wanted = set(paths)
        if wanted == self._paths:
            return
        watches = self._watches()
        for path in wanted - self._paths:
            watches.watch(path, self._event)
        for path in self._paths - wanted:
            watches.ignore(path, self._event)
        self._paths = wanted

    def _event(self) -> None:
        if self._soon is None and self._rings:
            self._soon = self._reactor.callLater(_SOON, self._rung)

    def _rung(self) -> None:
        self._soon = None
        # There may be other folders by now.
        self._set_up()
        self.ring()

    def _again(self) -> None:
        self._later = self._reactor.callLater(_NOW_AND_THEN, self._again)
        self._set_up()
        self.ring()
