"""
Access control lists, limits of mailboxes and what they are for: looking, and batches that change.

Whose rights changed is told by the bell of his own mailboxes, whose row is written, too; those of
``anyone`` ring no bell, and are found at the next look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, insert, select

from pymta.database.rows import keys
from pymta.errors import NoSuchMailbox, NoSuchQuotaRoot
from pymta.mailbox import ALL_RIGHTS, MailboxName, QuotaRoot, Resource, Rights, RightsChange
from pymta.store._quota import Quota, mailbox_of, without
from pymta.store._rights import ACL, changed_rights, identifiers
from pymta.store.granting import Grant
from pymta.store.sql.queries import BOX_NAMED, STORES
from pymta.store.sql.rows import Box, Store, box_of, info_of, store_of
from pymta.store.sql.tables import mailboxes, rights, stores
from pymta.store.sql.work import Context, Work, each

__all__ = [
    "SetAppendLimit",
    "SetLimits",
    "SetRights",
    "acl",
    "granted_to",
    "inherit",
    "roots",
    "set_append_limit",
    "set_limits",
    "set_rights",
]


@dataclass(frozen=True, slots=True)
class SetRights:
    """An entry of :func:`set_rights`."""

    store: int
    name: MailboxName
    identifier: str
    change: RightsChange


@dataclass(frozen=True, slots=True)
class SetLimits:
    """An entry of :func:`set_limits`."""

    store: int
    root: str
    limits: Mapping[Resource, int]


@dataclass(frozen=True, slots=True)
class SetAppendLimit:
    """An entry of :func:`set_append_limit`."""

    store: int
    name: MailboxName
    octets: int | None


# -- rights --------------------------------------------------------------------

_ACL = select(rights.c.identifier, rights.c.rights).where(rights.c.mailbox == bindparam("mailbox"))
_THIS = (rights.c.mailbox == bindparam("box")) & (rights.c.identifier == bindparam("whose"))
_ACCOUNT = select(stores.c.id).where(stores.c.account == bindparam("account"))
_INHERIT = insert(rights).from_select(
    ["mailbox", "identifier", "rights"],
    select(bindparam("new", type_=BigInteger), rights.c.identifier, rights.c.rights).where(
        rights.c.mailbox == bindparam("above")
    ),
)
_GRANTED = (
    select(mailboxes, stores.c.account, rights.c.identifier, rights.c.rights)
    .join(mailboxes, mailboxes.c.id == rights.c.mailbox)
    .join(stores, stores.c.id == mailboxes.c.store)
    .where(
        rights.c.identifier.in_([bindparam(f"who{n}") for n in range(4)]),
        stores.c.account != bindparam("who0"),
    )
)


def acl(connection: Connection, store: int, name: MailboxName, owner: str) -> dict[str, Rights]:
    """The list of a mailbox, the owner first."""
    number = _named(connection, store, name).id
    return {owner: ALL_RIGHTS, **_entries(connection, number)}


def _named(connection: Connection, store: int, name: MailboxName) -> Box:
    which = {"store": store, "name": name}
    row = connection.execute(BOX_NAMED, which).first()
    of = connection.execute(STORES, {"ids": keys([store])}).first()
    if row is None or of is None:
        raise NoSuchMailbox(f"no mailbox {name}")
    return box_of(row, store_of(of))


def _entries(connection: Connection, number: int) -> ACL:
    rows = connection.execute(_ACL, {"mailbox": number}).all()
    return {row.identifier: frozenset(row.rights) for row in rows}


def granted_to(connection: Connection, visitor: str) -> list[Grant]:
    """Mailboxes of others whose lists speak of somebody."""
    which = {f"who{n}": identifier for n, identifier in enumerate(identifiers(visitor))}
    found: dict[int, Grant] = {}
    lists: dict[int, ACL] = {}
    for row in connection.execute(_GRANTED, which).all():
        entries = lists.setdefault(row.id, {})
        entries[row.identifier] = frozenset(row.rights)
        if row.id not in found:
            found[row.id] = Grant(row.account, info_of(row, subscribed=False), entries)
    return list(found.values())


def inherit(work: Work, boxes: Sequence[Box], above: MailboxName | None) -> None:
    """New mailboxes get the rights of a level above (:rfc:`4314#section-4`)."""
    if above is None or not boxes:
        return
    store = boxes[0].store
    assert store is not None
    number = work.named(store, above).id
    for box in boxes:
        work.connection.execute(_INHERIT, {"new": box.id, "above": number})


def set_rights(
    connection: Connection, entries: Sequence[SetRights], context: Context
) -> list[Exception | None]:
    """Change lists."""
    return each(entries, lambda entry: _set_rights(Work(connection, context), entry))


def _set_rights(work: Work, entry: SetRights) -> None:
    store = work.store(entry.store)
    box = work.named(store, entry.name)
    execute = work.connection.execute
    after = changed_rights(_entries(work.connection, box.id), entry.identifier, entry.change)
    if entry.identifier == store.account:
        return
    execute(delete(rights).where(_THIS), {"box": box.id, "whose": entry.identifier})
    if after:
        row = {"mailbox": box.id, "identifier": entry.identifier}
        execute(insert(rights), {**row, "rights": "".join(sorted(after))})
    work.changed(box, store, store.step())
    account = entry.identifier.removeprefix("-")
    number = work.connection.scalar(_ACCOUNT, {"account": account})
    if number is not None:
        work.store_changed(work.store(number))
    work.flush()


# -- limits --------------------------------------------------------------------

E = TypeVar("E", SetLimits, SetAppendLimit)

_COUNT = select(func.count()).where(mailboxes.c.store == bindparam("store"))


def roots(
    connection: Connection, store: int, names: Sequence[MailboxName | None]
) -> list[QuotaRoot]:
    """Quota roots of mailboxes, and of the account where a name is None."""
    return [_root(connection, store, name) for name in names]


def _root(connection: Connection, store: int, name: MailboxName | None) -> QuotaRoot:
    if name is not None:
        return _named(connection, store, name).quota.root_of(name)
    row = connection.execute(STORES, {"ids": keys([store])}).first()
    quota = Quota() if row is None else store_of(row).quota
    return quota.root(connection.scalar(_COUNT, {"store": store}) or 0)


def set_limits(
    connection: Connection, entries: Sequence[SetLimits], context: Context
) -> list[Exception | None]:
    """Change limits of accounts and of mailboxes."""
    return _changing(connection, entries, context, _set_limits)


def _set_limits(work: Work, store: Store, entry: SetLimits) -> None:
    name = mailbox_of(entry.root)
    if name is None:
        store.quota.limit(entry.limits)
        work.store_changed(store)
        return
    try:
        box = work.named(store, name)
    except NoSuchMailbox:
        raise NoSuchQuotaRoot(f"no quota root {entry.root}") from None
    limits = without(entry.limits, Resource.MAILBOX)
    box.max_octets = limits.get(Resource.STORAGE)
    box.max_messages = limits.get(Resource.MESSAGE)
    work.dirty(box)


def set_append_limit(
    connection: Connection, entries: Sequence[SetAppendLimit], context: Context
) -> list[Exception | None]:
    """Limit the size of messages."""
    return _changing(connection, entries, context, _set_append_limit)


def _set_append_limit(work: Work, store: Store, entry: SetAppendLimit) -> None:
    box = work.named(store, entry.name)
    box.append_limit = entry.octets
    work.changed(box, store, store.step())


def _changing(
    connection: Connection,
    entries: Sequence[E],
    context: Context,
    change: Callable[[Work, Store, E], None],
) -> list[Exception | None]:
    def one(entry: E) -> None:
        work = Work(connection, context)
        change(work, work.store(entry.store), entry)
        work.flush()

    return each(entries, one)
