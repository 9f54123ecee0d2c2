"""
The queue in a database, durable: what ``250`` rests on.

==========  ==================================  ==============================================
state       rows                                what a crash leaves
==========  ==================================  ==============================================
(nothing)   none; large content in a file that  the file, swept at the next open
            is synced before the commit
due         recipient with ``wake`` = ``due``   the row
claimed     owner, fence and strike counted,    the row: due again at the end of the lease, or
            ``wake`` = end of the lease         at its owner's ``recover``
held        ``wake`` null, and a reason         the row
(gone)      none; with the last recipient the   nothing, or a file without a row, swept
            mail and its content; its id stays
            for an hour
==========  ==================================  ==============================================

Every arrow is one entry of the writer's next group commit.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from sqlalchemy import Connection, delete
from sqlalchemy.exc import SQLAlchemyError
from zope.interface import implementer

from pymta.aio import CancelledError
from pymta.database import Database
from pymta.database.contents import Placed
from pymta.database.rows import insert_rows, through
from pymta.database.times import from_microseconds, to_microseconds
from pymta.errors import MessageGone, QueueError, SpoolError, StoreClosed
from pymta.interfaces.content import IContentWriter, Lane, NewMail
from pymta.interfaces.queue import (
    Claim,
    Deferred,
    Done,
    Held,
    IEnlistingQueueStore,
    Page,
    QueueAction,
    QueueQuery,
    QueueStatistics,
    Settled,
    Settlement,
    SuspendedLane,
)
from pymta.queue.bells import Bells
from pymta.queue.codec import decode_lane, encode_lane, encode_reply
from pymta.queue.cursor import number_of
from pymta.queue.leases import rest
from pymta.queue.sql_add import Added, Adding, add
from pymta.queue.sql_change import CHUNK, LOOK, STATES_OF, Changing, change
from pymta.queue.sql_claim import Claiming, claim, recover
from pymta.queue.sql_enlist import enlist
from pymta.queue.sql_rows import Lease, MailRows, claims_of, entry_of, first_claims, rows_of
from pymta.queue.sql_select import PAGE, count, matching, next_due, page
from pymta.queue.sql_settle import Holding, Later, Renewing, Settling, release, renew, settle
from pymta.queue.sql_tables import suspended
from pymta.spool.writer import Spool

__all__ = ["SQLQueueStore"]

T = TypeVar("T")

REMEMBERED = 3_600_000_000
"""How long the id of a settled mail is known, in microseconds."""

_SECOND = 1_000_000


@implementer(IEnlistingQueueStore)
class SQLQueueStore:
    """
    :param database: opened before the first call, and closed after the last, by its owner.
    :param lease_seconds: how long a claim lasts.
    """

    def __init__(self, database: Database, *, lease_seconds: float = 300) -> None:
        self.lease_seconds = lease_seconds
        self._database = database
        self._contents = database.contents
        self._spool = Spool(database.contents.pool, database.contents.folder)
        self._bells = Bells()
        # One object each: the writer puts together what it is given for one function.
        self._add = partial(add, self._contents)
        self._settle = _together(partial(settle, self._contents))
        self._change = partial(change, self._contents)
        for batch in (self._settle, claim, recover, _renew, _release, _suspend):
            database.essential(batch)

    # -- taking ---------------------------------------------------------------

    def create(self) -> IContentWriter:
        return self._spool.create()

    async def free(self) -> int:
        """Octets of room for content: below its floor a server answers 452 4.3.1 at MAIL."""
        return await self._spool.free()

    async def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Sequence[Claim]:
        lease = None if owner is None else self._lease(owner, self._database.now())
        mails = _once(mails)
        placed = await self._placed(mails)
        try:
            rows = self._rows(mails, placed, lease)
            added = await self._commit(self._add, Adding(rows, lease), size=_weight(placed))
        except (CancelledError, StoreClosed):
            raise  # in doubt: whoever names the files may have done so
        except BaseException:
            self._contents.displace(placed)
            raise
        return self._added(mails, placed, added, lease)

    def _added(
        self,
        mails: Sequence[NewMail],
        placed: Sequence[Placed],
        added: Added,
        lease: Lease | None,
    ) -> list[Claim]:
        claims: list[Claim] = []
        waiting = False
        for new, place in zip(mails, placed, strict=True):
            if new.id not in added.ids:
                self._contents.displace([place])
                continue
            mine: list[Claim] = []
            if lease is not None and new.held is None and _due(new) <= lease.now:
                content = self._contents.stored(place.id, place.size, place.prefix)
                mine = first_claims(new, content, lease, added.suspended)
            claimed = sum(len(each.recipients) for each in mine)
            waiting = waiting or claimed < len(new.envelope.recipients)
            claims += mine
        if waiting:
            self._bells.ring()
        return claims

    async def _placed(self, mails: Iterable[NewMail]) -> list[Placed]:
        try:
            return await self._contents.place([mail.content for mail in mails])
        except (SpoolError, MessageGone, OSError) as error:
            raise QueueError(f"the content cannot be kept: {error}") from error

    def _rows(
        self, mails: Sequence[NewMail], placed: Sequence[Placed], lease: Lease | None
    ) -> list[MailRows]:
        take = self._database.numbers.take
        return [
            rows_of(mail, place, take(1 + len(mail.envelope.recipients)), lease)
            for mail, place in zip(mails, placed, strict=True)
        ]

    def enlist(self, connection: object, mails: Sequence[NewMail]) -> None:
        enlist(connection, _once(mails), self._database.dialect, self._database.numbers)

    # -- working --------------------------------------------------------------

    async def recover(self, owner: str) -> int:
        recovered: int = await self._commit(recover, owner)
        if recovered:
            self._bells.ring()
        return recovered

    async def claim(
        self,
        owner: str,
        now: datetime,
        limit: int,
        per_lane: int,
        without: Collection[Lane] = (),
    ) -> Sequence[Claim]:
        lease = self._lease(owner, to_microseconds(now))
        claiming = Claiming(
            lease=lease,
            limit=limit,
            per_lane=per_lane,
            without=frozenset(map(encode_lane, without)),
        )
        claimed = await self._commit(claim, claiming)
        return claims_of(claimed, lease, self._contents.stored)

    async def renew(self, claims: Sequence[Claim], until: datetime) -> Sequence[Claim]:
        end = to_microseconds(until)
        good = await self._commit(_renew, [Renewing(_holding(each), end) for each in claims])
        return [
            rest(each, ids)
            for each, ids in zip(claims, good, strict=True)
            if len(ids) < len(each.recipients)
        ]

    async def release(self, claims: Sequence[Claim]) -> None:
        await self._commit(_release, [_holding(each) for each in claims])
        self._bells.ring()

    async def settle(self, settlements: Sequence[Settlement]) -> Sequence[Claim]:
        then = [mail for each in settlements for mail in each.then]
        placed = await self._placed(then)
        try:
            rows = iter(self._rows(then, placed, None))
            entries = [
                self._settling(each, [next(rows) for _ in each.then]) for each in settlements
            ]
            good = await self._commit(self._settle, entries, size=_weight(placed))
        except (CancelledError, StoreClosed):
            raise
        except BaseException:
            self._contents.displace(placed)
            raise
        if not all(map(_leaves_nothing, settlements)):
            self._bells.ring()
        return [each.claim for each, is_good in zip(settlements, good, strict=True) if not is_good]

    def _settling(self, settlement: Settlement, then: Sequence[MailRows]) -> Settling:
        now = self._database.now()
        done = (number for number, what in settlement.each.items() if isinstance(what, Done))
        return Settling(
            claim=_holding(settlement.claim),
            done=frozenset(done),
            later={
                number: _later(what)
                for number, what in settlement.each.items()
                if not isinstance(what, Done)
            },
            then=then,
            now=now,
            forget=now + REMEMBERED,
        )

    # -- lanes and bells ------------------------------------------------------

    async def suspend(self, lane: Lane, until: datetime, reason: str) -> None:
        row = (encode_lane(lane), to_microseconds(until), reason)
        await self._commit(_suspend, (row, self._database.now()))
        self._bells.ring()

    async def next_due(self, now: datetime, without: Collection[Lane] = ()) -> datetime | None:
        lanes = frozenset(map(encode_lane, without))
        found: datetime | None = await self._read(lambda c: next_due(c, lanes))
        return found

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        unhang = self._bells.hang(ring)
        unwatch = self._database.watch_others(ring)

        def take_down() -> None:
            unhang()
            unwatch()

        return take_down

    # -- inspection -----------------------------------------------------------

    async def select(self, query: QueueQuery, cursor: str | None = None) -> Page:
        after = number_of(cursor)
        found = await self._read(lambda c: page(c, query, after))
        stored = self._contents.stored
        entries = tuple(entry_of(mail, rows, stored) for mail, rows in found[:PAGE])
        more = len(found) > PAGE
        return Page(entries, str(found[PAGE - 1][0].number) if more else None)

    async def change(self, query: QueueQuery, action: QueueAction) -> int:
        states = STATES_OF[type(action)]
        changed = after = 0
        while True:
            look = partial(matching, query=query, states=states, after=after, limit=LOOK)
            numbers = await self._read(look)
            if not numbers:
                return changed
            for start in range(0, len(numbers), CHUNK):
                changed += await self._change_some(numbers[start : start + CHUNK], action)
            after = numbers[-1]

    async def _change_some(self, numbers: Sequence[int], action: QueueAction) -> int:
        now = self._database.now()
        changing = Changing(numbers=numbers, action=action, now=now, forget=now + REMEMBERED)
        changed: int = await self._commit(self._change, changing)
        self._bells.ring()
        return changed

    async def statistics(self) -> QueueStatistics:
        now = self._database.now()
        messages, octets, by_state, lanes = await self._read(lambda c: count(c, now))
        return QueueStatistics(
            messages=messages,
            octets=octets,
            recipients=by_state,
            suspended=tuple(
                SuspendedLane(decode_lane(row.lane), from_microseconds(row.until), row.reason)
                for row in lanes
            ),
        )

    # -- the database ---------------------------------------------------------

    def _lease(self, owner: str, now: int) -> Lease:
        return Lease(owner, now, now + int(self.lease_seconds * _SECOND))

    async def _commit(self, batch: Any, entry: Any, *, size: int = 0) -> Any:
        return await _translated(self._database.write(batch, entry, size=size))

    async def _read(self, query: Callable[[Connection], T]) -> T:
        return await _translated(self._database.read(query))


async def _translated(waiting: Awaitable[T]) -> T:
    """Of a database's errors, those that say "nothing was kept", in the queue's words."""
    try:
        return await waiting
    except (SpoolError, SQLAlchemyError) as error:
        raise QueueError(f"the queue could not do it: {error}") from error


def _together(batch: Callable[[Connection, list[Any]], list[Any]]) -> Any:
    """A batch whose entries are sequences, each of them all or none."""

    def each(connection: Connection, entries: Sequence[Sequence[Any]]) -> list[list[Any]]:
        results = iter(batch(connection, [part for entry in entries for part in entry]))
        return [[next(results) for _ in entry] for entry in entries]

    return each


_renew = _together(renew)
_release = _together(release)


def _suspend(connection: Connection, entries: Sequence[tuple[tuple[str, int, str], int]]) -> Any:
    newest = {row[0]: row for row, _ in entries}
    insert_rows(
        through(connection),
        suspended,
        list(newest.values()),
        conflict="ON CONFLICT (lane) DO UPDATE SET until = excluded.until, "
        "reason = excluded.reason",
    )
    connection.execute(delete(suspended).where(suspended.c.until <= entries[-1][1]))
    return [None] * len(entries)


def _leaves_nothing(settlement: Settlement) -> bool:
    """Whether nobody of it waits for anything, and nobody for it."""
    claim, each = settlement.claim, settlement.each
    # Who was claimed before may be on trial; then others are claimed when that is over.
    return (
        claim.fence == 1
        and not settlement.then
        and len(each) == len(claim.recipients)
        and all(isinstance(what, Done) for what in each.values())
    )


def _holding(claim: Claim) -> Holding:
    return Holding(
        claim.queue_id, claim.fence, tuple(each.recipient.id for each in claim.recipients)
    )


def _later(what: Settled) -> Later:
    match what:
        case Deferred():
            due = to_microseconds(what.due)
            return Later(
                due=due,
                wake=due,
                lane=None if what.lane is None else encode_lane(what.lane),
                reply=encode_reply(what.reply),
                warned=what.warned,
                reason=None,
            )
        case Held(reason):
            return Later(due=None, wake=None, lane=None, reply=None, warned=False, reason=reason)
        case Done():
            raise AssertionError("done ones leave")


def _once(mails: Sequence[NewMail]) -> list[NewMail]:
    """Each id once."""
    first: dict[str, NewMail] = {}
    for mail in mails:
        first.setdefault(mail.id, mail)
    return list(first.values())


def _due(new: NewMail) -> int:
    return to_microseconds(new.arrived if new.due is None else new.due)


def _weight(placed: Iterable[Placed]) -> int:
    return sum(each.weight for each in placed)
