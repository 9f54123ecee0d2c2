"""
The machine of a POP3 server (:rfc:`1939`, :rfc:`2449`, :rfc:`2595`, :rfc:`5034`, :rfc:`6856`).

Octets in with ``receive_data``, questions out of ``next_event``, answers in through the methods,
octets out of ``data_to_send``.  Commands are taken one at a time, so responses leave in the order
of the commands, however they were pipelined.  The machine knows grammar, order, limits and
stuffing; messages, marks and accounts are known to who answers.

A driver's loop::

    machine.greet("ready")
    while not machine.closing:
        write(machine.data_to_send())
        event = machine.next_event()
        if event is NEED_DATA:
            machine.receive_data(await read())       # b"" when the peer has closed its side
        else:
            await answer(machine, event)             # ok, err, logged_in, begin_lines, ...
            if machine.starting_tls:
                write(machine.data_to_send())
                start_tls(); machine.tls_started()
    write(machine.data_to_send())
    close()
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from pymta.errors import LocalProtocolError
from pymta.wire._dots import DotEncoder
from pymta.wire._lines import NEED_DATA, TOO_LONG, Lines, NeedData, TooLong
from pymta.wire.pop3 import verbs
from pymta.wire.pop3.capability import Capability
from pymta.wire.pop3.events import (
    Answer,
    Answered,
    Apop,
    Auth,
    AuthCancelled,
    AuthResponse,
    Capabilities,
    Closed,
    ClosedReason,
    Command,
    EnableUTF8,
    Event,
    Mechanisms,
    Noop,
    Password,
    Question,
    Quit,
    StartTLS,
    User,
    answers,
)
from pymta.wire.pop3.grammar import (
    RESPONSE_LINE,
    TIMESTAMP,
    Refusal,
    check_argument,
    decode_base64,
    encode_base64,
    response,
    split_command,
    strip_end,
)
from pymta.wire.pop3.limits import Limits
from pymta.wire.pop3.state import Move, Phase, State, Status, next_phase
from pymta.wire.pop3.texts import ENGLISH, Code, Text
from pymta.wire.pop3.verbs import Verb

__all__ = ["POP3Server"]

_OK: Final = b"+OK"
_ERR: Final = b"-ERR"
_LIMITS: Final = Limits()


class POP3Server:
    """
    One connection of a client.

    :param capabilities: what is offered, in the order of the CAPA response.
    :param limits: what the client may ask of us.
    :param tls: the connection is encrypted from the start (:rfc:`8314#section-3.1`).
    :param timestamp: ``<unique@host>`` for the greeting, different each time
        (:rfc:`1939#section-7`); with it APOP is offered, without it APOP is unknown.
    :param utf8_logins: with the UTF8 capability, names and passwords may be UTF-8
        (:rfc:`6856#section-2.2`).
    :raises ValueError: two capabilities bring the same verb, or the timestamp is none.
    """

    def __init__(
        self,
        *,
        capabilities: Iterable[Capability] = (),
        limits: Limits = _LIMITS,
        tls: bool = False,
        timestamp: str | None = None,
        utf8_logins: bool = True,
    ) -> None:
        self._capabilities = tuple(capabilities)
        self._limits = limits
        self._timestamp = timestamp
        names = {capability.name for capability in self._capabilities}
        self._codes = "RESP-CODES" in names
        self._verbs = _table(self._capabilities, timestamp)
        self._status = Status(tls=tls, utf8_logins=utf8_logins and "UTF8" in names)
        self._phase = Phase.GREETING
        self._question: Question | None = None
        self._user_accepted = False
        self._stuffer = DotEncoder()
        self._texts: Mapping[Text, str] = ENGLISH
        self._encoding = "ascii"
        self._errors = self._commands = self._failed_logins = 0
        self._input = Lines()
        self._peer_closed = False
        self._output: list[bytes] = []
        self._closed: Closed | None = None

    # -- octets and events ---------------------------------------------------

    @property
    def status(self) -> Status:
        """What is known of the session."""
        return self._status

    @property
    def closing(self) -> bool:
        """All is said: write what there is to send, then close the connection."""
        return self._phase is Phase.CLOSED

    @property
    def at_boundary(self) -> bool:
        """No command is under way: the moment for :meth:`shut_down`."""
        return self._phase is Phase.COMMAND

    @property
    def starting_tls(self) -> bool:
        """Write what there is to send, start TLS, call :meth:`tls_started`."""
        return self._phase is Phase.TLS

    def receive_data(self, data: bytes) -> None:
        """
        Take what the network brought; ``b""``: the peer has closed its side.

        Octets may come before the greeting and while a question is open; they wait.  So a driver
        that reads only after NEED_DATA keeps at most one slice and one line in memory.
        """
        if not data:
            self._peer_closed = True
        elif self._phase is Phase.CLOSED or self._status.state is State.UPDATE:
            return  # nothing is obeyed behind QUIT
        elif self._phase is Phase.TLS:
            # Sent in the clear behind STLS: somebody on the way put it there.
            self._close(ClosedReason.PIPELINED_TLS)
        else:
            self._input.feed(data)

    def data_to_send(self) -> bytes:
        """Take the octets to write."""
        data = b"".join(self._output)
        self._output.clear()
        return data

    def next_event(self) -> Event | NeedData:
        """
        What the peer wants next, at most one command of it.

        :raises LocalProtocolError: a question is open, or the greeting was not given.
        """
        if self._closed is not None:
            return self._closed
        if self._phase is Phase.TLS and self._peer_closed:
            return self._close(ClosedReason.PEER_CLOSED)
        if self._phase not in (Phase.COMMAND, Phase.RESPONSE):
            raise LocalProtocolError(f"next event while waiting for {self._phase.value}")
        line = self._input.next_line(self._limits.auth_line)
        if line is None:
            if self._peer_closed:
                return self._close(ClosedReason.PEER_CLOSED)
            return NEED_DATA
        if self._status.state is State.AUTHORIZATION:
            self._commands += 1
            if self._commands > self._limits.commands_before_login:
                self._say(_ERR, self._texts[Text.TOO_MANY_COMMANDS])
                return self._close(ClosedReason.TOO_MANY_COMMANDS)
        return self._take_response(line) if self._phase is Phase.RESPONSE else self._take(line)

    # -- commands ------------------------------------------------------------

    def _take(self, line: bytes | TooLong) -> Event:
        # PASS is allowed immediately after USER only (RFC 1939 section 7).
        user_accepted, self._user_accepted = self._user_accepted, False
        if line is TOO_LONG:
            return self._refuse("", Text.TOO_LONG)
        keyword, argument = split_command(strip_end(line))
        entry = self._verbs.get(keyword)
        if entry is None:
            return self._refuse("", Text.UNKNOWN)
        verb, capability = entry
        try:
            self._check(verb, capability, len(line))
            check_argument(argument)
            command = verb.parse(argument, self._status)
            if isinstance(command, Password) and not user_accepted:
                raise Refusal(Text.USER_FIRST)
            return self._ask(verb.keyword, command)
        except Refusal as refusal:
            return self._refuse(verb.keyword, refusal.text)

    def _check(self, verb: Verb, capability: Capability | None, length: int) -> None:
        if length > self._limits.command_line and not verb.long:
            raise Refusal(Text.TOO_LONG)
        if self._status.state not in verb.states:
            raise Refusal(Text.STATE)
        if capability is not None and capability.text(self._status) is None:
            raise Refusal(Text.NOT_OFFERED)

    def _ask(self, keyword: str, command: Command) -> Event:
        match command:
            case Noop():
                self._say(_OK, "")
                return Answered(keyword)
            case Capabilities():
                self._list(Text.CAPABILITIES, self._announced())
                return Answered(keyword)
            case Mechanisms():
                self._list(Text.MECHANISMS, self._mechanisms())
                return Answered(keyword)
            case Auth(mechanism) if mechanism not in self._mechanisms():
                raise Refusal(Text.MECHANISM)
            case StartTLS() if self._status.utf8:
                raise Refusal(Text.AFTER_UTF8)  # RFC 6856 section 2.1
            case StartTLS() if len(self._input):
                return self._refuse_pipelined_tls()
            case Quit() if self._status.state is State.AUTHORIZATION:
                # RFC 1939 section 6: no UPDATE state without a login
                self._say(_OK, self._texts[Text.GOODBYE])
                return self._close(ClosedReason.QUIT)
            case Quit():
                self._status = replace(self._status, state=State.UPDATE)
                self._input.clear()
        return self._open(command)

    def _open(self, question: Question) -> Question:
        self._phase = next_phase(self._phase, Move.ASK)
        self._question = question
        return question

    def _refuse(self, keyword: str, text: Text) -> Answered | Closed:
        self._errors += 1
        if self._errors >= self._limits.errors:
            # No response code: SYS speaks of our own failures (RFC 3206 section 4).
            self._say(_ERR, self._texts[Text.TOO_MANY_ERRORS])
            return self._close(ClosedReason.TOO_MANY_ERRORS)
        self._say(_ERR, self._texts[text])
        return Answered(keyword, text)

    def _refuse_pipelined_tls(self) -> Closed:
        # RFC 2595 section 4: nothing may follow STLS until TLS is there.  Whether the client or
        # an attacker put it there, none of it is obeyed, and no TLS follows (CVE-2011-0411).
        self._say(_ERR, self._texts[Text.PIPELINED_TLS])
        return self._close(ClosedReason.PIPELINED_TLS)

    def _announced(self) -> list[str]:
        lines = (capability.text(self._status) for capability in self._capabilities)
        return [line for line in lines if line is not None]

    def _mechanisms(self) -> list[str]:
        for line in self._announced():
            tag, *names = line.split(" ")
            if tag == "SASL":
                return names
        return []

    def _list(self, text: Text, lines: list[str]) -> None:
        self._say(_OK, self._texts[text])
        data = [line.encode("ascii") + b"\r\n" for line in lines]
        for line in data:
            if len(line) > RESPONSE_LINE:
                raise LocalProtocolError("a capability longer than 512 octets")
        stuffer = DotEncoder()
        self._output += (stuffer.encode(b"".join(data)), stuffer.end())

    # -- the AUTH exchange ---------------------------------------------------

    def _take_response(self, line: bytes | TooLong) -> Event:
        try:
            if line is TOO_LONG:
                raise Refusal(Text.TOO_LONG)
            data = strip_end(line)
            if data == b"*":  # RFC 5034 section 4
                raise Refusal(Text.CANCELLED)
            return self._open(AuthResponse(decode_base64(data)))
        except Refusal as refusal:
            self._phase = next_phase(self._phase, Move.CANCEL)
            self._say(_ERR, self._texts[refusal.text])
            return self._count_failed_login() or AuthCancelled(refusal.text.value)

    def _count_failed_login(self) -> Closed | None:
        self._failed_logins += 1
        if self._failed_logins < self._limits.failed_logins:
            return None
        # RFC 1939 section 4: after a negative answer the server may close the connection
        return self._close(ClosedReason.TOO_MANY_LOGINS)

    # -- answers -------------------------------------------------------------

    def greet(self, text: str) -> None:
        """
        Open the session; the timestamp is added.  Who will not serve calls :meth:`shut_down`.
        """
        phase = next_phase(self._phase, Move.GREET)
        if self._timestamp is not None:
            if "<" in text:
                # RFC 2449 section 3: only the timestamp may begin like one
                raise LocalProtocolError("'<' in the greeting of a server with APOP")
            # The text is what is cut, never the timestamp.
            text = f"{text[: RESPONSE_LINE - len(self._timestamp) - 7]} {self._timestamp}"
        self._say(_OK, text)
        self._phase = phase

    def ok(self, text: str = "", *, code: str | None = None) -> None:
        """Yes, in one line."""
        question = self._expect(Answer.OK)
        self._answer(_OK, text, code)
        match question:
            case User():
                self._user_accepted = True
            case EnableUTF8():
                self._status = replace(self._status, utf8=True)
                self._encoding = "utf-8"
            case Quit():
                self._close(ClosedReason.QUIT)

    def err(self, text: str, *, code: str | None = None) -> None:
        """
        No.  The third refused login, and a refused QUIT, close the connection.

        :param code: :attr:`Code.AUTH` for every refused credential, and only for those
            (:rfc:`3206#section-6`), but never for USER; IN-USE for a mailbox that is locked;
            SYS/TEMP where nobody can tell; UTF8 for a message that needs UTF-8 mode.
        """
        question = self._expect(~Answer(0))
        self._answer(_ERR, text, code)
        match question:
            case Password() | Apop() | Auth() | AuthResponse():
                self._count_failed_login()
            case Quit():
                # RFC 1939 section 6: "whether the removal was successful or not", it closes
                self._close(ClosedReason.QUIT)

    def challenge(self, data: bytes) -> None:
        """Answer Auth or AuthResponse with the server's next challenge, not yet encoded."""
        self._expect(Answer.CHALLENGE)
        self._phase = next_phase(self._phase, Move.CHALLENGE)
        self._question = None
        # RFC 5034 section 4: with a space also where the challenge is empty
        self._output.append(b"+ " + encode_base64(data) + b"\r\n")

    def logged_in(self, text: str = "", *, code: str | None = None) -> None:
        """Yes to a login: the mailbox is locked and open, the TRANSACTION state begins."""
        self._expect(Answer.LOGIN)
        self._answer(_OK, text, code)
        self._status = replace(self._status, state=State.TRANSACTION)

    def start_tls(self, text: str = "begin TLS negotiation") -> None:
        """
        Yes to STLS.  ``starting_tls`` is true then, unless octets have come behind the command:
        then -ERR was written and the session is closed.
        """
        self._expect(Answer.TLS)
        if len(self._input):
            self._refuse_pipelined_tls()
            return
        line = self._line(_OK, text, None)
        self._phase = next_phase(self._phase, Move.AGREE_TLS)
        self._question = None
        self._output.append(line)

    def tls_started(self) -> None:
        """
        The transport speaks TLS.  Nothing that was said in the clear is remembered; who answers
        must forget what it was told as well.
        """
        self._phase = next_phase(self._phase, Move.START_TLS)
        self._status = replace(self._status, tls=True, utf8=False)
        # A name was forgotten with STLS itself: PASS follows USER immediately or not at all.
        self._texts, self._encoding = ENGLISH, "ascii"

    def language_chosen(self, tag: str, text: str, *, texts: Mapping[Text, str] = ENGLISH) -> None:
        """
        Yes to LANG with a tag: from here on texts are UTF-8.

        :param tag: the language chosen, which is named in the response
            (:rfc:`6856#section-3.2`).
        :param texts: the machine's own sentences in that language; those missing stay English.
        """
        self._expect(Answer.LANGUAGE)
        line = response(_OK, f"{tag} {text}", encoding="utf-8")
        self._phase = next_phase(self._phase, Move.ANSWER)
        self._question = None
        self._encoding = "utf-8"
        self._texts = {**ENGLISH, **texts}
        self._output.append(line)

    def begin_lines(self, text: str = "", *, code: str | None = None) -> None:
        """Yes, in lines, which follow: :meth:`lines` as often as wanted, :meth:`end_lines`."""
        self._expect(Answer.LINES)
        line = self._line(_OK, text, code)
        self._phase = next_phase(self._phase, Move.BEGIN_LINES)
        self._question = None
        self._stuffer = DotEncoder()
        self._output.append(line)

    def lines(self, data: bytes) -> None:
        """
        Add a slice of the lines, cut anywhere: content octet for octet, or any number of list
        entries, each with its CRLF.  Dots are stuffed here.
        """
        self._phase = next_phase(self._phase, Move.ADD_LINES)
        self._output.append(self._stuffer.encode(data))

    def end_lines(self) -> None:
        """
        End the lines, the last with a CRLF if it has none.  Where the rest cannot be had,
        call :meth:`shut_down` instead: the client must not take a part for the whole.
        """
        self._phase = next_phase(self._phase, Move.END_LINES)
        self._output.append(self._stuffer.end())

    def shut_down(self, text: str | None = None, *, code: str | None = Code.SYS_TEMP) -> None:
        """
        Close, whatever is going on; nothing is removed, unless QUIT is being answered already.

        :param text: said in place of the greeting, or of the answer to an open question or to
            the next command; None, and always amid lines: nothing is said, as
            :rfc:`1939#section-3` wants it of an inactivity timer.
        """
        silent = self._phase in (Phase.LINES, Phase.TLS, Phase.CLOSED)
        if text is not None and not silent:
            self._say(_ERR, text, code)
        self._close(ClosedReason.SHUT_DOWN)

    # -- how answers are written ---------------------------------------------

    def _expect(self, answer: Answer) -> Question:
        question = self._question
        if question is None:
            raise LocalProtocolError(f"an answer while waiting for {self._phase.value}")
        if not answers(question) & answer:
            raise LocalProtocolError(f"{answer} is no answer to {type(question).__name__}")
        return question

    def _answer(self, status: bytes, text: str, code: str | None) -> None:
        line = self._line(status, text, code)
        self._phase = next_phase(self._phase, Move.ANSWER)
        self._question = None
        self._output.append(line)

    def _line(self, status: bytes, text: str, code: str | None) -> bytes:
        # RFC 2449 section 6.4: codes come from who announces RESP-CODES only
        return response(status, text, code=code if self._codes else None, encoding=self._encoding)

    def _say(self, status: bytes, text: str, code: str | None = None) -> None:
        self._output.append(self._line(status, text, code))

    def _close(self, reason: ClosedReason) -> Closed:
        if self._closed is None:
            self._closed = Closed(reason)
        self._phase = next_phase(self._phase, Move.CLOSE)
        self._question = None
        self._input.clear()
        return self._closed


def _table(
    capabilities: tuple[Capability, ...], timestamp: str | None
) -> dict[bytes, tuple[Verb, Capability | None]]:
    table: dict[bytes, tuple[Verb, Capability | None]] = {
        verb.keyword.encode("ascii"): (verb, None) for verb in verbs.CORE
    }
    if timestamp is not None:
        if not TIMESTAMP.fullmatch(timestamp):
            raise ValueError(f"no timestamp: {timestamp!r}")
        table[b"APOP"] = (verbs.APOP, None)
    for capability in capabilities:
        for verb in capability.verbs:
            keyword = verb.keyword.encode("ascii")
            if keyword in table:
                raise ValueError(f"{verb.keyword} comes twice")
            table[keyword] = (verb, capability)
    return table
