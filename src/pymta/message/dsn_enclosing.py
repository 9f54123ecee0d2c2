"""
What of a message its report returns: the header up to a limit, or the whole, and how it must be
labelled.

A whole message stays as it is and where it is; its octets are only looked at in passing
(:class:`ContentScan`).  A header is small enough to be encoded where it is not ASCII.
"""

from __future__ import annotations

import re

from pymta.errors import HeaderError
from pymta.message.dsn import Original, cleaned
from pymta.message.dsn_writing import Enclosure, quoted_printable
from pymta.message.encodedword import decode_words
from pymta.message.header import Header, HeaderReader

__all__ = ["ContentScan", "cut_header", "enclosed_header", "original_of", "whole_media"]

_END = re.compile(rb"\n\r?\n")
_LONGEST_LINE = 998
_FOR_PEOPLE = 200
# Of RFC 5322 section 3.6.4 what nobody has trouble with; others are no use to refer to.
_MESSAGE_ID = re.compile(rb"<[!-;=?-~]{1,250}>")


def cut_header(octets: bytes, limit: int) -> bytes:
    """
    The fields of the header, without the empty line, cut behind a field where it is too long.

    :param octets: the start of the message: more of it than ``limit``, if there is more.
    """
    if octets.startswith((b"\n", b"\r\n")):
        return b""
    found = _END.search(octets, 0, limit + 2)
    if found is not None:
        return octets[: found.start() + 1]
    if len(octets) <= limit:
        return octets
    stop = limit
    while (stop := octets.rfind(b"\n", 0, stop)) >= 0:
        if octets[stop + 1] not in b" \t":
            return octets[: stop + 1]
    return b""


def enclosed_header(fields: bytes, *, utf8: bool) -> tuple[Enclosure, bytes]:
    """
    The header as it is put into the report, and its label.

    :param fields: what :func:`cut_header` gave.
    :param utf8: whether the report is sent with SMTPUTF8.
    """
    if fields.isascii() and _is_plain(fields):
        return Enclosure("text/rfc822-headers"), fields
    if not _is_utf8(fields) or fields.isascii():
        # RFC 6522 section 4: what is broken may be encoded, and its charset is nobody's to tell.
        return Enclosure("text/rfc822-headers", "quoted-printable"), quoted_printable(fields)
    if utf8 and _is_plain(fields):
        return Enclosure("message/global-headers", "8bit"), fields
    return Enclosure("message/global-headers", "quoted-printable"), quoted_printable(fields)


def whole_media(fields: bytes, *, utf8: bool) -> str | None:
    """
    The media type in which the whole message can be returned; None if only its header can.

    ``message/global`` needs SMTPUTF8 on its way, or an encoding (:rfc:`6533#section-4.5`) that
    would copy the message: its header, which is encoded, has to do.
    """
    if fields.isascii():
        return "message/rfc822"
    return "message/global" if utf8 and _is_utf8(fields) else None


def original_of(fields: bytes) -> Original:
    """What people know the message by; nothing where the header is too long to be read."""
    reader = HeaderReader()
    try:
        reader.feed(fields)
        header = reader.finish()
    except HeaderError:
        return Original()
    message_id = header.first(b"Message-ID")
    sane = message_id is not None and _MESSAGE_ID.fullmatch(message_id.unfolded)
    return Original(
        subject=_said(header, b"Subject"),
        date=_said(header, b"Date"),
        message_id=message_id.unfolded.decode("ascii") if message_id and sane else "",
    )


def _said(header: Header, name: bytes) -> str:
    field = header.first(name)
    # A value is decoded as far as it can be shown.
    return "" if field is None else cleaned(decode_words(field.unfolded[:2000]), _FOR_PEOPLE)


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_plain(fields: bytes) -> bool:
    pairs = fields.count(b"\r\n")
    return (
        fields.count(b"\n") == pairs
        and fields.count(b"\r") == pairs
        and b"\0" not in fields
        and all(len(line) <= _LONGEST_LINE for line in fields.split(b"\r\n"))
    )


class ContentScan:
    """
    Look at a message that may be returned whole: ``feed`` all of it, then :meth:`finish`.

    :param boundary: of the report.
    """

    def __init__(self, boundary: str) -> None:
        self._delimiter = b"--" + boundary.encode()
        self._tail = b""
        self._pairs = self._returns = self._newlines = 0
        self._eight_bit = False
        self._null = False
        self._split = False

    def feed(self, data: bytes) -> None:
        """Take the next slice."""
        # A CRLF and a boundary may be cut: the end of the last slice is looked at again.
        self._split = self._split or self._delimiter in self._tail + data
        self._pairs += data.count(b"\r\n") + (self._tail[-1:] == b"\r" and data[:1] == b"\n")
        self._returns += data.count(b"\r")
        self._newlines += data.count(b"\n")
        self._eight_bit = self._eight_bit or not data.isascii()
        self._null = self._null or b"\0" in data
        self._tail = (self._tail + data)[-len(self._delimiter) :]

    def finish(self) -> str | None:
        """
        The encoding that fits it: ``7bit`` or ``8bit``; None if it cannot be returned, because
        it is binary (:rfc:`2045#section-2.9`) or holds the boundary.
        """
        bare = self._returns != self._pairs or self._newlines != self._pairs
        if bare or self._null or self._split:
            return None
        return "8bit" if self._eight_bit else "7bit"
