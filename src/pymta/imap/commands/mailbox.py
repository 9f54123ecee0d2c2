"""
CREATE, DELETE, RENAME, SUBSCRIBE and UNSUBSCRIBE (:rfc:`3501#section-6.3`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.errors import MailboxError
from pymta.imap.extension import Call
from pymta.imap.session import IMAPSession
from pymta.mailbox import INBOX
from pymta.wire.imap.command.mailbox import Create, Delete, Rename, Subscribe, Unsubscribe
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.status import NO, OK, Ending

__all__ = ["CALLS"]

_NO_NAME: Final = NO("That is no name for a mailbox", codes.CANNOT)


async def _create(session: IMAPSession, command: Create) -> Ending:
    try:
        info = await session.changed(session.store.create(command.mailbox, command.special_use))
    except ValueError:
        return _NO_NAME
    # RFC 8474 section 4.2
    return OK("Made", codes.mailbox_id(info.id))


async def _delete(session: IMAPSession, command: Delete) -> Ending:
    if command.mailbox == INBOX:
        return NO("INBOX cannot be deleted", codes.CANNOT)
    selected = session.selected
    if selected is not None and selected.mailbox.name == command.mailbox:
        # Nobody else may be surprised; who deletes what it has open is not.
        await session.leave_mailbox()
    await session.changed(session.store.delete(command.mailbox))
    return OK("Deleted")


async def _rename(session: IMAPSession, command: Rename) -> Ending:
    try:
        await session.changed(session.store.rename(command.old, command.new))
    except ValueError:
        return _NO_NAME
    return OK("Renamed")


async def _subscribe(session: IMAPSession, command: Subscribe) -> Ending:
    try:
        await session.changed(session.store.subscribe(command.mailbox))
    except ValueError:
        return _NO_NAME
    return OK("Subscribed")


async def _unsubscribe(session: IMAPSession, command: Unsubscribe) -> Ending:
    try:
        await session.changed(session.store.unsubscribe(command.mailbox))
    except (MailboxError, ValueError):
        return NO("That was not subscribed", codes.NONEXISTENT)
    return OK("Unsubscribed")


CALLS: Final[Mapping[type, Call]] = {
    Create: Call(_create),
    Delete: Call(_delete, slow=True),
    Rename: Call(_rename, slow=True),
    Subscribe: Call(_subscribe),
    Unsubscribe: Call(_unsubscribe),
}
