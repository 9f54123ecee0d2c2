"""
A content filter in front of another mail server.  It keeps nothing: commands are passed on as
they come, content as it streams, and the next hop's answers are ours.

``python examples/content_filter.py NEXT-HOP-PORT [PORT]`` runs it: a message whose subject says
"lottery" is refused, and all others get a field ``X-Filter``.
"""

import sys
from datetime import UTC, datetime
from typing import Any

from twisted.internet import defer, task
from twisted.internet.endpoints import serverFromString
from zope.interface import implementer

from pymta import Listening, Recipient, Refused, Reply, Sender, Session
from pymta.edge.dialling import Unreachable, dial
from pymta.interfaces.receive import IMailReceiver, IMailSession, ITransaction, Receipt
from pymta.message.header import Header, HeaderReader
from pymta.session import Role
from pymta.smtp.listener import smtp_listener
from pymta.smtp.settings import Settings
from pymta.wire import NEED_DATA, NeedData
from pymta.wire.smtp.capabilities import Capabilities
from pymta.wire.smtp.data import DataEncoder
from pymta.wire.smtp.extensions import (
    EIGHTBITMIME,
    ENHANCEDSTATUSCODES,
    PIPELINING,
    format_mail_parameters,
)
from pymta.wire.smtp.replies import ReplyReader, lift_status

SECONDS = 200.0  # for each answer: less than a client waits for ours


def judge(header: Header) -> bytes:
    """:returns: fields to put in front.  :raises Refused: to be told at the end."""
    if any(b"lottery" in field.unfolded.lower() for field in header.all(b"Subject")):
        raise Refused(Reply(550, "5.7.1", "We do not play"))
    return b"X-Filter: passed\r\n"


class NextHop:
    """
    The other server, and the machine of its connection: octets out, replies in.

    Where it says "no", Refused is the answer to our client; where it says nothing, 451 is.
    """

    def __init__(self) -> None:
        self._replies = ReplyReader()
        self._said = b""
        self.closing = False

    async def connect(self, reactor: Any, port: int) -> None:
        try:
            self._dialled = await dial(
                reactor, reactor, self, address="127.0.0.1", port=port, seconds=SECONDS
            )
        except Unreachable:
            raise Refused(Reply(451, "4.4.1", "The next hop cannot be reached")) from None
        self.abort = self._dialled.abort

    async def ask(self, octets: bytes) -> Reply:
        self._said += octets
        reply = lift_status(await self._dialled.connection.next_event(SECONDS))
        if not reply.positive:
            raise Refused(reply)
        return reply

    async def stream(self, octets: bytes) -> None:
        self._said += octets
        await self._dialled.connection.written(SECONDS)

    def quit(self) -> None:
        self._said += b"QUIT\r\n"
        self._dialled.close()

    def receive_data(self, data: bytes) -> None:
        self.closing = not data
        self._replies.receive_data(data)

    def next_event(self) -> Reply | NeedData:
        return self._replies.next_reply() or NEED_DATA

    def data_to_send(self) -> bytes:
        said, self._said = self._said, b""
        return said


@implementer(IMailReceiver, IMailSession)
class Filter:
    """A connection to the next hop for each message: nothing of one reaches another."""

    def __init__(self, reactor: Any, port: int, session: Session | None = None) -> None:
        self._reactor = reactor
        self._port = port
        self._session = session

    async def connected(self, session: Session) -> IMailSession:
        return Filter(self._reactor, self._port, session)

    async def changed(self, session: Session) -> None:
        self._session = session

    async def begin(self, sender: Sender) -> ITransaction:
        assert self._session is not None
        hop = NextHop()
        await hop.connect(self._reactor, self._port)
        try:
            await hop.ask(b"")  # the greeting
            offered = Capabilities.parse(await hop.ask(b"EHLO filter.example\r\n"))
            if "XFORWARD" in offered:
                host = self._session.peer.host
                client = f"IPV6:{host}" if ":" in host else host
                await hop.ask(f"XFORWARD ADDR={client}\r\n".encode())
            known = [EIGHTBITMIME] if EIGHTBITMIME.keyword in offered else []
            words = [f"MAIL FROM:<{sender}>", *format_mail_parameters(sender, known)]
            await hop.ask(" ".join(words).encode() + b"\r\n")
        except BaseException:
            hop.abort()
            raise
        return Passage(hop)

    def closed(self) -> None: ...


@implementer(ITransaction)
class Passage:
    """
    One message on its way through: its header waits to be judged, all else streams.

    The listener gives us lines that end with CRLF and nothing else: what it will refuse for a bare
    CR or LF does not come here, so that nobody behind us reads an end of the data in it (S03).
    """

    def __init__(self, hop: NextHop) -> None:
        self._hop = hop
        self._reader = HeaderReader()
        self._held = b""
        self._dots = DataEncoder()

    async def add_recipient(self, recipient: Recipient) -> Reply | None:
        return await self._hop.ask(f"RCPT TO:<{recipient}>\r\n".encode())

    async def begin_content(self) -> None:
        await self._hop.ask(b"DATA\r\n")

    async def write(self, data: bytes) -> None:
        if self._reader.header is None:
            self._held += data
            self._reader.feed(data)
            if self._reader.header is None:
                return
            data, self._held = judge(self._reader.header) + self._held, b""
        await self._hop.stream(self._dots.encode(data))

    async def commit(self) -> Receipt:
        try:
            if self._reader.header is None:  # it was nothing but a header
                fields = judge(self._reader.finish())
                await self._hop.stream(self._dots.encode(fields + self._held))
            reply = await self._hop.ask(self._dots.end())
        except BaseException:
            self._hop.abort()
            raise
        self._hop.quit()
        return Receipt(reply=reply)

    def abort(self) -> None:
        self._hop.abort()  # without the end of the data there is no message


async def main(reactor: Any, next_hop: str, port: str = "2525") -> None:
    settings = Settings(
        receiver=Filter(reactor, int(next_hop)),
        hostname="filter.example",
        role=Role.SMTP,
        clock=reactor,
        now=lambda: datetime.now(UTC),
        # What DATA can carry: neither BDAT nor BINARYMIME.
        extensions=(PIPELINING, EIGHTBITMIME, ENHANCEDSTATUSCODES),
    )
    endpoint = serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1")
    listening = Listening("filter", endpoint, smtp_listener(settings))
    await listening.start()
    print(f"listening on {listening.address}", flush=True)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(lambda reactor: defer.ensureDeferred(main(reactor, *sys.argv[1:])))
