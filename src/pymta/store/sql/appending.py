"""
Batches that add messages: append, and replace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from pymta.database import direct
from pymta.database.contents import Placed
from pymta.database.rows import among, insert_rows, keys
from pymta.errors import MessageGone
from pymta.mailbox import UID, Appended, MailboxName, ModSeq, UIDSet
from pymta.store._digest import Digest
from pymta.store._flags import Parted
from pymta.store._quota import check_size
from pymta.store.sql.expunging import drop, found
from pymta.store.sql.lookups import index_row, letter_index
from pymta.store.sql.place import Place
from pymta.store.sql.rows import Box, Store, keywords_text
from pymta.store.sql.tables import deliveries, letters, messages
from pymta.store.sql.work import Context, Work, check_room, count, each

__all__ = ["Added", "Append", "Incoming", "Replace", "append", "replace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Incoming:
    """
    A message to be added, read and placed.

    :param internal_date: microseconds; None is now.
    """

    placed: Placed
    digest: Digest
    flags: Parted
    internal_date: int | None
    delivery_id: str | None


@dataclass(frozen=True, slots=True)
class Append:
    """An entry of :func:`append`."""

    place: Place
    incoming: tuple[Incoming, ...]


@dataclass(frozen=True, slots=True)
class Replace:
    """An entry of :func:`replace`."""

    mailbox: int
    uid: UID
    destination: MailboxName
    incoming: Incoming


@dataclass(frozen=True, slots=True)
class Added:
    """
    What an entry did.

    :param mailbox: where; :param contents: ids of the contents that were referred to.
    """

    mailbox: int
    appended: Appended
    contents: frozenset[int]


_KNOWN = select(deliveries.c.delivery, deliveries.c.mailbox, deliveries.c.uid).where(
    among(deliveries.c.delivery, "ids")
)


def append(
    connection: Connection, entries: Sequence[Append], context: Context
) -> list[Added | Exception]:
    """Add the messages of every entry, or none of it: a few statements for all."""
    work = Work(connection, context)
    work.load(entry.place.number for entry in entries if entry.place.number is not None)
    adding = Adding(work, [m.delivery_id for entry in entries for m in entry.incoming])

    def one(entry: Append) -> Added:
        box, store = work.at(entry.place)
        new = adding.unknown(box, entry.incoming)
        if not new:
            uids = adding.put(box, store, entry.incoming, box.modseq)
            return Added(box.id, Appended(box.uid_validity, uids, box.modseq), frozenset())
        for m in new:
            check_size(m.placed.size, box.append_limit, m.delivery_id)
        check_room(box, store, sum(m.placed.size for m in new), len(new))
        modseq = store.step()
        uids = adding.put(box, store, entry.incoming, modseq)
        work.changed(box, store, modseq)
        contents = frozenset(m.placed.id for m in new)
        return Added(box.id, Appended(box.uid_validity, uids, modseq), contents)

    results = each(entries, one)
    adding.flush()
    work.flush()
    return results


def replace(
    connection: Connection, entries: Sequence[Replace], context: Context
) -> list[Added | Exception]:
    """Add one message and expunge another, for every entry."""
    work = Work(connection, context)
    adding = Adding(work, [entry.incoming.delivery_id for entry in entries])

    def one(entry: Replace) -> Added:
        box, store = work.living(entry.mailbox)
        target = work.named(store, entry.destination)
        old = found(work, box, UIDSet([entry.uid]))
        if not old:
            raise MessageGone(f"no message {entry.uid} in {box.name}")
        size = entry.incoming.placed.size
        check_size(size, target.append_limit, entry.incoming.delivery_id)
        store.quota.check(size - old[0].size, 0)
        target.quota.check(*((size - old[0].size, 0) if target is box else (size, 1)))
        new = adding.unknown(target, [entry.incoming])
        modseq = store.step()
        uids = adding.put(target, store, [entry.incoming], modseq)
        # Before the old one goes, so that it is found there.
        adding.flush()
        drop(work, box, old, modseq)
        work.changed(target, store, modseq)
        contents = frozenset(m.placed.id for m in new)
        return Added(target.id, Appended(target.uid_validity, uids, modseq), contents)

    results = each(entries, one)
    work.flush()
    return results


class Adding:
    """New rows of one batch.  :param ids: the delivery id of every message that may come."""

    def __init__(self, work: Work, ids: Sequence[str | None]) -> None:
        self._work = work
        self._known: dict[tuple[str | None, int], UID] = {}
        self._placed: list[Placed] = []
        self._letters: list[tuple[object, ...]] = []
        self._messages: list[tuple[object, ...]] = []
        self._deliveries: list[tuple[object, ...]] = []
        self._index: list[tuple[object, ...]] = []
        first = work.context.numbers.take(max(len(ids), 1))
        self._numbers = iter(range(first, first + len(ids)))
        given = {each for each in ids if each is not None}
        if given:
            for row in work.connection.execute(_KNOWN, {"ids": keys(given)}).all():
                self._known[row.delivery, row.mailbox] = UID(row.uid)

    def unknown(self, box: Box, incoming: Sequence[Incoming]) -> list[Incoming]:
        """Those that would be added: not delivered before, and not twice in one call."""
        seen: set[str | None] = set()
        new = []
        for message in incoming:
            if message.delivery_id in seen or (message.delivery_id, box.id) in self._known:
                continue
            new.append(message)
            if message.delivery_id is not None:
                seen.add(message.delivery_id)
        return new

    def put(
        self, box: Box, store: Store, incoming: Sequence[Incoming], modseq: ModSeq
    ) -> tuple[UID, ...]:
        """Give them UIDs; one that was delivered before keeps the one it has, or had."""
        uids = []
        for message in incoming:
            known = self._known.get((message.delivery_id, box.id))
            uids.append(self._put(box, store, message, modseq) if known is None else known)
        return tuple(uids)

    def _put(self, box: Box, store: Store, message: Incoming, modseq: ModSeq) -> UID:
        work, placed, digest = self._work, message.placed, message.digest
        uid, number = work.take_uid(box), next(self._numbers)
        flags = work.flags(box, message.flags)
        date = work.now if message.internal_date is None else message.internal_date
        self._placed.append(placed)
        self._letters.append(
            (
                number,
                placed.id,
                placed.prefix,
                placed.size,
                digest.envelope,
                digest.structure,
                1,
                digest.imap_envelope,
                digest.imap_structure,
                digest.preview,
            )
        )
        self._messages.append(
            (
                box.id,
                uid,
                modseq,
                modseq,
                flags.bits,
                keywords_text(flags),
                placed.size,
                date,
                work.now,
                number,
                int(digest.unended),
            )
        )
        self._index.append(index_row(number, digest.index))
        if message.delivery_id is not None:
            self._known[message.delivery_id, box.id] = uid
            self._deliveries.append((message.delivery_id, box.id, uid, work.now))
        count(box, store, flags=flags, size=placed.size, by=1)
        return uid

    def flush(self) -> None:
        """
        Write them.

        :raises SpoolError: a content has gone since it was placed: all entries are in doubt, and
            the writer repeats them one by one.
        """
        connection = self._work.connection
        for wrong in self._work.context.contents.link(connection, self._placed):
            if wrong is not None:
                raise wrong
        execute = direct.through(connection)
        insert_rows(execute, letters, self._letters)
        insert_rows(execute, messages, self._messages)
        insert_rows(execute, deliveries, self._deliveries)
        insert_rows(execute, letter_index, self._index)
        self._placed, self._letters, self._messages = [], [], []
        self._deliveries, self._index = [], []
