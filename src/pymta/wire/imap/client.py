"""
The machine of an IMAP client: for tests, and for who reads mail from another server.

Commands are sent one behind the other without waiting (:rfc:`9051#section-5.5`); each ends with
a :class:`~pymta.wire.imap.client_events.Completed` that names it.  A literal waits for the
server's ``+`` where it does not announce LITERAL+ or LITERAL- (:rfc:`7888`), and what is sent
behind waits with it.  A server that breaks the protocol ends the session with a
:class:`~pymta.wire.imap.client_events.Lost` that says how.  What the client may believe of the
selected mailbox is kept in :mod:`~pymta.wire.imap.client_mailbox`.
"""

from __future__ import annotations

import zlib
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections import deque
from typing import Final

from pymta.errors import LocalProtocolError, RemoteProtocolError
from pymta.wire._lines import NEED_DATA, TOO_LONG, NeedData
from pymta.wire.imap import utf7
from pymta.wire.imap.client_compression import Deflater, Inflater
from pymta.wire.imap.client_data import Capabilities, Condition, Enabled, Status
from pymta.wire.imap.client_events import (
    Challenge,
    ClientEvent,
    Completed,
    Greeting,
    Idling,
    Lost,
    LostReason,
    Request,
    Untagged,
)
from pymta.wire.imap.client_lexer import ClientLimits, Responses
from pymta.wire.imap.client_reading import Continue, Tagged, read_response
from pymta.wire.imap.cursor import Literal

__all__ = ["IMAPClient"]

_LIMITS: Final = ClientLimits()
# Behind these nothing may be said before they have ended, since it would be read otherwise.
_ALONE: Final = frozenset(
    {"AUTHENTICATE", "COMPRESS", "IDLE", "LOGOUT", "STARTTLS", "UNAUTHENTICATE"}
)
# These must have nothing before them that is not answered.
_FIRST: Final = frozenset({"AUTHENTICATE", "COMPRESS", "STARTTLS", "UNAUTHENTICATE"})
_LOGINS: Final = frozenset({"AUTHENTICATE", "LOGIN", "UNAUTHENTICATE"})
_CONTROL: Final = frozenset(b"\r\n\0")
# RFC 7888 section 5
_SMALL_LITERAL: Final = 4096


class IMAPClient:
    """
    One connection to a server.

    :param prefix: what tags begin with.
    """

    def __init__(self, *, limits: ClientLimits = _LIMITS, prefix: str = "A") -> None:
        self._limits = limits
        self._prefix = prefix
        self._number = 0
        self._input = Responses(limits)
        self._peer_closed = False
        self._output: list[bytes] = []
        self._greeted = False
        self._pending: dict[str, Request] = {}
        self._unsent: deque[tuple[str, deque[bytes | Literal]]] = deque()
        self._literal: Literal | None = None
        self._initial: bytes | None = None
        self._challenged = False
        # The tag of IDLE once it has begun; "" when DONE was sent.
        self._idling: str | None = None
        self._starting_tls = False
        self._deflater: Deflater | None = None
        self._inflater: Inflater | None = None
        self._lost: Lost | None = None
        self._capabilities: frozenset[str] = frozenset()
        self._announced = False
        self._enabled: frozenset[str] = frozenset()

    # -- what is known -------------------------------------------------------

    @property
    def closing(self) -> bool:
        """The session is over: close the connection."""
        return self._lost is not None

    @property
    def starting_tls(self) -> bool:
        """STARTTLS was answered: start TLS, call :meth:`tls_started`."""
        return self._starting_tls

    @property
    def outstanding(self) -> int:
        """How many commands are not completed."""
        return len(self._pending)

    @property
    def capabilities(self) -> frozenset[str]:
        """What the server announced last, in upper case; empty where it must be asked again."""
        return self._capabilities

    @property
    def enabled(self) -> frozenset[str]:
        """What ENABLE was answered with (:rfc:`5161`)."""
        return self._enabled

    @property
    def utf8(self) -> bool:
        """Mailbox names are UTF-8, not modified UTF-7."""
        return not self._enabled.isdisjoint({"IMAP4REV2", "UTF8=ACCEPT"})

    def mailbox(self, name: str) -> bytes | Literal:
        """The name of a mailbox as an argument."""
        if not self.utf8:
            return b'"%s"' % utf7.encode(name).replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        octets = name.encode()
        if not _CONTROL.isdisjoint(octets):
            return Literal(octets)
        return b'"%s"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')

    # -- octets and events ---------------------------------------------------

    def receive_data(self, data: bytes) -> None:
        """Take what the network brought; ``b""``: the server has closed its side."""
        if not data:
            self._peer_closed = True
        elif self._starting_tls:
            self._lose(LostReason.PIPELINED_TLS)
        elif self._lost is not None:
            pass
        elif self._inflater is not None:
            self._inflater.feed(data)
        else:
            self._input.feed(data)

    def data_to_send(self) -> bytes:
        """Take the octets to write."""
        data = b"".join(self._output)
        self._output.clear()
        return self._deflater.write(data) if data and self._deflater is not None else data

    def next_event(self) -> ClientEvent | NeedData:
        """What the server said next."""
        while self._lost is None and not self._starting_tls:
            octets = self._input.next()
            if octets is TOO_LONG:
                return self._lose(LostReason.TOO_LONG)
            if octets is None:
                if not self._inflate():
                    break
                continue
            try:
                event = self._take(octets)
            except RemoteProtocolError as error:
                return self._lose(LostReason.MALFORMED, str(error))
            if event is not None:
                return event
        if self._lost is not None:
            return self._lost
        return self._lose(LostReason.PEER_CLOSED) if self._peer_closed else NEED_DATA

    def _inflate(self) -> bool:
        """Feed another slice; whether there was one."""
        if self._inflater is None:
            return False
        try:
            data = self._inflater.read()
        except zlib.error as error:
            self._lose(LostReason.COMPRESSION, str(error))
            return True
        if self._inflater.ended:
            data += self._inflater.rest()
            self._inflater = None
        self._input.feed(data)
        return bool(data)

    def _lose(self, reason: LostReason, detail: str = "") -> Lost:
        if self._lost is None:
            self._lost = Lost(reason, detail)
        self._starting_tls = self._challenged = False
        self._idling = self._literal = None
        self._unsent.clear()
        self._input.clear()
        return self._lost

    # -- what is said --------------------------------------------------------

    def send(self, request: Request) -> str:
        """
        Send a command, without waiting for the end of earlier ones; gives its tag.

        AUTHENTICATE is sent by :meth:`authenticate`, and IDLE ended by :meth:`done`.

        :raises LocalProtocolError: before the greeting; behind a command that changes how the
            connection is read, and such a one behind any; a line break in an argument.
        """
        if self._lost is not None or not self._greeted:
            raise LocalProtocolError("no session")
        if self._starting_tls or any(each.name in _ALONE for each in self._pending.values()):
            raise LocalProtocolError("a command must be completed before the next is sent")
        if request.name in _FIRST and self._pending:
            raise LocalProtocolError(f"{request.name} behind a command that is not completed")
        for piece in request.arguments:
            if isinstance(piece, bytes) and not _CONTROL.isdisjoint(piece):
                raise LocalProtocolError("a line break in a command")
        self._number += 1
        tag = f"{self._prefix}{self._number}"
        self._pending[tag] = request
        self._announced = False
        head = f"{tag} {request.name}{' ' if request.arguments else ''}".encode("ascii")
        self._unsent.append((tag, deque((head, *request.arguments, b"\r\n"))))
        self._write()
        if request.name == "UNAUTHENTICATE" and self._deflater is not None:
            # RFC 8437 section 4.1
            self._output[:] = [self._deflater.end(b"".join(self._output))]
            self._deflater = None
        return tag

    def authenticate(self, mechanism: str, initial: bytes | None) -> str:
        """
        Begin AUTHENTICATE; each :class:`Challenge` is to be answered.

        :param initial: the initial response; sent with the command where the server announces
            SASL-IR (:rfc:`4959`), else in answer to its empty challenge.
        """
        arguments = [mechanism.encode("ascii")]
        self._initial = initial
        if initial is not None and "SASL-IR" in self._capabilities:
            self._initial = None
            arguments += [b" ", b2a_base64(initial, newline=False) or b"="]
        return self.send(Request("AUTHENTICATE", tuple(arguments)))

    def respond(self, octets: bytes) -> None:
        """Answer a Challenge."""
        self._say_in_exchange(b2a_base64(octets, newline=False))

    def cancel(self) -> None:
        """Answer a Challenge by giving up."""
        self._say_in_exchange(b"*")

    def _say_in_exchange(self, data: bytes) -> None:
        if not self._challenged:
            raise LocalProtocolError("a response without a challenge")
        self._challenged = False
        self._output.append(data + b"\r\n")

    def done(self) -> None:
        """End IDLE, once :class:`Idling` came (:rfc:`2177`)."""
        if not self._idling:
            raise LocalProtocolError("not idling")
        self._idling = ""
        self._output.append(b"DONE\r\n")

    def tls_started(self) -> None:
        """The transport speaks TLS; what was announced before is forgotten."""
        if not self._starting_tls:
            raise LocalProtocolError("TLS without STARTTLS")
        self._starting_tls = False
        self._capabilities = frozenset()

    def _write(self) -> None:
        """Write what may be written now."""
        while self._unsent and self._literal is None:
            pieces = self._unsent[0][1]
            if not pieces:
                self._unsent.popleft()
                continue
            piece = pieces.popleft()
            if isinstance(piece, bytes):
                self._output.append(piece)
            elif self._waits(piece):
                self._announce(piece, b"")
                self._literal = piece
            else:
                self._announce(piece, b"+")
                self._output.append(piece.octets)

    def _announce(self, literal: Literal, plus: bytes) -> None:
        binary = b"~" if literal.binary else b""
        self._output.append(b"%b{%d%b}\r\n" % (binary, len(literal.octets), plus))

    def _waits(self, literal: Literal) -> bool:
        if "LITERAL+" in self._capabilities:
            return False
        small = not self._capabilities.isdisjoint({"LITERAL-", "IMAP4REV2"})
        return not small or len(literal.octets) > _SMALL_LITERAL

    # -- what is heard -------------------------------------------------------

    def _name(self, octets: bytes) -> str:
        if not self.utf8:
            try:
                return utf7.decode(octets)
            except ValueError:
                pass  # servers hand out what was stored in their names
        return octets.decode("utf-8", "replace")

    def _take(self, octets: bytes) -> ClientEvent | None:
        if not octets.endswith(b"\r\n"):
            raise RemoteProtocolError("a line that ends with LF alone")
        found = read_response(octets[:-2], depth=self._limits.depth, name=self._name)
        if isinstance(found, Condition | Tagged):
            condition = found if isinstance(found, Condition) else found.condition
            if condition.code is not None and condition.code.name == "CAPABILITY":
                assert isinstance(condition.code.value, tuple)
                self._learn(frozenset(condition.code.value))
        if not self._greeted:
            return self._take_greeting(found)
        if isinstance(found, Tagged):
            return self._take_end(found)
        if isinstance(found, Continue):
            return self._take_continue(found.octets)
        during = next(iter(self._pending.values()), None)
        if isinstance(found, Capabilities):
            self._learn(found.names)
        elif isinstance(found, Enabled):
            self._enabled |= found.names
        elif isinstance(found, Condition) and found.status is Status.BYE:
            if during is None or all(each.name != "LOGOUT" for each in self._pending.values()):
                self._lose(LostReason.BYE, found.text)
        elif isinstance(found, Condition) and found.status is Status.PREAUTH:
            raise RemoteProtocolError("PREAUTH behind the greeting")
        return Untagged(found, during)

    def _learn(self, names: frozenset[str]) -> None:
        self._capabilities = names
        self._announced = True

    def _take_greeting(self, found: object) -> Greeting:
        if not isinstance(found, Condition) or found.status in (Status.NO, Status.BAD):
            raise RemoteProtocolError("no greeting")
        self._greeted = True
        if found.status is Status.BYE:
            self._lose(LostReason.BYE, found.text)
        return Greeting(found)

    def _take_end(self, found: Tagged) -> ClientEvent:
        request = self._pending.pop(found.tag, None)
        if request is None:
            return self._lose(LostReason.UNSOLICITED, f"no command {found.tag}")
        completed = Completed(found.tag, request, found.condition)
        if not self._is_sent(found.tag):
            if completed.ok or self._unsent[0][0] != found.tag:
                return self._lose(LostReason.UNSOLICITED, "an answer before it was asked")
            # A literal is refused: the rest of the command is not sent.
            self._literal = None
            self._unsent.popleft()
        self._challenged = False
        self._idling = None
        if completed.ok:
            self._change(request.name)
        if self._lost is not None and self._lost.reason is not LostReason.LOGOUT:
            return self._lost
        self._write()
        return completed

    def _is_sent(self, tag: str) -> bool:
        return all(each != tag or not pieces for each, pieces in self._unsent)

    def _change(self, name: str) -> None:
        """What a command changes that was done."""
        if name == "STARTTLS":
            if len(self._input):
                # An answer of the clear text would be taken for one of TLS.
                self._lose(LostReason.PIPELINED_TLS)
            self._starting_tls = self._lost is None
        elif name == "COMPRESS":
            self._deflater, self._inflater = Deflater(), Inflater()
            self._inflater.feed(self._input.take())
        elif name == "LOGOUT":
            self._lose(LostReason.LOGOUT)
        if name in _LOGINS and not self._announced:
            self._capabilities = frozenset()
        if name == "UNAUTHENTICATE":
            self._enabled = frozenset()

    def _take_continue(self, octets: bytes) -> ClientEvent | None:
        literal, self._literal = self._literal, None
        if literal is not None:
            self._output.append(literal.octets)
            self._write()
            return None
        tag, request = next(iter(self._pending.items()), ("", None))
        if request is not None and request.name == "IDLE" and self._idling is None:
            self._idling = tag
            return Idling(tag)
        if request is not None and request.name == "AUTHENTICATE" and not self._challenged:
            return self._take_challenge(octets)
        return self._lose(LostReason.UNSOLICITED, "go on with what?")

    def _take_challenge(self, octets: bytes) -> ClientEvent | None:
        self._challenged = True
        initial, self._initial = self._initial, None
        try:
            challenge = a2b_base64(octets, strict_mode=True)
        except Base64Error:
            # RFC 9051 section 6.2.2: a client that cannot go on cancels; BAD follows
            self.cancel()
            return None
        if initial is not None and not challenge:
            self.respond(initial)
            return None
        return Challenge(challenge)
