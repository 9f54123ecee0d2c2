"""
Settling, renewing and releasing: what a claim may still do, and what it leaves.

Mails that follow go in before the settled ones go out: a redirect refers to the same content.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, and_, bindparam, delete, exists, literal, select, true, update

from pymta.database.contents import Contents
from pymta.database.dialect import Forms
from pymta.database.rows import Packed, Removal, among, insert_rows, keys, pairs, through
from pymta.queue.sql_add import insert_mails, known_ids, lower_heads
from pymta.queue.sql_rows import Head, MailRows
from pymta.queue.sql_tables import CLAIMED, DUE, HELD, mails, recipients, settled

__all__ = ["Holding", "Later", "Renewing", "Settling", "release", "remove", "renew", "settle"]


@dataclass(frozen=True, slots=True)
class Holding:
    """A claim, or a part of one, as it is looked up."""

    queue_id: str
    fence: int
    recipients: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Renewing:
    """A claim and its new end."""

    claim: Holding
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """Due again, or held: new values of a recipient.  :param wake: None is held."""

    due: int | None
    wake: int | None
    lane: str | None
    reply: str | None
    warned: bool
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """
    What became of a claim.  Recipients that are in neither are released.

    :param forget: until when the id is remembered once its last recipient is gone.
    """

    claim: Holding
    done: frozenset[int]
    later: Mapping[int, Later]
    then: Sequence[MailRows]
    now: int
    forget: int


_OF_RECIPIENT = ("id", "number", "mail", "state", "fence", "lane", "rank", "due", "reply")


def _looked_up() -> Any:
    asked = pairs("claimed")
    same = and_(recipients.c.mail == mails.c.number, recipients.c.id == asked.c.second)
    return (
        select(
            mails.c.id.label("queue_id"),
            mails.c.priority,
            *(recipients.c[name] for name in _OF_RECIPIENT),
        )
        .select_from(asked)
        .join(mails, mails.c.id == asked.c.first)
        .join(recipients, same)
    )


def _looked_up_in_order() -> Any:
    asked = pairs("claimed")
    mail = select(mails).where(mails.c.id == asked.c.first).correlate(asked).offset(0).lateral()
    same = and_(recipients.c.mail == mail.c.number, recipients.c.id == asked.c.second)
    found = select(recipients).where(same).correlate(asked, mail).offset(0).lateral()
    return select(
        mail.c.id.label("queue_id"),
        mail.c.priority,
        *(found.c[name] for name in _OF_RECIPIENT),
    ).select_from(asked.join(mail, true()).join(found, true()))


_LOOK = Packed(Forms(_looked_up(), _looked_up_in_order()))
_THESE = among(recipients.c.number, "numbers")
_RENEW = update(recipients).where(_THESE).values(wake=bindparam("until"))
_WAITING = {"state": DUE, "owner": None, "wake": recipients.c.due}
_RELEASE = update(recipients).where(_THESE).values(strikes=recipients.c.strikes - 1, **_WAITING)
_UNTOUCHED = update(recipients).where(_THESE).values(strikes=0, **_WAITING)
_LATER = (
    update(recipients)
    .where(recipients.c.number == bindparam("this"))
    .values(
        state=bindparam("new_state"),
        due=bindparam("new_due"),
        wake=bindparam("new_wake"),
        lane=bindparam("new_lane"),
        rank=bindparam("new_rank"),
        reply=bindparam("new_reply"),
        reason=bindparam("new_reason"),
        warned=recipients.c.warned + bindparam("more_warned"),
        attempts=recipients.c.attempts + 1,
        strikes=0,
        owner=None,
        verdict=None,
    )
)
_REMOVE = delete(recipients).where(_THESE)
_LAST = Removal(
    mails,
    among(mails.c.number, "mails"),
    ~exists(select(literal(1)).where(recipients.c.mail == mails.c.number)),
    told=[mails.c.id, mails.c.content],
)
_FORGET = delete(settled).where(settled.c.expires <= bindparam("now"))


class _Look:
    """The recipients of several claims, as they are now; each may be used once."""

    def __init__(self, connection: Connection, claims: Iterable[Holding]) -> None:
        asked = {(claim.queue_id, number) for claim in claims for number in claim.recipients}
        found = _LOOK.all(connection, {"claimed": keys(asked)})
        self._rows: dict[tuple[str, int], Any] = {(row.queue_id, row.id): row for row in found}

    def take(self, claim: Holding) -> list[Any] | None:
        """Its rows; None if it is stale for any of them."""
        rows = self.ours(claim)
        if len(rows) < len(claim.recipients):
            return None
        self._use(claim, rows)
        return rows

    def take_ours(self, claim: Holding) -> list[Any]:
        """Those of its rows for which it is not stale."""
        rows = self.ours(claim)
        self._use(claim, rows)
        return rows

    def ours(self, claim: Holding) -> list[Any]:
        """The same, for a claim that goes on."""
        rows = [self._rows.get((claim.queue_id, number)) for number in claim.recipients]
        return [r for r in rows if r and r.state == CLAIMED and r.fence == claim.fence]

    def _use(self, claim: Holding, rows: Iterable[Any]) -> None:
        for row in rows:
            del self._rows[claim.queue_id, row.id]


def renew(connection: Connection, entries: Sequence[Renewing]) -> list[list[int]]:
    """The batch of ``renew``.  :returns: for each, the recipients for whom it was still good."""
    look = _Look(connection, (entry.claim for entry in entries))
    good = []
    until: dict[int, list[int]] = {}
    for entry in entries:
        rows = look.ours(entry.claim)
        good.append([row.id for row in rows])
        until.setdefault(entry.until, []).extend(row.number for row in rows)
    for end, numbers in until.items():
        connection.execute(_RENEW, {"numbers": keys(numbers), "until": end})
    return good


def release(connection: Connection, entries: Sequence[Holding]) -> list[None]:
    """The batch of ``release``."""
    look = _Look(connection, entries)
    rows = [row for entry in entries for row in look.take_ours(entry)]
    _wait(connection, _RELEASE, rows)
    return [None] * len(entries)


def _wait(connection: Connection, statement: Any, rows: Sequence[Any]) -> None:
    if rows:
        connection.execute(statement, {"numbers": keys(row.number for row in rows)})
        lower_heads(through(connection), _lowest((row.lane, row.rank, row.due) for row in rows))


def _lowest(waiting: Iterable[tuple[str, int, int]]) -> dict[Head, int]:
    lowest: dict[Head, int] = {}
    for lane, rank, wake in waiting:
        lowest[lane, rank] = min(wake, lowest.get((lane, rank), wake))
    return lowest


def settle(contents: Contents, connection: Connection, entries: Sequence[Settling]) -> list[bool]:
    """The batch of ``settle``.  :returns: for each, whether it was still good."""
    look = _Look(connection, (entry.claim for entry in entries))
    good = []
    done: list[Any] = []
    untouched: list[Any] = []
    later: list[tuple[Any, Later]] = []
    then: list[MailRows] = []
    for entry in entries:
        rows = look.take(entry.claim)
        good.append(rows is not None)
        if rows is None:
            continue
        then += entry.then
        for row in rows:
            if row.id in entry.done:
                done.append(row)
            elif row.id in entry.later:
                later.append((row, entry.later[row.id]))
            else:
                untouched.append(row)
    _follow(contents, connection, then)
    _postpone(connection, later)
    _wait(connection, _UNTOUCHED, untouched)
    if entries:
        remove(contents, connection, done, forget=entries[0].forget)
        connection.execute(_FORGET, {"now": entries[0].now})
    return good


def _follow(contents: Contents, connection: Connection, then: Sequence[MailRows]) -> None:
    if not then:
        return
    known = known_ids(connection, (mail.id for mail in then))
    new = {mail.id: mail for mail in then if mail.id not in known}
    insert_mails(contents, connection, list(new.values()))


def _postpone(connection: Connection, later: Sequence[tuple[Any, Later]]) -> None:
    if not later:
        return
    rows = [_later_row(row, what) for row, what in later]
    connection.execute(_LATER, rows)
    lower_heads(
        through(connection),
        _lowest(
            (row["new_lane"], row["new_rank"], row["new_wake"])
            for row in rows
            if row["new_wake"] is not None
        ),
    )


def _later_row(row: Any, what: Later) -> dict[str, Any]:
    return {
        "this": row.number,
        "new_state": HELD if what.wake is None else DUE,
        "new_due": row.due if what.due is None else what.due,
        "new_wake": what.wake,
        "new_lane": what.lane or row.lane,
        "new_rank": -row.priority,  # a verdict has been told
        "new_reply": row.reply if what.reply is None else what.reply,
        "new_reason": what.reason,
        "more_warned": int(what.warned),
    }


def remove(contents: Contents, connection: Connection, rows: Sequence[Any], *, forget: int) -> None:
    """Recipients leave; with the last one its mail, and what nobody else refers to."""
    if not rows:
        return
    connection.execute(_REMOVE, {"numbers": keys(row.number for row in rows)})
    gone = _LAST.run(connection, {"mails": keys({row.mail for row in rows})})
    insert_rows(
        through(connection),
        settled,
        [(row.id, forget) for row in gone],
        conflict="ON CONFLICT (id) DO NOTHING",
    )
    contents.unlink(connection, (row.content for row in gone))
