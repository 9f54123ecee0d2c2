"""
Dates in header fields: read as people write them, written as :rfc:`5322#section-3.3` says.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

from pymta.message import _tokens

__all__ = ["format_date", "parse_date"]

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name.lower(): number for number, name in enumerate(_MONTHS, 1)}

# RFC 5322 section 4.3.  All other names, the military ones too, mean -0000.
_ZONES = {
    name: timedelta(hours=hours)
    for name, hours in [
        ("edt", -4),
        ("est", -5),
        ("cdt", -5),
        ("cst", -6),
        ("mdt", -6),
        ("mst", -7),
        ("pdt", -7),
        ("pst", -8),
    ]
}

# Nobody's date is longer, comments included; what stands behind is not looked at.
_LONGEST = 512

# White space has been made one space by then.
_DATE = re.compile(
    r"(?:[a-z]+ ?[,.]? ?)?(?P<day>\d{1,2})[ -]*(?P<month>[a-z]{3,9})[ ,.-]*(?P<year>\d{2,4}) ?"
    r"(?:,? ?(?P<hour>\d{1,2}) ?[:.] ?(?P<minute>\d{1,2}) ?"
    r"(?:[:.] ?(?P<second>\d{1,2})(?:\.\d+)? ?)?)?"
    r"(?P<zone>[+-]{1,2}\d\d:?\d\d|[a-z]+)?",
    re.IGNORECASE | re.ASCII,
)
# What ctime() writes: "Tue Nov  4 06:13:56 2026", with or without a zone before the year.
_CTIME = re.compile(
    r"[a-z]{3,9} (?P<month>[a-z]{3}) (?P<day>\d{1,2}) "
    r"(?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2}))? "
    r"(?:(?P<zone>[a-z]{1,5}|[+-]\d{4}) )?(?P<year>\d{4})",
    re.IGNORECASE | re.ASCII,
)
_OFFSET = re.compile(r"([+-]){1,2}(\d\d):?(\d\d)")


def parse_date(value: bytes) -> datetime | None:
    """
    Read a date-time, obsolete forms included (:rfc:`5322#section-4.3`).

    :returns: an aware datetime, in UTC where the zone is missing or unknown; None for what is
        no date.
    """
    text = b" ".join(_without_comments(value[:_LONGEST]).split()).decode("latin-1")
    found = _DATE.match(text) or _CTIME.match(text)
    if found is None:
        return None
    month = _MONTH.get(found["month"].lower()[:3])
    if month is None:
        return None
    second = int(found["second"] or 0)
    try:
        return datetime(
            _year(found["year"]),
            month,
            int(found["day"]),
            int(found["hour"] or 0),
            int(found["minute"] or 0),
            # A leap second (RFC 5322 section 3.3) is more than datetime can hold.
            59 if second == 60 else second,
            tzinfo=timezone(_offset(found["zone"] or "")),
        )
    except ValueError:
        return None


def _without_comments(value: bytes) -> bytes:
    if b"(" not in value:
        return value
    kept, position = [], 0
    while (start := value.find(b"(", position)) >= 0:
        kept.append(value[position:start])
        position = _tokens.read_comment(value, start)[1]
    return b" ".join([*kept, value[position:]])


def _year(text: str) -> int:
    year = int(text)
    if len(text) == 2 and year < 50:
        return year + 2000
    year = year + 1900 if len(text) < 4 else year
    # Section 3.3: "any numeric year 1900 or later"; the last one overflows in other zones.
    if not 1900 <= year < 9999:
        raise ValueError(text)
    return year


def _offset(zone: str) -> timedelta:
    found = _OFFSET.fullmatch(zone)
    if found is None:
        return _ZONES.get(zone.lower(), timedelta())
    minutes = int(found[2]) * 60 + int(found[3])
    # Section 3.3: the last two digits are minutes, 00 to 59; nobody lives beyond a day.
    if int(found[3]) > 59 or minutes >= 24 * 60:
        raise ValueError(zone)
    return timedelta(minutes=-minutes if found[1] == "-" else minutes)


def format_date(when: datetime) -> str:
    """
    Write a date-time with its day of the week and a numeric zone.

    The locale has no say, and no obsolete form is written (:rfc:`5321#section-4.4`).

    :raises ValueError: for a datetime without a zone, or with one of odd seconds.
    """
    offset = when.utcoffset()
    if offset is None or offset % timedelta(minutes=1):
        raise ValueError(f"no zone of whole minutes: {when!r}")
    sign = "-" if offset < timedelta() else "+"
    hours, minutes = divmod(abs(offset) // timedelta(minutes=1), 60)
    return (
        f"{_DAYS[when.weekday()]}, {when.day} {_MONTHS[when.month - 1]} {when.year:04d} "
        # By hand: strftime takes ten times as long, once a message.
        f"{when.hour:02d}:{when.minute:02d}:{when.second:02d} {sign}{hours:02d}{minutes:02d}"
    )
