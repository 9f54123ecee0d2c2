"""
Finding messages (:rfc:`3501#section-6.4.4`): cheap keys by what is in the rows, and texts by
reading content only where the rows have not decided.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, tzinfo

from pymta.errors import MessageGone
from pymta.interfaces.content import IContent
from pymta.mailbox import UID, Found, ModSeq, UIDSet
from pymta.search import (
    And,
    Before,
    BodyText,
    Fuzzy,
    HeaderText,
    Not,
    On,
    Or,
    Query,
    Since,
    UIDIn,
    WholeText,
    is_fuzzy,
)
from pymta.store._fuzzy import score, settled, stretched
from pymta.store._judging import Glance, Judge, Row, compare
from pymta.store._text import Text

__all__ = ["Doubts", "Glance", "Load", "Page", "Row", "bounds", "search"]

Page = Callable[[int, int], Awaitable[Sequence["Row"]]]
"""Rows from a UID up to another one, ascending: the first ones, if there are many."""

Load = Callable[[UID], Awaitable[tuple[IContent, bytes] | None]]
"""Content and structure of a message; None if it is gone."""

_KEYS_A_TURN = 2000
"""What is judged within 5 ms: rows, times keys."""

_TEXTS_A_TURN = 32
"""The same of keys that are looked for in a text of 4 KiB."""


async def search(
    query: Query,
    page: Page,
    load: Load,
    *,
    zone: tzinfo,
    now: datetime,
    breathe: Callable[[], Awaitable[None]],
) -> Found:
    """
    :param zone: whose days internal dates and save dates are in.
    :param now: what ages are counted from.
    :param breathe: lets others have their turn.
    """
    fuzzy = is_fuzzy(query)
    query = settled(query)
    judge = Judge(zone, now)
    doubts = Doubts(judge, breathe)
    stride = max(_KEYS_A_TURN // keys_of(query), 1)
    uids: list[UID] = []
    scores: list[int] = []
    modseq: ModSeq | None = None
    first, last = bounds(query)
    while first <= last and (rows := await page(first, last)):
        for n, row in enumerate(rows, 1):
            if n % stride == 0:
                await breathe()
            verdict = judge.judge(query, row)
            if verdict is None:
                loaded = await load(row.uid)
                verdict = loaded is not None and await doubts.settle(query, row, *loaded)
            if verdict:
                uids.append(row.uid)
                scores.append(doubts.take_score())
                modseq = row.modseq if modseq is None else max(modseq, row.modseq)
        first = rows[-1].uid + 1
    return Found(UIDSet(uids), modseq, scores=stretched(scores) if fuzzy else ())


def keys_of(query: Query) -> int:
    """How many there are in it."""
    match query:
        case And(keys):
            return 1 + sum(map(keys_of, keys))
        case Or(left, right):
            return keys_of(left) + keys_of(right)
        case Not(key) | Fuzzy(key):
            return keys_of(key)
        case _:
            return 1


def bounds(query: Query) -> tuple[int, int]:
    """Outside of these nothing is found."""
    match query:
        case UIDIn(uids):
            return (uids.ranges[0][0], uids.ranges[-1][1]) if uids else (1, 0)
        case And(keys) if keys:
            each = [bounds(key) for key in keys]
            return max(first for first, _ in each), min(last for _, last in each)
        case _:
            return 1, 2**32 - 1


class Doubts:
    """The keys that need the text of a message."""

    def __init__(self, judge: Judge, breathe: Callable[[], Awaitable[None]]) -> None:
        self._judge = judge
        self._breathe = breathe
        self._scores: list[int] = []
        self._looked = 0

    async def settle(self, query: Query, row: Row, content: IContent, structure: bytes) -> bool:
        """
        Read as much of the message as the keys need.

        :param query: as :func:`~pymta.store._fuzzy.settled` made it.
        """
        self._looked += keys_of(query) * (1 + content.size // 4096)
        if self._looked >= _TEXTS_A_TURN:
            self._looked = 0
            await self._breathe()
        text = Text(content, structure, self._judge.casemap, self._breathe)
        try:
            found = await self._tell(query, row, text)
        except MessageGone:
            found = False
        if not found:
            self._scores.clear()
        return found

    def take_score(self) -> int:
        """How well the message fits that was found last."""
        scores, self._scores = self._scores, []
        return sum(scores) // len(scores) if scores else 100

    async def _tell(self, query: Query, row: Row, text: Text) -> bool:
        known = self._judge.judge(query, row)
        if known is not None:
            return known
        match query:
            case And(keys):
                for key in keys:
                    if not await self._tell(key, row, text):
                        return False
                return True
            case Or(left, right):
                return await self._tell(left, row, text) or await self._tell(right, row, text)
            case Not(key):
                return not await self._tell(key, row, text)
            case Fuzzy(HeaderText() | BodyText() | WholeText() as key):
                fit = await score(key, text, self._judge.casemap)
                if fit:
                    self._scores.append(fit)
                return fit > 0
            case HeaderText(name, sought):
                return await text.field_contains(name, sought)
            case BodyText(sought):
                return await text.body_contains(sought)
            case WholeText(sought):
                return await text.header_contains(sought) or await text.body_contains(sought)
            case Before() | On() | Since():
                day = text.sent()
                return day is not None and compare(query, day)
            case _:
                raise AssertionError(query)
