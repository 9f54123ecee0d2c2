"""
What a server tells of itself, kept for a test to look at.
"""

from __future__ import annotations

from typing import TypeVar

from zope.interface import implementer

from pymta.events import Event
from pymta.interfaces.observe import IObserver

__all__ = ["Observer"]

E = TypeVar("E", bound=Event)


@implementer(IObserver)
class Observer:
    """Remembers the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def observe(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        """Those of one kind."""
        return [event for event in self.events if isinstance(event, kind)]
