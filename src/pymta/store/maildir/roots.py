"""
Looking for mailboxes: folders that other programs made, renamed or removed, and subscriptions.

A folder is known again by the id in its UID list, so that a rename by another program is one.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from secrets import token_hex

from pymta.mailbox import INBOX, SPECIAL_USES, MailboxName
from pymta.store._names import checked
from pymta.store.maildir import subscriptions, uidlist
from pymta.store.maildir.boxes import Box, add_box, box_of, save_box
from pymta.store.maildir.folders import ROOT, is_folder, name_of, stands_for
from pymta.store.maildir.listing import plan_whole
from pymta.store.maildir.notes import read_notes
from pymta.store.maildir.scanning import is_fresh, scan
from pymta.store.maildir.stamps import changed_at
from pymta.store.maildir.uidlist import LIST
from pymta.store.maildir.work import Work, read_file

__all__ = [
    "ABOUT",
    "about",
    "is_all_fresh",
    "new_box",
    "read_subscriptions",
    "scan_all",
    "scan_names",
    "told",
]

ABOUT = "pymta-mailbox"
"""A file in the folder of a mailbox, with what its name does not tell."""

_VALIDITY = "dovecot-uidvalidity."
"""The greatest that Dovecot gave stands in the name of a file, behind this."""


def is_all_fresh(work: Work) -> bool:
    """Whether nothing is new in any folder."""
    return _are_names_fresh(work) and all(is_fresh(work, box) for box in _all_boxes(work))


def scan_all(work: Work) -> None:
    """Look at all folders."""
    scan_names(work)
    for box in _all_boxes(work):
        scan(work, box)


def scan_names(work: Work) -> None:
    """Look which folders there are, and which names are subscribed."""
    if not _are_names_fresh(work):
        now, stamp = time.time_ns(), changed_at(work.root)
        _compare(work)
        read_subscriptions(work)
        work.stamps.saw(work.root, stamp, now)


def _are_names_fresh(work: Work) -> bool:
    # Subscriptions are written by a rename, which changes the folder too; but not by all.
    paths = (work.root, work.path(subscriptions.FILE))
    return all(work.stamps.is_fresh(path) for path in paths)


def _all_boxes(work: Work) -> list[Box]:
    guids = work.connection.execute("SELECT guid FROM boxes ORDER BY id").fetchall()
    return [work.box(guid) for (guid,) in guids]


# -- folders -------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What a folder says of itself."""

    folder: str
    name: MailboxName
    uses: str
    guid: str
    validity: int


def _compare(work: Work) -> None:
    rows = work.connection.execute("SELECT folder, guid FROM boxes").fetchall()
    known = dict(rows)
    there = {ROOT, *_folders(work.root)}
    missing = {guid: folder for folder, guid in known.items() if folder not in there}
    for folder in sorted(there - known.keys()):
        found = _read(work, folder)
        if found is None:
            continue
        if missing.pop(found.guid, None) is not None:
            _renamed(work, found)
        else:
            _made(work, found)
    for guid in missing:
        work.drop_box(work.box(guid))


def _folders(root: str) -> list[str]:
    with os.scandir(root) as entries:
        return [
            entry.name
            for entry in entries
            if is_folder(entry.name)
            and entry.is_dir(follow_symlinks=False)
            and os.path.isdir(os.path.join(entry.path, "cur"))
        ]


def _read(work: Work, folder: str) -> _Found | None:
    name, uses = _about(work, folder)
    if name is None:
        return None
    found = uidlist.parse(read_file(work.path(folder, LIST)))
    return _Found(
        folder=folder,
        name=name,
        uses=uses,
        guid="" if found is None else found.guid,
        validity=0 if found is None else found.validity,
    )


def _about(work: Work, folder: str) -> tuple[MailboxName | None, str]:
    try:
        said = json.loads(read_file(work.path(folder, ABOUT)) or b"{}")
        uses = " ".join(sorted(SPECIAL_USES.intersection(said.get("uses", ()))))
        name = said.get("name")
    except (ValueError, AttributeError, TypeError, RecursionError):
        return INBOX if folder == ROOT else name_of(folder), ""
    if folder == ROOT:
        return INBOX, uses
    if isinstance(name, str) and stands_for(folder, name):
        return checked(name), uses
    return name_of(folder), uses


def about(name: MailboxName, uses: str) -> str:
    """The text of :data:`ABOUT`."""
    return json.dumps({"name": name, "uses": uses.split()})


def _made(work: Work, found: _Found) -> None:
    taken = box_of(work.connection, "name", found.name)
    if taken is not None:
        # Two folders that look like one name: the first has it.
        if os.path.isdir(work.path(taken.folder, "cur")):
            return
        work.drop_box(work.box(taken.guid))
    known = bool(found.guid) and box_of(work.connection, "guid", found.guid) is None
    box = new_box(work, found.name, found.folder, uses=found.uses)
    if known:
        box.guid = found.guid
    if found.validity:
        box.validity = found.validity
        work.validity = max(work.validity, found.validity)
    read_notes(work, box)
    # Until it is looked at nobody knows what is new; what went before, nobody does any more.
    box.recent, box.forgotten = 0, box.modseq
    save_box(work.connection, box)
    if not known and found.validity:
        # A copy of a folder, or a list of an old version.
        scan(work, box)
        plan_whole(work, box)


def _renamed(work: Work, found: _Found) -> None:
    box, modseq = work.box(found.guid), work.step()
    if box_of(work.connection, "name", found.name) is not None:
        return
    work.vacate(box.name, modseq)
    box.name, box.folder, box.uses = found.name, found.folder, found.uses
    save_box(work.connection, box)
    work.connection.execute("DELETE FROM gone WHERE name = ?", (box.name,))
    work.moved(box, modseq)


def new_box(work: Work, name: MailboxName, folder: str, *, uses: str) -> Box:
    """A row for a new mailbox; its folder is another's affair."""
    work.validity = max(work.validity + 1, work.rules.now() // 1_000_000, _given(work) + 1)
    box = Box(
        id=0,
        guid=token_hex(16),
        name=name,
        folder=folder,
        validity=work.validity,
        uid_next=1,
        recent=1,
        modseq=work.step(),
        forgotten=0,
        uses=uses,
        lines=0,
    )
    work.connection.execute("DELETE FROM gone WHERE name = ?", (name,))
    work.changed = True
    add_box(work.connection, box)
    work.boxes[box.id] = box
    return box


def _given(work: Work) -> int:
    """The greatest UIDVALIDITY that Dovecot gave."""
    names = [name for name in os.listdir(work.root) if name.startswith(_VALIDITY)]
    ends = [name.removeprefix(_VALIDITY) for name in names]
    return max((int(end, 16) for end in ends if _is_hex(end)), default=0)


def _is_hex(text: str) -> bool:
    return len(text) == 8 and all(digit in "0123456789abcdef" for digit in text)


# -- subscriptions -------------------------------------------------------------


def read_subscriptions(work: Work) -> set[MailboxName]:
    """Names that are subscribed, as their file says."""
    path = work.path(subscriptions.FILE)
    now, stamp = time.time_ns(), changed_at(path)
    names = subscriptions.parse(read_file(path))
    rows = work.connection.execute("SELECT name FROM subscriptions").fetchall()
    known = {MailboxName(name) for (name,) in rows}
    changed = names ^ known
    if changed:
        run = work.connection.executemany
        run("DELETE FROM subscriptions WHERE name = ?", [(name,) for name in known - names])
        run("INSERT INTO subscriptions VALUES (?)", [(name,) for name in names - known])
        modseq = work.step()
        for name in changed:
            told(work, name, modseq)
    work.stamps.saw(path, stamp, now)
    return names


def told(work: Work, name: MailboxName, modseq: int) -> None:
    """Whether a name is subscribed has changed."""
    box = box_of(work.connection, "name", name)
    if box is None:
        work.vacate(name, modseq)
        work.changed = True
    else:
        work.moved(work.box(box.guid), modseq)
