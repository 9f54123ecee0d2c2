"""
Changing the queue by predicate: a chunk of recipients a commit, each a few statements.

Readers find the chunk; the writer looks at each row's state again, since an owner may have
claimed it meanwhile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, case, delete, select, update

from pymta.database.contents import Contents
from pymta.database.rows import among, keys, through
from pymta.interfaces.content import UNROUTED
from pymta.interfaces.queue import (
    Bounce,
    Hold,
    QueueAction,
    Release,
    Remove,
    Reroute,
    RetryNow,
)
from pymta.queue.codec import encode_lane, encode_reply
from pymta.queue.sql_add import lower_heads
from pymta.queue.sql_rows import Head
from pymta.queue.sql_settle import remove
from pymta.queue.sql_tables import DUE, HELD, VERDICT_RANK, recipients, suspended

__all__ = ["CHUNK", "LOOK", "STATES_OF", "Changing", "change"]

CHUNK = 500
"""Recipients a commit: the writer is taken for some 10 ms."""

LOOK = 20_000
"""
Recipients a read.  No index gives those of a lane in the order of their numbers, so that each look
goes past all of them: 90,000 took 18 s with a look for each chunk.
"""

STATES_OF: dict[type, tuple[int, ...]] = {
    Hold: (DUE,),
    Release: (HELD,),
    RetryNow: (DUE,),
    Reroute: (DUE, HELD),
    Bounce: (DUE, HELD),
    Remove: (DUE, HELD),
}
"""Claimed ones stay with whoever works on them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Changing:
    """A chunk and what is to become of it."""

    numbers: Sequence[int]
    action: QueueAction
    now: int
    forget: int


_LOOK = select(recipients).where(
    among(recipients.c.number, "numbers"), among(recipients.c.state, "states")
)
_THESE = among(recipients.c.number, "numbers")
_EARLIER = case((recipients.c.due < bindparam("now"), recipients.c.due), else_=bindparam("now"))
_AT_ONCE = {"state": DUE, "due": _EARLIER, "wake": _EARLIER, "reason": None}
_UPDATE = update(recipients).where(_THESE)
_STATEMENTS = {
    Hold: _UPDATE.values(state=HELD, wake=None, reason=bindparam("new_reason")),
    Release: _UPDATE.values(strikes=0, **_AT_ONCE),
    RetryNow: _UPDATE.values(**_AT_ONCE),
    Reroute: _UPDATE.values(lane=bindparam("new_lane"), pinned=bindparam("new_pinned")),
    Bounce: _UPDATE.values(
        strikes=0, verdict=bindparam("new_verdict"), rank=VERDICT_RANK, **_AT_ONCE
    ),
}
_RESUME = delete(suspended).where(among(suspended.c.lane, "lanes"))


def change(contents: Contents, connection: Connection, entries: Sequence[Changing]) -> list[int]:
    """The batch of ``change``.  :returns: how many of each were changed."""
    return [_change(contents, connection, entry) for entry in entries]


def _change(contents: Contents, connection: Connection, entry: Changing) -> int:
    states = STATES_OF[type(entry.action)]
    asked = {"numbers": keys(entry.numbers), "states": keys(states)}
    rows = connection.execute(_LOOK, asked).all()
    if isinstance(entry.action, Remove):
        remove(contents, connection, rows, forget=entry.forget)
        return len(rows)
    bound = {"numbers": keys(row.number for row in rows), **_bound(entry)}
    connection.execute(_STATEMENTS[type(entry.action)], bound)
    if isinstance(entry.action, RetryNow):
        connection.execute(_RESUME, {"lanes": keys({row.lane for row in rows})})
    lower_heads(through(connection), _heads(rows, entry))
    return len(rows)


def _bound(entry: Changing) -> dict[str, Any]:
    match entry.action:
        case Hold(reason):
            return {"new_reason": reason}
        case Reroute(lane):
            return {"new_lane": encode_lane(lane), "new_pinned": int(lane != UNROUTED)}
        case Bounce(reply):
            return {"new_verdict": encode_reply(reply), "now": entry.now}
        case _:
            return {"now": entry.now}


def _heads(rows: Sequence[Any], entry: Changing) -> dict[Head, int]:
    """Who waits after it, and from when on."""
    lowest: dict[Head, int] = {}
    for row in rows:
        lane, rank, wake = row.lane, row.rank, min(row.due, entry.now)
        match entry.action:
            case Hold():
                continue
            case Reroute(new):
                if row.state == HELD:
                    continue
                lane, wake = encode_lane(new), row.due
            case Bounce():
                rank = VERDICT_RANK
        lowest[lane, rank] = min(wake, lowest.get((lane, rank), wake))
    return lowest
