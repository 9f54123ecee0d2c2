"""
Annotations: GETMETADATA and SETMETADATA (:rfc:`5464#section-4`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from pymta.mailbox import MailboxName
from pymta.wire.imap.capability import Verb
from pymta.wire.imap.cursor import Cursor

__all__ = ["VERBS", "GetMetadata", "SetMetadata", "parse_getmetadata", "parse_setmetadata"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GetMetadata:
    """
    GETMETADATA.

    :param mailbox: None is the server.
    :param entries: as written.
    :param max_size: octets of the largest value that is wanted; None is any.
    :param depth: ``"0"``, ``"1"`` or ``"infinity"``: what below the entries is wanted, too.
    """

    mailbox: MailboxName | None
    entries: tuple[str, ...]
    max_size: int | None = None
    depth: str = "0"


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """
    SETMETADATA.

    :param mailbox: None is the server.
    :param values: by entries as written; None removes one.
    """

    mailbox: MailboxName | None
    values: Mapping[str, bytes | None] = field(repr=False)


@dataclass(slots=True)
class _Options:
    max_size: int | None = None
    depth: str | None = None


def parse_getmetadata(cursor: Cursor) -> GetMetadata:
    """
    Options, a mailbox, and one entry or several.

    The grammar has the options in front of the mailbox, all examples behind it
    (:rfc:`5464#section-4.2.1`): both are taken.
    """
    cursor.space()
    options = _Options()
    if cursor.peek() == b"(":
        cursor.listed(lambda inner: _option(inner, options))
        cursor.space()
    mailbox = _mailbox(cursor)
    cursor.space()
    # Names of entries begin with a slash, or are strings.
    if cursor.peek() == b"(" and cursor.peek(2)[1:].isalpha():
        cursor.listed(lambda inner: _option(inner, options))
        cursor.space()
    several = cursor.peek() == b"("
    entries = cursor.listed(Cursor.text) if several else (cursor.text(),)
    return GetMetadata(
        mailbox=mailbox,
        entries=entries,
        max_size=options.max_size,
        depth=options.depth or "0",
    )


def parse_setmetadata(cursor: Cursor) -> SetMetadata:
    """A mailbox, and pairs of entry and value in parentheses."""
    cursor.space()
    mailbox = _mailbox(cursor)
    cursor.space()
    return SetMetadata(mailbox, dict(cursor.listed(_pair)))


def _mailbox(cursor: Cursor) -> MailboxName | None:
    # RFC 5464 section 4.1: an empty name is the server
    return None if cursor.accept(b'""') else cursor.mailbox()


def _pair(cursor: Cursor) -> tuple[str, bytes | None]:
    entry = cursor.text()
    cursor.space()
    return entry, cursor.nstring8()


def _option(cursor: Cursor, options: _Options) -> None:
    word = cursor.keyword("MAXSIZE", "DEPTH")
    cursor.space()
    if word == "MAXSIZE" and options.max_size is None:
        options.max_size = cursor.number()
    elif word == "DEPTH" and options.depth is None:
        options.depth = cursor.keyword("0", "1", "INFINITY").lower()
    else:
        raise cursor.bad("an option twice")


VERBS: Final = (
    Verb(name="GETMETADATA", parse=parse_getmetadata),
    Verb(name="SETMETADATA", parse=parse_setmetadata),
)
