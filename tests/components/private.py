"""
A whole server on a reactor of its own, in a thread, while nobody can use the global one.

Run as a program: it prints what its clients got.
"""

from __future__ import annotations

import json
import poplib
import smtplib
import sys
import threading
import time
import types
from typing import Any


class Poisoned(types.ModuleType):
    """In place of the global reactor."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(f"somebody used the global reactor: {name}")


sys.modules["twisted.internet.reactor"] = Poisoned("twisted.internet.reactor")

from twisted.internet.endpoints import serverFromString  # noqa: E402
from twisted.internet.selectreactor import SelectReactor  # noqa: E402

from pymta import Listening, MailService, MailSystem  # noqa: E402
from pymta.accounts.passwords import CHEAPEST  # noqa: E402
from pymta.components.people import kept  # noqa: E402
from pymta.components.selfsigned import SelfSigned  # noqa: E402
from tests.cli.clients import MESSAGE, untrusting  # noqa: E402


def main(directory: str) -> None:
    """Start it, talk to it, stop it."""
    reactor = SelectReactor()
    system = MailSystem(
        reactor,
        domains=["example.test"],
        directory=directory,
        people=kept(CHEAPEST),
        certificates=SelfSigned(["localhost"]),
    )
    listening = [
        Listening(name, serverFromString(reactor, "tcp:0:interface=127.0.0.1"), listener)
        for name, listener in (("submission", system.submission()), ("pop3", system.pop3()))
    ]
    service = MailService(system.clock, system.parts, listening)
    ready = threading.Event()

    def begin() -> None:
        service.startService()
        _ = service.ready.addBoth(lambda _: ready.set())

    reactor.callWhenRunning(begin)
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    thread = threading.Thread(target=reactor.run, kwargs={"installSignalHandlers": False})
    thread.start()
    assert ready.wait(30)
    try:
        made = threading.Event()
        reactor.callFromThread(_add_account, system, made)
        assert made.wait(30)
        _talk(*(each.address.port for each in listening))
    finally:
        reactor.callFromThread(reactor.stop)
        thread.join(30)
    print(json.dumps({"ended": not thread.is_alive()}))


def _add_account(system: MailSystem, made: threading.Event) -> None:
    from pymta.aio import deferred

    assert system.people.administration is not None
    adding = deferred(system.people.administration.add("ann@example.test", "secret"))
    _ = adding.addBoth(lambda _: made.set())


def _talk(submission: int, pop3: int) -> None:
    with smtplib.SMTP("127.0.0.1", submission, timeout=30) as smtp:
        smtp.starttls(context=untrusting())
        smtp.login("ann", "secret")
        smtp.sendmail("ann@example.test", ["ann@example.test"], MESSAGE)
    for _ in range(200):
        pop = poplib.POP3("127.0.0.1", pop3, timeout=30)
        pop.stls(untrusting())
        pop.user("ann")
        pop.pass_("secret")
        if pop.stat()[0]:
            octets = b"\r\n".join(pop.retr(1)[1]) + b"\r\n"
            pop.quit()
            print(json.dumps({"came": octets.endswith(MESSAGE.partition(b"\r\n\r\n")[2])}))
            return
        pop.quit()
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1])
