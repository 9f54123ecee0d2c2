"""
Days and times as IMAP writes them (:rfc:`3501#section-9`: date, date-time).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

__all__ = ["in_any_zone", "read_date", "read_date_time", "write_date", "write_date_time"]

_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_NUMBERS: Final = {name.upper().encode("ascii"): at for at, name in enumerate(_MONTHS, 1)}

#: A day from either end of the calendar: no zone is further away from UTC.
_EARLIEST: Final = datetime(1, 1, 2, tzinfo=UTC)
_LATEST: Final = datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC)


def read_date(octets: bytes) -> date:
    """``1-Feb-1994``.  :raises ValueError: there is no such day."""
    day, month, year = octets.split(b"-")
    return date(int(year), _month(month), int(day))


def read_date_time(octets: bytes) -> datetime:
    """
    `` 1-Feb-1994 22:04:05 +0100``; aware, in the zone that was written.

    A leap second is taken for the one before it: nothing on the way can hold it.

    :raises ValueError: there is no such time.
    """
    day, time, zone = octets.strip(b" ").split(b" ")
    on = read_date(day)
    hour, minute, second = (int(part) for part in time.split(b":"))
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    if int(zone[3:5]) > 59:
        raise ValueError("no such zone")
    offset = timedelta(minutes=-minutes if zone[:1] == b"-" else minutes)
    return datetime(
        on.year, on.month, on.day, hour, minute, min(second, 59) if second == 60 else second,
        tzinfo=timezone(offset),
    )  # fmt: skip


def in_any_zone(moment: datetime) -> datetime:
    """
    The same, or the nearest moment that has a day in every zone.

    Some programs write the first or the last moment of the calendar where they know none; in
    another zone that would be in no year at all.
    """
    return min(max(moment, _EARLIEST), _LATEST)


def write_date(day: date) -> str:
    """``1-Feb-1994``"""
    return f"{day.day}-{_MONTHS[day.month - 1]}-{day.year:04}"


def write_date_time(moment: datetime) -> str:
    """
    ``01-Feb-1994 22:04:05 +0100``, without its quotes, in the zone that the value has.

    :raises ValueError: the value has none.
    """
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("a time without a zone")
    minutes = round(offset.total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    hours, minutes = divmod(abs(minutes), 60)
    return (
        f"{moment.day:02}-{_MONTHS[moment.month - 1]}-{moment.year:04}"
        f" {moment.hour:02}:{moment.minute:02}:{moment.second:02} {sign}{hours:02}{minutes:02}"
    )


def _month(octets: bytes) -> int:
    try:
        return _NUMBERS[octets.upper()]
    except KeyError:
        raise ValueError("no such month") from None
