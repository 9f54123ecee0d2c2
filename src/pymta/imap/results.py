"""
What a search has found, as far as it was asked for: the items of an ESEARCH response
(:rfc:`4731#section-3.1`, :rfc:`5267`, :rfc:`9394`), and what ``$`` is behind it.

What stands in the order of the mailbox stays ranges: the count of a million is no list of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from pymta.imap.session import IMAPSession
from pymta.imap.view import SelectedView, slices
from pymta.interfaces.mailbox import IMailbox
from pymta.mailbox import Found, UIDSet, Wanted
from pymta.wire.imap.command.fetch import Window
from pymta.wire.imap.command.search import Return, Returns
from pymta.wire.imap.response import esearch as response

__all__ = ["Numbers", "numbers_of", "saved", "told"]

Numbers: TypeAlias = UIDSet | Sequence[int]
"""
UIDs or sequence numbers as they are told: a set where they ascend, else in their order.
"""


def numbers_of(view: SelectedView, found: Found, *, by_uid: bool) -> Numbers:
    """What was found, as it is told."""
    if found.order:
        return found.order if by_uid else [view.number(uid) for uid in found.order]
    if by_uid:
        return found.uids
    # All are known to the client, so that UIDs in a row are numbers in a row.
    return UIDSet.of_ranges((view.number(a), view.number(b)) for a, b in found.uids.ranges)


def _first(numbers: Numbers) -> int | None:
    if not numbers:
        return None
    return numbers.ranges[0][0] if isinstance(numbers, UIDSet) else numbers[0]


def _last(numbers: Numbers) -> int | None:
    if not numbers:
        return None
    return numbers.ranges[-1][1] if isinstance(numbers, UIDSet) else numbers[-1]


def _ranges(numbers: Numbers) -> Sequence[tuple[int, int]]:
    return numbers.ranges if isinstance(numbers, UIDSet) else response.runs(numbers)


def _page(numbers: Numbers, window: Window) -> Sequence[tuple[int, int]]:
    start, stop = _places(window, len(numbers))
    if not isinstance(numbers, UIDSet):
        return response.runs(numbers[start:stop])
    return tuple(_part(numbers, start, stop))


def _part(numbers: UIDSet, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """From the place ``start`` up to ``stop``, counted from 0."""
    passed = 0
    for first, last in numbers.ranges:
        if passed >= stop:
            return
        count = last - first + 1
        low, high = max(start - passed, 0), min(stop - passed, count)
        if low < high:
            yield first + low, first + high - 1
        passed += count


def _places(window: Window, count: int) -> tuple[int, int]:
    """Of so many results; empty where they do not reach."""
    if window.first > 0:
        return min(window.first - 1, count), min(window.last, count)
    return max(count + window.last, 0), max(count + window.first + 1, 0)


def saved(returns: Returns, found: Found) -> UIDSet:
    """
    What ``$`` is behind it (:rfc:`5182#section-2.4`, :rfc:`9394#section-3.2`).
    """
    options, window = returns.options, returns.window
    if options & {Return.ALL, Return.COUNT} or not (options & {Return.MIN, Return.MAX} or window):
        return found.uids
    order: Numbers = found.order or found.uids
    kept: list[tuple[int, int]] = []
    for option, end in ((Return.MIN, _first(order)), (Return.MAX, _last(order))):
        if option in options and end is not None:
            kept.append((end, end))
    if window is not None:
        kept += _page(order, window)
    return UIDSet.of_ranges(kept)


async def told(
    session: IMAPSession,
    returns: Returns,
    found: Found,
    *,
    mailbox: IMailbox,
    numbers: Numbers,
    modseq: bool,
) -> response.Found:
    """
    The items of an ESEARCH response.

    :param numbers: as the results are told, in their order.
    :param modseq: whether theirs is told (:rfc:`4731#section-3.2`).
    """
    options, window = returns.options, returns.window
    scores = _scores(found) if Return.RELEVANCY in options else None
    if scores is not None and window is not None:
        scores = scores[slice(*_places(window, len(numbers)))]
    return response.Found(
        min=_first(numbers) if Return.MIN in options else None,
        max=_last(numbers) if Return.MAX in options else None,
        all=_ranges(numbers) if _tells_all(returns) else None,
        count=len(numbers) if Return.COUNT in options else None,
        window=None if window is None else (window, _page(numbers, window)),
        scores=scores,
        modseq=await _modseq(session, returns, found, mailbox) if modseq else None,
    )


def _tells_all(returns: Returns) -> bool:
    # RFC 4731 section 3.1: as does an empty list of options, and one of no results.
    others = {Return.MIN, Return.MAX, Return.COUNT, Return.RELEVANCY, Return.SAVE}
    asked_for_others = bool(returns.options & others) or returns.window is not None
    return Return.ALL in returns.options or not asked_for_others


def _scores(found: Found) -> Sequence[int]:
    """In the order of the results."""
    if not found.order:
        return found.scores
    scores = dict(zip(found.uids, found.scores, strict=False))
    return [scores.get(uid, 100) for uid in found.order]


async def _modseq(
    session: IMAPSession, returns: Returns, found: Found, mailbox: IMailbox
) -> int | None:
    # RFC 4731 section 3.2: of those that are returned.
    uids = saved(returns, found)
    if uids == found.uids:
        return found.modseq
    highest = 0
    for part in slices(uids):
        for _, modseq in await session.asked(mailbox.records(part, [Wanted.MODSEQ])):
            highest = max(highest, modseq)
    return highest or None
