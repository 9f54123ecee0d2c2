"""
What SORT, THREAD and SEARCH compare of a header (:rfc:`5256`, :rfc:`5957`), computed once at
append: sorting ten thousand messages then parses nothing.

Texts are casemapped already (:mod:`pymta.message.casemap`), so that order and "contains" are those
of octets.  Message-IDs are kept as digests of their normal form: equal or not is all that
threading asks, and a thread of a hundred replies names each of them a hundred times.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from itertools import islice

from pymta.message.addresses import ListedAddress
from pymta.message.casemap import Casemap
from pymta.message.dates import parse_date
from pymta.message.encodedword import decode_words
from pymta.message.envelope import MessageEnvelope, message_envelope
from pymta.message.header import Field, Header
from pymta.message.subject import base_subject

__all__ = [
    "ID_OCTETS",
    "MAX_REFERENCES",
    "TEXTS",
    "IndexEntry",
    "field_text",
    "index_entry",
    "message_ids",
]

ID_OCTETS = 16
"""Of the digest of a Message-ID: nobody finds two that have the same one."""

MAX_REFERENCES = 100
"""References of one message that are kept: the first, and the last ones."""

_LONGEST = 32 * 1024
"""
Octets of References that are looked at, from its end: more than that many references take, and a
megabyte of them would take 200 ms.  As many of other ids, from their beginning, and a quarter of a
subject, of which the first words count.
"""

MAX_TEXT = 2000
"""Octets of a casemapped field that are kept for SEARCH; what is longer is read when it is asked
for.  People write a hundred; a list of fifty addresses has this many."""

MAX_KEY = 500
"""Octets of what is sorted by: no two subjects that people see differ behind them."""

TEXTS = ("subject", "from", "to", "cc", "bcc")
"""The fields whose texts are kept: those that SEARCH has names for."""

# Nothing is given back: a "<" is followed as far as the next one, and that once.
_ID = re.compile(rb'<[ \t\r\n]*+((?:[^<>@"\\\s]++|"(?:[^"\\]|\\.)*+")++)@([^<>@\s]++)[ \t\r\n]*+>')
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_PAIR = re.compile(rb"\\(.)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

# What a field looks like that is kept: as SEARCH sees it, with its end.
_END = b"\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexEntry:
    """
    :param sent: the Date field in seconds since 1970, UTC (:rfc:`5256#section-2.2`); None where it
        has none or says no date.
    :param sent_day: the day it names in its own zone, as ``date.toordinal`` counts
        (:rfc:`3501#section-6.4.4`, SENTON).
    :param from_: ``addr-mailbox`` of the first From address, casemapped; so are ``to``, ``cc``.
    :param display_from: its display sort value (:rfc:`5957#section-3`); so is ``display_to``.
    :param subject: the base subject, casemapped.
    :param is_reply: whether the subject is that of a reply or forward.
    :param message_id: a digest, ``b""`` without a valid one.
    :param references: digests, joined: of References, or else of the first one in In-Reply-To.
    :param texts: all fields of a name in :data:`TEXTS`, casemapped, each with a line feed behind;
        None where that is too long to be kept.
    """

    sent: int | None
    sent_day: int | None
    from_: bytes
    to: bytes
    cc: bytes
    display_from: bytes
    display_to: bytes
    subject: bytes
    is_reply: bool
    message_id: bytes
    references: bytes
    texts: tuple[bytes | None, ...]

    def ancestors(self) -> tuple[bytes, ...]:
        """``references``, one by one."""
        joined = self.references
        return tuple(joined[at : at + ID_OCTETS] for at in range(0, len(joined), ID_OCTETS))


def index_entry(
    header: Header, casemap: Casemap, *, envelope: MessageEnvelope | None = None
) -> IndexEntry:
    """:param envelope: if it was extracted already."""
    if envelope is None:
        envelope = message_envelope(header)
    sent, sent_day = _dates(envelope.date)
    base = base_subject((envelope.subject or b"")[: _LONGEST // 4])
    fields = _named(header)
    return IndexEntry(
        sent=sent,
        sent_day=sent_day,
        from_=_mailbox(envelope.from_, casemap),
        to=_mailbox(envelope.to, casemap),
        cc=_mailbox(envelope.cc, casemap),
        display_from=_display(envelope.from_, casemap),
        display_to=_display(envelope.to, casemap),
        subject=casemap.key(base.text)[:MAX_KEY],
        is_reply=base.is_reply,
        message_id=next(message_ids((envelope.message_id or b"")[:_LONGEST]), b""),
        references=_references(fields.get("references", ()), envelope.in_reply_to),
        texts=tuple(_kept(fields.get(name, ()), casemap) for name in TEXTS),
    )


def _named(header: Header) -> dict[str, list[Field]]:
    named: dict[str, list[Field]] = {}
    for field in header.fields:
        if field.name.isascii():
            named.setdefault(field.name.decode("ascii").lower(), []).append(field)
    return named


def _dates(value: bytes | None) -> tuple[int | None, int | None]:
    moment = None if value is None else parse_date(value)
    if moment is None:
        return None, None
    return (moment - _EPOCH) // _SECOND, moment.toordinal()


# -- addresses -----------------------------------------------------------------


def _mailbox(addresses: Sequence[ListedAddress], casemap: Casemap) -> bytes:
    # RFC 5256 section 3: "addr-mailbox of the first address".
    if not addresses:
        return b""
    return casemap.key(_plain(addresses[0].mailbox))[:MAX_KEY]


def _display(addresses: Sequence[ListedAddress], casemap: Casemap) -> bytes:
    # RFC 5957 section 3.
    if not addresses:
        return b""
    first = addresses[0]
    text = decode_words(first.name or b"").strip()
    if not text:
        text = _plain(first.mailbox)
        if first.host:
            text = f"{text}@{_plain(first.host)}"
    return casemap.key(text)[:MAX_KEY]


def _plain(octets: bytes | None) -> str:
    try:
        return (octets or b"").decode()
    except UnicodeDecodeError:
        return (octets or b"").decode("latin-1")


# -- Message-IDs ---------------------------------------------------------------


def message_ids(value: bytes) -> Iterator[bytes]:
    """
    Digests of the valid Message-IDs in a field, in their order.

    Quoting does not count, case does (:rfc:`5256#section-3`, REFERENCES).
    """
    for found in _ID.finditer(value):
        local = found[1]
        if b'"' in local:
            local = _QUOTED.sub(lambda quoted: _PAIR.sub(rb"\1", quoted[1]), local)
        yield blake2b(local + b"@" + found[2], digest_size=ID_OCTETS).digest()


def _references(fields: Sequence[Field], in_reply_to: bytes | None) -> bytes:
    ids = list(_ids_of(b"\r\n".join(field.value for field in fields)))
    if not ids and in_reply_to is not None:
        ids = list(islice(message_ids(in_reply_to[:_LONGEST]), 1))
    if len(ids) > MAX_REFERENCES:
        ids = [ids[0], *ids[1 - MAX_REFERENCES :]]
    return b"".join(ids)


def _ids_of(value: bytes) -> Iterator[bytes]:
    if len(value) > _LONGEST:
        yield from islice(message_ids(value), 1)
        value = value[-_LONGEST:]
    yield from message_ids(value)


# -- texts ---------------------------------------------------------------------


def field_text(field: Field) -> str:
    """A field's value as people read it."""
    return decode_words(field.unfolded)


def _kept(fields: Sequence[Field], casemap: Casemap) -> bytes | None:
    kept = b""
    for field in fields:
        # Casemapped text is seldom shorter than half of what it was.
        if field.length > 2 * MAX_TEXT:
            return None
        kept += casemap.key(field_text(field)) + _END
        if len(kept) > MAX_TEXT:
            return None
    return kept
