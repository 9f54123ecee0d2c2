"""
Computing envelopes and structures of messages that other programs brought: when they are first
asked for, on the reactor, slice by slice, and then kept as if they had been appended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from pymta.errors import MessageGone, SpoolError
from pymta.interfaces.content import SLICE
from pymta.mailbox import UID, UIDSet
from pymta.message.preview import preview
from pymta.store._digest import Digest, DigestReader
from pymta.store.maildir import looking, reading
from pymta.store.maildir.account import Account
from pymta.store.maildir.digests import INSERT_DIGEST, digest_columns
from pymta.store.maildir.work import Work

__all__ = ["digest"]

_AT_ONCE = 100

Digested = tuple[UID, Digest, int]


async def digest(account: Account, guid: str, uids: UIDSet | None) -> None:
    """
    Compute what is missing.

    :param uids: whose; None is all.
    """
    while unread := await account.look(lambda work: looking.unread(work, guid, uids, _AT_ONCE)):
        made = [each for uid in unread if (each := await _digest(account, guid, uid)) is not None]
        await account.change(partial(_keep, guid=guid, digests=made))
        if len(unread) < _AT_ONCE or not made:
            return


async def _digest(account: Account, guid: str, uid: UID) -> Digested | None:
    reader, size = DigestReader(), 0
    try:
        found = await account.look(lambda work: reading.find(work, guid, uid))
        file = reading.File(found)
        while octets := await account.run(partial(file.read, size, size + SLICE)):
            await reader.feed_in_turns(octets, account.resources.breathe)
            size += len(octets)
            await account.resources.breathe()
    except (MessageGone, SpoolError, FileNotFoundError):
        return None

    async def again() -> reading.Found:
        return await account.look_again(guid, lambda work: reading.find(work, guid, uid))

    made = await reader.finish_in_turns(account.resources.breathe)
    assert reader.structure is not None
    content = await reading.open_content(found, run=account.run, again=again)
    return uid, replace(made, preview=await preview(content, reader.structure)), size


def _keep(work: Work, guid: str, digests: Sequence[Digested]) -> None:
    box, rows, sizes = work.box(guid), [], []
    for uid, made, size in digests:
        rows.append((box.id, uid, *digest_columns(made), box.id, uid))
        # The name of the file may have told another size than it has.
        sizes.append((size, box.id, uid, size))
    run = work.connection.executemany
    run(_INSERT, rows)
    run("UPDATE messages SET size = ? WHERE box = ? AND uid = ? AND size != ?", sizes)


_VALUES = INSERT_DIGEST.partition("(")[2].partition(")")[0]
_INSERT = (
    f"INSERT OR IGNORE INTO digests SELECT {_VALUES}"  # noqa: S608  question marks
    " WHERE EXISTS (SELECT 1 FROM messages WHERE box = ? AND uid = ?)"
)
