"""
Being told what happens: logs, metrics, tests.
"""

from __future__ import annotations

from zope.interface import Interface

from pymta.events import Event

__all__ = ["IObserver"]


class IObserver(Interface):
    """Told of every event, on the reactor's thread, in order."""

    def observe(event: Event) -> None:
        """Must not wait and must not raise; what it raises is logged and goes no further."""
