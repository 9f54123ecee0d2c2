"""
Tests for reading reports: those of the standards, those of the world, and hostile ones.
"""

from __future__ import annotations

import base64
import os
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.errors import ReportError
from pymta.message.dsn import Action, RecipientStatus, Typed
from pymta.message.dsn_reading import MAX_OCTETS, MAX_RECIPIENTS, parse_dsn, parse_status

VECTORS = os.environ.get("PYMTA_VECTORS")


def report(status: str, *, encoding: str = "7bit", media: str = "message/delivery-status") -> bytes:
    """A report with that part for programs."""
    return f"""\
From: <>
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b

It failed.
--b
Content-Type: {media}
Content-Transfer-Encoding: {encoding}

{status}
--b
Content-Type: message/rfc822

Subject: x

Hello
--b--
""".encode()


EXAMPLE = """\
Original-Envelope-Id: QQ314159
Reporting-MTA: dns; cs.utk.edu
Received-From-MTA: dns; client.example
Arrival-Date: Thu, 7 Jul 1994 17:15:49 -0400

Original-Recipient: rfc822;louisl@larry.slip.umd.edu
Final-Recipient: rfc822;louisl@larry.slip.umd.edu
Action: failed
Status: 4.0.0
Remote-MTA: dns; larry.slip.umd.edu
Diagnostic-Code: smtp; 426 connection timed out
Last-Attempt-Date: Thu, 7 Jul 1994 17:15:49 -0400
"""
WHEN = datetime(1994, 7, 7, 17, 15, 49, tzinfo=timezone(timedelta(hours=-4)))
LOUIS = Typed("rfc822", "louisl@larry.slip.umd.edu")


def test_every_field_is_read() -> None:
    """RFC 3464 appendix E has such ones."""
    read = parse_dsn(report(EXAMPLE))
    assert ("QQ314159", WHEN) == (read.envelope_id, read.arrival)
    assert Typed("dns", "cs.utk.edu") == read.reporting_mta
    assert Typed("dns", "client.example") == read.received_from
    expected = RecipientStatus(
        final=LOUIS,
        original=LOUIS,
        action=Action.FAILED,
        status="4.0.0",
        remote_mta=Typed("dns", "larry.slip.umd.edu"),
        diagnostic=Typed("smtp", "426 connection timed out"),
        last_attempt=WHEN,
    )
    assert (expected,) == read.recipients


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_line_ends(newline: str) -> None:
    """Both are read alike."""
    octets = report(EXAMPLE)
    assert parse_dsn(octets) == parse_dsn(octets.replace(b"\n", newline.encode()))


def test_encodings() -> None:
    """RFC 6533 section 4.4: base64 and quoted-printable, for one of the media types."""
    status = "Reporting-MTA: dns; a.example\n\nFinal-Recipient: utf-8; jörg@b.example\n"
    status += "Action: failed\nStatus: 5.1.1\n"
    encoded = {
        "8bit": status,
        "quoted-printable": status.replace("ö", "=C3=B6"),
        "base64": base64.encodebytes(status.encode()).decode(),
        "base64 ": base64.b64encode(status.encode()).decode().rstrip("="),
    }
    for encoding, text in encoded.items():
        octets = report(text, encoding=encoding, media="message/global-delivery-status")
        [recipient] = parse_dsn(octets).recipients
        assert Typed("utf-8", "jörg@b.example") == recipient.final


TOLERATED = [
    ("Final-Recipient: rfc822; a@b.example\nAction: Failed (no)\nStatus: 5.1.1 (unknown)",
     "rfc822; a@b.example", "failed", "5.1.1"),
    ("Final-Recipient: a@b.example\nAction: failure\nStatus: 553 too large",
     "rfc822; a@b.example", "failed", "5.0.0"),
    ("Final-Recipient: RFC822; <a@b.example>\nAction: error\nStatus: 5.01.001",
     "rfc822; <a@b.example>", "failed", "5.1.1"),
    ("Final-Recipient: rfc822;a@b.example\nAction: odd\nStatus: 4.4.1",
     "rfc822; a@b.example", "delayed", "4.4.1"),
    ("Original-Recipient: rfc822;a@b.example\nAction: relayed",
     "rfc822; a@b.example", "relayed", "2.0.0"),
    ("Final-Recipient: rfc822;a@b.example\nDiagnostic-Code: smtp; 550 5.7.1 no",
     "rfc822; a@b.example", "failed", "5.7.1"),
    (("Final-Recipient: rfc822;a@b.example\nAction: delayed\n"
     "Diagnostic-Code: smtp; 450 [192.5.1.1] busy"),
     "rfc822; a@b.example", "delayed", "4.0.0"),
    ("final-recipient :\n rfc822;\n\ta@b.example\nACTION: FAILED\nSTATUS: 5.1.1",
     "rfc822; a@b.example", "failed", "5.1.1"),
    ("Final-Recipient: somebody\nAction: failed\nStatus: 5.1.1",
     "unknown; somebody", "failed", "5.1.1"),
    ("Final-Recipient: utf-8; j\\x{F6}rg@b.example\nAction: failed\nStatus: 5.1.1",
     "utf-8; jörg@b.example", "failed", "5.1.1"),
    ("Final-Recipient: utf-8; \\x{FFFFFF}\\x{0D}x\nAction: failed\nStatus: 5.1.1",
     "utf-8; \\x{FFFFFF} x", "failed", "5.1.1"),
    ("\n\nFinal-Recipient: rfc822;a@b.example\n\nAction: failed\n\nStatus: 5.1.1\n\n\n",
     "rfc822; a@b.example", "failed", "5.0.0"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("group", "final", "action", "status"), TOLERATED, ids=range(len(TOLERATED))
)
def test_what_is_meant_is_read(group: str, final: str, action: str, status: str) -> None:
    """Comments, missing types, words and codes of their own making, empty lines anywhere."""
    read = parse_dsn(report(f"Reporting-MTA: dns; a.example\n\n{group}\n"))
    found = [(str(each.final), each.action.value, each.status) for each in read.recipients]
    assert [(final, action, status)] == found


def test_groups_without_an_empty_line() -> None:
    """A field that comes again begins the next; fields of the message may stand anywhere."""
    status = """\
Final-Recipient: rfc822; a@b.example
Action: failed
Status: 5.1.1
Final-Recipient: rfc822; c@b.example
Action: delayed
Status: 4.4.1
Reporting-MTA: a.example (some comment)
X-Unknown: 1
"""
    read = parse_dsn(report(status))
    assert [("a@b.example", "5.1.1"), ("c@b.example", "4.4.1")] == [
        (each.final.text, each.status) for each in read.recipients
    ]
    assert Typed("dns", "a.example (some comment)") == read.reporting_mta


NO_REPORTS = [
    b"",
    b"\r\n",
    b"Subject: x\r\n\r\nHello\r\n",
    report("Reporting-MTA: dns; a.example\n"),
    report(""),
    report("Action: failed\nStatus: 5.1.1\n"),
    report("Final-Recipient: rfc822;\nAction: failed\n"),
    report(EXAMPLE, media="text/plain"),
    b"Content-Type: message/rfc822\r\n\r\n" + report(EXAMPLE),
]


@pytest.mark.parametrize("octets", NO_REPORTS, ids=range(len(NO_REPORTS)))
def test_what_is_no_report_says_so(octets: bytes) -> None:
    """One error, whatever it is."""
    with pytest.raises(ReportError):
        parse_dsn(octets)


def test_an_enclosed_report_is_about_something_else() -> None:
    """A report that is returned by a report: the outer one is meant."""
    inner = report(EXAMPLE)
    outer = report(EXAMPLE.replace("louisl", "outer")).replace(b"Subject: x\n\nHello\n", inner)
    assert ["outer@larry.slip.umd.edu"] == [r.final.text for r in parse_dsn(outer).recipients]


@pytest.mark.parametrize("alone", [True, False])
def test_a_part_alone(alone: bool) -> None:
    """Whoever has the part already reads it without its message."""
    read = parse_status(EXAMPLE.encode()) if alone else parse_dsn(report(EXAMPLE))
    assert (LOUIS,) == tuple(each.final for each in read.recipients)


# -- hostile -----------------------------------------------------------------------------------

_GROUP = b"Final-Recipient: rfc822; a@b.example\nAction: failed\nStatus: 5.1.1\n\n"

BOMBS = {
    "empty lines": b"\n" * MAX_OCTETS,
    "blanks": b" " * MAX_OCTETS,
    "folds": _GROUP[:-1] + b" x\n" * (MAX_OCTETS // 3),
    "one line": _GROUP[:-1] + b"Diagnostic-Code: smtp; " + b"x" * MAX_OCTETS,
    "fields": b"a: b\n" * (MAX_OCTETS // 5),
    "no colon": b"a" * MAX_OCTETS,
    "names": b"a:" * (MAX_OCTETS // 2),
    "parentheses": _GROUP[:-1] + b"Action: " + b"(" * MAX_OCTETS,
    "digits": _GROUP[:-1] + b"X: " + b"5.1." * (MAX_OCTETS // 4),
    "embedded": b"Final-Recipient: utf-8; "
    + b"\\x{41}" * (MAX_OCTETS // 6)
    + b"\nAction: failed\n",
    "groups": _GROUP * (MAX_OCTETS // len(_GROUP)),
}


@pytest.mark.parametrize("name", BOMBS)
def test_s18_s19_bombs(name: str) -> None:
    """A megabyte of the worst of each: read in a moment, and its values are small."""
    began = time.process_time()
    try:
        read = parse_status(BOMBS[name])
    except ReportError:
        read = None
    assert time.process_time() - began < 5
    if read is not None:
        assert len(read.recipients) <= MAX_RECIPIENTS
        assert all(
            typed is None or len(typed.text) <= 900
            for each in read.recipients
            for typed in (each.final, each.diagnostic)
        )


def test_s18_what_is_returned_is_not_looked_at() -> None:
    """However large it is; the part for programs comes before it."""
    octets = report(EXAMPLE).replace(b"Hello", b"Hello\n" * MAX_OCTETS)
    assert (LOUIS,) == tuple(each.final for each in parse_dsn(octets).recipients)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["7bit", "base64", "quoted-printable", "odd"]))
def test_whatever_it_holds_there_is_one_error(junk: bytes, encoding: str) -> None:
    """In the part for programs, in between its fields, and as a whole message."""
    octets = report("@@", encoding=encoding)
    for whole in (junk, octets.replace(b"@@", junk), octets.replace(b"@@", _GROUP[:-1] + junk)):
        try:
            assert parse_dsn(whole).recipients
        except ReportError:
            pass


# -- what others send ----------------------------------------------------------------------------

A = "userx@example"
SEEN = {
    "dsn_01": [("userx@sims-ms-daemon", "failed", "5.0.0")],
    "dsn_02": [("/S=zzzzz/OU=example/PRMD=UK.AC/ADMD= /C=GB/", "failed", "4.4.7")],
    "dsn_03": [(f"{A}.be", "failed", "5.0.0")],
    "dsn_04": [("HAASM@yogi.urz.example.ch", "failed", "5.0.0")],
    "dsn_05": [(f"{A}.cz", "delayed", "4.4.1")],
    "dsn_06": [(f"{A}.com", "delayed", "4.4.0")],
    "dsn_07": [(f"{A}.nz", "delayed", "4.4.1")],
    "dsn_08": [(f"{A}.de", "delayed", "4.0.0")],
    "dsn_09": [("/RFC-822=pr(a)allen-heath.com/ADMD= /C=WW/", "failed", "5.0.0")],
    "dsn_10": [("anne.person@dom.ain", "failed", "5.0.0")],
    "dsn_11": [("<joem@example.com>", "failed", "5.1.1")] * 11,
    "dsn_12": [(f"{A}.jp", "failed", "5.1.1")],
    "dsn_13": [(f"{A}.com", "failed", "5.1.1")],
    "dsn_14": [("<userx@example.com.dk>", "failed", "5.1.1")],
    "dsn_15": [(f"{A}.com", "failed", "5.1.1")],
    "dsn_16": [(f"{A}.com", "failed", "5.0.0")],
    "dsn_17": [("xxx@example.fi", "delayed", "4.3.0")],
    "dsn_18": [("email@replaced.net", "failed", "5.0.0")],
    "simple_42": [("david...@gmail.com", "failed", "5.0.0")],
}


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
@pytest.mark.parametrize("name", SEEN)
def test_reports_that_were_seen(name: str) -> None:
    """By twenty programs that are not ours: who, what and why."""
    assert VECTORS is not None
    read = parse_dsn(Path(VECTORS, "dsn/flufl", f"{name}.txt").read_bytes())
    found = [(each.final.text, each.action.value, each.status) for each in read.recipients]
    assert SEEN[name] == found


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
def test_all_others_that_were_seen_name_nobody() -> None:
    """They are text for people; or their part for programs names no recipient."""
    assert VECTORS is not None
    files = sorted(Path(VECTORS, "dsn/flufl").glob("*.txt"))
    assert len(files) > 100
    for file in files:
        if file.stem not in SEEN:
            with pytest.raises(ReportError):
                parse_dsn(file.read_bytes())


@pytest.mark.skipif(VECTORS is None, reason="PYMTA_VECTORS is not set")
def test_what_was_seen_in_detail() -> None:
    """A reply of several lines, times, and where it came from."""
    assert VECTORS is not None
    folder = Path(VECTORS, "dsn/flufl")
    [recipient] = parse_dsn(folder.joinpath("simple_42.txt").read_bytes()).recipients
    assert recipient.diagnostic is not None
    assert recipient.diagnostic.text.startswith("550-5.7.1 [94.136.40.141      12] Our system has")
    assert recipient.diagnostic.text.endswith(
        "550 5.7.1  for more information. c11si2772404eds.65 - gsmtp"
    )
    assert Typed("dns", "gmail-smtp-in.l.google.com") == recipient.remote_mta
    read = parse_dsn(folder.joinpath("dsn_05.txt").read_bytes())
    assert datetime(2001, 3, 21, 14, 8, 54, tzinfo=UTC) == read.arrival
    assert datetime(2001, 3, 26, 2, 42, 45, tzinfo=UTC) == read.recipients[0].will_retry_until
    assert Typed("dns", "mail.python.org (unverified [63.102.49.29])") == read.received_from
