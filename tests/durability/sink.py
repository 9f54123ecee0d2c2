"""
A next hop that keeps books: what it has answered 250 to is in a file, synced before it says so.

``python -m tests.durability.sink OPTIONS`` (JSON) serves SMTP and LMTP on one port, tells that in
a line of JSON, and has its mind made up by local parts: ``yes`` is taken, ``no`` is refused,
``never`` is refused for now each time and ``later`` the first time, ``spam`` is refused when all
of it has come.  It may end itself where its answer is due, as a server that loses its power.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import signal
import sys
from dataclasses import dataclass, field

from tests.durability.load import trace_of

__all__ = ["Options"]

_PATH = re.compile(rb"<([^<>]*)>")
_NAME = re.compile(rb"^X-Id: (\S+)\r\n", re.MULTILINE)
_MOST = 1024 * 1024
# What the disk of a busier server takes: long enough for a kill to fall into.
_PAUSE = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """
    :param number: which life of the sink this is.
    :param book: path of the file, which all lives share.
    :param die_at: so many messages are kept, and the answer to the last one is never given;
        0 is never.
    """

    address: str
    port: int
    number: int
    book: str
    die_at: int = 0


@dataclass(slots=True)
class _Session:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    chunking: bool
    client: str = ""
    lmtp: bool = False
    recipients: list[str] = field(default_factory=list)
    chunks: list[bytes] = field(default_factory=list)


class _Sink:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._book = os.open(options.book, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._kept = 0
        self._connections = 0
        self._put_off: set[str] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; every other one is offered BDAT."""
        self._connections += 1
        session = _Session(reader, writer, chunking=self._connections % 2 == 0)
        writer.write(b"220 sink.test\r\n")
        try:
            while await self._command(session):
                pass
        except (OSError, EOFError):
            pass
        finally:
            writer.close()

    async def _command(self, session: _Session) -> bool:
        line = (await session.reader.readuntil(b"\r\n"))[:-2]
        verb, _, rest = line.partition(b" ")
        answer = b"250 2.0.0 Ok\r\n"
        match verb.upper():
            case b"EHLO" | b"LHLO" | b"HELO":
                session.client = rest.decode()
                session.lmtp = verb.upper() == b"LHLO"
                chunking = b"250-CHUNKING\r\n" * session.chunking
                answer = b"250-sink.test\r\n250-PIPELINING\r\n" + chunking
                answer += b"250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"
            case b"MAIL" | b"RSET":
                session.recipients, session.chunks = [], []
            case b"RCPT":
                answer = self._recipient(session, rest)
            case b"DATA" if session.recipients:
                answer = await self._data(session)
            case b"BDAT" if session.recipients:
                answer = await self._chunk(session, rest.split())
            case b"DATA" | b"BDAT":
                answer = b"503 5.5.1 No recipients\r\n"
            case b"QUIT":
                answer = b"221 2.0.0 Bye\r\n"
        session.writer.write(answer)
        await session.writer.drain()
        return verb.upper() != b"QUIT"

    def _recipient(self, session: _Session, rest: bytes) -> bytes:
        found = _PATH.search(rest)
        assert found is not None, rest
        to = found[1].decode()
        if to.startswith("no"):
            return b"550 5.1.1 No such user\r\n"
        if to.startswith("never"):
            return b"452 4.2.2 Mailbox full\r\n"
        if to.startswith("later") and to not in self._put_off:
            self._put_off.add(to)
            return b"451 4.7.1 Greylisted\r\n"
        session.recipients.append(to)
        return b"250 2.1.5 Ok\r\n"

    async def _data(self, session: _Session) -> bytes:
        session.writer.write(b"354 Go on\r\n")
        stuffed = await session.reader.readuntil(b"\r\n.\r\n")
        octets = (b"\r\n" + stuffed[:-3]).replace(b"\r\n.", b"\r\n")[2:]
        return await self._content(session, octets)

    async def _chunk(self, session: _Session, words: list[bytes]) -> bytes:
        session.chunks.append(await session.reader.readexactly(int(words[0])))
        if len(words) < 2:
            return b"250 2.0.0 Go on\r\n"
        return await self._content(session, b"".join(session.chunks))

    async def _content(self, session: _Session, octets: bytes) -> bytes:
        refused = [to for to in session.recipients if to.startswith("spam")]
        taken = [to for to in session.recipients if to not in refused]
        if refused and not session.lmtp:
            return b"554 5.7.1 Spam\r\n"
        if taken:
            self._keep(session, taken, octets)
        await asyncio.sleep(_PAUSE)
        if not session.lmtp:
            return b"250 2.0.0 Kept\r\n"
        no, yes = b"554 5.7.1 Spam\r\n", b"250 2.0.0 Kept\r\n"
        return b"".join(no if to in refused else yes for to in session.recipients)

    def _keep(self, session: _Session, to: list[str], octets: bytes) -> None:
        name = _NAME.search(octets)
        trace = trace_of(octets)
        told = {
            "sink": self._options.number,
            "client": session.client,
            "name": "" if name is None else name[1].decode(),
            "to": to,
            "size": len(octets) - len(trace),
            "sha256": hashlib.sha256(octets[len(trace) :]).hexdigest(),
        }
        os.write(self._book, (json.dumps(told) + "\n").encode())
        os.fsync(self._book)
        self._kept += 1
        if self._kept == self._options.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


async def _run(options: Options) -> None:
    server = await asyncio.start_server(
        _Sink(options).serve, options.address, options.port, limit=_MOST
    )
    port = server.sockets[0].getsockname()[1]
    os.write(1, (json.dumps({"smtp": port}) + "\n").encode())
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_run(Options(**json.loads(sys.argv[1]))))
