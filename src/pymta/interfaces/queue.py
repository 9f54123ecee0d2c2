"""
The queue: what is promised to be delivered, and who is at work on it.

One row a recipient, one a lane, one a message.  A recipient's way through the store:

==========  ===================================  =======================================
state       how it came here                     what a crash leaves
==========  ===================================  =======================================
(nothing)                                        nothing was promised
due         ``add``, or ``settle`` deferred it   the row; claimed when its time has come
claimed     ``add`` with an owner, or ``claim``  the lease; after it, or after ``recover``, due
held        ``add``, ``change``, three strikes   the row; waits for a person
(gone)      ``settle`` said done                 nothing; the content goes with the last one
==========  ===================================  =======================================

Every arrow is one commit.  The queue knows agents and next hops, never SMTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from zope.interface import Attribute, Interface

from pymta.envelope import Recipient, RecipientID, Sender
from pymta.interfaces.content import IContent, IContentWriter, Lane, NewMail, Origin, QueueID
from pymta.outcome import Outcome
from pymta.reply import Reply

__all__ = [
    "Bounce",
    "Claim",
    "Claimed",
    "Deferred",
    "Done",
    "Held",
    "Hold",
    "IEnlistingQueueStore",
    "IQueue",
    "IQueueInspection",
    "IQueueStore",
    "Page",
    "QueueAction",
    "QueueEntry",
    "QueueQuery",
    "QueueState",
    "QueueStatistics",
    "QueuedRecipient",
    "Release",
    "Remove",
    "Reroute",
    "RetryNow",
    "Settled",
    "Settlement",
    "SuspendedLane",
]


class QueueState(Enum):
    """Where one recipient is."""

    DUE = "due"
    """Waits for its time, or for its lane."""
    CLAIMED = "claimed"
    HELD = "held"


# -- work ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """
    One recipient of a claim.

    :param attempts: how many were made before this one.
    :param warned: whether a delay was reported.
    :param verdict: what somebody decided it fails with (:class:`Bounce`): no attempt is made.
    :param pinned: somebody decided on its lane (:class:`Reroute`): no router is asked.
    """

    recipient: Recipient
    attempts: int = 0
    warned: bool = False
    verdict: Reply | None = None
    pinned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """
    The right to work on some recipients of one message in one lane, until the lease ends.

    :param fence: grows with every claim of a recipient; a settlement with an older one is stale.
    """

    queue_id: QueueID
    lane: Lane
    fence: int
    owner: str
    until: datetime
    recipients: tuple[Claimed, ...]
    sender: Sender
    content: IContent
    origin: Origin
    arrived: datetime
    bounceable: bool = True
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """Finished, for better or worse: the recipient leaves the queue."""

    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """
    Again at ``due``.

    :param reply: why not now, for whoever asks.
    :param lane: where to, if a table has changed; None keeps it.
    :param warned: a delay was reported now.
    """

    due: datetime
    reply: Reply
    lane: Lane | None = None
    warned: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """Waits for a person: it may be neither delivered nor bounced."""

    reason: str


Settled: TypeAlias = Done | Deferred | Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """
    What became of a claim, or of a part of it.

    :param claim: with fewer of its recipients where only these are meant: the others stay claimed.
        Renewing and releasing take parts likewise.
    :param each: by recipient; one that is not in it is released, due at once.
    :param then: mails that follow from it (reports, redirects, list members): in the same commit.
    """

    claim: Claim
    each: Mapping[RecipientID, Settled]
    then: tuple[NewMail, ...] = ()


# -- inspection ---------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class QueuedRecipient:
    """One recipient, as seen from outside.  :param reply: the last "not now"."""

    recipient: Recipient
    lane: Lane
    state: QueueState
    due: datetime
    attempts: int
    reply: Reply | None = None
    reason: str | None = None
    """Why it is held."""
    owner: str | None = None
    until: datetime | None = None
    """Who has claimed it, and until when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueEntry:
    """One message, as seen from outside."""

    id: QueueID
    sender: Sender
    content: IContent
    origin: Origin
    arrived: datetime
    recipients: tuple[QueuedRecipient, ...]
    bounceable: bool = True
    priority: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueQuery:
    """
    Which recipients; all that is given must be true, and nothing given is all of them.

    :param recipient: :param sender: exact, domains in any case; ``@example.org`` is a domain.
    :param arrived_before: aware.
    """

    ids: tuple[QueueID, ...] | None = None
    state: QueueState | None = None
    lane: Lane | None = None
    sender: str | None = None
    recipient: str | None = None
    arrived_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """At most 1,000 entries, oldest first; ``cursor`` for the next call, None at the end."""

    entries: tuple[QueueEntry, ...]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Hold:
    """Due ones are held.  Claimed ones stay with whoever works on them."""

    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """Held ones are due at once, and their strikes forgotten."""


@dataclass(frozen=True, slots=True)
class RetryNow:
    """Due ones are due at once; their lanes are not suspended any more."""


@dataclass(frozen=True, slots=True)
class Reroute:
    """
    Due and held ones get another lane, and stay there: the claim shows them as ``pinned``.  With
    the lane :data:`~pymta.interfaces.content.UNROUTED` the router decides again.
    """

    lane: Lane


@dataclass(frozen=True, slots=True)
class Bounce:
    """
    Due and held ones fail with this reply at their next claim, which is at once: the claim shows
    it as ``verdict``.  Neither a suspended lane nor ``without`` keeps them back, and a claim
    holds either such recipients or others.
    """

    reply: Reply


@dataclass(frozen=True, slots=True)
class Remove:
    """Due and held ones are gone, unreported."""


QueueAction: TypeAlias = Hold | Release | RetryNow | Reroute | Bounce | Remove


@dataclass(frozen=True, slots=True)
class SuspendedLane:
    """A lane nobody may claim from until then, and why."""

    lane: Lane
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueStatistics:
    """Counts of recipients by state; of messages; and the octets of their content."""

    messages: int
    octets: int
    recipients: Mapping[QueueState, int] = field(default_factory=dict)
    suspended: tuple[SuspendedLane, ...] = ()


class IQueueInspection(Interface):
    """Looking at a queue and changing it by predicate, while it runs."""

    def select(query: QueueQuery, cursor: str | None = None) -> Awaitable[Page]:
        """
        Entries with at least one recipient that matches, with all their recipients.

        Read-only, and one page is one moment.  :raises ValueError: for a cursor it did not give.
        """

    def change(query: QueueQuery, action: QueueAction) -> Awaitable[int]:
        """
        Do it to every recipient that matches, in bounded chunks, each one commit.

        :returns: how many recipients were changed.
        """

    def statistics() -> Awaitable[QueueStatistics]:
        """Counts, of about now."""


class IQueueStore(IQueueInspection):
    """
    Where the queue is kept.  Times are the caller's, so that a test's clock drives all of it.

    A provider is opened before its first use and closed after its last by whoever wired it;
    after ``close`` everything raises :class:`~pymta.errors.StoreClosed`.
    """

    lease_seconds: float = Attribute("How long a claim made here lasts unless it is renewed.")

    def create() -> IContentWriter:
        """A writer for content that a later ``add`` of this store will name."""

    def add(mails: Sequence[NewMail], owner: str | None = None) -> Awaitable[Sequence[Claim]]:
        """
        Take responsibility: rows and content of all mails in one durable commit, or none.

        Idempotent by id: a mail whose id is there, or was settled within the last hour, is left
        out, so that an ``add`` in doubt can be repeated.  Content from anywhere is accepted;
        what this store's ``create`` made is not copied.

        :param owner: if given, what is due and routed comes back claimed by it, as if by ``claim``
            at once; otherwise nothing comes back.
        :raises pymta.errors.QueueError: nothing was kept: not enough room, or a content that
            cannot be read.
        :raises pymta.errors.StoreClosed: in doubt: it may or may not have been kept.
        """

    def recover(owner: str) -> Awaitable[int]:
        """Release what a former life of this owner has claimed.  Called once, before any claim."""

    def claim(
        owner: str,
        now: datetime,
        limit: int,
        per_lane: int,
        without: Collection[Lane] = (),
    ) -> Awaitable[Sequence[Claim]]:
        """
        Claim what is due, oldest due first within a lane, highest priority first.

        At most ``limit`` recipients altogether and ``per_lane`` of each lane; nothing of the lanes
        in ``without`` nor of suspended ones.  Leases that have run out are due again.  The
        strike is counted in the same commit, before any work; a recipient with three strikes is
        held instead.  One with two is claimed behind all others, and only while no other such is
        at work: what was claimed along with poison is innocent.
        """

    def renew(claims: Sequence[Claim], until: datetime) -> Awaitable[Sequence[Claim]]:
        """
        Make leases longer, each recipient's by itself: others of a claim may have been settled.

        :returns: what is stale, claims of those recipients alone: gone, or somebody else's now.
        """

    def release(claims: Sequence[Claim]) -> Awaitable[None]:
        """
        Give back without an attempt: due at once, and without the strike.

        Each recipient by itself; what is stale is ignored.
        """

    def settle(settlements: Sequence[Settlement]) -> Awaitable[Sequence[Claim]]:
        """
        Outcomes, next due times and the mails that follow, in one durable commit.

        Content goes with its last recipient.  Strikes are forgotten.  Works on a full disk.

        :returns: the claims that were stale; nothing of their settlements was done.
        """

    def suspend(lane: Lane, until: datetime, reason: str) -> Awaitable[None]:
        """
        Let nobody claim from the lane until then; a past time ends it.

        Mail there grows old as elsewhere: the runner lets what has outlived its life fail.
        """

    def next_due(now: datetime, without: Collection[Lane] = ()) -> Awaitable[datetime | None]:
        """When ``claim`` should be asked again; None if nothing waits for a time."""

    def watch(ring: Callable[[], None]) -> Callable[[], None]:
        """
        A doorbell: ``ring()`` when there may be something to claim earlier than was known.

        It carries nothing, may ring too often, never too seldom, and rings on the reactor's
        thread.  :returns: a call that takes the bell down; idempotent.
        """


class IEnlistingQueueStore(IQueueStore):
    """A queue store in the application's own database."""

    def enlist(connection: object, mails: Sequence[NewMail]) -> None:
        """
        Write the rows, content in rows, through the caller's own connection, in its transaction.

        Synchronous: the caller's thread.  The mails exist if and when the caller commits.
        """


class IQueue(IQueueInspection):
    """The running queue, as whoever sends mail sees it."""

    def create() -> IContentWriter:
        """A writer for content to be submitted here."""

    def submit(mails: Sequence[NewMail]) -> Awaitable[None]:
        """
        Take responsibility for all of the mails, or none, in one durable commit.

        :raises pymta.errors.QueueError: none was kept.
        :raises Exception: in doubt, as :meth:`ITransaction.commit`.
        """
