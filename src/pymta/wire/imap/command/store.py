"""
STORE and UID STORE: flags of messages (:rfc:`3501#section-6.4.6`, :rfc:`7162#section-3.1.3`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pymta.mailbox import FlagChange, FlagMode
from pymta.wire.imap.cursor import Cursor
from pymta.wire.imap.numset import Numbers

__all__ = ["Store", "parse_store"]

_MODES: Final = {
    "FLAGS": FlagMode.REPLACE,
    "+FLAGS": FlagMode.ADD,
    "-FLAGS": FlagMode.REMOVE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """
    STORE.

    :param silent: the client does not want to be told the new flags.
    :param unchanged_since: leave out messages with a modseq above; 0 leaves out all.
    """

    numbers: Numbers
    change: FlagChange
    by_uid: bool = False
    silent: bool = False
    unchanged_since: int | None = None


def parse_store(cursor: Cursor) -> Store:
    """Numbers, perhaps a modifier, and flags."""
    cursor.space()
    numbers = cursor.sequence_set()
    cursor.space()
    unchanged_since = None
    if cursor.peek() == b"(":
        modifiers = cursor.listed(_unchanged_since)
        if len(modifiers) > 1:
            raise cursor.bad("a modifier twice")
        unchanged_since = modifiers[0]
        cursor.space()
    name, dot, silent = cursor.word().partition(".")
    if name not in _MODES or (dot and silent != "SILENT"):
        raise cursor.bad("FLAGS, +FLAGS or -FLAGS expected")
    cursor.space()
    return Store(
        numbers=numbers,
        change=FlagChange(_MODES[name], cursor.flag_list_or_bare()),
        by_uid=cursor.by_uid,
        silent=bool(dot),
        unchanged_since=unchanged_since,
    )


def _unchanged_since(cursor: Cursor) -> int:
    cursor.keyword("UNCHANGEDSINCE")
    cursor.space()
    return cursor.number64()
