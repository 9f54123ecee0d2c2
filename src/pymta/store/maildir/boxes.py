"""
A mailbox as the index has it, and messages on their way into it.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

from pymta.mailbox import UID, MailboxInfo, MailboxName, ModSeq, UIDValidity

__all__ = ["Box", "add_box", "box_of", "info_of", "info_of_one", "save_box"]

_COLUMNS = "id, guid, name, folder, validity, uid_next, recent, modseq, forgotten, uses, lines"


@dataclass(slots=True, kw_only=True)
class Box:
    """
    A row, to be changed and saved.

    :param folder: below the root; empty for INBOX.
    :param recent: 0 until its folder is looked at for the first time.
    :param forgotten: tombstones up to this modseq are no longer there.
    :param lines: of the UID list.
    """

    id: int
    guid: str
    name: MailboxName
    folder: str
    validity: int
    uid_next: int
    recent: int
    modseq: int
    forgotten: int
    uses: str
    lines: int


def box_of(connection: sqlite3.Connection, column: str, value: str | int) -> Box | None:
    """The one that has this value in a column: ``guid``, ``name``, ``folder`` or ``id``."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM boxes WHERE {column} = ?",  # noqa: S608  a column of ours
        (value,),
    ).fetchone()
    return None if row is None else _box(row)


def _box(row: tuple[Any, ...]) -> Box:
    names = _COLUMNS.split(", ")
    return Box(**dict(zip(names, row, strict=True)))


def add_box(connection: sqlite3.Connection, box: Box) -> Box:
    """Add its row.  :returns: with its id."""
    cursor = connection.execute(
        "INSERT INTO boxes (guid, name, folder, validity, uid_next, recent, modseq, forgotten,"
        " uses, lines) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        _values(box),
    )
    assert cursor.lastrowid is not None
    box.id = cursor.lastrowid
    return box


def save_box(connection: sqlite3.Connection, box: Box) -> None:
    """Save its row."""
    connection.execute(
        "UPDATE boxes SET guid = ?, name = ?, folder = ?, validity = ?, uid_next = ?, recent = ?,"
        " modseq = ?, forgotten = ?, uses = ?, lines = ? WHERE id = ?",
        (*_values(box), box.id),
    )


def _values(box: Box) -> tuple[Any, ...]:
    return tuple(getattr(box, column) for column in _COLUMNS.split(", ")[1:])


def info_of(connection: sqlite3.Connection, since: int = -1) -> list[MailboxInfo]:
    """All mailboxes with a modseq above."""
    rows = connection.execute(f"{_INFO} WHERE b.modseq > ?", (since,))
    return [_info(row) for row in rows]


def _info(row: tuple[Any, ...]) -> MailboxInfo:
    name, guid, validity, uid_next, modseq, messages, unseen, deleted, *rest = row
    deleted_size, size, uses, subscribed = rest
    return MailboxInfo(
        name=MailboxName(name),
        id=f"M{guid}",
        uid_validity=UIDValidity(validity),
        uid_next=UID(uid_next),
        modseq=ModSeq(modseq),
        messages=messages,
        unseen=unseen,
        deleted=deleted,
        size=size,
        subscribed=bool(subscribed),
        special_use=frozenset(uses.split()),
        deleted_size=deleted_size,
    )


_INFO = (
    "SELECT b.name, guid, validity, uid_next, modseq, messages, unseen, deleted, deleted_size,"
    " size, uses, s.name IS NOT NULL FROM boxes b LEFT JOIN subscriptions s ON s.name = b.name"
)


def info_of_one(connection: sqlite3.Connection, guid: str) -> MailboxInfo | None:
    """One of them."""
    row = connection.execute(f"{_INFO} WHERE guid = ?", (guid,)).fetchone()
    return None if row is None else _info(row)
