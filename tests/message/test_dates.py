"""
Tests for dates in header fields.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.message.dates import format_date, parse_date


def at(*fields: int, hours: float = 0) -> datetime:
    """A time in the zone so many hours east."""
    return datetime(*fields, tzinfo=timezone(timedelta(hours=hours)))  # type: ignore[arg-type, misc]


DATES = [
    pytest.param(
        b"Fri, 21 Nov 1997 09:55:06 -0600", at(1997, 11, 21, 9, 55, 6, hours=-6), id="5322"
    ),
    pytest.param(b"1 Apr 2020 00:00 +0530", at(2020, 4, 1, hours=5.5), id="no day, no seconds"),
    pytest.param(
        b"Thu,\r\n      13\r\n        Feb\r\n          1969\r\n      23:32\r\n"
        b"               -0330 (Newfoundland Time)",
        at(1969, 2, 13, 23, 32, hours=-3.5),
        id="RFC 5322 A.5",
    ),
    pytest.param(b"21 Nov 97 09:55:06 GMT", at(1997, 11, 21, 9, 55, 6), id="A.6.2"),
    pytest.param(
        b"Fri, 21 Nov 1997 09(comment):   55  :  06 -0600",
        at(1997, 11, 21, 9, 55, 6, hours=-6),
        id="A.6.3",
    ),
    pytest.param(b"1 Jan 49 0:0 UT", at(2049, 1, 1), id="two digits, 49"),
    pytest.param(b"1 Jan 50 0:0 UT", at(1950, 1, 1), id="two digits, 50"),
    pytest.param(b"1 Jan 101 0:0 UT", at(2001, 1, 1), id="three digits"),
    pytest.param(b"1 Jan 2020 0:0 EDT", at(2020, 1, 1, hours=-4), id="EDT"),
    pytest.param(b"1 Jan 2020 0:0 pst", at(2020, 1, 1, hours=-8), id="PST, lower case"),
    pytest.param(b"1 Jan 2020 0:0 Q", at(2020, 1, 1), id="military is -0000"),
    pytest.param(b"1 Jan 2020 0:0 CEST", at(2020, 1, 1), id="unknown is -0000"),
    pytest.param(b"1 Jan 2020 0:0", at(2020, 1, 1), id="no zone"),
    pytest.param(b"1 Jan 2020", at(2020, 1, 1), id="no time"),
    pytest.param(b"1 Jan 2020 0:0 -0000", at(2020, 1, 1), id="-0000"),
    pytest.param(b"1 Jan 2020 0:0 +01:00", at(2020, 1, 1, hours=1), id="colon in the zone"),
    pytest.param(b"31 Dec 2016 23:59:60 +0000", at(2016, 12, 31, 23, 59, 59), id="leap second"),
    pytest.param(b"Tue Nov  4 06:13:56 2026", at(2026, 11, 4, 6, 13, 56), id="ctime"),
    pytest.param(b"Tue Nov 24 06:13:56 EST 2026", at(2026, 11, 24, 6, 13, 56, hours=-5), id="date"),
    pytest.param(b"17-Jul-1996 02:44:25 -0700", at(1996, 7, 17, 2, 44, 25, hours=-7), id="hyphens"),
    pytest.param(b"Mon 2 March 2020 1.2.3 +0000", at(2020, 3, 2, 1, 2, 3), id="long month, dots"),
    pytest.param(b"1 Jan 2020 0:0:0 +2400", None, id="zone of a day"),
    pytest.param(b"1 Jan 2020 0:0:0 +0060", None, id="zone of 60 minutes"),
    pytest.param(b"31 Feb 2020 0:0:0 +0000", None, id="no such day"),
    pytest.param(b"1 Jan 2020 24:0:0 +0000", None, id="hour 24"),
    pytest.param(b"1 Jan 2020 0:0:61 +0000", None, id="second 61"),
    pytest.param(b"1 Foo 2020 0:0:0 +0000", None, id="no such month"),
    pytest.param(b"1 Jan 0001 0:0:0 +0000", None, id="before 1900"),
    pytest.param(b"31 Dec 9999 23:59:59 -0100", None, id="overflows in UTC"),
    pytest.param(b"", None, id="nothing"),
    pytest.param(b"yesterday", None, id="a word"),
    pytest.param(b"(1 Jan 2020 0:0", None, id="all comment"),
    pytest.param("١ Jan 2020".encode(), None, id="other digits"),
]


@pytest.mark.parametrize(("value", "expected"), DATES)
def test_parse(value: bytes, expected: datetime | None) -> None:
    """
    A date is read with its zone; what is no date is None.
    """
    parsed = parse_date(value)

    assert expected == parsed
    assert parsed is None or expected is None or parsed.utcoffset() == expected.utcoffset()


@pytest.mark.parametrize(
    ("when", "text"),
    [
        (at(1997, 11, 21, 9, 55, 6, hours=-6), "Fri, 21 Nov 1997 09:55:06 -0600"),
        (at(2026, 1, 4, 0, 0, 0, hours=5.5), "Sun, 4 Jan 2026 00:00:00 +0530"),
        (at(2026, 1, 4, 0, 0, 0, hours=-3.5), "Sun, 4 Jan 2026 00:00:00 -0330"),
        (datetime(2026, 11, 24, 6, 13, 56, 999, tzinfo=UTC), "Tue, 24 Nov 2026 06:13:56 +0000"),
    ],
)
def test_format(when: datetime, text: str) -> None:
    """
    A date is written in the form of RFC 5322 section 3.3.
    """
    assert text == format_date(when)


def test_format_needs_a_zone() -> None:
    """
    A time without a zone, or with one of odd seconds, cannot be written.
    """
    with pytest.raises(ValueError, match="no zone"):
        format_date(datetime(2020, 1, 1))
    with pytest.raises(ValueError, match="no zone"):
        format_date(datetime(2020, 1, 1, tzinfo=timezone(timedelta(seconds=30))))


@settings(max_examples=100)
@given(
    when=st.datetimes(
        min_value=datetime(1900, 1, 1),
        max_value=datetime(9998, 12, 31),
        timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m))),
    )
)
def test_parse_what_was_formatted(when: datetime) -> None:
    """
    A date that we write reads as itself, to the second, here and elsewhere.
    """
    text = format_date(when)

    assert when.replace(microsecond=0) == parse_date(text.encode())
    assert when.replace(microsecond=0) == parsedate_to_datetime(text)


@settings(max_examples=200)
@given(value=st.text("0123456789JanFeb:+- ,().").map(str.encode) | st.binary())
def test_never_raises(value: bytes) -> None:
    """
    Anything is a date, which UTC knows too, or None.
    """
    parsed = parse_date(value)

    assert parsed is None or parsed.astimezone(UTC) == parsed


@pytest.mark.parametrize("value", [b"(", b" ", b"1", b"a", b"1 ", b"1 Jan 20 ", b"-"])
def test_s19_one_megabyte_of_it(value: bytes) -> None:
    """
    Only the beginning of a long value is looked at.
    """
    started = process_time()
    parse_date(value * 1_000_000)

    assert process_time() - started < 1
