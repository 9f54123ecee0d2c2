"""
``python -m pymta.cli.worker FILE``: one worker of a server in several processes.

Nobody types this: :class:`~pymta.workers.Workers` starts it, and hands it its sockets.
"""

from __future__ import annotations

import signal
import sys

from pymta.cli.errors import NOT_UNDERSTOOD, told
from pymta.cli.process import begin_log, own_reactor, serve
from pymta.config.file import load
from pymta.edge.listening import Listening
from pymta.errors import PymtaError
from pymta.service import MailService
from pymta.workers import HandOver

__all__ = ["command", "main"]


def command(file: str) -> tuple[str, ...]:
    """What starts a worker.  :param file: the configuration, by its absolute path."""
    # -P: of the folder that it runs in nothing is imported but by those who have it on their path.
    return (sys.executable, "-P", "-m", "pymta.cli.worker", file)


def main(file: str) -> int:
    """Serve until the parent says, or goes.  :returns: the exit status."""
    try:
        handed = HandOver.taken()
    except PymtaError as error:
        return told(error)
    if handed is None:
        sys.stderr.write("a worker is started by its server: twistd pymta --config FILE\n")
        return NOT_UNDERSTOOD
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent's affair
    reactor = own_reactor()
    begin_log(sys.stdout)
    try:
        wired = load(file, reactor, worker=handed.worker)
    except PymtaError as error:
        return told(error)
    listening = []
    for at, each in enumerate(wired.listeners):
        endpoint = handed.endpoint(reactor, at, each.endpoint)
        if endpoint is not None:
            listening.append(Listening(each.name, endpoint, each.listener))
    service = MailService(wired.system.clock, wired.system.parts, listening)

    async def ready() -> None:
        handed.ready(reactor)

    return serve(reactor, service, ready, seconds=None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
