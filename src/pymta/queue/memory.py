"""
The queue in memory: the reference for tests, and for servers that keep nothing.

Not durable, and said so: everything here is gone with the process.  Otherwise it keeps the whole
contract of :class:`~pymta.interfaces.queue.IQueueStore`, whose state table it follows arrow by
arrow; each arrow is one turn of the reactor, so that nobody sees half of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from zope.interface import implementer

from pymta.envelope import Recipient, RecipientID
from pymta.errors import MessageGone, QueueError, SpoolError, StoreClosed
from pymta.interfaces.content import (
    UNROUTED,
    IContent,
    IContentWriter,
    Lane,
    NewMail,
    Octets,
    QueueID,
    octets_of,
)
from pymta.interfaces.queue import (
    Bounce,
    Claim,
    Claimed,
    Deferred,
    Done,
    Held,
    Hold,
    IQueueStore,
    Page,
    QueueAction,
    QueuedRecipient,
    QueueEntry,
    QueueQuery,
    QueueState,
    QueueStatistics,
    Release,
    Remove,
    Reroute,
    RetryNow,
    Settled,
    Settlement,
    SuspendedLane,
)
from pymta.queue.bells import Bells
from pymta.queue.cursor import number_of
from pymta.queue.keys import address_key, matches, query_key
from pymta.queue.leases import rest
from pymta.queue.strikes import MOST_STRIKES, STRUCK_OUT
from pymta.reply import Reply

__all__ = ["MemoryQueueStore"]

PAGE = 1_000
REMEMBERED = timedelta(hours=1)
"""How long the id of a settled mail is known."""


@dataclass(slots=True, kw_only=True)
class _Row:
    """One recipient."""

    mail: _Mail
    recipient: Recipient
    lane: Lane
    due: datetime
    state: QueueState = QueueState.DUE
    attempts: int = 0
    strikes: int = 0
    warned: bool = False
    fence: int = 0
    owner: str | None = None
    until: datetime | None = None
    reply: Reply | None = None
    verdict: Reply | None = None
    pinned: bool = False
    reason: str | None = None

    @property
    def wake(self) -> datetime | None:
        """When it may be claimed: due, or its lease at an end."""
        if self.state is QueueState.HELD:
            return None
        return self.until if self.state is QueueState.CLAIMED else self.due

    def wait(self, due: datetime) -> None:
        """Due, then."""
        self.state, self.due = QueueState.DUE, due
        self.owner = self.until = self.reason = None

    def hold(self, reason: str) -> None:
        """For a person."""
        self.state, self.reason = QueueState.HELD, reason
        self.owner = self.until = None

    def claim(self, owner: str, until: datetime) -> None:
        """For an owner; the strike counts before any work."""
        self.state, self.owner, self.until = QueueState.CLAIMED, owner, until
        self.strikes += 1


@dataclass(slots=True, kw_only=True)
class _Mail:
    """One message.  :param number: the order of arrival here."""

    number: int
    mail: NewMail
    content: IContent
    rows: dict[RecipientID, _Row]


@implementer(IContentWriter)
class _Writer:
    """Content on its way into memory."""

    def __init__(self) -> None:
        self._parts: list[bytes] | None = []

    async def write(self, data: bytes) -> None:
        if self._parts is None:
            raise SpoolError("a content writer was used out of order")
        self._parts.append(data)

    async def finish(self) -> IContent:
        parts, self._parts = self._parts, None
        if parts is None:
            raise SpoolError("a content writer was used out of order")
        return Octets(b"".join(parts))

    def discard(self) -> None:
        self._parts = None


@implementer(IQueueStore)
class MemoryQueueStore:
    """
    :param now: the wall clock, where a method has no ``now`` of its caller's.
    :param lease_seconds: how long a claim lasts.
    """

    def __init__(
        self, now: Callable[[], datetime] | None = None, *, lease_seconds: float = 300
    ) -> None:
        self.lease_seconds = lease_seconds
        self._now = now or _wall_clock
        self._mails: dict[QueueID, _Mail] = {}
        self._settled: dict[QueueID, datetime] = {}
        self._suspended: dict[Lane, SuspendedLane] = {}
        self._bells = Bells()
        self._added = 0
        self._closed = False

    async def close(self) -> None:
        """Everything raises :class:`~pymta.errors.StoreClosed` from now on."""
        self._closed = True

    # -- taking ---------------------------------------------------------------

    def create(self) -> IContentWriter:
        return _Writer()

    async def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Sequence[Claim]:
        self._check_open()
        contents = [await _copied(mail.content) for mail in mails]
        self._check_open()
        return self._add(mails, contents, owner)

    def _add(
        self, mails: Sequence[NewMail], contents: Sequence[IContent], owner: str | None
    ) -> list[Claim]:
        now = self._now()
        self._forget(now)
        claims: list[Claim] = []
        waiting = False
        for new, content in zip(mails, contents, strict=True):
            if new.id in self._mails or new.id in self._settled:
                continue
            mail = self._keep(new, content)
            rows = [row for row in mail.rows.values() if owner and self._claimable(row, now)]
            claims += self._claim(rows, owner or "", now)
            waiting = waiting or len(rows) < len(mail.rows)
        if waiting:
            self._bells.ring()
        return claims

    def _keep(self, new: NewMail, content: IContent) -> _Mail:
        self._added += 1
        mail = _Mail(number=self._added, mail=new, content=content, rows={})
        for recipient in new.envelope.recipients:
            lane = new.lanes.get(recipient.id, UNROUTED)
            row = _Row(mail=mail, recipient=recipient, lane=lane, due=new.due or new.arrived)
            if new.held is not None:
                row.hold(new.held)
            mail.rows[recipient.id] = row
        self._mails[new.id] = mail
        return mail

    def _claimable(self, row: _Row, now: datetime) -> bool:
        return row.lane != UNROUTED and self._is_due(row, now)

    # -- working --------------------------------------------------------------

    async def recover(self, owner: str) -> int:
        self._check_open()
        mine = [row for row in self._rows() if row.owner == owner]
        for row in mine:
            row.wait(row.due)
        if mine:
            self._bells.ring()
        return len(mine)

    async def claim(
        self,
        owner: str,
        now: datetime,
        limit: int,
        per_lane: int,
        without: Collection[Lane] = (),
    ) -> Sequence[Claim]:
        self._check_open()
        chosen: list[_Row] = []
        suspects: list[_Row] = []
        lanes: Counter[Lane] = Counter()
        for row in self._in_order(now, without):
            if len(chosen) == limit:
                break
            if row.strikes >= MOST_STRIKES:
                row.hold(STRUCK_OUT)
            elif row.strikes == MOST_STRIKES - 1 and not row.verdict:
                suspects.append(row)
            elif row.verdict or lanes[row.lane] < per_lane:
                lanes[row.lane] += 1
                chosen.append(row)
        if len(chosen) < limit and not self._on_trial(now):
            chosen += [row for row in suspects if lanes[row.lane] < per_lane][:1]
        return self._claim(chosen, owner, now)

    def _on_trial(self, now: datetime) -> bool:
        """Whether somebody on his last chance is at work."""
        return any(
            row.state is QueueState.CLAIMED
            and row.strikes == MOST_STRIKES
            and row.until is not None
            and row.until > now
            for row in self._rows()
        )

    def _in_order(self, now: datetime, without: Collection[Lane]) -> list[_Row]:
        due = [
            row
            for row in self._rows()
            if self._is_due(row, now) and (row.verdict or row.lane not in without)
        ]
        return sorted(due, key=lambda row: (-row.mail.mail.priority, row.wake, row.mail.number))

    def _is_due(self, row: _Row, now: datetime) -> bool:
        wake = self._wake(row)
        return wake is not None and wake <= now

    def _wake(self, row: _Row) -> datetime | None:
        """When it may be claimed, its lane's suspension considered."""
        suspended = self._suspended.get(row.lane)
        if suspended is None or row.verdict or row.wake is None:
            return row.wake
        return max(row.wake, suspended.until)

    def _claim(self, rows: Iterable[_Row], owner: str, now: datetime) -> list[Claim]:
        until = now + timedelta(seconds=self.lease_seconds)
        together: dict[tuple[int, Lane, bool], list[_Row]] = {}
        for row in rows:
            row.claim(owner, until)
            key = (row.mail.number, row.lane, row.verdict is not None)
            together.setdefault(key, []).append(row)
        return [_claim_of(rows) for rows in together.values()]

    async def renew(self, claims: Sequence[Claim], until: datetime) -> Sequence[Claim]:
        self._check_open()
        stale = []
        for claim in claims:
            rows = self._ours(claim)
            for row in rows:
                row.until = until
            if len(rows) < len(claim.recipients):
                stale.append(rest(claim, [row.recipient.id for row in rows]))
        return stale

    async def release(self, claims: Sequence[Claim]) -> None:
        self._check_open()
        for claim in claims:
            for row in self._ours(claim):
                row.strikes -= 1
                row.wait(row.due)
        self._bells.ring()

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Claim]:
        self._check_open()
        then = [new for each in settlements for new in each.then]
        contents = {id(new): await _copied(new.content) for new in then}
        self._check_open()
        stale = []
        for settlement in settlements:
            rows = self._held_by(settlement.claim)
            if rows is None:
                stale.append(settlement.claim)
                continue
            for row in rows:
                self._settle(row, settlement.each.get(row.recipient.id))
            self._add(settlement.then, [contents[id(new)] for new in settlement.then], None)
        self._bells.ring()
        return stale

    def _settle(self, row: _Row, settled: Settled | None) -> None:
        row.strikes = 0
        match settled:
            case None:
                row.wait(row.due)
            case Done():
                self._remove(row)
            case Deferred():
                row.attempts += 1
                row.reply = settled.reply
                row.lane = settled.lane or row.lane
                row.warned = row.warned or settled.warned
                row.verdict = None
                row.wait(settled.due)
            case Held():
                row.attempts += 1
                row.hold(settled.reason)

    def _held_by(self, claim: Claim) -> list[_Row] | None:
        """The rows of a claim; None if it is stale for any of them."""
        rows = self._ours(claim)
        return rows if len(rows) == len(claim.recipients) else None

    def _ours(self, claim: Claim) -> list[_Row]:
        """The rows for which a claim is not stale."""
        mail = self._mails.get(claim.queue_id)
        found = [mail.rows.get(each.recipient.id) for each in claim.recipients] if mail else []
        return [row for row in found if row is not None and _is_held_by(row, claim)]

    def _remove(self, row: _Row) -> None:
        del row.mail.rows[row.recipient.id]
        if not row.mail.rows:
            del self._mails[row.mail.mail.id]
            self._settled[row.mail.mail.id] = self._now() + REMEMBERED

    def _forget(self, now: datetime) -> None:
        while self._settled:
            first = next(iter(self._settled))
            if self._settled[first] > now:
                break
            del self._settled[first]

    # -- lanes and bells ------------------------------------------------------

    async def suspend(self, lane: Lane, until: datetime, reason: str) -> None:
        self._check_open()
        self._suspended[lane] = SuspendedLane(lane, until, reason)
        if until <= self._now():
            del self._suspended[lane]
        self._bells.ring()

    async def next_due(self, now: datetime, without: Collection[Lane] = ()) -> datetime | None:
        self._check_open()
        times = (self._wake(row) for row in self._rows() if row.verdict or row.lane not in without)
        return min((wake for wake in times if wake is not None), default=None)

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        return self._bells.hang(ring)

    # -- inspection -----------------------------------------------------------

    async def select(self, query: QueueQuery, cursor: str | None = None) -> Page:
        self._check_open()
        after = number_of(cursor)
        wanted = _Wanted(query)
        entries: list[QueueEntry] = []
        last = 0
        for mail in self._mails.values():
            if mail.number <= after or not any(wanted.has(row) for row in mail.rows.values()):
                continue
            if len(entries) == PAGE:
                return Page(tuple(entries), str(last))
            entries.append(_entry_of(mail))
            last = mail.number
        return Page(tuple(entries), None)

    async def change(self, query: QueueQuery, action: QueueAction) -> int:
        self._check_open()
        wanted = _Wanted(query)
        matching = [row for row in self._rows() if wanted.has(row)]
        changed = sum(self._change(row, action) for row in matching)
        self._bells.ring()
        return changed

    def _change(self, row: _Row, action: QueueAction) -> bool:
        if row.state not in _CHANGES[type(action)]:
            return False
        match action:
            case Hold():
                row.hold(action.reason)
            case Release():
                row.strikes = 0
                row.wait(min(row.due, self._now()))
            case RetryNow():
                self._suspended.pop(row.lane, None)
                row.wait(min(row.due, self._now()))
            case Reroute():
                row.lane = action.lane
                row.pinned = action.lane != UNROUTED
            case Bounce():
                row.verdict = action.reply
                row.strikes = 0
                row.wait(min(row.due, self._now()))
            case Remove():
                self._remove(row)
        return True

    async def statistics(self) -> QueueStatistics:
        self._check_open()
        states = Counter(row.state for row in self._rows())
        now = self._now()
        return QueueStatistics(
            messages=len(self._mails),
            octets=sum(mail.content.size for mail in self._mails.values()),
            recipients={state: states[state] for state in QueueState},
            suspended=tuple(each for each in self._suspended.values() if each.until > now),
        )

    def _rows(self) -> Iterator[_Row]:
        for mail in self._mails.values():
            yield from mail.rows.values()

    def _check_open(self) -> None:
        if self._closed:
            raise StoreClosed("the queue is closed")


_WAITING = frozenset({QueueState.DUE})
_RESTING = frozenset({QueueState.DUE, QueueState.HELD})
_CHANGES: dict[type, frozenset[QueueState]] = {
    Hold: _WAITING,
    Release: frozenset({QueueState.HELD}),
    RetryNow: _WAITING,
    Reroute: _RESTING,
    Bounce: _RESTING,
    Remove: _RESTING,
}
"""Claimed ones stay with whoever works on them."""


class _Wanted:
    """A query, ready to be asked."""

    def __init__(self, query: QueueQuery) -> None:
        self._query = query
        self._ids = None if query.ids is None else frozenset(query.ids)
        self._sender = None if query.sender is None else query_key(query.sender)
        self._recipient = None if query.recipient is None else query_key(query.recipient)

    def has(self, row: _Row) -> bool:
        """Whether it is meant."""
        query, mail = self._query, row.mail.mail
        return (
            (self._ids is None or mail.id in self._ids)
            and (query.state is None or row.state is query.state)
            and (query.lane is None or row.lane == query.lane)
            and (query.arrived_before is None or mail.arrived < query.arrived_before)
            and (
                self._sender is None
                or matches(address_key(mail.envelope.sender.reverse_path), self._sender)
            )
            and (
                self._recipient is None
                or matches(address_key(row.recipient.address), self._recipient)
            )
        )


def _claim_of(rows: Sequence[_Row]) -> Claim:
    first = rows[0]
    fence = max(row.fence for row in rows) + 1
    for row in rows:
        row.fence = fence
    assert first.owner is not None
    assert first.until is not None
    mail = first.mail.mail
    return Claim(
        queue_id=mail.id,
        lane=first.lane,
        fence=fence,
        owner=first.owner,
        until=first.until,
        recipients=tuple(
            Claimed(
                recipient=row.recipient,
                attempts=row.attempts,
                warned=row.warned,
                verdict=row.verdict,
                pinned=row.pinned,
            )
            for row in rows
        ),
        sender=mail.envelope.sender,
        content=first.mail.content,
        origin=mail.origin,
        arrived=mail.arrived,
        bounceable=mail.bounceable,
        priority=mail.priority,
    )


def _entry_of(mail: _Mail) -> QueueEntry:
    new = mail.mail
    return QueueEntry(
        id=new.id,
        sender=new.envelope.sender,
        content=mail.content,
        origin=new.origin,
        arrived=new.arrived,
        recipients=tuple(
            QueuedRecipient(
                recipient=row.recipient,
                lane=row.lane,
                state=row.state,
                due=row.due,
                attempts=row.attempts,
                reply=row.reply,
                reason=row.reason,
                owner=row.owner,
                until=row.until,
            )
            for row in mail.rows.values()
        ),
        bounceable=new.bounceable,
        priority=new.priority,
    )


def _is_held_by(row: _Row, claim: Claim) -> bool:
    return row.state is QueueState.CLAIMED and row.fence == claim.fence


async def _copied(content: IContent) -> Octets:
    """In memory, where nobody takes it away."""
    try:
        return Octets(await octets_of(content))
    except (SpoolError, MessageGone) as error:
        raise QueueError(f"the content cannot be read: {error}") from error


def _wall_clock() -> datetime:
    return datetime.now(UTC)
