"""
Tests for the service: order of start and stop, failures, and stops that come too early.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from twisted.application.service import IService
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.selectreactor import SelectReactor
from twisted.internet.testing import MemoryReactorClock
from zope.interface.verify import verifyObject

from pymta.edge.listener import Door, Listener
from pymta.service import Listening, MailService


class Step:
    """A part that notes its life, waits where it is told to, and fails where it is told to."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name = name
        self.log = log
        self.starting: Deferred[None] | None = None
        self.stopping: Deferred[None] | None = None
        self.fails = ""

    async def start(self) -> None:
        self.log.append(f"{self.name} starts")
        if self.starting is not None:
            await self.starting
        if self.fails == "start":
            raise OSError(f"{self.name} is broken")
        self.log.append(f"{self.name} started")

    async def stop(self) -> None:
        if self.stopping is not None:
            await self.stopping
        if self.fails == "stop":
            raise OSError(f"{self.name} is broken")
        self.log.append(f"{self.name} stopped")


def never(client: object) -> Any:
    """Nobody connects."""
    raise AssertionError


class Wiring:
    """Two parts and two ports on a reactor in memory."""

    def __init__(self) -> None:
        self.reactor = MemoryReactorClock()
        self.log: list[str] = []
        self.store = Step("store", self.log)
        self.runner = Step("runner", self.log)
        self.service = self.made([self.store, self.runner])

    def made(self, parts: Sequence[Step]) -> MailService:
        """A service of these parts."""
        clock: Any = self.reactor
        listening = []
        for name, port in (("smtp", 25), ("pop3", 110)):
            listener = Listener(clock, never, door=Door(), too_many=b"")
            listening.append(Listening(name, serverFromString(clock, f"tcp:{port}"), listener))
        return MailService(clock, parts, listening, seconds=5)

    @property
    def ports(self) -> list[int]:
        """Those that are listened on."""
        return [port for port, *_ in self.reactor.tcpServers]

    def fired(self) -> list[object]:
        """What ``ready`` has fired with."""
        fired: list[object] = []
        self.service.ready.addBoth(fired.append)  # type: ignore[unused-awaitable]
        return fired


@pytest.fixture
def wiring() -> Wiring:
    """Wired, and not started."""
    return Wiring()


def test_is_a_service(wiring: Wiring) -> None:
    """
    It is a Twisted service.
    """
    assert verifyObject(IService, wiring.service)


def test_making_it_opens_nothing(wiring: Wiring) -> None:
    """
    Before it is started there is no socket and no part: twistd forks here.
    """
    assert ([], []) == (wiring.ports, wiring.log)
    with pytest.raises(RuntimeError, match="smtp is not bound"):
        _ = wiring.service.listening[0].port


def test_starts_in_order(wiring: Wiring) -> None:
    """
    Parts one after the other; then it is ready, and says where it listens.
    """
    wiring.service.startService()

    assert ["store starts", "store started", "runner starts", "runner started"] == wiring.log
    assert [25, 110] == wiring.ports
    assert [None] == wiring.fired()
    assert ["0.0.0.0:25", "0.0.0.0:110"] == [str(each.address) for each in wiring.service.listening]


def test_waits_for_each_part(wiring: Wiring) -> None:
    """
    The next part starts when the one before it has.
    """
    wiring.store.starting = Deferred()
    wiring.service.startService()
    fired = wiring.fired()
    assert (["store starts"], []) == (wiring.log, fired)

    wiring.store.starting.callback(None)

    assert ["store starts", "store started", "runner starts", "runner started"] == wiring.log
    assert [None] == fired


def test_stops_in_the_other_order(wiring: Wiring) -> None:
    """
    Last started, first stopped, each awaited.
    """
    wiring.service.startService()
    wiring.log.clear()
    wiring.runner.stopping = Deferred()

    stopped = wiring.service.stopService()
    assert ([], False) == (wiring.log, stopped.called)

    wiring.runner.stopping.callback(None)
    assert (["runner stopped", "store stopped"], True) == (wiring.log, stopped.called)


def test_ports_are_bound_while_privileged(wiring: Wiring) -> None:
    """
    Sockets are bound before privileges are given up, once, and nothing else is done.
    """
    wiring.service.privilegedStartService()
    assert ([25, 110], []) == (wiring.ports, wiring.log)

    wiring.service.startService()
    assert [25, 110] == wiring.ports


def test_a_part_that_fails(wiring: Wiring) -> None:
    """
    Those before it are stopped again, and whoever waits is told.
    """
    wiring.runner.fails = "start"
    wiring.service.startService()

    (failure,) = wiring.fired()

    assert "runner is broken" in str(failure)
    assert ["store starts", "store started", "runner starts", "store stopped"] == wiring.log


def test_a_port_that_is_taken(wiring: Wiring) -> None:
    """
    A port that cannot be bound is told by ``ready``, not while privileged, and no part starts.
    """

    def taken(port: int, *args: object, **kwargs: object) -> Any:
        raise CannotListenError("", port, OSError("in use"))

    wiring.reactor.listenTCP = taken  # type: ignore[method-assign]
    wiring.service.privilegedStartService()
    wiring.service.startService()

    (failure,) = wiring.fired()

    assert "in use" in str(failure)
    assert [] == wiring.log


def test_a_part_that_does_not_stop_well(wiring: Wiring) -> None:
    """
    What a part raises at its stop is logged, and the others are stopped.
    """
    wiring.service.startService()
    wiring.runner.fails = "stop"
    wiring.log.clear()

    assert wiring.service.stopService().called
    assert ["store stopped"] == wiring.log


def test_a_stop_has_a_time_limit(wiring: Wiring) -> None:
    """
    A part that never stops keeps the process for no longer than this.
    """
    wiring.service.startService()
    wiring.runner.stopping = Deferred()

    stopped = wiring.service.stopService()
    wiring.reactor.advance(4.9)
    assert not stopped.called
    wiring.reactor.advance(0.2)
    assert stopped.called


def test_stopped_while_it_starts(wiring: Wiring) -> None:
    """
    A part that is being started is not left half open: it is started, then stopped; no other is.
    """
    wiring.store.starting = Deferred()
    wiring.service.startService()
    stopped = wiring.service.stopService()
    assert not stopped.called

    wiring.store.starting.callback(None)

    assert stopped.called
    assert ["store starts", "store started", "store stopped"] == wiring.log


def test_stopped_and_never_started(wiring: Wiring) -> None:
    """
    Stopping what was never started does nothing.
    """
    assert wiring.service.stopService().called
    assert [] == wiring.log


def test_stopping_twice(wiring: Wiring) -> None:
    """
    A second stop finds nothing to stop.
    """
    wiring.service.startService()
    _ = wiring.service.stopService()
    wiring.log.clear()

    assert wiring.service.stopService().called
    assert [] == wiring.log


FORGETFUL = """
import sys
from twisted.internet import task
from pymta.components.system import MailSystem
from pymta.service import MailService

async def main(reactor, folder):
    system = MailSystem(reactor, domains=["example.test"], directory=folder or None)
    service = MailService(system.clock, system.parts, [])
    service.startService()
    await service.ready
    raise RuntimeError("a mistake of the application's")

task.react(main, [sys.argv[1]])
"""


@pytest.mark.parametrize("kept", [False, True], ids=["in memory", "on disk"])
def test_an_application_that_fails_ends(tmp_path: Path, kept: bool) -> None:
    """
    Nobody has stopped the service; its threads do not hold the process.
    """
    command = [sys.executable, "-c", FORGETFUL, str(tmp_path / "store") if kept else ""]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    assert "a mistake of the application's" in ended.stderr
    assert ended.returncode == 1


def test_the_reactor_forgets_what_was_stopped(wiring: Wiring) -> None:
    """
    A service that was stopped is not held by a reactor that goes on.
    """
    reactor = SelectReactor()
    service = MailService(reactor, [wiring.store], [])
    before = len(reactor._eventTriggers["shutdown"].before)
    service.startService()
    assert before + 1 == len(reactor._eventTriggers["shutdown"].before)
    _ = service.stopService()
    assert before == len(reactor._eventTriggers["shutdown"].before)
