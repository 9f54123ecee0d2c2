"""
STORE (:rfc:`3501#section-6.4.6`, :rfc:`7162#section-3.1.3`).

A client that asks for silence keeps its own account of the flags.  So a silent STORE first changes
only what nobody else has changed since the client was last told, in one condition of the store's;
messages that somebody has are changed then, and told.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta.imap.extension import Call, Numbering
from pymta.imap.keywording import check_keywords, folded
from pymta.imap.session import IMAPSession
from pymta.imap.view import slices
from pymta.mailbox import ModSeq, UIDSet, Wanted
from pymta.wire.imap.command.store import Store
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.status import NO, OK, Ending

__all__ = ["CALLS"]


async def _store(session: IMAPSession, command: Store) -> Ending:
    here = session.here
    if command.unchanged_since is not None:
        session.enable_condstore()
    uids, code = session.bounded(session.resolve(command.numbers, by_uid=command.by_uid))
    if here.read_only:
        return NO("The mailbox is open read-only", codes.READ_ONLY)
    asked = folded(command.change.flags)
    if not asked <= folded(here.keywords):
        await check_keywords(session, here.mailbox, asked)
    owed = here.view.take_changed(uids)
    try:
        late, moved = await _change(session, command, uids)
    except ValueError:
        here.view.owe(owed)
        return NO("A flag that cannot be set", codes.CANNOT)
    await session.refresh()
    changed = here.view.take_changed(uids - late) | (owed - late)
    # Left out: what they are now is told before the end, as all else that is new.
    here.view.owe(owed & late)
    if command.silent:
        loud = changed & (owed | moved)
    else:
        loud = uids - late
    await session.tell_flags(loud, by_uid=command.by_uid)
    if session.enabled("CONDSTORE", "QRESYNC"):
        await _tell_modseqs(session, changed - loud, by_uid=command.by_uid)
    return session.with_code(_ending(session, command, uids, late), code)


async def _change(session: IMAPSession, command: Store, uids: UIDSet) -> tuple[UIDSet, UIDSet]:
    """
    Change them.

    :returns: those that were left out, and those that others have changed meanwhile.
    """
    if command.unchanged_since is not None:
        return await _flag(session, command, uids, ModSeq(command.unchanged_since)), UIDSet()
    if not command.silent:
        return await _flag(session, command, uids, None), UIDSet()
    moved = await _flag(session, command, uids, session.here.view.asked)
    await _flag(session, command, moved, None)
    return UIDSet(), moved


async def _flag(session: IMAPSession, command: Store, uids: UIDSet, since: ModSeq | None) -> UIDSet:
    """
    Change flags, in as few commits as let others have their turn.

    :returns: those that were changed after ``since``, and left out.
    """
    late = UIDSet()
    for part in slices(uids):
        change = session.here.mailbox.change_flags(part, command.change, since)
        late = late | await session.changed(change)
    return late


async def _tell_modseqs(session: IMAPSession, uids: UIDSet, *, by_uid: bool) -> None:
    """:rfc:`7162#section-3.1.3`: also where silence was asked for."""
    here, style = session.here, session.style(by_uid=by_uid)
    for part in slices(uids):
        rows = await session.asked(here.mailbox.records(part, [Wanted.MODSEQ]))
        numbers = here.view.numbers([row[0] for row in rows])
        for number, (uid, modseq) in zip(numbers, rows, strict=True):
            session.say(style.line(number, uid, [b"MODSEQ (%d)" % modseq]))
        session.owes_highest |= here.view.holding
        await session.flush()


def _ending(session: IMAPSession, command: Store, uids: UIDSet, late: UIDSet) -> Ending:
    if late:
        told = late if command.by_uid else _numbers(session, late)
        return OK("Some were changed by others", codes.modified(told))
    if not command.by_uid and any(session.here.view.is_gone(uid) for uid in uids):
        # RFC 2180 section 4.2.1: the client is told why it hears nothing of them.
        return NO("Some of them were removed by others", codes.EXPUNGEISSUED)
    return OK("Stored")


def _numbers(session: IMAPSession, uids: UIDSet) -> UIDSet:
    # The code has numbers where the command had (RFC 7162 section 3.1.3).
    return UIDSet(session.here.view.number(uid) for uid in uids)


CALLS: Final[Mapping[type, Call]] = {Store: Call(_store, numbering=Numbering.STAYS, slow=True)}
