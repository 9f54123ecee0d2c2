"""
Batches about accounts and names: made, deleted, renamed, subscribed, limited.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from pymta.database.rows import insert_rows, through
from pymta.errors import MailboxError, MailboxExists
from pymta.mailbox import INBOX, UID, MailboxInfo, MailboxName, ModSeq, UIDValidity
from pymta.store._names import parents, renamed
from pymta.store._quota import Quota
from pymta.store.sql.access import inherit
from pymta.store.sql.annotating import copy_notes
from pymta.store.sql.copying import move_all
from pymta.store.sql.rows import Box, Store, info_of
from pymta.store.sql.tables import (
    gone,
    locks,
    mailboxes,
    notes,
    rights,
    state,
    stores,
    subscriptions,
)
from pymta.store.sql.work import Context, Work, each

__all__ = [
    "Create",
    "Delete",
    "Limit",
    "Rename",
    "Subscribe",
    "create",
    "delete_mailbox",
    "limit",
    "open_account",
    "remove_account",
    "rename",
    "subscribe",
]


@dataclass(frozen=True, slots=True)
class Create:
    """An entry of :func:`create`."""

    store: int
    name: MailboxName
    special_use: frozenset[str]


@dataclass(frozen=True, slots=True)
class Delete:
    """An entry of :func:`delete_mailbox`."""

    store: int
    name: MailboxName


@dataclass(frozen=True, slots=True)
class Rename:
    """An entry of :func:`rename`."""

    store: int
    old: MailboxName
    new: MailboxName


@dataclass(frozen=True, slots=True)
class Subscribe:
    """An entry of :func:`subscribe`."""

    store: int
    name: MailboxName
    subscribed: bool


@dataclass(frozen=True, slots=True)
class Limit:
    """An entry of :func:`limit`."""

    store: int
    octets: int | None
    messages: int | None


_VALIDITY = select(state.c.uid_validity)
_SET_VALIDITY = update(state).values(uid_validity=bindparam("last"))
_ACCOUNT = select(stores.c.id).where(stores.c.account == bindparam("account"))
_NAMES = select(mailboxes.c.name).where(mailboxes.c.store == bindparam("of"))
_IDS = select(mailboxes.c.id).where(mailboxes.c.store == bindparam("of"))
_UNGONE = delete(gone).where(gone.c.store == bindparam("of"), gone.c.name == bindparam("which"))
_GONE = "ON CONFLICT (store, name) DO UPDATE SET modseq = excluded.modseq"
GONE_NAMES = 10_000
"""Of an account: a session that missed more than these is not told of all."""

_FORGET = delete(gone).where(
    gone.c.store == bindparam("of"),
    gone.c.modseq
    <= select(gone.c.modseq)
    .where(gone.c.store == bindparam("of"))
    .order_by(gone.c.modseq.desc())
    .offset(GONE_NAMES)
    .limit(1)
    .scalar_subquery(),
)
_NOTES = (notes.c.store == bindparam("of")) & (notes.c.mailbox == bindparam("box"))
_SUBSCRIBED = (subscriptions.c.store == bindparam("of")) & (
    subscriptions.c.name == bindparam("which")
)


# -- accounts ------------------------------------------------------------------


def open_account(
    connection: Connection, entries: Sequence[str], context: Context
) -> list[int | Exception]:
    """The number of the account's store, which is made with an inbox if it is not there."""
    return each(entries, lambda account: _open_account(Work(connection, context), account))


def _open_account(work: Work, account: str) -> int:
    known: int | None = work.connection.scalar(_ACCOUNT, {"account": account})
    if known is not None:
        return known
    number = work.context.numbers.take()
    store = Store(id=number, account=account, modseq=ModSeq(1), quota=Quota(), changed=0)
    furnished = work.context.furnished
    for box in _add(work, store, [INBOX, *furnished], store.modseq):
        box.special_use = " ".join(sorted(furnished.get(box.name, ())))
        if furnished:
            work.connection.execute(insert(subscriptions), {"store": number, "name": box.name})
    work.flush()
    return number


def remove_account(
    connection: Connection, entries: Sequence[str], context: Context
) -> list[Exception | None]:
    """The account and all its names; the messages go with later sweeps."""
    return each(entries, lambda account: _remove_account(Work(connection, context), account))


def _remove_account(work: Work, account: str) -> None:
    execute = work.connection.execute
    number = execute(_ACCOUNT, {"account": account}).scalar()
    if number is None:
        return
    store = work.store(number)
    ids = execute(_IDS, {"of": number}).scalars().all()
    work.load(ids)
    modseq = store.step()
    for box in [work.box(box) for box in ids]:
        _take_away(work, box, modseq)
    store.account = None
    work.store_changed(store)
    work.flush()
    execute(delete(gone).where(gone.c.store == number))
    execute(delete(subscriptions).where(subscriptions.c.store == number))
    execute(delete(notes).where(notes.c.store == number))
    # Whoever gets the name next is somebody else.
    execute(delete(rights).where(rights.c.identifier.in_([account, "-" + account])))
    execute(delete(notes).where(notes.c.who == account))


def limit(
    connection: Connection, entries: Sequence[Limit], context: Context
) -> list[Exception | None]:
    """Set quotas."""
    work = Work(connection, context)

    def one(entry: Limit) -> None:
        store = work.store(entry.store)
        store.quota.max_octets = entry.octets
        store.quota.max_messages = entry.messages
        work.store_changed(store)

    results = each(entries, one)
    work.flush()
    return results


# -- mailboxes -----------------------------------------------------------------


def create(
    connection: Connection, entries: Sequence[Create], context: Context
) -> list[MailboxInfo | Exception]:
    """Make mailboxes, and the levels above them."""
    return each(entries, lambda entry: _create(Work(connection, context), entry))


def _create(work: Work, entry: Create) -> MailboxInfo:
    store = work.store(entry.store)
    names = _names(work, store)
    if entry.name in names:
        raise MailboxExists(f"{entry.name} is there already")
    new = [*_missing(entry.name, names), entry.name]
    store.quota.check_mailboxes(len(names) + len(new))
    *_, box = _add_below(work, store, new, names=names, modseq=store.step())
    box.special_use = " ".join(sorted(entry.special_use))
    work.flush()
    return info_of(box, subscribed=_is_subscribed(work, store, box.name))


def delete_mailbox(
    connection: Connection, entries: Sequence[Delete], context: Context
) -> list[Exception | None]:
    """Take mailboxes out of their accounts."""
    return each(entries, lambda entry: _delete(Work(connection, context), entry))


def _delete(work: Work, entry: Delete) -> None:
    store = work.store(entry.store)
    box = work.named(store, entry.name)
    if box.name == INBOX:
        raise MailboxError("INBOX cannot be deleted")
    modseq = store.step()
    store.quota.octets -= box.size
    store.quota.messages -= box.messages
    _vacate(work, store, [box.name], modseq)
    _take_away(work, box, modseq)
    work.store_changed(store)
    work.flush()


def _take_away(work: Work, box: Box, modseq: ModSeq) -> None:
    assert box.store is not None
    store = box.store.id
    work.changed(box, box.store, modseq)
    box.store = None
    execute = work.connection.execute
    execute(delete(locks).where(locks.c.mailbox == box.id))
    execute(delete(rights).where(rights.c.mailbox == box.id))
    execute(delete(notes).where(_NOTES), {"of": store, "box": box.id})


def rename(
    connection: Connection, entries: Sequence[Rename], context: Context
) -> list[Exception | None]:
    """Give mailboxes and all levels below them other names."""
    return each(entries, lambda entry: _rename(Work(connection, context), entry))


def _rename(work: Work, entry: Rename) -> None:
    store = work.store(entry.store)
    box = work.named(store, entry.old)
    names = _names(work, store)
    if entry.new in names:
        raise MailboxExists(f"{entry.new} is there already")
    if box.name == INBOX:
        new = [*_missing(entry.new, names), entry.new]
        store.quota.check_mailboxes(len(names) + len(new))
        modseq = store.step()
        *_, target = _add_below(work, store, new, names=names, modseq=modseq)
        move_all(work, box, target, modseq)
        copy_notes(work, box, target)
    else:
        _rename_all(work, store, renamed(box.name, entry.new, names), names)
    work.flush()


def _rename_all(
    work: Work,
    store: Store,
    new_names: dict[MailboxName, MailboxName],
    names: set[MailboxName],
) -> None:
    missing = _missing(next(iter(new_names.values())), names)
    if missing:
        store.quota.check_mailboxes(len(names) + len(missing))
    modseq = store.step()
    boxes = [work.named(store, name) for name in new_names]
    _vacate(work, store, list(new_names), modseq)
    # The level above first: its name may be what one below gets.
    for box in boxes:
        box.name = new_names[box.name]
        work.changed(box, store, modseq)
    _occupy(work, store, [box.name for box in boxes])
    left = names - new_names.keys()
    missing = [name for name in parents(boxes[0].name) if name not in left]
    _add_below(work, store, missing, names=left, modseq=modseq)


def _missing(name: MailboxName, names: Collection[MailboxName]) -> list[MailboxName]:
    """Levels above it that are not there."""
    return [above for above in parents(name) if above not in names]


def _add_below(
    work: Work,
    store: Store,
    new: Sequence[MailboxName],
    *,
    names: Collection[MailboxName],
    modseq: ModSeq,
) -> list[Box]:
    """With the rights of the next level above that is there."""
    boxes = _add(work, store, new, modseq)
    if new:
        above = [name for name in parents(new[0]) if name in names]
        inherit(work, boxes, above[-1] if above else None)
    return boxes


def _add(work: Work, store: Store, names: Sequence[MailboxName], modseq: ModSeq) -> list[Box]:
    boxes = []
    for name in names:
        box = Box(
            id=work.context.numbers.take(),
            store=store,
            name=name,
            uid_validity=_validity(work),
            uid_next=UID(1),
            modseq=modseq,
            recent=UID(1),
            forgotten=ModSeq(0),
        )
        work.add(box)
        work.changed(box, store, modseq)
        boxes.append(box)
    _occupy(work, store, names)
    return boxes


def _validity(work: Work) -> UIDValidity:
    """One that was never given: the time, or one more than the last."""
    last = work.connection.scalar(_VALIDITY)
    assert last is not None
    value = max(last + 1, work.now // 1_000_000)
    work.connection.execute(_SET_VALIDITY, {"last": value})
    return UIDValidity(value)


def _names(work: Work, store: Store) -> set[MailboxName]:
    found = work.connection.execute(_NAMES, {"of": store.id}).scalars()
    return {MailboxName(name) for name in found}


def _vacate(work: Work, store: Store, names: Sequence[MailboxName], modseq: ModSeq) -> None:
    rows: list[tuple[Any, ...]] = [(store.id, name, modseq) for name in names]
    insert_rows(through(work.connection), gone, rows, conflict=_GONE)
    work.connection.execute(_FORGET, {"of": store.id})


def _occupy(work: Work, store: Store, names: Sequence[MailboxName]) -> None:
    for name in names:
        work.connection.execute(_UNGONE, {"of": store.id, "which": name})


# -- subscriptions -------------------------------------------------------------


def subscribe(
    connection: Connection, entries: Sequence[Subscribe], context: Context
) -> list[Exception | None]:
    """Remember names, or forget them."""
    return each(entries, lambda entry: _subscribe(Work(connection, context), entry))


def _subscribe(work: Work, entry: Subscribe) -> None:
    store = work.store(entry.store)
    if _is_subscribed(work, store, entry.name) == entry.subscribed:
        return
    execute = work.connection.execute
    if entry.subscribed:
        execute(insert(subscriptions), {"store": store.id, "name": entry.name})
    else:
        execute(delete(subscriptions).where(_SUBSCRIBED), _which(store, entry.name))
    modseq = store.step()
    if entry.name in _names(work, store):
        work.changed(work.named(store, entry.name), store, modseq)
    else:
        _vacate(work, store, [entry.name], modseq)
        work.store_changed(store)
    work.flush()


def _is_subscribed(work: Work, store: Store, name: MailboxName) -> bool:
    found = work.connection.scalar(
        select(subscriptions.c.store).where(_SUBSCRIBED), _which(store, name)
    )
    return found is not None


def _which(store: Store, name: MailboxName) -> dict[str, object]:
    return {"of": store.id, "which": name}
