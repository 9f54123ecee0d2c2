"""
Tests for FETCH responses.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from pymta.wire.imap.response.fetch import (
    Form,
    binary_item,
    date_value,
    dates,
    email_ids,
    fetch_line,
    flags_value,
    literal8_beginning,
    literal_beginning,
    preview_value,
    section_item,
    uid_fetch_line,
)


def test_lines() -> None:
    """Items stand in parentheses behind the number, or behind the UID where there is none."""
    assert b"* 7 FETCH (UID 9 FLAGS ())\r\n" == fetch_line(7, [b"UID 9", b"FLAGS ()"])
    assert b"* 9 UIDFETCH (FLAGS ())\r\n" == uid_fetch_line(9, [b"FLAGS ()"])


def test_form() -> None:
    """Columns go into a form, a line a message."""
    form = Form([b"UID %d", b"THREADID NIL", b"FLAGS %b"])

    assert (
        b"* 1 FETCH (UID 5 THREADID NIL FLAGS (a))\r\n* 2 FETCH (UID 6 THREADID NIL FLAGS ())\r\n"
    ) == form.lines([1, 2], [[5, 6], [b"(a)", b"()"]])
    assert b"" == form.lines([], [[], []])
    assert [b"* 5 UIDFETCH (RFC822.SIZE 3"] == Form(
        [b"RFC822.SIZE %d"], word=b"UIDFETCH"
    ).beginnings([5], [iter([3])])
    assert [b"* 5 FETCH ("] == Form([]).beginnings([5], [])


def test_columns_are_of_one_length() -> None:
    """A value that is missing is a mistake, and no shorter response."""
    with pytest.raises(ValueError):
        Form([b"UID %d"]).lines([1, 2], [[5]])


def test_flags() -> None:
    """Flags are in a settled order."""
    assert b"()" == flags_value(frozenset())
    assert b"($Junk \\Answered \\Seen)" == flags_value(frozenset({"\\Seen", "$Junk", "\\Answered"}))
    assert b"(\\Recent)" == flags_value(frozenset(), True)


def test_dates() -> None:
    """A date is 26 characters, or NIL."""
    moment = datetime(1996, 7, 4, 2, 44, 25, tzinfo=timezone(timedelta(hours=-7)))

    assert b'"04-Jul-1996 02:44:25 -0700"' == date_value(moment).replace(b'" ', b'"0')
    assert [b"NIL", date_value(moment)] == list(dates([None, moment]))


def test_email_ids() -> None:
    """Object ids stand bare in parentheses."""
    assert b"* 1 FETCH (EMAILID (E1a))\r\n" == Form([b"EMAILID (%b)"]).lines(
        [1], [email_ids(["E1a"])]
    )


@pytest.mark.parametrize(
    ("text", "plain", "utf8"),
    [
        (None, b"NIL", b"NIL"),
        ("", b'""', b'""'),
        ('a "b"', b'"a \\"b\\""', b'"a \\"b\\""'),
        ("é", b"{2}\r\n\xc3\xa9", b'"\xc3\xa9"'),
    ],
)
def test_previews(text: str | None, plain: bytes, utf8: bytes) -> None:
    """A preview is a string of UTF-8: quoted only for who takes that."""
    assert plain == preview_value(text, utf8=False)
    assert utf8 == preview_value(text, utf8=True)


@pytest.mark.parametrize(
    ("octets", "section", "binary"),
    [
        pytest.param(None, b"X NIL", b"X NIL", id="not there"),
        pytest.param(b"", b"X {0}\r\n", b"X {0}\r\n", id="empty"),
        pytest.param(b"a\r\n)", b"X {4}\r\na\r\n)", b"X {4}\r\na\r\n)", id="octets"),
        pytest.param(b"\xff", b"X {1}\r\n\xff", b"X {1}\r\n\xff", id="beyond ASCII"),
        pytest.param(b"a\0", b"X {2}\r\na\0", b"X ~{2}\r\na\0", id="NUL"),
    ],
)
def test_octets(octets: bytes | None, section: bytes, binary: bytes) -> None:
    """
    Octets are a literal; of BINARY one that may hold NUL, where there is one (RFC 3516 §4.3).
    """
    assert section == section_item(b"X", octets)
    assert binary == binary_item(b"X", octets)
    if octets:
        assert section == literal_beginning(b"X", len(octets)) + octets
        assert b"X ~{%d}\r\n" % len(octets) == literal8_beginning(b"X", len(octets))


def test_flags_of_ten_thousand() -> None:
    """
    FLAGS of 10,000 messages are written in a few milliseconds.
    """
    kinds = [frozenset({"\\Seen"}), frozenset[str](), frozenset({"\\Seen", "work"})]
    rows = [(n, kinds[n % 3]) for n in range(1, 10_001)]
    form = Form([b"FLAGS %b"])

    def write() -> float:
        before = time.process_time()
        written = []
        for start in range(0, 10_000, 1000):
            uids, flags = zip(*rows[start : start + 1000], strict=True)
            written.append(form.lines(uids, [map(flags_value, flags)]))
        assert 10_000 == b"".join(written).count(b"\r\n")
        return time.process_time() - before

    # The bar is 7 ms on an idle machine; this one is never idle.
    assert min(write() for _ in range(5)) < 0.020


def test_dates_of_one_moment_are_written_once() -> None:
    """Mailboxes are listed again and again: a date that was written is remembered."""
    assert date_value(datetime(2026, 1, 2, tzinfo=UTC)) is date_value(
        datetime(2026, 1, 2, tzinfo=UTC)
    )
