"""
Changes of boxes: each a step of one modseq, which its caller takes and tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pymta.interfaces.content import Octets, octets_of
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import UID, ModSeq
from pymta.store._digest import Digest, digest_of
from pymta.store._flags import Parted, spelled
from pymta.store._incoming import checked_flags
from pymta.store.memory.state import Box, Message

__all__ = ["RETENTION", "Received", "copy", "drop", "put", "receive", "unknown"]

RETENTION = timedelta(hours=1)
"""How long octets of an expunged message can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message to be appended, read and looked through."""

    content: Octets
    digest: Digest
    flags: Parted
    internal_date: datetime | None
    delivery_id: str | None


async def receive(message: NewMessage) -> Received:
    """Read it into memory.  :raises ValueError: as :func:`checked_flags`."""
    flags = checked_flags(message)
    content = Octets(await octets_of(message.content))
    return Received(
        content=content,
        digest=await digest_of(content, _without_a_clock),
        flags=flags,
        internal_date=message.internal_date,
        delivery_id=message.delivery_id,
    )


async def _without_a_clock() -> None:
    """Nothing else has a turn: a store for tests needs no reactor."""


def unknown(incoming: Sequence[Received], box: Box) -> list[Received]:
    """Those that an append would add: not delivered before, and not twice in one call."""
    seen = set(box.deliveries)
    new = []
    for each in incoming:
        if each.delivery_id not in seen:
            new.append(each)
            if each.delivery_id is not None:
                seen.add(each.delivery_id)
    return new


def put(box: Box, incoming: Sequence[Received], modseq: ModSeq, now: datetime) -> tuple[UID, ...]:
    """Add them; one that was delivered before keeps the UID it has, or had."""
    return tuple(_put(box, each, modseq, now) for each in incoming)


def _put(box: Box, received: Received, modseq: ModSeq, now: datetime) -> UID:
    if received.delivery_id in box.deliveries:
        return box.deliveries[received.delivery_id]
    message = Message(
        content=received.content,
        digest=received.digest,
        email_id=f"E{box.id}-{box.uid_next}",
        flags=spelled(received.flags, box.keywords),
        arrived=modseq,
        modseq=modseq,
        internal_date=received.internal_date or now,
        save_date=now,
    )
    uid = box.put(message)
    if received.delivery_id is not None:
        box.deliveries[received.delivery_id] = uid
    return uid


def copy(
    box: Box, target: Box, uids: Sequence[UID], *, modseq: ModSeq, now: datetime
) -> tuple[tuple[UID, UID], ...]:
    """Put copies into ``target``.  :returns: pairs of old and new UID."""
    messages = [(uid, box.messages[uid]) for uid in uids]
    return tuple(
        (uid, target.put(message.copied(target.keywords, modseq, now))) for uid, message in messages
    )


def drop(box: Box, uids: Sequence[UID], *, modseq: ModSeq, now: datetime, tombstones: int) -> None:
    """Expunge them, and forget what is old."""
    for uid in uids:
        box.drop(uid, modseq, now)
    box.forget(tombstones, now - RETENTION)
