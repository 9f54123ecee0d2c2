"""
Mailboxes that are made, renamed and deleted: folders that are put in place whole.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from pymta.errors import MailboxError, MailboxExists
from pymta.mailbox import INBOX, MailboxInfo, MailboxName
from pymta.store._names import parents, renamed
from pymta.store.maildir import notes, subscriptions, uidlist
from pymta.store.maildir.boxes import Box, box_of, info_of, info_of_one, save_box
from pymta.store.maildir.copying import Name, add_copies
from pymta.store.maildir.expunging import bury_messages
from pymta.store.maildir.filenames import base_of
from pymta.store.maildir.folders import folder_of, stands_for
from pymta.store.maildir.limits import check_mailboxes
from pymta.store.maildir.notes import NOTES, copy_notes, notes_text, read_notes
from pymta.store.maildir.roots import (
    ABOUT,
    about,
    new_box,
    read_subscriptions,
    scan_all,
    scan_names,
    told,
)
from pymta.store.maildir.scanning import scan
from pymta.store.maildir.steps import move, put_text
from pymta.store.maildir.uidlist import LIST
from pymta.store.maildir.work import REMOVED, STAGED, Work

__all__ = ["annotate", "begin", "create", "delete_mailbox", "rename", "subscribe", "unsubscribe"]


def begin(work: Work) -> None:
    """
    Fill a new index with what is there.

    Where nothing is there yet, not even a UID list, somebody moves in: it is furnished.
    """
    is_new = not os.path.exists(work.path(LIST))
    scan_all(work)
    read_notes(work, None)
    infos = info_of(work.connection)
    if is_new and len(infos) == 1 and not infos[0].messages:
        for name, uses in work.rules.furnished.items():
            create(work, name, uses)
            subscribe(work, name)


def create(work: Work, name: MailboxName, uses: frozenset[str]) -> MailboxInfo:
    """See :meth:`~pymta.interfaces.mailbox.IMailboxStore.create`."""
    scan_names(work)
    if box_of(work.connection, "name", name) is not None:
        raise MailboxExists(f"{name} is there already")
    check_mailboxes(work, 1 + _missing(work, name))
    _make_parents(work, name)
    box = _make(work, name, " ".join(sorted(uses)))
    _stage(work, box)
    save_box(work.connection, box)
    info = info_of_one(work.connection, box.guid)
    assert info is not None
    return info


def _missing(work: Work, name: MailboxName) -> int:
    return sum(box_of(work.connection, "name", each) is None for each in parents(name))


def _make_parents(work: Work, name: MailboxName) -> None:
    for each in parents(name):
        if box_of(work.connection, "name", each) is None:
            _stage(work, _make(work, each, ""))


def _make(work: Work, name: MailboxName, uses: str) -> Box:
    return new_box(work, name, _free_folder(work, name), uses=uses)


def _free_folder(work: Work, name: MailboxName) -> str:
    folder = folder_of(name)
    # A folder that we cannot read, or one whose mailbox has another name.
    taken = box_of(work.connection, "folder", folder)
    if taken is not None or (os.path.lexists(work.path(folder)) and not _leaves(work, folder)):
        raise MailboxExists(f"another program has the folder of {name}")
    return folder


def _leaves(work: Work, folder: str) -> bool:
    return any(step[0] == "move" and step[1] == folder for step in work.steps)


def _stage(work: Work, box: Box) -> None:
    """Make its folder, with the rows that it has, to be put in place behind the commit."""
    staged, disk = f"{STAGED}/{box.guid}", work.rules.disk
    for place in ("", "cur", "new", "tmp"):
        disk.make_folder(work.path(staged, place), work.root)
    # Maildir++: what is no root has this file.
    disk.write(work.path(staged, "maildirfolder"), b"")
    rows = work.connection.execute(
        "SELECT uid, guid, file FROM messages WHERE box = ? ORDER BY uid", (box.id,)
    ).fetchall()
    lines = [(uid, guid, base_of(file)) for uid, guid, file in rows]
    box.lines = len(lines)
    text = uidlist.whole(box.validity, box.uid_next, guid=box.guid, entries=lines)
    noted = notes_text(work, box.id)
    if noted != "{}":
        disk.put(work.path(staged, NOTES), noted.encode())
    if box.uses or stands_for(box.folder, box.name):
        disk.put(work.path(staged, ABOUT), about(box.name, box.uses).encode())
    disk.put(work.path(staged, LIST), text)
    work.steps.insert(0, move(staged, box.folder))


# -- delete and rename ---------------------------------------------------------


def delete_mailbox(work: Work, name: MailboxName) -> None:
    """See :meth:`~pymta.interfaces.mailbox.IMailboxStore.delete`."""
    scan_names(work)
    box = work.box_named(name)
    if box.name == INBOX:
        raise MailboxError("INBOX cannot be deleted")
    work.drop_box(box)
    work.steps.append(move(box.folder, f"{REMOVED}/{box.guid}"))


def rename(work: Work, old: MailboxName, new: MailboxName, *, name: Name) -> None:
    """See :meth:`~pymta.interfaces.mailbox.IMailboxStore.rename`."""
    scan_names(work)
    box = work.box_named(old)
    if box_of(work.connection, "name", new) is not None:
        raise MailboxExists(f"{new} is there already")
    check_mailboxes(work, (box.name == INBOX) + _missing(work, new))
    if box.name == INBOX:
        _empty_inbox(work, box, new, name=name)
    else:
        rows = work.connection.execute("SELECT name FROM boxes").fetchall()
        _rename(work, renamed(box.name, new, {MailboxName(each) for (each,) in rows}))


def _rename(work: Work, names: dict[MailboxName, MailboxName]) -> None:
    modseq = work.step()
    for old in names:
        work.vacate(old, modseq)
    # From the top, so that each finds its place free.
    for old, new in names.items():
        box = work.box_named(old)
        folder = _free_folder(work, new)
        work.steps.append(move(box.folder, folder))
        box.name, box.folder = new, folder
        if stands_for(folder, new):
            work.steps.append(put_text(f"{folder}/{ABOUT}", about(new, box.uses)))
        work.moved(box, modseq)
        save_box(work.connection, box)
        work.connection.execute("DELETE FROM gone WHERE name = ?", (new,))
    _make_parents(work, next(iter(names.values())))


def _empty_inbox(work: Work, inbox: Box, new: MailboxName, *, name: Name) -> None:
    scan(work, inbox)
    _make_parents(work, new)
    target, modseq = _make(work, new, ""), work.step()
    messages = work.present(inbox, None)
    pairs, _ = add_copies(work, inbox, target, messages=messages, name=name, modseq=modseq)
    copied = {uid for uid, _ in pairs}
    copy_notes(work, inbox, target, modseq)
    _stage(work, target)
    bury_messages(work, inbox, [each for each in messages if each.uid in copied], modseq)


def annotate(work: Work, name: MailboxName | None, values: Mapping[str, bytes | None]) -> None:
    """See :meth:`~pymta.interfaces.annotations.IMetadataStore.annotate`."""
    scan_names(work)
    box = notes.annotate(work, name, values)
    if box is not None:
        work.steps.append(put_text(f"{box.folder}/{ABOUT}".lstrip("/"), about(box.name, box.uses)))


# -- subscriptions -------------------------------------------------------------


def subscribe(work: Work, name: MailboxName) -> None:
    """See :meth:`~pymta.interfaces.mailbox.IMailboxStore.subscribe`."""
    _set_subscriptions(work, name, {name})


def unsubscribe(work: Work, name: MailboxName) -> None:
    """See :meth:`~pymta.interfaces.mailbox.IMailboxStore.unsubscribe`."""
    _set_subscriptions(work, name, set())


def _set_subscriptions(work: Work, name: MailboxName, wanted: set[MailboxName]) -> None:
    work.lock("", subscriptions.LOCK)
    scan_names(work)
    names = read_subscriptions(work)
    after = (names - {name}) | wanted
    if after == names:
        return
    # The file is what is true; the index follows it, here or at the next look.
    work.rules.disk.put(work.path(subscriptions.FILE), subscriptions.written(after))
    run = work.connection.execute
    run("DELETE FROM subscriptions WHERE name = ?", (name,))
    for each in wanted:
        run("INSERT INTO subscriptions VALUES (?)", (each,))
    told(work, name, work.step())
