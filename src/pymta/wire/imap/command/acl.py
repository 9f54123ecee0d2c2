"""
Access control lists: SETACL, DELETEACL, GETACL, LISTRIGHTS, MYRIGHTS (:rfc:`4314#section-3`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pymta.mailbox import ALL_RIGHTS, FlagMode, MailboxName, Rights, RightsChange
from pymta.wire.imap.capability import Verb
from pymta.wire.imap.cursor import Cursor

__all__ = [
    "VERBS",
    "VIRTUAL",
    "DeleteACL",
    "GetACL",
    "ListRights",
    "MyRights",
    "SetACL",
    "parse_deleteacl",
    "parse_getacl",
    "parse_listrights",
    "parse_myrights",
    "parse_setacl",
]

VIRTUAL: Final = {"c": frozenset("kx"), "d": frozenset("et")}
"""
Rights of RFC 2086 and what they are made of now (:rfc:`4314#section-2.1.1`, the first of the two
ways that it leaves open).
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetACL:
    """
    SETACL.

    :param identifier: as written.
    """

    mailbox: MailboxName
    identifier: str
    change: RightsChange


@dataclass(frozen=True, slots=True)
class DeleteACL:
    """DELETEACL.  :param identifier: as written."""

    mailbox: MailboxName
    identifier: str


@dataclass(frozen=True, slots=True)
class GetACL:
    """GETACL."""

    mailbox: MailboxName


@dataclass(frozen=True, slots=True)
class ListRights:
    """LISTRIGHTS.  :param identifier: as written, and as it is to be answered."""

    mailbox: MailboxName
    identifier: str


@dataclass(frozen=True, slots=True)
class MyRights:
    """MYRIGHTS."""

    mailbox: MailboxName


def parse_setacl(cursor: Cursor) -> SetACL:
    """A mailbox, an identifier, and ``+rights``, ``-rights`` or ``rights``."""
    mailbox, identifier = _mailbox(cursor), _identifier(cursor)
    cursor.space()
    return SetACL(mailbox=mailbox, identifier=identifier, change=_change(cursor))


def parse_deleteacl(cursor: Cursor) -> DeleteACL:
    """A mailbox and an identifier."""
    return DeleteACL(_mailbox(cursor), _identifier(cursor))


def parse_getacl(cursor: Cursor) -> GetACL:
    """A mailbox."""
    return GetACL(_mailbox(cursor))


def parse_listrights(cursor: Cursor) -> ListRights:
    """A mailbox and an identifier."""
    return ListRights(_mailbox(cursor), _identifier(cursor))


def parse_myrights(cursor: Cursor) -> MyRights:
    """A mailbox."""
    return MyRights(_mailbox(cursor))


def _mailbox(cursor: Cursor) -> MailboxName:
    cursor.space()
    return cursor.mailbox()


def _identifier(cursor: Cursor) -> str:
    cursor.space()
    identifier = cursor.text()
    # RFC 4314 section 3: empty ones are BAD
    if not identifier.removeprefix("-"):
        raise cursor.bad("identifier expected")
    return identifier


def _change(cursor: Cursor) -> RightsChange:
    text = cursor.text()
    mode = FlagMode.REPLACE
    if text[:1] in ("+", "-"):
        mode, text = FlagMode(text[0]), text[1:]
    rights: Rights = frozenset()
    for right in text:
        rights |= VIRTUAL.get(right) or {right}
    # RFC 4314 section 3.1: MUST NOT be ignored
    if not rights <= ALL_RIGHTS:
        raise cursor.bad("no such right")
    return RightsChange(mode, rights)


VERBS: Final = (
    Verb(name="SETACL", parse=parse_setacl),
    Verb(name="DELETEACL", parse=parse_deleteacl),
    Verb(name="GETACL", parse=parse_getacl),
    Verb(name="LISTRIGHTS", parse=parse_listrights),
    Verb(name="MYRIGHTS", parse=parse_myrights),
)
