"""
Whoever serves clients tells an observer, which may be an application's.
"""

from __future__ import annotations

from twisted.logger import Logger

from pymta.events import Event
from pymta.interfaces.observe import IObserver

__all__ = ["tell"]

_log = Logger(namespace="pymta.edge")


def tell(observer: IObserver | None, happened: Event) -> None:
    """Tell an event.  What an observer raises is logged: no mail is refused for its sake."""
    if observer is None:
        return
    try:
        observer.observe(happened)
    except Exception:  # noqa: BLE001  the fence round the call of an observer
        _log.failure("an observer failed at {event}", event=type(happened).__name__)
