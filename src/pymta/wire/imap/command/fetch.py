"""
FETCH and UID FETCH: what of which messages (:rfc:`3501#section-6.4.5`).

With the items of :rfc:`3516`, :rfc:`7162`, :rfc:`8474`, :rfc:`8514` and :rfc:`8970`, and the
modifiers of :rfc:`7162` and :rfc:`9394`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.numset import Numbers
from pymta.wire.imap.sections import (
    Partial,
    Section,
    parse_part,
    parse_partial,
    parse_section,
)

__all__ = [
    "Attribute",
    "Binary",
    "BinarySize",
    "Body",
    "Fetch",
    "FetchItem",
    "Preview",
    "Window",
    "parse_fetch",
    "parse_items",
    "parse_window",
]


class Attribute(Enum):
    """An item without arguments, by its name in the response."""

    FLAGS = "FLAGS"
    UID = "UID"
    INTERNALDATE = "INTERNALDATE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"
    """The structure without its extension data."""
    BODYSTRUCTURE = "BODYSTRUCTURE"
    RFC822 = "RFC822"
    """As BODY[]; sets ``\\Seen``."""
    RFC822_HEADER = "RFC822.HEADER"
    """As BODY.PEEK[HEADER]."""
    RFC822_TEXT = "RFC822.TEXT"
    """As BODY[TEXT]; sets ``\\Seen``."""
    RFC822_SIZE = "RFC822.SIZE"
    MODSEQ = "MODSEQ"
    SAVEDATE = "SAVEDATE"
    EMAILID = "EMAILID"
    THREADID = "THREADID"


@dataclass(frozen=True, slots=True)
class Body:
    """``BODY[section]<partial>``.  :param peek: does not set ``\\Seen``."""

    section: Section
    partial: Partial | None = None
    peek: bool = False


@dataclass(frozen=True, slots=True)
class Binary:
    """``BINARY[part]<partial>`` (:rfc:`3516`).  :param peek: does not set ``\\Seen``."""

    part: tuple[int, ...]
    partial: Partial | None = None
    peek: bool = False


@dataclass(frozen=True, slots=True)
class BinarySize:
    """``BINARY.SIZE[part]``."""

    part: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """``PREVIEW`` (:rfc:`8970`).  :param lazy: only if it costs nothing."""

    lazy: bool = False


FetchItem: TypeAlias = Attribute | Body | Binary | BinarySize | Preview
"""One thing of a message."""


@dataclass(frozen=True, slots=True)
class Window:
    """
    ``PARTIAL 1:100`` or ``PARTIAL -1:-100`` (:rfc:`9394`): a page of what else would be told.

    :param first: from 1; or below 0, counted from the end; never 0.
    :param last: of the same sign, and not nearer to the beginning (or end) than ``first``.
    """

    first: int
    last: int

    def __str__(self) -> str:
        return f"{self.first}:{self.last}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """
    FETCH.

    :param items: macros are resolved; in the order asked for, none twice.
    :param changed_since: only messages with a modseq above (:rfc:`7162#section-3.1.4`).
    :param vanished: tell also which are gone (:rfc:`7162#section-3.2.6`); needs QRESYNC enabled,
        which who answers checks.
    """

    numbers: Numbers
    items: tuple[FetchItem, ...]
    by_uid: bool = False
    changed_since: int | None = None
    vanished: bool = False
    window: Window | None = None


@dataclass(slots=True)
class _Modifiers:
    changed_since: int | None = None
    vanished: bool = False
    window: Window | None = None
    seen: set[str] = field(default_factory=set)


_ATTRIBUTES: Final = {item.value: item for item in Attribute}
_FAST: Final = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.RFC822_SIZE)
_MACROS: Final[dict[str, tuple[FetchItem, ...]]] = {
    "FAST": _FAST,
    "ALL": (*_FAST, Attribute.ENVELOPE),
    "FULL": (*_FAST, Attribute.ENVELOPE, Attribute.BODY),
}


def parse_fetch(cursor: Cursor) -> Fetch:
    """Numbers, items, and perhaps modifiers."""
    cursor.space()
    numbers = cursor.sequence_set()
    cursor.space()
    items = parse_items(cursor)
    modifiers = _Modifiers()
    if cursor.peek(2) == b" (":
        cursor.space()
        cursor.listed(lambda inner: _modifier(inner, modifiers))
    if modifiers.vanished and (modifiers.changed_since is None or not cursor.by_uid):
        # RFC 7162 section 3.2.6
        raise cursor.bad("VANISHED belongs to UID FETCH with CHANGEDSINCE")
    return Fetch(
        numbers=numbers,
        items=items,
        by_uid=cursor.by_uid,
        changed_since=modifiers.changed_since,
        vanished=modifiers.vanished,
        window=modifiers.window,
    )


def parse_items(cursor: Cursor) -> tuple[FetchItem, ...]:
    """A macro, one item, or items in parentheses."""
    if cursor.peek() == b"(":
        return tuple(dict.fromkeys(cursor.listed(_item)))
    for name, items in _MACROS.items():
        # A macro stands alone (RFC 3501 section 6.4.5), or in front of modifiers.
        if cursor.peek(len(name) + 1).upper().rstrip(b" ") == name.encode("ascii"):
            cursor.expect(name.encode("ascii"))
            return items
    return (_item(cursor),)


def parse_window(cursor: Cursor) -> Window:
    """``1:100`` or ``-1:-100`` (:rfc:`9394#section-4`)."""
    first = _signed(cursor)
    cursor.expect(b":")
    last = _signed(cursor)
    if (first < 0) != (last < 0):
        raise cursor.bad("both ends must have the same sign")
    # RFC 9394 section 3.1: 5:1 is 1:5
    return Window(*sorted((first, last), key=abs))


def _signed(cursor: Cursor) -> int:
    sign = -1 if cursor.accept(b"-") else 1
    return sign * cursor.nz_number()


def _modifier(cursor: Cursor, found: _Modifiers) -> None:
    word = cursor.keyword("CHANGEDSINCE", "VANISHED", "PARTIAL")
    if word in found.seen:
        raise cursor.bad("a modifier twice")
    found.seen.add(word)
    if word == "VANISHED":
        found.vanished = True
        return
    cursor.space()
    if word == "CHANGEDSINCE":
        found.changed_since = cursor.number64()
        return
    if not cursor.by_uid:
        # RFC 9394 section 3.3
        raise cursor.bad("PARTIAL belongs to UID FETCH")
    found.window = parse_window(cursor)


def _item(cursor: Cursor) -> FetchItem:
    if cursor.peek() in (b"B", b"b") and (section := _section(cursor)) is not None:
        return section
    word = cursor.word()
    if word == "PREVIEW":
        return Preview(lazy=_lazy(cursor))
    try:
        return _ATTRIBUTES[word]
    except KeyError:
        raise cursor.bad("no such item of FETCH") from None


def _section(cursor: Cursor) -> Body | Binary | BinarySize | None:
    # They have to be looked for by hand: "[" may be in an atom.
    if cursor.accept(b"BODY.PEEK["):
        return _body(cursor, peek=True)
    if cursor.accept(b"BODY["):
        return _body(cursor, peek=False)
    if cursor.accept(b"BINARY.PEEK["):
        return _binary(cursor, peek=True)
    if cursor.accept(b"BINARY.SIZE["):
        return BinarySize(parse_part(cursor))
    if cursor.accept(b"BINARY["):
        return _binary(cursor, peek=False)
    return None


def _lazy(cursor: Cursor) -> bool:
    # RFC 8970 section 6: "PREVIEW" [SP "(" preview-mod *(SP preview-mod) ")"]
    if cursor.peek(6).upper() != b" (LAZY":
        return False
    cursor.space()
    cursor.listed(lambda inner: inner.keyword("LAZY"))
    return True


def _body(cursor: Cursor, *, peek: bool) -> Body:
    return Body(parse_section(cursor), parse_partial(cursor), peek)


def _binary(cursor: Cursor, *, peek: bool) -> Binary:
    return Binary(parse_part(cursor), parse_partial(cursor), peek)
