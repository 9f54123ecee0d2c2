"""
Looking at a mailbox: each function is one read transaction, in a thread of the database's.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, literal_column, select

from pymta.database import direct
from pymta.database.times import from_microseconds
from pymta.errors import MessageGone, NoSuchMailbox
from pymta.mailbox import UID, Changes, MailboxInfo, ModSeq, UIDSet
from pymta.store import _search
from pymta.store._flags import BIT_SEEN, FIRST_UNSEEN
from pymta.store.sql.queries import LIVING, read_uids
from pymta.store.sql.rows import flags_of, info_of
from pymta.store.sql.tables import (
    keywords,
    letters,
    mailboxes,
    messages,
    subscriptions,
    tombstones,
)

__all__ = [
    "Letter",
    "changes",
    "first_unseen",
    "info",
    "keywords_of",
    "letter",
    "living",
    "page",
    "sizes",
    "unended",
]


def living(connection: Connection, number: int) -> Row[Any]:
    """The row of a mailbox.  :raises NoSuchMailbox: it is gone."""
    row: Row[Any] | None = direct.first(connection, LIVING, {"mailbox": number})
    if row is None:
        raise NoSuchMailbox("the mailbox was deleted")
    return row


_SUBSCRIBED = (
    select(subscriptions.c.name)
    .join(mailboxes, mailboxes.c.store == subscriptions.c.store)
    .where(mailboxes.c.id == bindparam("mailbox"), mailboxes.c.name == subscriptions.c.name)
)


def info(connection: Connection, row: Row[Any]) -> MailboxInfo:
    """The row, and whether its name is subscribed."""
    return info_of(row, subscribed=direct.tuples(connection, _SUBSCRIBED, {"mailbox": row.id}))


_SPELLINGS = select(keywords.c.spelling).where(keywords.c.mailbox == bindparam("mailbox"))


def keywords_of(connection: Connection, row: Row[Any]) -> frozenset[str]:
    """All that were ever seen there."""
    found = direct.tuples(connection, _SPELLINGS, {"mailbox": row.id})
    return frozenset(spelling for (spelling,) in found)


_FIRST = (
    select(messages.c.uid, messages.c.flags)
    .where(messages.c.mailbox == bindparam("mailbox"))
    .order_by(messages.c.uid)
    .limit(FIRST_UNSEEN)
    .subquery()
)
_FIRST_UNSEEN = select(func.min(_FIRST.c.uid)).where(
    _FIRST.c.flags.bitwise_and(literal_column(str(BIT_SEEN))) == literal_column("0")
)


def first_unseen(connection: Connection, row: Row[Any]) -> UID | None:
    """The first message without ``\\Seen``, if it is among the first ones."""
    if not row.unseen:
        return None
    [(uid,)] = direct.tuples(connection, _FIRST_UNSEEN, {"mailbox": row.id})
    return None if uid is None else UID(uid)


# -- changes -------------------------------------------------------------------

_MOVED = (
    select(messages.c.uid, messages.c.modseq, messages.c.arrived)
    .where(messages.c.mailbox == bindparam("mailbox"), messages.c.modseq > bindparam("since"))
    .order_by(messages.c.modseq)
)
_GONE = select(tombstones.c.uid).where(
    tombstones.c.mailbox == bindparam("mailbox"), tombstones.c.modseq > bindparam("since")
)


def changes(connection: Connection, number: int, since: ModSeq, known: UIDSet | None) -> Changes:
    """What happened after ``since``."""
    row = living(connection, number)
    if since >= row.modseq:
        return Changes(arrived=UIDSet(), changed=(), vanished=UIDSet(), until=row.modseq)
    which = {"mailbox": number, "since": since}
    moved = direct.tuples(connection, _MOVED, which)
    return Changes(
        arrived=UIDSet(uid for uid, _, arrived in moved if arrived > since),
        changed=tuple(
            sorted((UID(uid), ModSeq(modseq)) for uid, modseq, old in moved if old <= since)
        ),
        vanished=_vanished(connection, row, since, known),
        until=ModSeq(row.modseq),
    )


def _vanished(connection: Connection, row: Row[Any], since: ModSeq, known: UIDSet | None) -> UIDSet:
    if since >= row.forgotten:
        which = {"mailbox": row.id, "since": since}
        gone = UIDSet(uid for (uid,) in direct.tuples(connection, _GONE, which))
        return gone if known is None else gone & known
    # RFC 7162 section 3.2.6: whatever of the known ones is not there.
    if known is None:
        known = UIDSet.of_ranges([(1, row.uid_next - 1)])
    return known - read_uids(connection, row.id)


# -- messages ------------------------------------------------------------------

_SIZES = select(
    func.json_group_array(messages.c.uid), func.json_group_array(messages.c.size)
).where(messages.c.mailbox == bindparam("mailbox"))


def sizes(connection: Connection, number: int) -> Sequence[tuple[UID, int]]:
    """UID and size of every message."""
    living(connection, number)
    uids, octets = connection.execute(_SIZES, {"mailbox": number}).one()
    return sorted(zip(json.loads(uids), json.loads(octets), strict=True))


_UNENDED = select(messages.c.uid).where(
    messages.c.mailbox == bindparam("mailbox"), messages.c.unended == literal_column("1")
)


def unended(connection: Connection, number: int) -> Sequence[UID]:
    """Messages whose last line lacks its CRLF."""
    living(connection, number)
    return connection.scalars(_UNENDED, {"mailbox": number}).all()


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """Where the octets of a message are.  :param size: with the prefix."""

    content: int
    prefix: bytes
    size: int
    structure: bytes


_LETTER_COLUMNS = (letters.c.content, letters.c.prefix, letters.c.size, letters.c.structure)
_LETTER = (
    select(*_LETTER_COLUMNS)
    .join(messages, messages.c.letter == letters.c.id)
    .where(messages.c.mailbox == bindparam("mailbox"), messages.c.uid == bindparam("uid"))
)
_BURIED = (
    select(*_LETTER_COLUMNS)
    .join(tombstones, tombstones.c.letter == letters.c.id)
    .where(
        tombstones.c.mailbox == bindparam("mailbox"),
        tombstones.c.uid == bindparam("uid"),
        tombstones.c.since >= bindparam("since"),
    )
)


def letter(connection: Connection, number: int, uid: UID, since: int) -> Letter:
    """
    Of a message that is there, or was expunged after ``since``.

    :raises MessageGone: neither.
    """
    living(connection, number)
    which: dict[str, object] = {"mailbox": number, "uid": uid}
    row = direct.first(connection, _LETTER, which)
    if row is None:
        row = connection.execute(_BURIED, {**which, "since": since}).first()
    if row is None:
        raise MessageGone(f"no message {uid}")
    return Letter(content=row.content, prefix=row.prefix, size=row.size, structure=row.structure)


# -- searching -----------------------------------------------------------------

PAGE = 1000

_PAGE = (
    select(
        messages.c.uid,
        messages.c.flags,
        messages.c.keywords,
        messages.c.modseq,
        messages.c.size,
        messages.c.internal_date,
        messages.c.save_date,
    )
    .where(
        messages.c.mailbox == bindparam("mailbox"),
        messages.c.uid.between(bindparam("first"), bindparam("last")),
    )
    .order_by(messages.c.uid)
    .limit(PAGE)
)


def page(connection: Connection, number: int, first: int, last: int) -> list[_search.Row]:
    """At most :data:`PAGE` rows, from a UID on."""
    living(connection, number)
    which = {"mailbox": number, "first": first, "last": last}
    return [
        _search.Row(
            UID(uid),
            flags_of(flags, keywords),
            ModSeq(modseq),
            size,
            from_microseconds(internal_date),
            from_microseconds(save_date),
        )
        for uid, flags, keywords, modseq, size, internal_date, save_date in connection.execute(
            _PAGE, which
        )
    ]
