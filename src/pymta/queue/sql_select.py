"""
Looking at the queue: queries as SQL, parameters only.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, bindparam, func, literal, or_, select

from pymta.database.dialect import ends_in, later
from pymta.database.rows import among, keys
from pymta.database.times import from_microseconds, to_microseconds
from pymta.interfaces.queue import QueueQuery, QueueState
from pymta.queue.codec import encode_lane
from pymta.queue.keys import query_key
from pymta.queue.sql_arrivals import next_arrival
from pymta.queue.sql_rows import STATES
from pymta.queue.sql_tables import VERDICT_RANK, heads, mails, recipients, suspended

__all__ = ["PAGE", "Counts", "count", "matching", "next_due", "page"]

PAGE = 1_000

Counts = tuple[int, int, dict[QueueState, int], list[Any]]

_RECIPIENTS = (
    select(recipients).where(among(recipients.c.mail, "mails")).order_by(recipients.c.number)
)


def page(connection: Connection, query: QueueQuery, after: int) -> list[tuple[Any, list[Any]]]:
    """Mails with their recipients; one more than a page, if there are more."""
    found = _mails(connection, query, after)
    of_mail: dict[int, list[Any]] = {mail.number: [] for mail in found}
    for row in connection.execute(_RECIPIENTS, {"mails": keys(of_mail)}):
        of_mail[row.mail].append(row)
    return [(mail, of_mail[mail.number]) for mail in found]


def _mails(connection: Connection, query: QueueQuery, after: int) -> list[Any]:
    of_recipient = _of_recipient(query)
    statement = select(mails).where(mails.c.number > after, *_of_mail(query))
    if query.lane is not None:
        # By the index of lanes: where few of many are meant, not past all mails.
        statement = statement.where(
            mails.c.number.in_(select(recipients.c.mail).where(*of_recipient))
        )
    elif of_recipient:
        same = recipients.c.mail == mails.c.number
        statement = statement.where(select(literal(1)).where(same, *of_recipient).exists())
    return list(connection.execute(statement.order_by(mails.c.number).limit(PAGE + 1)).all())


def matching(
    connection: Connection,
    query: QueueQuery,
    states: Collection[int],
    *,
    after: int,
    limit: int,
) -> list[int]:
    """Numbers of recipients in one of these states, ascending."""
    statement = (
        select(recipients.c.number)
        .join(mails, mails.c.number == recipients.c.mail)
        .where(recipients.c.number > after, recipients.c.state.in_(states))
        .where(*_of_mail(query), *_of_recipient(query))
        .order_by(recipients.c.number)
        .limit(limit)
    )
    return list(connection.scalars(statement).all())


def _of_mail(query: QueueQuery) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if query.ids is not None:
        wanted.append(mails.c.id.in_(query.ids))
    if query.sender is not None:
        wanted.append(_is_key(mails.c.reverse_path, query_key(query.sender)))
    if query.arrived_before is not None:
        wanted.append(mails.c.arrived < to_microseconds(query.arrived_before))
    return wanted


def _of_recipient(query: QueueQuery) -> list[ColumnElement[bool]]:
    wanted: list[ColumnElement[bool]] = []
    if query.state is not None:
        wanted.append(recipients.c.state == _NUMBERS[query.state])
    if query.lane is not None:
        wanted.append(recipients.c.lane == encode_lane(query.lane))
    if query.recipient is not None:
        wanted.append(_is_key(recipients.c.address, query_key(query.recipient)))
    return wanted


def _is_key(column: ColumnElement[str], key: str) -> ColumnElement[bool]:
    if not key.startswith("@"):
        return column == key
    return ends_in(column, key)


_NUMBERS = {state: number for number, state in STATES.items()}


def count(connection: Connection, now: int) -> Counts:
    """Messages, their octets, recipients by state, and suspended lanes."""
    messages, octets = connection.execute(
        select(func.count(), func.coalesce(func.sum(mails.c.size), 0)).select_from(mails)
    ).one()
    by_state = connection.execute(
        select(recipients.c.state, func.count()).group_by(recipients.c.state)
    ).all()
    lanes = connection.execute(select(suspended).where(suspended.c.until > now)).all()
    counts = dict.fromkeys(QueueState, 0) | {STATES[state]: n for state, n in by_state}
    return messages, int(octets), counts, list(lanes)  # a sum may be a Decimal


_FREE = and_(suspended.c.lane.is_(None), ~among(heads.c.lane, "without"))
_NEXT_FREE = (
    select(heads.c.due)
    .select_from(heads.outerjoin(suspended, suspended.c.lane == heads.c.lane))
    .where(heads.c.rank == bindparam("rank"), or_(heads.c.rank == VERDICT_RANK, _FREE))
    .order_by(heads.c.due)
    .limit(1)
)
_LATER = later(heads.c.due, suspended.c.until)
_NEXT_SUSPENDED = (
    select(_LATER)
    .select_from(heads.join(suspended, suspended.c.lane == heads.c.lane))
    .where(heads.c.rank != VERDICT_RANK, ~among(heads.c.lane, "without"))
    .order_by(_LATER)
    .limit(1)
)
_RANKS = select(heads.c.rank).distinct()


def next_due(connection: Connection, without: Collection[str]) -> Any:
    """The earliest time at which ``claim`` may find somebody."""
    bound = {"without": keys(without)}
    times = [connection.scalar(_NEXT_SUSPENDED, bound), next_arrival(connection)]
    for rank in connection.scalars(_RANKS).all():
        times.append(connection.scalar(_NEXT_FREE, {**bound, "rank": rank}))
    found = [time for time in times if time is not None]
    return from_microseconds(min(found)) if found else None
