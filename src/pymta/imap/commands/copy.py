"""
COPY and MOVE (:rfc:`3501#section-6.4.7`, :rfc:`6851`).

A COPY is one commit, whatever its size; a MOVE may end partway through its set
(:rfc:`6851#section-3.3`), so it is as many as let others have their turn.

What numbers mean is copied by one commit as a whole or not at all: a client knows of a message that
others have removed until it is told, and would take an OK for a copy of it.  The store looks in the
commit, so nobody comes between; its ``MessageGone`` is NO [EXPUNGEISSUED], behind the EXPUNGE
(:rfc:`2180#section-4.4`).  UIDs that nobody has are passed over (:rfc:`3501#section-6.4.8`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pymta.errors import NoSuchMailbox
from pymta.imap.endings import no_destination
from pymta.imap.extension import Call
from pymta.imap.keywording import check_copied
from pymta.imap.session import Brought, IMAPSession
from pymta.imap.view import slices
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
    await check_copied(session, uids, command.mailbox)
    needed = None if command.by_uid else uids
    try:
        copied = await session.changed(session.here.mailbox.copy(uids, command.mailbox, needed))
    except NoSuchMailbox:
        return no_destination()
    session.brought = _brought(command.mailbox, copied)
    return OK("Copied", _code(copied))


async def _move(session: IMAPSession, command: Move) -> Ending:
    uids, limit = session.bounded(session.resolve(command.numbers, by_uid=command.by_uid))
    await check_copied(session, uids, command.mailbox)
    moved: list[Copied] = []
    try:
        for part in list(slices(uids)) or [uids]:
            needed = None if command.by_uid else part
            move = session.here.mailbox.move(part, command.mailbox, needed)
            moved.append((await session.changed(move))[0])
    except NoSuchMailbox:
        return no_destination()
    finally:
        for copied in _together(moved):
            session.brought = _brought(command.mailbox, copied)
            code = _code(copied)
            if code is not None:
                # RFC 6851 section 4.3: in an untagged OK, in front of the EXPUNGEs
                session.say(untagged(OK("Moved", code)))
    return session.with_code(OK("Moved"), limit)


def _together(parts: Iterable[Copied]) -> list[Copied]:
    """As one; but for a mailbox that was made anew meanwhile, whose UIDs are others."""
    whole: list[Copied] = []
    for part in parts:
        if whole and whole[-1].uid_validity == part.uid_validity:
            pairs = whole.pop().pairs + part.pairs
            part = Copied(part.uid_validity, pairs, part.modseq)
        whole.append(part)
    return whole


def _brought(destination: MailboxName, copied: Copied) -> Brought:
    return Brought(destination, [new for _, new in copied.pairs])


def _code(copied: Copied) -> codes.Code | None:
    # RFC 4315 section 3: without a copied message there is nothing to be told.
    return codes.copy_uid(copied.uid_validity, copied.pairs) if copied.pairs else None


CALLS: Final[Mapping[type, Call]] = {
    Copy: Call(_copy, asks=True, slow=True),
    Move: Call(_move, asks=True, slow=True),
}
