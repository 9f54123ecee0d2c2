"""
The envelope: who sent a message and who gets it, with what MAIL and RCPT said about each
(:rfc:`5321#section-2.3.1`, and for its parameters :rfc:`1870`, :rfc:`6152`, :rfc:`3030`,
:rfc:`6531`, :rfc:`3461`, :rfc:`4954`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, Flag, auto
from typing import NewType

from pymta.address import Address
from pymta.facts import NO_FACTS, Facts

__all__ = [
    "Body",
    "Envelope",
    "Notify",
    "OriginalRecipient",
    "Recipient",
    "RecipientID",
    "Return",
    "Sender",
]

RecipientID = NewType("RecipientID", int)
"""Names one recipient of one message, for ever; every later result is keyed by it."""


class Body(Enum):
    """What octets the content may hold (:rfc:`6152`, :rfc:`3030#section-3`)."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT = "8BITMIME"
    BINARY = "BINARYMIME"


class Return(Enum):
    """How much of the message a report returns (:rfc:`3461#section-4.3`)."""

    FULL = "FULL"
    HEADERS = "HDRS"


class Notify(Flag):
    """When a recipient's fate is reported (:rfc:`3461#section-4.1`)."""

    NEVER = 0
    SUCCESS = auto()
    FAILURE = auto()
    DELAY = auto()


@dataclass(frozen=True, slots=True)
class OriginalRecipient:
    """ORCPT (:rfc:`3461#section-4.2`).  :param text: decoded from xtext; no control characters."""

    type: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """
    What MAIL said.

    :param reverse_path: where reports go; None is the null reverse path ``<>``.
    :param size: octets, as declared; a wish, not a fact.
    :param smtputf8: whether addresses or header fields may be UTF-8.
    :param auth: the AUTH parameter: None if absent, ``""`` for ``<>`` (:rfc:`4954#section-5`).
    :param extra: what parameters of other people's extensions said.
    """

    reverse_path: Address | None
    size: int | None = None
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: Return | None = None
    envid: str | None = None
    auth: str | None = None
    extra: Facts = NO_FACTS

    def __str__(self) -> str:
        return "" if self.reverse_path is None else str(self.reverse_path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """
    What one RCPT said.

    :param id: unique in its message and never changed, whatever becomes of the address.
    :param notify: None if NOTIFY was absent, which means failure and, maybe, delay.
    """

    id: RecipientID
    address: Address
    notify: Notify | None = None
    orcpt: OriginalRecipient | None = None
    extra: Facts = NO_FACTS

    def __str__(self) -> str:
        return str(self.address)


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """
    One sender and at least one recipient.

    :raises ValueError: without recipients, or where two have one id.
    """

    sender: Sender
    recipients: tuple[Recipient, ...]

    def __post_init__(self) -> None:
        if not self.recipients:
            raise ValueError("an envelope has at least one recipient")
        if len({recipient.id for recipient in self.recipients}) != len(self.recipients):
            raise ValueError("two recipients with one id")
