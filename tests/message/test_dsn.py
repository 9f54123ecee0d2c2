"""
Tests for reports: the values, what is written for people and programs, and that it reads back.
"""

from __future__ import annotations

import email.policy
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes
from email.message import Message
from typing import Any, cast

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pymta.address import Address
from pymta.errors import HeaderError
from pymta.message.dsn import (
    DSN,
    MAX_TEXT,
    Action,
    Letter,
    Original,
    RecipientStatus,
    Typed,
    cleaned,
)
from pymta.message.dsn_enclosing import ContentScan, enclosed_header, whole_media
from pymta.message.dsn_reading import parse_dsn
from pymta.message.dsn_text import paragraphs, subject
from pymta.message.dsn_writing import (
    Enclosure,
    closing,
    needs_8bit,
    opening,
    quoted_printable,
)

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
BOB = RecipientStatus(
    final=Typed("rfc822", "bob@remote.example"),
    action=Action.FAILED,
    status="5.1.1",
    remote_mta=Typed("dns", "mx.remote.example"),
    diagnostic=Typed("smtp", "550 5.1.1 No such user"),
    last_attempt=NOW,
)
CAROL = replace(BOB, final=Typed("rfc822", "carol@remote.example"), status="5.2.2")
REPORT = DSN(
    reporting_mta=Typed("dns", "mx.example.test"),
    recipients=(BOB,),
    envelope_id="QQ314159",
    received_from=Typed("dns", "client.example ([192.0.2.1])"),
    arrival=NOW - timedelta(hours=1),
)
LETTER = Letter(
    dsn=REPORT,
    author=Address("postmaster", "example.test"),
    to=Address("alice", "example.test"),
    date=NOW,
    id="<R1@mx.example.test>",
    boundary="=_boundary",
    queue_id="M1",
    reasons=("mx.remote.example said: 550 5.1.1 No such user",),
    original=Original("Lunch?", "Wed, 1 Jul 2026 11:00:00 +0000", "<1@example.test>"),
)
WHOLE = Enclosure("message/rfc822")
MESSAGE = b"Subject: Lunch?\r\n\r\nToday?\r\n"


def written(letter: Letter, enclosure: Enclosure = WHOLE, returned: bytes = MESSAGE) -> bytes:
    """The whole report."""
    return b"".join(opening(letter, enclosure)) + returned + closing(letter)


def on(*recipients: RecipientStatus, **changes: Any) -> Letter:
    """The letter, about these."""
    report = replace(REPORT, recipients=recipients)
    reasons = ("because",) * len(recipients)
    about: dict[str, Any] = {"dsn": report, "reasons": reasons}
    return replace(LETTER, **about | changes)


def by_stdlib(octets: bytes) -> tuple[Message, list[Message]]:
    """The report, and the groups of fields in its part for programs, as the stdlib reads them."""
    message = message_from_bytes(octets)
    assert not message.defects
    _text, status, _returned = cast("list[Message]", message.get_payload())
    assert "message/delivery-status" == status.get_content_type()
    return message, cast("list[Message]", status.get_payload())


# -- values ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("550 No", "550 No"),
        ("a\r\nStatus: 2.0.0", "a Status: 2.0.0"),
        ("a\n\n\nb", "a b"),
        ("\0 a \x85", "a"),
        ("a  b", "a  b"),
        ("a\u2028b", "a b"),
        ("a\ud800b", "a b"),
        ("x" * 901, "x" * 897 + "..."),
        ("ü" * 451, "ü" * 448 + "..."),
        ("", ""),
    ],
    ids=["plain", "a field", "lines", "controls", "spaces stay", "separator", "surrogate", "long",
         "long in octets", "empty"],
)  # fmt: skip
def test_s12_what_came_from_outside_is_cleaned(text: str, expected: str) -> None:
    """One line, printable, of a length that fits; doing it twice changes nothing."""
    assert expected == cleaned(text)
    assert expected == cleaned(expected)


@pytest.mark.parametrize("text", ["", " a", "a\r\nb", "a\nb", "a\0b", "a\x1bb", "x" * 900])
def test_s12_no_value_holds_what_breaks_a_field(text: str) -> None:
    """The constructor takes clean text only; ``of`` cleans it, and always gives a value."""
    with pytest.raises(HeaderError):
        Typed("rfc822", text)
    assert Typed.of("rfc822", text).text


@pytest.mark.parametrize("kind", ["", "DNS", "a b", "a;b", "a\r\nb", "ü", "x" * 601])
def test_s12_a_type_is_an_atom(kind: str) -> None:
    """In lower case."""
    with pytest.raises(HeaderError):
        Typed(kind, "x")


@pytest.mark.parametrize("status", ["", "5.1", "3.1.1", "5.01.1", "5.1.1000", "5.1.1 x"])
def test_a_status_is_a_status(status: str) -> None:
    """RFC 3464 section 2.3.4."""
    with pytest.raises(HeaderError):
        replace(BOB, status=status)


def test_a_report_is_about_somebody() -> None:
    """And its envelope id fits into a field."""
    with pytest.raises(HeaderError):
        replace(REPORT, recipients=())
    for envelope_id in ("", "a\r\nb", "x" * 901):
        with pytest.raises(HeaderError):
            replace(REPORT, envelope_id=envelope_id)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        (Typed("rfc822", "a@b.example"), Address("a", "b.example")),
        (Typed("rfc822", "<a@b.example>"), Address("a", "b.example")),
        (Typed("utf-8", "ü@b.example"), Address("ü", "b.example")),
        (Typed("x400", "a@b.example"), None),
        (Typed("rfc822", "nobody"), None),
    ],
)
def test_addresses_of_reports(typed: Typed, expected: Address | None) -> None:
    """With brackets, which some write, or without."""
    assert expected == typed.address


def test_an_address_has_a_type() -> None:
    """RFC 6533 section 3: ``utf-8`` only where it is needed."""
    assert Typed("rfc822", "a@b.example") == Typed.of_address(Address("a", "b.example"))
    assert Typed("utf-8", "ü@b.example") == Typed.of_address(Address("ü", "b.example"))


# -- what is written ---------------------------------------------------------------------------


def test_a_report_in_full() -> None:
    """All of it, as it goes out."""
    assert """\
From: Mail Delivery System <postmaster@example.test>
To: alice@example.test
Subject: Not delivered: your message to bob@remote.example
Date: Wed, 1 Jul 2026 12:00:00 +0000
Message-ID: <R1@mx.example.test>
In-Reply-To: <1@example.test>
References: <1@example.test>
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="=_boundary"
Content-Transfer-Encoding: 7bit

--=_boundary
Content-Type: text/plain; charset=us-ascii
Content-Transfer-Encoding: 7bit

This is the mail system at mx.example.test.

Your message could not be delivered to this recipient:

  bob@remote.example
    mx.remote.example said: 550 5.1.1 No such user

It will not be tried again. Your message is attached.

About your message:

  Subject:    Lunch?
  Date:       Wed, 1 Jul 2026 11:00:00 +0000
  Message-ID: <1@example.test>
  Queue id:   M1

--=_boundary
Content-Type: message/delivery-status
Content-Transfer-Encoding: 7bit

Original-Envelope-Id: QQ314159
Reporting-MTA: dns; mx.example.test
Received-From-MTA: dns; client.example ([192.0.2.1])
Arrival-Date: Wed, 1 Jul 2026 11:00:00 +0000

Final-Recipient: rfc822; bob@remote.example
Action: failed
Status: 5.1.1
Remote-MTA: dns; mx.remote.example
Diagnostic-Code: smtp; 550 5.1.1 No such user
Last-Attempt-Date: Wed, 1 Jul 2026 12:00:00 +0000

--=_boundary
Content-Type: message/rfc822
Content-Transfer-Encoding: 7bit

Subject: Lunch?

Today?

--=_boundary--
""" == written(LETTER).decode().replace("\r\n", "\n")


def test_the_stdlib_finds_every_recipient_and_status() -> None:
    """Whatever program reads it, it finds who failed, and why."""
    message, groups = by_stdlib(written(on(BOB, CAROL)))
    assert "multipart/report" == message.get_content_type()
    assert "delivery-status" == message.get_param("report-type")
    assert [
        ("rfc822; bob@remote.example", "failed", "5.1.1"),
        ("rfc822; carol@remote.example", "failed", "5.2.2"),
    ] == [(group["Final-Recipient"], group["Action"], group["Status"]) for group in groups[1:]]
    assert "dns; mx.example.test" == groups[0]["Reporting-MTA"]


def test_s23_a_report_says_that_nobody_wrote_it() -> None:
    """RFC 3834 section 5: so that no machine answers it."""
    message, _groups = by_stdlib(written(LETTER))
    assert "auto-replied" == message["Auto-Submitted"]


@pytest.mark.parametrize("action", list(Action), ids=lambda action: action.value)
def test_each_kind_says_what_it_is(action: Action) -> None:
    """In the subject, in the text, and what comes next."""
    until = NOW + timedelta(days=5) if action is Action.DELAYED else None
    letter = on(replace(BOB, action=action, will_retry_until=until))
    text = "".join(paragraphs(letter, enclosed="Nothing is attached."))
    expected = {
        Action.FAILED: ("Not delivered:", "could not be delivered", "will not be tried again"),
        Action.DELAYED: ("Delayed:", "not been delivered yet", "tried until Mon, 6 Jul 2026 12:00"),
        Action.DELIVERED: ("Delivered:", "has reached", "You asked for this report"),
        Action.RELAYED: ("Passed on:", "has left this system", "does not report deliveries"),
        Action.EXPANDED: ("Delivered:", "has reached", "passed on to several people"),
    }[action]
    assert [True] * 3 == [
        words in f"{subject(letter)}\n" + " ".join(text.split()) for words in expected
    ]
    assert "Nothing is attached." in text


def test_the_text_names_what_the_sender_knows() -> None:
    """The address that he wrote to, where it became another one."""
    letter = on(replace(BOB, original=Typed("rfc822", "info@example.org")))
    text = "".join(paragraphs(letter, enclosed=""))
    assert "  bob@remote.example (you wrote to info@example.org)\n" in text
    assert "Not delivered: your message to info@example.org" == subject(letter)


def test_several_recipients_are_counted_in_the_subject() -> None:
    """And each is named in the text."""
    letter = on(BOB, CAROL)
    text = "".join(paragraphs(letter, enclosed=""))
    assert "Not delivered: your message to 2 recipients" == subject(letter)
    assert ["  bob@remote.example", "  carol@remote.example"] == [
        line for line in text.splitlines() if line.endswith("@remote.example")
    ]


def test_lines_are_wrapped_and_links_are_not_cut() -> None:
    """72 columns, but for what has no space."""
    link = "https://help.example/" + "x" * 100
    letter = on(BOB, reasons=("word " * 100 + link,))
    lines = "".join(paragraphs(letter, enclosed="")).splitlines()
    assert link in [line.strip() for line in lines]
    assert all(len(line) <= 72 or link in line for line in lines)


def test_s12_text_cannot_change_the_direction_of_what_follows() -> None:
    """Controls of direction, which make another address of one, are left out for people."""
    letter = on(BOB, reasons=("550 \u202emoc.elpmaxe\u202c",))
    text = "".join(paragraphs(letter, enclosed=""))
    assert "550 moc.elpmaxe" in text


HOSTILE = [
    "550 No\r\nAction: delivered",
    "550 No\r\n\r\nFinal-Recipient: rfc822; x@y.example",
    "550 --=_boundary--",
    "550 No\r\n--=_boundary\r\nContent-Type: text/html\r\n\r\n<b>",
    "550 \0\x1b[2J",
    "550 " + "x" * 100_000,
    "550 " + "x " * 50_000,
    "\r\n",
    "\udc80",
]


@pytest.mark.parametrize("said", HOSTILE, ids=range(len(HOSTILE)))
def test_s12_no_words_of_a_peer_break_a_report(said: str) -> None:
    """Nothing becomes a field, a group or a part; lines stay short enough."""
    bob = replace(BOB, diagnostic=Typed.of("smtp", said), remote_mta=Typed.of("dns", said))
    octets = written(on(bob, reasons=(said,), original=Original(said, said)))
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert b"\0" not in octets
    message, groups = by_stdlib(octets)
    assert 3 == len(cast("list[Message]", message.get_payload()))
    assert [("rfc822; bob@remote.example", "failed")] == [
        (group["Final-Recipient"], group["Action"]) for group in groups[1:]
    ]
    assert on(bob).dsn == parse_dsn(octets)


# -- UTF-8 -------------------------------------------------------------------------------------

JÖRG = replace(BOB, final=Typed("utf-8", "jörg@remote.example"))


def test_a_report_on_an_address_in_utf_8_is_ascii_on_its_way() -> None:
    """RFC 6533 section 4.5: the way back may not know SMTPUTF8."""
    letter = on(JÖRG)
    octets = written(letter)
    assert octets.isascii()
    assert not needs_8bit(letter, WHOLE)
    assert b"Content-Type: message/global-delivery-status\r\n" in octets
    assert b"utf-8; j=C3=B6rg@remote.example" in octets
    assert b"Subject: =?utf-8?q?" in octets
    assert letter.dsn == parse_dsn(octets)


def test_a_report_to_an_address_in_utf_8_is_utf_8() -> None:
    """It goes by SMTPUTF8, which implies 8BITMIME."""
    letter = on(JÖRG, to=Address("zoë", "example.test"), utf8=True)
    octets = written(letter)
    assert needs_8bit(letter, WHOLE)
    assert b"\r\nTo: zo\xc3\xab@example.test\r\n" in octets
    assert b"Content-Transfer-Encoding: 8bit\r\n\r\n--=_boundary\r\n" in octets
    assert b"Final-Recipient: utf-8; j\xc3\xb6rg@remote.example\r\n" in octets
    assert letter.dsn == parse_dsn(octets)


def test_the_text_of_a_report_is_in_the_words_of_the_peer() -> None:
    """Also where the part for programs is ASCII."""
    octets = written(on(BOB, reasons=("550 Kein solcher Benutzer: größer",)))
    message, _groups = by_stdlib(octets)
    parts = cast("list[Message]", message.get_payload())
    text = cast("bytes", parts[0].get_payload(decode=True)).decode()
    assert "utf-8" == parts[0].get_content_charset()
    assert "550 Kein solcher Benutzer: größer" in text
    assert octets.isascii()


def test_a_utf_8_address_of_ascii_is_written_in_its_7bit_form() -> None:
    """RFC 6533 section 3: whoever labels an address so, gets it back so."""
    odd = replace(BOB, original=Typed("utf-8", 'a\\x{41}+="b@remote.example'))
    octets = written(on(odd))
    assert b"Original-Recipient: utf-8; a\\x{5C}x{41}\\x{2B}\\x{3D}" in octets
    assert on(odd).dsn == parse_dsn(octets)


def test_what_is_returned_makes_the_report_8bit() -> None:
    """RFC 2045 section 6.4."""
    enclosure = Enclosure("message/rfc822", "8bit")
    assert needs_8bit(LETTER, enclosure)
    octets = written(LETTER, enclosure, "Subject: x\r\n\r\nGrüße\r\n".encode())
    message = message_from_bytes(octets)
    assert "8bit" == message["Content-Transfer-Encoding"]


# -- there and back ----------------------------------------------------------------------------

words = st.text(st.characters(codec="utf-8"), max_size=80).map(cleaned).filter(bool)
ascii_words = st.text(st.characters(codec="ascii"), max_size=120).map(cleaned).filter(bool)
texts = st.one_of(ascii_words, words)
kinds = st.sampled_from(
    ["rfc822", "utf-8", "dns", "smtp", "x400", "x-unix", "x!#$%&'*+-/=?^_`{|}~"]
)
typed = st.builds(Typed.of, kinds, texts)
zones = st.integers(-23 * 60, 23 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
times = st.datetimes(
    datetime(1990, 1, 1),
    datetime(2100, 1, 1),
    timezones=zones,
).map(lambda when: when.replace(microsecond=0))
maybe = st.none()
statuses = st.builds("{}.{}.{}".format, st.sampled_from("245"), *[st.integers(0, 999)] * 2)
recipients = st.builds(
    RecipientStatus,
    final=typed,
    action=st.sampled_from(Action),
    status=statuses,
    original=maybe | typed,
    remote_mta=maybe | typed,
    diagnostic=maybe | typed,
    last_attempt=maybe | times,
    will_retry_until=maybe | times,
)
reports = st.builds(
    DSN,
    reporting_mta=typed,
    recipients=st.lists(recipients, min_size=1, max_size=3).map(tuple),
    envelope_id=maybe | texts,
    received_from=maybe | typed,
    arrival=maybe | times,
)


@settings(max_examples=150, deadline=None)
@given(reports, st.booleans())
@example(
    DSN(
        reporting_mta=Typed.of("dns", "\xa0"),
        recipients=(
            RecipientStatus(final=Typed.of("rfc822", "\xa0"), action=Action.FAILED, status="5.0.0"),
        ),
    ),
    False,
)
def test_what_is_written_reads_back(report: DSN, utf8: bool) -> None:
    """Whatever the values hold, and however it is encoded."""
    letter = on(*report.recipients, dsn=report, utf8=utf8)
    octets = written(letter)
    assert max(map(len, octets.split(b"\r\n"))) <= 998
    assert octets.isascii() or utf8
    assert report == parse_dsn(octets)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_quoted_printable_is_ascii_in_short_lines(octets: bytes) -> None:
    """And decodes to what it was, but for line ends."""
    encoded = quoted_printable(octets)
    assert encoded.isascii()
    assert b"\n" not in encoded.replace(b"\r\n", b"")
    assert b"\r" not in encoded.replace(b"\r\n", b"")
    part = b"Content-Transfer-Encoding: quoted-printable\r\n\r\n" + encoded
    decoded = message_from_bytes(part, policy=email.policy.SMTP).get_payload(decode=True)
    assert octets.replace(b"\r\n", b"\n") == cast("bytes", decoded).replace(b"\r\n", b"\n")


def test_a_field_fits_into_a_line_whatever_its_text() -> None:
    """The longest text without a space."""
    longest = Typed.of("rfc822", "x" * 5000)
    assert MAX_TEXT - len("rfc822") == len(longest.text)
    octets = written(on(replace(BOB, final=longest, original=longest, diagnostic=longest)))
    assert max(map(len, octets.split(b"\r\n"))) <= 998


def test_headers_are_labelled_as_they_are() -> None:
    """What is returned of a message fits its label, whatever it was."""
    plain, broken = b"Subject: x\r\n", b"Subject: \xff\r\n"
    wide = "Subject: ü\r\n".encode()
    labels = [
        (
            enclosed_header(fields, utf8=utf8)[0].media,
            enclosed_header(fields, utf8=utf8)[0].encoding,
        )
        for fields in (plain, broken, wide)
        for utf8 in (False, True)
    ]
    assert [
        ("text/rfc822-headers", "7bit"),
        ("text/rfc822-headers", "7bit"),
        ("text/rfc822-headers", "quoted-printable"),
        ("text/rfc822-headers", "quoted-printable"),
        ("message/global-headers", "quoted-printable"),
        ("message/global-headers", "8bit"),
    ] == labels
    assert ["message/rfc822", None, None, "message/global"] == [
        whole_media(plain, utf8=False),
        whole_media(broken, utf8=True),
        whole_media(wide, utf8=False),
        whole_media(wide, utf8=True),
    ]


def test_a_scan_is_the_same_for_every_message_of_ours() -> None:
    """The report itself could be returned, under another boundary."""
    scan = ContentScan("=_other")
    scan.feed(written(LETTER))
    assert "7bit" == scan.finish()
