"""
pymta: mailboxes of a kept account by IMAP, on a folder.

``python -m tests.benchmarks.servers.imap_store '{"folder": ..., "certificate": ..., ...}'``
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import TCP4ServerEndpoint
from twisted.internet.interfaces import IReactorTime

from pymta.cli.process import begin_log, own_reactor, serve
from pymta.components.parts import Job
from pymta.components.people import kept
from pymta.components.system import MailSystem
from pymta.edge.tls import Certificates, KeyPair
from pymta.service import Listening, MailService
from tests.benchmarks.imap_tasks import PASSWORD, USER
from tests.benchmarks.servers.control import listens


def _system(reactor: Any, options: dict[str, Any]) -> MailSystem:
    return MailSystem(
        reactor,
        hostname="mx.example.test",
        domains=["example.test"],
        directory=options["folder"],
        people=kept(),
        certificates=Certificates(
            KeyPair(options["certificate"], options["key"]), clock=IReactorTime(reactor)
        ),
        # All clients are one host here.
        connections=None,
        limit_logins=None,
    )


def main() -> None:
    options = json.loads(sys.argv[1])
    reactor = own_reactor()
    with Path(options["log"]).open("w") as log:
        begin_log(log)
        _serve(reactor, options)


def _serve(reactor: Any, options: dict[str, Any]) -> None:
    system = _system(reactor, options)
    endpoint = TCP4ServerEndpoint(reactor, 0, backlog=1024, interface="127.0.0.1")
    listening = Listening("imap", endpoint, system.imap())

    async def account() -> None:
        assert system.people.administration is not None
        with suppress(ValueError):  # it is there already
            await system.people.administration.add(USER, PASSWORD)

    async def ready() -> None:
        listens(listening.address.port, {"stored": int}, close)

    def close() -> None:
        reactor.callFromThread(reactor.stop)

    serve(reactor, MailService(system.clock, [*system.parts, Job(account)], [listening]), ready)


if __name__ == "__main__":
    main()
