"""
Annotations of mailboxes, and of the server as an account sees it.

Those that were removed stay for a while, without their values, so that others are told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import BigInteger, Connection, bindparam, delete, insert, select

from pymta.database.rows import insert_rows, through
from pymta.errors import NoSuchMailbox
from pymta.interfaces.annotations import Depth
from pymta.mailbox import MailboxName, ModSeq
from pymta.store._annotations import (
    MAX_ENTRIES,
    SHARED,
    SPECIAL_USE,
    checked_values,
    meant,
    refused,
    room,
    uses_of,
    whose,
)
from pymta.store.sql.queries import BOX_NAMED
from pymta.store.sql.rows import Box, Store
from pymta.store.sql.tables import mailboxes, notes, stores
from pymta.store.sql.work import Context, Work, each

__all__ = ["Annotate", "Asked", "annotate", "annotated", "copy_notes", "read"]

SERVER = 0
"""What stands for the number of a mailbox in annotations of the server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    What is asked for.

    :param name: None is the server; :param owner: the account that the store is of; :param who:
        whose the private ones are.
    """

    store: int
    name: MailboxName | None
    owner: str
    who: str
    entries: tuple[tuple[str, Depth], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotate:
    """An entry of :func:`annotate`.  :param who: whose the private ones are."""

    store: int
    name: MailboxName | None
    who: str
    values: Mapping[str, bytes | None]


# -- looking -------------------------------------------------------------------

_SEEN = (notes.c.who == SHARED) | (notes.c.who == bindparam("me"))
_OF = (notes.c.store == bindparam("of")) & (notes.c.mailbox == bindparam("box"))
_VALUES = select(notes.c.entry, notes.c.value).where(_OF, _SEEN, notes.c.value.is_not(None))
_CHANGED = (
    select(mailboxes.c.name, notes.c.mailbox, notes.c.entry)
    .outerjoin(mailboxes, mailboxes.c.id == notes.c.mailbox)
    .where(notes.c.store == bindparam("of"), notes.c.modseq > bindparam("since"), _SEEN)
    .order_by(mailboxes.c.name)
)
_LIVING = select(stores.c.id).where(
    stores.c.id == bindparam("store"), stores.c.account.is_not(None)
)


def read(connection: Connection, asked: Asked, context: Context) -> dict[str, bytes]:
    """Values of entries that are asked for."""
    number, computed = SERVER, dict(context.about)
    if asked.name is not None:
        which = {"store": asked.store, "name": asked.name}
        row = connection.execute(BOX_NAMED, which).first()
        if row is None:
            raise NoSuchMailbox(f"no mailbox {asked.name}")
        number, computed = row.id, {}
        if row.special_use and asked.who == asked.owner:
            computed[SPECIAL_USE] = row.special_use.encode()
    elif connection.scalar(_LIVING, {"store": asked.store}) is None:
        raise NoSuchMailbox("the account was removed")
    rows = connection.execute(_VALUES, {"of": asked.store, "box": number, "me": asked.who}).all()
    found = {row.entry: bytes(row.value) for row in rows} | computed
    return {entry: found[entry] for entry in sorted(found) if meant(entry, asked.entries)}


def annotated(
    connection: Connection, store: int, since: ModSeq, who: str
) -> tuple[tuple[MailboxName | None, frozenset[str]], ...]:
    """Whose annotations changed after ``since``, and which."""
    which = {"of": store, "since": since, "me": who}
    found: dict[MailboxName | None, set[str]] = {}
    for row in connection.execute(_CHANGED, which).all():
        name = None if row.mailbox == SERVER else MailboxName(row.name)
        found.setdefault(name, set()).add(row.entry)
    return tuple((name, frozenset(entries)) for name, entries in found.items())


# -- changing ------------------------------------------------------------------

_BY_AGE = (
    select(notes.c.who, notes.c.entry, notes.c.value.is_not(None).label("there"))
    .where(_OF, _SEEN)
    .order_by(notes.c.modseq)
)
_DROP = delete(notes).where(
    _OF, notes.c.who == bindparam("whose"), notes.c.entry == bindparam("which")
)
_UPSERT = (
    "ON CONFLICT (store, mailbox, who, entry) "
    "DO UPDATE SET value = excluded.value, modseq = excluded.modseq"
)
_COPY = insert(notes).from_select(
    ["store", "mailbox", "who", "entry", "value", "modseq"],
    select(
        notes.c.store,
        bindparam("new", type_=BigInteger),
        notes.c.who,
        notes.c.entry,
        notes.c.value,
        notes.c.modseq,
    ).where(_OF),
)


def annotate(
    connection: Connection, entries: Sequence[Annotate], context: Context
) -> list[Exception | None]:
    """Set entries: those of a call all or none."""
    return each(entries, lambda entry: _annotate(Work(connection, context), entry))


def _annotate(work: Work, entry: Annotate) -> None:
    store = work.store(entry.store)
    checked = checked_values(entry.values)
    box = None
    uses = None
    if entry.name is None:
        # Shared ones of the server are its operator's.
        for each_ in checked:
            if whose(each_, entry.who) == SHARED:
                raise refused(each_)
    else:
        box = work.named(store, entry.name)
        if SPECIAL_USE in checked:
            if entry.who != store.account:
                raise refused(SPECIAL_USE)
            uses = uses_of(checked.pop(SPECIAL_USE))
    keeping = _Keeping(work, store, box, entry.who)
    fresh = {(whose(name, entry.who), name): value for name, value in checked.items()}
    keeping.check_room(fresh)
    if box is not None and uses is not None:
        box.special_use = " ".join(sorted(uses))
        work.changed(box, store, store.step())
        keeping.keep(fresh | {(entry.who, SPECIAL_USE): None}, told={SPECIAL_USE})
    else:
        store.step()
        work.store_changed(store)
        keeping.keep(fresh)
    work.flush()


class _Keeping:
    """Those of one mailbox, or of the server, that somebody sees."""

    def __init__(self, work: Work, store: Store, box: Box | None, who: str) -> None:
        self._work = work
        self._store = store
        self._which = {"of": store.id, "box": SERVER if box is None else box.id}
        rows = work.connection.execute(_BY_AGE, {**self._which, "me": who}).all()
        self._there = {(row.who, row.entry): bool(row.there) for row in rows}

    def check_room(self, fresh: Mapping[tuple[str, str], bytes | None]) -> None:
        """:raises TooManyAnnotations: they would be too many."""
        kept = [key for key, there in self._there.items() if there and key not in fresh]
        new = [key for key, value in fresh.items() if value is not None]
        if new:
            room(kept, new)

    def keep(
        self,
        fresh: Mapping[tuple[str, str], bytes | None],
        told: frozenset[str] | set[str] = frozenset(),
    ) -> None:
        """Write them.  :param told: what is remembered though it never had a row."""
        store, which = self._store, self._which
        rows = [
            (store.id, which["box"], who, entry, value, store.modseq)
            for (who, entry), value in fresh.items()
            if value is not None or entry in told or (who, entry) in self._there
        ]
        connection = self._work.connection
        insert_rows(through(connection), notes, rows, conflict=_UPSERT)
        removed = [key for key, there in self._there.items() if not there and key not in fresh]
        for who, entry in removed[:-MAX_ENTRIES]:
            connection.execute(_DROP, {**which, "whose": who, "which": entry})


def copy_notes(work: Work, box: Box, target: Box) -> None:
    """RENAME of INBOX copies them (:rfc:`5464#section-4.1`)."""
    assert box.store is not None
    which = {"of": box.store.id, "box": box.id, "new": target.id}
    work.connection.execute(_COPY, which)
