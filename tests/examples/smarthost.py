"""
A smarthost for the tests of the examples: it takes mail from whoever logs in, over TLS, and gives
it by POP3.  ``smarthost.py CERTIFICATE KEY``.
"""

from __future__ import annotations

import sys
from typing import Any

from twisted.internet import defer, task
from twisted.internet.endpoints import serverFromString

from pymta import Listening, MailService, MailSystem
from pymta.components.people import springing
from pymta.edge.tls import Certificates, KeyPair


async def main(reactor: Any, certificate: str, key: str) -> None:
    system = MailSystem(
        reactor,
        hostname="localhost",
        domains=["example.test"],
        people=springing(["example.test"]),
        certificates=Certificates(KeyPair(certificate, key), clock=reactor),
    )
    listening = [
        Listening(name, serverFromString(reactor, "tcp:0:interface=127.0.0.1"), listener)
        for name, listener in (
            ("submission", system.submission()),
            ("pop3", system.pop3()),
        )
    ]
    service = MailService(reactor, system.parts, listening)
    service.startService()
    await service.ready
    for each in listening:
        print(f"{each.name} {each.address}", flush=True)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(lambda reactor: defer.ensureDeferred(main(reactor, *sys.argv[1:])))
