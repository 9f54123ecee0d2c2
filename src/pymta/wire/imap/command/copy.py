"""
COPY and MOVE, by number and by UID (:rfc:`3501#section-6.4.7`, :rfc:`6851`).
"""

from __future__ import annotations

from dataclasses import dataclass

from pymta.mailbox import MailboxName
from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.numset import Numbers

__all__ = ["Copy", "Move", "parse_copy", "parse_move"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """COPY."""

    numbers: Numbers
    mailbox: MailboxName
    by_uid: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """MOVE."""

    numbers: Numbers
    mailbox: MailboxName
    by_uid: bool = False


def parse_copy(cursor: Cursor) -> Copy:
    """Numbers and a mailbox."""
    numbers, mailbox = _arguments(cursor)
    return Copy(numbers=numbers, mailbox=mailbox, by_uid=cursor.by_uid)


def parse_move(cursor: Cursor) -> Move:
    """Numbers and a mailbox."""
    numbers, mailbox = _arguments(cursor)
    return Move(numbers=numbers, mailbox=mailbox, by_uid=cursor.by_uid)


def _arguments(cursor: Cursor) -> tuple[Numbers, MailboxName]:
    cursor.space()
    numbers = cursor.sequence_set()
    cursor.space()
    return numbers, cursor.mailbox()
