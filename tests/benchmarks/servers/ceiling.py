"""
What one reactor here can do at most: an SMTP of a few lines that checks nothing.

``python -m tests.benchmarks.servers.ceiling '{"log": null}'`` keeps nothing; with a log, each
message is appended and synced before the 250, all that came while the last sync ran in one.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any, Protocol

from twisted.internet import reactor as _reactor
from twisted.internet.protocol import Factory
from twisted.internet.protocol import Protocol as Connection
from twisted.internet.threads import deferToThread

from tests.benchmarks.servers.control import listens

reactor: Any = _reactor

_END = b"\r\n.\r\n"
_ANSWERS = {
    b"EHLO": b"250-mx.example.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
    b"DATA": b"354 Go on\r\n",
    b"QUIT": b"221 Bye\r\n",
}


class Keeper(Protocol):
    """Where messages go."""

    def keep(self, content: bytes, kept: Callable[[], object]) -> None: ...


class Nothing:
    """Forgets them."""

    def keep(self, content: bytes, kept: Callable[[], object]) -> None:
        kept()


class Log:
    """One file, one thread, one sync at a time."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._waiting: list[tuple[bytes, Callable[[], object]]] = []
        self._writes = False

    def keep(self, content: bytes, kept: Callable[[], object]) -> None:
        self._waiting.append((content, kept))
        if not self._writes:
            self._writes = True
            # Not at once: what this turn of the reactor brings goes with it.
            reactor.callLater(0, self._write)

    def _write(self) -> None:
        group, self._waiting = self._waiting, []
        block = b"".join(content for content, _ in group)
        writing = deferToThread(self._sync, block)
        told = [kept for _, kept in group]
        writing.addCallback(lambda _: self._written(told))  # type: ignore[unused-awaitable]

    def _sync(self, block: bytes) -> None:
        os.write(self._file, block)
        os.fdatasync(self._file)

    def _written(self, group: list[Callable[[], object]]) -> None:
        for kept in group:
            kept()
        self._writes = bool(self._waiting)
        if self._writes:
            self._write()


class Bare(Connection):
    """Believes whatever it is told."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._buffer = b""
        self._content = False

    def connectionMade(self) -> None:
        self._say(b"220 mx.example.test ESMTP\r\n")

    def dataReceived(self, data: bytes) -> None:
        self._buffer += data
        while self._take():
            pass

    def _take(self) -> bool:
        content, end, rest = self._buffer.partition(_END if self._content else b"\r\n")
        if not end:
            return False
        self._buffer = rest
        if self._content:
            self._content = False
            self._keeper.keep(content, lambda: self._say(b"250 OK\r\n"))
            return True
        verb = content[:4].upper()
        self._content = verb == b"DATA"
        self._say(_ANSWERS.get(verb, b"250 OK\r\n"))
        if verb == b"QUIT":
            self.transport.loseConnection()  # type: ignore[union-attr]  # it is connected
        return True

    def _say(self, answer: bytes) -> None:
        assert self.transport is not None
        self.transport.write(answer)


class Bares(Factory):
    noisy = False

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def buildProtocol(self, address: Any) -> Bare:
        return Bare(self._keeper)


def main() -> None:
    options = json.loads(sys.argv[1])
    keeper = Log(options["folder"]) if options["durable"] else Nothing()
    port = reactor.listenTCP(0, Bares(keeper), backlog=1024, interface="127.0.0.1")
    listens(
        port.getHost().port,
        {},
        lambda: reactor.callFromThread(reactor.stop),
    )
    reactor.run()


if __name__ == "__main__":
    main()
