"""
Mailboxes as a whole: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE
(:rfc:`3501#section-6.3`, :rfc:`6154#section-3`, :rfc:`2342`).
"""

from __future__ import annotations

from dataclasses import dataclass

from pymta.mailbox import MailboxName
from pymta.wire.imap.cursor import Cursor, canonical

__all__ = [
    "Create",
    "Delete",
    "Namespace",
    "Rename",
    "Subscribe",
    "Unsubscribe",
    "parse_create",
    "parse_delete",
    "parse_namespace",
    "parse_rename",
    "parse_subscribe",
    "parse_unsubscribe",
]


@dataclass(frozen=True, slots=True)
class Create:
    """
    CREATE.

    :param mailbox: a hierarchy separator at its end is taken off (:rfc:`3501#section-6.3.3`).
    :param special_use: ``\\Drafts`` and the like, as written (:rfc:`6154#section-3`).
    """

    mailbox: MailboxName
    special_use: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Delete:
    """DELETE."""

    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class Rename:
    """RENAME."""

    old: MailboxName
    new: MailboxName


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE."""

    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """UNSUBSCRIBE."""

    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class Namespace:
    """NAMESPACE (:rfc:`2342`)."""


def parse_create(cursor: Cursor) -> Create:
    """A mailbox, and perhaps ``(USE (\\Drafts))``."""
    mailbox = _mailbox(cursor)
    if len(mailbox) > 1 and mailbox.endswith("/"):
        mailbox = canonical(mailbox[:-1])
    if cursor.peek(2) != b" (":
        return Create(mailbox)
    cursor.space()
    uses = cursor.listed(_use)
    if len(uses) > 1:
        raise cursor.bad("a parameter twice")
    return Create(mailbox, uses[0])


def parse_delete(cursor: Cursor) -> Delete:
    """A mailbox."""
    return Delete(_mailbox(cursor))


def parse_rename(cursor: Cursor) -> Rename:
    """Two mailboxes."""
    return Rename(_mailbox(cursor), _mailbox(cursor))


def parse_subscribe(cursor: Cursor) -> Subscribe:
    """A mailbox."""
    return Subscribe(_mailbox(cursor))


def parse_unsubscribe(cursor: Cursor) -> Unsubscribe:
    """A mailbox."""
    return Unsubscribe(_mailbox(cursor))


def parse_namespace(_cursor: Cursor) -> Namespace:
    """No arguments."""
    return Namespace()


def _mailbox(cursor: Cursor) -> MailboxName:
    cursor.space()
    return cursor.mailbox()


def _use(cursor: Cursor) -> frozenset[str]:
    cursor.keyword("USE")
    cursor.space()
    return frozenset(cursor.listed_or_none(_attribute))


def _attribute(cursor: Cursor) -> str:
    cursor.expect(b"\\")
    return "\\" + cursor.atom()
