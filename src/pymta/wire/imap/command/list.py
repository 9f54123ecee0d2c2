"""
LIST, as extended by :rfc:`5258`, :rfc:`5819`, :rfc:`6154`, :rfc:`8440` and RFC 9590, and LSUB.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from pymta.wire.imap.command.status import StatusItem, parse_status_items
from pymta.wire.imap.cursor import Cursor

__all__ = ["List", "ListReturn", "Lsub", "Selection", "parse_list", "parse_lsub"]


class Selection(Enum):
    """Which mailboxes (:rfc:`5258#section-3.1`)."""

    SUBSCRIBED = "SUBSCRIBED"
    REMOTE = "REMOTE"
    RECURSIVEMATCH = "RECURSIVEMATCH"
    SPECIAL_USE = "SPECIAL-USE"


class ListReturn(Enum):
    """What of them (:rfc:`5258#section-3.2`); STATUS and METADATA bring arguments."""

    SUBSCRIBED = "SUBSCRIBED"
    CHILDREN = "CHILDREN"
    SPECIAL_USE = "SPECIAL-USE"
    MYRIGHTS = "MYRIGHTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class List:
    """
    LIST.

    :param patterns: more than one only in extended form.
    :param extended: it has selection options, return options or a list of patterns: an empty
        pattern then asks for nothing but itself (:rfc:`5258#section-3`).
    :param status: items of STATUS for each mailbox (:rfc:`5819`).
    :param metadata: entries for each mailbox (RFC 9590), as written.
    """

    reference: str
    patterns: tuple[str, ...]
    select: frozenset[Selection] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()
    extended: bool = False


@dataclass(frozen=True, slots=True)
class Lsub:
    """LSUB."""

    reference: str
    pattern: str


@dataclass(slots=True)
class _Returns:
    flags: set[ListReturn] = field(default_factory=set)
    status: tuple[StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()


_SELECTIONS: Final = {item.value: item for item in Selection}
_RETURNS: Final = {item.value: item for item in ListReturn}


def parse_list(cursor: Cursor) -> List:
    """Reference and pattern, or the extended form."""
    cursor.space()
    select = _selection(cursor)
    reference = cursor.list_mailbox()
    cursor.space()
    several = cursor.peek() == b"("
    patterns = cursor.listed(Cursor.list_mailbox) if several else (cursor.list_mailbox(),)
    returns = _returns(cursor)
    return List(
        reference=reference,
        patterns=patterns,
        select=select or frozenset(),
        returns=frozenset(returns.flags if returns else ()),
        status=returns.status if returns else (),
        metadata=returns.metadata if returns else (),
        extended=several or select is not None or returns is not None,
    )


def parse_lsub(cursor: Cursor) -> Lsub:
    """Reference and pattern."""
    cursor.space()
    reference = cursor.list_mailbox()
    cursor.space()
    return Lsub(reference, cursor.list_mailbox())


def _selection(cursor: Cursor) -> frozenset[Selection] | None:
    if cursor.peek() != b"(":
        return None
    options = frozenset(cursor.listed_or_none(_selection_option))
    # RFC 5258 section 3.1: RECURSIVEMATCH alone, or with REMOTE only, is BAD
    if Selection.RECURSIVEMATCH in options and not options - {
        Selection.RECURSIVEMATCH,
        Selection.REMOTE,
    }:
        raise cursor.bad("RECURSIVEMATCH needs another option")
    cursor.space()
    return options


def _selection_option(cursor: Cursor) -> Selection:
    word = cursor.word()
    try:
        return _SELECTIONS[word]
    except KeyError:
        raise cursor.bad("no such selection option") from None


def _returns(cursor: Cursor) -> _Returns | None:
    if not cursor.accept(b" RETURN "):
        return None
    found = _Returns()
    cursor.listed_or_none(lambda inner: _return_option(inner, found))
    return found


def _return_option(cursor: Cursor, found: _Returns) -> None:
    word = cursor.word()
    if word == "STATUS":
        cursor.space()
        found.status = parse_status_items(cursor)
    elif word == "METADATA":
        cursor.space()
        found.metadata = cursor.listed(Cursor.text)
    elif word in _RETURNS:
        found.flags.add(_RETURNS[word])
    else:
        raise cursor.bad("no such return option")
