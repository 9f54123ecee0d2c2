"""
twisted.mail: its SMTP protocol, with a delivery that stores one synced file a message.

``python -m tests.benchmarks.servers.twisted_mail '{"folder": ..., "threads": false}'``
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.threads import deferToThread
from twisted.mail import smtp
from zope.interface import implementer

from tests.benchmarks.servers.control import listens
from tests.benchmarks.servers.storing import Folder

reactor: Any = _reactor
Keep: TypeAlias = Callable[[Callable[[bytes], None], bytes], Deferred[None]]


@implementer(smtp.IMessage)
class Message:
    """Lines as they come; the file when they have ended."""

    def __init__(self, folder: Folder, keep: Keep) -> None:
        self._folder = folder
        self._keep = keep
        self._lines: list[bytes] = []

    def lineReceived(self, line: bytes) -> None:
        self._lines.append(line)

    def eomReceived(self) -> Deferred[None]:
        self._lines.append(b"")
        return self._keep(self._folder.store, b"\r\n".join(self._lines))

    def connectionLost(self) -> None:
        self._lines = []


@implementer(smtp.IMessageDelivery)
class Delivery:
    """Takes everything."""

    def __init__(self, folder: Folder, keep: Keep) -> None:
        self._folder = folder
        self._keep = keep

    def receivedHeader(self, helo: Any, origin: Any, recipients: Any) -> bytes:
        return b"Received: by mx.example.test; " + bytes(smtp.rfc822date())

    def validateFrom(self, helo: Any, origin: Any) -> Any:
        return origin

    def validateTo(self, user: Any) -> Any:
        return lambda: Message(self._folder, self._keep)


def main() -> None:
    options = json.loads(sys.argv[1])
    folder = Folder(options["folder"])
    keep: Keep = deferToThread if options["threads"] else maybeDeferred

    class Factory(smtp.SMTPFactory):
        noisy = False

        def buildProtocol(self, address: Any) -> Any:
            protocol = smtp.ESMTP()
            protocol.delivery = Delivery(folder, keep)
            protocol.factory = self
            return protocol

    port = reactor.listenTCP(0, Factory(), backlog=1024, interface="127.0.0.1")
    listens(
        port.getHost().port,
        {"stored": lambda: folder.stored},
        lambda: reactor.callFromThread(reactor.stop),
    )
    reactor.run()


if __name__ == "__main__":
    main()
