"""
How a client is told of changes: a view's notices, as lines.

Flags are read when they are told, not when they change, so what a client hears is what is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from pymta.imap.view import Exist, Expunge, Notice, Recent, SelectedView, Vanish
from pymta.mailbox import ALL_RIGHTS, DELETED, SEEN, SYSTEM_FLAGS, UID, Rights, Wanted
from pymta.wire.imap.response.codes import permanent_flags
from pymta.wire.imap.response.fetch import fetch_line, flags_value, uid_fetch_line
from pymta.wire.imap.response.mailbox import (
    exists_line,
    expunge_line,
    flags_line,
    recent_line,
    vanished_line,
)
from pymta.wire.imap.response.status import OK, untagged

__all__ = ["MOST_KEYWORDS", "Style", "flag_lines", "keyword_lines", "notice_lines"]

MOST_KEYWORDS: Final = 1_000
"""
That a mailbox may come to know: people have ten, and programs that keep labels so some hundreds.
"""

STEP: Final = 1000
"""Lines of EXPUNGE that are written at once."""


@dataclass(frozen=True, slots=True)
class Style:
    """
    What FETCH responses of this client hold, asked or not.

    :param uid: the UID (:rfc:`7162#section-3.2.4`, :rfc:`9051#section-7.5.2`).
    :param modseq: the modseq (:rfc:`7162#section-3.1`).
    :param uid_only: they are UIDFETCH, which name the UID and no number (RFC 9586 section 3.2).
    """

    uid: bool = False
    modseq: bool = False
    uid_only: bool = False

    def wanted(self) -> Sequence[Wanted]:
        """What is read for :func:`flag_lines`."""
        return (Wanted.FLAGS, Wanted.MODSEQ) if self.modseq else (Wanted.FLAGS,)

    def line(self, number: int, uid: UID, items: Sequence[bytes]) -> bytes:
        """One FETCH response; at least one item."""
        if self.uid_only:
            return uid_fetch_line(uid, items)
        return fetch_line(number, (b"UID %d" % uid, *items) if self.uid else items)


def flag_lines(
    view: SelectedView, rows: Sequence[tuple[Any, ...]], style: Style
) -> Iterator[bytes]:
    """
    A FETCH response with the flags of each message.

    :param rows: the columns of :meth:`Style.wanted`.
    """
    numbers = view.numbers([row[0] for row in rows])
    for number, row in zip(numbers, rows, strict=True):
        uid = row[0]
        items = [b"FLAGS " + flags_value(row[1], view.is_recent(uid))]
        if style.modseq:
            items.append(b"MODSEQ (%d)" % row[2])
        yield style.line(number, uid, items)


def notice_lines(notice: Notice) -> Iterator[bytes]:
    """A notice that needs nothing from the store, in slices of some lines."""
    match notice:
        case Exist(count):
            yield exists_line(count)
        case Recent(count):
            yield recent_line(count)
        case Vanish(uids):
            yield vanished_line(uids)
        case Expunge(numbers):
            lines = map(expunge_line, numbers)
            while slice_ := b"".join(islice(lines, STEP)):
                yield slice_


def keyword_lines(
    keywords: Iterable[str], *, read_only: bool, rights: Rights = ALL_RIGHTS
) -> Sequence[bytes]:
    """
    FLAGS and PERMANENTFLAGS (:rfc:`3501#section-7.2.6`).

    :param rights: of the client, which say what flags it may change (:rfc:`4314#section-4`).
    """
    return _keyword_lines(frozenset(keywords), read_only, rights)


# Most mailboxes have the same few: 15 us for each SELECT.
@lru_cache(maxsize=64)
def _keyword_lines(keywords: frozenset[str], read_only: bool, rights: Rights) -> Sequence[bytes]:
    names = SYSTEM_FLAGS | keywords
    needed = {SEEN: "s", DELETED: "t"}
    kept = [name for name in names if needed.get(name, "w") in rights]
    if read_only or not kept:
        ending = OK("No flags can be changed here", permanent_flags((), more=False))
    else:
        more = "w" in rights and len(keywords) < MOST_KEYWORDS
        ending = OK("Flags are kept", permanent_flags(kept, more=more))
    return flags_line(names), untagged(ending)
