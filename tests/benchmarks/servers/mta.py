"""
pymta: a :class:`~pymta.components.system.MailSystem` with all of its checks, on a folder.

``python -m tests.benchmarks.servers.mta '{"figure": "kept", "folder": ...}'``
"""

from __future__ import annotations

import cProfile
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from zope.interface import implementer

from pymta.cli.process import begin_log, own_reactor, serve
from pymta.components.parts import Job, Part
from pymta.components.relay import AGENT, with_peers
from pymta.components.routes import Routes
from pymta.components.system import MailSystem
from pymta.edge.peers import LOOPBACK
from pymta.events import Attempted, Event
from pymta.interfaces.content import Lane
from pymta.interfaces.observe import IObserver
from pymta.observe.log import LogObserver
from pymta.outcome import Delivered
from pymta.service import Listening, MailService
from tests.benchmarks.servers.control import listens
from tests.benchmarks.servers.turns import Turns

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


def _system(reactor: Any, options: dict[str, Any], arrivals: Arrivals) -> MailSystem:
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
    reactor = own_reactor()
    with Path(options["log"]).open("w") as log:
        begin_log(log)
        if "profile" not in options:
            _serve(reactor, options)
            return
        with cProfile.Profile() as profile:
            _serve(reactor, options)
        profile.dump_stats(options["profile"])


def _serve(reactor: Any, options: dict[str, Any]) -> None:
    arrivals = Arrivals()
    system = _system(reactor, options, arrivals)
    endpoint = TCP4ServerEndpoint(reactor, 0, backlog=1024, interface="127.0.0.1")
    listening = Listening("smtp", endpoint, system.smtp())
    turns = Turns.watch(reactor)

    async def ready() -> None:
        close = lambda: reactor.callFromThread(reactor.stop)  # noqa: E731  it is said once
        opening = time.process_time() - began
        answers = {
            "stored": lambda: arrivals.delivered,
            "turns": turns.take,
            # CPU seconds from the stores to the listeners; loading the modules is not in it.
            "opening": lambda: opening,
        }
        listens(listening.address.port, answers, close)

    began = time.process_time()
    parts = _parts(system, options["figure"])
    serve(reactor, MailService(system.clock, parts, [listening]), ready)


if __name__ == "__main__":
    main()
