"""
``twistd pymta --config mail.toml``: the server as a daemon, or with ``-n`` in the foreground.

Twisted forks between making the service and starting it, so making it opens nothing.  Mistakes
in the file are printed and end it with status 2, before any fork.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import CancelledError
from twisted.internet.endpoints import serverFromString
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.python.usage import Options as TwistedOptions
from twisted.python.usage import UsageError

from pymta.cli.errors import EXPECTED, NOT_UNDERSTOOD, sentence, told
from pymta.cli.process import own_reactor, spare_turns
from pymta.cli.worker import command
from pymta.config.file import load
from pymta.config.wiring import Wired, WiredListener
from pymta.edge.lifeline import stop
from pymta.edge.listening import Listening
from pymta.errors import ConfigurationError, Mistake
from pymta.service import MailService
from pymta.workers import Workers

__all__ = ["Options", "makeService"]

_log = Logger(namespace="pymta.twistd")


class Options(TwistedOptions):
    """The arguments behind ``twistd pymta``."""

    synopsis = "[options]"
    longdesc = "A mail server. 'pymta check FILE' tells all mistakes of a configuration file."
    optParameters = [  # noqa: RUF012  Twisted reads it
        ["config", "c", None, "configuration file (TOML)"]
    ]

    def postOptions(self) -> None:
        """:raises UsageError: there is no file."""
        if self["config"] is None:
            raise UsageError("--config FILE is missing")


def makeService(options: Options) -> IService:
    """
    The service that the file asks for.

    Ends the process with status 2 where the file has mistakes.
    """
    try:
        return _service(options, own_reactor())
    except ConfigurationError as error:
        told(error)
        sys.exit(NOT_UNDERSTOOD)


def _service(options: Options, reactor: Any) -> MailService | Workers:
    file = options["config"]
    wired = load(file, reactor)
    listening = [_listening(file, reactor, each) for each in wired.listeners]
    service: MailService | Workers
    if wired.configuration.workers == 1:
        service = MailService(wired.system.clock, wired.system.parts, listening)
    else:
        service = _workers(options, reactor, wired)

    def failed(failure: Failure) -> None:
        if not failure.check(CancelledError):
            _not_started(reactor, failure)

    service.ready.addCallbacks(lambda _: spare_turns(), failed)  # type: ignore[unused-awaitable]
    _expect_hang_up(reactor)
    return service


def _expect_hang_up(reactor: Any) -> None:
    """The terminal has gone: that is the end.  Without one, somebody wants files read again."""

    def hang_up(*_: object) -> None:
        reactor.callFromThread(stop if os.isatty(0) else _nothing_to_read, reactor)

    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:  # nohup has it ignored
        signal.signal(signal.SIGHUP, hang_up)


def _nothing_to_read(_: object) -> None:
    _log.info("SIGHUP: certificates and aliases are read when they change, the rest at the start")


def _workers(options: Options, reactor: Any, wired: Wired) -> Workers:
    return Workers(
        reactor,
        # A daemon works in another folder.
        command(os.path.abspath(options["config"])),
        [each.endpoint for each in wired.listeners],
        number=wired.configuration.workers,
        relogs=not _writes_here(options.parent or {}),
    )


def _writes_here(twistd: Mapping[str, Any]) -> bool:
    """Whether its log is its standard output, which workers have as well."""
    elsewhere = twistd.get("syslog") or twistd.get("logger")
    plain = twistd.get("logfile") in (None, "-")
    return bool(twistd.get("nodaemon")) and plain and not elsewhere


def _listening(file: str, reactor: Any, wired: WiredListener) -> Listening:
    try:
        endpoint = serverFromString(reactor, wired.endpoint)
    except (ValueError, LookupError, OSError) as error:  # systemd has not handed it over
        message = f'"{wired.endpoint}" is not there: {error}'
        raise ConfigurationError(file, (Mistake(message, path="listeners"),)) from None
    return Listening(wired.name, endpoint, wired.listener)


def _not_started(reactor: Any, failure: Failure) -> None:
    if isinstance(failure.value, EXPECTED):
        _log.critical("cannot start: {error}", error=sentence(failure.value))
    else:
        _log.failure("cannot start", failure=failure)
    # twistd knows no status but 0: a supervisor must see that this was no end in peace.
    atexit.register(_end)
    reactor.callWhenRunning(stop, reactor)


def _end() -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1)
