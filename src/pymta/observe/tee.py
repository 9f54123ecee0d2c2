"""
Telling several observers, none of whom can disturb the others.
"""

from __future__ import annotations

from twisted.logger import Logger
from zope.interface import implementer

from pymta.events import Event
from pymta.interfaces.observe import IObserver

__all__ = ["Tee"]

_log = Logger(namespace="pymta.observe")


@implementer(IObserver)
class Tee:
    """
    Passes each event on, in the order given.

    Also for one observer: what it raises is logged here and reaches neither the others nor
    whoever told the event.
    """

    def __init__(self, *observers: IObserver) -> None:
        self._observers = observers

    def observe(self, event: Event) -> None:
        for observer in self._observers:
            try:
                observer.observe(event)
            except Exception:  # noqa: BLE001  the fence round an observer
                _log.failure(
                    "{observer} failed at {event}", observer=observer, event=type(event).__name__
                )
