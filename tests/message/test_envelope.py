"""
Tests for the message envelope.
"""

from __future__ import annotations

from time import process_time

import pytest

from pymta.message.addresses import GROUP_END, ListedAddress
from pymta.message.envelope import MAX_LISTED, MessageEnvelope, message_envelope
from pymta.message.header import parse_header

GRAY = ListedAddress(b"Terry Gray", None, b"gray", b"cac.washington.edu")


def test_whole_envelope() -> None:
    """
    The example of RFC 9051 section 8.
    """
    header = parse_header(
        b"Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\r\n"
        b"From: Terry Gray <gray@cac.washington.edu>\r\n"
        b"Subject: IMAP4rev2 WG mtg summary and minutes\r\n"
        b"To: imap@cac.washington.edu\r\n"
        b"cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>\r\n"
        b"Message-Id: <B27397-0100000@cac.washington.edu>\r\n\r\n"
    )

    assert MessageEnvelope(
        date=b"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)",
        subject=b"IMAP4rev2 WG mtg summary and minutes",
        from_=(GRAY,),
        sender=(GRAY,),
        reply_to=(GRAY,),
        to=(ListedAddress(None, None, b"imap", b"cac.washington.edu"),),
        cc=(
            ListedAddress(None, None, b"minutes", b"CNRI.Reston.VA.US"),
            ListedAddress(b"John Klensin", None, b"KLENSIN", b"MIT.EDU"),
        ),
        message_id=b"<B27397-0100000@cac.washington.edu>",
    ) == message_envelope(header)


def test_no_fields() -> None:
    """
    Nothing is made up for an empty header.
    """
    assert MessageEnvelope() == message_envelope(parse_header(b"\r\n"))


def test_empty_fields() -> None:
    """
    An empty text is not a missing one; an empty list is.
    """
    header = parse_header(b"Date:\r\nSubject: \r\nFrom:\r\nTo:\r\nSender: \r\nIn-Reply-To:\r\n\r\n")

    assert MessageEnvelope(date=b"", subject=b"", in_reply_to=b"") == message_envelope(header)


def test_sender_and_reply_to_of_their_own() -> None:
    """
    From stands in for Sender and Reply-To only where these hold nothing.
    """
    header = parse_header(b"From: a@b\r\nSender: s@b\r\nReply-To: r@b, q@b\r\n\r\n")
    envelope = message_envelope(header)

    assert (ListedAddress(None, None, b"a", b"b"),) == envelope.from_
    assert (ListedAddress(None, None, b"s", b"b"),) == envelope.sender
    assert [b"r", b"q"] == [address.mailbox for address in envelope.reply_to]


def test_repeated_fields() -> None:
    """
    Destinations are put together, of all others the first counts.
    """
    header = parse_header(
        b"Subject: one\r\nTo: a@b\r\nSubject: two\r\nTo: c@d\r\nFrom: x@y\r\nFrom: z@y\r\n"
        b"Bcc: d@e\r\nbcc: f@g\r\n\r\n"
    )
    envelope = message_envelope(header)

    assert b"one" == envelope.subject
    assert [b"a", b"c"] == [address.mailbox for address in envelope.to]
    assert [b"d", b"f"] == [address.mailbox for address in envelope.bcc]
    assert [b"x"] == [address.mailbox for address in envelope.from_]


def test_texts_are_unfolded_octets() -> None:
    """
    Encoded-words and raw octets pass as they are, on one line.
    """
    header = parse_header(b"Subject: =?utf-8?q?a?=\r\n\t=?utf-8?q?b?= \xe9\r\n\r\n")

    assert b"=?utf-8?q?a?=\t=?utf-8?q?b?= \xe9" == message_envelope(header).subject


def test_s19_addresses_of_all_fields_together() -> None:
    """
    A message has so many addresses and no more, whatever fields they are in: From first.
    """
    lists = b"".join(
        name + b": " + b"a@b," * (MAX_LISTED // 4) + b"\r\n"
        for name in (b"Cc", b"To", b"From", b"To", b"Cc")
    )
    envelope = message_envelope(parse_header(lists))
    quarter = MAX_LISTED // 4

    assert [quarter, 2 * quarter, quarter] == [
        len(each) for each in (envelope.from_, envelope.to, envelope.cc)
    ]
    group = message_envelope(parse_header(b"To: g: " + b"a@b," * MAX_LISTED + b"\r\nCc: a@b\r\n"))
    assert GROUP_END == group.to[-1]
    assert () == group.cc


@pytest.mark.parametrize("value", [b">", b'"', b"a@b ", b"()"], ids=repr)
def test_s19_what_is_dear_is_so_once(value: bytes) -> None:
    """
    A header full of fields that only look like addresses costs no more than one of them.
    """
    field = value * (50_000 // len(value)) + b"\r\n"
    header = parse_header((b"To: " + field + b"Cc: " + field) * 10)
    started = process_time()
    message_envelope(header)

    assert process_time() - started < 0.5


def test_s19_what_is_odd_is_worth_so_much() -> None:
    """
    Entries that are not simple are read as far as a message has any, in all fields together; one
    among a thousand costs the others nothing.
    """
    simple = b"a@b, " * 1500
    envelope = message_envelope(parse_header(b"To: g: a@b, c@d;, " + simple + b"(c) e@f\r\n"))
    assert 1504 + 1 == len(envelope.to)
    odd = (b"To: " + b"a@b (c), " * 60 + b"\r\n") * 40
    envelope = message_envelope(parse_header(odd + b"Cc: a@b\r\nBcc: a@b (c)\r\n"))
    assert 100 < len(envelope.to) < 200
    assert (1, 0) == (len(envelope.cc), len(envelope.bcc))


@pytest.mark.parametrize("size", [8_000, 9_000])
def test_s19_a_comment_has_an_end(size: int) -> None:
    """A comment that is longer than any is one without an end, and so the rest is of it."""
    value = b"(" + b"x" * size + b") a@b"
    found = message_envelope(parse_header(b"From: " + value + b"\r\n")).from_
    assert (1 if size == 8_000 else 0) == len(found)
