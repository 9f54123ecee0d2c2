"""
The server that is killed: a :class:`~pymta.components.system.MailSystem` as everybody wires it.

``python -m tests.durability.server OPTIONS FAULTS``, both JSON, tells its ports in a line of
JSON, and of what happens, a line of JSON an event, on standard error.  Beside what the command
``testserver`` has, it lets a test choose limits, leases and owners, and has two agents more.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.task import deferLater
from twisted.logger import globalLogBeginner, textFileLogObserver
from zope.interface import implementer

from pymta.aio import start
from pymta.components.people import springing
from pymta.components.stores import Stores, visited_stores
from pymta.components.system import MailSystem
from pymta.events import Attempted, Event, Unanswered
from pymta.inbound.flow import MessageLimits
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.observe import IObserver
from pymta.outcome import Failed
from pymta.service import Listening, MailService
from pymta.wire.smtp.limits import Limits
from tests.durability.faults import faults_from, plant
from tests.durability.relaying import relaying, report_often, witness

__all__ = ["Options", "hatch", "run"]

DOMAIN = "example.test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    What a test chooses.

    :param owner: of claims.
    :param visitor: a second process on a folder that another one serves.
    :param lease: seconds.
    :param poison: whose local part begins with this kills the process that delivers to him.
    :param pause: seconds that each local delivery waits for before it begins.
    :param limits: of :class:`~pymta.wire.smtp.limits.Limits`.
    :param free_space: octets that must be free at MAIL.
    :param hostname: what it is called; another one for each life tells them apart at a sink.
    :param sink: address and port of the next hop of what is not local; empty relays nothing.
    :param patience: seconds until mail for there is given up.
    """

    directory: str
    owner: str = "pymta"
    visitor: bool = False
    lease: float = 300
    poison: str = "poison"
    pause: float = 0
    limits: dict[str, Any] = field(default_factory=dict)
    free_space: int = 1024 * 1024
    hostname: str = "mx.example.test"
    sink: str = ""
    patience: float = 6


@implementer(IObserver)
class Told:
    """Writes events down."""

    def observe(self, event: Event) -> None:
        told = {"event": type(event).__name__}
        for name in ("queue_id", "final", "agent", "reason", "where"):
            if hasattr(event, name):
                told[name] = str(getattr(event, name))
        if isinstance(event, Attempted):
            told["to"] = str(event.recipient)
            told["failed"] = str(isinstance(event.outcome, Failed))
        if isinstance(event, Unanswered):
            told["to"] = " ".join(map(str, event.recipients))
        os.write(2, (json.dumps(told) + "\n").encode())


@implementer(IDeliveryAgent)
class Fragile:
    """The local agent, but for a pause, and for a recipient who is the end of the process."""

    recipient_limit = 1

    def __init__(self, reactor: Any, inner: IDeliveryAgent, options: Options) -> None:
        self._reactor = reactor
        self._inner = inner
        self._options = options

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        for recipient in attempt.recipients:
            if recipient.address.local.startswith(self._options.poison):
                os.kill(os.getpid(), signal.SIGKILL)
        if self._options.pause:
            await deferLater(self._reactor, self._options.pause)
        return await self._inner.deliver(attempt)


def _stores(reactor: Any, options: Options) -> Stores | None:
    return visited_stores(reactor, options.directory) if options.visitor else None


def _system(reactor: Any, options: Options) -> MailSystem:
    agents: dict[str, IDeliveryAgent] = {}
    more: dict[str, Any] = {}
    if options.sink:
        more = relaying(reactor, options.sink, hostname=options.hostname, patience=options.patience)
    system = MailSystem(
        reactor,
        hostname=options.hostname,
        domains=[DOMAIN],
        directory=options.directory,
        stores=_stores(reactor, options),
        people=springing([DOMAIN]),
        observers=[Told()],
        connections=None,
        limit_logins=None,
        message_limits=MessageLimits(free_space=options.free_space),
        owner=options.owner,
        agents=agents,
        **more,
    )
    if options.sink:
        report_often(system)
    # The runner asks this dictionary, which is the system's own.
    system.agents["local"] = Fragile(reactor, system.agents["local"], options)
    queue: Any = system.stores.queue
    queue.lease_seconds = options.lease
    return system


def _service(reactor: Any, options: Options) -> MailService:
    system = _system(reactor, options)
    limits = Limits(**options.limits)
    listeners = {
        "smtp": system.smtp(limits=limits),
        "lmtp": system.lmtp(limits=limits),
        "queued": system.lmtp(limits=limits, receiver=system.receiver),
        "pop3": system.pop3(),
    }
    listening = [
        Listening(name, TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1"), listener)
        for name, listener in listeners.items()
    ]
    return MailService(reactor, system.parts, listening)


async def _serve(service: MailService, listens: Callable[[dict[str, int]], None]) -> None:
    service.startService()
    await service.ready
    listens({each.name: each.address.port for each in service.listening})


def run(options: str, faults: str, listens: Callable[[dict[str, int]], None]) -> None:
    """
    Serve until ``SIGTERM``.

    :param listens: told the ports.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    reactor.seconds = time.monotonic
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stderr)], redirectStandardIO=False)
    chosen = Options(**json.loads(options))
    if chosen.sink:
        witness()
    plant(faults_from(faults))
    service = _service(reactor, chosen)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)

    def fail(failure: Any) -> None:
        failure.printTraceback(sys.stderr)
        os._exit(1)

    reactor.callWhenRunning(lambda: start(_serve(service, listens)).addErrback(fail))
    reactor.run()


def hatch(options: str, faults: str, log: str, ports: Connection) -> None:
    """The same as the target of a :class:`multiprocessing.Process`, which logs to a file."""
    fd = os.open(log, os.O_WRONLY | os.O_APPEND)
    os.dup2(fd, 1)
    os.dup2(fd, 2)
    os.close(fd)
    run(options, faults, ports.send)


def _print(ports: dict[str, int]) -> None:
    os.write(1, (json.dumps(ports) + "\n").encode())


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], _print)
