"""
Claiming: lane heads first, then a few recipients of each, all by index.

What is asked of the database grows with what is claimed, not with what waits: a lane of a million
recipients costs as much as one of ten, and a suspended one costs nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from sqlalchemy import (
    Connection,
    TableValuedAlias,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
)

from pymta.database.dialect import Forms, each
from pymta.database.rows import among, keys, through
from pymta.queue.sql_add import lower_heads
from pymta.queue.sql_arrivals import take_in
from pymta.queue.sql_rows import ClaimedRows, Head, Lease
from pymta.queue.sql_tables import (
    CLAIMED,
    DUE,
    HELD,
    TRIAL_RANK,
    VERDICT_RANK,
    heads,
    mails,
    recipients,
    suspended,
)
from pymta.queue.strikes import MOST_STRIKES, STRUCK_OUT

__all__ = ["Claiming", "claim", "recover"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claiming:
    """What one ``claim`` asks for."""

    lease: Lease
    limit: int
    per_lane: int
    without: frozenset[str]


def _ranks() -> Any:
    """The ranks there are, ascending: one seek each, whatever the number of lanes."""
    first = select(func.min(heads.c.rank).label("rank")).cte("ranks", recursive=True)
    following = select(func.min(heads.c.rank)).where(heads.c.rank > first.c.rank).scalar_subquery()
    ranks = first.union_all(select(following).where(first.c.rank.is_not(None)))
    return select(ranks.c.rank).where(ranks.c.rank.is_not(None))


_RANKS = _ranks()

_OPEN = or_(
    heads.c.rank == VERDICT_RANK,
    and_(
        or_(suspended.c.lane.is_(None), suspended.c.until <= bindparam("now")),
        ~among(heads.c.lane, "without"),
    ),
)
_LANES = (
    select(heads.c.lane)
    .select_from(heads.outerjoin(suspended, suspended.c.lane == heads.c.lane))
    .where(heads.c.rank == bindparam("rank"), heads.c.due <= bindparam("now"), _OPEN)
    .order_by(heads.c.due)
    .limit(bindparam("limit"))
)


_OF_MAIL = [c.name for c in mails.c if c.name not in ("id", "number", "reverse_path")]


def _first(lanes: TableValuedAlias, *columns: str) -> Any:
    """Of each of these lanes those that are due first."""
    first = recipients.alias("first")
    return (
        select(*(first.c[name] for name in columns))
        .where(
            first.c.lane == lanes.c.value,
            first.c.rank == bindparam("rank"),
            first.c.wake <= bindparam("now"),
        )
        .order_by(first.c.wake, first.c.number)
        .limit(bindparam("per_lane"))
        .correlate(lanes)
    )


def _chosen() -> Any:
    lanes = each("lanes", "lanes")
    mine = recipients.c.number.in_(_first(lanes, "number"))
    return select(
        recipients, mails.c.id.label("queue_id"), *(mails.c[name] for name in _OF_MAIL)
    ).select_from(lanes.join(recipients, mine).join(mails, mails.c.number == recipients.c.mail))


def _chosen_in_order() -> Any:
    lanes = each("lanes", "lanes")
    mine = _first(lanes, *recipients.c.keys()).lateral("mine")
    its = select(mails).where(mails.c.number == mine.c.mail).correlate(mine).offset(0)
    mail = its.lateral("mail")
    return select(
        mine, mail.c.id.label("queue_id"), *(mail.c[name] for name in _OF_MAIL)
    ).select_from(lanes.join(mine, true()).join(mail, true()))


_CHOSEN = Forms(_chosen(), _chosen_in_order())

_THESE = among(recipients.c.number, "numbers")
_CLAIM = (
    update(recipients)
    .where(_THESE)
    .values(
        state=CLAIMED,
        owner=bindparam("new_owner"),
        wake=bindparam("new_until"),
        fence=bindparam("new_fence"),
        strikes=recipients.c.strikes + 1,
    )
)
_STRIKE_OUT = (
    update(recipients).where(_THESE).values(state=HELD, owner=None, wake=None, reason=STRUCK_OUT)
)

_SUSPECT = (
    update(recipients)
    .where(_THESE)
    .values(state=DUE, owner=None, wake=recipients.c.due, rank=TRIAL_RANK)
)
_ON_TRIAL = select(
    exists(
        select(literal(1))
        .select_from(heads)
        .join(
            recipients, and_(recipients.c.lane == heads.c.lane, recipients.c.rank == heads.c.rank)
        )
        .where(
            heads.c.rank == TRIAL_RANK,
            recipients.c.state == CLAIMED,
            recipients.c.wake > bindparam("now"),
        )
    )
)

_SAME_HEAD = and_(
    recipients.c.lane == heads.c.lane,
    recipients.c.rank == heads.c.rank,
    recipients.c.wake.is_not(None),
)
_THESE_HEADS = and_(heads.c.rank == bindparam("this_rank"), among(heads.c.lane, "lanes"))
# OFFSET: PostgreSQL would join instead, and may read all of a lane to find that it has somebody.
_BEHEAD = delete(heads).where(_THESE_HEADS, ~exists(select(literal(1)).where(_SAME_HEAD).offset(0)))
_CORRECT = (
    update(heads)
    .where(_THESE_HEADS)
    .values(due=select(func.min(recipients.c.wake)).where(_SAME_HEAD).scalar_subquery())
)

_RECOVER = (
    update(recipients)
    .where(recipients.c.owner == bindparam("whose"))
    .values(state=DUE, owner=None, wake=recipients.c.due)
    .returning(recipients.c.lane, recipients.c.rank, recipients.c.due)
)


def claim(connection: Connection, entries: Sequence[Claiming]) -> list[list[ClaimedRows]]:
    """The batch of ``claim``."""
    take_in(connection)
    return [_Claimer(connection, entry).claim() for entry in entries]


class _Claimer:
    """One ``claim``, rank by rank."""

    def __init__(self, connection: Connection, entry: Claiming) -> None:
        self._connection = connection
        self._entry = entry
        self._left = entry.limit
        self._lanes: Counter[str] = Counter()
        self._claimed: list[ClaimedRows] = []
        self._per_lane = 1.0  # what the lanes looked at last had, on average

    def claim(self) -> list[ClaimedRows]:
        ranks = self._connection.scalars(_RANKS).all()
        for rank in [*(rank for rank in ranks if rank != TRIAL_RANK), TRIAL_RANK]:
            seen: set[str] = set()
            self._per_lane = 1.0
            claims = self._try if rank == TRIAL_RANK else self._slice
            while self._left > 0 and claims(rank, seen):
                pass
        return self._claimed

    def _slice(self, rank: int, seen: set[str]) -> bool:
        """
        As many lanes as will give what is wanted, if they are like those before.

        :param seen: lanes that had their turn in this rank.
        :returns: whether there may be more: some heads were too early, somebody was held, or is
            to be tried alone.
        """
        lanes = self._open_lanes(rank, seen)
        if not lanes:
            return False
        rows = self._due(rank, lanes)
        if self._strike_out(rows) or (rank != VERDICT_RANK and self._suspect(rows)):
            return True
        self._take(rows[: self._left] if rank == VERDICT_RANK else self._allowed(rows))
        self._correct(rank, lanes)
        seen.update(lanes)
        return True

    def _try(self, rank: int, seen: set[str]) -> bool:
        """One of those on their last chance, if no other is at work."""
        if self._connection.scalar(_ON_TRIAL, {"now": self._entry.lease.now}):
            return False
        lanes = self._open_lanes(rank, seen)[:1]
        if not lanes:
            return False
        rows = self._due(rank, lanes)
        if self._strike_out(rows):
            return True
        self._take(rows[:1])
        self._correct(rank, lanes)
        seen.update(lanes)
        return not rows

    def _strike_out(self, rows: Iterable[Any]) -> bool:
        struck = [row.number for row in rows if row.strikes >= MOST_STRIKES]
        if struck:
            self._connection.execute(_STRIKE_OUT, {"numbers": keys(struck)})
        return bool(struck)

    def _suspect(self, rows: Iterable[Any]) -> bool:
        suspects = [row for row in rows if row.strikes == MOST_STRIKES - 1]
        if suspects:
            self._connection.execute(_SUSPECT, {"numbers": keys(row.number for row in suspects)})
            lowest: dict[Head, int] = {}
            for row in suspects:
                head = (row.lane, TRIAL_RANK)
                lowest[head] = min(row.due, lowest.get(head, row.due))
            lower_heads(through(self._connection), lowest)
        return bool(suspects)

    def _open_lanes(self, rank: int, seen: Collection[str]) -> Sequence[str]:
        full = (lane for lane, count in self._lanes.items() if count >= self._entry.per_lane)
        asked = {
            "rank": rank,
            "now": self._entry.lease.now,
            "limit": ceil(self._left / self._per_lane),
            "without": keys({*self._entry.without, *seen, *full}),
        }
        return self._connection.scalars(_LANES, asked).all()

    def _due(self, rank: int, lanes: Sequence[str]) -> Sequence[Any]:
        asked = {
            "rank": rank,
            "now": self._entry.lease.now,
            # An answer that somebody has decided needs no place in its lane.
            "per_lane": min(
                self._left, self._left if rank == VERDICT_RANK else self._entry.per_lane
            ),
            "lanes": keys(lanes),
        }
        rows = self._connection.execute(_CHOSEN.of(self._connection), asked).all()
        self._per_lane = max(1.0, len(rows) / len(lanes))
        place = {lane: n for n, lane in enumerate(lanes)}
        return sorted(rows, key=lambda row: (place[row.lane], row.wake, row.number))

    def _allowed(self, rows: Iterable[Any]) -> list[Any]:
        """Those for whom their lane has room after what more urgent ones took."""
        allowed: list[Any] = []
        for row in rows:
            if len(allowed) < self._left and self._lanes[row.lane] < self._entry.per_lane:
                self._lanes[row.lane] += 1
                allowed.append(row)
        return allowed

    def _take(self, rows: Sequence[Any]) -> None:
        together: dict[tuple[int, str], list[Any]] = {}
        for row in rows:
            together.setdefault((row.mail, row.lane), []).append(row)
        fences: dict[int, list[int]] = {}
        for mine in together.values():
            fence = max(row.fence for row in mine) + 1
            fences.setdefault(fence, []).extend(row.number for row in mine)
            self._claimed.append(ClaimedRows(mine, fence))
        lease = self._entry.lease
        for fence, numbers in fences.items():
            self._connection.execute(
                _CLAIM,
                {
                    "numbers": keys(numbers),
                    "new_owner": lease.owner,
                    "new_until": lease.until,
                    "new_fence": fence,
                },
            )
        self._left -= len(rows)

    def _correct(self, rank: int, lanes: Sequence[str]) -> None:
        """Heads say again who is first, or go."""
        these = {"this_rank": rank, "lanes": keys(lanes)}
        self._connection.execute(_BEHEAD, these)
        self._connection.execute(_CORRECT, these)


def recover(connection: Connection, owners: Sequence[str]) -> list[int]:
    """The batch of ``recover``."""
    return [_recover(connection, owner) for owner in owners]


def _recover(connection: Connection, owner: str) -> int:
    rows = connection.execute(_RECOVER, {"whose": owner}).all()
    lowest: dict[Head, int] = {}
    for row in rows:
        head = (row.lane, row.rank)
        lowest[head] = min(row.due, lowest.get(head, row.due))
    lower_heads(through(connection), lowest)
    return len(rows)
