"""
The states of an IMAP session, and every change between them, as tables.

:class:`State` is that of :rfc:`3501#section-3`, which decides what commands are allowed;
:class:`Phase` is what the machine waits for.  No other module changes the phase but through
:func:`next_phase`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import partial
from types import MappingProxyType
from typing import Final

from pymta.wire._serving import moved
from pymta.wire.imap.response.status import Ending

__all__ = [
    "ANYWHERE",
    "BEFORE_LOGIN",
    "LOGGED_IN",
    "WITH_MAILBOX",
    "Move",
    "Phase",
    "Refusal",
    "State",
    "Status",
    "next_phase",
]


class State(Enum):
    """:rfc:`3501#section-3`; the logout state is :attr:`Phase.CLOSED`."""

    NOT_AUTHENTICATED = "not authenticated"
    AUTHENTICATED = "authenticated"
    SELECTED = "selected"


#: Where a verb may be allowed.
BEFORE_LOGIN: Final = frozenset({State.NOT_AUTHENTICATED})
LOGGED_IN: Final = frozenset({State.AUTHENTICATED, State.SELECTED})
WITH_MAILBOX: Final = frozenset({State.SELECTED})
ANYWHERE: Final = frozenset(State)


class Phase(Enum):
    """What a server machine waits for, and from whom."""

    GREETING = "our greeting"
    COMMAND = "a command of the peer"
    ANSWER = "our answer"
    RESPONSE = "a line of the peer in an AUTHENTICATE exchange"
    IDLE = "DONE of the peer"
    APPEND = "more of the peer's messages"
    LITERAL = "our answer to a literal"
    TLS = "that the transport speaks TLS"
    CLOSED = "nothing more"


class Move(Enum):
    """What leads from one phase to another."""

    GREET = "greet"
    ASK = "ask"
    CANCEL = "cancel"
    FINISH = "finish"
    CHALLENGE = "challenge"
    IDLE = "idling"
    DONE = "done"
    STREAM = "stream"
    ANNOUNCE = "literal announced"
    GO_ON = "go on"
    AGREE_TLS = "start TLS"
    START_TLS = "TLS started"
    CLOSE = "close"


_PHASES: Final = MappingProxyType(
    {
        (Phase.GREETING, Move.GREET): Phase.COMMAND,
        (Phase.COMMAND, Move.ASK): Phase.ANSWER,
        (Phase.ANSWER, Move.FINISH): Phase.COMMAND,
        # AUTHENTICATE
        (Phase.ANSWER, Move.CHALLENGE): Phase.RESPONSE,
        (Phase.RESPONSE, Move.ASK): Phase.ANSWER,
        (Phase.RESPONSE, Move.CANCEL): Phase.COMMAND,
        # IDLE
        (Phase.ANSWER, Move.IDLE): Phase.IDLE,
        (Phase.IDLE, Move.DONE): Phase.ANSWER,
        # APPEND and REPLACE
        (Phase.COMMAND, Move.STREAM): Phase.APPEND,
        (Phase.APPEND, Move.ANNOUNCE): Phase.LITERAL,
        (Phase.LITERAL, Move.GO_ON): Phase.APPEND,
        (Phase.LITERAL, Move.FINISH): Phase.COMMAND,
        (Phase.APPEND, Move.FINISH): Phase.COMMAND,
        (Phase.APPEND, Move.ASK): Phase.ANSWER,
        # STARTTLS
        (Phase.ANSWER, Move.AGREE_TLS): Phase.TLS,
        (Phase.TLS, Move.START_TLS): Phase.COMMAND,
        **{(phase, Move.CLOSE): Phase.CLOSED for phase in Phase},
    }
)


next_phase: Final[Callable[[Phase, Move], Phase]] = partial(moved, _PHASES)
"""The phase that a move leads to; raises LocalProtocolError where it leads nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """
    What is known of a session; capabilities are announced in its light.

    :param tls: the connection is encrypted.
    :param compressed: by COMPRESS (:rfc:`4978`).
    :param context: what the driver knows of the client, if the words of capabilities depend on
        it: so one register serves all connections.
    :param enabled: names that ENABLE, or a command in its place, has enabled; in upper case.
    """

    state: State = State.NOT_AUTHENTICATED
    tls: bool = False
    compressed: bool = False
    enabled: frozenset[str] = frozenset()
    context: object = None

    def anew(self) -> Status:
        """As on a new connection, over the same transport."""
        return Status(tls=self.tls, context=self.context)

    @property
    def utf8(self) -> bool:
        """Mailbox names are UTF-8 (:rfc:`6855#section-3`, :rfc:`9051#section-5.1`)."""
        return not self.enabled.isdisjoint({"UTF8=ACCEPT", "IMAP4REV2"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """
    A "no" that is said when what belongs to the command has been read away.

    :param text: of the event that tells it then; None: it is known already.
    """

    tag: str | None
    ending: Ending
    text: str | None
