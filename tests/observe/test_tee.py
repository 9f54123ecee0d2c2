"""
Tests for telling several observers.
"""

from __future__ import annotations

from twisted.logger import capturedLogs
from zope.interface import implementer
from zope.interface.verify import verifyClass

from pymta.events import Event, Faulted
from pymta.interfaces.observe import IObserver
from pymta.observe.tee import Tee

EVENT = Faulted("1", "here")


@implementer(IObserver)
class Listening:
    """Remembers what it is told."""

    def __init__(self, name: str, order: list[str]) -> None:
        self._name = name
        self._order = order

    def observe(self, event: Event) -> None:
        self._order.append(f"{self._name} {event}")


@implementer(IObserver)
class Broken:
    """Breaks the contract."""

    def observe(self, event: Event) -> None:
        raise RuntimeError("observers must not raise")


def test_provides_its_interface() -> None:
    """
    A tee is an observer.
    """
    assert verifyClass(IObserver, Tee)


def test_each_is_told_in_order() -> None:
    """
    Every observer hears of every event, in the order given.
    """
    order: list[str] = []

    Tee(Listening("a", order), Listening("b", order)).observe(EVENT)

    assert [f"a {EVENT}", f"b {EVENT}"] == order


def test_broken_observer_disturbs_nobody() -> None:
    """
    What an observer raises is logged; the others, and whoever told the event, go on.
    """
    order: list[str] = []
    with capturedLogs() as logged:
        Tee(Broken(), Listening("b", order)).observe(EVENT)

    assert [f"b {EVENT}"] == order
    assert ["Faulted"] == [each["event"] for each in logged]


def test_nobody_to_tell() -> None:
    """
    A tee of none takes events and does nothing.
    """
    Tee().observe(EVENT)
