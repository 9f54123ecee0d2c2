"""
Tests for URLs of messages (RFC 5092).
"""

from __future__ import annotations

import pytest

from pymta.mailbox import MailboxName
from pymta.wire.imap.sections import Partial, Section, SectionText
from pymta.wire.imap.url import MessageURL, parse_url

INBOX = MailboxName("INBOX")

URLS = [
    pytest.param(
        b"/INBOX;UIDVALIDITY=385759045/;UID=20",
        MessageURL(server=None, mailbox=INBOX, uid=20, uid_validity=385759045),
        id="message",
    ),
    pytest.param(
        b"/inbox/;uid=20/;section=1.2.MIME",
        MessageURL(server=None, mailbox=INBOX, uid=20, section=Section((1, 2), SectionText.MIME)),
        id="section",
    ),
    pytest.param(
        b"/a%20b/c%C3%A9/;UID=1/;SECTION=HEADER.FIELDS%20(To)/;PARTIAL=3.4",
        MessageURL(
            server=None,
            mailbox=MailboxName("a b/c\u00e9"),
            uid=1,
            section=Section((), SectionText.HEADER_FIELDS, ("To",)),
            partial=Partial(3, 4),
        ),
        id="encoded",
    ),
    pytest.param(b"/;UID=7", MessageURL(server=None, mailbox=None, uid=7), id="selected"),
    pytest.param(b";UID=7", MessageURL(server=None, mailbox=None, uid=7), id="relative"),
    pytest.param(
        b"imap://joe@example.com/INBOX/;UID=7",
        MessageURL(server="joe@example.com", mailbox=INBOX, uid=7),
        id="absolute",
    ),
    pytest.param(
        b"/INBOX/;UID=7/;PARTIAL=9",
        MessageURL(server=None, mailbox=INBOX, uid=7, partial=Partial(9, 2**63 - 1)),
        id="to the end",
    ),
]


@pytest.mark.parametrize(("url", "expected"), URLS)
def test_urls(url: bytes, expected: MessageURL) -> None:
    """What each names."""
    assert expected == parse_url(url)


@pytest.mark.parametrize(
    "url",
    [
        b"",
        b"/INBOX",
        b"/INBOX/;UID=0",
        b"/INBOX/;UID=4294967296",
        b"/INBOX/;UID=x",
        b"/INBOX/;UID=1/;SECTION=WHAT",
        b"/INBOX/;UID=1/;SECTION=MIME",
        b"/%FF/;UID=1",
        b"/a b/;UID=1",
        b"/INBOX/;UID=1\r\n",
        b"/INBOX/;UID=1/;PARTIAL=1.0",
        b"http://example.com/;UID=1",
        b"/" + b"a" * 5000 + b"/;UID=1",
    ],
)
def test_no_urls(url: bytes) -> None:
    """What is none is refused."""
    with pytest.raises(ValueError, match=r"."):
        parse_url(url)
