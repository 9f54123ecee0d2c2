"""
pymta: a :class:`~pymta.components.system.MailSystem` with all of its checks, on a folder.

``python -m tests.benchmarks.servers.mta '{"figure": "kept", "folder": ...}'``

With ``"workers": 2`` it is the parent of two: each listens at a UNIX socket too, where the parent
asks what it has counted.
"""

from __future__ import annotations

import cProfile
import json
import socket
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IStreamServerEndpoint
from zope.interface import implementer

from pymta.cli.process import begin_log, own_reactor, serve
from pymta.components.parts import Job, Part
from pymta.components.relay import AGENT, with_peers
from pymta.components.routes import Routes
from pymta.components.system import MailSystem
from pymta.components.worker import ALONE, Worker
from pymta.edge.peers import LOOPBACK
from pymta.events import Attempted, Event
from pymta.interfaces.content import Lane
from pymta.interfaces.observe import IObserver
from pymta.observe.log import LogObserver
from pymta.outcome import Delivered
from pymta.service import Listening, MailService
from pymta.workers import HandOver, Workers
from tests.benchmarks.servers.control import Answers, answering, listens
from tests.benchmarks.servers.turns import Turns

ENDPOINT = "tcp:0:interface=127.0.0.1:backlog=1024"
_BACKLOG = 1024

DOMAIN = "example.test"
ACCOUNT = f"user@{DOMAIN}"
# Where a backlog waits, if there is one.
_DEAD = Lane(AGENT, "[dead.test]:25")
_LATER = datetime(9999, 1, 1, tzinfo=UTC)


@implementer(IObserver)
class Arrivals:
    """Counts what is in a mailbox."""

    delivered = 0

    def observe(self, event: Event) -> None:
        if isinstance(event, Attempted) and isinstance(event.outcome, Delivered):
            self.delivered += 1


def _system(
    reactor: Any, options: dict[str, Any], arrivals: Arrivals, worker: Worker = ALONE
) -> MailSystem:
    return MailSystem(
        reactor,
        hostname="mx.example.test",
        domains=[DOMAIN],
        directory=options["folder"],
        routes=Routes(next_hop=f"[127.0.0.1]:{options['sink']}"),
        relay=with_peers(LOOPBACK),
        observers=[LogObserver(), arrivals],
        # All clients are one host here.
        connections=None,
        worker=worker,
    )


def _parts(system: MailSystem, figure: str) -> list[Part]:
    kept = system.routes.lanes if figure == "kept" else ()

    async def suspend() -> None:
        for lane in (_DEAD, *kept):
            await system.stores.queue.suspend(lane, _LATER, "only kept")

    async def account() -> None:
        assert system.people.ensure is not None
        await system.people.ensure(ACCOUNT)

    parts = [*system.parts, Job(account)]
    # Before the runner: it never sees what it would try.
    parts.insert(parts.index(system.runner), Job(suspend))
    return parts


def main() -> None:
    options = json.loads(sys.argv[1])
    handed = HandOver.taken()
    reactor = own_reactor()
    name = "" if handed is None else f"-{handed.worker.number}"
    with Path(options["log"] + name).open("w") as log:
        begin_log(log)
        if handed is not None:
            _work(reactor, options, handed)
        elif options.get("workers", 1) > 1:
            _keep(reactor, options)
        elif "profile" in options:
            with cProfile.Profile() as profile:
                _alone(reactor, options)
            profile.dump_stats(options["profile"])
        else:
            _alone(reactor, options)


def _alone(reactor: Any, options: dict[str, Any]) -> None:
    endpoint = TCP4ServerEndpoint(reactor, 0, backlog=_BACKLOG, interface="127.0.0.1")

    def ready(listening: Listening, answers: Answers) -> None:
        listens(listening.address.port, answers, _closing(reactor))

    _serve(reactor, options, endpoint, ALONE, ready)


def _work(reactor: Any, options: dict[str, Any], handed: HandOver) -> None:
    endpoint = handed.endpoint(reactor, 0, ENDPOINT)
    assert endpoint is not None

    def ready(listening: Listening, answers: Answers) -> None:
        answering(_control(options, handed.worker.number), answers)
        handed.ready(reactor)

    _serve(reactor, options, endpoint, handed.worker, ready)


def _serve(
    reactor: Any,
    options: dict[str, Any],
    endpoint: IStreamServerEndpoint,
    worker: Worker,
    started: Callable[[Listening, Answers], None],
) -> None:
    arrivals = Arrivals()
    system = _system(reactor, options, arrivals, worker)
    listening = Listening("smtp", endpoint, system.smtp())
    turns = Turns.watch(reactor)

    async def ready() -> None:
        opening = time.process_time() - began
        answers = {
            "stored": lambda: arrivals.delivered,
            "turns": turns.take,
            # CPU seconds from the stores to the listeners; loading the modules is not in it.
            "opening": lambda: opening,
        }
        started(listening, answers)

    began = time.process_time()
    parts = _parts(system, options["figure"])
    serve(reactor, MailService(system.clock, parts, [listening]), ready)


# -- the parent of workers ---------------------------------------------------------


def _keep(reactor: Any, options: dict[str, Any]) -> None:
    count = options["workers"]
    command = [sys.executable, "-m", "tests.benchmarks.servers.mta", sys.argv[1]]
    workers = Workers(reactor, command, [ENDPOINT], number=count)
    controls = [_control(options, number) for number in range(1, count + 1)]
    answers = {
        "stored": lambda: sum(_answers(controls, "stored")),
        "turns": lambda: _together(_answers(controls, "turns")),
        "opening": lambda: max(_answers(controls, "opening")),
    }

    async def ready() -> None:
        [bound] = workers.bound
        assert bound is not None
        listens(bound.of(1).getsockname()[1], answers, _closing(reactor))

    serve(reactor, workers, ready, seconds=None)


def _closing(reactor: Any) -> Callable[[], None]:
    return lambda: reactor.callFromThread(reactor.stop)


def _control(options: dict[str, Any], number: int) -> str:
    return f"{options['folder']}/control-{number}"


def _answers(controls: Sequence[str], what: str) -> list[Any]:
    """What each of the workers says."""
    answers = []
    for path in controls:
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(path)
            asking.sendall(what.encode() + b"\n")
            answers.append(json.loads(asking.makefile().read()))
    return answers


def _together(turns: Sequence[dict[str, list[int]]]) -> dict[str, list[int]]:
    return {clock: list(chain.from_iterable(each[clock] for each in turns)) for clock in turns[0]}


if __name__ == "__main__":
    main()
