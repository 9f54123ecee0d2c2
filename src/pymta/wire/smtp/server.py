"""
The server's side of SMTP, submission and LMTP (:rfc:`5321`, :rfc:`6409`, :rfc:`2033`).

Octets in, events out; answers in, octets out.  An event that asks is answered before the next
octet is looked at, so replies leave in command order whatever waits in between (S08).  What
hostile input does is be answered and counted; nothing here raises for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from pymta.envelope import Body
from pymta.errors import LocalProtocolError, RemoteProtocolError
from pymta.reply import Reply
from pymta.session import TLS, Role
from pymta.wire._lines import NEED_DATA, TOO_LONG, NeedData
from pymta.wire.smtp import answers
from pymta.wire.smtp.bdat import Chunk, parse_bdat
from pymta.wire.smtp.commands import Commands, Requirement, decode_base64
from pymta.wire.smtp.content import Incoming
from pymta.wire.smtp.data import Newlines, TextCheck
from pymta.wire.smtp.events import (
    Answered,
    Auth,
    AuthCancelled,
    AuthResponse,
    Closed,
    Command,
    Content,
    ContentBegins,
    ContentEnded,
    Event,
    ExpandList,
    Hello,
    Mail,
    Question,
    Quit,
    Rcpt,
    Reason,
    StartTLS,
    TransactionAborted,
    Verify,
)
from pymta.wire.smtp.extensions import Extension, ExtensionTable
from pymta.wire.smtp.grammar import split_command
from pymta.wire.smtp.input import EarlyTalkers, Input
from pymta.wire.smtp.limits import Limits
from pymta.wire.smtp.output import Output
from pymta.wire.smtp.state import Dialogue, State, Step

__all__ = ["EarlyTalkers", "Requirement", "SMTPServer"]


class SMTPServer:
    """
    One connection, as its server sees it.

    Call :meth:`greet` first; with implicit TLS, :meth:`tls_started` before it.

    :param hostname: what we call ourselves.
    :param role: SMTP, SUBMISSION or LMTP.  Submission is SMTP with other requirements.
    :param extensions: those to offer; a table serves any number of machines.
    :param requirements: what must have happened before MAIL.
    """

    def __init__(
        self,
        *,
        hostname: str,
        role: Role = Role.SMTP,
        extensions: ExtensionTable | Sequence[Extension] = (),
        limits: Limits = Limits(),  # noqa: B008  frozen: every machine may have the same
        newlines: Newlines = Newlines.REFUSE,
        early_talkers: EarlyTalkers = EarlyTalkers.REFUSE,
        requirements: Iterable[Requirement] = (),
    ) -> None:
        if not isinstance(extensions, ExtensionTable):
            extensions = ExtensionTable(extensions)
        self._role = role
        self._extensions = extensions
        self._limits = limits
        self._newlines = newlines
        self._dialogue = dialogue = Dialogue()
        self._meaning = Commands(
            dialogue=dialogue,
            role=role,
            extensions=extensions,
            limits=limits,
            requirements=frozenset(requirements),
        )
        self._in = Input(newlines, early_talkers)
        self._out = Output(hostname, role, extensions.keywords)
        self._told: deque[Event] = deque()
        self._asked: Question | None = None
        self._chunk: Chunk | None = None
        self._incoming: Incoming | None = None
        self._reading: Incoming | None = None
        self._ended = False
        self._errors = 0
        self._commands = 0

    # -- octets ------------------------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """
        Take what the network brought; ``b""`` when the client closed its side.

        Memory is bounded by what is given here before it is asked for in events.
        """
        if self._dialogue.state is State.CLOSED:
            return
        if not data:
            self._ended = True
        elif self._dialogue.state is State.HANDSHAKE:
            # S04: they came in plain text, whatever they are.
            self._close(Reason.INJECTION)
        elif self._dialogue.state is not State.START or not self._in.too_early():
            # Of an early talker the first slice is enough to know it by.
            self._in.lines.feed(data)

    def data_to_send(self) -> bytes:
        """Take what is to be written."""
        return self._out.take()

    @property
    def closing(self) -> bool:
        """Whether the connection is closed when all is written."""
        return self._dialogue.state is State.CLOSED

    # -- what is known -----------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the dialogue stands."""
        return self._dialogue.state

    @property
    def in_tls(self) -> bool:
        """Whether :meth:`tls_started` was called."""
        return self._dialogue.in_tls

    @property
    def esmtp(self) -> bool:
        """Whether the client said EHLO or LHLO."""
        return self._dialogue.esmtp

    @property
    def authenticated(self) -> bool:
        """Whether AUTH was answered well."""
        return self._dialogue.authenticated

    @property
    def errors(self) -> int:
        """How many commands the machine refused by itself."""
        return self._errors

    @property
    def commands(self) -> int:
        """How many commands came since the last completed transaction."""
        return self._commands

    @property
    def announced(self) -> Sequence[str]:
        """What EHLO is answered now, a line an extension."""
        return self._extensions.announced(self._meaning.standing())

    @property
    def at_boundary(self) -> bool:
        """Whether nothing is asked and no content is under way: the place to :meth:`shut_down`."""
        return (
            self._asked is None
            and self._reading is None
            and self._dialogue.state is not State.HANDSHAKE
        )

    # -- events ------------------------------------------------------------------------------

    def next_event(self) -> Event | NeedData:
        """
        Take the next event.

        At most one command, or one slice of content, is worked on in a call.

        :raises LocalProtocolError: while an event that asks is not answered.
        """
        if self._asked is not None:
            raise LocalProtocolError(f"{type(self._asked).__name__} is not answered")
        if self._told:
            return self._told.popleft()
        if self._reading is not None:
            return self._read_content(self._reading)
        state = self._dialogue.state
        if state is State.CLOSED:
            return NEED_DATA
        if state is State.START or state is State.HANDSHAKE:
            return self._starved()
        if state is State.SASL:
            return self._read_response()
        return self._read_command()

    def _starved(self) -> Event | NeedData:
        if not self._ended:
            return NEED_DATA
        self._close(Reason.DISCONNECTED)
        return self._told.popleft()

    def _read_command(self) -> Event | NeedData:
        line = self._in.lines.next_line(self._limits.command_line)
        if line is None:
            return self._starved()
        self._commands += 1
        # S09: whoever only talks is sent away.
        if self._commands > self._limits.commands:
            return self._say_and_close(answers.TOO_MANY_COMMANDS, Reason.LIMIT)
        if line is TOO_LONG:
            return self._complain(answers.LINE_TOO_LONG)
        try:
            return self._dispatch(*split_command(self._in.without_end(line)))
        except RemoteProtocolError as error:
            if line[:4].upper() == b"BDAT":
                # What follows may be content, and must not be run as commands (S05).
                return self._say_and_close(answers.BAD_BDAT, Reason.UNPARSABLE)
            return self._complain(error.reply or answers.UNKNOWN)

    def _dispatch(self, verb: str, argument: str) -> Event | NeedData:
        own = _OWN.get(verb)
        if own is not None:
            return own(self, argument)
        if verb == "DATA" and self._dialogue.state is State.BETWEEN:
            # RFC 3030 section 2: 503, and the transaction is to be reset.
            self._reset()
            self._dialogue.step(Step.CHUNK_FAILED)
        meant = self._meaning.understand(verb, argument)
        if isinstance(meant, Reply):
            if meant.closing:
                return self._say_and_close(meant, Reason.LIMIT)
            return self._say(meant)
        # RFC 2920 section 3.1: EHLO is the last of its group.
        if isinstance(meant, Hello) and self._in.too_early():
            return self._say_and_close(answers.EARLY, Reason.EARLY)
        # S04: what follows came in plain text, from whoever was in between.
        if isinstance(meant, StartTLS) and len(self._in.lines):
            return self._say_and_close(answers.INJECTION, Reason.INJECTION)
        if isinstance(meant, Rcpt):
            assert self._dialogue.transaction is not None
            self._dialogue.transaction.asked_for(meant.recipient.id)
        self._chunk = None
        return self._ask(meant)

    # -- commands that are the machine's own affair ----------------------------------------

    def _bdat(self, argument: str) -> Event | NeedData:
        try:
            chunk = parse_bdat(argument)
        except ValueError:
            # Whatever follows is content, and nobody knows where it ends (S05).
            return self._say_and_close(answers.BAD_BDAT, Reason.UNPARSABLE)
        state = self._dialogue.state
        if "CHUNKING" not in self._extensions:
            return self._stray(chunk, answers.NOT_IMPLEMENTED)
        if state is State.RECIPIENTS:
            self._chunk = chunk
            return self._ask(ContentBegins())
        if state is State.BETWEEN:
            assert self._incoming is not None
            return self._begin_chunk(self._incoming, chunk)
        if state is State.FAILED:
            return self._stray(chunk, answers.SAY_RSET)
        if state is State.SENDER:
            return self._stray(chunk, answers.NO_RECIPIENTS)
        return self._stray(chunk, answers.NO_TRANSACTION)

    def _stray(self, chunk: Chunk, reply: Reply) -> Event | NeedData:
        # RFC 3030 section 2: its octets are accepted and discarded before the answer.
        replies = 1
        if self._dialogue.state is State.FAILED and self._incoming is not None:
            replies = self._incoming.replies
        elif self._dialogue.state is State.SENDER and self._role is Role.LMTP:
            # RFC 2033 section 4.3: BDAT LAST without recipients is answered by nothing.
            replies = 0
        incoming = Incoming(self._limits, None, replies)
        incoming.refused = reply
        incoming.begin_chunk(chunk)
        self._reading = incoming
        return self._read_content(incoming)

    def _rset(self, argument: str) -> Event:
        if argument:
            return self._complain(answers.NO_ARGUMENT)
        self._dialogue.step(Step.RSET)
        self._reset()
        return self._say(answers.OK)

    def _quit(self, argument: str) -> Event:
        if argument:
            return self._complain(answers.NO_ARGUMENT)
        self._write(answers.BYE)
        self._reset()
        self._told.append(Quit())
        self._close(Reason.QUIT)
        return self._told.popleft()

    def _read_response(self) -> Event | NeedData:
        line = self._in.lines.next_line(self._limits.auth_line)
        if line is None:
            return self._starved()
        if line is TOO_LONG:
            return self._cancel(answers.AUTH_LINE_TOO_LONG)
        try:
            response = self._in.without_end(line)
            if response == b"*":
                return self._cancel(answers.CANCELLED)
            return self._ask(AuthResponse(decode_base64(response)))
        except RemoteProtocolError as error:
            return self._cancel(error.reply or answers.BAD_BASE64)

    def _cancel(self, reply: Reply) -> Event:
        self._dialogue.not_logged_in()
        self._told.append(AuthCancelled())
        return self._complain(reply)

    # -- content -----------------------------------------------------------------------------

    def _new_incoming(self) -> Incoming:
        transaction = self._dialogue.transaction
        assert transaction is not None
        check = None
        if transaction.sender.body is not Body.BINARY:
            check = TextCheck(self._newlines, self._limits.text_line)
        # RFC 2033 section 4.2.
        replies = transaction.accepted if self._role is Role.LMTP else 1
        return Incoming(self._limits, check, replies)

    def _begin_chunk(self, incoming: Incoming, chunk: Chunk) -> Event | NeedData:
        self._dialogue.step(Step.BDAT)
        incoming.begin_chunk(chunk)
        self._reading = incoming
        return self._read_content(incoming)

    def _read_content(self, incoming: Incoming) -> Event | NeedData:
        while not incoming.over:
            if not len(self._in.lines):
                return self._starved()
            content = incoming.take(self._in.lines)
            if content:
                return Content(content)
            if incoming.refused is not None:
                # Told at once, so that what was stored can go while the rest is read.
                if incoming is self._incoming:
                    self._reset()
                if incoming.endless:
                    return self._say_and_close(incoming.refused, Reason.LIMIT)
                if self._told:
                    return self._told.popleft()
        return self._content_over(incoming)

    def _content_over(self, incoming: Incoming) -> Event:
        if incoming.last:
            rest = incoming.finish()
            if rest:
                return Content(rest)
        if incoming.refused is not None:
            return self._content_refused(incoming, incoming.refused)
        if incoming.last:
            return self._ask(ContentEnded())
        self._reading = None
        self._dialogue.step(Step.CHUNK_STORED)
        if not incoming.empty:
            self._commands -= 1
        return self._say(answers.OK)

    def _content_refused(self, incoming: Incoming, reply: Reply) -> Event:
        self._reading = None
        state = self._dialogue.state
        if incoming is self._incoming:
            self._reset()
            ends = incoming.last or state is State.TEXT
            self._dialogue.step(Step.CONTENT_ENDED if ends else Step.CHUNK_FAILED)
        elif incoming.last and state is State.FAILED:
            # No chunk of that message can follow.
            self._dialogue.step(Step.RSET)
        if reply.code == 421:
            return self._say_and_close(reply, Reason.REFUSED)
        if not incoming.last:
            return self._say(reply)
        for _ in range(incoming.replies):
            self._write(reply)
        self._told.append(Answered(reply))
        return self._told.popleft()

    # -- answers -----------------------------------------------------------------------------

    def greet(self, reply: Reply | None = None) -> None:
        """
        Say the greeting; 220 by default.

        A 4xx or 5xx closes.  So does a client that has sent something already (S07).

        :raises LocalProtocolError: if it was said.
        """
        self._dialogue.step(Step.GREET)
        if reply is None:
            if self._in.too_early():
                self._write(answers.EARLY)
                self._close(Reason.EARLY)
                return
            reply = self._out.greeting()
        self._write(reply)
        if not reply.positive:
            self._close(Reason.REFUSED)

    def answer(self, reply: Reply | None = None) -> None:
        """
        Answer the event that asks.

        A 4xx or 5xx leaves the state where it was, but for content: that is over.  421 closes.

        :param reply: None for the standard positive one.  To EHLO its text is the first line, and
            the extensions follow.
        :raises LocalProtocolError: if nothing asks, or for a 2xx where 3xx is due, and so on.
        """
        event = self._question()
        if reply is None:
            reply = self._out.positive(event)
        if reply.positive and (reply.code < 300) is isinstance(event, ContentBegins):
            raise LocalProtocolError(f"{reply.code} is no answer to {type(event).__name__}")
        self._asked = None
        if isinstance(event, ContentEnded):
            assert self._reading is not None
            self._settle([reply] * self._reading.replies)
        elif isinstance(event, Command):
            self._write(reply)
        elif reply.positive:
            _ACCEPT[type(event)](self, event, reply)
        else:
            self._decline(event, reply)
        if reply.code == 421:
            self._close(Reason.REFUSED)

    def answer_each(self, replies: Sequence[Reply]) -> None:
        """
        Answer the end of content, in LMTP, for each recipient (:rfc:`2033#section-4.2`).

        :param replies: one for each RCPT that was answered well, in their order.
        :raises LocalProtocolError: if that is not what is asked.
        """
        event = self._question()
        reading = self._reading
        if not isinstance(event, ContentEnded) or self._role is not Role.LMTP or reading is None:
            raise LocalProtocolError("only the end of content in LMTP is answered for each")
        if len(replies) != reading.replies:
            raise LocalProtocolError(f"{reading.replies} replies are due, not {len(replies)}")
        if any(reply.code // 100 == 3 for reply in replies):
            raise LocalProtocolError("3xx is no answer to the end of content")
        self._asked = None
        self._settle(replies)
        if any(reply.code == 421 for reply in replies):
            self._close(Reason.REFUSED)

    def challenge(self, data: bytes) -> None:
        """
        Answer AUTH, or a response, with a challenge (334).

        :raises LocalProtocolError: if neither asks.
        """
        if not isinstance(self._question(), Auth | AuthResponse):
            raise LocalProtocolError("nobody logs in")
        self._asked = None
        self._dialogue.step(Step.CHALLENGE)
        self._out.write_challenge(data)

    def refuse_content(self, reply: Reply) -> None:
        """
        Say no while content comes: the rest of it, or of the chunk, is read and thrown away,
        and this is the answer at its end.  The transaction is over.

        :raises LocalProtocolError: if no content comes, or for a positive reply.
        """
        if self._asked is not None or self._dialogue.state not in (State.TEXT, State.CHUNK):
            raise LocalProtocolError("no content is under way")
        if reply.positive:
            raise LocalProtocolError(f"{reply.code} is no refusal")
        assert self._reading is not None
        if self._reading.refused is None:
            self._reading.refused = reply
        self._reset()

    def restart(self, reply: Reply | None = None) -> None:
        """
        Answer a :class:`Command` by a greeting and begin again before EHLO: XCLIENT, after which
        the client speaks for somebody else.

        :raises LocalProtocolError: if no such command asks.
        """
        if not isinstance(self._question(), Command):
            raise LocalProtocolError("only a command restarts")
        self._asked = None
        self._reset()
        self._dialogue.restarted()
        self._write(self._out.greeting() if reply is None else reply)

    def tls_started(self, tls: TLS | None = None) -> None:
        """
        Say that the handshake is done: after the answer to :class:`StartTLS`, or before
        :meth:`greet` with implicit TLS.  All that was learnt before is forgotten
        (:rfc:`3207#section-4.2`).

        :param tls: what it agreed on, for the extensions that ask.
        :raises LocalProtocolError: at any other time.
        """
        self._dialogue.secured(tls)
        self._in.lines.clear()

    def shut_down(self, reply: Reply = answers.SHUTTING_DOWN) -> None:
        """
        Say 421 and close, where nothing is under way.

        :raises LocalProtocolError: unless :attr:`at_boundary`.
        """
        if not self.at_boundary:
            raise LocalProtocolError("not at a command boundary")
        if self._dialogue.state is not State.CLOSED:
            self._write(reply)
            self._close(Reason.SHUT_DOWN)

    def _question(self) -> Question:
        if self._asked is None:
            raise LocalProtocolError("nothing is asked")
        return self._asked

    def _accept_hello(self, event: Question, reply: Reply) -> None:
        assert isinstance(event, Hello)
        if self._in.too_early():
            # Whatever it sent while we thought was sent before our answer.
            self._write(answers.EARLY)
            self._close(Reason.EARLY)
            return
        # RFC 5321 section 4.1.4: as if RSET had been said.
        self._reset()
        self._dialogue.greeted(event.verb)
        self._out.write_hello(reply, self.announced if self._dialogue.esmtp else ())

    def _accept_mail(self, event: Question, reply: Reply) -> None:
        assert isinstance(event, Mail)
        self._dialogue.begun(event.sender)
        self._write(reply)

    def _accept_rcpt(self, event: Question, reply: Reply) -> None:
        assert isinstance(event, Rcpt)
        transaction = self._dialogue.transaction
        assert transaction is not None
        transaction.accepted += 1
        if self._limits.recipient_domains is not None:
            transaction.domains.add(event.recipient.address.ascii_domain)
        self._commands -= 1
        self._dialogue.step(Step.RCPT)
        self._write(reply)

    def _accept_content(self, event: Question, reply: Reply) -> None:
        chunk = self._chunk
        if chunk is None and self._in.too_early():
            # RFC 2920 section 3.1: what stands behind DATA before the 354 is no content of an
            # honest client, and must not be taken for commands either.
            self._write(answers.EARLY)
            self._close(Reason.EARLY)
            return
        self._incoming = self._reading = incoming = self._new_incoming()
        if chunk is None:
            self._dialogue.step(Step.DATA)
            incoming.begin_data()
            self._write(reply)
        else:
            self._dialogue.step(Step.BDAT)
            incoming.begin_chunk(chunk)

    def _accept_tls(self, event: Question, reply: Reply) -> None:
        if len(self._in.lines):
            self._write(answers.INJECTION)
            self._close(Reason.INJECTION)
            return
        self._reset()
        self._dialogue.step(Step.STARTTLS)
        self._write(reply)

    def _accept_login(self, event: Question, reply: Reply) -> None:
        self._dialogue.logged_in()
        self._write(reply)

    def _accept_look_up(self, event: Question, reply: Reply) -> None:
        assert isinstance(event, Verify | ExpandList)
        self._out.write(reply, "utf-8" if event.smtputf8 else "ascii")

    def _decline(self, event: Question, reply: Reply) -> None:
        if isinstance(event, Auth | AuthResponse):
            self._dialogue.not_logged_in()
        if isinstance(event, ContentBegins) and self._chunk is not None and reply.code != 421:
            # The chunk comes all the same: it is thrown away, and this is said at its end.
            self._incoming = self._reading = incoming = self._new_incoming()
            incoming.refused = reply
            self._reset()
            self._dialogue.step(Step.BDAT)
            incoming.begin_chunk(self._chunk)
        else:
            self._write(reply)

    def _settle(self, replies: Sequence[Reply]) -> None:
        transaction = self._dialogue.transaction
        assert transaction is not None
        for reply in replies:
            self._write(reply)
        transaction.settled = True
        self._reset()
        self._reading = None
        self._dialogue.step(Step.CONTENT_ENDED)
        if any(reply.positive for reply in replies):
            self._commands = 0

    # -- the ends ----------------------------------------------------------------------------

    def _reset(self) -> None:
        if self._dialogue.reset():
            self._told.append(TransactionAborted())

    def _close(self, reason: Reason) -> None:
        if self._dialogue.state is State.CLOSED:
            return
        self._reset()
        self._dialogue.step(Step.CLOSE)
        self._reading = self._incoming = None
        self._in.lines.clear()
        self._told.append(Closed(reason))

    def _ask(self, event: Question) -> Event:
        self._asked = event
        return event

    def _complain(self, reply: Reply) -> Event:
        self._errors += 1
        # S09.
        if self._errors > self._limits.errors:
            return self._say_and_close(answers.TOO_MANY_ERRORS, Reason.LIMIT)
        return self._say(reply)

    def _say_and_close(self, reply: Reply, reason: Reason) -> Event:
        event = self._say(reply)
        self._close(reason)
        return event

    def _say(self, reply: Reply) -> Event:
        self._write(reply)
        self._told.append(Answered(reply))
        return self._told.popleft()

    def _write(self, reply: Reply) -> None:
        transaction = self._dialogue.transaction
        # RFC 6531 section 3.7.4: UTF-8 only where the transaction asked for it.
        utf8 = transaction is not None and transaction.sender.smtputf8
        self._out.write(reply, "utf-8" if utf8 else "ascii")


_OWN: Final[Mapping[str, Callable[[SMTPServer, str], Event | NeedData]]] = MappingProxyType(
    {"BDAT": SMTPServer._bdat, "RSET": SMTPServer._rset, "QUIT": SMTPServer._quit}
)
_ACCEPT: Final[Mapping[type, Callable[[SMTPServer, Question, Reply], None]]] = MappingProxyType(
    {
        Hello: SMTPServer._accept_hello,
        Mail: SMTPServer._accept_mail,
        Rcpt: SMTPServer._accept_rcpt,
        ContentBegins: SMTPServer._accept_content,
        StartTLS: SMTPServer._accept_tls,
        Auth: SMTPServer._accept_login,
        AuthResponse: SMTPServer._accept_login,
        Verify: SMTPServer._accept_look_up,
        ExpandList: SMTPServer._accept_look_up,
    }
)
