"""
One batch of changes within a transaction: rows are loaded once, changed in memory, and written
back together.

Whatever may refuse an entry comes before its first change, so that one which fails leaves nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, select, update

from pymta.database import direct
from pymta.database.contents import Contents
from pymta.database.numbers import Numbers
from pymta.database.rows import among, insert_rows, keys, through
from pymta.errors import NoSuchMailbox, PymtaError
from pymta.mailbox import UID, MailboxName, ModSeq
from pymta.store._flags import BIT_DELETED, BIT_SEEN, Flags, Keywords, Parted, spelled
from pymta.store.sql.place import Place
from pymta.store.sql.queries import BOX_NAMED, BOXES, STORES
from pymta.store.sql.rows import Box, Store, box_of, store_of
from pymta.store.sql.tables import keywords, letters, mailboxes, state, stores

__all__ = ["Context", "Work", "check_room", "count", "each"]

Entry = TypeVar("Entry")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """
    What batches need of their store.

    :param now: microseconds since 1970.
    :param tombstones: how many a mailbox keeps at least.
    :param furnished: what a new account has beside its inbox: names, and what they are for.
    :param about: shared annotations of the server.
    """

    contents: Contents
    numbers: Numbers
    now: Callable[[], int]
    tombstones: int
    furnished: Mapping[MailboxName, frozenset[str]] = field(default_factory=dict)
    about: Mapping[str, bytes] = field(default_factory=dict)


_UPSERT_BOX = "ON CONFLICT (id) DO UPDATE SET " + ", ".join(
    f"{c.name} = excluded.{c.name}" for c in mailboxes.columns if c.name != "id"
)
_UPSERT_STORE = "ON CONFLICT (id) DO UPDATE SET " + ", ".join(
    f"{c.name} = excluded.{c.name}" for c in stores.columns if c.name != "id"
)
_CHANGED = update(state).values(changed=state.c.changed + 1).returning(state.c.changed)
_KEYWORDS = select(keywords.c.folded, keywords.c.spelling).where(
    keywords.c.mailbox == bindparam("mailbox")
)
_REFER = (
    update(letters).where(among(letters.c.id, "ids")).values(refs=letters.c.refs + bindparam("by"))
)


class Work:
    """:meth:`flush` at the end."""

    def __init__(self, connection: Connection, context: Context) -> None:
        self.connection = connection
        self.context = context
        self.now = context.now()
        self._boxes: dict[int, Box] = {}
        self._stores: dict[int, Store] = {}
        self._dirty: dict[int, Box] = {}
        self._dirty_stores: dict[int, Store] = {}

    # -- loading ---------------------------------------------------------------

    def load(self, ids: Iterable[int]) -> None:
        """Have these mailboxes ready; those that are gone are not there."""
        wanted = {each for each in ids if each not in self._boxes}
        if wanted:
            self._take(direct.rows(self.connection, BOXES, {"ids": keys(wanted)}))

    def box(self, number: int) -> Box:
        """:raises NoSuchMailbox: it is gone."""
        self.load([number])
        box = self._boxes.get(number)
        if box is None or box.store is None:
            raise NoSuchMailbox("the mailbox was deleted")
        return box

    def living(self, number: int) -> tuple[Box, Store]:
        """The mailbox and its account.  :raises NoSuchMailbox: it is gone."""
        box = self.box(number)
        assert box.store is not None
        return box, box.store

    def at(self, place: Place) -> tuple[Box, Store]:
        """The same of one that nobody may have looked for.  :raises NoSuchMailbox: not there."""
        if place.number is not None:
            return self.living(place.number)
        store = self.store(place.store)
        return self.named(store, place.name), store

    def named(self, store: Store, name: MailboxName) -> Box:
        """:raises NoSuchMailbox: none of that name."""
        row = direct.first(self.connection, BOX_NAMED, {"store": store.id, "name": name})
        if row is None:
            raise NoSuchMailbox(f"no mailbox {name}")
        self._take([row])
        return self._boxes[row.id]

    def store(self, number: int) -> Store:
        """:raises NoSuchMailbox: the account was removed."""
        if number not in self._stores:
            self._load_stores([number])
        if number not in self._stores:
            raise NoSuchMailbox("the account was removed")
        return self._stores[number]

    def _take(self, rows: Sequence[Any]) -> None:
        self._load_stores({row.store for row in rows} - self._stores.keys())
        for row in rows:
            if row.id not in self._boxes:
                self._boxes[row.id] = box_of(row, self._stores[row.store])

    def _load_stores(self, ids: Iterable[int]) -> None:
        for row in direct.rows(self.connection, STORES, {"ids": keys(ids)}):
            self._stores[row.id] = store_of(row)

    # -- changing --------------------------------------------------------------

    def add(self, box: Box) -> None:
        """A new one."""
        self._boxes[box.id] = box

    def changed(self, box: Box, store: Store, modseq: ModSeq) -> None:
        """It moved, to this modseq."""
        box.modseq = modseq
        self.dirty(box)
        self.store_changed(store)

    def dirty(self, box: Box) -> None:
        """Write it back; it did not move."""
        self._dirty[box.id] = box

    def store_changed(self, store: Store) -> None:
        """Write it back."""
        self._dirty_stores[store.id] = store

    def take_uid(self, box: Box) -> UID:
        """The next UID, which is never given again."""
        uid = box.uid_next
        box.uid_next = UID(uid + 1)
        return uid

    def flags(self, box: Box, parted: Parted) -> Flags:
        """As the mailbox spells them; what is new to it is remembered."""
        if not parted.keywords:
            return Flags(parted.bits)
        known = self._keywords(box)
        new = parted.keywords.keys() - known.keys()
        flags = spelled(parted, known)
        if new:
            rows = [(box.id, folded, known[folded]) for folded in sorted(new)]
            insert_rows(through(self.connection), keywords, rows)
        return flags

    def _keywords(self, box: Box) -> Keywords:
        if box.known is None:
            rows = self.connection.execute(_KEYWORDS, {"mailbox": box.id}).all()
            box.known = {row.folded: row.spelling for row in rows}
        return box.known

    def refer(self, numbers: Iterable[int], by: int) -> None:
        """``by`` more references for each letter; an id is given as often as it is meant."""
        counted: dict[int, list[int]] = {}
        for number, count in Counter(numbers).items():
            counted.setdefault(count, []).append(number)
        for count, ids in counted.items():
            self.connection.execute(_REFER, {"ids": keys(ids), "by": by * count})

    def flush(self) -> None:
        """Write back what changed."""
        if not self._dirty and not self._dirty_stores:
            return
        [(number,)] = direct.tuples(self.connection, _CHANGED, {})
        for store in self._dirty_stores.values():
            store.changed = number
        execute = direct.through(self.connection)
        boxes = [box.row() for box in self._dirty.values()]
        insert_rows(execute, mailboxes, boxes, conflict=_UPSERT_BOX)
        rows = [store.row() for store in self._dirty_stores.values()]
        insert_rows(execute, stores, rows, conflict=_UPSERT_STORE)


def count(box: Box, store: Store, *, flags: Flags, size: int, by: int) -> None:
    """One message more, or less."""
    box.messages += by
    box.unseen += by * (not flags.bits & BIT_SEEN)
    if flags.bits & BIT_DELETED:
        box.deleted += by
        box.deleted_size += by * size
    box.size += by * size
    store.quota.messages += by
    store.quota.octets += by * size


def check_room(box: Box, store: Store, octets: int, messages: int) -> None:
    """:raises OverQuota: the account, or the mailbox, has no room for so much more."""
    store.quota.check(octets, messages)
    box.quota.check(octets, messages)


def each(entries: Sequence[Entry], do: Callable[[Entry], Result]) -> list[Result | Exception]:
    """Do it for every entry; one that is refused fails alone."""
    results: list[Result | Exception] = []
    for entry in entries:
        try:
            results.append(do(entry))
        except (PymtaError, ValueError) as refusal:
            results.append(refusal)
    return results
