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

from collections.abc import Iterable
from typing import Final

from pymta.wire._lines import NeedData
from pymta.wire.imap.capability import Capability
from pymta.wire.imap.events import Event
from pymta.wire.imap.limits import Limits
from pymta.wire.imap.response.codes import Code
from pymta.wire.imap.response.status import Ending
from pymta.wire.imap.state import State, Status

__all__ = ["IMAPServer"]

_LIMITS: Final = Limits()


class IMAPServer:
    """
    One connection of a client.

    :param capabilities: what is offered, in the order of the CAPABILITY response.
    :param limits: what the client may ask of us.
    :param tls: the connection is encrypted from the start (:rfc:`8314#section-3.2`).
    :raises ValueError: two capabilities bring the same verb.
    """

    def __init__(
        self,
        capabilities: Iterable[Capability],
        *,
        limits: Limits = _LIMITS,
        tls: bool = False,
    ) -> None:
        raise NotImplementedError

    @property
    def status(self) -> Status:
        """What is known of the session: state, TLS, what is enabled."""
        raise NotImplementedError

    @property
    def state(self) -> State:
        """Not authenticated, authenticated, or selected."""
        raise NotImplementedError

    @property
    def enabled(self) -> frozenset[str]:
        """In upper case: ``CONDSTORE``, ``IMAP4REV2`` …"""
        raise NotImplementedError

    @property
    def closing(self) -> bool:
        """All is said: write what there is to send, then close the connection."""
        raise NotImplementedError

    @property
    def at_boundary(self) -> bool:
        """No command is under way: the moment for :meth:`shut_down`."""
        raise NotImplementedError

    @property
    def starting_tls(self) -> bool:
        """Write what there is to send, start TLS, call :meth:`tls_started`."""
        raise NotImplementedError

    def receive_data(self, data: bytes) -> None:
        """Take what the network brought; ``b""``: the peer has closed its side."""
        raise NotImplementedError

    def next_event(self) -> Event | NeedData:
        """What the peer wants next."""
        raise NotImplementedError

    def data_to_send(self) -> bytes:
        """Take the octets to write."""
        raise NotImplementedError

    def capability_words(self) -> tuple[str, ...]:
        """What is announced now."""
        raise NotImplementedError

    def greet(self, text: str) -> None:
        """``* OK [CAPABILITY …] text``"""
        raise NotImplementedError

    def greet_preauth(self, text: str) -> None:
        """``* PREAUTH [CAPABILITY …] text``: logged in already."""
        raise NotImplementedError

    def say(self, line: bytes) -> None:
        """Queue untagged responses: whole lines, with their CRLF."""
        raise NotImplementedError

    def finish(self, ending: Ending) -> None:
        """End the open command.  After LOGOUT with OK, ``* BYE`` goes in front, and it closes."""
        raise NotImplementedError

    def challenge(self, data: bytes) -> None:
        """Answer Authenticate or AuthResponse with the server's next challenge, not encoded."""
        raise NotImplementedError

    def logged_in(self, text: str, code: Code | None = None) -> None:
        """Yes to a login; without a code the capabilities are told in its place."""
        raise NotImplementedError

    def unauthenticated(self, text: str) -> None:
        """Yes to UNAUTHENTICATE: all that the login brought is forgotten."""
        raise NotImplementedError

    def start_tls(self, text: str = "begin TLS negotiation") -> None:
        """Yes to STARTTLS."""
        raise NotImplementedError

    def tls_started(self) -> None:
        """The transport speaks TLS."""
        raise NotImplementedError

    def compress(self, text: str = "DEFLATE active") -> None:
        """Yes to COMPRESS: from here on both directions are compressed."""
        raise NotImplementedError

    def enable(self, names: Iterable[str]) -> None:
        """Remember as enabled (ENABLE, or a command that does the same); any case."""
        raise NotImplementedError

    def selected(self) -> None:
        """A mailbox is open: before ``finish`` of SELECT."""
        raise NotImplementedError

    def deselected(self) -> None:
        """No mailbox is open any more."""
        raise NotImplementedError

    def idling(self, text: str = "idling") -> None:
        """Answer Idle: ``say`` what happens, until IdleDone comes."""
        raise NotImplementedError

    def go_on(self) -> None:
        """Answer LiteralBegan: let the octets come."""
        raise NotImplementedError

    def shut_down(self, text: str, code: Code | None = None) -> None:
        """``* BYE text``, whatever is going on, and close."""
        raise NotImplementedError
