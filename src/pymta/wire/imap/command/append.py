"""
APPEND and REPLACE: what stands in front of the messages (:rfc:`3501#section-6.3.11`,
:rfc:`8508`).

The messages come as a stream: :mod:`pymta.wire.imap.append` reads them, and the machine's events
tell them.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymta.mailbox import MailboxName
from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.numset import SeqSet

__all__ = ["Append", "Replacing", "parse_streamed"]


@dataclass(frozen=True, slots=True)
class Replacing:
    """
    The message that goes when the new one has come: exactly one (:rfc:`8508#section-3.1`).

    :param numbers: one number, or ``*``.
    """

    numbers: SeqSet
    by_uid: bool


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND, or with ``replacing`` REPLACE and UID REPLACE.  Messages follow as events."""

    mailbox: MailboxName
    replacing: Replacing | None = None


def parse_streamed(cursor: Cursor) -> Append:
    """Never a whole command: the machine gives these to the reader of streams instead."""
    raise cursor.bad("a message expected")
