"""
What is known of a message without reading it, and what that says of a search key
(:rfc:`3501#section-6.4.4`): yes, no, or "the text must tell".
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta, tzinfo
from typing import NamedTuple, TypeAlias, assert_never

from pymta.mailbox import UID, ModSeq
from pymta.message.casemap import Casemap
from pymta.message.index import TEXTS, IndexEntry
from pymta.search import (
    All,
    And,
    Before,
    BodyText,
    DateOf,
    Fuzzy,
    HasEmailID,
    HasFlag,
    HasThreadID,
    HeaderText,
    Larger,
    ModifiedSince,
    Not,
    Older,
    On,
    Or,
    Query,
    Since,
    Smaller,
    UIDIn,
    WholeText,
    Younger,
)
from pymta.store._flags import Flags, has_flag

__all__ = ["Day", "Glance", "Judge", "Row", "compare"]

_SECOND = timedelta(seconds=1)

Day: TypeAlias = Before | On | Since
"""A key that asks for a day."""


class Glance(NamedTuple):
    """
    What a store keeps of a header for searches; both as :class:`~pymta.message.index.IndexEntry`
    has them.
    """

    sent_day: int | None
    texts: tuple[bytes | None, ...]

    @classmethod
    def of(cls, entry: IndexEntry) -> Glance:
        """What of it searches look at."""
        return cls(entry.sent_day, entry.texts)


class Row(NamedTuple):
    """
    What is known of a message without its text.

    :param glance: None where the store keeps none, or nobody asked for it.
    """

    uid: UID
    flags: Flags
    modseq: ModSeq
    size: int
    internal_date: datetime
    save_date: datetime
    email_id: str = ""
    glance: Glance | None = None


class Judge:
    """
    For one search.

    :param zone: whose days internal dates and save dates are in.
    :param now: what OLDER and YOUNGER count from (:rfc:`5032#section-2`).
    """

    def __init__(self, zone: tzinfo, now: datetime) -> None:
        self.casemap = Casemap()
        self._zone = zone
        self._now = now
        self._needles: dict[str, bytes] = {}

    def judge(self, query: Query, row: Row) -> bool | None:
        """What the row alone tells; None: not enough."""
        match query:
            case All():
                return True
            case And(keys):
                return _every(self.judge(key, row) for key in keys)
            case Or(left, right):
                return _negated(_every(_negated(self.judge(key, row)) for key in (left, right)))
            case Not(key):
                return _negated(self.judge(key, row))
            case Fuzzy(key):
                return None if isinstance(key, _TEXTUAL) else self.judge(key, row)
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
            case Before() | On() | Since():
                return self._judge_day(query, row)
            case Older(seconds):
                return self._age(row) >= seconds
            case Younger(seconds):
                return self._age(row) <= seconds
            case HasEmailID(id_):
                return row.email_id == id_
            case HasThreadID():
                return False
            case HeaderText() | BodyText() | WholeText():
                return self._judge_text(query, row.glance)
            case _:
                assert_never(query)

    def _age(self, row: Row) -> int:
        # RFC 5032 section 2: "to the resolution of a second".
        return (self._now - row.internal_date) // _SECOND

    def _judge_day(self, key: Day, row: Row) -> bool | None:
        if key.of is not DateOf.SENT:
            return compare(key, _day(row, key.of, self._zone))
        if row.glance is None:
            return None
        day = row.glance.sent_day
        return day is not None and compare(key, date.fromordinal(day))

    def _judge_text(
        self, key: HeaderText | BodyText | WholeText, glance: Glance | None
    ) -> bool | None:
        if glance is None or isinstance(key, BodyText):
            return None
        needle = self._needle(key.text)
        if b"\n" in needle:
            # It ends a field in what is kept, and may be within one all the same.
            return None
        if isinstance(key, WholeText):
            # The kept texts are some of what is searched.
            return True if any(needle in text for text in glance.texts if text) else None
        at = _PLACES.get(key.name.lower())
        text = None if at is None else glance.texts[at]
        if text is None:
            return None
        return needle in text if needle else bool(text)

    def _needle(self, text: str) -> bytes:
        needle = self._needles.get(text)
        if needle is None:
            needle = self._needles[text] = self.casemap.key(text)
        return needle


_TEXTUAL = (HeaderText, BodyText, WholeText)
_PLACES = {name: at for at, name in enumerate(TEXTS)}


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


def compare(key: Day, day: date) -> bool:
    """Whether the day is what the key asks for."""
    match key:
        case Before():
            return day < key.day
        case On():
            return day == key.day
        case Since():
            return day >= key.day
