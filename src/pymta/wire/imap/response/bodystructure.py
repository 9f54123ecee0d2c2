"""
BODY and BODYSTRUCTURE: the MIME structure of a message in parentheses
(:rfc:`9051#section-7.5.2`).

For a client that takes UTF-8, strings are as in :mod:`.envelope`, parameters of :rfc:`2231` are
converted to UTF-8, and a message/global shows its inside.  Any other knows neither: it gets the
parameter as :rfc:`2231#section-4` writes it, and a message/global as a part without an inside
(:rfc:`3501#section-9`, body-type-msg).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pymta.message.parameters import Parameters
from pymta.message.structure import Part, Structure
from pymta.wire.imap.response.envelope import NIL, string, utf8_string, write_envelope

__all__ = ["body_structure_pieces", "same_with_utf8", "write_body", "write_body_structure"]

# RFC 2231 section 7, attribute-char: what needs no escape in an extended value.
_PLAIN: Final = frozenset(
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~"
)
_ESCAPES: Final = tuple(
    bytes([octet]) if octet in _PLAIN else b"%%%02X" % octet for octet in range(256)
)
# A value that stayed as it was written, since nobody knows its character set.
_EXTENDED: Final = re.compile(rb"[!#-&+\-.0-9A-Z^-~]+'[A-Za-z0-9\-]*'[\x21-\x7e]*")


def write_body(structure: Structure, *, utf8: bool) -> bytes:
    """BODY: without extension data."""
    return (_UTF8 if utf8 else _ASCII).short(structure.root)


def write_body_structure(structure: Structure, *, utf8: bool) -> bytes:
    """BODYSTRUCTURE: with extension data."""
    return b"".join(body_structure_pieces(structure, utf8=utf8))


def body_structure_pieces(structure: Structure, *, utf8: bool) -> Iterator[bytes]:
    """The same, in pieces of a part at most: thousands take a while."""
    return (_UTF8 if utf8 else _ASCII).full(structure.root)


def same_with_utf8(octets: bytes) -> bool:
    """
    Whether an ENVELOPE or BODYSTRUCTURE, written without ``utf8``, is the same with it.

    May be False where it is.
    """
    return octets.isascii() and b'*" "' not in octets and b'"global"' not in octets


class _Writer:
    """For one kind of client.  Recursion is as deep as structures are: 50 levels."""

    def __init__(self, *, utf8: bool) -> None:
        self._utf8 = utf8
        self._write = utf8_string if utf8 else string

    def short(self, part: Part) -> bytes:
        if part.parts:
            inside = b"".join(map(self.short, part.parts))
            return b"(%b %b)" % (inside, self._token(part.media.subtype))
        inside = b""
        if (message := self._shown(part)) is not None:
            inside = b" %b %b %d" % (self._envelope(message), self.short(message), part.lines)
        return b"(%b%b%b)" % (self._fields(part), self._lines(part), inside)

    def full(self, part: Part) -> Iterator[bytes]:
        if part.parts:
            yield b"("
            for inner in part.parts:
                yield from self.full(inner)
            subtype = self._token(part.media.subtype)
            yield b" %b %b" % (subtype, self._parameters(part.media.parameters))
        else:
            yield b"(%b%b" % (self._fields(part), self._lines(part))
            if (message := self._shown(part)) is not None:
                yield b" %b " % self._envelope(message)
                yield from self.full(message)
                yield b" %d" % part.lines
            yield b" %b" % self._text(part.md5)
        dsp, lang, loc = self._disposition(part), self._language(part), self._text(part.location)
        yield b" %b %b %b)" % (dsp, lang, loc)

    def _fields(self, part: Part) -> bytes:
        media = part.media
        return b"%b %b %b %b %b %b %d" % (
            self._token(media.type),
            self._token(media.subtype),
            self._parameters(media.parameters),
            self._text(part.id),
            self._text(part.description),
            self._token(part.encoding),
            part.octets,
        )

    def _lines(self, part: Part) -> bytes:
        # What stands behind the size of a text; of a message it is all that is in it.
        return b" %d" % part.lines if part.media.type == "text" else b""

    def _shown(self, part: Part) -> Part | None:
        return None if part.media.subtype == "global" and not self._utf8 else part.message

    def _envelope(self, message: Part) -> bytes:
        return write_envelope(message.envelope, utf8=self._utf8)

    def _token(self, text: str) -> bytes:
        return b'"%b"' % text.encode("ascii")

    def _text(self, octets: bytes | None) -> bytes:
        return NIL if octets is None else self._write(octets)

    def _parameters(self, parameters: Parameters) -> bytes:
        if not parameters:
            return NIL
        return b"(%b)" % b" ".join([self._parameter(name, value) for name, value in parameters])

    def _parameter(self, name: str, value: bytes) -> bytes:
        if name.endswith("*") and not self._utf8 and not _EXTENDED.fullmatch(value):
            value = b"utf-8''" + b"".join([_ESCAPES[octet] for octet in value])
        return b"%b %b" % (self._token(name), self._write(value))

    def _disposition(self, part: Part) -> bytes:
        if part.disposition is None:
            return NIL
        type_, parameters = part.disposition
        return b"(%b %b)" % (self._token(type_), self._parameters(parameters))

    def _language(self, part: Part) -> bytes:
        return b"(%b)" % b" ".join(map(self._write, part.language)) if part.language else NIL


_ASCII: Final = _Writer(utf8=False)
_UTF8: Final = _Writer(utf8=True)
