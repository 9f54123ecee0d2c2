"""
Annotations (:rfc:`5464`): in a file beside the messages, so that they outlive the index, which
knows when each of them changed.

A Maildir has one account alone: an entry tells by its name whose it is.
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping

from pymta.interfaces.annotations import Depth
from pymta.mailbox import MailboxName
from pymta.store._annotations import (
    MAX_ENTRIES,
    SHARED,
    SPECIAL_USE,
    checked_entry,
    checked_values,
    meant,
    refused,
    room,
    uses_of,
    whose,
)
from pymta.store.maildir.boxes import Box, save_box
from pymta.store.maildir.steps import put_text
from pymta.store.maildir.work import FOLDER, Work, read_file

__all__ = ["NOTES", "annotate", "annotated", "copy_notes", "notes_text", "read", "read_notes"]

NOTES = "pymta-notes"
"""The file in the folder of a mailbox."""

_SERVER = 0
"""In the place of a mailbox's number."""
_SERVER_FILE = f"{FOLDER}/notes"
_OWNER = "owner"


def read(
    work: Work,
    name: MailboxName | None,
    asked: list[tuple[str, Depth]],
    *,
    about: Mapping[str, bytes],
) -> dict[str, bytes]:
    """Values of entries that are asked for.  :param about: those of the server that all share."""
    box = None if name is None else work.box_named(name)
    found = _values(work, _SERVER if box is None else box.id)
    if box is None:
        found |= about
    elif box.uses:
        found[SPECIAL_USE] = box.uses.encode()
    return {entry: found[entry] for entry in sorted(found) if meant(entry, asked)}


def annotate(
    work: Work, name: MailboxName | None, values: Mapping[str, bytes | None]
) -> Box | None:
    """
    Set them, all or none.

    :returns: the mailbox, if what it is for has changed; its file is to be written.
    """
    box = None if name is None else work.box_named(name)
    checked = checked_values(values)
    uses = None
    if box is None:
        # Shared ones of the server are its operator's.
        for entry in checked:
            if whose(entry, _OWNER) == SHARED:
                raise refused(entry)
    elif SPECIAL_USE in checked:
        uses = uses_of(checked.pop(SPECIAL_USE))
    number = _SERVER if box is None else box.id
    _check_room(_values(work, number), checked)
    modseq = work.step()
    _keep(work, number, checked, modseq)
    work.steps.append(put_text(_path(box), notes_text(work, number)))
    work.changed = True
    if box is None or uses is None:
        return None
    box.uses = " ".join(sorted(uses))
    _note(work, number, SPECIAL_USE, None, modseq)
    work.moved(box, modseq)
    save_box(work.connection, box)
    return box


def annotated(work: Work, since: int) -> tuple[tuple[MailboxName | None, frozenset[str]], ...]:
    """Entries that changed after ``since``, by mailbox; None is the server."""
    rows = work.connection.execute(
        "SELECT n.box, b.name, n.entry FROM notes n LEFT JOIN boxes b ON b.id = n.box"
        " WHERE n.modseq > ? ORDER BY n.box",
        (since,),
    )
    found: dict[MailboxName | None, set[str]] = {}
    for number, name, entry in rows:
        found.setdefault(None if number == _SERVER else MailboxName(name), set()).add(entry)
    return tuple((name, frozenset(entries)) for name, entries in found.items())


def copy_notes(work: Work, box: Box, target: Box, modseq: int) -> None:
    """A mailbox has those of another one; its file is written with its folder."""
    work.connection.execute(
        "INSERT INTO notes SELECT ?, entry, value, ? FROM notes"
        " WHERE box = ? AND value IS NOT NULL",
        (target.id, modseq, box.id),
    )


def notes_text(work: Work, number: int) -> str:
    """The file.  :param number: of a mailbox."""
    values = _values(work, number)
    return json.dumps({entry: b64encode(value).decode() for entry, value in values.items()})


def read_notes(work: Work, box: Box | None) -> None:
    """What the file says, into a new index; what is none is passed over."""
    try:
        said = json.loads(read_file(work.path(_path(box))) or b"{}")
        found = {checked_entry(entry): b64decode(value) for entry, value in said.items()}
    except (ValueError, AttributeError, TypeError, RecursionError, binascii.Error):
        return
    number, modseq = (_SERVER, work.modseq) if box is None else (box.id, box.modseq)
    for entry, value in found.items():
        _note(work, number, entry, value, modseq)


def _path(box: Box | None) -> str:
    return _SERVER_FILE if box is None else f"{box.folder}/{NOTES}".lstrip("/")


def _values(work: Work, number: int) -> dict[str, bytes]:
    rows = work.connection.execute(
        "SELECT entry, value FROM notes WHERE box = ? AND value IS NOT NULL", (number,)
    )
    return dict(rows)


def _check_room(there: Mapping[str, bytes], fresh: Mapping[str, bytes | None]) -> None:
    new = [(whose(entry, _OWNER), entry) for entry, value in fresh.items() if value is not None]
    if new:
        room([(whose(entry, _OWNER), entry) for entry in there if entry not in fresh], new)


def _keep(work: Work, number: int, fresh: Mapping[str, bytes | None], modseq: int) -> None:
    run = work.connection.execute
    known = {entry for (entry,) in run("SELECT entry FROM notes WHERE box = ?", (number,))}
    for entry, value in fresh.items():
        if value is not None or entry in known:
            _note(work, number, entry, value, modseq)
    run(
        "DELETE FROM notes WHERE box = ? AND value IS NULL AND entry NOT IN (SELECT entry FROM"
        " notes WHERE box = ? AND value IS NULL ORDER BY modseq DESC LIMIT ?)",
        (number, number, MAX_ENTRIES),
    )


def _note(work: Work, number: int, entry: str, value: bytes | None, modseq: int) -> None:
    row = (number, entry, value, modseq)
    work.connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?, ?, ?)", row)
