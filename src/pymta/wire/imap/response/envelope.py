"""
ENVELOPE: what a header says of date, subject and people (:rfc:`9051#section-7.5.2`).

Octets beyond ASCII that stand raw in a header go as they are, as everything else does.  A client
that takes UTF-8 gets them in a quoted string where they are UTF-8 (:rfc:`6855#section-3`); any
other gets a literal, which may hold them (:rfc:`3501#section-4.3.1`).  To encode them would make
a surrogate that says other things than BODY[HEADER] does (:rfc:`6855#section-7`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeAlias

from pymta.message.addresses import ListedAddress
from pymta.message.envelope import MessageEnvelope
from pymta.wire.imap.response import atoms

__all__ = ["Write", "string", "utf8_string", "write_envelope"]

Write: TypeAlias = Callable[[bytes], bytes]
"""Writes a string."""

NIL: Final = atoms.NIL

# Nearly all of them: nothing to escape, and short.
_is_plain: Final = re.compile(rb"[ !#-\[\]-~]{0,1000}").fullmatch
_NOTHING: Final = MessageEnvelope()


def string(octets: bytes) -> bytes:
    """
    A string of a header, for every client.

    NUL is left out: no string can hold it (:rfc:`9051#section-9`, note 3).
    """
    if _is_plain(octets):
        return b'"%b"' % octets
    return atoms.string(octets.replace(b"\0", b"") if b"\0" in octets else octets)


def utf8_string(octets: bytes) -> bytes:
    """A string of a header, for a client that takes UTF-8 in quoted strings."""
    if octets.isascii():
        return string(octets)
    octets = octets.replace(b"\0", b"")
    if b"\r" in octets or b"\n" in octets or not _is_utf8(octets):
        return atoms.literal(octets)
    return atoms.quoted(octets)


def write_envelope(envelope: MessageEnvelope | None, *, utf8: bool) -> bytes:
    """
    Write it.

    :param utf8: for a client that enabled UTF8=ACCEPT or IMAP4rev2.  It makes a difference only
        where the octets written without it are not all ASCII.
    """
    write = utf8_string if utf8 else string
    value = _NOTHING if envelope is None else envelope
    from_ = _addresses(value.from_, write)
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        _text(value.date, write),
        _text(value.subject, write),
        from_,
        from_ if value.sender == value.from_ else _addresses(value.sender, write),
        from_ if value.reply_to == value.from_ else _addresses(value.reply_to, write),
        _addresses(value.to, write),
        _addresses(value.cc, write),
        _addresses(value.bcc, write),
        _text(value.in_reply_to, write),
        _text(value.message_id, write),
    )


def _text(octets: bytes | None, write: Write) -> bytes:
    return NIL if octets is None else write(octets)


def _addresses(addresses: tuple[ListedAddress, ...], write: Write) -> bytes:
    if not addresses:
        return NIL
    return b"(%b)" % b"".join(
        [
            b"(%b %b %b %b)"
            % (
                NIL if name is None else write(name),
                NIL if route is None else write(route),
                NIL if mailbox is None else write(mailbox),
                NIL if host is None else write(host),
            )
            for name, route, mailbox, host in addresses
        ]
    )


def _is_utf8(octets: bytes) -> bool:
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
