"""
Tests for ports: bound once, opened later, closed whatever comes.
"""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IListeningPort, IProtocolFactory, IStreamServerEndpoint
from twisted.internet.task import Clock
from zope.interface import implementer

from pymta.aio import start
from pymta.edge.listener import Door, Listener
from pymta.edge.listening import Listening


@implementer(IListeningPort)
class Port:
    """A port that remembers what was done to it."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def startListening(self) -> None: ...

    def stopListening(self) -> None:
        self.done.append("closed")

    def stopReading(self) -> None:
        self.done.append("waits")

    def startReading(self) -> None:
        self.done.append("reads")

    def getHost(self) -> Any:
        return None


@implementer(IStreamServerEndpoint)
class Endpoint:
    """Answers as it is told to."""

    def __init__(self, *answers: Deferred[IListeningPort]) -> None:
        self.asked = 0
        self._answers = list(answers)

    def listen(self, factory: IProtocolFactory) -> Deferred[IListeningPort]:
        self.asked += 1
        return self._answers.pop(0)


def listening(endpoint: Endpoint) -> Listening:
    """A port nobody connects to."""
    clock = Clock()

    def never(client: object) -> Any:
        raise AssertionError

    return Listening("x", endpoint, Listener(clock, never, door=Door(), too_many=b""))


def test_bound_once_however_often_it_is_asked_for() -> None:
    """
    An endpoint that takes its time is asked once; each who waits goes on when it is there.
    """
    port, answer = Port(), Deferred[IListeningPort]()
    endpoint = Endpoint(answer)
    made = listening(endpoint)
    early, later = start(made.bind()), start(made.start())
    assert (1, False, False) == (endpoint.asked, early.called, later.called)
    answer.callback(port)

    assert (True, True) == (early.called, later.called)
    assert ["waits", "reads"] == port.done


def test_bound_again_behind_a_failure() -> None:
    """
    What could not be bound while privileged is tried again, and told if it fails again.
    """
    port = Port()
    endpoint = Endpoint(fail(OSError("in use")), fail(OSError("in use")), succeed(port))
    made = listening(endpoint)
    told: list[Any] = []
    for _ in range(2):
        start(made.bind()).addErrback(lambda no: told.append(no.value))  # type: ignore[unused-awaitable]
    start(made.start())  # type: ignore[unused-awaitable]

    assert [OSError, OSError] == [type(no) for no in told]
    assert ["waits", "reads"] == port.done


@pytest.mark.parametrize("well", [True, False], ids=["bound", "failed"])
def test_stopped_while_it_is_bound(well: bool) -> None:
    """
    A stop waits for a socket that is being bound, and closes it.
    """
    port, answer = Port(), Deferred[IListeningPort]()
    made = listening(Endpoint(answer))
    binding = start(made.bind()).addErrback(lambda _: None)
    stopped = start(made.stop())
    assert not stopped.called
    if well:
        answer.callback(port)
    else:
        answer.errback(OSError("in use"))

    assert (True, True) == (binding.called, stopped.called)
    assert ["waits", "closed"] * well == port.done


def test_stopped_and_never_bound() -> None:
    """
    There is nothing to close.
    """
    stopped = start(listening(Endpoint()).stop())

    assert stopped.called
