"""
STATUS (:rfc:`3501#section-6.3.10`), also for LIST (:rfc:`5819`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pymta.errors import NoSuchMailbox
from pymta.imap.extension import Call
from pymta.imap.session import IMAPSession
from pymta.mailbox import MailboxInfo, Snapshot
from pymta.wire.imap.command.status import Status, StatusItem
from pymta.wire.imap.response import atoms, codes
from pymta.wire.imap.response.status import NO, OK, Ending

__all__ = ["CALLS", "status_line"]


async def _status(session: IMAPSession, command: Status) -> Ending:
    if StatusItem.HIGHESTMODSEQ in command.items:
        session.enable_condstore()
    mailbox = await session.asked(session.store.open(command.mailbox, read_only=True))
    try:
        info = await session.asked(mailbox.info())
        if "r" not in info.rights:
            if "l" not in info.rights:
                # RFC 4314 section 6
                raise NoSuchMailbox(f"no mailbox {command.mailbox}")
            # RFC 4314 section 4
            return NO("You may not read it", codes.NOPERM)
        recent = 0
        if StatusItem.RECENT in command.items:
            recent = _recent(await session.asked(mailbox.snapshot()))
    finally:
        mailbox.close()
    session.say(_line(session, info, command.items, recent))
    return OK("Counted")


async def status_line(
    session: IMAPSession, info: MailboxInfo, items: tuple[StatusItem, ...]
) -> bytes:
    """The response for one mailbox, which is opened only for RECENT."""
    recent = 0
    if StatusItem.RECENT in items:
        mailbox = await session.asked(session.store.open(info.name, read_only=True))
        try:
            recent = _recent(await session.asked(mailbox.snapshot()))
        finally:
            mailbox.close()
    return _line(session, info, items, recent)


def _recent(snapshot: Snapshot) -> int:
    return sum(
        last - max(first, snapshot.recent) + 1
        for first, last in snapshot.uids.ranges
        if last >= snapshot.recent
    )


def _line(
    session: IMAPSession, info: MailboxInfo, items: tuple[StatusItem, ...], recent: int
) -> bytes:
    pairs = [
        b"%s %s" % (item.value.encode(), _value(session, info, item, recent)) for item in items
    ]
    name = atoms.mailbox(info.name, utf8=session.utf8)
    return b"* STATUS %s %s\r\n" % (name, atoms.parenthesised(pairs))


def _value(session: IMAPSession, info: MailboxInfo, item: StatusItem, recent: int) -> bytes:
    match item:
        case StatusItem.MAILBOXID:
            return b"(%s)" % info.id.encode("ascii")
        case StatusItem.APPENDLIMIT:
            limits = (session.settings.append_limit, info.append_limit)
            limit = min((each for each in limits if each is not None), default=None)
            return atoms.NIL if limit is None else b"%d" % limit
        case StatusItem.RECENT:
            return b"%d" % recent
    return b"%d" % _FIGURES[item](info)


_FIGURES: Final[Mapping[StatusItem, Callable[[MailboxInfo], int]]] = {
    StatusItem.MESSAGES: lambda info: info.messages,
    StatusItem.UIDNEXT: lambda info: info.uid_next,
    StatusItem.UIDVALIDITY: lambda info: info.uid_validity,
    StatusItem.UNSEEN: lambda info: info.unseen,
    StatusItem.DELETED: lambda info: info.deleted,
    StatusItem.SIZE: lambda info: info.size,
    StatusItem.HIGHESTMODSEQ: lambda info: info.modseq,
    StatusItem.DELETED_STORAGE: lambda info: info.deleted_size,
}

CALLS: Final[Mapping[type, Call]] = {Status: Call(_status)}
