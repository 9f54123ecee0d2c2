"""
EXPUNGE, UID EXPUNGE and CLOSE in as many commits as let others have their turn.

No standard wants all of it to be one: each message is removed or is not, and each removal is told
(:rfc:`3501#section-6.4.3`).
"""

from __future__ import annotations

from pymta.imap.session import IMAPSession
from pymta.imap.view import SLICE, slices
from pymta.mailbox import DELETED, UIDSet
from pymta.search import HasFlag

__all__ = ["expunge"]


async def expunge(session: IMAPSession, uids: UIDSet | None = None) -> None:
    """Remove those with ``\\Deleted``.  :param uids: of these; None is all."""
    mailbox = session.here.mailbox
    if (await session.asked(mailbox.info())).deleted <= SLICE:
        await session.changed(mailbox.expunge(uids))
        return
    marked = (await session.found(mailbox.search(HasFlag(DELETED)))).uids
    for part in slices(marked if uids is None else marked & uids):
        await session.changed(mailbox.expunge(part))
