"""
COPY and MOVE (:rfc:`3501#section-6.4.7`, :rfc:`6851`), in one commit each.

What numbers mean is copied as a whole or not at all: a client knows of a message that others have
removed until it is told, and would take an OK for a copy of it.  The store looks in the commit, so
nobody comes between; the NO [EXPUNGEISSUED] is that of its ``MessageGone``, and the EXPUNGE is told
in front of it (:rfc:`2180#section-4.4`).  UIDs that nobody has are passed over
(:rfc:`3501#section-6.4.8`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.errors import NoSuchMailbox
from pymta.imap.endings import no_destination
from pymta.imap.extension import Call
from pymta.imap.session import Brought, IMAPSession
from pymta.mailbox import Copied, MailboxName
from pymta.wire.imap.command.copy import Copy, Move
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.status import NO, OK, Ending, untagged

__all__ = ["CALLS"]


async def _copy(session: IMAPSession, command: Copy) -> Ending:
    uids = session.resolve(command.numbers, by_uid=command.by_uid)
    limit = session.settings.most_saved
    if limit is not None and len(uids) > limit:
        # RFC 9738 section 3: COPY is done for all of them or for none.
        return NO("Too many messages at once", codes.message_limit(limit))
    needed = None if command.by_uid else uids
    try:
        copied = await session.changed(session.here.mailbox.copy(uids, command.mailbox, needed))
    except NoSuchMailbox:
        return no_destination()
    session.brought = _brought(command.mailbox, copied)
    return OK("Copied", _code(copied))


async def _move(session: IMAPSession, command: Move) -> Ending:
    uids, limit = session.bounded(session.resolve(command.numbers, by_uid=command.by_uid))
    needed = None if command.by_uid else uids
    try:
        copied, _ = await session.changed(session.here.mailbox.move(uids, command.mailbox, needed))
    except NoSuchMailbox:
        return no_destination()
    session.brought = _brought(command.mailbox, copied)
    code = _code(copied)
    if code is not None:
        # RFC 6851 section 4.3: in an untagged OK, in front of the EXPUNGEs
        session.say(untagged(OK("Moved", code)))
    return session.with_code(OK("Moved"), limit)


def _brought(destination: MailboxName, copied: Copied) -> Brought:
    return Brought(destination, [new for _, new in copied.pairs])


def _code(copied: Copied) -> codes.Code | None:
    # RFC 4315 section 3: without a copied message there is nothing to be told.
    return codes.copy_uid(copied.uid_validity, copied.pairs) if copied.pairs else None


CALLS: Final[Mapping[type, Call]] = {
    Copy: Call(_copy, asks=True, slow=True),
    Move: Call(_move, asks=True, slow=True),
}
