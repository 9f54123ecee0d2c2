"""
Adding messages: new ones that wait in ``tmp``, and second names of those of another mailbox.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pymta.errors import MessageGone
from pymta.mailbox import UID, Appended, ModSeq, UIDSet, UIDValidity
from pymta.store._digest import Digest
from pymta.store._flags import NO_FLAGS, Flags, Parted, spelled
from pymta.store.maildir.boxes import Box
from pymta.store.maildir.deliveries import delivered, remember
from pymta.store.maildir.digests import INSERT_DIGEST, digest_columns
from pymta.store.maildir.expunging import bury_messages
from pymta.store.maildir.filenames import Lettering, base_of, sized
from pymta.store.maildir.limits import account_quota, box_quota, check_room, check_sizes
from pymta.store.maildir.listing import add_lines
from pymta.store.maildir.scanning import scan
from pymta.store.maildir.steps import place
from pymta.store.maildir.uidlist import LOCK
from pymta.store.maildir.work import Work

__all__ = [
    "INSERT_MESSAGE",
    "Staged",
    "append",
    "destination_of",
    "replace",
    "take_uid",
    "where",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """
    A message in a ``tmp``, durable.

    :param stem: its name there.
    :param lined: its size with each line ended by CRLF.
    :param internal: microseconds; None is now.
    :param key: of its delivery.
    """

    path: str
    stem: str
    octets: int
    lined: int
    digest: Digest
    flags: Parted
    internal: int | None
    key: str | None


def box_to_add_to(work: Work, box: Box) -> Box:
    """The same; nobody else gives UIDs there until all is done."""
    work.lock(box.folder, LOCK)
    scan(work, box)
    return box


def destination_of(work: Work, name: str) -> Box:
    """The same for a mailbox of that name.  :raises NoSuchMailbox: none."""
    return box_to_add_to(work, work.box_to_change(work.box_named(name).guid))


def append(work: Work, guid: str, staged: Sequence[Staged]) -> Appended:
    """See :meth:`~pymta.interfaces.mailbox.IMailbox.append`."""
    box = box_to_add_to(work, work.box_to_change(guid))
    new = _unknown(work, box, staged)
    check_sizes(work, box, [(each.octets, each.key) for each in new])
    check_room(work, box, sum(each.octets for each in new), len(new))
    modseq = work.step() if new else ModSeq(box.modseq)
    return Appended(UIDValidity(box.validity), _add(work, box, staged, modseq), modseq)


def replace(work: Work, guid: str, *, uid: UID, destination: str, staged: Staged) -> Appended:
    """See :meth:`~pymta.interfaces.mailbox.IMailbox.replace`."""
    box = work.box_to_change(guid)
    target = destination_of(work, destination)
    scan(work, box)
    old = work.present(box, UIDSet([uid]))
    if not old:
        raise MessageGone(f"no message {uid} in {box.name}")
    check_sizes(work, target, [(staged.octets, staged.key)])
    more = staged.octets - old[0].size
    account_quota(work).check(more, 0)
    box_quota(work, target).check(*((more, 0) if target is box else (staged.octets, 1)))
    modseq = work.step()
    uids = _add(work, target, [staged], modseq)
    bury_messages(work, box, old, modseq)
    return Appended(UIDValidity(target.validity), uids, modseq)


def _unknown(work: Work, box: Box, staged: Sequence[Staged]) -> list[Staged]:
    """Those that were not delivered before, and are not twice in one call."""
    seen: set[str] = set()
    new = []
    for each in staged:
        if each.key is None or (each.key not in seen and delivered(work, box, each.key) is None):
            new.append(each)
        if each.key is not None:
            seen.add(each.key)
    return new


def _add(work: Work, box: Box, staged: Sequence[Staged], modseq: ModSeq) -> tuple[UID, ...]:
    spelling = work.spelling(box)
    flags = [spelled(each.flags, spelling.known) for each in staged]
    work.spell(box, spelling)
    lettering = Lettering(spelling.letters)
    adding = _Adding(work, box, modseq)
    uids: list[UID] = []
    known: dict[str, UID] = {}
    for each, flagged in zip(staged, flags, strict=True):
        uid = None if each.key is None else known.get(each.key) or delivered(work, box, each.key)
        if uid is None:
            base = sized(each.stem, each.octets, each.lined)
            uid = adding.add(each, where(base, flagged, lettering), flagged)
        if each.key is not None:
            known[each.key] = uid
        uids.append(uid)
    adding.finish()
    return tuple(uids)


class _Adding:
    """Rows, lines and steps of new messages, all of them at once."""

    def __init__(self, work: Work, box: Box, modseq: ModSeq) -> None:
        self._work = work
        self._box = box
        self._modseq = modseq
        self._now = work.rules.now()
        self._rows: list[tuple[Any, ...]] = []
        self._digests: list[tuple[Any, ...]] = []
        self._lines: list[tuple[int, str | None, str]] = []

    def add(self, staged: Staged, file: tuple[str, str], flags: Flags) -> UID:
        """The next UID is its.  :param file: its folder and name."""
        box = self._box
        internal = self._now if staged.internal is None else staged.internal
        uid = take_uid(box)
        self._rows.append(
            (
                *(box.id, uid, *file, flags.bits, " ".join(flags.keywords)),
                *(self._modseq, self._modseq, staged.octets, internal, self._now, None),
            )
        )
        self._digests.append((box.id, uid, *digest_columns(staged.digest)))
        self._lines.append((uid, None, base_of(file[1])))
        remember(self._work, box, staged.key, uid)
        self._work.steps.append(place(staged.path, box.folder, to=file[0], file=file[1]))
        return uid

    def finish(self) -> None:
        """Write them down."""
        if self._rows:
            run = self._work.connection.executemany
            run(INSERT_MESSAGE, self._rows)
            run(INSERT_DIGEST, self._digests)
            add_lines(self._work, self._box, self._lines)
            self._work.moved(self._box, self._modseq)


INSERT_MESSAGE = "INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def take_uid(box: Box) -> UID:
    """The next one."""
    uid = UID(box.uid_next)
    box.uid_next += 1
    return uid


def where(base: str, flags: Flags, lettering: Lettering) -> tuple[str, str]:
    """Folder and name of a new message: one without flags is new to other programs too."""
    if flags == NO_FLAGS:
        return "new", base
    return "cur", lettering.name(base, flags)
