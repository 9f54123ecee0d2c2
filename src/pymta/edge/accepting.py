"""
A port that lets nobody in for a moment, while the process may open no more files.

Twisted sets one descriptor aside, to be able to close whoever comes.  Once that is lost too, an
accept fails and leaves the port as readable as it was: the reactor turns, and logs, as fast as it
can.  So a port from which nothing came is looked at, and rests if there is nothing left.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger

__all__ = ["Accepting", "room_for_files"]

_log = Logger(namespace="pymta.edge")

REST_SECONDS = 0.5
"""Clients wait in the backlog meanwhile; whoever leaves makes room for them."""


def room_for_files() -> bool:
    """Whether the process may open one more."""
    try:
        os.close(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


class Accepting:
    """
    Stands between the reactor and a bound port.

    :param accepted: how many connections there were so far.
    :param room: whether another file could be opened.
    """

    def __init__(
        self,
        clock: IReactorTime,
        port: Any,
        accepted: Callable[[], int],
        *,
        room: Callable[[], bool] = room_for_files,
    ) -> None:
        self._clock = clock
        self._port = port
        self._accepted = accepted
        self._room = room
        self._resting: IDelayedCall | None = None
        self._short = False
        # Ports of the reactor are file descriptors; those of tests may be nothing of the kind.
        self._read: Callable[[], object] | None = getattr(port, "doRead", None)
        if self._read is not None:
            port.doRead = self.read

    def begin(self) -> None:
        """From now on."""
        _switch(self._port, "startReading")

    def pause(self) -> None:
        """Until :meth:`begin`."""
        _switch(self._port, "stopReading")

    def end(self) -> None:
        """The port is closed: it is not opened again behind a rest."""
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None

    def read(self) -> object:
        """In the place of the port's ``doRead``."""
        assert self._read is not None
        before = self._accepted()
        result = self._read()
        if self._accepted() != before:
            self._short = False
        elif not self._room():
            self._rest()
        return result

    def _rest(self) -> None:
        if not self._short:
            self._short = True
            _log.error("no more files may be opened: new clients wait, or are turned away")
        if self._resting is None:
            self.pause()
            self._resting = self._clock.callLater(REST_SECONDS, self._resume)

    def _resume(self) -> None:
        self._resting = None
        self.begin()


def _switch(port: Any, name: str) -> None:
    switch = getattr(port, name, None)
    if switch is not None:
        switch()
