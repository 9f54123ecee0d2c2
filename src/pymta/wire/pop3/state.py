"""
The states of a POP3 session, and every change between them, as tables.

:class:`State` is that of :rfc:`1939#section-3`, which decides what commands are allowed;
:class:`Phase` is what the machine waits for.  No other module changes either but through
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

__all__ = ["ANYWHERE", "Move", "Phase", "State", "Status", "next_phase"]


class State(Enum):
    """:rfc:`1939#section-3`."""

    AUTHORIZATION = "authorization"
    TRANSACTION = "transaction"
    UPDATE = "update"


#: Where commands are taken at all: in the UPDATE state QUIT is being answered.
ANYWHERE: Final = frozenset({State.AUTHORIZATION, State.TRANSACTION})


class Phase(Enum):
    """What a server machine waits for, and from whom."""

    GREETING = "our greeting"
    COMMAND = "a command of the peer"
    ANSWER = "our answer"
    RESPONSE = "a line of the peer in an AUTH exchange"
    LINES = "our lines"
    TLS = "that the transport speaks TLS"
    CLOSED = "nothing more"


class Move(Enum):
    """What leads from one phase to another."""

    GREET = "greet"
    ASK = "ask"
    CANCEL = "cancel"
    ANSWER = "answer"
    CHALLENGE = "challenge"
    BEGIN_LINES = "begin lines"
    ADD_LINES = "lines"
    END_LINES = "end lines"
    AGREE_TLS = "start TLS"
    START_TLS = "TLS started"
    CLOSE = "close"


_PHASES: Final = MappingProxyType(
    {
        (Phase.GREETING, Move.GREET): Phase.COMMAND,
        (Phase.COMMAND, Move.ASK): Phase.ANSWER,
        (Phase.RESPONSE, Move.ASK): Phase.ANSWER,
        (Phase.RESPONSE, Move.CANCEL): Phase.COMMAND,
        (Phase.ANSWER, Move.ANSWER): Phase.COMMAND,
        (Phase.ANSWER, Move.CHALLENGE): Phase.RESPONSE,
        (Phase.ANSWER, Move.BEGIN_LINES): Phase.LINES,
        (Phase.LINES, Move.ADD_LINES): Phase.LINES,
        (Phase.LINES, Move.END_LINES): Phase.COMMAND,
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
    What is known of a session; capabilities and arguments are read in its light.

    :param tls: the connection is encrypted.
    :param utf8: the client has asked for UTF-8 mode and got it (:rfc:`6856#section-2.1`).
    :param utf8_logins: names and passwords may be UTF-8 (:rfc:`6856#section-2.2`).
    """

    state: State = State.AUTHORIZATION
    tls: bool = False
    utf8: bool = False
    utf8_logins: bool = False
