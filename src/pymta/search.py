"""
What can be asked of a mailbox: the keys of SEARCH as values (:rfc:`3501#section-6.4.4`).

Texts are casemapped by whoever compares (i;unicode-casemap, :rfc:`5051`); dates are those of
the calendar, in the server's zone for internal dates and in the message's own for ``Date``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import TypeAlias

from pymta.mailbox import ModSeq, UIDSet

__all__ = [
    "All",
    "And",
    "Before",
    "BodyText",
    "DateOf",
    "HasFlag",
    "HeaderText",
    "Larger",
    "ModifiedSince",
    "Not",
    "On",
    "Or",
    "Query",
    "Since",
    "Smaller",
    "UIDIn",
    "WholeText",
]


class DateOf(Enum):
    """Which date a key speaks of."""

    INTERNAL = "internal date"
    SENT = "Date field"
    SAVED = "save date"


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class And:
    """All of these; all messages, if there are none."""

    keys: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Either of these."""

    left: Query
    right: Query


@dataclass(frozen=True, slots=True)
class Not:
    """Those that ``key`` does not find."""

    key: Query


@dataclass(frozen=True, slots=True)
class UIDIn:
    """Messages of these UIDs."""

    uids: UIDSet


@dataclass(frozen=True, slots=True)
class HasFlag:
    """Messages with a system flag or keyword; case does not count."""

    flag: str


@dataclass(frozen=True, slots=True)
class Larger:
    """More octets than this."""

    size: int


@dataclass(frozen=True, slots=True)
class Smaller:
    """Fewer octets than this."""

    size: int


@dataclass(frozen=True, slots=True)
class Before:
    """Earlier than the day."""

    of: DateOf
    day: date


@dataclass(frozen=True, slots=True)
class On:
    """Within the day."""

    of: DateOf
    day: date


@dataclass(frozen=True, slots=True)
class Since:
    """Within the day or later."""

    of: DateOf
    day: date


@dataclass(frozen=True, slots=True)
class HeaderText:
    """The field's decoded value contains the text; with an empty text, the field is there."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class BodyText:
    """A text part's decoded body contains the text."""

    text: str


@dataclass(frozen=True, slots=True)
class WholeText:
    """The header or the body contains the text."""

    text: str


@dataclass(frozen=True, slots=True)
class ModifiedSince:
    """Modseq at least this (:rfc:`7162#section-3.1.5`)."""

    modseq: ModSeq


Query: TypeAlias = (
    All
    | And
    | Or
    | Not
    | UIDIn
    | HasFlag
    | Larger
    | Smaller
    | Before
    | On
    | Since
    | HeaderText
    | BodyText
    | WholeText
    | ModifiedSince
)
