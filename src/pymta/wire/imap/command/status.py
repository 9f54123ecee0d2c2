"""
STATUS (:rfc:`3501#section-6.3.10`), and its items, which LIST asks for too (:rfc:`5819`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from pymta.mailbox import MailboxName
from pymta.wire.imap.cursor import Cursor

__all__ = ["Status", "StatusItem", "parse_status", "parse_status_items"]


class StatusItem(Enum):
    """One figure of a mailbox."""

    MESSAGES = "MESSAGES"
    RECENT = "RECENT"
    UIDNEXT = "UIDNEXT"
    UIDVALIDITY = "UIDVALIDITY"
    UNSEEN = "UNSEEN"
    DELETED = "DELETED"  # RFC 9051 section 6.3.11
    SIZE = "SIZE"  # RFC 8438
    HIGHESTMODSEQ = "HIGHESTMODSEQ"  # RFC 7162 section 3.1.7
    APPENDLIMIT = "APPENDLIMIT"  # RFC 7889
    MAILBOXID = "MAILBOXID"  # RFC 8474 section 4.3
    DELETED_STORAGE = "DELETED-STORAGE"  # RFC 9208 section 5.2


_ITEMS: Final = {item.value: item for item in StatusItem}


@dataclass(frozen=True, slots=True)
class Status:
    """STATUS.  :param items: in the order asked for, none twice."""

    mailbox: MailboxName
    items: tuple[StatusItem, ...]


def parse_status(cursor: Cursor) -> Status:
    """A mailbox and items."""
    cursor.space()
    mailbox = cursor.mailbox()
    cursor.space()
    return Status(mailbox, parse_status_items(cursor))


def parse_status_items(cursor: Cursor) -> tuple[StatusItem, ...]:
    """Items in parentheses."""
    return tuple(dict.fromkeys(cursor.listed(_item)))


def _item(cursor: Cursor) -> StatusItem:
    word = cursor.word()
    try:
        return _ITEMS[word]
    except KeyError:
        raise cursor.bad("no such item of STATUS") from None
