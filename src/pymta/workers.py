"""
One server in several processes: the parent, which binds the ports and keeps the workers running,
and what a worker is handed.

=========  ==============================================================================
moment     what happens
=========  ==============================================================================
start      ports are bound; the first worker starts and brings the store to this release;
           when it is ready, so do the others
an end     nobody asked for: the worker is started again, at once after a long life, later
           after a short one; clients wait in the backlog of its socket
stop       each worker sees its standard input end, and stops; whoever takes too long is killed
death      of the parent: the same
=========  ==============================================================================

A worker gets a line of JSON on its standard input, its sockets as open descriptors, and a pipe on
which it says that it is ready.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from twisted.application.service import Service
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError, ProcessExitedAlready
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.protocol import ProcessProtocol
from twisted.logger import Logger, LogLevel
from twisted.python.failure import Failure

from pymta.aio import CancelledError, Shared, TimeLimit, gather, sleep, start, timeout
from pymta.components.worker import Worker
from pymta.edge.lifeline import watch_input
from pymta.edge.sockets import Bound, Handed, HandedEndpoint, bound
from pymta.errors import PymtaError
from pymta.service import STOP_SECONDS

__all__ = ["HandOver", "WorkerFailed", "Workers"]

_log = Logger(namespace="pymta.workers")

VARIABLE = "PYMTA_WORKER"
"""In the environment of a worker: its number."""

_READY = 3  # descriptors of a worker: on this one it says so, the sockets follow

_AGAIN = 1.0
_MOST = 60.0
"""Seconds until a worker is started again: twice as many after each short life."""

_LEVELS = "|".join(level.name for level in LogLevel.iterconstants())
_LINE = re.compile(
    rf"\S+ \[(?P<namespace>[^\]\s#]+)#(?P<level>{_LEVELS})\] (?P<text>.*)", re.DOTALL
)


class WorkerFailed(PymtaError):
    """A worker has ended before it was ready."""


# -- in a worker -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class HandOver:
    """
    What a worker is handed by its parent.

    :param sockets: in the order of the parent's endpoints; None for one that is not shared.
    """

    worker: Worker
    sockets: Sequence[Handed | None]

    @classmethod
    def taken(cls, descriptor: int = 0) -> HandOver | None:
        """
        Read it, once, before anything else reads there; None where this is no worker.

        :raises WorkerFailed: the parent has gone.
        """
        if os.environ.pop(VARIABLE, None) is None:
            return None
        line = b""
        while not line.endswith(b"\n"):
            octets = os.read(descriptor, 64 * 1024)
            if not octets:
                raise WorkerFailed("the parent process has gone")
            line += octets
        told = json.loads(line)
        sockets = [
            None if each is None else (each[0], each[1], each[2]) for each in told["sockets"]
        ]
        worker = Worker(number=told["number"], of=told["of"], secret=bytes.fromhex(told["secret"]))
        return cls(worker=worker, sockets=sockets)

    def endpoint(self, reactor: Any, at: int, description: str) -> IStreamServerEndpoint | None:
        """
        Where it listens in place of the parent's endpoint number ``at``.

        :param description: of that endpoint; who is first opens it where it is not shared.
        :returns: None where another one listens.
        """
        handed = self.sockets[at]
        if handed is not None:
            return HandedEndpoint(reactor, handed)
        if self.worker.first:
            endpoint: IStreamServerEndpoint = serverFromString(reactor, description)
            return endpoint
        return None

    def ready(self, reactor: Any) -> None:
        """All is started; and from now on the reactor stops when the parent has gone.  Once."""
        watch_input(reactor)
        os.write(_READY, b"ready\n")
        os.close(_READY)


# -- in the parent ---------------------------------------------------------------------------


class Workers(Service):
    """
    Keeps so many processes running that are one server.

    It lives once, like :class:`~pymta.service.MailService`.  Each worker takes its
    :class:`HandOver`, makes a :class:`~pymta.components.system.MailSystem` with it, and says when
    that is ready; from then on it stops when the parent wants it to, or has gone.

    :param command: of a worker: the same for all of them.
    :param endpoints: Twisted's descriptions of where they listen.
    :param number: of workers; as many as there are cores use them all.
    :param relogs: write what workers write to the log of this process; otherwise they write where
        this process does, which costs nothing.
    :param seconds: for all to stop; then they are killed.
    """

    name = "pymta"

    def __init__(
        self,
        reactor: Any,
        command: Sequence[str],
        endpoints: Sequence[str],
        *,
        number: int,
        relogs: bool = False,
        random: Callable[[int], bytes] = os.urandom,
        seconds: float = STOP_SECONDS + 5,
    ) -> None:
        self._reactor = reactor
        self._command = tuple(command)
        self._endpoints = tuple(endpoints)
        self._number = number
        self._relogs = relogs
        self._random = random
        self._seconds = seconds
        self._bound: list[Bound | None] | None = None
        self._keeping: list[Deferred[None]] = []
        self._processes: dict[int, _Process] = {}
        self._opening: Shared[None] | None = None
        self.ready: Deferred[None] = Deferred()
        """Fires when all are ready, or fails with why not; then those that were are stopped."""

    @property
    def bound(self) -> Sequence[Bound | None]:
        """The sockets, in the order of the endpoints.  :raises RuntimeError: none are bound."""
        if self._bound is None:
            raise RuntimeError("nothing is bound")
        return self._bound

    @property
    def pids(self) -> Mapping[int, int]:
        """Of the workers that run, by their numbers."""
        return {number: process.pid for number, process in self._processes.items()}

    def privilegedStartService(self) -> None:
        # What cannot be bound now is tried again by startService(), which tells.
        with suppress(CannotListenError, ValueError, LookupError):
            self._bind()

    def startService(self) -> None:
        self.running = True
        self._opening = Shared(start(self._open()))
        self._opening.wait().chainDeferred(self.ready)  # type: ignore[unused-awaitable]

    def stopService(self) -> Deferred[None]:
        self.running = False
        return start(self._close())

    # -- life -----------------------------------------------------------------

    def _bind(self) -> None:
        if self._bound is not None:
            return
        made: list[Bound | None] = []
        try:
            for each in self._endpoints:
                made.append(bound(self._reactor, each, workers=self._number))
        except BaseException:
            _close(made)
            raise
        self._bound = made

    async def _open(self) -> None:
        try:
            self._bind()
            secret = self._random(32)
            await self._started(1, secret)
            await gather(self._started(each, secret) for each in range(2, self._number + 1))
            self._check_wanted()
            _log.info("{number} workers are ready", number=self._number)
        except BaseException:
            await self._end()
            self._check_wanted()
            raise

    def _check_wanted(self) -> None:
        if not self.running:
            raise CancelledError("stopped before all was started")

    async def _started(self, number: int, secret: bytes) -> None:
        """Start it and keep it running.  :raises WorkerFailed: its first life ended too soon."""
        self._check_wanted()
        worker = Worker(number=number, of=self._number, secret=secret)
        process = self._spawn(worker)
        await process.ready.wait()
        if self.running:
            self._keeping.append(start(self._keep(worker, process)).addErrback(_cancelled))

    async def _keep(self, worker: Worker, process: _Process) -> None:
        """Start it again whenever it ends."""
        delay = _AGAIN
        while True:
            status = await process.ended.wait()
            if self._reactor.seconds() - process.since > _MOST:
                delay = _AGAIN
            process = await self._again(worker, status, delay)
            delay = min(2 * delay, _MOST)

    async def _again(self, worker: Worker, status: str, delay: float) -> _Process:
        while True:
            _log.error(
                "worker {number} has ended ({status}): it is started again in {delay:.0f} s",
                number=worker.number,
                status=status,
                delay=delay,
            )
            await sleep(self._reactor, delay)
            try:
                return self._spawn(worker)
            except OSError as error:  # no process, no descriptor: maybe later
                status, delay = str(error), _MOST

    def _spawn(self, worker: Worker) -> _Process:
        handed, descriptors = self._handed(worker.number)
        process = _Process(self._reactor, worker, handed, relogs=self._relogs)
        # Its modules are found where ours are: ``twistd`` looks in its folder as well.
        path = os.pathsep.join(each for each in sys.path if each)
        environment = {**os.environ, VARIABLE: str(worker.number), "PYTHONPATH": path}
        streams: dict[int, Any] = {1: "r", 2: "r"} if self._relogs else {1: 1, 2: 2}
        self._reactor.spawnProcess(
            process,
            self._command[0],
            self._command,
            env=environment,
            childFDs={0: "w", **streams, _READY: "r", **descriptors},
        )
        self._processes[worker.number] = process
        return process

    def _handed(self, number: int) -> tuple[list[Handed | None], dict[int, int]]:
        """The sockets of a worker as it will know them, and by their descriptors here."""
        handed: list[Handed | None] = []
        descriptors: dict[int, int] = {}
        for each in self.bound:
            if each is None:
                handed.append(None)
                continue
            own = each.of(number)
            descriptor = _READY + 1 + len(descriptors)
            descriptors[descriptor] = own.fileno()
            handed.append((descriptor, int(own.family), each.backlog))
        return handed, descriptors

    async def _close(self) -> None:
        # A worker that is being started is not left behind.
        await self._end()
        if self._opening is not None:
            await self._opening.wait().addErrback(_nothing)

    async def _end(self) -> None:
        for keeping in self._keeping:
            keeping.cancel()
        self._keeping.clear()
        processes = list(self._processes.values())
        for process in processes:
            process.stop()
        ended = gather(process.ended.wait() for process in processes)
        try:
            await timeout(self._reactor, self._seconds, ended)
        except TimeLimit:
            _log.error("not all workers had stopped after {seconds} s", seconds=self._seconds)
            for process in processes:
                process.signal("KILL")
            await gather(process.ended.wait() for process in processes)
        made, self._bound = self._bound, None
        _close(made or ())


class _Process(ProcessProtocol):
    """One life of a worker, seen by its parent."""

    def __init__(
        self, reactor: Any, worker: Worker, handed: Sequence[Handed | None], *, relogs: bool
    ) -> None:
        self._worker = worker
        self._handed = handed
        self._relogged = _Relogged() if relogs else None
        self._said = b""
        self.since: float = reactor.seconds()
        self.ready: Shared[None] = Shared()
        self.ended: Shared[str] = Shared()

    @property
    def pid(self) -> int:
        """0 where it runs no more."""
        return getattr(self.transport, "pid", None) or 0

    def stop(self) -> None:
        """Have it end in peace."""
        if self.ready.ended and self.transport is not None:
            # A second SIGTERM, behind one that the whole group has got, would be a fault to it.
            self.transport.closeStdin()
        else:
            self.signal("TERM")

    def signal(self, name: str) -> None:
        """Send it; nothing comes of it where it has ended."""
        with suppress(ProcessExitedAlready):
            if self.transport is not None:
                self.transport.signalProcess(name)

    def connectionMade(self) -> None:
        assert self._worker.secret is not None
        assert self.transport is not None
        told = {
            "number": self._worker.number,
            "of": self._worker.of,
            "secret": self._worker.secret.hex(),
            "sockets": self._handed,
        }
        # Standard input stays open: its end tells the worker that nobody is there.
        self.transport.write(json.dumps(told).encode() + b"\n")

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        if childFD != _READY:
            assert self._relogged is not None
            self._relogged.write(data)
            return
        self._said += data
        if self._said.endswith(b"\n") and not self.ready.ended:
            self.ready.succeed(None)

    def processEnded(self, reason: Failure) -> None:
        if self._relogged is not None:
            self._relogged.end()
        status = _status(reason.value)
        number = self._worker.number
        if not self.ready.ended:
            no = WorkerFailed(f"worker {number} has not started ({status})")
            self.ready.fail(Failure(no))
        self.ended.succeed(status)


class _Relogged:
    """What a worker writes, in the log of this process, line by line."""

    def __init__(self) -> None:
        self._rest = b""

    def write(self, octets: bytes) -> None:
        *lines, self._rest = (self._rest + octets).split(b"\n")
        for line in lines:
            _relog(line.decode(errors="replace"))

    def end(self) -> None:
        if self._rest:
            self.write(b"\n")


def _relog(line: str) -> None:
    found = _LINE.fullmatch(line)
    if found is None:
        _log.info("{line}", line=line)  # of a traceback, or of a program's own
        return
    level = LogLevel.lookupByName(found["level"])
    Logger(namespace=found["namespace"]).emit(level, "{line}", line=found["text"])


def _status(reason: Any) -> str:
    """``status 1``, ``signal 9``."""
    signal = getattr(reason, "signal", None)
    return f"status {reason.exitCode}" if signal is None else f"signal {signal}"


def _close(made: Sequence[Bound | None]) -> None:
    for each in made:
        if each is not None:
            each.close()


def _cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)


def _nothing(_: object) -> None: ...
