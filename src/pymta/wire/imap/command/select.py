"""
Which mailbox is open: SELECT, EXAMINE, UNSELECT, CLOSE, CHECK, EXPUNGE (:rfc:`3501#section-6.3.1`,
:rfc:`3691`), with the parameters of :rfc:`7162`.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymta.mailbox import MailboxName
from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.numset import STAR, Numbers, SeqSet

__all__ = [
    "Check",
    "Close",
    "Expunge",
    "QResync",
    "Select",
    "Unselect",
    "parse_check",
    "parse_close",
    "parse_examine",
    "parse_expunge",
    "parse_select",
    "parse_unselect",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class QResync:
    """
    What the client remembers of the mailbox (:rfc:`7162#section-3.2.5`).

    :param known_uids: without ``*``; None: all below the UIDNEXT of the time.
    :param known_numbers: sequence numbers, and the UIDs that they had, as many; ascending.
    """

    uid_validity: int
    modseq: int
    known_uids: SeqSet | None = None
    known_numbers: tuple[SeqSet, SeqSet] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Select:
    """
    SELECT, or EXAMINE.

    :param read_only: EXAMINE.
    :param condstore: the CONDSTORE parameter (:rfc:`7162#section-3.1.8`).
    """

    mailbox: MailboxName
    read_only: bool = False
    condstore: bool = False
    qresync: QResync | None = None


@dataclass(frozen=True, slots=True)
class Unselect:
    """UNSELECT (:rfc:`3691`): closes the mailbox, expunges nothing."""


@dataclass(frozen=True, slots=True)
class Close:
    """CLOSE: expunges what is ``\\Deleted``, silently, and closes the mailbox."""


@dataclass(frozen=True, slots=True)
class Check:
    """CHECK: a NOOP of :rfc:`3501#section-6.4.1`."""


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE.  :param uids: of these only: UID EXPUNGE (:rfc:`4315#section-2.1`)."""

    uids: Numbers | None = None


def parse_select(cursor: Cursor) -> Select:
    """A mailbox, and perhaps parameters."""
    return _select(cursor, read_only=False)


def parse_examine(cursor: Cursor) -> Select:
    """A mailbox, and perhaps parameters."""
    return _select(cursor, read_only=True)


def parse_unselect(_cursor: Cursor) -> Unselect:
    """No arguments."""
    return Unselect()


def parse_close(_cursor: Cursor) -> Close:
    """No arguments."""
    return Close()


def parse_check(_cursor: Cursor) -> Check:
    """No arguments."""
    return Check()


def parse_expunge(cursor: Cursor) -> Expunge:
    """Nothing, or UIDs behind ``UID EXPUNGE``."""
    if not cursor.by_uid:
        return Expunge()
    cursor.space()
    return Expunge(cursor.sequence_set())


def _select(cursor: Cursor, *, read_only: bool) -> Select:
    cursor.space()
    mailbox = cursor.mailbox()
    if cursor.peek(2) != b" (":
        return Select(mailbox=mailbox, read_only=read_only)
    cursor.space()
    parameters = cursor.listed(_parameter)
    resyncs = [value for value in parameters if value is not None]
    # RFC 4466 section 2.1: each parameter at most once
    if len(resyncs) > 1 or len(parameters) - len(resyncs) > 1:
        raise cursor.bad("a parameter twice")
    return Select(
        mailbox=mailbox,
        read_only=read_only,
        condstore=len(parameters) > len(resyncs),
        qresync=resyncs[0] if resyncs else None,
    )


def _parameter(cursor: Cursor) -> QResync | None:
    """QRESYNC with its arguments; None is CONDSTORE."""
    if cursor.keyword("CONDSTORE", "QRESYNC") == "CONDSTORE":
        return None
    cursor.space()
    cursor.expect(b"(")
    uid_validity = cursor.nz_number()
    cursor.space()
    # RFC 7162 section 7: mod-sequence-value; clients that know nothing yet send 0.
    modseq = cursor.number64()
    known_uids = known_numbers = None
    if cursor.peek() == b" " and cursor.peek(2) != b" (":
        cursor.space()
        known_uids = _known(cursor)
    if cursor.accept(b" ("):
        known_numbers = _matching(cursor)
    cursor.expect(b")")
    return QResync(
        uid_validity=uid_validity,
        modseq=modseq,
        known_uids=known_uids,
        known_numbers=known_numbers,
    )


def _matching(cursor: Cursor) -> tuple[SeqSet, SeqSet]:
    numbers = _known(cursor)
    cursor.space()
    uids = _known(cursor)
    cursor.expect(b")")
    return numbers, uids


def _known(cursor: Cursor) -> SeqSet:
    known = cursor.number_set()
    # RFC 7162 section 7: "*" is not allowed in these sets
    if any(last == STAR for _first, last in known.ranges):
        raise cursor.bad("'*' not allowed here")
    return known
