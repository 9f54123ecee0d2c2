"""
Messages on their way in: read once for what is computed of them, placed, and committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pymta.database.contents import Placed
from pymta.database.times import to_microseconds
from pymta.errors import PymtaError, StoreClosed
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import UID, Appended, MailboxName
from pymta.store._digest import Digest, digest_of
from pymta.store._flags import Parted
from pymta.store._incoming import checked_flags
from pymta.store.sql.appending import Added, Append, Incoming, Replace, append, replace
from pymta.store.sql.place import Place
from pymta.store.sql.resources import Batch, Resources

__all__ = ["Receiver"]


class Receiver:
    """One call of a session."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources

    async def append(self, place: Place, messages: Sequence[NewMessage]) -> Appended:
        """See :meth:`~pymta.interfaces.mailbox.IMailbox.append`."""
        incoming = await self._receive(messages)
        added = await self._write(append, Append(place, incoming), incoming)
        place.number = added.mailbox
        return added.appended

    async def replace(
        self, mailbox: int, uid: UID, *, destination: MailboxName, message: NewMessage
    ) -> Appended:
        """See :meth:`~pymta.interfaces.mailbox.IMailbox.replace`."""
        [incoming] = await self._receive([message])
        entry = Replace(mailbox, uid, destination, incoming)
        return (await self._write(replace, entry, [incoming])).appended

    async def _receive(self, messages: Sequence[NewMessage]) -> tuple[Incoming, ...]:
        flags = [checked_flags(message) for message in messages]
        breathe = self._resources.breathe
        digests = [await digest_of(message.content, breathe) for message in messages]
        placed = await self._resources.context.contents.place([m.content for m in messages])
        return tuple(map(_incoming, messages, flags, digests, placed))

    async def _write(
        self, batch: Batch[Any, Added], entry: object, incoming: Sequence[Incoming]
    ) -> Added:
        contents = self._resources.context.contents
        size = sum(m.placed.weight + _weight(m.digest) for m in incoming)
        try:
            added: Added = await self._resources.write(batch, entry, size=size)
        except StoreClosed:
            # In doubt: what may have been named must not be taken away.
            raise
        except (PymtaError, ValueError):
            contents.displace(m.placed for m in incoming)
            raise
        # What was delivered before is not named, and its writer's again.
        contents.displace(m.placed for m in incoming if m.placed.id not in added.contents)
        return added


def _weight(digest: Digest) -> int:
    return len(digest.envelope) + len(digest.structure) + len(digest.imap_structure)


def _incoming(message: NewMessage, flags: Parted, digest: Digest, placed: Placed) -> Incoming:
    date = message.internal_date
    return Incoming(
        placed=placed,
        digest=digest,
        flags=flags,
        internal_date=None if date is None else to_microseconds(date),
        delivery_id=message.delivery_id,
    )
