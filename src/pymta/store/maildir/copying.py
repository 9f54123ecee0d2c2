"""
Copies: second names of the same file, as Dovecot makes them; no octet is written.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from pymta.mailbox import UID, Copied, Expunged, ModSeq, UIDSet, UIDValidity
from pymta.store._flags import Flags, names_of, part, spelled
from pymta.store._needed import check_needed
from pymta.store.maildir.appending import INSERT_MESSAGE, destination_of, take_uid, where
from pymta.store.maildir.boxes import Box
from pymta.store.maildir.digests import COLUMNS
from pymta.store.maildir.expunging import bury_messages
from pymta.store.maildir.filenames import Lettering, base_of, is_as_is, sized, sizes_of
from pymta.store.maildir.limits import box_quota, check_room
from pymta.store.maildir.listing import add_lines
from pymta.store.maildir.scanning import scan
from pymta.store.maildir.steps import place, staged_path
from pymta.store.maildir.work import Message, Work

__all__ = ["Name", "add_copies", "copy", "move"]

Name = Callable[[str], str]
"""Gives a new name, with this mark."""


def copy(
    work: Work, guid: str, *, uids: UIDSet, needed: UIDSet | None, destination: str, name: Name
) -> Copied:
    """See :meth:`~pymta.interfaces.mailbox.IMailbox.copy`."""
    box, target, messages = _both(work, guid, uids=uids, destination=destination)
    check_needed(needed, (message.uid for message in messages))
    check_room(work, target, sum(message.size for message in messages), len(messages))
    if not messages:
        return Copied(UIDValidity(target.validity), (), ModSeq(target.modseq))
    pairs, modseq = _copy(work, box, target, messages=messages, name=name)
    check_needed(needed, (old for old, _ in pairs))
    return _copied(target, (pairs, modseq))


def move(
    work: Work, guid: str, *, uids: UIDSet, needed: UIDSet | None, destination: str, name: Name
) -> tuple[Copied, Expunged]:
    """See :meth:`~pymta.interfaces.mailbox.IMailbox.move`."""
    box, target, messages = _both(work, guid, uids=uids, destination=destination)
    check_needed(needed, (message.uid for message in messages))
    if not messages:
        nothing = Copied(UIDValidity(target.validity), (), ModSeq(target.modseq))
        return nothing, Expunged(UIDSet(), ModSeq(box.modseq))
    if target is not box:
        size = sum(message.size for message in messages)
        box_quota(work, target).check(size, len(messages))
    pairs, modseq = _copy(work, box, target, messages=messages, name=name)
    check_needed(needed, (old for old, _ in pairs))
    gone = {old for old, _ in pairs}
    bury_messages(work, box, [each for each in messages if each.uid in gone], modseq)
    return _copied(target, (pairs, modseq)), Expunged(UIDSet(gone), modseq)


def _both(
    work: Work, guid: str, *, uids: UIDSet, destination: str
) -> tuple[Box, Box, list[Message]]:
    box = work.box_to_change(guid)
    target = destination_of(work, destination)
    scan(work, box)
    return box, target, work.present(box, uids)


def _copied(target: Box, made: tuple[Sequence[tuple[UID, UID]], ModSeq]) -> Copied:
    pairs, modseq = made
    return Copied(UIDValidity(target.validity), tuple(pairs), modseq)


def _copy(
    work: Work, box: Box, target: Box, *, messages: Sequence[Message], name: Name
) -> tuple[list[tuple[UID, UID]], ModSeq]:
    modseq = work.step()
    pairs, lines = add_copies(work, box, target, messages=messages, name=name, modseq=modseq)
    if lines:
        add_lines(work, target, lines)
    return pairs, modseq


def add_copies(
    work: Work,
    box: Box,
    target: Box,
    *,
    messages: Sequence[Message],
    name: Name,
    modseq: int,
) -> tuple[list[tuple[UID, UID]], list[tuple[int, str | None, str]]]:
    """
    Rows and steps of copies; those that are gone meanwhile have none.

    :returns: pairs of old and new UID, and lines for the UID list.
    """
    spelling = work.spelling(target)
    flags = {
        each: spelled(part(names_of(each)), spelling.known)
        for each in sorted({message.flags for message in messages}, key=str)
    }
    work.spell(target, spelling)
    copying = _Copying(work, box, target, modseq=modseq, lettering=Lettering(spelling.letters))
    sources = _sources(work, box, messages)
    for message in messages:
        copying.add(message, flags[message.flags], name, sources[message.uid])
    copying.finish()
    return copying.pairs, copying.lines


class _Copying:
    """Rows, lines and steps of copies, all of them at once."""

    def __init__(
        self, work: Work, box: Box, target: Box, *, modseq: int, lettering: Lettering
    ) -> None:
        self.pairs: list[tuple[UID, UID]] = []
        self.lines: list[tuple[int, str | None, str]] = []
        self._work = work
        self._box = box
        self._target = target
        self._modseq = modseq
        self._lettering = lettering
        self._now = work.rules.now()
        self._rows: list[tuple[Any, ...]] = []
        self._digests: list[tuple[int, ...]] = []

    def add(
        self, message: Message, flags: Flags, name: Name, source: tuple[int, str | None]
    ) -> None:
        """One of them.  :param source: internal date, and id if it is a copy itself."""
        before = base_of(message.file)
        internal, guid = source
        stem = name("B" if is_as_is(before) else "")
        if not self._link(message, stem):
            return
        target, sizes = self._target, sizes_of(before)
        base = sized(stem, sizes.octets or message.size, sizes.lined or message.size)
        to, file = where(base, flags, self._lettering)
        uid = take_uid(target)
        self._rows.append(
            (
                *(target.id, uid, to, file, flags.bits, " ".join(flags.keywords)),
                *(self._modseq, self._modseq, message.size, internal, self._now, guid or before),
            )
        )
        self._work.steps.append(place(staged_path(stem), target.folder, to=to, file=file))
        self.pairs.append((UID(message.uid), uid))
        self.lines.append((uid, guid or before, base))
        self._digests.append((target.id, uid, self._box.id, message.uid))

    def _link(self, message: Message, stem: str) -> bool:
        work = self._work
        source = work.path(self._box.folder, message.place, message.file)
        try:
            work.rules.disk.link(source, work.path(staged_path(stem)))
        except FileNotFoundError:
            return False  # gone meanwhile
        return True

    def finish(self) -> None:
        """Write them down."""
        run = self._work.connection.executemany
        run(INSERT_MESSAGE, self._rows)
        run(_COPY_DIGEST, self._digests)
        self._work.moved(self._target, self._modseq)


_COPY_DIGEST = (
    f"INSERT INTO digests SELECT ?, ?, {COLUMNS} FROM digests"  # noqa: S608  ours
    " WHERE box = ? AND uid = ?"
)


def _sources(
    work: Work, box: Box, messages: Sequence[Message]
) -> dict[int, tuple[int, str | None]]:
    """Internal date and id by UID."""
    first, last = (messages[0].uid, messages[-1].uid) if messages else (1, 0)
    rows = work.connection.execute(
        "SELECT uid, internal, guid FROM messages WHERE box = ? AND uid BETWEEN ? AND ?",
        (box.id, first, last),
    )
    return {uid: (internal, guid) for uid, internal, guid in rows}
