"""
What happens, as values: one event a fact, for observers (:mod:`pymta.interfaces.observe`).

Addresses are in them, passwords and tokens never.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from pymta.envelope import Recipient, Sender
from pymta.outcome import Outcome
from pymta.reply import Reply
from pymta.session import Session

__all__ = [
    "AnswerLost",
    "Attempted",
    "Connected",
    "Delays",
    "Discarded",
    "Disconnected",
    "Event",
    "Faulted",
    "HeldBack",
    "LoggedIn",
    "LoginFailed",
    "Queued",
    "Rejected",
    "Stale",
    "TLSFailed",
    "Unanswered",
]


@dataclass(frozen=True, slots=True)
class Connected:
    """A client is there, and was let in."""

    session: Session


@dataclass(frozen=True, slots=True)
class Disconnected:
    """It is gone.  :param reason: ``"quit"``, ``"lost"``, ``"time limit"``, …"""

    session: Session
    reason: str


@dataclass(frozen=True, slots=True)
class TLSFailed:
    """A handshake failed."""

    session: Session
    reason: str


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """``session.identity`` is known now."""

    session: Session


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFailed:
    """A login failed.  :param reason: which of the reasons that the peer is not told."""

    session: Session
    mechanism: str
    username: str | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """A command was refused: ``stage`` is connect, helo, mail, rcpt, data or message."""

    session: Session
    stage: str
    reply: Reply
    sender: Sender | None = None
    recipient: Recipient | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """Responsibility was taken: the message is durable."""

    queue_id: str
    session: Session
    sender: Sender
    recipients: tuple[Recipient, ...]
    size: int
    took: timedelta
    """From MAIL to the commit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discarded:
    """Taken, and kept nowhere, by somebody's decision."""

    queue_id: str
    session: Session
    sender: Sender
    reason: str


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """The message is durable and the peer left before it was told: it may send it again."""

    session: Session
    queue_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """Where the time went."""

    before_queue: timedelta
    in_queue: timedelta
    connection: timedelta
    transmission: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempted:
    """
    One recipient, one attempt.

    :param final: whether the recipient left the queue; otherwise it is tried again or held.
    """

    queue_id: str
    number: int
    sender: Sender
    recipient: Recipient
    agent: str
    next_hop: str
    outcome: Outcome
    final: bool
    delays: Delays


@dataclass(frozen=True, slots=True)
class HeldBack:
    """A recipient waits for a person."""

    queue_id: str
    recipient: Recipient
    reason: str


@dataclass(frozen=True, slots=True)
class Stale:
    """A lease had run out under a live attempt: its recipients may get the message twice."""

    queue_id: str
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True, slots=True)
class Unanswered:
    """
    The content was sent and no answer came (:rfc:`1047`): its recipients may get it twice.

    :param remote: the host that has not answered.
    """

    queue_id: str
    recipients: tuple[Recipient, ...]
    remote: str


@dataclass(frozen=True, slots=True)
class Faulted:
    """A fence caught a surprise.  :param id: told to the peer, logged with the traceback."""

    id: str
    where: str


Event: TypeAlias = (
    Connected
    | Disconnected
    | TLSFailed
    | LoggedIn
    | LoginFailed
    | Rejected
    | Queued
    | Discarded
    | AnswerLost
    | Attempted
    | HeldBack
    | Stale
    | Unanswered
    | Faulted
)
