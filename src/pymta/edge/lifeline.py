"""
A process that is there for another one, and ends when that has gone: standard input says so.
"""

from __future__ import annotations

import os
import stat
import sys
from typing import Any

from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

__all__ = ["stop", "watch_input"]


def stop(reactor: Any) -> None:
    """Stop it, if it has not stopped already."""
    try:
        reactor.stop()
    except ReactorNotRunning:
        pass


def watch_input(reactor: Any) -> None:
    """
    Stop when standard input closes, if it is a pipe or a socket: whoever started this is gone.

    What is written there is read and thrown away.
    """
    try:
        descriptor = sys.stdin.fileno()
        mode = os.fstat(descriptor).st_mode
    except (AttributeError, OSError, ValueError):
        return  # there is no standard input
    if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        reactor.addReader(_Input(reactor, descriptor))


@implementer(IReadDescriptor)
class _Input:
    def __init__(self, reactor: Any, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def doRead(self) -> None:
        try:
            data = os.read(self._descriptor, 64 * 1024)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._reactor.removeReader(self)
            stop(self._reactor)

    def connectionLost(self, reason: Failure) -> None:
        # Of a pipe that was closed with nothing in it, epoll says "hung up", not "readable".
        stop(self._reactor)

    def logPrefix(self) -> str:
        return "standard input"
