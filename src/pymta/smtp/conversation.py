"""
One SMTP, submission or LMTP connection: the machine's events become calls on the receiver.

Each event that asks is answered before the next is looked at, so replies leave in the order of
the commands, however long a policy takes.  Here is the first of the four fences: what nobody
expected becomes 451 4.3.0 with an id, and the peer never sees an exception's text.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import Any, Final, TypeVar

from twisted.logger import Logger

from pymta.aio import CancelledError, Shared, start, timeout
from pymta.edge.connection import Lost
from pymta.edge.login import LoginCancelled
from pymta.edge.visit import Visit
from pymta.envelope import Recipient, Sender
from pymta.errors import (
    LocalProtocolError,
    Refused,
    RemoteProtocolError,
    SpoolError,
    TooManyWaiting,
    Unauthorized,
)
from pymta.events import AnswerLost, Rejected
from pymta.interfaces.receive import (
    IExpandingSession,
    IMailSession,
    IPerRecipientTransaction,
    ITransaction,
    IVerifyingSession,
    Receipt,
)
from pymta.reply import Reply
from pymta.session import TLS, Role, Session
from pymta.smtp.settings import Settings
from pymta.smtp.xclient import forwarded, is_forwarded, unforwarded
from pymta.wire.smtp.events import (
    Answered,
    Auth,
    AuthCancelled,
    Closed,
    Command,
    Content,
    ContentBegins,
    ContentEnded,
    Event,
    ExpandList,
    Hello,
    Mail,
    Quit,
    Rcpt,
    StartTLS,
    TransactionAborted,
    Verify,
)
from pymta.wire.smtp.server import SMTPServer

__all__ = ["SMTPConversation"]

T = TypeVar("T")

_log = Logger(namespace="pymta.smtp")

BUSY = Reply(451, "4.3.2", "Too busy, try again later")
NO_ROOM = Reply(452, "4.3.1", "Insufficient system storage")
NO_LOGIN = Reply(535, "5.7.8", "Authentication credentials invalid")
LOGIN_LATER = Reply(454, "4.7.0", "Temporary authentication failure")
TOO_SLOW = Reply(421, "4.4.2", "You took too long")
NESTED = Reply(503, "5.5.1", "Not within a transaction")
IN_DOUBT = Reply(451, "4.3.0", "It is not certain that the message was kept; send it again")


class SMTPConversation:
    """What is said on one connection, from the greeting to the end: in a :attr:`visit`."""

    def __init__(self, settings: Settings, machine: SMTPServer, session: Session) -> None:
        self.visit: Visit[Event] = Visit(self, settings, machine=machine, session=session, log=_log)
        self._settings = settings
        self._clock = settings.clock
        self._machine = machine
        self._receiver: IMailSession | None = None
        self._transaction: ITransaction | None = None
        self._sender: Sender | None = None  # of the last MAIL
        self._octets = 0
        self._began: float | None = None
        self._forwarded_over = False

    # -- from beginning to end -----------------------------------------------------

    async def greet(self) -> bool:
        """Ask the receiver whether it will have this client."""
        return await self._fenced(self._in_time(self._connected()), self._greet)

    def _greet(self, reply: Reply | None) -> None:
        if reply is not None and reply.transient:
            # RFC 5321 section 4.3.2: the one "later" in place of a greeting.
            reply = Reply(421, reply.status, reply.text)
        self._machine.greet(reply)

    def too_slow(self) -> None:
        """421, where no answer is due."""
        if self._machine.at_boundary:
            self._machine.shut_down(TOO_SLOW)

    def say_goodbye(self) -> None:
        """421 (:rfc:`5321#section-3.8`)."""
        self._machine.shut_down()

    async def leave(self) -> None:
        """Abort what is not committed, and close the receiver."""
        self._abort()
        if self._receiver is not None:
            self.visit.surely(self._receiver.closed)
        self.visit.log_out()

    async def step(self) -> bool:
        """Take a command, or a part of the content, and answer it."""
        visit = self.visit
        if visit.stopping:
            visit.stop_here()
        event = await visit.connection.next_event(self.patience())
        way = _WAYS.get(type(event))
        if way is not None:
            # What nearly all commands are: a question for the receiver.
            await self._fenced(self._in_time(way(self, event)), self._machine.answer)
            return True
        return await self._seldom(event)

    async def _seldom(self, event: Event) -> bool:
        match event:
            case Content(data):
                await self._content(data)
            case ContentEnded():
                await self._content_ended()
            case TransactionAborted():
                self._abort()
            case Answered() | AuthCancelled():
                pass
            case Quit():
                self.visit.reason = "quit"
            case Closed():
                self.visit.closed(event)
                return False
            case StartTLS():
                await self._start_tls()
            case Auth():
                await self._auth(event)
            case Command():
                asked = self._in_time(self._command(event))
                await self._fenced(asked, partial(self._commanded, event.verb))
            case _:
                raise AssertionError(event)  # AuthResponse comes to the prompt alone
        return True

    def _in_time(self, answer: Awaitable[T]) -> Awaitable[T]:
        return timeout(self._clock, self._settings.timeouts.answer, answer)

    def patience(self) -> float:
        """By the command, the content, and the whole session."""
        timeouts = self._settings.timeouts
        now = self._clock.seconds()
        left = self.visit.since + timeouts.session - now
        if self._began is not None:
            # A deadline that the octets move, not the reads: one octet a minute moves it
            # by two milliseconds.
            due = self._began + timeouts.content + self._octets / timeouts.rate
            return min(timeouts.content, due - now, left)
        return min(timeouts.command, left)

    async def _fenced(
        self, asked: Awaitable[Reply | None], answer: Callable[[Reply | None], None]
    ) -> bool:
        """Answer the client, whatever comes of the question.  :returns: whether it was a yes."""
        try:
            reply = await asked
        except (CancelledError, Lost, LoginCancelled):
            raise
        except Refused as no:
            reply = no.reply
        except Exception as fault:  # noqa: BLE001  the fence of SMTP sessions
            reply = self._fault(fault)
        try:
            answer(reply)
        except LocalProtocolError as fault:  # a 3xx, say: it is the receiver's
            reply = self._fault(fault)
            answer(reply)
        return reply is None or reply.positive

    def _fault(self, fault: Exception) -> Reply:
        match fault:
            case TooManyWaiting():
                return BUSY
            case SpoolError():
                _log.error("{session}: {fault}", session=self.visit.session.id, fault=fault)
                return NO_ROOM
        name = self.visit.fault()
        return Reply(451, "4.3.0", f"Local error, try again later ({name})")

    # -- commands ---------------------------------------------------------------------

    async def _look_up(self, event: Verify | ExpandList) -> Reply | None:
        # RFC 5321 section 7.3: a site may keep its addresses to itself.
        match event, self._receiver:
            case Verify(text), receiver if IVerifyingSession.providedBy(receiver):
                verifying: IVerifyingSession = receiver
                return await verifying.verify(text)
            case ExpandList(text), receiver if IExpandingSession.providedBy(receiver):
                expanding: IExpandingSession = receiver
                return await expanding.expand(text)
        return None

    async def _connected(self) -> Reply | None:
        self._receiver = await self._settings.receiver.connected(self.visit.session)
        return None

    async def _change(self, session: Session) -> None:
        assert self._receiver is not None
        await self._receiver.changed(session)
        self.visit.session = session

    async def _hello(self, event: Hello) -> Reply | None:
        # RFC 5321 section 4.1.4: a HELO that is refused leaves the state as it was; one that is
        # not ends the transaction, which the machine tells.
        extended = event.verb != "HELO"
        await self._change(replace(self.visit.session, helo=event.domain, extended=extended))
        return None

    async def _mail(self, event: Mail) -> Reply | None:
        assert self._receiver is not None
        if self._forwarded_over:
            await self._change(unforwarded(self.visit.session))
        self._forwarded_over = is_forwarded(self.visit.session)
        self._sender = event.sender
        self._transaction = await self._refusable(self._receiver.begin(event.sender), "mail")
        return None

    async def _rcpt(self, event: Rcpt) -> Reply | None:
        assert self._transaction is not None
        return await self._refusable(
            self._transaction.add_recipient(event.recipient), "rcpt", recipient=event.recipient
        )

    async def _refusable(
        self,
        answer: Awaitable[T],
        stage: str,
        *,
        recipient: Recipient | None = None,
    ) -> T:
        try:
            return await answer
        except Refused as no:
            self._tell_rejected(no, stage, recipient=recipient)
            raise

    def _tell_rejected(
        self, no: Refused, stage: str, *, recipient: Recipient | None = None
    ) -> None:
        self.visit.tell(
            Rejected(
                session=self.visit.session,
                stage=stage,
                reply=no.reply,
                sender=self._sender,
                recipient=recipient,
                reason=str(no),
            )
        )

    # -- content ------------------------------------------------------------------------

    async def _content_begins(self, event: ContentBegins) -> Reply | None:
        assert self._transaction is not None
        await self._refusable(self._transaction.begin_content(), "data")
        self._began = self._clock.seconds()
        self._octets = 0
        return None

    async def _content(self, data: bytes) -> None:
        self._octets += len(data)
        asked = self._clock.seconds()
        await self._fenced(self._in_time(self._write(data)), self._content_written)
        if self._began is not None:
            # What we took is not the client's time.
            self._began += self._clock.seconds() - asked

    async def _write(self, data: bytes) -> None:
        assert self._transaction is not None
        await self._transaction.write(data)

    def _content_written(self, reply: Reply | None) -> None:
        if reply is not None:
            self._machine.refuse_content(reply)

    async def _content_ended(self) -> None:
        """
        Commit; its ends are durable, refused, or in doubt.

        From here on ``abort`` is never called, and nothing cancels the commit: neither a
        disconnect, nor the time limit, nor a shutdown.
        """
        transaction, self._transaction = self._transaction, None
        self._began = None
        assert transaction is not None
        commit = Shared(self._commit(transaction))
        try:
            self._durable(await timeout(self._clock, self._settings.timeouts.commit, commit.wait()))
        except CancelledError:
            raise
        except Refused as no:
            self._tell_rejected(no, "message")
            self._machine.answer(no.reply)
        except (TooManyWaiting, SpoolError) as fault:  # said before anything was kept
            self._machine.answer(self._fault(fault))
        except Exception as fault:  # noqa: BLE001  the fence again; the commit is in doubt
            self._in_doubt(fault, commit)

    async def _commit(self, transaction: ITransaction) -> Receipt | Sequence[Reply]:
        if self._settings.role is Role.LMTP and IPerRecipientTransaction.providedBy(transaction):
            each: IPerRecipientTransaction = transaction
            return await each.commit_each()
        return await transaction.commit()

    def _durable(self, ended: Receipt | Sequence[Reply]) -> None:
        self.visit.since = self._clock.seconds()
        if self.visit.connection.lost:
            self._answer_lost(ended)
        if not isinstance(ended, Receipt):
            self._machine.answer_each(ended)
            return
        reply = ended.reply
        if reply is None and ended.queue_ids:
            reply = Reply(250, "2.0.0", f"queued as {' '.join(ended.queue_ids)}")
        self._machine.answer(reply)

    def _answer_lost(self, ended: Receipt | Sequence[Reply]) -> None:
        ids = ended.queue_ids if isinstance(ended, Receipt) else ()
        self.visit.tell(AnswerLost(self.visit.session, ids))

    def _in_doubt(self, fault: Exception, commit: Shared[Receipt | Sequence[Reply]]) -> None:
        self._fault(fault)
        if not commit.ended:
            self._late = start(self._ended_late(commit))  # kept: nobody else holds it
        self._machine.answer(IN_DOUBT)
        if self._machine.at_boundary:
            self._machine.shut_down()

    async def _ended_late(self, commit: Shared[Receipt | Sequence[Reply]]) -> None:
        """A commit that took too long ends: the client was told that it may send again."""
        try:
            ended = await commit.wait()
        except CancelledError:
            raise
        except Exception as fault:  # noqa: BLE001  as above, but nobody listens any more
            self._fault(fault)
        else:
            self._answer_lost(ended)

    def _abort(self) -> None:
        transaction, self._transaction = self._transaction, None
        self._began = None
        if transaction is not None:
            self.visit.surely(transaction.abort)

    # -- TLS and logins --------------------------------------------------------------------

    def secured(self, tls: TLS) -> None:
        """Before the greeting, or behind STARTTLS."""
        self._machine.tls_started(tls)

    async def _start_tls(self) -> None:
        self._abort()
        self._machine.answer()
        if self._machine.closing:
            return  # octets had come behind STARTTLS (S04)
        # RFC 3207 section 4.2: both sides forget what was said before, and so a login.
        visit = self.visit
        visit.log_out()
        visit.session = replace(
            visit.session, helo="", extended=False, identity=None, mechanism=None
        )
        await visit.secure()
        await self._fenced(self._in_time(self._change(visit.session)), self._tls_refused)

    def _tls_refused(self, reply: Reply | None) -> None:
        # The command has its answer already: all that is left is to go.
        if reply is not None:
            self._machine.shut_down(Reply(421, "4.7.0", reply.text))

    async def _auth(self, event: Auth) -> None:
        try:
            await self._fenced(self._logged_in(event), self._machine.answer)
        except LoginCancelled:
            pass  # the machine has answered

    async def _logged_in(self, event: Auth) -> Reply | None:
        visit, login = self.visit, self._settings.login
        assert login is not None
        try:
            visit.identity = identity = await visit.authenticate(
                login, event.mechanism, initial=event.initial
            )
        except Unauthorized as no:
            return LOGIN_LATER if no.transient else NO_LOGIN
        try:
            await self._in_time(self._change(visit.known_as(identity)))
        except BaseException:
            visit.log_out()
            raise
        return None

    # -- XCLIENT, XFORWARD --------------------------------------------------------------------

    async def _command(self, event: Command) -> Reply | None:
        if self._transaction is not None:
            return NESTED
        known = self.visit.session
        if self._forwarded_over:
            known = unforwarded(known)
        try:
            session = forwarded(known, event)
        except RemoteProtocolError as error:
            return error.reply
        await self._change(session)
        self._forwarded_over = False
        return None

    def _commanded(self, verb: str, reply: Reply | None) -> None:
        if reply is not None or verb != "XCLIENT":
            self._machine.answer(reply)
            return
        self.visit.log_out()
        self._machine.restart()


_WAYS: Final[Mapping[type, Callable[[SMTPConversation, Any], Awaitable[Reply | None]]]] = (
    MappingProxyType(
        {
            Hello: SMTPConversation._hello,
            Mail: SMTPConversation._mail,
            Rcpt: SMTPConversation._rcpt,
            ContentBegins: SMTPConversation._content_begins,
            Verify: SMTPConversation._look_up,
            ExpandList: SMTPConversation._look_up,
        }
    )
)
"""What is asked of the receiver, and answered by its reply; None is the usual yes."""
