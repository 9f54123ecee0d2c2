"""
The values of mailboxes: UIDs and mod-sequences, names and flags, and what a store tells.

Sequence numbers are not here: they belong to one client's view (:rfc:`3501#section-2.3.1.2`),
and no store has ever heard of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NewType

__all__ = [
    "ACCOUNT_ROOT",
    "ALL_RIGHTS",
    "ANSWERED",
    "DELETED",
    "DRAFT",
    "FLAGGED",
    "INBOX",
    "SEEN",
    "SPECIAL_USES",
    "SYSTEM_FLAGS",
    "UID",
    "Appended",
    "Changes",
    "Copied",
    "Expunged",
    "FlagChange",
    "FlagMode",
    "Found",
    "MailboxInfo",
    "MailboxName",
    "ModSeq",
    "Namespaces",
    "Opened",
    "PossibleRights",
    "QuotaRoot",
    "Resource",
    "Rights",
    "RightsChange",
    "Snapshot",
    "StoreChanges",
    "UIDSet",
    "UIDValidity",
    "Wanted",
]

UID = NewType("UID", int)
"""1 to 2**32-1, never used twice in a mailbox (:rfc:`3501#section-2.3.1.1`)."""
UIDValidity = NewType("UIDValidity", int)
"""1 to 2**32-1; another one means that all known UIDs are void."""
ModSeq = NewType("ModSeq", int)
"""1 to 2**63-1, grows with every change of a mailbox (:rfc:`7162#section-3.1`)."""
MailboxName = NewType("MailboxName", str)
"""A full name, levels parted by ``/``, in Unicode (NFC); ``INBOX`` in capitals."""

INBOX = MailboxName("INBOX")

ANSWERED = "\\Answered"
DELETED = "\\Deleted"
DRAFT = "\\Draft"
FLAGGED = "\\Flagged"
SEEN = "\\Seen"
SYSTEM_FLAGS = frozenset({ANSWERED, DELETED, DRAFT, FLAGGED, SEEN})
"""All system flags that a client can set; ``\\Recent`` is nobody's to set."""

SPECIAL_USES = frozenset({"\\Archive", "\\Drafts", "\\Important", "\\Junk", "\\Sent", "\\Trash"})
"""
What a mailbox can be for (:rfc:`6154#section-2`, :rfc:`8457#section-3`).

``\\All`` and ``\\Flagged`` are views of other mailboxes, which nobody makes by CREATE.
"""

Rights = frozenset[str]
"""What may be done with a mailbox: letters of :rfc:`4314#section-2.1`, without ``c`` and ``d``."""

ALL_RIGHTS: Rights = frozenset("lrswipkxtea")

ACCOUNT_ROOT = "account"
"""The quota root of all mailboxes of an account."""


class UIDSet:
    """
    A frozen set of UIDs, kept as sorted ranges: a million messages are a few pairs.
    """

    __slots__ = ("_ranges",)

    def __init__(self, uids: Iterable[int] = ()) -> None:
        self._ranges = _joined((uid, uid) for uid in uids)

    @classmethod
    def of_ranges(cls, ranges: Iterable[tuple[int, int]]) -> UIDSet:
        """From pairs of first and last, in any order, overlapping or not."""
        made = cls()
        made._ranges = _joined(ranges)
        return made

    @property
    def ranges(self) -> tuple[tuple[UID, UID], ...]:
        """Pairs of first and last UID, ascending, with gaps between them."""
        return self._ranges

    def __contains__(self, uid: object) -> bool:
        if not isinstance(uid, int):
            return False
        at = bisect_right(self._ranges, uid, key=lambda pair: pair[0]) - 1
        return at >= 0 and uid <= self._ranges[at][1]

    def __iter__(self) -> Iterator[UID]:
        for first, last in self._ranges:
            for uid in range(first, last + 1):
                yield UID(uid)

    def __len__(self) -> int:
        return sum(last - first + 1 for first, last in self._ranges)

    def __bool__(self) -> bool:
        return bool(self._ranges)

    def __or__(self, other: UIDSet) -> UIDSet:
        return UIDSet.of_ranges(self._ranges + other._ranges)

    def __and__(self, other: UIDSet) -> UIDSet:
        return UIDSet.of_ranges(_common(self._ranges, other._ranges))

    def __sub__(self, other: UIDSet) -> UIDSet:
        return UIDSet.of_ranges(_without(self._ranges, other._ranges))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, UIDSet) and self._ranges == other._ranges

    def __hash__(self) -> int:
        return hash(self._ranges)

    def __str__(self) -> str:
        """As IMAP writes it: ``1:3,7``."""
        return ",".join(str(a) if a == b else f"{a}:{b}" for a, b in self._ranges)

    def __repr__(self) -> str:
        return f"<UIDSet {self}>"


_Ranges = tuple[tuple[UID, UID], ...]


def _joined(ranges: Iterable[tuple[int, int]]) -> _Ranges:
    joined: list[tuple[UID, UID]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            if last > joined[-1][1]:
                joined[-1] = (joined[-1][0], UID(last))
        else:
            joined.append((UID(first), UID(last)))
    return tuple(joined)


def _common(left: _Ranges, right: _Ranges) -> Iterator[tuple[int, int]]:
    i = j = 0
    while i < len(left) and j < len(right):
        first, last = max(left[i][0], right[j][0]), min(left[i][1], right[j][1])
        if first <= last:
            yield first, last
        if left[i][1] < right[j][1]:
            i += 1
        else:
            j += 1


def _without(left: _Ranges, right: _Ranges) -> Iterator[tuple[int, int]]:
    j = 0
    for first, last in left:
        start: int = first
        while j < len(right) and right[j][1] < start:
            j += 1
        k = j
        while k < len(right) and right[k][0] <= last:
            if right[k][0] > start:
                yield start, right[k][0] - 1
            start = right[k][1] + 1
            k += 1
        if start <= last:
            yield start, last


class Wanted(Enum):
    """
    A column of :meth:`~pymta.interfaces.mailbox.IMailbox.records`, and the type of its value.
    """

    FLAGS = "flags"
    """``frozenset[str]``; system flags in their usual spelling, keywords as first written."""
    MODSEQ = "modseq"
    """``ModSeq``"""
    SIZE = "size"
    """``int``, octets."""
    INTERNAL_DATE = "internal date"
    """``datetime``, aware."""
    SAVE_DATE = "save date"
    """``datetime``, aware: when it came into this mailbox (:rfc:`8514`)."""
    ENVELOPE = "envelope"
    """``bytes``: the envelope of :mod:`pymta.message.envelope`, serialised at append."""
    STRUCTURE = "structure"
    """``bytes``: the section map of :mod:`pymta.message.structure`, serialised at append."""
    IMAP_ENVELOPE = "IMAP envelope"
    """``bytes``: ENVELOPE, as IMAP writes it for a client without UTF8=ACCEPT."""
    IMAP_STRUCTURE = "IMAP structure"
    """``bytes``: BODYSTRUCTURE, likewise."""
    PREVIEW = "preview"
    """
    ``str | None``: the beginning of what it says (:rfc:`8970`); None if an earlier release
    appended it, and nobody has looked yet.
    """
    EMAIL_ID = "email id"
    """``str``: the same for each copy (:rfc:`8474#section-5.1`)."""
    CONTENT = "content"
    """
    ``bytes | None``: the octets, where the store has them at hand, as it may up to 64 KiB; None
    where it has not.  To be wanted of few messages at once.
    """


class FlagMode(Enum):
    """How flags are changed (:rfc:`3501#section-6.4.6`)."""

    ADD = "+"
    REMOVE = "-"
    REPLACE = "="


@dataclass(frozen=True, slots=True)
class FlagChange:
    """``STORE +FLAGS (…)`` and its siblings."""

    mode: FlagMode
    flags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxInfo:
    """
    What is known of a mailbox without opening it: one row of LIST and STATUS.

    :param id: never given to another mailbox, and kept by a rename (:rfc:`8474#section-4.1`).
    :param special_use: ``\\Drafts`` and the like (:rfc:`6154`).
    :param exists: False for a name that only has subscribers or children.
    :param deleted_size: octets of messages with ``\\Deleted`` (:rfc:`9208#section-4.1.4`).
    :param append_limit: octets of the largest message that goes in (:rfc:`7889`); None is no
        limit of its own.
    :param rights: of whoever asks; without ``r``, the counters are 0.
    """

    name: MailboxName
    id: str
    uid_validity: UIDValidity
    uid_next: UID
    modseq: ModSeq
    messages: int
    unseen: int
    deleted: int
    size: int
    subscribed: bool
    special_use: frozenset[str] = frozenset()
    exists: bool = True
    deleted_size: int = 0
    append_limit: int | None = None
    rights: Rights = ALL_RIGHTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A mailbox at one moment."""

    uids: UIDSet
    uid_validity: UIDValidity
    uid_next: UID
    modseq: ModSeq
    recent: UID
    """Messages from this UID on were seen by no read-write session yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """
    What a client is told of a mailbox when it opens it, all of one moment.

    :param keywords: all that its messages ever had.
    :param first_unseen: the first message without ``\\Seen``, where it is found at once: None is
        that there is none, or that it is not among the first two thousand.
    """

    info: MailboxInfo
    keywords: frozenset[str]
    snapshot: Snapshot
    first_unseen: UID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """
    What happened to a mailbox between two mod-sequences.

    :param arrived: new UIDs; :param changed: UIDs whose flags changed, with their modseq;
        :param vanished: UIDs that are gone.  No UID is in two of them.
    :param until: ask from here next time.
    """

    arrived: UIDSet
    changed: tuple[tuple[UID, ModSeq], ...]
    vanished: UIDSet
    until: ModSeq


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreChanges:
    """
    Which mailboxes of a store moved: ``changed`` ones exist, ``gone`` ones do not.

    What was renamed is in both, with one id.  Subscriptions and rights are in the infos.

    :param annotated: whose annotations changed, and the names of their entries; None is the
        server.  That alone moves no mailbox.
    """

    changed: tuple[MailboxInfo, ...]
    gone: tuple[MailboxName, ...]
    until: ModSeq
    annotated: tuple[tuple[MailboxName | None, frozenset[str]], ...] = ()


@dataclass(frozen=True, slots=True)
class Appended:
    """
    Where messages were put, in their order (:rfc:`4315#section-3`).

    :param uids: for a delivery id that was known already, the UID it has, or had.
    """

    uid_validity: UIDValidity
    uids: tuple[UID, ...]
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Copied:
    """``pairs`` of old and new UID, ascending; messages gone meanwhile are not in it."""

    uid_validity: UIDValidity
    pairs: tuple[tuple[UID, UID], ...]
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Expunged:
    """What was removed, and the mod-sequence that says so (:rfc:`7162#section-3.2.7`)."""

    uids: UIDSet
    modseq: ModSeq


@dataclass(frozen=True, slots=True)
class Found:
    """
    What a search found.

    :param modseq: the highest among them, None without any.
    :param order: as they were to be sorted; empty where nobody asked.
    :param scores: of a fuzzy search, from 1 to 100, ascending by UID (:rfc:`6203#section-4`).
    """

    uids: UIDSet
    modseq: ModSeq | None = None
    order: tuple[UID, ...] = field(default=())
    scores: tuple[int, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class RightsChange:
    """``+rw``, ``-rw`` and ``rw`` of SETACL (:rfc:`4314#section-3.1`)."""

    mode: FlagMode
    rights: Rights


@dataclass(frozen=True, slots=True)
class PossibleRights:
    """
    What an identifier can be granted (:rfc:`4314#section-3.7`).

    :param required: what it always has; :param optional: each with what is tied to it.
    """

    required: Rights
    optional: tuple[Rights, ...]


@dataclass(frozen=True, slots=True)
class Namespaces:
    """
    Prefixes of names (:rfc:`2342`), with their last ``/``: one's own mailboxes, those of other
    users, and those of nobody in particular.
    """

    personal: tuple[str, ...] = ("",)
    others: tuple[str, ...] = ()
    shared: tuple[str, ...] = ()


class Resource(Enum):
    """What a quota limits (:rfc:`9208#section-5`), by the names that are registered."""

    STORAGE = "STORAGE"
    """Octets; IMAP tells units of 1,024."""
    MESSAGE = "MESSAGE"
    MAILBOX = "MAILBOX"


@dataclass(frozen=True, slots=True)
class QuotaRoot:
    """
    Limits that some mailboxes share (:rfc:`9208#section-3.2`), and what is used of them.

    :param limits: a resource that is not in it has none; :param usage: of every resource that
        the root knows.
    """

    name: str
    usage: Mapping[Resource, int]
    limits: Mapping[Resource, int]
