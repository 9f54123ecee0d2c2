"""
SELECT, EXAMINE, CLOSE, UNSELECT and EXPUNGE (:rfc:`3501#section-6.3.1`, :rfc:`3691`,
:rfc:`4315`, :rfc:`7162#section-3.2.5`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final

from pymta.errors import NoSuchMailbox, NotPermitted
from pymta.imap.extension import Call
from pymta.imap.removing import expunge
from pymta.imap.selected import Bell, Selected
from pymta.imap.session import IMAPSession
from pymta.imap.telling import keyword_lines
from pymta.imap.view import SelectedView
from pymta.interfaces.mailbox import IMailbox
from pymta.mailbox import DELETED, UID, ModSeq, Opened, UIDSet
from pymta.search import HasFlag
from pymta.wire.imap.command.select import Close, Expunge, QResync, Select, Unselect
from pymta.wire.imap.numset import Numbers, SeqSet
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.codes import Code
from pymta.wire.imap.response.mailbox import exists_line, list_line, recent_line, vanished_line
from pymta.wire.imap.response.status import BAD, NO, OK, Ending, untagged

__all__ = ["CALLS"]

PAIRS: Final = 10_000
"""Pairs of number and UID that are compared; a client sends some dozens."""


async def _select(session: IMAPSession, command: Select) -> Ending:
    if command.qresync is not None and not session.enabled("QRESYNC"):
        # RFC 7162 section 3.2.5
        return BAD("QRESYNC is not enabled")
    if command.qresync and command.qresync.known_numbers and session.enabled("UIDONLY"):
        # RFC 9586 section 3.4: numbers are not used any more, here too
        return BAD("Sequence numbers are not used any more", codes.UIDREQUIRED)
    if session.selected is not None:
        # RFC 3501 section 6.3.1: it is closed, whether the other one can be opened or not.
        await session.leave_mailbox()
        # RFC 7162 section 3.2.11
        session.say(untagged(OK("The previous mailbox is closed", codes.CLOSED)))
    store = session.store
    mailbox = await session.asked(store.open(command.mailbox, command.read_only))
    try:
        selected, opened = await _open(session, mailbox)
    except BaseException:
        mailbox.close()
        raise
    if command.condstore:
        session.enable_condstore()
    session.select(selected)
    session.say(b"".join(_lines(session, selected, opened)))
    if command.qresync is not None:
        await _resynchronise(session, command.qresync, opened.snapshot.uid_next)
    code = codes.READ_ONLY if mailbox.read_only else codes.READ_WRITE
    return OK("It is open", code)


async def _open(session: IMAPSession, mailbox: IMailbox) -> tuple[Selected, Opened]:
    # The bell first: what happens behind it is not missed.
    bell = Bell(mailbox, session.ring)
    opened = await session.asked(mailbox.opened())
    snapshot, recent = opened.snapshot, opened.snapshot.recent
    if recent < snapshot.uid_next and not mailbox.read_only:
        recent = await session.changed(mailbox.take_recent())
    view = SelectedView(snapshot, None if session.rev2 else UID(recent))
    view.vanishes = session.enabled("QRESYNC", "UIDONLY")
    view.by_uid_only = session.enabled("UIDONLY")
    selected = Selected(
        mailbox, view, keywords=opened.keywords, bell=bell, rights=opened.info.rights
    )
    return selected, opened


def _lines(session: IMAPSession, selected: Selected, opened: Opened) -> Iterator[bytes]:
    view, info, snapshot = selected.view, opened.info, opened.snapshot
    yield from keyword_lines(
        selected.keywords, read_only=selected.read_only, rights=selected.rights
    )
    yield exists_line(view.count)
    if session.rev2:
        # RFC 9051 section 6.3.2: REQUIRED, with the name as it is
        yield list_line(info.name, (), utf8=True)
    else:
        yield recent_line(view.recent)
    yield _said(codes.uid_validity(snapshot.uid_validity), "UIDs are valid")
    yield _said(codes.uid_next(snapshot.uid_next), "The next UID")
    yield _said(codes.highest_modseq(snapshot.modseq), "The highest")
    yield _said(codes.mailbox_id(info.id), "Its id")
    first = opened.first_unseen
    if first is not None and not session.rev2 and not session.enabled("UIDONLY"):
        # RFC 3501 section 7.1: optional, and a number; IMAP4rev2 has it no more
        yield _said(codes.unseen(view.number(first)), "The first unseen one")


def _said(code: Code, text: str) -> bytes:
    return untagged(OK(text, code))


# -- QRESYNC ---------------------------------------------------------------------------


async def _resynchronise(session: IMAPSession, known: QResync, uid_next: UID) -> None:
    """
    What the client has missed (:rfc:`7162#section-3.2.5`), up to the snapshot.

    What happens behind that is told as everywhere: what has gone, without EARLIER
    (section 3.2.10).

    :param uid_next: of the snapshot: no message of this UID was there to be missed.
    """
    here = session.here
    if known.uid_validity != here.view.uid_validity:
        return
    uids = None
    if known.known_uids is not None:
        uids = UIDSet.of_ranges(known.known_uids.ranges)
    changes = await session.asked(here.mailbox.changes(ModSeq(known.modseq), uids))
    if here.bell.rings:
        await session.refresh()
    gone = changes.vanished - here.view.uids
    gone = gone & UIDSet.of_ranges([(1, uid_next - 1)] if uid_next > 1 else [])
    moved = changes.arrived | UIDSet(uid for uid, _ in changes.changed)
    if uids is not None:
        gone, moved = gone & uids, moved & uids
    if known.known_numbers is not None:
        last = _last_match(here.view, *known.known_numbers)
        gone = gone - UIDSet.of_ranges([(1, last)] if last else [])
    if gone:
        session.say(vanished_line(gone, earlier=True))
        await session.flush()
    await session.tell_flags(moved & here.view.uids, by_uid=True)
    here.view.told(moved)


def _last_match(view: SelectedView, numbers: SeqSet, uids: SeqSet) -> int:
    """
    The last UID whose number the client has right: it knows of all that went before
    (:rfc:`7162#section-3.2.5.2`).  0 if there is none.
    """
    last = 0
    for number, uid in islice(zip(_each(numbers), _each(uids), strict=False), PAIRS):
        if number > view.count:
            break
        if view.uid(number) == uid:
            last = uid
    return last


def _each(numbers: SeqSet) -> Iterator[int]:
    for first, end in numbers.ranges:
        yield from range(first, end + 1)


# -- the end ---------------------------------------------------------------------------


async def _close(session: IMAPSession, _command: Close) -> Ending:
    here = session.here
    if not here.read_only:
        # RFC 3501 section 6.4.2: nobody is told; nor is HIGHESTMODSEQ (RFC 7162 section 3.2.8)
        try:
            await expunge(session)
        except (NoSuchMailbox, NotPermitted):
            pass  # RFC 4314 section 4: the mailbox is closed all the same
    await session.leave_mailbox()
    return OK("Closed")


async def _unselect(session: IMAPSession, _command: Unselect) -> Ending:
    await session.leave_mailbox()
    return OK("Closed; nothing was expunged")


async def _expunge(session: IMAPSession, command: Expunge) -> Ending:
    here = session.here
    uids, code = None, None
    if command.uids is not None:
        uids, code = session.bounded(await _marked(session, command.uids))
    if here.read_only:
        return NO("The mailbox is open read-only", codes.READ_ONLY)
    await expunge(session, uids)
    return session.with_code(OK("Expunged"), code)


async def _marked(session: IMAPSession, numbers: Numbers) -> UIDSet:
    """What UID EXPUNGE means; those that it would remove are only counted under a limit."""
    uids = session.resolve(numbers, by_uid=True)
    if session.bounded(uids)[1] is None:
        return uids
    found = await session.asked(session.here.mailbox.search(HasFlag(DELETED)))
    return uids & found.uids


CALLS: Final[Mapping[type, Call]] = {
    Select: Call(_select, slow=True),
    Close: Call(_close, slow=True),
    Unselect: Call(_unselect),
    Expunge: Call(_expunge, asks=True, slow=True),
}
