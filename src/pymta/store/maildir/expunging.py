"""
Messages that go: out of the folder, and for an hour to where their octets can be read.
"""

from __future__ import annotations

from collections.abc import Sequence

from pymta.mailbox import Expunged, ModSeq, UIDSet
from pymta.store._flags import BIT_DELETED
from pymta.store.maildir.boxes import Box
from pymta.store.maildir.filenames import base_of
from pymta.store.maildir.scanning import scan
from pymta.store.maildir.steps import bury
from pymta.store.maildir.work import REMOVED, Message, Work

__all__ = ["RETENTION", "bury_messages", "expunge", "remove"]

RETENTION = 3600 * 1_000_000
"""Microseconds that octets of an expunged message can be read."""


def expunge(work: Work, guid: str, uids: UIDSet | None) -> Expunged:
    """See :meth:`~pymta.interfaces.mailbox.IMailbox.expunge`."""
    box = work.box_to_change(guid)
    scan(work, box)
    return _remove(work, box, work.present(box, uids, f"AND flags & {BIT_DELETED}"))


def remove(work: Work, guid: str, uids: UIDSet) -> Expunged:
    """See :meth:`~pymta.interfaces.mailbox.IMailbox.remove`."""
    box = work.box_to_change(guid)
    scan(work, box)
    return _remove(work, box, work.present(box, uids))


def _remove(work: Work, box: Box, messages: Sequence[Message]) -> Expunged:
    if not messages:
        return Expunged(UIDSet(), ModSeq(box.modseq))
    modseq = work.step()
    bury_messages(work, box, messages, modseq)
    return Expunged(UIDSet(message.uid for message in messages), modseq)


def bury_messages(work: Work, box: Box, messages: Sequence[Message], modseq: int) -> None:
    """Expunge these, under this modseq."""
    now, rows = work.rules.now(), []
    for message in messages:
        target = f"{REMOVED}/{box.guid}.{message.uid}"
        work.steps.append(bury(box.folder, message.place, message.file, target=target))
        rows.append((box.id, message.uid, target, base_of(message.file), message.size, now))
    work.connection.executemany("INSERT OR REPLACE INTO buried VALUES (?, ?, ?, ?, ?, ?)", rows)
    work.drop(box, [message.uid for message in messages], modseq)
