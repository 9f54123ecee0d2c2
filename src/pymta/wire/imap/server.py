"""
The machine of an IMAP server (:rfc:`3501`, :rfc:`9051`).

Octets in with ``receive_data``, questions out of ``next_event``, answers in through the methods,
octets out of ``data_to_send``.  One command is asked at a time, and the next only when it was
finished: answers leave in order, and the ambiguities of :rfc:`3501#section-5.5` cannot arise.
The machine knows grammar, states, limits and streams; mailboxes and numbers are known to who
answers.

A driver's loop::

    machine.greet("ready")
    while not machine.closing:
        write(machine.data_to_send())
        event = machine.next_event()
        if event is NEED_DATA:
            machine.receive_data(await read())       # b"" when the peer has closed its side
        else:
            await answer(machine, event)             # say, finish, logged_in, go_on, ...
            if machine.starting_tls:
                write(machine.data_to_send())
                start_tls(); machine.tls_started()
    write(machine.data_to_send())
    close()
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pymta.errors import LocalProtocolError
from pymta.wire._lines import NEED_DATA, NeedData
from pymta.wire.imap.append import AppendReader
from pymta.wire.imap.append_stream import AppendStream
from pymta.wire.imap.capability import Capability, Offering, Register, Verb
from pymta.wire.imap.command.append import Append, parse_streamed
from pymta.wire.imap.command.auth import (
    Authenticate,
    Login,
    Logout,
    StartTLS,
    Unauthenticate,
    decode_response,
)
from pymta.wire.imap.command.session import Capabilities, Compress, Idle
from pymta.wire.imap.cursor import BadSyntax, Cursor, Literal
from pymta.wire.imap.deflate import BadDeflate, Deflater, Inflater
from pymta.wire.imap.events import (
    Answered,
    AppendBroken,
    AppendEnded,
    Asked,
    AuthCancelled,
    AuthResponse,
    Closed,
    ClosedReason,
    Dropped,
    Event,
    IdleDone,
    LiteralBegan,
)
from pymta.wire.imap.lexer import Input, Overlong, split_tag
from pymta.wire.imap.limits import Limits
from pymta.wire.imap.literals import (
    Admission,
    CommandRefused,
    Gathering,
    Intake,
    Skipped,
    admission,
)
from pymta.wire.imap.response import codes, status
from pymta.wire.imap.response.codes import Code
from pymta.wire.imap.response.session import GO_ON, capability_line, continuation
from pymta.wire.imap.response.status import BAD, NO, OK, Ending
from pymta.wire.imap.state import Move, Phase, Refusal, State, Status, next_phase

__all__ = ["IMAPServer"]

_LIMITS: Final = Limits()
_VERB: Final = re.compile(rb"(?:([Uu][Ii][Dd]) )?([!#$&'+-\[^-z|-~]{1,40})(?![!#$&'+-\[^-z|-~])")
_READING: Final = frozenset({Phase.COMMAND, Phase.RESPONSE, Phase.IDLE, Phase.APPEND})

#: Slices inflated, or dropped, between two events: a driver looks at the clock only then.
_ROUNDS: Final = 4

#: Commands whose OK changes the machine, by a method of its own.
_OWN_METHOD: Final = (Login, Authenticate, StartTLS, Compress, Unauthenticate)


class IMAPServer:
    """
    One connection of a client.

    :param capabilities: what is offered; a :class:`Register` is shared by many connections.
    :param limits: what the client may ask of us.
    :param tls: the connection is encrypted from the start (:rfc:`8314#section-3.2`).
    :param context: for the words of capabilities: :attr:`Status.context`.
    :raises ValueError: two capabilities bring the same verb.
    """

    def __init__(
        self,
        capabilities: Register | Iterable[Capability],
        *,
        limits: Limits = _LIMITS,
        tls: bool = False,
        context: object = None,
    ) -> None:
        self._offering = Offering(capabilities)
        self._limits = limits
        self._status = Status(tls=tls, context=context)
        self._phase = Phase.GREETING
        self._input = Input()
        self._intake = Intake(self._input)
        self._gathering: Gathering | None = None
        self._append: AppendStream | None = None
        self._refusal: Refusal | None = None
        self._tag = ""
        self._verb: Verb | None = None
        self._by_uid = False
        self._command: object = None
        self._idle_broken = False
        self._errors = self._strangers_commands = self._failed_logins = 0
        self._peer_closed = False
        self._output: list[bytes] = []
        self._plain = b""
        self._inflater: Inflater | None = None
        self._deflater: Deflater | None = None
        self._closed: Closed | None = None

    # -- octets and events ---------------------------------------------------

    @property
    def status(self) -> Status:
        """What is known of the session: state, TLS, what is enabled."""
        return self._status

    @property
    def state(self) -> State:
        """Not authenticated, authenticated, or selected."""
        return self._status.state

    @property
    def enabled(self) -> frozenset[str]:
        """In upper case: ``CONDSTORE``, ``IMAP4REV2`` …"""
        return self._status.enabled

    @property
    def closing(self) -> bool:
        """All is said: write what there is to send, then close the connection."""
        return self._phase is Phase.CLOSED

    @property
    def at_boundary(self) -> bool:
        """Nothing is being done for the client: the moment for :meth:`shut_down`."""
        return self._phase in (Phase.COMMAND, Phase.IDLE)

    @property
    def is_idling(self) -> bool:
        """The peer waits for what happens (:rfc:`2177`)."""
        return self._phase is Phase.IDLE

    @property
    def starting_tls(self) -> bool:
        """Write what there is to send, start TLS, call :meth:`tls_started`."""
        return self._phase is Phase.TLS

    def receive_data(self, data: bytes) -> None:
        """
        Take what the network brought; ``b""``: the peer has closed its side.

        Octets may come before the greeting and while a command is being answered; they wait.  So a
        driver that reads only after NEED_DATA keeps at most one slice and one command in memory.
        """
        if not data:
            self._peer_closed = True
        elif self._phase is Phase.CLOSED or isinstance(self._command, Logout):
            return  # nothing is obeyed behind LOGOUT
        elif self._phase is Phase.TLS:
            # Sent in the clear behind STARTTLS: somebody on the way put it there.
            self._close(ClosedReason.PIPELINED_TLS)
        elif self._inflater is not None:
            self._inflater.feed(data)
            if self._deflater is None:
                self._leave_compression(self._inflater)
        else:
            self._input.feed(data)

    def data_to_send(self) -> bytes:
        """Take the octets to write."""
        data = b"".join(self._output)
        self._output.clear()
        if self._deflater is not None and data:
            data = self._deflater.deflate(data)
        if self._plain:
            data, self._plain = self._plain + data, b""
        return data

    def next_event(self) -> Event | NeedData:
        """
        What the peer wants next.

        :raises LocalProtocolError: something has to be answered first.
        """
        if self._closed is not None:
            return self._closed
        if self._phase is Phase.TLS and self._peer_closed:
            return self._close(ClosedReason.PEER_CLOSED)
        if self._phase not in _READING:
            raise LocalProtocolError(f"next event while waiting for {self._phase.value}")
        for _ in range(_ROUNDS):
            event = self._step()
            if event is not None:
                return event
            try:
                inflated = self._inflate()
            except BadDeflate:
                return self._give_up(ClosedReason.BAD_COMPRESSION, "no deflate stream")
            if not inflated:
                return self._close(ClosedReason.PEER_CLOSED) if self._peer_closed else NEED_DATA
        return Dropped()

    def _inflate(self) -> bool:
        if self._inflater is None or self._deflater is None:
            return False
        data = self._inflater.read(self._limits.slice)
        self._input.feed(data)
        return bool(data)

    def _step(self) -> Event | None:
        """One event, or None where more octets are needed."""
        if self._refusal is not None:
            event = self._skip(self._refusal)
            if event is not None or self._refusal is not None:
                return event
        if self._gathering is not None:
            return self._gather(self._gathering)
        match self._phase:
            case Phase.RESPONSE:
                return self._take_response()
            case Phase.IDLE:
                return self._take_done()
            case Phase.APPEND:
                assert self._append is not None
                return self._advance_append(self._append)
            case _:
                return self._take_command()

    # -- commands ------------------------------------------------------------

    def _take_command(self) -> Event | None:
        line = self._intake.next_command(self._line_limit())
        if line is None:
            return None
        if self.state is State.NOT_AUTHENTICATED:
            self._strangers_commands += 1
            if self._strangers_commands > self._limits.commands_before_login:
                return self._give_up(ClosedReason.TOO_MANY_COMMANDS, "too many commands")
        if isinstance(line, Overlong):
            return self._refuse(split_tag(line.head)[0], "line too long", codes.TOOBIG)
        if not line and self._intake.announced is None:
            # Some clients end a literal, or DONE, with one line end too many.
            return Answered(None)
        tag, rest = split_tag(line)
        match = _VERB.match(rest)
        if tag is None or match is None:
            return self._refuse(tag, "no tag" if tag is None else "no command")
        return self._take_verb(tag, match, rest[match.end() :])

    def _take_verb(self, tag: str, match: re.Match[bytes], rest: bytes) -> Event | None:
        by_uid = match[1] is not None
        name = match[2].decode("ascii").upper()
        verb = self._offering.find(name, by_uid=by_uid, status=self._status)
        if verb is None:
            return self._refuse(tag, "unknown command")
        if self.state not in verb.states:
            return self._refuse(tag, f"not in the {self.state.value} state")
        self._tag, self._verb, self._by_uid = tag, verb, by_uid
        if verb.parse is parse_streamed:
            return self._begin_append(rest)
        if self._intake.announced is None:
            return self._parse([rest])
        self._gathering = Gathering(
            self._intake, rest, admission=self._admission(), consent=self._consent
        )
        return self._gather(self._gathering)

    def _gather(self, gathering: Gathering) -> Event | None:
        try:
            pieces = gathering.advance()
        except CommandRefused as refused:
            self._gathering = None
            return self._reject(self._tag, refused.ending)
        if pieces is None:
            return None
        self._gathering = None
        return self._parse(pieces)

    def _parse(self, pieces: list[bytes | Literal]) -> Event | None:
        assert self._verb is not None
        cursor = Cursor(pieces, utf8=self._status.utf8, by_uid=self._by_uid)
        try:
            command = self._verb.parse(cursor)
            cursor.end()
        except BadSyntax as error:
            return self._refuse(self._tag, error.explained)
        return self._ask(self._tag, command)

    def _ask(self, tag: str, command: object) -> Event | None:
        match command:
            case Capabilities():
                self._errors = 0
                self._output.append(capability_line(self.capability_words()))
                self._output.append(status.tagged(tag, OK("that is all")))
                return Answered(tag)
            case Login() if "LOGINDISABLED" in self.capability_words():
                return self._reject(tag, NO("not without TLS", codes.PRIVACYREQUIRED))
            case Authenticate(mechanism, initial):
                words = self.capability_words()
                if f"AUTH={mechanism}" not in words:
                    return self._reject(tag, NO("no such mechanism", codes.CANNOT))
                if initial is not None and "SASL-IR" not in words:
                    return self._refuse(tag, "no initial response here")
            case StartTLS() if len(self._input):
                return self._refuse_pipelined_tls()
            case Compress(method):
                if method != "DEFLATE":
                    return self._refuse(tag, "no such compression")
                if self._status.compressed:
                    # RFC 4978 section 3: BAD where COMPRESS did it
                    return self._refuse(tag, "active already", codes.COMPRESSIONACTIVE)
            case Logout():
                self._forget_input()
        self._errors = 0
        self._phase = next_phase(self._phase, Move.ASK)
        self._command = command
        return Asked(tag, command)

    def _consent(self) -> None:
        self._output.append(GO_ON)

    # -- what is wrong -------------------------------------------------------

    def _refuse(self, tag: str | None, text: str, code: Code | None = None) -> Event | None:
        return self._reject(tag, BAD(text, code))

    def _reject(self, tag: str | None, ending: Ending) -> Event | None:
        """Say no by ourselves, once what belongs to the command has been read away."""
        if self._count_error():
            return self._give_up(ClosedReason.TOO_MANY_ERRORS, "too many errors")
        self._refusal = Refusal(tag, ending, ending.text)
        return self._skip(self._refusal)

    def _count_error(self) -> bool:
        self._errors += 1
        return self._errors >= self._limits.errors

    def _skip(self, refusal: Refusal) -> Event | None:
        """None: more octets are needed, or all is done and nothing has to be told."""
        match self._intake.skip(self._line_limit(), self._limits.skipped):
            case Skipped.NEED_DATA:
                return None
            case Skipped.TOO_BIG:
                return self._give_up(ClosedReason.TOO_BIG, "too big", codes.TOOBIG)
        self._refusal = None
        if refusal.tag is None:
            self._output.append(status.untagged(refusal.ending))
        else:
            self._output.append(status.tagged(refusal.tag, refusal.ending))
        return None if refusal.text is None else Answered(refusal.tag, refusal.text)

    def _admission(self) -> Admission:
        stranger = self.state is State.NOT_AUTHENTICATED
        return admission(self._limits, stranger=stranger, words=self.capability_words())

    def _line_limit(self) -> int:
        stranger = self.state is State.NOT_AUTHENTICATED
        return self._limits.line_before_login if stranger else self._limits.line

    def _refuse_pipelined_tls(self) -> Closed:
        # RFC 3501 section 6.2.1: nothing may follow STARTTLS until TLS is there.  Whether the
        # client or an attacker put it there, none of it is obeyed, and no TLS follows
        # (CVE-2011-0411).
        self._output.append(status.tagged(self._tag, BAD("nothing may follow STARTTLS")))
        return self._close(ClosedReason.PIPELINED_TLS)

    # -- AUTHENTICATE and IDLE -----------------------------------------------

    def _take_response(self) -> Event | None:
        line = self._input.next_line(self._limits.line_before_login)
        if line is None:
            return None
        try:
            if isinstance(line, Overlong):
                raise ValueError("line too long")
            data = decode_response(line)
        except ValueError as error:
            self._phase = next_phase(self._phase, Move.CANCEL)
            self._output.append(status.tagged(self._tag, BAD(str(error))))
            return self._count_failed_login() or AuthCancelled(str(error))
        self._phase = next_phase(self._phase, Move.ASK)
        return AuthResponse(data)

    def _count_failed_login(self) -> Closed | None:
        self._failed_logins += 1
        if self._failed_logins < self._limits.failed_logins:
            return None
        return self._give_up(ClosedReason.TOO_MANY_LOGINS, "too many failed logins")

    def _take_done(self) -> Event | None:
        line = self._intake.next_command(self._line_limit())
        if line is None:
            return None
        if isinstance(line, Overlong) or self._intake.announced is not None:
            # A command with a literal: what is text and what is not cannot be told any more.
            return self._give_up(ClosedReason.TOO_MANY_ERRORS, "DONE expected")
        # RFC 2177 section 3: MUST NOT send a command while idling
        self._idle_broken = line.strip(b" ").upper() != b"DONE"
        if self._idle_broken and self._count_error():
            return self._give_up(ClosedReason.TOO_MANY_ERRORS, "too many errors")
        self._phase = next_phase(self._phase, Move.DONE)
        return IdleDone()

    # -- APPEND and REPLACE --------------------------------------------------

    def _begin_append(self, rest: bytes) -> Event | None:
        assert self._verb is not None
        reader = AppendReader(
            offered=frozenset(self.capability_words()),
            replacing=self._verb.name == "REPLACE",
            by_uid=self._by_uid,
            utf8=self._status.utf8,
        )
        self._append = AppendStream(
            reader,
            self._intake,
            rest,
            admission=self._admission(),
            consent=self._consent,
            most=self._limits.slice,
        )
        self._phase = next_phase(self._phase, Move.STREAM)
        self._command = None
        return self._advance_append(self._append)

    def _advance_append(self, append: AppendStream) -> Event | None:
        try:
            step = append.advance()
        except BadSyntax as error:
            return self._break_append(BAD(error.explained))
        except CommandRefused as refused:
            return self._break_append(refused.ending)
        match step:
            case Append():
                self._command = step
                return Asked(self._tag, step)
            case LiteralBegan():
                self._phase = next_phase(self._phase, Move.ANNOUNCE)
            case AppendEnded():
                self._errors = 0
                self._append = None
                self._phase = next_phase(self._phase, Move.ASK)
        return step

    def _break_append(self, ending: Ending) -> Event | None:
        self._append = None
        self._phase = next_phase(self._phase, Move.FINISH)
        asked = self._command is not None
        if not asked:
            # Nobody has heard of it yet: it is refused as any other command.
            return self._reject(self._tag, ending)
        if self._count_error():
            return self._give_up(ClosedReason.TOO_MANY_ERRORS, "too many errors")
        self._refusal = Refusal(self._tag, ending, None)
        return self._skip(self._refusal) or AppendBroken(ending.text)

    def go_on(self) -> None:
        """Answer LiteralBegan: let the octets come."""
        self._phase = next_phase(self._phase, Move.GO_ON)
        assert self._append is not None
        self._append.go_on()

    # -- answers -------------------------------------------------------------

    def capability_words(self) -> list[str]:
        """What is announced now."""
        return self._offering.words(self._status)

    def offer(self, capabilities: Register | Iterable[Capability]) -> None:
        """
        Offer these from now on: an account may have less than the server promised everybody.
        """
        self._offering = Offering(capabilities)

    def greet(self, text: str) -> None:
        """``* OK [CAPABILITY …] text``.  Who will not serve calls :meth:`shut_down`."""
        self._phase = next_phase(self._phase, Move.GREET)
        self._output.append(status.untagged(OK(text, self._capability_code())))

    def greet_preauth(self, text: str) -> None:
        """``* PREAUTH [CAPABILITY …] text``: logged in already (:rfc:`3501#section-7.1.4`)."""
        self._phase = next_phase(self._phase, Move.GREET)
        self._status = replace(self._status, state=State.AUTHENTICATED)
        self._output.append(status.preauth(text, self._capability_code()))

    def say(self, line: bytes) -> None:
        """
        Queue untagged responses: whole lines with their CRLF, or slices of one after another.

        Behind BYE nobody listens, and nothing is queued.
        """
        if self._phase in (Phase.GREETING, Phase.TLS):
            raise LocalProtocolError(f"a response while waiting for {self._phase.value}")
        if self._phase is not Phase.CLOSED:
            self._output.append(line)

    def finish(self, ending: Ending) -> None:
        """
        End the open command.

        While a message streams in, it is a refusal: the rest is read away, then it is said.  A NO
        to LOGIN and AUTHENTICATE is counted, and the last one closes; after LOGOUT ``* BYE`` goes
        in front, and it closes.

        :raises LocalProtocolError: nothing is open, or OK is said to what has a method of its own.
        """
        command = self._command
        if isinstance(ending, OK) and isinstance(command, _OWN_METHOD):
            raise LocalProtocolError(f"OK is no answer to {type(command).__name__}")
        if self._phase in (Phase.APPEND, Phase.LITERAL):
            self._refuse_stream(ending)
            return
        if isinstance(command, Idle) and self._idle_broken:
            ending = BAD("DONE expected")
        self._end(ending)
        match command:
            case Login() | Authenticate():
                self._count_failed_login()
            case Logout():
                self._close(ClosedReason.LOGOUT)

    def _refuse_stream(self, ending: Ending) -> None:
        if self._command is None or isinstance(ending, OK):
            raise LocalProtocolError("a message has not come yet")
        self._phase = next_phase(self._phase, Move.FINISH)
        self._append = self._command = None
        self._refusal = Refusal(self._tag, ending, None)
        self._skip(self._refusal)

    def _end(self, ending: Ending) -> None:
        self._phase = next_phase(self._phase, Move.FINISH)
        if isinstance(self._command, Logout):
            # RFC 3501 section 6.1.3: BYE before the tagged OK
            self._output.append(status.bye("logging out"))
        self._output.append(status.tagged(self._tag, ending))
        self._command = None
        self._idle_broken = False

    def challenge(self, data: bytes) -> None:
        """Answer Authenticate or AuthResponse with the server's next challenge, not encoded."""
        self._expect(Authenticate)
        self._phase = next_phase(self._phase, Move.CHALLENGE)
        self._output.append(b"+ " + b2a_base64(data, newline=False) + b"\r\n")

    def logged_in(self, text: str, code: Code | None = None) -> None:
        """Yes to a login; without a code the capabilities are told in its place."""
        self._expect(Login, Authenticate)
        self._status = replace(self._status, state=State.AUTHENTICATED)
        self._failed_logins = 0
        self._end(OK(text, code or self._capability_code()))

    def unauthenticated(self, text: str) -> None:
        """
        Yes to UNAUTHENTICATE (:rfc:`8437`): all that the login brought is forgotten, compression
        too, and who answers must forget what he knows.
        """
        self._expect(Unauthenticate)
        self._status = self._status.anew()
        self._strangers_commands = 0
        self._end(OK(text, self._capability_code()))
        if self._inflater is not None and self._deflater is not None:
            # RFC 8437 section 4.1: the compression layer ends behind this OK, the client's behind
            # the command.
            data = self._deflater.deflate(b"".join(self._output)) + self._deflater.end()
            self._output = [data]
            self._deflater = None
            self._leave_compression(self._inflater)

    def _leave_compression(self, inflater: Inflater) -> None:
        rest = inflater.leave()
        if rest is not None:
            self._inflater = None
            self._input.feed(rest)

    def start_tls(self, text: str = "begin TLS negotiation") -> None:
        """
        Yes to STARTTLS.  ``starting_tls`` is true then, unless octets have come behind the
        command: then BAD was written and the session is closed.
        """
        self._expect(StartTLS)
        if len(self._input):
            self._refuse_pipelined_tls()
            return
        self._phase = next_phase(self._phase, Move.AGREE_TLS)
        self._output.append(status.tagged(self._tag, OK(text)))
        self._command = None

    def tls_started(self) -> None:
        """
        The transport speaks TLS.  Nothing that was said in the clear is remembered; who answers
        must forget what he was told as well.
        """
        self._phase = next_phase(self._phase, Move.START_TLS)
        self._status = replace(self._status.anew(), tls=True)

    def compress(self, text: str = "DEFLATE active") -> None:
        """
        Yes to COMPRESS: what follows is compressed, in both directions.

        Unless octets have come behind the command, which no client may send: then it is a BAD, and
        nothing is compressed.
        """
        self._expect(Compress)
        if len(self._input):
            self._end(BAD("nothing may follow COMPRESS"))
            return
        self._end(OK(text))
        self._status = replace(self._status, compressed=True)
        self._inflater, self._deflater = Inflater(), Deflater()
        self._plain = b"".join(self._output)
        self._output.clear()

    def enable(self, names: Iterable[str]) -> None:
        """Remember as enabled, by ENABLE or a command that does the same; in any case."""
        enabled = self._status.enabled | {name.upper() for name in names}
        self._status = replace(self._status, enabled=enabled)

    def selected(self) -> None:
        """A mailbox is open: before ``finish`` of SELECT."""
        self._select(State.SELECTED)

    def deselected(self) -> None:
        """No mailbox is open any more."""
        self._select(State.AUTHENTICATED)

    def idling(self, text: str = "idling") -> None:
        """Answer Idle: ``say`` what happens, until IdleDone comes."""
        self._expect(Idle)
        self._phase = next_phase(self._phase, Move.IDLE)
        self._output.append(continuation(text))

    def shut_down(self, text: str | None, code: Code | None = None) -> None:
        """
        Close, whatever is going on.

        :param text: of ``* BYE``; None: amid a response nothing is said.
        """
        if text is not None and self._phase not in (Phase.TLS, Phase.CLOSED):
            self._output.append(status.bye(text, code))
        self._close(ClosedReason.SHUT_DOWN)

    # -- within --------------------------------------------------------------

    def _expect(self, *kinds: type) -> None:
        if self._phase is not Phase.ANSWER or not isinstance(self._command, kinds):
            raise LocalProtocolError(f"no {kinds[0].__name__} is open")

    def _select(self, state: State) -> None:
        if self.state is State.NOT_AUTHENTICATED:
            raise LocalProtocolError("nobody is logged in")
        self._status = replace(self._status, state=state)

    def _capability_code(self) -> Code:
        return codes.capability(self.capability_words())

    def _give_up(self, reason: ClosedReason, text: str, code: Code | None = None) -> Closed:
        self._output.append(status.bye(text, code))
        return self._close(reason)

    def _close(self, reason: ClosedReason) -> Closed:
        if self._closed is None:
            self._closed = Closed(reason)
        self._phase = next_phase(self._phase, Move.CLOSE)
        self._command = self._append = self._gathering = self._refusal = None
        self._forget_input()
        return self._closed

    def _forget_input(self) -> None:
        self._input.clear()
        if self._inflater is not None:
            self._inflater = Inflater()
