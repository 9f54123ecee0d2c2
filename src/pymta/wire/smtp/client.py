"""
The client machine of SMTP, submission and LMTP (:rfc:`5321`, :rfc:`6409`, :rfc:`2033`).

Commands are methods, answers are events, in the order of asking.  The envelope goes out in one
group where PIPELINING was announced (:rfc:`2920`) and command by command otherwise; content
goes by BDAT where CHUNKING was (:rfc:`3030`) and by DATA otherwise.  The server is not trusted:
replies are bounded and counted, one that nothing asked for is an error (S11), and nothing that
came in clear text is believed behind STARTTLS (S04).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, Literal, assert_never

from pymta.envelope import Body, Recipient, Sender
from pymta.errors import LocalProtocolError, RemoteProtocolError
from pymta.reply import Reply
from pymta.session import Role
from pymta.wire._lines import NEED_DATA, NeedData
from pymta.wire.smtp.canonical import Canonicaliser
from pymta.wire.smtp.capabilities import NO_CAPABILITIES, Capabilities
from pymta.wire.smtp.client_auth import CANCEL, MAX_AUTH_LINE, Exchange, format_response
from pymta.wire.smtp.client_events import (
    AuthChallenge,
    AuthFailed,
    AuthSucceeded,
    ClientEvent,
    Closed,
    CommandAnswered,
    ContentAnswered,
    ContentWanted,
    Greeting,
    HelloAnswered,
    RecipientAnswered,
    RecipientDelivered,
    SenderAnswered,
    TLSReady,
    TLSRefused,
    TransactionEnded,
)
from pymta.wire.smtp.client_pipeline import Ask, Pipeline
from pymta.wire.smtp.client_transaction import (
    ChunkEncoder,
    Transaction,
    objection,
    objections,
    with_utf8,
)
from pymta.wire.smtp.data import DataEncoder
from pymta.wire.smtp.extensions import (
    STANDARD,
    Extension,
    auth,
    format_mail_parameters,
    format_rcpt_parameters,
)
from pymta.wire.smtp.grammar import format_path
from pymta.wire.smtp.replies import MAX_LINE, ReplyReader, lift_status

__all__ = ["CLIENT_EXTENSIONS", "Phase", "SMTPClient"]

CLIENT_EXTENSIONS: Final = (*STANDARD, auth(lambda standing: ()))
"""Whose parameters are written by default, where the server announces them."""


class Phase(Enum):
    """Where the dialogue stands, and so which methods may be called."""

    WAITING = auto()
    """Commands are out whose answers are due: events come, nothing may be asked."""
    GREETED = auto()
    """``hello``, ``quit``; also behind STARTTLS."""
    READY = auto()
    """``begin``, ``start_tls``, ``authenticate``, ``hello``, ``noop``, ``reset``, ``quit``."""
    CONTENT = auto()
    """``content``, ``end_content``; with BDAT also ``reset``."""
    ENDED = auto()
    """The answer to the content is due: ``quit``."""
    CHALLENGED = auto()
    """``respond``, ``cancel``."""
    HANDSHAKE = auto()
    """``tls_started``."""
    REFUSED = auto()
    """The greeting was a "no": ``quit``."""
    QUIT = auto()
    """QUIT is out: nothing."""
    CLOSED = auto()
    """Nothing."""


# RFC 2034 section 4: not in the greeting, nor in the answer to EHLO; and 3xx has none.
_WITHOUT_STATUS: Final = frozenset((Ask.GREETING, Ask.EHLO, Ask.HELO))
_INTERMEDIATE: Final = frozenset((Ask.DATA, Ask.AUTH))


class SMTPClient:
    """
    One connection to a server.

    Pull events until NEED_DATA before each method: a "no" to the content, or a 421, may come
    while content is still being given.  Methods raise LocalProtocolError where the
    :class:`Phase` does not allow them; they write nothing then.

    :param role: LMTP says LHLO and has one answer a recipient to the content.
    :param extensions: whose parameters of MAIL and RCPT are written, each only if the server
        announces its keyword.
    :param chunking: whether BDAT may be used.
    """

    def __init__(
        self,
        role: Role = Role.SMTP,
        *,
        extensions: Sequence[Extension] = CLIENT_EXTENSIONS,
        chunking: bool = True,
    ) -> None:
        self.phase = Phase.WAITING
        self.capabilities: Capabilities = NO_CAPABILITIES
        self._lmtp = role is Role.LMTP
        self._extensions = extensions
        self._offered: Sequence[Extension] = ()
        self._may_chunk = chunking
        self._enhanced = False
        self._reader = ReplyReader()
        self._ended = False
        self._early = False
        self._error: RemoteProtocolError | None = None
        self._events: deque[ClientEvent] = deque()
        self._pipeline = Pipeline()
        self._helo = b""
        self._exchange: Exchange | None = None
        self._in_tls = self._authenticated = False
        self._transaction: Transaction | None = None
        self._mails = 0
        self._unclear = False
        self._quit_next = False

    # -- octets ----------------------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Take what the network brought; ``b""`` says that the server closed its side."""
        if not self.closing:
            self._reader.receive_data(data)
            self._ended = self._ended or not data

    def data_to_send(self) -> bytes:
        """What is to be written now, each octet once."""
        return self._pipeline.take()

    @property
    def closing(self) -> bool:
        """Whether to close the connection when all is written."""
        return self.phase is Phase.CLOSED

    @property
    def backlog(self) -> int:
        """
        Octets of content that wait for the server's answer to earlier ones.

        Only for binary content to a server without PIPELINING, and for the end of LMTP's.  Give
        more when it is 0 again, and memory is bounded.
        """
        return self._pipeline.backlog

    @property
    def transactions_left(self) -> int | None:
        """How many more ``begin`` the server announced to take (MAILMAX); None if no limit."""
        limit = self.capabilities.limits.get("MAILMAX")
        return None if limit is None else max(limit - self._mails, 0)

    def next_event(self) -> ClientEvent | Literal[NeedData.NEED_DATA]:
        """
        The next answer.

        :raises RemoteProtocolError: where the server leaves the protocol, once and for all:
            close the connection.
        """
        if self._error is not None:
            raise self._error
        try:
            while not self._events and self.phase is not Phase.CLOSED:
                if not self._advance():
                    return NEED_DATA
        except RemoteProtocolError as error:
            self._error = error
            self._shut()
            raise
        return self._events.popleft() if self._events else NEED_DATA

    def _advance(self) -> bool:
        if self.phase is Phase.HANDSHAKE and len(self._reader):
            # S04: RFC 3207 section 4.2, for the client's side of it.
            raise RemoteProtocolError("octets in clear text behind the answer to STARTTLS")
        limit = MAX_AUTH_LINE if self._pipeline.next_due is Ask.AUTH else MAX_LINE
        reply = self._reader.next_reply(limit)
        if reply is not None:
            self._answered(reply)
        elif self._ended:
            self._close(None)
        return reply is not None or self._ended

    def _answered(self, reply: Reply) -> None:
        ask = None if self._early else self._pipeline.answered()
        if self._enhanced and ask not in _WITHOUT_STATUS:
            reply = lift_status(reply)
        if ask is None:
            # RFC 5321 section 3.8: 421 at any time; anything else has come too early.
            if reply.code != 421:
                raise RemoteProtocolError(f"a reply that nothing asked for: {reply}")
        elif 300 <= reply.code < 400 and ask not in _INTERMEDIATE:
            raise RemoteProtocolError(f"no answer to {ask.name}: {reply}")
        else:
            self._dispatch(ask, reply)
        if reply.code == 421 and self.phase is not Phase.CLOSED:
            self._close(reply)
        else:
            self._pipeline.go_on()

    def _dispatch(self, ask: Ask, reply: Reply) -> None:
        match ask:
            case Ask.RCPT:
                self._recipient_answered(reply)
            case Ask.MAIL:
                self._sender_answered(reply)
            case Ask.DATA:
                self._data_answered(reply)
            case Ask.CHUNK:
                self._chunk_answered(reply)
            case Ask.CONTENT | Ask.DOT:
                self._content_answered(reply)
            case Ask.DELIVERY:
                self._recipient_delivered(reply)
            case Ask.GREETING:
                self.phase = Phase.GREETED if reply.positive else Phase.REFUSED
                self._events.append(Greeting(reply))
            case Ask.EHLO | Ask.HELO:
                self._hello_answered(ask, reply)
            case Ask.STARTTLS:
                self._tls_answered(reply)
            case Ask.AUTH:
                self._auth_answered(reply)
            case Ask.NOOP | Ask.RSET:
                self._command_answered(ask, reply)
            case Ask.CLEAR:
                self._unclear = not reply.positive
            case Ask.QUIT:
                self._close(reply)
            case _:
                assert_never(ask)

    def _close(self, reply: Reply | None) -> None:
        self._events.append(Closed(reply))
        self._shut()

    def _shut(self) -> None:
        self.phase = Phase.CLOSED
        self._pipeline.close()
        self._transaction = None

    def _need(self, *phases: Phase) -> None:
        if self.phase not in phases:
            raise LocalProtocolError(f"not in phase {self.phase.name}")
        if len(self._reader) and self._pipeline.next_due is None:
            # The server spoke before it was asked: no later answer can be told from that.
            self._early = True

    def _ask(self, ask: Ask, line: str) -> None:
        self._pipeline.put(_encode(line), ask)

    # -- HELO, STARTTLS, AUTH --------------------------------------------------

    def hello(self, domain: str) -> None:
        """
        Say EHLO, or LHLO with LMTP; HELO if EHLO is answered 5xx (:rfc:`5321#section-3.2`).

        :param domain: the name or address literal of this client, ASCII.
        """
        self._need(Phase.GREETED, Phase.READY)
        verb = "LHLO" if self._lmtp else "EHLO"
        self._ask(Ask.EHLO, f"{verb} {domain}")
        self._helo = _encode(f"HELO {domain}")
        self.phase = Phase.WAITING

    def _hello_answered(self, ask: Ask, reply: Reply) -> None:
        if reply.permanent and ask is Ask.EHLO and not self._lmtp:
            self._pipeline.put(self._helo, Ask.HELO)
            return
        capabilities = NO_CAPABILITIES
        if reply.positive:
            self.phase = Phase.READY
            # RFC 5321 section 4.1.4: it clears what a transaction left behind.
            self._unclear = False
            if ask is Ask.EHLO:
                capabilities = Capabilities.parse(reply)
        else:
            self.phase = Phase.GREETED
        self._learn(capabilities)
        self._events.append(HelloAnswered(reply, capabilities))

    def _learn(self, capabilities: Capabilities) -> None:
        self.capabilities = capabilities
        self._offered = [e for e in self._extensions if e.keyword in capabilities]
        self._pipeline.enabled = "PIPELINING" in capabilities
        self._enhanced = "ENHANCEDSTATUSCODES" in capabilities

    def start_tls(self) -> None:
        """Say STARTTLS (:rfc:`3207`); it must have been announced."""
        self._need(Phase.READY)
        if "STARTTLS" not in self.capabilities or self._in_tls:
            raise LocalProtocolError("STARTTLS is not offered")
        self._ask(Ask.STARTTLS, "STARTTLS")
        self.phase = Phase.WAITING

    def _tls_answered(self, reply: Reply) -> None:
        if not reply.positive:
            self.phase = Phase.READY
            self._events.append(TLSRefused(reply))
            return
        if len(self._reader):
            # S04: nobody could tell these octets from what comes through TLS.
            raise RemoteProtocolError("octets in clear text behind the answer to STARTTLS")
        self.phase = Phase.HANDSHAKE
        self._events.append(TLSReady(reply))

    def tls_started(self) -> None:
        """
        The handshake is done; what was announced in clear text is forgotten
        (:rfc:`3207#section-4.2`).  Say ``hello`` again.
        """
        self._need(Phase.HANDSHAKE)
        self._in_tls = True
        self._authenticated = False
        self._learn(NO_CAPABILITIES)
        self.phase = Phase.GREETED

    def authenticate(self, mechanism: str, initial: bytes | None) -> None:
        """
        Say AUTH (:rfc:`4954`); the mechanism must have been announced.

        Whether this connection is safe enough for a password is the caller's to ask (S26).

        :param initial: the initial response, if the mechanism has one; where the command would
            be too long with it, it answers the first challenge.
        """
        self._need(Phase.READY)
        if mechanism.upper() not in self.capabilities.mechanisms or self._authenticated:
            raise LocalProtocolError(f"AUTH {mechanism} is not offered now")
        self._exchange = Exchange(mechanism, initial)
        self._ask(Ask.AUTH, self._exchange.command)
        self.phase = Phase.WAITING

    def respond(self, data: bytes) -> None:
        """
        Answer a challenge.

        :raises LocalProtocolError: also for a response above 12,288 octets on the wire.
        """
        self._need(Phase.CHALLENGED)
        self._ask(Ask.AUTH, format_response(data))
        self.phase = Phase.WAITING

    def cancel(self) -> None:
        """End the exchange; the server answers 501, and AuthFailed comes."""
        self._need(Phase.CHALLENGED)
        self._ask(Ask.AUTH, CANCEL)
        self.phase = Phase.WAITING

    def _auth_answered(self, reply: Reply) -> None:
        if reply.code == 334:
            self._challenged(reply)
            return
        if 300 <= reply.code < 400:
            raise RemoteProtocolError(f"no answer to AUTH: {reply}")
        self._exchange = None
        self.phase = Phase.READY
        self._authenticated = reply.positive
        self._events.append(AuthSucceeded(reply) if reply.positive else AuthFailed(reply))

    def _challenged(self, reply: Reply) -> None:
        assert self._exchange is not None
        challenge = self._exchange.challenged(reply.text)
        if isinstance(challenge, str):
            self._ask(Ask.AUTH, challenge)
        else:
            self.phase = Phase.CHALLENGED
            self._events.append(AuthChallenge(challenge))

    # -- the envelope ----------------------------------------------------------

    def begin(self, sender: Sender, recipients: Sequence[Recipient]) -> None:
        """
        Begin a transaction: MAIL, RCPT for each recipient, and DATA.

        Parameters are written only if their extension was announced.  ``size`` should be the
        content's own.  8-bit content goes as it is to a server without 8BITMIME, as nearly all
        senders do: who wants to convert it looks at ``capabilities`` first.  What fails for
        certain is answered without asking (events with ``from_peer`` false).

        :raises LocalProtocolError: without recipients, and beyond ``transactions_left``.
        """
        self._need(Phase.READY)
        if not recipients or self.transactions_left == 0:
            raise LocalProtocolError("no recipients" if not recipients else "beyond MAILMAX")
        chunking = self._may_chunk and "CHUNKING" in self.capabilities
        refusal = objection(sender, self.capabilities, chunking=chunking)
        if refusal is not None:
            self._events += (SenderAnswered(refusal, from_peer=False), TransactionEnded())
            return
        asked, left_out = [], []
        for recipient, reply in objections(recipients, self.capabilities):
            if reply is None:
                asked.append(recipient)
            else:
                left_out.append((recipient, reply))
        binary = sender.body is Body.BINARY
        transaction = Transaction(
            asked,
            left_out,
            # Without PIPELINING each chunk would wait for an answer; DATA does not.
            encoder=ChunkEncoder()
            if binary or (chunking and self._pipeline.enabled)
            else DataEncoder(),
            canonicaliser=None if binary else Canonicaliser(),
        )
        if not asked:
            self._tell_left_out(transaction)
            self._events.append(TransactionEnded())
            return
        self._send_envelope(sender, transaction)

    def _send_envelope(self, sender: Sender, transaction: Transaction) -> None:
        asks, lines = [Ask.MAIL], [self._mail(sender, transaction)]
        if self._unclear:
            # The server may still hold the last transaction: RFC 3030 section 2.
            asks, lines = [Ask.CLEAR, *asks], ["RSET", *lines]
        for recipient in transaction.asked:
            asks.append(Ask.RCPT)
            lines.append(self._rcpt(recipient))
        if not transaction.chunked:
            asks.append(Ask.DATA)
            lines.append("DATA")
        commands = [_encode(line) for line in lines]
        self._transaction = transaction
        self._mails += 1
        self.phase = Phase.WAITING
        self._pipeline.put_group(commands, asks)

    def _mail(self, sender: Sender, transaction: Transaction) -> str:
        sender = with_utf8(sender, transaction.asked)
        words = format_mail_parameters(sender, self._offered)
        return " ".join((f"MAIL FROM:{format_path(sender.reverse_path)}", *words))

    def _rcpt(self, recipient: Recipient) -> str:
        words = format_rcpt_parameters(recipient, self._offered)
        return " ".join((f"RCPT TO:{format_path(recipient.address)}", *words))

    def _current(self) -> Transaction:
        assert self._transaction is not None
        return self._transaction

    def _sender_answered(self, reply: Reply) -> None:
        transaction = self._current()
        self._events.append(SenderAnswered(reply))
        if reply.positive:
            self._unclear = True
            self._tell_left_out(transaction)
        else:
            transaction.refused = True
            self._envelope_advanced()

    def _tell_left_out(self, transaction: Transaction) -> None:
        for recipient, reply in transaction.left_out:
            self._events.append(
                RecipientAnswered(recipient=recipient, reply=reply, from_peer=False)
            )

    def _recipient_answered(self, reply: Reply) -> None:
        transaction = self._current()
        recipient = transaction.recipient_answered(reply)
        if not transaction.refused:
            self._events.append(RecipientAnswered(recipient=recipient, reply=reply))
        elif reply.positive:
            self._unclear = True
        self._envelope_advanced()

    def _envelope_advanced(self) -> None:
        transaction = self._current()
        if transaction.hopeless:
            self._pipeline.drop_waiting()
            self._end_if_quiet()
        elif transaction.complete and transaction.chunked:
            self._want_content()

    def _data_answered(self, reply: Reply) -> None:
        transaction = self._current()
        if reply.code != 354 and reply.positive:
            raise RemoteProtocolError(f"no answer to DATA: {reply}")
        if reply.code != 354:
            self._refuse_content(reply)
        elif not transaction.hopeless:
            self._want_content()
        elif transaction.accepted or self._lmtp:
            # It took a recipient without a sender, or promised answers for none (RFC 2033
            # section 4.2): no content can be given that it will not take for a message.
            raise RemoteProtocolError("the server wants content for nobody")
        else:
            # RFC 2920 section 3.1: a single dot.
            transaction.over = True
            self._pipeline.put(b".\r\n", Ask.DOT)

    # -- content ---------------------------------------------------------------

    def _want_content(self) -> None:
        self.phase = Phase.CONTENT
        self._events.append(ContentWanted(tuple(self._current().accepted)))

    def content(self, data: bytes) -> None:
        """
        Give the next slice, of at most 64 KiB.

        A bare CR or LF leaves as CRLF (S02), unless the content is BINARYMIME.
        """
        self._need(Phase.CONTENT)
        transaction = self._current()
        if transaction.canonicaliser is not None:
            data = transaction.canonicaliser.canonicalise(data)
        octets = transaction.encoder.encode(data) if data else b""
        if not octets:
            return
        if transaction.chunked:
            self._pipeline.put(octets, Ask.CHUNK)
        else:
            self._pipeline.write(octets)

    def end_content(self) -> None:
        """All content was given; its answer comes next."""
        self._need(Phase.CONTENT)
        transaction = self._current()
        octets = transaction.encoder.end()
        self.phase = Phase.ENDED
        if self._lmtp:
            # RFC 2033 section 4.2: one reply for each successful RCPT; how many they are when an
            # earlier chunk failed, nobody laid down, so those are waited for.
            self._pipeline.hold(octets, *[Ask.DELIVERY] * len(transaction.accepted))
        else:
            self._pipeline.put(octets, Ask.CONTENT)

    def _chunk_answered(self, reply: Reply) -> None:
        if not reply.positive and not self._current().over:
            # RFC 3030 section 2: send no more; the state there is indeterminate.
            self._pipeline.drop_waiting()
            self._refuse_content(reply)
        else:
            self._end_if_quiet()

    def _content_answered(self, reply: Reply) -> None:
        transaction = self._current()
        if not transaction.over:
            transaction.over = True
            self._events.append(ContentAnswered(reply))
            self._unclear = transaction.chunked and not reply.positive
        self._end_if_quiet()

    def _recipient_delivered(self, reply: Reply) -> None:
        transaction = self._current()
        recipient = transaction.recipient_delivered()
        self._events.append(RecipientDelivered(recipient, reply))
        if transaction.delivered == len(transaction.accepted):
            transaction.over = True
            self._unclear = False
            self._end_if_quiet()

    def _refuse_content(self, reply: Reply) -> None:
        # DATA or a chunk was refused: the answer is for all that were accepted.
        transaction = self._current()
        transaction.over = True
        if transaction.hopeless:
            pass
        elif self._lmtp:
            self._events += (RecipientDelivered(r, reply) for r in transaction.accepted)
        else:
            self._events.append(ContentAnswered(reply))
        self._end_if_quiet()

    def _end_if_quiet(self) -> None:
        # What was sent must be answered before the transaction is over for us too.
        transaction = self._current()
        if not (transaction.over or transaction.hopeless):
            return
        if transaction.over and self.phase is Phase.CONTENT:
            self.phase = Phase.WAITING
        if self._pipeline.quiet or self._pipeline.next_due is Ask.QUIT:
            self._end_transaction()

    def _end_transaction(self) -> None:
        self._transaction = None
        self._events.append(TransactionEnded())
        self.phase = Phase.READY if self._pipeline.quiet else Phase.QUIT
        if self._quit_next:
            self.quit()

    # -- RSET, NOOP, QUIT ------------------------------------------------------

    def noop(self) -> None:
        """Say NOOP, to learn whether the server is still there."""
        self._need(Phase.READY)
        self._ask(Ask.NOOP, "NOOP")
        self.phase = Phase.WAITING

    def reset(self) -> None:
        """
        Say RSET.

        In the middle of content it gives the transaction up, by BDAT only: content that goes by
        DATA can be given up by closing the connection alone.
        """
        self._need(Phase.READY, Phase.CONTENT)
        transaction = self._transaction
        if transaction is not None:
            if not transaction.chunked:
                raise LocalProtocolError("no RSET inside DATA")
            self._pipeline.drop_waiting()
            transaction.over = True
        self._ask(Ask.RSET, "RSET")
        self.phase = Phase.WAITING

    def _command_answered(self, ask: Ask, reply: Reply) -> None:
        self._events.append(CommandAnswered(ask.name, reply))
        if ask is Ask.RSET:
            self._unclear = not reply.positive
        if self._transaction is not None:
            self._end_transaction()
        else:
            self.phase = Phase.READY

    def quit(self) -> None:
        """Say QUIT, behind the content where its answer is due; Closed comes."""
        self._need(Phase.READY, Phase.GREETED, Phase.REFUSED, Phase.ENDED)
        if self.phase is Phase.ENDED and (self._pipeline.waiting or not self._pipeline.enabled):
            self._quit_next = True
            return
        if self.phase is not Phase.ENDED:
            self.phase = Phase.QUIT
        self._ask(Ask.QUIT, "QUIT")


def _encode(line: str) -> bytes:
    # S12: whatever a caller put in, one command is one line.
    if "\r" in line or "\n" in line or "\0" in line:
        raise LocalProtocolError("CR, LF or NUL in a command")
    return line.encode() + b"\r\n"
