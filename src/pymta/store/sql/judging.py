"""
Search keys in the database's words (:rfc:`3501#section-6.4.4`): what rows tell of all messages in
one statement, of which nothing but the answer leaves the database.

SQL has the three values that searching needs: what only the text can tell is NULL, and AND, OR and
NOT treat it as "unknown", just as :mod:`pymta.store._judging` does, which says the same in Python.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, NamedTuple, assert_never

from sqlalchemy import Connection, text

from pymta.database.tables import contents
from pymta.database.times import from_microseconds, to_microseconds
from pymta.mailbox import UID, ModSeq, UIDSet
from pymta.message.casemap import Casemap
from pymta.message.index import TEXTS
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
from pymta.store._flags import part
from pymta.store._judging import Day, Row
from pymta.store._search import bounds
from pymta.store.sql.lookups import letter_index
from pymta.store.sql.reading import Letter, living
from pymta.store.sql.rows import flags_of, uids_of
from pymta.store.sql.tables import letters, messages

__all__ = ["Condition", "Doubtful", "Judged", "TooMuch", "condition", "doubtful", "judged"]

MOST_KEYS = 200
"""SQLite takes expressions of a thousand levels; what has more keys is judged row by row."""

MOST_LEVELS = 20
"""
Its parser remembers a hundred words in front of where it reads, three for each level: with 27
levels it says "parser stack overflow".  What is nested more deeply is judged row by row, too.
"""

FEW_RANGES = 8
MOST_UIDS = 100_000

_SECOND = 1_000_000
_ONE_DAY = timedelta(days=1)


ROWS_AT_ONCE = 20_000
"""Of which a list is read in 2 ms; the interpreter does nothing else meanwhile."""

MAX_OCTETS = 16 * 1024
"""Octets of a content that comes with its row."""


class TooMuch(Exception):
    """The query is too large for one statement."""


@dataclass(slots=True)
class Condition:
    """
    An expression over ``m``, a message, and ``i``, its row in the index.

    :param values: what its parameters are; :param needs_index: whether it looks at ``i``.
    :param first: no UID outside of ``first`` to ``last`` fulfils it.
    """

    expression: str = ""
    values: dict[str, Any] = field(default_factory=dict)
    needs_index: bool = False
    first: int = 1
    last: int = 2**32 - 1


class Judged(NamedTuple):
    """
    What rows tell.

    :param found: and its highest modseq; :param doubtful: the text must tell.
    :param upto: the last one that was looked at; None: there are no more.
    """

    found: UIDSet
    modseq: ModSeq | None
    doubtful: Sequence[UID]
    upto: int | None


def judged(connection: Connection, mailbox: int, where: Condition, after: int = 0) -> Judged:
    """Judge :data:`ROWS_AT_ONCE` messages of a mailbox, those with UIDs above ``after``."""
    living(connection, mailbox)
    join = f"LEFT JOIN {letter_index.name} AS i ON i.letter = m.letter"
    statement = text(
        # As one row: the driver takes the interpreter lock once a row.
        "SELECT json_group_array(uid) FILTER (WHERE told), "  # noqa: S608  our own words
        "MAX(modseq) FILTER (WHERE told), json_group_array(uid) FILTER (WHERE told IS NULL), "
        "COUNT(*), MAX(uid) "
        f"FROM (SELECT m.uid AS uid, m.modseq AS modseq, {where.expression} AS told "
        f"FROM {messages.name} AS m {join if where.needs_index else ''} "
        "WHERE m.mailbox = :mailbox AND m.uid BETWEEN :first AND :last "
        "ORDER BY m.uid LIMIT :rows)"
    )
    which = {"mailbox": mailbox, "last": where.last, "rows": ROWS_AT_ONCE}
    which["first"] = max(where.first, after + 1)
    row = connection.execute(statement, {**which, **where.values}).one()
    found, modseq, doubtful, count, last = row
    return Judged(
        uids_of(sorted(json.loads(found))),
        None if modseq is None else ModSeq(modseq),
        sorted(json.loads(doubtful)),
        last if count == ROWS_AT_ONCE else None,
    )


class Doubtful(NamedTuple):
    """
    A message that has to be read.

    :param octets: all of it, where it is small and in its row.
    """

    row: Row
    letter: Letter
    octets: bytes | None


_DOUBTFUL = text(
    "SELECT m.uid, m.flags, m.keywords, m.modseq, m.internal_date, m.save_date, "  # noqa: S608  our own words
    "m.letter, l.content, l.prefix, l.size, l.structure, "
    f"CASE WHEN c.size <= {MAX_OCTETS} THEN c.octets END "
    f"FROM json_each(:uids) AS u CROSS JOIN {messages.name} AS m "
    f"JOIN {letters.name} AS l ON l.id = m.letter "
    f"JOIN {contents.name} AS c ON c.id = l.content "
    "WHERE m.mailbox = :mailbox AND m.uid = u.value ORDER BY m.uid"
)


def doubtful(connection: Connection, mailbox: int, uids: Sequence[UID]) -> list[Doubtful]:
    """Those that are still there, ascending."""
    which = {"mailbox": mailbox, "uids": json.dumps(uids)}
    return [_doubtful(*row) for row in connection.execute(_DOUBTFUL, which)]


def _doubtful(uid: UID, flags: int, keywords: str, modseq: ModSeq, *others: Any) -> Doubtful:
    internal_date, save_date, number, content, prefix, size, structure, octets = others
    row = Row(
        uid,
        flags_of(flags, keywords),
        modseq,
        size,
        from_microseconds(internal_date),
        from_microseconds(save_date),
        email_id=f"E{number:x}",
    )
    letter = Letter(content=content, prefix=prefix, size=size, structure=structure)
    return Doubtful(row, letter, None if octets is None else prefix + octets)


def condition(query: Query, *, zone: tzinfo, now: int) -> Condition:
    """
    :param now: microseconds since 1970.
    :raises TooMuch: as it says.
    """
    writing = _Writing(zone, now)
    made = writing.condition
    made.expression = writing.write(query)
    made.first, made.last = bounds(query)
    return made


class _Writing:
    def __init__(self, zone: tzinfo, now: int) -> None:
        self.condition = Condition()
        self._zone = zone
        self._now = now
        self._keys = self._levels = 0
        self._casemap = Casemap()

    def write(self, query: Query) -> str:
        """An expression that is 1, 0 or NULL."""
        self._keys += 1
        self._levels += 1
        if self._keys > MOST_KEYS or self._levels > MOST_LEVELS:
            raise TooMuch
        written = self._write(query)
        self._levels -= 1
        return written

    def _write(self, query: Query) -> str:
        match query:
            case And(keys):
                return f"({' AND '.join(map(self.write, keys))})" if keys else "1"
            case Or():
                return f"({' OR '.join(map(self.write, _either(query)))})"
            case Not(key):
                return f"(NOT {self.write(key)})"
            case Fuzzy(key):
                textual = isinstance(key, HeaderText | BodyText | WholeText)
                return "NULL" if textual else self.write(key)
            case Before() | On() | Since():
                return self._day(query)
            case HeaderText(name, sought):
                return self._header(name.lower(), sought)
            case WholeText(sought):
                return self._whole(sought)
            case BodyText():
                return "NULL"
            case _:
                return self._plain(query)

    def _plain(
        self,
        query: All
        | UIDIn
        | HasFlag
        | Larger
        | Smaller
        | ModifiedSince
        | Older
        | Younger
        | HasEmailID
        | HasThreadID,
    ) -> str:
        match query:
            case All():
                return "1"
            case UIDIn(uids):
                return self._uids(uids)
            case HasFlag(flag):
                return self._flag(flag)
            case Larger(size):
                return f"(m.size > {self._value(size)})"
            case Smaller(size):
                return f"(m.size < {self._value(size)})"
            case ModifiedSince(modseq):
                return f"(m.modseq >= {self._value(modseq)})"
            case Older(seconds):
                return f"(m.internal_date <= {self._value(self._now - seconds * _SECOND)})"
            case Younger(seconds):
                since = self._now - (seconds + 1) * _SECOND
                return f"(m.internal_date > {self._value(since)})"
            case HasEmailID(id_):
                number = _letter_of(id_)
                return "0" if number is None else f"(m.letter = {self._value(number)})"
            case HasThreadID():
                return "0"
            case _:
                assert_never(query)

    def _value(self, value: object) -> str:
        values = self.condition.values
        name = f"v{len(values)}"
        values[name] = value
        return f":{name}"

    def _uids(self, uids: UIDSet) -> str:
        ranges = uids.ranges
        if not ranges:
            return "0"
        if len(ranges) <= FEW_RANGES:
            each = (f"m.uid BETWEEN {self._value(a)} AND {self._value(b)}" for a, b in ranges)
            return f"({' OR '.join(each)})"
        if len(uids) > MOST_UIDS:
            raise TooMuch
        value = self._value(json.dumps(list(uids)))
        return f"(m.uid IN (SELECT value FROM json_each({value})))"  # noqa: S608  our own name

    def _flag(self, flag: str) -> str:
        try:
            parted = part([flag])
        except ValueError:
            return "0"
        if parted.bits:
            return f"(m.flags & {self._value(parted.bits)} <> 0)"
        [folded] = parted.keywords
        return f"(instr(lower(' ' || m.keywords || ' '), {self._value(f' {folded} ')}) > 0)"

    # -- days ------------------------------------------------------------------

    def _day(self, key: Day) -> str:
        if key.of is DateOf.SENT:
            self.condition.needs_index = True
            told = self._compared("i.sent_day", key, date.toordinal)
            # Without a date it is no day; without a row nobody knows.
            return f"(CASE WHEN i.letter IS NULL THEN NULL ELSE COALESCE({told}, 0) END)"
        column = "m.internal_date" if key.of is DateOf.INTERNAL else "m.save_date"
        return self._compared(column, key, self._midnight)

    def _compared(self, column: str, key: Day, of: Callable[[date], int]) -> str:
        first = self._value(of(key.day))
        match key:
            case Before():
                return f"({column} < {first})"
            case Since():
                return f"({column} >= {first})"
            case On():
                if key.day == date.max:
                    return f"({column} >= {first})"
                behind = self._value(of(key.day + _ONE_DAY))
                return f"({column} >= {first} AND {column} < {behind})"

    def _midnight(self, day: date) -> int:
        return to_microseconds(datetime.combine(day, time(), self._zone))

    # -- texts -----------------------------------------------------------------

    def _header(self, name: str, sought: str) -> str:
        needle = self._casemap.key(sought)
        if name not in TEXTS or b"\n" in needle:
            return "NULL"
        self.condition.needs_index = True
        column = f"i.{name}_text"
        if not needle:
            return f"(length({column}) > 0)"
        return f"(instr({column}, {self._value(needle)}) > 0)"

    def _whole(self, sought: str) -> str:
        needle = self._casemap.key(sought)
        if b"\n" in needle:
            return "NULL"
        self.condition.needs_index = True
        value = self._value(needle)
        each = " OR ".join(f"instr(i.{name}_text, {value}) > 0" for name in TEXTS)
        # These are some of what is searched: a "no" of theirs is none.
        return f"(CASE WHEN {each} THEN 1 ELSE NULL END)"


def _either(query: Or) -> Iterator[Query]:
    """What stands in ORs within ORs, as clients write a list of addresses: one level."""
    left = [query.right, query.left]
    while left:
        key = left.pop()
        if isinstance(key, Or):
            left += (key.right, key.left)
        else:
            yield key


def _letter_of(email_id: str) -> int | None:
    try:
        number = int(email_id[1:], 16)
    except ValueError:
        return None
    # Written another way, it is another id.
    return number if email_id == f"E{number:x}" and number < 2**63 else None
