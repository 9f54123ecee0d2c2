"""
What can be asked of a mailbox: the keys of SEARCH as values (:rfc:`3501#section-6.4.4`), and how
SORT and THREAD arrange what is found (:rfc:`5256`).

Texts are casemapped by whoever compares (i;unicode-casemap, :rfc:`5051`); dates are those of
the calendar, in the server's zone for internal dates and in the message's own for ``Date``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import NamedTuple, TypeAlias

from pymta.mailbox import UID, ModSeq, UIDSet

__all__ = [
    "All",
    "And",
    "Before",
    "BodyText",
    "DateOf",
    "Fuzzy",
    "HasEmailID",
    "HasFlag",
    "HasThreadID",
    "HeaderText",
    "Larger",
    "ModifiedSince",
    "Not",
    "Older",
    "On",
    "Or",
    "Query",
    "Since",
    "Smaller",
    "SortBy",
    "SortKey",
    "ThreadAlgorithm",
    "ThreadNode",
    "UIDIn",
    "WholeText",
    "Younger",
    "is_fuzzy",
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


@dataclass(frozen=True, slots=True)
class Older:
    """The internal date is that many seconds ago, or more (:rfc:`5032`)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class Younger:
    """The internal date is that many seconds ago, or less (:rfc:`5032`)."""

    seconds: int


@dataclass(frozen=True, slots=True)
class HasEmailID:
    """The message of this id (:rfc:`8474#section-6`)."""

    id: str


@dataclass(frozen=True, slots=True)
class HasThreadID:
    """Messages of a thread (:rfc:`8474#section-6`); none where the store knows no threads."""

    id: str


@dataclass(frozen=True, slots=True)
class Fuzzy:
    """
    Those that ``key`` finds more or less (:rfc:`6203`).

    Texts are found where their words are, in any order, accents apart; all other keys as they
    are.  What is found gets a score.
    """

    key: Query


Query: TypeAlias = (
    All
    | And
    | Or
    | Not
    | Fuzzy
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
    | Older
    | Younger
    | HasEmailID
    | HasThreadID
)


def is_fuzzy(query: Query) -> bool:
    """Whether anything of it is to be found more or less."""
    match query:
        case Fuzzy():
            return True
        case And(keys):
            return any(map(is_fuzzy, keys))
        case Or(left, right):
            return is_fuzzy(left) or is_fuzzy(right)
        case Not(key):
            return is_fuzzy(key)
        case _:
            return False


class SortBy(Enum):
    """What messages are sorted by (:rfc:`5256#section-3`, :rfc:`5957`, :rfc:`6203#section-6`)."""

    ARRIVAL = "ARRIVAL"
    """Internal date and time."""
    CC = "CC"
    """The mailbox of the first Cc address; so do FROM and TO."""
    DATE = "DATE"
    """Date and time of the Date field in UTC; the internal date where there is none."""
    DISPLAYFROM = "DISPLAYFROM"
    """The first From address as it is shown: its name, or else the address."""
    DISPLAYTO = "DISPLAYTO"
    FROM = "FROM"
    RELEVANCY = "RELEVANCY"
    """The score of a fuzzy search, the highest first."""
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    """The base subject."""
    TO = "TO"


@dataclass(frozen=True, slots=True)
class SortKey:
    """One criterion.  :param descending: REVERSE; equal ones stay in the order of the mailbox."""

    by: SortBy
    descending: bool = False


class ThreadAlgorithm(Enum):
    """How messages are put into threads (:rfc:`5256#section-3`)."""

    ORDEREDSUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"
    REFS = "REFS"
    """By References alone; the thread with the latest message comes last."""


class ThreadNode(NamedTuple):
    """
    A message in its thread.

    A forest is a sequence of them, each in front of its children: a thread of ten thousand
    replies, each to the one before, is no deep structure.

    :param depth: 0 begins another thread.
    :param uid: None for a message that is not there, at depth 0, whose children are siblings.
    """

    depth: int
    uid: UID | None
