"""
What an IMAP server says, as values: its untagged data and its conditions (:rfc:`9051#section-7`).

Numbers, names and flags are parsed; what a server may write in any octets (subjects, sections of
messages, annotations) stays octets.  A response that this module has no class for comes as
:class:`Other`, so that an extension of somebody else's can be read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from pymta.mailbox import UIDSet

__all__ = [
    "ACL",
    "ID",
    "Address",
    "AppendUID",
    "Body",
    "Capabilities",
    "Code",
    "Condition",
    "CopyUID",
    "Data",
    "ESearched",
    "Enabled",
    "Envelope",
    "Exists",
    "Expunge",
    "FetchValue",
    "Fetched",
    "Flags",
    "ListRights",
    "Listed",
    "Metadata",
    "Multipart",
    "MyRights",
    "Namespace",
    "Namespaces",
    "Other",
    "Part",
    "Quota",
    "QuotaRoot",
    "Ranges",
    "Recent",
    "Resource",
    "Searched",
    "Sorted",
    "Status",
    "StatusOf",
    "Threaded",
    "Value",
    "Vanished",
]

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Numbers as they were written, in their order; never counted out."""

Value: TypeAlias = "bytes | int | tuple[Value, ...] | None"
"""What an extension's data is made of; atoms and strings are octets, NIL is None."""


class Status(Enum):
    """The word of a condition."""

    OK = "OK"
    NO = "NO"
    BAD = "BAD"
    PREAUTH = "PREAUTH"
    BYE = "BYE"


@dataclass(frozen=True, slots=True)
class AppendUID:
    """Where messages were put (:rfc:`4315#section-3`)."""

    uid_validity: int
    uids: Ranges


@dataclass(frozen=True, slots=True)
class CopyUID:
    """Which messages were put where: both sides count to the same."""

    uid_validity: int
    source: Ranges
    destination: Ranges


@dataclass(frozen=True, slots=True)
class Code:
    """
    A response code (:rfc:`5530`).

    :param name: in upper case.
    :param text: what is behind the name, as it was written.
    :param value: the same, read, where the code is known: a number, a set (MODIFIED), names
        (CAPABILITY, BADCHARSET), flags (PERMANENTFLAGS), an id (MAILBOXID), or a value of ours.
    """

    name: str
    text: str = ""
    value: int | UIDSet | str | tuple[str, ...] | frozenset[str] | AppendUID | CopyUID | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """``* OK``, ``* NO``, ``* BAD``, ``* BYE`` and what a greeting and a tagged line say."""

    status: Status
    text: str
    code: Code | None = None


@dataclass(frozen=True, slots=True)
class Capabilities:
    """In upper case."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class Enabled:
    """In upper case."""

    names: frozenset[str]


@dataclass(frozen=True, slots=True)
class ID:
    """What the server says of itself (:rfc:`2971`)."""

    fields: Mapping[bytes, bytes | None]


@dataclass(frozen=True, slots=True)
class Exists:
    """How many messages there are."""

    count: int


@dataclass(frozen=True, slots=True)
class Recent:
    """How many are new (:rfc:`3501#section-7.3.2`)."""

    count: int


@dataclass(frozen=True, slots=True)
class Expunge:
    """A sequence number is gone, and all behind it moved."""

    number: int


@dataclass(frozen=True, slots=True)
class Vanished:
    """UIDs are gone; ``earlier``: before the client asked (:rfc:`7162#section-3.2.10`)."""

    uids: UIDSet
    earlier: bool


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of the selected mailbox."""

    flags: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One of an envelope; without ``host`` it begins (or, without both, ends) a group."""

    name: bytes | None
    route: bytes | None
    mailbox: bytes | None
    host: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """:rfc:`9051#section-7.5.2`; addresses are None where the server says NIL."""

    date: bytes | None
    subject: bytes | None
    sender: tuple[Address, ...] | None
    from_: tuple[Address, ...] | None
    reply_to: tuple[Address, ...] | None
    to: tuple[Address, ...] | None
    cc: tuple[Address, ...] | None
    bcc: tuple[Address, ...] | None
    in_reply_to: bytes | None
    message_id: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """
    A body that has no parts, or is a message.

    :param lines: of text and of messages.
    :param extension: what only BODYSTRUCTURE has: MD5, disposition, language, location, more.
    """

    type: bytes
    subtype: bytes
    parameters: Value
    id: bytes | None
    description: bytes | None
    encoding: bytes | None
    size: int
    envelope: Envelope | None = None
    body: Body | None = None
    lines: int | None = None
    extension: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Multipart:
    """A body of parts; ``extension``: parameters, disposition, language, location, more."""

    parts: tuple[Body, ...]
    subtype: bytes
    extension: tuple[Value, ...] = ()


Body: TypeAlias = Part | Multipart

FetchValue: TypeAlias = (
    "int | str | frozenset[str] | datetime | Envelope | Part | Multipart | Value"
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """
    ``FETCH``, or ``UIDFETCH`` (:rfc:`9586`) with a UID for a number.

    :param items: by the name that the server wrote, in upper case: ``BODY[1.MIME]<0>``.
    """

    number: int
    items: Mapping[str, FetchValue]
    by_uid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """
    ``LIST``, or ``LSUB``.

    :param separator: None where the name has no levels.
    :param extended: data by its name in upper case: CHILDINFO, OLDNAME.
    """

    attributes: frozenset[str]
    separator: str | None
    name: str
    extended: Mapping[str, Value] = field(default_factory=dict)
    verb: str = "LIST"


@dataclass(frozen=True, slots=True)
class StatusOf:
    """``STATUS``: numbers by their name; MAILBOXID is a string."""

    name: str
    items: Mapping[str, int | str | None]


@dataclass(frozen=True, slots=True)
class Searched:
    """``SEARCH``: numbers as they came, and the highest mod-sequence among them."""

    numbers: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ESearched:
    """
    ``ESEARCH`` (:rfc:`4731`, :rfc:`7377`).

    :param items: MIN, MAX, COUNT and MODSEQ are numbers, ALL is ranges; others as they are.
    """

    tag: str | None
    by_uid: bool
    items: Mapping[str, int | Ranges | Value]
    mailbox: str | None = None
    uid_validity: int | None = None


@dataclass(frozen=True, slots=True)
class Sorted:
    """``SORT``."""

    numbers: tuple[int, ...]
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Threaded:
    """``THREAD``: lists in lists of numbers, as they were written."""

    threads: Value


@dataclass(frozen=True, slots=True)
class Namespace:
    """One of :class:`Namespaces`."""

    prefix: bytes
    separator: str | None
    extension: tuple[Value, ...] = ()


@dataclass(frozen=True, slots=True)
class Namespaces:
    """``NAMESPACE``; None is NIL."""

    personal: tuple[Namespace, ...] | None
    others: tuple[Namespace, ...] | None
    shared: tuple[Namespace, ...] | None


@dataclass(frozen=True, slots=True)
class Resource:
    """One of a :class:`Quota`: STORAGE counts KiB."""

    name: str
    usage: int
    limit: int


@dataclass(frozen=True, slots=True)
class Quota:
    """``QUOTA``."""

    root: bytes
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class QuotaRoot:
    """``QUOTAROOT``."""

    name: str
    roots: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class ACL:
    """``ACL``: rights by identifier."""

    name: str
    rights: Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class ListRights:
    """``LISTRIGHTS``; the first of ``rights`` are always granted."""

    name: str
    identifier: bytes
    rights: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class MyRights:
    """``MYRIGHTS``."""

    name: str
    rights: bytes


@dataclass(frozen=True, slots=True)
class Metadata:
    """``METADATA`` with values, or (:rfc:`5464#section-4.4.2`) the names that changed alone."""

    name: str
    entries: Mapping[bytes, bytes | None]
    changed: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Other:
    """Untagged data that is none of these: its word, in upper case, and all behind it."""

    verb: str
    octets: bytes
    number: int | None = None


Data: TypeAlias = (
    Condition
    | Capabilities
    | Enabled
    | ID
    | Exists
    | Recent
    | Expunge
    | Vanished
    | Flags
    | Fetched
    | Listed
    | StatusOf
    | Searched
    | ESearched
    | Sorted
    | Threaded
    | Namespaces
    | Quota
    | QuotaRoot
    | ACL
    | ListRights
    | MyRights
    | Metadata
    | Other
)
