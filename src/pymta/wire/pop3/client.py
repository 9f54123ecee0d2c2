"""
The machine of a POP3 client: for tests, and for who reads mail from another server.

What it sends are the values that a server is asked (:mod:`~pymta.wire.pop3.events`), as many at
once as wanted where the server announces PIPELINING (:rfc:`2449#section-6.6`); each
:class:`~pymta.wire.pop3.responses.Reply` names the command that it answers.  Lines stream.  A
server that breaks the protocol ends the session with a Closed event that says how.
"""

from __future__ import annotations

import re
from collections import deque
from types import MappingProxyType
from typing import Final

from pymta.errors import LocalProtocolError
from pymta.wire._dots import DotDecoder
from pymta.wire._lines import NEED_DATA, TOO_LONG, Lines, NeedData, TooLong
from pymta.wire.pop3.events import (
    UIDL,
    Answer,
    Apop,
    Auth,
    AuthResponse,
    Capabilities,
    Closed,
    ClosedReason,
    Command,
    Delete,
    EnableUTF8,
    Extended,
    Language,
    List,
    Mechanisms,
    Noop,
    Password,
    Quit,
    Reset,
    Retrieve,
    StartTLS,
    Stat,
    Top,
    User,
    answers,
)
from pymta.wire.pop3.grammar import (
    Refusal,
    decode_base64,
    encode_base64,
    split_code,
    strip_end,
)
from pymta.wire.pop3.limits import ClientLimits
from pymta.wire.pop3.responses import (
    Challenge,
    ClientEvent,
    Content,
    ContentEnd,
    Greeting,
    Reply,
)

__all__ = ["POP3Client", "render"]

#: RFC 2449 section 4
_COMMAND_LINE: Final = 255
_LIMITS: Final = ClientLimits()
_TIMESTAMP: Final = re.compile(r"<[!-;=?-~]+>")
_CONTROL: Final = re.compile(rb"[\x00-\x1f\x7f]")


class POP3Client:
    """
    One connection to a server.

    :param in_lines: the keywords of third parties' commands that are answered in lines.
    """

    def __init__(
        self, *, limits: ClientLimits = _LIMITS, in_lines: frozenset[str] = frozenset()
    ) -> None:
        self._limits = limits
        self._in_lines = in_lines
        self._input = Lines()
        self._peer_closed = False
        self._output: list[bytes] = []
        self._greeted = False
        self._pending: deque[Command] = deque()
        self._unstuffer: DotDecoder | None = None
        self._received = 0
        self._initial: bytes | None = None
        self._challenged = False
        self._starting_tls = False
        self._closed: Closed | None = None

    # -- octets and events ---------------------------------------------------

    @property
    def closing(self) -> bool:
        """The session is over: close the connection."""
        return self._closed is not None

    @property
    def starting_tls(self) -> bool:
        """STLS was answered: start TLS, call :meth:`tls_started`."""
        return self._starting_tls

    @property
    def outstanding(self) -> int:
        """How many commands are not fully answered."""
        return len(self._pending)

    def receive_data(self, data: bytes) -> None:
        """Take what the network brought; ``b""``: the server has closed its side."""
        if not data:
            self._peer_closed = True
        elif self._starting_tls:
            self._close(ClosedReason.PIPELINED_TLS)
        elif self._closed is None:
            self._input.feed(data)

    def data_to_send(self) -> bytes:
        """Take the octets to write."""
        data = b"".join(self._output)
        self._output.clear()
        return data

    def next_event(self) -> ClientEvent | NeedData:
        """What the server said next."""
        if self._closed is not None:
            return self._closed
        if self._unstuffer is not None:
            event = self._take_content(self._unstuffer)
            return self._need_data() if event is None else event
        while not self._starting_tls:
            line = self._input.next_line(self._limits.reply_line)
            if line is None:
                break
            found = self._take(line)
            if found is not None:
                return found
        return self._need_data()

    def _need_data(self) -> Closed | NeedData:
        return self._close(ClosedReason.PEER_CLOSED) if self._peer_closed else NEED_DATA

    def _close(self, reason: ClosedReason) -> Closed:
        if self._closed is None:
            self._closed = Closed(reason)
        self._starting_tls = self._challenged = False
        self._input.clear()
        return self._closed

    # -- what is said --------------------------------------------------------

    def send(self, command: Command) -> None:
        """
        Send a command, without waiting for the answers to earlier ones.

        :raises LocalProtocolError: before the greeting; behind STLS, AUTH or QUIT that is not
            answered; STLS behind anything that is not (:rfc:`2595#section-4`); a value that does
            not fit into a line.
        """
        if self._closed is not None or not self._greeted:
            raise LocalProtocolError("no session")
        last = self._pending[-1] if self._pending else None
        if self._starting_tls or isinstance(last, StartTLS | Auth | Quit):
            raise LocalProtocolError("a command must be answered before the next is sent")
        if isinstance(command, StartTLS) and self._pending:
            raise LocalProtocolError("STLS behind a command that is not answered")
        line = render(command)
        if isinstance(command, Auth):
            line = self._shorten(command, line)
        elif len(line) > _COMMAND_LINE:
            raise LocalProtocolError("a command longer than 255 octets")
        self._pending.append(command)
        self._output.append(line)

    def _shorten(self, command: Auth, line: bytes) -> bytes:
        # RFC 5034 section 4: an initial response that makes the line longer than 255 octets is
        # sent after the server's empty challenge instead.
        self._initial = None
        if len(line) <= _COMMAND_LINE:
            return line
        self._initial = command.initial
        return render(Auth(command.mechanism))

    def respond(self, data: bytes) -> None:
        """Answer a Challenge."""
        self._say_in_exchange(encode_base64(data))

    def cancel(self) -> None:
        """Answer a Challenge by giving up (:rfc:`5034#section-4`)."""
        self._say_in_exchange(b"*")

    def _say_in_exchange(self, data: bytes) -> None:
        if not self._challenged:
            raise LocalProtocolError("a response without a challenge")
        self._challenged = False
        self._output.append(data + b"\r\n")

    def tls_started(self) -> None:
        """The transport speaks TLS: capabilities learnt before are to be forgotten."""
        if not self._starting_tls:
            raise LocalProtocolError("TLS without STLS")
        self._starting_tls = False

    # -- what is heard -------------------------------------------------------

    def _take(self, line: bytes | TooLong) -> ClientEvent | None:
        if line is TOO_LONG:
            return self._close(ClosedReason.TOO_LONG)
        data = strip_end(line)
        status, _, text = data.partition(b" ")
        if status == b"+" and self._pending and isinstance(self._pending[0], Auth):
            return self._take_challenge(text)
        if status not in (b"+OK", b"-ERR"):
            return self._close(ClosedReason.NO_POP3)
        code, words = split_code(text.decode("utf-8", "replace"))
        if not self._greeted:
            return self._take_greeting(status == b"+OK", code, words)
        ok = status == b"+OK"
        if not self._pending or (self._challenged and ok):
            return self._close(ClosedReason.UNSOLICITED)
        # -ERR may come in place of our response: the server has lost its patience.
        self._challenged = False
        return self._take_reply(Reply(command=self._pending[0], ok=ok, text=words, code=code))

    def _take_greeting(self, ok: bool, code: str | None, text: str) -> Greeting:
        self._greeted = True
        match = _TIMESTAMP.search(text)
        return Greeting(ok=ok, text=text, code=code, timestamp=match[0] if match else None)

    def _take_challenge(self, data: bytes) -> ClientEvent | None:
        if self._challenged:
            return self._close(ClosedReason.UNSOLICITED)
        self._challenged = True
        initial, self._initial = self._initial, None
        try:
            challenge = decode_base64(data)
        except Refusal:
            # RFC 5034 section 4: "MUST cancel the authentication"; -ERR follows
            self.cancel()
            return None
        if initial is not None and not challenge:
            self.respond(initial)
            return None
        return Challenge(challenge)

    def _take_reply(self, reply: Reply) -> ClientEvent:
        if reply.ok and self._has_lines(reply.command):
            self._unstuffer = DotDecoder()
            self._received = 0
            return reply
        self._pending.popleft()
        match reply.command:
            case StartTLS() if reply.ok and len(self._input):
                # An answer of the clear text would be taken for one of TLS.
                return self._close(ClosedReason.PIPELINED_TLS)
            case StartTLS():
                self._starting_tls = reply.ok
            case Quit():
                self._close(ClosedReason.QUIT)
        return reply

    def _has_lines(self, command: Command) -> bool:
        if isinstance(command, Extended):
            return command.keyword in self._in_lines
        return Answer.LINES in answers(command)

    def _take_content(self, unstuffer: DotDecoder) -> Content | ContentEnd | Closed | None:
        command = self._pending[0]
        if unstuffer.ended:
            self._unstuffer = None
            self._pending.popleft()
            return ContentEnd(command)
        wire = self._input.take()
        data = unstuffer.decode(wire)
        self._received += len(data)
        if self._limits.lines is not None and self._received > self._limits.lines:
            return self._close(ClosedReason.TOO_LONG)
        if unstuffer.ended:
            self._input.put_back(unstuffer.rest)
        if data:
            return Content(command, data)
        return self._take_content(unstuffer) if unstuffer.ended else None


def render(command: Command) -> bytes:
    """
    The line of a command.

    :raises LocalProtocolError: a control character in it, or AuthResponse, which is no command.
    """
    line = b" ".join(_words(command))
    if _CONTROL.search(line):
        raise LocalProtocolError("a control character in a command")
    return line + b"\r\n"


def _words(command: Command) -> tuple[bytes, ...]:
    match command:
        case User(name):
            return b"USER", name.encode()
        case Password(password):
            return b"PASS", password.encode()
        case Apop(name, digest):
            return b"APOP", name.encode(), digest.hex().encode("ascii")
        case Auth(mechanism, None):
            return b"AUTH", mechanism.encode("ascii")
        case Auth(mechanism, initial):
            return b"AUTH", mechanism.encode("ascii"), encode_base64(initial or b"") or b"="
        case List(int(number)):
            return b"LIST", b"%d" % number
        case UIDL(int(number)):
            return b"UIDL", b"%d" % number
        case Retrieve(number):
            return b"RETR", b"%d" % number
        case Top(number, lines):
            return b"TOP", b"%d" % number, b"%d" % lines
        case Delete(number):
            return b"DELE", b"%d" % number
        case Language(str(tag)):
            return b"LANG", tag.encode("ascii")
        case Extended(keyword, argument):
            return (keyword.encode("ascii"), argument) if argument else (keyword.encode("ascii"),)
        case AuthResponse():
            raise LocalProtocolError("a response is sent with respond()")
        case _:
            return (_BARE[type(command)],)


_BARE: Final = MappingProxyType(
    {
        Capabilities: b"CAPA",
        EnableUTF8: b"UTF8",
        Language: b"LANG",
        List: b"LIST",
        Mechanisms: b"AUTH",
        Noop: b"NOOP",
        Quit: b"QUIT",
        Reset: b"RSET",
        StartTLS: b"STLS",
        Stat: b"STAT",
        UIDL: b"UIDL",
    }
)
