"""
What a "no" of the store becomes: a tagged NO or BAD with its response code (:rfc:`5530`).

The client is told in our words; what the exception says is for the log.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pymta import errors
from pymta.aio import TimeLimit
from pymta.imap.keywording import TooManyKeywords
from pymta.imap.selected import NoSuchNumber, NumbersForbidden
from pymta.wire.imap.response import codes
from pymta.wire.imap.response.status import BAD, NO, Ending

__all__ = ["TOO_LATE", "ending_of", "no_destination"]

TOO_LATE: Final = NO("That took too long; it may still be done", codes.UNAVAILABLE)

_ENDINGS: Final[Mapping[type[Exception], Ending]] = {
    NoSuchNumber: BAD("No message has this number"),
    TooManyKeywords: NO("There are as many keywords as can be", codes.LIMIT),
    NumbersForbidden: BAD("Sequence numbers are not used any more", codes.UIDREQUIRED),
    errors.NoSuchMailbox: NO("There is no such mailbox", codes.NONEXISTENT),
    errors.MailboxExists: NO("There is a mailbox of this name", codes.ALREADYEXISTS),
    errors.MailboxReadOnly: NO("The mailbox is open read-only", codes.READ_ONLY),
    errors.MailboxInUse: NO("The mailbox is in use", codes.INUSE),
    errors.OverQuota: NO("There is no room for it", codes.OVERQUOTA),
    # RFC 7889 section 4
    errors.MessageTooLarge: NO("The message is too large", codes.TOOBIG),
    errors.MessageGone: NO("The message was removed meanwhile", codes.EXPUNGEISSUED),
    errors.NotPermitted: NO("You may not do that", codes.NOPERM),
    # RFC 6154 section 6
    errors.UnknownUse: NO("There is no such use of a mailbox", codes.USEATTR),
    errors.MailboxError: NO("That cannot be done with this mailbox", codes.CANNOT),
    errors.TooManyWaiting: NO("Too busy; try again later", codes.UNAVAILABLE),
    errors.StoreClosed: NO("The mailboxes cannot be reached now", codes.UNAVAILABLE),
    errors.SpoolError: NO("There is no space to keep it now", codes.UNAVAILABLE),
    TimeLimit: TOO_LATE,
}


def ending_of(fault: Exception) -> Ending | None:
    """How a command ends that raised this; None for what nobody expects."""
    for kind in type(fault).__mro__:
        if kind in _ENDINGS:
            return _ENDINGS[kind]
    if isinstance(fault, errors.Refused):
        return NO(fault.reply.one_line)
    return None


def no_destination() -> Ending:
    """Of APPEND, COPY and MOVE: the client may want to make it (:rfc:`3501#section-6.3.11`)."""
    return NO("There is no such mailbox", codes.TRYCREATE)
