"""
Tests for days and times.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from pymta.wire.imap import calendar

CET = timezone(timedelta(hours=1))
NEWFOUNDLAND = timezone(timedelta(hours=-3, minutes=-30))

TIMES = {
    b" 1-Feb-1994 22:04:05 +0100": datetime(1994, 2, 1, 22, 4, 5, tzinfo=CET),
    b"17-Jul-1996 02:44:25 -0330": datetime(1996, 7, 17, 2, 44, 25, tzinfo=NEWFOUNDLAND),
    b"29-feb-2000 00:00:00 +0000": datetime(2000, 2, 29, tzinfo=UTC),
    b"31-DEC-9999 23:59:59 +0000": datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC),
    b"30-Jun-2015 23:59:60 +0000": datetime(2015, 6, 30, 23, 59, 59, tzinfo=UTC),
}


@pytest.mark.parametrize("octets", TIMES, ids=lambda octets: octets.decode())
def test_reads_times(octets: bytes) -> None:
    """Times keep their zone; a leap second is the one before it."""
    read = calendar.read_date_time(octets)
    assert (TIMES[octets], TIMES[octets].utcoffset()) == (read, read.utcoffset())


@pytest.mark.parametrize(
    "octets",
    [
        b"30-Feb-1994 00:00:00 +0000",
        b"01-Foo-1994 00:00:00 +0000",
        b"01-Feb-0000 00:00:00 +0000",
        b"01-Feb-1994 24:00:00 +0000",
        b"01-Feb-1994 00:60:00 +0000",
        b"01-Feb-1994 00:00:61 +0000",
        b"01-Feb-1994 00:00:00 +2400",
        b"01-Feb-1994 00:00:00 +0060",
        b"01-Feb-1994 000:0:00 +0060",
        b"01-Feb-1994 ::::::: +0000",
        b"01-Feb-1994 12345678 +0000",
    ],
    ids=lambda octets: octets.decode(),
)
def test_refuses_times(octets: bytes) -> None:
    """There are no such times."""
    with pytest.raises(ValueError):
        calendar.read_date_time(octets)


@pytest.mark.parametrize(
    ("octets", "kept"),
    [
        (b"01-Jan-0001 00:00:00 +0000", "02-Jan-0001 00:00:00 +0000"),
        (b"01-Jan-0001 00:00:00 +2359", "02-Jan-0001 00:00:00 +0000"),
        (b"02-Jan-0001 00:00:00 -0100", "02-Jan-0001 00:00:00 -0100"),
        (b"31-Dec-9999 23:59:59 -1400", "30-Dec-9999 23:59:59 +0000"),
        (b"30-Dec-9999 23:59:59 +0100", "30-Dec-9999 23:59:59 +0100"),
    ],
    ids=str,
)
def test_ends_of_the_calendar(octets: bytes, kept: str) -> None:
    """What has no day in some zone becomes the nearest moment that has one everywhere."""
    moment = calendar.in_any_zone(calendar.read_date_time(octets))
    assert kept == calendar.write_date_time(moment)
    for hours in (-23, 23):
        moment.astimezone(timezone(timedelta(hours=hours, minutes=hours // 23 * 59)))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (datetime(1994, 2, 1, 22, 4, 5, tzinfo=CET), "01-Feb-1994 22:04:05 +0100"),
        (datetime(1996, 7, 7, 2, 44, 25, tzinfo=NEWFOUNDLAND), "07-Jul-1996 02:44:25 -0330"),
        (datetime(101, 1, 1, tzinfo=UTC), "01-Jan-0101 00:00:00 +0000"),
        (datetime(2000, 1, 1, 1, 2, 3, 999_999, tzinfo=UTC), "01-Jan-2000 01:02:03 +0000"),
    ],
)
def test_writes_times(moment: datetime, expected: str) -> None:
    """Days have two digits, years four; parts of a second are cut off."""
    assert expected == calendar.write_date_time(moment)


def test_no_zone() -> None:
    """A time without a zone is nobody's."""
    with pytest.raises(ValueError, match="zone"):
        calendar.write_date_time(datetime(2000, 1, 1))


def test_days() -> None:
    """Days are read and written without leading zeros."""
    assert (
        date(1994, 2, 1) == calendar.read_date(b"1-Feb-1994") == calendar.read_date(b"01-FEB-1994")
    )
    assert "1-Feb-1994" == calendar.write_date(date(1994, 2, 1))
