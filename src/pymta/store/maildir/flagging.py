"""
Flags: other names of files, and rows that say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymta.mailbox import UID, FlagMode, UIDSet
from pymta.store._flags import Flags, Parted, changed, spelled
from pymta.store.maildir.boxes import Box
from pymta.store.maildir.filenames import Lettering, named
from pymta.store.maildir.scanning import scan
from pymta.store.maildir.steps import flag
from pymta.store.maildir.work import Message, Work

__all__ = ["ChangeFlags", "change_flags", "take_recent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeFlags:
    """What is asked for."""

    uids: UIDSet
    mode: FlagMode
    asked: Parted
    unchanged_since: int | None


def change_flags(work: Work, guid: str, change: ChangeFlags) -> UIDSet:
    """See :meth:`~pymta.interfaces.mailbox.IMailbox.change_flags`."""
    box = work.box_to_change(guid)
    scan(work, box)
    messages = work.present(box, change.uids)
    since = change.unchanged_since
    late = {each.uid for each in messages if since is not None and each.modseq > since}
    spelling = work.spelling(box)
    asked = spelled(change.asked, spelling.known)
    before = [(each, each.flags) for each in messages if each.uid not in late]
    after = [(each, changed(flags, change.mode, asked)) for each, flags in before]
    after = [(each, flags) for each, flags in after if flags != each.flags]
    if after:
        work.spell(box, spelling)
        lettering = Lettering(spelling.letters)
        _set(work, box, [(each, flags, lettering.name(each.file, flags)) for each, flags in after])
    return UIDSet(late)


def _set(work: Work, box: Box, after: list[tuple[Message, Flags, str]]) -> None:
    modseq, rows = work.step(), []
    for message, flags, file in after:
        to = message.place
        if file != message.file:
            to = "cur"
            work.steps.append(flag(box.folder, message.place, message.file, after=file))
        keywords = " ".join(flags.keywords)
        rows.append((to, file, flags.bits, keywords, modseq, box.id, message.uid))
    work.connection.executemany(_SET, rows)
    work.moved(box, modseq)


_SET = (
    "UPDATE messages SET place = ?, file = ?, flags = ?, keywords = ?, modseq = ?"
    " WHERE box = ? AND uid = ?"
)


def take_recent(work: Work, guid: str) -> UID:
    """
    See :meth:`~pymta.interfaces.mailbox.IMailbox.take_recent`.

    What other programs would take for new goes to ``cur``.
    """
    box = work.box_to_change(guid)
    scan(work, box)
    rows = []
    for message in work.present(box, None, "AND place = 'new'"):
        file = named(message.file.partition(":")[0], "")
        work.steps.append(flag(box.folder, "new", message.file, after=file))
        rows.append((file, box.id, message.uid))
    work.connection.executemany(_TAKE, rows)
    recent, box.recent = box.recent, box.uid_next
    return UID(recent)


_TAKE = "UPDATE messages SET place = 'cur', file = ? WHERE box = ? AND uid = ?"
