"""
How many keywords a mailbox may come to know (:rfc:`5530#section-3`, LIMIT).

Each is told in FLAGS by every SELECT and with every new one, and looked through by every commit
that changes flags, for which others wait.  None is forgotten before its mailbox is.
"""

from __future__ import annotations

from collections.abc import Iterable

from pymta.errors import MailboxError, PymtaError
from pymta.imap.session import IMAPSession
from pymta.imap.telling import MOST_KEYWORDS
from pymta.imap.view import slices
from pymta.interfaces.mailbox import IMailbox
from pymta.mailbox import MailboxName, UIDSet, Wanted

__all__ = ["TooManyKeywords", "check_copied", "check_keywords", "folded"]


class TooManyKeywords(PymtaError):
    """The mailbox knows as many as it may, and these are new to it."""


def folded(flags: Iterable[str]) -> frozenset[str]:
    """The keywords among flags; case does not count."""
    return frozenset(flag.lower() for flag in flags if not flag.startswith("\\"))


async def check_keywords(session: IMAPSession, mailbox: IMailbox, asked: frozenset[str]) -> None:
    """:param asked: as :func:`folded` has them.  :raises TooManyKeywords: as it says."""
    if not asked:
        return
    try:
        known = folded(await session.asked(mailbox.keywords()))
    except MailboxError:
        return  # whoever puts them there says what is wrong with it
    _check(known, asked)


async def check_copied(session: IMAPSession, uids: UIDSet, destination: MailboxName) -> None:
    """
    The same of messages that go from the selected mailbox into another one.

    :raises TooManyKeywords: as it says.
    """
    here = session.here
    most = folded(here.keywords)
    if not most:
        return
    try:
        known = await _known_at(session, destination)
    except MailboxError:
        return  # whoever copies says what is wrong with it
    if len(known | most) <= MOST_KEYWORDS:
        return
    asked: frozenset[str] = frozenset()
    for part in slices(uids):
        rows = await session.asked(here.mailbox.records(part, [Wanted.FLAGS]))
        asked |= folded({flag for _, flags in rows for flag in flags})
    _check(known, asked)


async def _known_at(session: IMAPSession, name: MailboxName) -> frozenset[str]:
    mailbox = await session.asked(session.store.open(name, True))
    try:
        return folded(await session.asked(mailbox.keywords()))
    finally:
        mailbox.close()


def _check(known: frozenset[str], asked: frozenset[str]) -> None:
    if not asked <= known and len(known | asked) > MOST_KEYWORDS:
        raise TooManyKeywords(f"more than {MOST_KEYWORDS} keywords")
