"""
Finding messages (:rfc:`3501#section-6.4.4`): cheap keys by what is in the rows, and texts by
reading content only where the rows have not decided.

A key is judged in three values: yes, no, and "the text must tell".
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import date, datetime, tzinfo
from typing import NamedTuple, assert_never

from pymta.interfaces.content import IContent
from pymta.mailbox import UID, Found, ModSeq, UIDSet
from pymta.search import (
    All,
    And,
    Before,
    BodyText,
    DateOf,
    HasFlag,
    HeaderText,
    Larger,
    ModifiedSince,
    Not,
    On,
    Or,
    Query,
    Since,
    Smaller,
    UIDIn,
    WholeText,
)
from pymta.store._flags import Flags, has_flag
from pymta.store._text import Casemap, Text

__all__ = ["Load", "Page", "Row", "search"]

Page = Callable[[int, int], Awaitable[Sequence["Row"]]]
"""Rows from a UID up to another one, ascending: the first ones, if there are many."""

Load = Callable[[UID], Awaitable[tuple[IContent, bytes] | None]]
"""Content and structure of a message; None if it is gone."""

_ROWS_A_TURN = 500
"""What is judged within 5 ms."""


class Row(NamedTuple):
    """What is known of a message without its text."""

    uid: UID
    flags: Flags
    modseq: ModSeq
    size: int
    internal_date: datetime
    save_date: datetime


async def search(
    query: Query,
    page: Page,
    load: Load,
    *,
    zone: tzinfo,
    breathe: Callable[[], Awaitable[None]],
) -> Found:
    """
    :param zone: whose days internal dates and save dates are in.
    :param breathe: lets others have their turn.
    """
    searching = _Searching(load, zone, breathe)
    uids: list[UID] = []
    modseq: ModSeq | None = None
    first, last = _bounds(query)
    while first <= last and (rows := await page(first, last)):
        for n, row in enumerate(rows, 1):
            if n % _ROWS_A_TURN == 0:
                await breathe()
            verdict = _judge(query, row, zone)
            if verdict is None:
                verdict = await searching.read(query, row)
            if verdict:
                uids.append(row.uid)
                modseq = row.modseq if modseq is None else max(modseq, row.modseq)
        first = rows[-1].uid + 1
    return Found(UIDSet(uids), modseq)


def _bounds(query: Query) -> tuple[int, int]:
    """Outside of these nothing is found."""
    match query:
        case UIDIn(uids):
            return (uids.ranges[0][0], uids.ranges[-1][1]) if uids else (1, 0)
        case And(keys) if keys:
            bounds = [_bounds(key) for key in keys]
            return max(first for first, _ in bounds), min(last for _, last in bounds)
        case _:
            return 1, 2**32 - 1


def _judge(query: Query, row: Row, zone: tzinfo) -> bool | None:
    """What the row alone tells."""
    match query:
        case All():
            return True
        case And(keys):
            return _every(_judge(key, row, zone) for key in keys)
        case Or(left, right):
            neither = _every(_negated(_judge(key, row, zone)) for key in (left, right))
            return _negated(neither)
        case Not(key):
            return _negated(_judge(key, row, zone))
        case UIDIn(uids):
            return row.uid in uids
        case HasFlag(flag):
            return has_flag(row.flags, flag)
        case Larger(size):
            return row.size > size
        case Smaller(size):
            return row.size < size
        case ModifiedSince(modseq):
            return row.modseq >= modseq
        case Before(of) | On(of) | Since(of):
            return None if of is DateOf.SENT else _compare(query, _day(row, of, zone))
        case HeaderText() | BodyText() | WholeText():
            return None
        case _:
            assert_never(query)


def _every(verdicts: Iterable[bool | None]) -> bool | None:
    told: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        if verdict is None:
            told = None
    return told


def _negated(verdict: bool | None) -> bool | None:
    return None if verdict is None else not verdict


def _day(row: Row, of: DateOf, zone: tzinfo) -> date:
    moment = row.internal_date if of is DateOf.INTERNAL else row.save_date
    return moment.astimezone(zone).date()


def _compare(key: Before | On | Since, day: date) -> bool:
    match key:
        case Before():
            return day < key.day
        case On():
            return day == key.day
        case Since():
            return day >= key.day


class _Searching:
    """The keys that need the text of a message."""

    def __init__(self, load: Load, zone: tzinfo, breathe: Callable[[], Awaitable[None]]) -> None:
        self._load = load
        self._zone = zone
        self._breathe = breathe
        self._casemap = Casemap()

    async def read(self, query: Query, row: Row) -> bool:
        """Read as much of the message as the keys need."""
        loaded = await self._load(row.uid)
        if loaded is None:
            return False
        return await self._tell(query, row, Text(*loaded, self._casemap, self._breathe))

    async def _tell(self, query: Query, row: Row, text: Text) -> bool:
        known = _judge(query, row, self._zone)
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
            case HeaderText(name, sought):
                return await text.field_contains(name, sought)
            case BodyText(sought):
                return await text.body_contains(sought)
            case WholeText(sought):
                return await text.header_contains(sought) or await text.body_contains(sought)
            case Before() | On() | Since():
                day = text.sent()
                return day is not None and _compare(query, day)
            case _:
                raise AssertionError(query)
