"""
A mail server in as many processes as there are cores: ``python examples/workers.py``.

The first process binds the port and starts the others; each of those runs this file again, and is
handed its socket.  ``DIRECTORY``, ``ENDPOINT`` and ``WORKERS`` say where and how many.
"""

import os
import sys
from typing import Any

from twisted.internet import defer, task

from pymta import Listening, MailService, MailSystem
from pymta.workers import HandOver, Workers

DIRECTORY = os.environ.get("DIRECTORY", "mail")
ENDPOINT = os.environ.get("ENDPOINT", "tcp:2525:interface=127.0.0.1")
WORKERS = int(os.environ.get("WORKERS", os.cpu_count() or 1))


async def main(reactor: Any) -> None:
    handed = HandOver.taken()
    if handed is None:
        workers = Workers(reactor, [sys.executable, __file__], [ENDPOINT], number=WORKERS)
        workers.startService()
        await workers.ready
        reactor.addSystemEventTrigger("before", "shutdown", workers.stopService)
        print(f"{WORKERS} workers at {ENDPOINT}", flush=True)
    else:
        system = MailSystem(
            reactor, domains=["example.test"], directory=DIRECTORY, worker=handed.worker
        )
        endpoint = handed.endpoint(reactor, 0, ENDPOINT)
        assert endpoint is not None, "only a UNIX socket is the first worker's alone"
        listening = [Listening("smtp", endpoint, system.smtp())]
        service = MailService(reactor, system.parts, listening)
        service.startService()
        await service.ready
        handed.ready(reactor)
    await defer.Deferred()


task.react(lambda reactor: defer.ensureDeferred(main(reactor)))
