"""
URLs of messages and their parts (:rfc:`5092`), as CATENATE names them (:rfc:`4469`):
``/INBOX;UIDVALIDITY=385759045/;UID=20/;SECTION=1.2/;PARTIAL=0.1024``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from pymta.mailbox import MailboxName
from pymta.wire.imap.cursor import BadSyntax, Cursor, Literal
from pymta.wire.imap.sections import Partial, Section, parse_section

__all__ = ["MessageURL", "parse_url"]

_HIGHEST: Final = 2**32 - 1
# RFC 5092 section 11: what may stand in a URL without being encoded; "/" is in mailbox names too.
_URL: Final = re.compile(
    rb"(?:imap://(?P<server>[A-Za-z0-9.:@\[\]_;=*~!$&'()+,%-]*))?"
    rb"(?:/(?P<mailbox>[^;?#\s\x00-\x20\x7f-\xff]+?))?"
    rb"(?:;UIDVALIDITY=(?P<validity>[1-9][0-9]{0,9}))?"
    rb"/?;UID=(?P<uid>[1-9][0-9]{0,9})"
    rb"(?:/?;SECTION=(?P<section>[^;?#\s\x00-\x20\x7f-\xff]+?))?"
    rb"(?:/?;PARTIAL=(?P<start>[0-9]{1,19})(?:\.(?P<length>[1-9][0-9]{0,18}))?)?",
    re.IGNORECASE,
)
_LENGTH: Final = 4096
_ALL: Final = 2**63 - 1
_WHOLE: Final = Section()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageURL:
    """
    :param server: ``user@host:port`` of an absolute URL; None for one of this server.
    :param mailbox: None: the one that is selected.
    :param uid_validity: None: whatever it is.
    """

    server: str | None
    mailbox: MailboxName | None
    uid: int
    uid_validity: int | None = None
    section: Section = _WHOLE
    partial: Partial | None = None


def parse_url(url: bytes) -> MessageURL:
    """:raises ValueError: it is no URL of a message."""
    match = _URL.fullmatch(url) if len(url) <= _LENGTH else None
    if match is None:
        raise ValueError("no URL of a message")
    validity = match["validity"]
    numbers = [int(each) for each in (match["uid"], validity or b"1")]
    if max(numbers) > _HIGHEST:
        raise ValueError("a number above 32 bits")
    return MessageURL(
        server=None if match["server"] is None else match["server"].decode("ascii"),
        mailbox=None if match["mailbox"] is None else _mailbox(match["mailbox"].rstrip(b"/")),
        uid=numbers[0],
        uid_validity=None if validity is None else numbers[1],
        section=Section() if match["section"] is None else _section(match["section"]),
        partial=_partial(match["start"], match["length"]),
    )


def _mailbox(octets: bytes) -> MailboxName:
    # RFC 5092 section 4: UTF-8, percent-encoded, whatever the session has enabled
    try:
        return Cursor([b"", Literal(unquote_to_bytes(octets))], utf8=True).mailbox()
    except BadSyntax as error:
        raise ValueError(str(error)) from None


def _section(octets: bytes) -> Section:
    try:
        cursor = Cursor([unquote_to_bytes(octets) + b"]"])
        section = parse_section(cursor)
        cursor.end()
    except BadSyntax as error:
        raise ValueError(str(error)) from None
    return section


def _partial(start: bytes | None, length: bytes | None) -> Partial | None:
    if start is None:
        return None
    return Partial(int(start), _ALL if length is None else min(int(length), _ALL))
