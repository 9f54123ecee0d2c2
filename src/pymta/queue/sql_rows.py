"""
Mails as rows, and rows as claims and entries.

Made on the reactor's side, so that the writer's thread, which competes for the interpreter lock,
only hands tuples to SQLite.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pymta.database.contents import Placed
from pymta.database.times import from_microseconds, to_microseconds
from pymta.envelope import Recipient
from pymta.errors import QueueError
from pymta.interfaces.content import UNROUTED, IContent, Lane, NewMail, QueueID
from pymta.interfaces.queue import Claim, Claimed, QueuedRecipient, QueueEntry, QueueState
from pymta.queue.codec import (
    decode_lane,
    decode_origin,
    decode_recipient,
    decode_reply,
    decode_sender,
    encode_lane,
    encode_origin,
    encode_recipient,
    encode_sender,
)
from pymta.queue.keys import address_key
from pymta.queue.sql_tables import CLAIMED, DUE, HELD

__all__ = [
    "Head",
    "Lease",
    "MailRows",
    "claims_of",
    "entry_of",
    "first_claims",
    "rows_of",
    "unclaimed",
]

Head: TypeAlias = tuple[str, int]
"""A lane and a rank."""

STATES = {DUE: QueueState.DUE, CLAIMED: QueueState.CLAIMED, HELD: QueueState.HELD}

# Positions in a row of recipients, for those that a suspended lane takes back.
_LANE, _STATE, _DUE, _WAKE, _STRIKES, _FENCE, _OWNER = 5, 7, 8, 9, 11, 13, 14


@dataclass(frozen=True, slots=True)
class Lease:
    """Whose claim, from when until when, in microseconds."""

    owner: str
    now: int
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MailRows:
    """One mail, ready to be inserted.  :param claimed: lanes with recipients claimed at once."""

    id: str
    placed: Placed
    mail: tuple[Any, ...]
    recipients: Sequence[tuple[Any, ...]]
    heads: Mapping[Head, int]
    claimed: frozenset[str]


def rows_of(new: NewMail, placed: Placed, number: int, lease: Lease | None = None) -> MailRows:
    """
    The rows of a mail.

    :param number: of its row, and those that follow for its recipients.
    :param lease: for those who claim at once what is due and routed.
    :raises pymta.errors.QueueError: a lane that cannot be kept.
    """
    arrived = to_microseconds(new.arrived)
    due = arrived if new.due is None else to_microseconds(new.due)
    at_once = lease if lease and new.held is None and due <= lease.now else None
    heads: dict[Head, int] = {}
    claimed = set()
    rows = []
    for index, recipient in enumerate(new.envelope.recipients, number + 1):
        lane, is_routed = _lane(new, recipient)
        mine = at_once if is_routed else None
        row = _recipient_row(new, recipient, lane, due, mine)
        rows.append((index, number, *row))
        wake = row[_WAKE - 2]
        if wake is not None:
            head = (lane, -new.priority)
            heads[head] = min(wake, heads.get(head, wake))
        if mine:
            claimed.add(lane)
    mail = _mail_row(new, placed, arrived)
    return MailRows(
        id=new.id,
        placed=placed,
        mail=(number, *mail),
        recipients=rows,
        heads=heads,
        claimed=frozenset(claimed),
    )


def _lane(new: NewMail, recipient: Recipient) -> tuple[str, bool]:
    lane = new.lanes.get(recipient.id, UNROUTED)
    try:
        return encode_lane(lane), lane != UNROUTED
    except ValueError as error:
        raise QueueError(str(error)) from error


def _mail_row(new: NewMail, placed: Placed, arrived: int) -> tuple[Any, ...]:
    sender = new.envelope.sender
    return (
        new.id,
        placed.id,
        placed.prefix,
        placed.size,
        encode_sender(sender),
        encode_origin(new.origin),
        address_key(sender.reverse_path),
        arrived,
        int(new.bounceable),
        new.priority,
    )


def _recipient_row(
    new: NewMail, recipient: Recipient, lane: str, due: int, lease: Lease | None
) -> tuple[Any, ...]:
    if new.held is not None:
        state, wake = HELD, None
    else:
        state, wake = (DUE, due) if lease is None else (CLAIMED, lease.until)
    begun = 0 if lease is None else 1
    return (
        recipient.id,
        encode_recipient(recipient),
        address_key(recipient.address),
        lane,
        -new.priority,
        state,
        due,
        wake,
        0,
        begun,
        0,
        begun,
        None if lease is None else lease.owner,
        None,
        None,
        new.held,
        0,
    )


def unclaimed(rows: Iterable[tuple[Any, ...]], lanes: frozenset[str]) -> list[tuple[Any, ...]]:
    """Rows of recipients, those of these lanes due instead of claimed."""
    return [_unclaimed(row) if row[_LANE] in lanes else row for row in rows]


def _unclaimed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    if row[_STATE] != CLAIMED:
        return row
    values = list(row)
    values[_STATE], values[_WAKE], values[_OWNER] = DUE, row[_DUE], None
    values[_STRIKES] = values[_FENCE] = 0
    return tuple(values)


# -- claims -------------------------------------------------------------------


def first_claims(
    new: NewMail, content: IContent, lease: Lease, without: frozenset[str]
) -> list[Claim]:
    """What an ``add`` with an owner claims of a new mail."""
    lanes: dict[Lane, list[Claimed]] = {}
    for recipient in new.envelope.recipients:
        lane = new.lanes.get(recipient.id, UNROUTED)
        if lane != UNROUTED and encode_lane(lane) not in without:
            lanes.setdefault(lane, []).append(Claimed(recipient=recipient))
    return [
        Claim(
            queue_id=new.id,
            lane=lane,
            fence=1,
            owner=lease.owner,
            until=from_microseconds(lease.until),
            recipients=tuple(claimed),
            sender=new.envelope.sender,
            content=content,
            origin=new.origin,
            arrived=new.arrived,
            bounceable=new.bounceable,
            priority=new.priority,
        )
        for lane, claimed in lanes.items()
    ]


@dataclass(frozen=True, slots=True)
class ClaimedRows:
    """Recipients of one mail in one lane, joined with the mail; and their new fence."""

    rows: Sequence[Any]
    fence: int


def claims_of(claimed: Iterable[ClaimedRows], lease: Lease, open_: Any) -> list[Claim]:
    """:param open_: makes a handle of (content, size, prefix)."""
    return [_claim_of(each, lease, open_) for each in claimed]


def _claim_of(claimed: ClaimedRows, lease: Lease, open_: Any) -> Claim:
    first = claimed.rows[0]
    return Claim(
        queue_id=QueueID(first.queue_id),
        lane=decode_lane(first.lane),
        fence=claimed.fence,
        owner=lease.owner,
        until=from_microseconds(lease.until),
        recipients=tuple(map(_claimed, claimed.rows)),
        sender=decode_sender(first.sender),
        content=open_(first.content, first.size, first.prefix),
        origin=decode_origin(first.origin),
        arrived=from_microseconds(first.arrived),
        bounceable=bool(first.bounceable),
        priority=first.priority,
    )


def _claimed(row: Any) -> Claimed:
    return Claimed(
        recipient=decode_recipient(row.id, row.recipient),
        attempts=row.attempts,
        warned=bool(row.warned),
        verdict=None if row.verdict is None else decode_reply(row.verdict),
        pinned=bool(row.pinned),
    )


# -- inspection ---------------------------------------------------------------


def entry_of(mail: Any, rows: Iterable[Any], open_: Any) -> QueueEntry:
    """A message with all its recipients."""
    return QueueEntry(
        id=QueueID(mail.id),
        sender=decode_sender(mail.sender),
        content=open_(mail.content, mail.size, mail.prefix),
        origin=decode_origin(mail.origin),
        arrived=from_microseconds(mail.arrived),
        recipients=tuple(map(_queued, rows)),
        bounceable=bool(mail.bounceable),
        priority=mail.priority,
    )


def _queued(row: Any) -> QueuedRecipient:
    return QueuedRecipient(
        recipient=decode_recipient(row.id, row.recipient),
        lane=decode_lane(row.lane),
        state=STATES[row.state],
        due=from_microseconds(row.due),
        attempts=row.attempts,
        reply=None if row.reply is None else decode_reply(row.reply),
        reason=row.reason,
        owner=row.owner,
        until=from_microseconds(row.wake) if row.state == CLAIMED else None,
    )
