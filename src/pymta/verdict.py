"""
What a policy decides, and the changes that it names.

A policy only *names* a change; the chain alone applies it, in order, so that the next policy
sees what the last one made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from pymta.envelope import Recipient, RecipientID, Sender
from pymta.facts import NO_FACTS, Facts
from pymta.reply import Reply

if TYPE_CHECKING:  # the value holds a handle; it does not look inside
    from pymta.interfaces.content import IContent

__all__ = [
    "PROCEED",
    "Accept",
    "AddRecipient",
    "Change",
    "ChangeField",
    "ChangeSender",
    "Discard",
    "InsertField",
    "MessageVerdict",
    "Proceed",
    "Refuse",
    "RemoveRecipient",
    "ReplaceBody",
    "Verdict",
]


@dataclass(frozen=True, slots=True)
class InsertField:
    """A new header field before the field that is at ``index`` (0 is the top) now."""

    index: int
    name: str
    value: bytes


@dataclass(frozen=True, slots=True)
class ChangeField:
    """Another value for the ``nth`` (from 1) field of that name; None removes it."""

    name: str
    nth: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class ReplaceBody:
    """Another body behind the same header."""

    body: IContent


@dataclass(frozen=True, slots=True)
class ChangeSender:
    """Another reverse path and parameters."""

    sender: Sender


@dataclass(frozen=True, slots=True)
class AddRecipient:
    """One more recipient; it is routed before the 250, like the others."""

    recipient: Recipient


@dataclass(frozen=True, slots=True)
class RemoveRecipient:
    """One recipient less; nobody reports on it."""

    id: RecipientID


Change: TypeAlias = (
    InsertField | ChangeField | ReplaceBody | ChangeSender | AddRecipient | RemoveRecipient
)


@dataclass(frozen=True, slots=True)
class Proceed:
    """
    No objection: ask the next policy.

    :param changes: of the message, so in answer to ``message`` and for ``all`` alone: elsewhere
        nothing is changed.
    :param held: take the message, and hold it for this reason; not for some recipients alone.
    """

    facts: Facts = NO_FACTS
    changes: tuple[Change, ...] = ()
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """No objection, and no other policy is asked at this stage."""

    facts: Facts = NO_FACTS


@dataclass(frozen=True, slots=True)
class Refuse:
    """The peer is told no; a 421 also closes the connection."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Discard:
    """The peer is told yes and nothing is kept; logged and counted with its reason."""

    reason: str


Verdict: TypeAlias = Proceed | Accept | Refuse | Discard

PROCEED = Proceed()


@dataclass(frozen=True, slots=True)
class MessageVerdict:
    """
    The verdict on a message, for all its recipients, and for some of them another one.

    Where they differ and the protocol has one answer, it is yes if any proceeds, and the
    refused ones are held, never bounced.
    """

    all: Verdict
    each: Mapping[RecipientID, Verdict] = field(default_factory=dict)
