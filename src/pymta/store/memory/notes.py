"""
Annotations in memory: of a box, and of the server as an account sees it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

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
from pymta.store.memory.state import Account, Box, Note, Notes

__all__ = ["annotate", "annotated", "read"]


def read(
    account: Account,
    name: MailboxName | None,
    asked: list[tuple[str, Depth]],
    *,
    who: str,
    about: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Values of entries that are asked for."""
    box = _box(account, name)
    notes = account.notes if box is None else box.notes
    found = {
        entry: note.value
        for (owner, entry), note in notes.items()
        if owner in (SHARED, who) and note.value is not None
    }
    if box is None:
        found |= about
    elif who == account.name and box.special_use:
        found[SPECIAL_USE] = " ".join(sorted(box.special_use)).encode()
    return {entry: found[entry] for entry in sorted(found) if meant(entry, asked)}


def annotate(
    account: Account, name: MailboxName | None, values: Mapping[str, bytes | None], *, who: str
) -> None:
    """Set them, all or none."""
    box = _box(account, name)
    checked = checked_values(values)
    uses = None
    if box is None:
        # Shared ones of the server are its operator's.
        _refuse(entry for entry in checked if whose(entry, who) == SHARED)
    elif SPECIAL_USE in checked:
        if who != account.name:
            raise refused(SPECIAL_USE)
        uses = uses_of(checked.pop(SPECIAL_USE))
    notes = account.notes if box is None else box.notes
    fresh = {(whose(entry, who), entry): value for entry, value in checked.items()}
    _check_room(notes, fresh)
    modseq = account.step()
    _keep(notes, fresh, modseq)
    if box is not None and uses is not None:
        box.special_use = uses
        notes[who, SPECIAL_USE] = Note(None, modseq)
        account.changed([box], modseq)
    else:
        account.changed([], modseq)


def annotated(notes: Notes, since: ModSeq, who: str) -> frozenset[str]:
    """Entries that changed after ``since``, of those that somebody sees."""
    return frozenset(
        entry
        for (owner, entry), note in notes.items()
        if note.modseq > since and owner in (SHARED, who)
    )


def _box(account: Account, name: MailboxName | None) -> Box | None:
    if account.removed:
        raise NoSuchMailbox("the account was removed")
    return None if name is None else account.box(name)


def _refuse(entries: Iterable[str]) -> None:
    for entry in entries:
        raise refused(entry)


def _check_room(notes: Notes, fresh: Mapping[tuple[str, str], bytes | None]) -> None:
    there = [key for key, n in notes.items() if n.value is not None and key not in fresh]
    new = [key for key, value in fresh.items() if value is not None]
    if new:
        room(there, new)


def _keep(notes: Notes, fresh: Mapping[tuple[str, str], bytes | None], modseq: ModSeq) -> None:
    for key, value in fresh.items():
        if value is not None or key in notes:
            # To the end: the dict is in the order of changes.
            notes.pop(key, None)
            notes[key] = Note(value, modseq)
    removed = [key for key, note in notes.items() if note.value is None]
    for key in removed[:-MAX_ENTRIES]:
        del notes[key]
