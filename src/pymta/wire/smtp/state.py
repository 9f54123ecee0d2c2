"""
Where an SMTP dialogue stands, and every way from one state to another.

The tables are the sequence rules of :rfc:`5321#section-4.1.4`, :rfc:`3030#section-2`,
:rfc:`3207#section-4` and :rfc:`4954#section-4`.  Nothing outside of this file assigns a state,
and :meth:`Dialogue.reset` is the one way out of a transaction (S05).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from types import MappingProxyType
from typing import Final

from pymta.envelope import RecipientID, Sender
from pymta.errors import LocalProtocolError
from pymta.session import TLS

__all__ = ["CAN", "IN_TRANSACTION", "TRANSITIONS", "Dialogue", "State", "Step", "Transaction"]


class State(Enum):
    """Where the dialogue stands between two commands, or inside of what one began."""

    START = auto()
    """The greeting is not said."""
    FRESH = auto()
    """Greeted, or behind a TLS handshake: no HELO yet."""
    READY = auto()
    """HELO was said; no transaction."""
    SENDER = auto()
    """MAIL was accepted, no RCPT yet."""
    RECIPIENTS = auto()
    """At least one RCPT was accepted."""
    TEXT = auto()
    """Content comes by DATA."""
    CHUNK = auto()
    """The octets of a BDAT come."""
    BETWEEN = auto()
    """A chunk was stored, the last one not seen."""
    FAILED = auto()
    """A chunk failed; only RSET, or what implies it, leads on."""
    SASL = auto()
    """A challenge waits for its response."""
    HANDSHAKE = auto()
    """STARTTLS was answered 220."""
    CLOSED = auto()

    __hash__ = object.__hash__  # Enum's own is written in Python, and asked for at each step


class Step(Enum):
    """What moves a dialogue from state to state."""

    GREET = auto()
    HELLO = auto()
    MAIL = auto()
    RCPT = auto()
    DATA = auto()
    BDAT = auto()
    CHUNK_STORED = auto()
    CHUNK_FAILED = auto()
    CONTENT_ENDED = auto()
    RSET = auto()
    CHALLENGE = auto()
    SASL_ENDED = auto()
    STARTTLS = auto()
    SECURED = auto()
    RESTART = auto()
    CLOSE = auto()

    __hash__ = object.__hash__


# RFC 5321 section 4.1.4: HELO, RSET, NOOP, HELP, VRFY, EXPN and QUIT at any time.
_COMMANDS = (
    State.FRESH,
    State.READY,
    State.SENDER,
    State.RECIPIENTS,
    State.BETWEEN,
    State.FAILED,
)

TRANSITIONS: Final[Mapping[Step, Mapping[State, State]]] = MappingProxyType(
    {
        Step.GREET: {State.START: State.FRESH},
        Step.HELLO: dict.fromkeys(_COMMANDS, State.READY),
        Step.MAIL: {State.READY: State.SENDER},
        Step.RCPT: {State.SENDER: State.RECIPIENTS, State.RECIPIENTS: State.RECIPIENTS},
        Step.DATA: {State.RECIPIENTS: State.TEXT},
        Step.BDAT: {State.RECIPIENTS: State.CHUNK, State.BETWEEN: State.CHUNK},
        Step.CHUNK_STORED: {State.CHUNK: State.BETWEEN},
        # RFC 3030 section 2: also DATA behind a BDAT makes the state indeterminate.
        Step.CHUNK_FAILED: {State.CHUNK: State.FAILED, State.BETWEEN: State.FAILED},
        Step.CONTENT_ENDED: {State.TEXT: State.READY, State.CHUNK: State.READY},
        Step.RSET: dict.fromkeys(_COMMANDS, State.READY) | {State.FRESH: State.FRESH},
        Step.CHALLENGE: {State.READY: State.SASL, State.SASL: State.SASL},
        Step.SASL_ENDED: {State.READY: State.READY, State.SASL: State.READY},
        Step.STARTTLS: dict.fromkeys(_COMMANDS, State.HANDSHAKE),
        # Implicit TLS has its handshake before the greeting.
        Step.SECURED: {State.HANDSHAKE: State.FRESH, State.START: State.START},
        Step.RESTART: dict.fromkeys(_COMMANDS, State.FRESH),
        Step.CLOSE: dict.fromkeys(State, State.CLOSED),
    }
)

# What each command may follow; a verb that is not here may stand wherever commands are read.
CAN: Final[Mapping[str, frozenset[State]]] = MappingProxyType(
    {
        "MAIL": frozenset((State.READY,)),
        "RCPT": frozenset((State.SENDER, State.RECIPIENTS)),
        "DATA": frozenset((State.RECIPIENTS,)),
        # RFC 4954 section 4: not in a transaction.
        "AUTH": frozenset((State.READY,)),
        "STARTTLS": frozenset(_COMMANDS[1:]),
    }
)
IN_TRANSACTION: Final = frozenset(
    (State.SENDER, State.RECIPIENTS, State.TEXT, State.CHUNK, State.BETWEEN, State.FAILED)
)

_FIRST: Final = RecipientID(1)


@dataclass(slots=True)
class Transaction:
    """One MAIL and what followed; thrown away as a whole (S05, S06)."""

    sender: Sender
    next_id: RecipientID = _FIRST
    """That of the next RCPT; refused ones keep theirs."""
    accepted: int = 0
    domains: set[str] = field(default_factory=set)
    settled: bool = False
    """Whether the end of its content was answered."""

    def asked_for(self, recipient: RecipientID) -> None:
        """A RCPT with this id is to be answered."""
        self.next_id = RecipientID(recipient + 1)


class Dialogue:
    """The state, and what was learnt on the way to it."""

    __slots__ = (
        "authenticated",
        "esmtp",
        "failed_tries",
        "in_tls",
        "mails",
        "state",
        "tls",
        "transaction",
    )

    def __init__(self) -> None:
        self.state = State.START
        self.esmtp = False
        self.in_tls = False
        self.tls: TLS | None = None
        self.authenticated = False
        self.transaction: Transaction | None = None
        self.mails = 0
        self.failed_tries = 0

    def step(self, step: Step) -> None:
        """
        Go on.

        :raises LocalProtocolError: where the table has no such way.
        """
        try:
            self.state = TRANSITIONS[step][self.state]
        except KeyError:
            raise LocalProtocolError(f"{step.name} in state {self.state.name}") from None

    def can(self, verb: str) -> bool:
        """Whether the command may come now."""
        states = CAN.get(verb)
        return states is None or self.state in states

    def greeted(self, verb: str) -> None:
        """HELO, EHLO or LHLO was answered well."""
        self.step(Step.HELLO)
        self.esmtp = verb != "HELO"

    def begun(self, sender: Sender) -> None:
        """MAIL was answered well."""
        self.step(Step.MAIL)
        self.mails += 1
        self.transaction = Transaction(sender)

    def reset(self) -> bool:
        """
        Leave the transaction: by whichever way, it is this one.

        :returns: whether there was one that was not settled.
        """
        transaction, self.transaction = self.transaction, None
        return transaction is not None and not transaction.settled

    def logged_in(self) -> None:
        """AUTH was answered well."""
        self.step(Step.SASL_ENDED)
        self.authenticated = True

    def not_logged_in(self) -> None:
        """AUTH failed, or was cancelled."""
        self.step(Step.SASL_ENDED)
        self.failed_tries += 1

    def secured(self, tls: TLS | None) -> None:
        """The TLS handshake is done."""
        self.step(Step.SECURED)
        self._forget()
        self.in_tls = True
        self.tls = tls

    def restarted(self) -> None:
        """The client speaks for somebody else from now on (XCLIENT)."""
        self.step(Step.RESTART)
        self._forget()

    def _forget(self) -> None:
        # RFC 3207 section 4.2: what was learnt before is discarded.
        self.esmtp = False
        self.authenticated = False
