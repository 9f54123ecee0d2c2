"""
Mailboxes: what local delivery, POP3 and IMAP ask of a store.

A store knows UIDs and mod-sequences and never a sequence number.  Change is told by a doorbell
without data; the truth is asked for with ``changes(since)``, one way for changes made by this
session, by another one, by another process and while nobody was connected.

A message's way: nothing -> *there* (``append``, ``copy``, ``move``, ``replace``; one commit for all
of a call) -> *expunged* (row gone, a tombstone with its modseq stays) -> octets gone, an hour later
at the earliest, so that sessions which have not been told can still read them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from zope.interface import Attribute, Interface

from pymta.interfaces.content import IContent
from pymta.mailbox import (
    UID,
    Appended,
    Changes,
    Copied,
    Expunged,
    FlagChange,
    Found,
    MailboxInfo,
    MailboxName,
    ModSeq,
    Opened,
    QuotaRoot,
    Resource,
    Snapshot,
    StoreChanges,
    UIDSet,
    Wanted,
)
from pymta.search import Query

__all__ = [
    "Expiring",
    "IAppendLimitStore",
    "IMailbox",
    "IMailboxStore",
    "IQuotaRootStore",
    "IQuotaStore",
    "NewMessage",
    "Vault",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """
    A message to be appended.

    :param internal_date: aware; None is now.
    :param delivery_id: a second append with it, to this mailbox, does nothing: local delivery is
        exactly once.  Remembered for at least 30 days, also after the message is gone.
    """

    content: IContent
    flags: frozenset[str] = field(default=frozenset())
    internal_date: datetime | None = None
    delivery_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expiring:
    """
    An expunged message whose octets are about to go.

    :param account: None where it was removed, or its mailbox was deleted.
    :param mailbox: the name that its mailbox has, or had last.
    :param internal_date: None where it is not known any more.
    :param since: when it was expunged; None where its mailbox was deleted with it.
    """

    account: str | None
    mailbox: MailboxName
    uid: UID
    internal_date: datetime | None
    since: datetime | None
    content: IContent


Vault = Callable[[Expiring], Awaitable[None]]
"""
Asked before octets of an expunged message, of which no copy is left in any mailbox, are let go: an
hour later at the earliest, and at once where a mailbox is deleted.

They go when it is done; whatever it raises keeps them until the next sweep, which asks again: it
may be asked twice for one message, after a crash too.
"""


class IMailbox(Interface):
    """
    One mailbox, opened; several may be open of the same one, here and in other processes.

    Methods that change raise :class:`~pymta.errors.MailboxReadOnly` where it was opened
    read-only, and everything raises :class:`~pymta.errors.NoSuchMailbox` once it is deleted.
    """

    name: MailboxName = Attribute("The name it was opened by.")
    read_only: bool = Attribute("Whether changes are refused.")

    def info() -> Awaitable[MailboxInfo]:
        """Counters, now: one row, never a count of messages."""

    def keywords() -> Awaitable[frozenset[str]]:
        """
        All keywords that its messages ever had, as they are spelled here: kept, not counted.

        With the system flags, what FLAGS and PERMANENTFLAGS say (:rfc:`3501#section-7.2.6`).
        """

    def snapshot() -> Awaitable[Snapshot]:
        """All UIDs, as ranges, with the modseq they are true at: one moment."""

    def opened() -> Awaitable[Opened]:
        """
        :meth:`info`, :meth:`keywords` and :meth:`snapshot` in one question, and the first unseen
        message: SELECT's.
        """

    def changes(since: ModSeq, known: UIDSet | None = None) -> Awaitable[Changes]:
        """
        What happened after ``since``.

        :param known: UIDs the caller has; where the tombstones do not reach back to ``since``,
            every one of them that is not there now is told as vanished
            (:rfc:`7162#section-3.2.6`).  Without it, all UIDs below ``uid_next`` count as known.
        """

    def watch(ring: Callable[[], None]) -> Callable[[], None]:
        """
        A doorbell: rings, on the reactor's thread, when ``changes`` may have something.

        Too often is allowed, too seldom is not.  :returns: takes it down; idempotent.
        """

    def records(
        uids: UIDSet, wanted: Sequence[Wanted], changed_since: ModSeq | None = None
    ) -> Awaitable[Sequence[tuple[Any, ...]]]:
        """
        Rows of ``(uid, *wanted)``, ascending by UID; messages that are gone have none.

        At most 2,000 UIDs a call.  :raises ValueError: for more.
        :param changed_since: only those with a modseq above.
        """

    def sizes() -> Awaitable[Sequence[tuple[UID, int]]]:
        """UID and size of every message, ascending: one indexed read, for POP3."""

    def unended() -> Awaitable[UIDSet]:
        """
        Messages, not empty, whose last line lacks its CRLF: seldom any; one indexed read.

        A line protocol adds it, and has to tell exact sizes (:rfc:`1939#section-11`).
        """

    def content(uid: UID) -> Awaitable[IContent]:
        """
        The octets of a message, exactly as they were appended.

        Also of one expunged within the last hour.  :raises pymta.errors.MessageGone: otherwise.
        """

    def append(messages: Sequence[NewMessage]) -> Awaitable[Appended]:
        """
        Add messages at the end: all or none, durable when it fires.

        Envelope, structure and preview are computed here, once.

        :raises pymta.errors.OverQuota: none was added.
        :raises pymta.errors.MailboxError: as above.
        """

    def change_flags(
        uids: UIDSet, change: FlagChange, unchanged_since: ModSeq | None = None
    ) -> Awaitable[UIDSet]:
        """
        Change flags, in one commit.  A message whose flags stay as they are keeps its modseq.

        :param unchanged_since: leave out messages with a modseq above (:rfc:`7162#section-3.1.3`).
        :returns: the UIDs so left out.
        :raises ValueError: for ``\\Recent`` or what is no flag.
        """

    def copy(
        uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> Awaitable[Copied]:
        """
        Copy, with flags and internal dates; all or none.

        :param needed: those of ``uids`` that must be there; others that are gone are passed over.
        :raises pymta.errors.MessageGone: one of them is not; nothing was copied.
        """

    def move(
        uids: UIDSet, destination: MailboxName, needed: UIDSet | None = None
    ) -> Awaitable[tuple[Copied, Expunged]]:
        """Copy, as :meth:`copy` does, and expunge in one commit (:rfc:`6851#section-3.3`)."""

    def replace(uid: UID, destination: MailboxName, message: NewMessage) -> Awaitable[Appended]:
        """
        Append to ``destination`` and expunge ``uid`` here, in one commit (:rfc:`8508`).

        :raises pymta.errors.MessageGone: ``uid`` is not there; nothing was appended.
        """

    def expunge(uids: UIDSet | None = None) -> Awaitable[Expunged]:
        """Remove those with ``\\Deleted``, of ``uids`` if given; in one commit."""

    def remove(uids: UIDSet) -> Awaitable[Expunged]:
        """Remove these, whatever their flags; in one commit (POP3's UPDATE)."""

    def search(query: Query) -> Awaitable[Found]:
        """What is found, ascending."""

    def take_recent() -> Awaitable[UID]:
        """
        Mark all messages as seen by a session (:rfc:`3501#section-2.3.2`).

        :returns: from which UID on they were new until now.
        """

    def lock() -> Awaitable[Callable[[], Awaitable[None]]]:
        """
        The exclusive lock of POP3 against POP3 (:rfc:`1939#section-4`), across processes.

        A lease that is renewed while it is held and ends by itself within a minute after a
        crash.  :returns: a call that gives it back; idempotent.
        :raises pymta.errors.MailboxInUse: somebody has it.
        """

    def close() -> None:
        """No more calls.  Nothing is expunged by it.  Does not wait; idempotent."""


class IMailboxStore(Interface):
    """The mailboxes of one account."""

    def mailboxes() -> Awaitable[Sequence[MailboxInfo]]:
        """All of them, and subscribed names that do not exist; sorted by name, INBOX first."""

    def open(name: MailboxName, read_only: bool = False) -> Awaitable[IMailbox]:
        """
        Open a mailbox.  A store may leave it to the first call to look which one has the name;
        from then on it is the same one, also when it is renamed.

        :raises pymta.errors.NoSuchMailbox: no mailbox of that name: here, or at the first call.
        """

    def create(
        name: MailboxName, special_use: frozenset[str] = frozenset()
    ) -> Awaitable[MailboxInfo]:
        """
        Make a mailbox and the levels above it that do not exist.

        A name that was used before gets another UIDVALIDITY.  It has the rights of the next
        level above that is there (:rfc:`4314#section-4`).

        :param special_use: of :data:`~pymta.mailbox.SPECIAL_USES`.
        :raises pymta.errors.MailboxExists: it is there already.
        :raises pymta.errors.UnknownUse: another use.
        :raises pymta.errors.OverQuota: the account has as many mailboxes as it may.
        :raises ValueError: no name of a mailbox: empty levels, control characters, more than 255
            octets a level or 1,000 altogether, more than 32 levels.
        """

    def delete(name: MailboxName) -> Awaitable[None]:
        """
        Delete a mailbox with its messages; levels below it stay.

        :raises pymta.errors.NoSuchMailbox: not there.
        :raises pymta.errors.MailboxError: INBOX.
        """

    def rename(old: MailboxName, new: MailboxName) -> Awaitable[None]:
        """
        Rename with all levels below, in one commit; ids and UIDs stay.

        INBOX stays and loses its messages to a new mailbox (:rfc:`3501#section-6.3.5`).
        :raises pymta.errors.NoSuchMailbox: :raises pymta.errors.MailboxExists: as it says.
        """

    def subscribe(name: MailboxName) -> Awaitable[None]:
        """Remember the name, whether a mailbox has it or not."""

    def unsubscribe(name: MailboxName) -> Awaitable[None]:
        """Forget it."""

    def changes(since: ModSeq) -> Awaitable[StoreChanges]:
        """Which mailboxes moved after ``since``; 0 is the beginning."""

    def watch(ring: Callable[[], None]) -> Callable[[], None]:
        """A doorbell, as :meth:`IMailbox.watch`, for all mailboxes together."""


class IQuotaStore(IMailboxStore):
    """Mailboxes with a limit."""

    def room(size: int) -> Awaitable[bool]:
        """Whether a message of this size would fit now."""

    def set_quota(octets: int | None, messages: int | None = None) -> Awaitable[None]:
        """Set the limits of the account; None is none."""


class IQuotaRootStore(IQuotaStore):
    """
    Limits as IMAP sees them (:rfc:`9208`): of the account, in the root
    :data:`~pymta.mailbox.ACCOUNT_ROOT`, and of single mailboxes, each in a root of its own.
    """

    def quota_roots(name: MailboxName) -> Awaitable[Sequence[QuotaRoot]]:
        """Those of a mailbox, which need not exist; the account's first."""

    def quota(root: str) -> Awaitable[QuotaRoot]:
        """:raises pymta.errors.NoSuchQuotaRoot: none of that name."""

    def set_limits(root: str, limits: Mapping[Resource, int]) -> Awaitable[QuotaRoot]:
        """
        All limits of a root: resources that are not in it have none.

        :raises pymta.errors.NoSuchQuotaRoot: none of that name.
        :raises ValueError: a resource that the root does not limit.
        """


class IAppendLimitStore(IMailboxStore):
    """Mailboxes with a limit for the size of a message (:rfc:`7889`)."""

    def set_append_limit(name: MailboxName, octets: int | None) -> Awaitable[None]:
        """
        What is larger is refused by ``append`` and ``replace`` with
        :class:`~pymta.errors.MessageTooLarge`; copies are not.

        :raises pymta.errors.NoSuchMailbox: no mailbox of that name.
        """
