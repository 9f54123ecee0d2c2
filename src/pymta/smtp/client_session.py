"""
One connection to a server, greeted and ready: transactions, one after the other, until QUIT.

Opened by :class:`~pymta.smtp.client_dialler.Dialler`.  Whatever the server does is an answer to
each recipient, never an exception.  Between transactions the connection is watched, so that one
that the server closes is known to be closed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pymta.aio import CancelledError, Shared, TimeLimit, timeout
from pymta.edge.connection import Lost
from pymta.edge.dialling import Dialled
from pymta.envelope import Body, Recipient, Sender
from pymta.errors import LocalProtocolError, RemoteProtocolError, SpoolError
from pymta.interfaces.content import SLICE, IContent
from pymta.interfaces.relay import Host
from pymta.reply import Reply
from pymta.session import TLS, Endpoint
from pymta.smtp.client_answers import Answer, Answers, Interrupted, Stage
from pymta.smtp.client_needs import has_utf8_header, least_body
from pymta.smtp.client_settings import ClientSettings, EightBit
from pymta.wire import NeedData
from pymta.wire.smtp.capabilities import Capabilities
from pymta.wire.smtp.client import Phase, SMTPClient
from pymta.wire.smtp.client_events import ClientEvent, ContentWanted

__all__ = ["ClientSession"]

NOT_EIGHT_BIT: Final = Reply(554, "5.6.3", "8-bit content, and the next hop takes none")


class ClientSession:
    """
    A connection on which transactions may begin.

    :param where: the server, for people.
    :ivar host: as it was dialled.
    :ivar tls: what was agreed on; its ``peer_name`` is a name that was verified, or None.
    """

    def __init__(
        self,
        dialled: Dialled[ClientEvent],
        machine: SMTPClient,
        settings: ClientSettings,
        *,
        host: Host,
        tls: TLS | None,
        where: str,
    ) -> None:
        self.host = host
        self.tls = tls
        self._dialled = dialled
        self._connection = dialled.connection
        self._machine = machine
        self._settings = settings
        self._timeouts = settings.timeouts
        self._where = where
        self._peer = dialled.connection.peer
        self._busy = False
        self._watch()

    @property
    def capabilities(self) -> Capabilities:
        """What the server announced last."""
        return self._machine.capabilities

    @property
    def peer(self) -> Endpoint:
        """The server's end of the socket."""
        return self._peer

    @property
    def usable(self) -> bool:
        """Whether a transaction may begin now."""
        return (
            not self._busy
            and not self._dialled.over
            and self._machine.phase is Phase.READY
            and not self._connection.lost
            and self._machine.transactions_left != 0
        )

    @property
    def closed(self) -> Shared[None]:
        """When the connection is gone, whoever closed it."""
        return self._connection.ended

    # -- a transaction ---------------------------------------------------------

    async def send(
        self, sender: Sender, recipients: Sequence[Recipient], content: IContent
    ) -> tuple[Answer, ...]:
        """
        One message to at least one recipient.

        Cancelled, or where the content cannot be read, the connection is given up: content
        that was begun by DATA has no other end.  Cancelled, it raises
        :class:`~pymta.smtp.client_answers.Interrupted` with what is known.

        :param sender: its size is the content's, whatever it says.
        :returns: one answer for each recipient, in their order.
        :raises pymta.errors.SpoolError: :raises pymta.errors.MessageGone: from the content.
        :raises LocalProtocolError: without recipients, while another is sent, and beyond what
            the server takes on one connection (:attr:`usable`).
        """
        if self._busy or not recipients or self._machine.transactions_left == 0:
            raise LocalProtocolError("no recipients, or no transaction may begin now")
        answers = Answers(recipients, self._where)
        if self._machine.closing or self._dialled.over or self._connection.lost:
            answers.broke("had closed the connection")
        elif self._objects(sender):
            answers.rest(NOT_EIGHT_BIT, Stage.SENDER, from_peer=False)
        else:
            await self._send(replace(sender, size=content.size), recipients, content, answers)
        return answers.all()

    def _objects(self, sender: Sender) -> bool:
        return (
            sender.body is Body.EIGHT_BIT
            and self._settings.eight_bit is EightBit.REFUSE
            and "8BITMIME" not in self.capabilities
        )

    async def _send(
        self, sender: Sender, recipients: Sequence[Recipient], content: IContent, answers: Answers
    ) -> None:
        self._connection.look_away()
        self._busy = True
        try:
            await self._fenced(sender, recipients, content, answers)
        finally:
            self._busy = False
            if not answers.over:
                self.abort()
        self._watch()

    async def _fenced(
        self, sender: Sender, recipients: Sequence[Recipient], content: IContent, answers: Answers
    ) -> None:
        """The transaction; what goes wrong with the connection becomes answers."""
        try:
            try:
                self._machine.begin(await self._as_needed(sender, content), recipients)
                await self._transact(content, answers)
            except (TimeLimit, Lost):
                # What it said before, a "no" to content that it does not read, counts.
                self._pull(answers)
                answers.broke("took too long")
                self.abort()
        except RemoteProtocolError as error:
            answers.broke(f"broke the protocol ({_short(error)})", "4.5.0")
            self.abort()
        except CancelledError:
            answers.broke("was left")
            self.abort()
            raise Interrupted(answers.all()) from None

    async def _as_needed(self, sender: Sender, content: IContent) -> Sender:
        """As its client said, but for what the server does not know and the message not need."""
        clock, known = self._connection.clock, self.capabilities
        if sender.smtputf8 and "SMTPUTF8" not in known:
            sender = replace(sender, smtputf8=await has_utf8_header(content, clock))
        chunking = self._settings.chunking and "CHUNKING" in known
        if sender.body is Body.BINARY and not (chunking and "BINARYMIME" in known):
            lesser = replace(sender, body=await least_body(content, clock))
            return sender if self._objects(lesser) else lesser
        return sender

    async def _transact(self, content: IContent, answers: Answers) -> None:
        while not answers.over:
            event = await self._connection.next_event(self._patience(answers))
            answers.take(event)
            if isinstance(event, ContentWanted):
                await self._give(content, answers)

    def _patience(self, answers: Answers) -> float:
        if answers.given:
            return self._timeouts.end
        return self._timeouts.data if answers.envelope_answered else self._timeouts.command

    async def _give(self, content: IContent, answers: Answers) -> None:
        """Give the content, unless it is refused on the way."""
        machine, connection, block = self._machine, self._connection, self._timeouts.block
        given = 0
        while machine.phase is Phase.CONTENT:
            if given < content.size:
                data = await content.read(given, given + SLICE)
                if not data:
                    raise SpoolError(f"content ends after {given} of {content.size} octets")
                self._pull(answers)
                if machine.phase is not Phase.CONTENT:
                    return
                machine.content(data)
                given += len(data)
            if given >= content.size:
                machine.end_content()
                answers.given = True
            await connection.written(block)
            self._pull(answers)
            # One limit for all that comes: an octet a minute is not an answer.
            ends = connection.clock.seconds() + block
            while machine.backlog and machine.phase is Phase.CONTENT:
                await connection.heard(ends - connection.clock.seconds())
                self._pull(answers)
                connection.flush()  # what has waited

    def _pull(self, answers: Answers) -> None:
        """Take what the server has said already."""
        while not isinstance(event := self._machine.next_event(), NeedData):
            answers.take(event)

    # -- between transactions --------------------------------------------------

    def _watch(self) -> None:
        if self._dialled.over:
            return
        if self._said_something():
            self._part()
        else:
            self._connection.listen(self._timeouts.idle, self._part)

    def _said_something(self) -> bool:
        """Whether there is an answer though nothing was asked: a 421, most likely."""
        try:
            return not isinstance(self._machine.next_event(), NeedData) or self._machine.closing
        except RemoteProtocolError:
            return True

    def _part(self) -> None:
        self._said_something()
        part(self._dialled, self._machine)

    # -- the end ---------------------------------------------------------------

    async def quit(self) -> None:
        """
        Say goodbye; bounded, and whatever the server does, the connection is closed then.

        :raises LocalProtocolError: while a message is sent.
        """
        if self._busy:
            raise LocalProtocolError("a message is being sent")
        self._connection.look_away()
        gone = False
        try:
            if self._machine.phase is Phase.READY:
                self._machine.quit()
                await self._connection.next_event(self._timeouts.quit)
            self._dialled.close()
            await timeout(self._connection.clock, self._timeouts.quit, self.closed.wait())
            gone = True
        except (TimeLimit, Lost, RemoteProtocolError):
            pass
        finally:
            if not gone:
                self.abort()

    def abort(self) -> None:
        """Cut the connection, now; idempotent."""
        self._connection.look_away()
        self._dialled.abort()


def part(dialled: Dialled[ClientEvent], machine: SMTPClient) -> None:
    """Close the connection: with QUIT where it may be said, without waiting for its answer."""
    if machine.phase in (Phase.GREETED, Phase.REFUSED, Phase.READY):
        machine.quit()
    if machine.phase in (Phase.QUIT, Phase.CLOSED):
        dialled.close()
    else:
        dialled.abort()


def _short(error: RemoteProtocolError) -> str:
    """What it was, in printable ASCII: it may quote the server."""
    return str(error)[:80].encode("ascii", "replace").decode()
