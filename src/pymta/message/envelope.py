"""
The envelope of a message as IMAP understands it (:rfc:`9051#section-7.5.2`): what its header
says of date, subject and people, extracted once at append.

Not to be confused with :mod:`pymta.envelope`, which is SMTP's.
"""

from __future__ import annotations

from dataclasses import dataclass

from pymta.message.addresses import ListedAddress, Tokens, parse_addresses
from pymta.message.header import Field, Header

__all__ = ["MAX_LISTED", "MAX_TOKENS", "MessageEnvelope", "message_envelope"]

MAX_LISTED = 2000
"""
Addresses of one envelope, in all of its fields; what follows is left out.  The largest lists that
people type have hundreds, and each costs 1 us.
"""

MAX_TOKENS = 1000
"""
Tokens of entries that are not so simple: groups, comments, routes, what is malformed.  They make
some 100 entries, at 5 us a token.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEnvelope:
    """
    Unfolded octets as they stand in the header; None for a field that is not there, ``b""``
    for one that is empty.

    :param sender: as ``from_`` where the header has none; so is ``reply_to``.
    """

    date: bytes | None = None
    subject: bytes | None = None
    from_: tuple[ListedAddress, ...] = ()
    sender: tuple[ListedAddress, ...] = ()
    reply_to: tuple[ListedAddress, ...] = ()
    to: tuple[ListedAddress, ...] = ()
    cc: tuple[ListedAddress, ...] = ()
    bcc: tuple[ListedAddress, ...] = ()
    in_reply_to: bytes | None = None
    message_id: bytes | None = None


def message_envelope(header: Header, tokens: Tokens | None = None) -> MessageEnvelope:
    """
    Extract the envelope.

    Of several fields with one name the first counts; of several To, Cc and Bcc all do
    (:rfc:`5322#section-4.5.3`).

    :param tokens: where several envelopes share them.
    """
    tokens = tokens or Tokens(MAX_TOKENS)
    fields: dict[bytes, list[Field]] = {}
    for field in header.fields:
        fields.setdefault(field.name.lower(), []).append(field)

    def text(name: bytes) -> bytes | None:
        return fields[name][0].unfolded if name in fields else None

    room = MAX_LISTED

    def first(name: bytes) -> tuple[ListedAddress, ...]:
        return listed(fields[name][:1]) if name in fields else ()

    def every(name: bytes) -> tuple[ListedAddress, ...]:
        return listed(fields[name]) if name in fields else ()

    def listed(fields: list[Field]) -> tuple[ListedAddress, ...]:
        nonlocal room
        found: tuple[ListedAddress, ...] = ()
        for field in fields:
            if room > 0:
                more = parse_addresses(field.value, room, tokens=tokens)
                room -= len(more)
                found += more
        return found

    from_ = first(b"from")
    return MessageEnvelope(
        date=text(b"date"),
        subject=text(b"subject"),
        from_=from_,
        sender=first(b"sender") or from_,
        reply_to=first(b"reply-to") or from_,
        to=every(b"to"),
        cc=every(b"cc"),
        bcc=every(b"bcc"),
        in_reply_to=text(b"in-reply-to"),
        message_id=text(b"message-id"),
    )
