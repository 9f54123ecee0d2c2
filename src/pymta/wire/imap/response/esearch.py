"""
ESEARCH responses (:rfc:`4466#section-2.6.2`): what was asked of a search, item by item, and what
has changed since (:rfc:`5267#section-4.3`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from pymta.mailbox import MailboxName, UIDSet
from pymta.wire.imap.command.fetch import Window
from pymta.wire.imap.response import atoms

__all__ = ["Correlator", "Found", "Ranges", "Update", "esearch_line", "runs", "update_line"]

Ranges: TypeAlias = UIDSet | Sequence[tuple[int, int]]
"""Numbers as pairs of first and last, first not above last; a SORT's are in any order."""


@dataclass(frozen=True, slots=True)
class Correlator:
    """
    Which search it was.

    :param mailbox: and its UIDVALIDITY, for a search of several (:rfc:`7377#section-2.1`).
    """

    tag: str
    mailbox: tuple[MailboxName, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """
    What is told; what is None is not.

    :param all: and ``window`` with its part of the results: None or empty where there is nothing,
        which for the window is NIL.
    :param scores: from 1 to 100, one for each result told (:rfc:`6203#section-4`).
    """

    min: int | None = None
    max: int | None = None
    all: Ranges | None = None
    count: int | None = None
    window: tuple[Window, Ranges] | None = None
    scores: Sequence[int] | None = None
    modseq: int | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """
    Results that came or went.

    :param position: where, from 1; 0 where order is that of the mailbox.
    """

    added: bool
    position: int
    ranges: Ranges


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """
    Numbers in their order, consecutive ascending ones as pairs (:rfc:`5267#section-3.2`).
    """
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def esearch_line(
    correlator: Correlator, found: Found, *, by_uid: bool, utf8: bool = False
) -> bytes:
    """``* ESEARCH (TAG "A283") UID ALL 2,10:11``"""
    items: list[bytes] = []
    if found.min is not None:
        items.append(b"MIN %d" % found.min)
    if found.max is not None:
        items.append(b"MAX %d" % found.max)
    if found.all:
        items.append(b"ALL " + atoms.number_set(found.all))
    if found.window is not None:
        window, ranges = found.window
        there = atoms.number_set(ranges) if ranges else atoms.NIL
        items.append(b"PARTIAL (%s %s)" % (str(window).encode("ascii"), there))
    if found.count is not None:
        items.append(b"COUNT %d" % found.count)
    if found.scores is not None:
        scores = atoms.parenthesised(b"%d" % score for score in found.scores)
        items.append(b"RELEVANCY " + scores)
    if found.modseq is not None:
        items.append(b"MODSEQ %d" % found.modseq)
    return _line(correlator, items, by_uid, utf8)


def update_line(tag: str, updates: Iterable[Update], *, by_uid: bool) -> bytes:
    """``* ESEARCH (TAG "B01") UID ADDTO (0 32768:32769)``; at least one update."""
    items = [
        b"%s (%d %s)"
        % (
            b"ADDTO" if update.added else b"REMOVEFROM",
            update.position,
            atoms.number_set(update.ranges),
        )
        for update in updates
    ]
    return _line(Correlator(tag), items, by_uid, False)


def _line(correlator: Correlator, items: list[bytes], by_uid: bool, utf8: bool) -> bytes:
    words = [b"TAG " + atoms.quoted(correlator.tag.encode("ascii"))]
    if correlator.mailbox is not None:
        name, validity = correlator.mailbox
        words.append(b"MAILBOX " + atoms.mailbox(name, utf8=utf8))
        words.append(b"UIDVALIDITY %d" % validity)
    head = [b"* ESEARCH", atoms.parenthesised(words)]
    if by_uid:
        head.append(b"UID")
    return b" ".join((*head, *items)) + b"\r\n"
