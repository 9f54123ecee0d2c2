"""
Write a report: multipart/report of three parts (:rfc:`6522`), for people, for programs
(:rfc:`3464`), and what is returned of the message.

Octets come in pieces, so that whoever collects them can take a breath between the recipients of
a long report.  The message itself is not among them: it is put between :func:`opening` and
:func:`closing` as it is.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from pymta.message.dates import format_date
from pymta.message.dsn import DSN, Letter, RecipientStatus, Typed
from pymta.message.dsn_text import paragraphs, subject
from pymta.message.encodedword import encode_words
from pymta.message.header import HeaderValue, build_field

__all__ = ["NAME", "Enclosure", "closing", "needs_8bit", "opening", "quoted_printable"]

NAME = "Mail Delivery System"
"""Who reports are from, for people."""

_LINE_END = re.compile(rb"\r?\n")
_BARE_CR = re.compile(rb"\r(?!\n)")
# What a utf-8-addr-xtext has no other way for: RFC 6533 section 3, QCHAR.
_NOT_QCHAR = re.compile(r"[^!-*,-<>-\[\]-~]")


@dataclass(frozen=True, slots=True)
class Enclosure:
    """
    How what is returned is labelled.

    :param media: ``"message/rfc822"``, ``"text/rfc822-headers"``, or of :rfc:`6533` one of
        ``"message/global"`` and ``"message/global-headers"``.
    :param encoding: ``"7bit"``, ``"8bit"`` or ``"quoted-printable"``, in which it is already.
    """

    media: str
    encoding: str = "7bit"

    @property
    def sentence(self) -> str:
        """For people."""
        if self.media in ("message/rfc822", "message/global"):
            return "Your message is attached."
        return "The header of your message is attached."


def needs_8bit(letter: Letter, enclosure: Enclosure) -> bool:
    """Whether the whole of it is more than 7bit."""
    return enclosure.encoding == "8bit" or (letter.utf8 and not _is_ascii(letter))


def opening(letter: Letter, enclosure: Enclosure) -> Iterator[bytes]:
    """
    Everything up to the octets that are returned.

    :raises HeaderError: for an id or a boundary that no field can hold.
    """
    yield from _header(letter, enclosure)
    yield from _part(letter, f"text/plain; charset={_charset(letter)}", _encoding(letter))
    yield from _lines(letter, paragraphs(letter, enclosed=enclosure.sentence))
    # RFC 3464 section 2.1 wants 7bit, RFC 6533 section 6.4 something that holds UTF-8.
    plain = letter.dsn.is_ascii
    media = "message/delivery-status" if plain else "message/global-delivery-status"
    yield from _part(letter, media, "7bit" if plain else _encoding(letter))
    fields = _status(letter.dsn)
    yield from fields if plain or letter.utf8 else map(quoted_printable, fields)
    yield from _part(letter, enclosure.media, enclosure.encoding)


def closing(letter: Letter) -> bytes:
    """Everything behind the octets that are returned."""
    return b"\r\n--" + letter.boundary.encode() + b"--\r\n"


def quoted_printable(octets: bytes) -> bytes:
    """The octets of lines in ASCII (:rfc:`2045#section-6.7`); line ends become CRLF."""
    # Soft line ends are what the first line end is: there is one at least.
    encoded = binascii.b2a_qp(_LINE_END.sub(b"\r\n", octets) + b"\r\n")[:-2]
    return _BARE_CR.sub(b"=0D", encoded)


# -- the parts -----------------------------------------------------------------------------


def _is_ascii(letter: Letter) -> bool:
    original = letter.original
    texts = (original.subject, original.date, original.message_id, *letter.reasons)
    return letter.to.is_ascii and letter.dsn.is_ascii and all(map(str.isascii, texts))


def _charset(letter: Letter) -> str:
    return "us-ascii" if _is_ascii(letter) else "utf-8"


def _encoding(letter: Letter) -> str:
    if _is_ascii(letter):
        return "7bit"
    return "8bit" if letter.utf8 else "quoted-printable"


def _header(letter: Letter, enclosure: Enclosure) -> Iterator[bytes]:
    title = subject(letter)
    about = letter.original.message_id
    yield _field("From", f"{NAME} <{letter.author}>")
    yield _field("To", str(letter.to))
    yield _field("Subject", title if letter.utf8 else encode_words(title))
    yield _field("Date", format_date(letter.date))
    yield _field("Message-ID", letter.id)
    if about:
        yield _field("In-Reply-To", about)
        yield _field("References", about)
    # RFC 3834 section 5.1: so that nobody answers, and no loop begins (S23).
    yield _field("Auto-Submitted", "auto-replied")
    yield _field("MIME-Version", "1.0")
    boundary = f'boundary="{letter.boundary}"'
    yield build_field(
        "Content-Type",
        [
            HeaderValue(b"multipart/report; report-type=delivery-status;"),
            HeaderValue.of(boundary),
        ],
    )
    # RFC 2045 section 6.4: not less than any of its parts.
    yield _field("Content-Transfer-Encoding", "8bit" if needs_8bit(letter, enclosure) else "7bit")


def _part(letter: Letter, media: str, encoding: str) -> Iterator[bytes]:
    yield b"\r\n--" + letter.boundary.encode() + b"\r\n"
    yield _field("Content-Type", media)
    yield _field("Content-Transfer-Encoding", encoding) + b"\r\n"


def _lines(letter: Letter, texts: Iterator[str]) -> Iterator[bytes]:
    encoded = _encoding(letter) == "quoted-printable"
    for text in texts:
        octets = text.replace("\n", "\r\n").encode()
        yield quoted_printable(octets) if encoded else octets


# -- the fields for programs -----------------------------------------------------------------


def _status(dsn: DSN) -> Iterator[bytes]:
    write = _seven_bit if dsn.is_ascii else str
    yield b"".join(
        [
            _text("Original-Envelope-Id", dsn.envelope_id),
            _text("Reporting-MTA", str(dsn.reporting_mta)),
            _typed("Received-From-MTA", dsn.received_from),
            _time("Arrival-Date", dsn.arrival),
        ]
    )
    for each in dsn.recipients:
        yield b"\r\n" + _recipient(each, write)


def _recipient(each: RecipientStatus, write: Callable[[Typed], str]) -> bytes:
    return b"".join(
        [
            _text("Original-Recipient", None if each.original is None else write(each.original)),
            _text("Final-Recipient", write(each.final)),
            _text("Action", each.action.value),
            _text("Status", each.status),
            _typed("Remote-MTA", each.remote_mta),
            _typed("Diagnostic-Code", each.diagnostic),
            _time("Last-Attempt-Date", each.last_attempt),
            _time("Will-Retry-Until", each.will_retry_until),
        ]
    )


def _seven_bit(address: Typed) -> str:
    # RFC 6533 section 3: the form of an ASCII report is utf-8-addr-xtext.
    if address.type != "utf-8":
        return str(address)
    text = _NOT_QCHAR.sub(lambda found: f"\\x{{{ord(found[0]):02X}}}", address.text)
    return f"{address.type}; {text}"


def _field(name: str, text: str) -> bytes:
    return build_field(name, HeaderValue.of(text))


def _text(name: str, text: str | None) -> bytes:
    return b"" if text is None else _field(name, text)


def _typed(name: str, typed: Typed | None) -> bytes:
    return b"" if typed is None else _field(name, str(typed))


def _time(name: str, when: datetime | None) -> bytes:
    return b"" if when is None else _field(name, format_date(when))
