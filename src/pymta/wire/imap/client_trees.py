"""
ENVELOPE and BODYSTRUCTURE as a client reads them (:rfc:`9051#section-7.5.2`).
"""

from __future__ import annotations

from pymta.wire.imap.client_cursor import ResponseCursor
from pymta.wire.imap.client_data import Address, Body, Envelope, Multipart, Part, Value

__all__ = ["read_body", "read_envelope"]


def read_envelope(cursor: ResponseCursor) -> Envelope:
    """An envelope in parentheses."""
    cursor.open()
    date = cursor.nstring()
    cursor.space()
    subject = cursor.nstring()
    lists = []
    for _ in range(6):
        cursor.space()
        lists.append(_addresses(cursor))
    cursor.space()
    in_reply_to = cursor.nstring()
    cursor.space()
    message_id = cursor.nstring()
    cursor.close()
    from_, sender, reply_to, to, cc, bcc = lists
    return Envelope(
        date=date,
        subject=subject,
        from_=from_,
        sender=sender,
        reply_to=reply_to,
        to=to,
        cc=cc,
        bcc=bcc,
        in_reply_to=in_reply_to,
        message_id=message_id,
    )


def _addresses(cursor: ResponseCursor) -> tuple[Address, ...] | None:
    if cursor.nil():
        return None
    cursor.open()
    found = [_address(cursor)]
    # RFC 9051 section 9: no space between them; some servers write one.
    while cursor.peek() != b")":
        cursor.accept(b" ")
        found.append(_address(cursor))
    cursor.close()
    return tuple(found)


def _address(cursor: ResponseCursor) -> Address:
    cursor.open()
    name = cursor.nstring()
    cursor.space()
    route = cursor.nstring()
    cursor.space()
    mailbox = cursor.nstring()
    cursor.space()
    host = cursor.nstring()
    cursor.close()
    return Address(name=name, route=route, mailbox=mailbox, host=host)


def read_body(cursor: ResponseCursor) -> Body:
    """A body in parentheses."""
    cursor.open()
    body = _multipart(cursor) if cursor.peek() == b"(" else _part(cursor)
    cursor.close()
    return body


def _multipart(cursor: ResponseCursor) -> Multipart:
    parts = []
    while cursor.peek() == b"(":
        parts.append(read_body(cursor))
    cursor.space()
    return Multipart(tuple(parts), cursor.string(), _extension(cursor))


def _part(cursor: ResponseCursor) -> Part:
    type_ = cursor.string()
    cursor.space()
    subtype = cursor.string()
    cursor.space()
    parameters = cursor.value()
    cursor.space()
    identity = cursor.nstring()
    cursor.space()
    description = cursor.nstring()
    cursor.space()
    encoding = cursor.nstring()
    cursor.space()
    size = cursor.number()
    kind = (type_.lower(), subtype.lower())
    envelope: Envelope | None = None
    body: Body | None = None
    lines: int | None = None
    # Some servers write message/global without an envelope: the parenthesis tells.
    if kind in _MESSAGES and cursor.octets.startswith(b" (", cursor.at):
        cursor.space()
        envelope = read_envelope(cursor)
        cursor.space()
        body = read_body(cursor)
        cursor.space()
        lines = cursor.number()
    elif kind[0] == b"text":
        cursor.space()
        lines = cursor.number()
    return Part(
        type=type_,
        subtype=subtype,
        parameters=parameters,
        id=identity,
        description=description,
        encoding=encoding,
        size=size,
        envelope=envelope,
        body=body,
        lines=lines,
        extension=_extension(cursor),
    )


# RFC 9051 section 9, media-message
_MESSAGES = frozenset({(b"message", b"rfc822"), (b"message", b"global")})


def _extension(cursor: ResponseCursor) -> tuple[Value, ...]:
    found = []
    while cursor.accept(b" "):
        found.append(cursor.value())
    return tuple(found)
