"""
Values with parameters: Content-Type and Content-Disposition (:rfc:`2045#section-5.1`,
:rfc:`2183`), their continuations and character sets (:rfc:`2231`) put together.

A parameter that a sender wrote in one of the usual wrong ways (spaces or tspecials without
quotes) is read as it was meant; one that cannot be read is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeAlias

from pymta.message import _tokens
from pymta.message.encodedword import codec_of, decode_words, decoded

__all__ = [
    "MAX_PARAMETERS",
    "MediaType",
    "Parameters",
    "parameter",
    "parameter_text",
    "parse_disposition",
    "parse_media_type",
]

Parameters: TypeAlias = tuple[tuple[str, bytes], ...]
"""
Names in lower case, values without quotes.

A name that ends with ``*`` has its value in UTF-8, converted from what :rfc:`2231#section-4`
encodes; if its character set is unknown, the value is as it was written (``koi9'ru'%41``).
"""

MAX_PARAMETERS = 128
"""
More than any media type defines; what follows is left out.  Sections of a continuation count
one by one, and so does what is skipped because it is no parameter.
"""

# RFC 2045 section 5.1.
_TOKEN = re.compile(rb"[!#-'*+\-.0-9A-Z^-~]+")
_NAME = re.compile(rb"[ \t\r\n]*([!#-'*+\-.0-9A-Z^-~]+)[ \t\r\n]*=[ \t\r\n]*")
_PLAIN = re.compile(rb"[^ \t\r\n;()\"]+")
_UP_TO_SEMICOLON = re.compile(rb"[^;]*")
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")
_SECTION = re.compile(r"(.+?)\*(?:(0|[1-9][0-9]{0,8})(\*?))?")


@dataclass(frozen=True, slots=True)
class MediaType:
    """A content type; both words in lower case."""

    type: str
    subtype: str
    parameters: Parameters = ()

    def __str__(self) -> str:
        return f"{self.type}/{self.subtype}"


def parse_media_type(value: bytes) -> MediaType | None:
    """Read the value of a Content-Type field; None if it names no type and subtype."""
    type_, position = _read_token(value, _tokens.skip_blank(value, 0))
    position = _tokens.skip_blank(value, position)
    if not type_ or value[position : position + 1] != b"/":
        return None
    subtype, position = _read_token(value, _tokens.skip_blank(value, position + 1))
    if not subtype:
        return None
    return MediaType(type_, subtype, _read_parameters(value, position))


def parse_disposition(value: bytes) -> tuple[str, Parameters] | None:
    """Read the value of a Content-Disposition field: the type in lower case; None if none."""
    type_, position = _read_token(value, _tokens.skip_blank(value, 0))
    return (type_, _read_parameters(value, position)) if type_ else None


def parameter(parameters: Parameters, name: str) -> bytes | None:
    """The value of the parameter, in octets; one with a character set is preferred."""
    values = dict(parameters)
    return values.get(name + "*", values.get(name))


def parameter_text(parameters: Parameters, name: str) -> str | None:
    """The value of the parameter for people to read; encoded-words, not allowed there, too."""
    value = parameter(parameters, name)
    return None if value is None else decode_words(value)


def _read_token(value: bytes, position: int) -> tuple[str, int]:
    found = _TOKEN.match(value, position)
    return (found[0].decode("ascii").lower(), found.end()) if found else ("", position)


def _read_parameters(value: bytes, position: int) -> Parameters:
    read: list[tuple[str, bytes]] = []
    for _attempt in range(MAX_PARAMETERS):
        position = _tokens.skip_blank(value, position)
        # What stands where a semicolon should is skipped, quoted strings as a whole.
        if value[position : position + 1] == b'"':
            position = _tokens.read_quoted(value, position)[1]
            continue
        found = _UP_TO_SEMICOLON.match(value, position)
        if found is None or found.end() >= len(value):
            break
        position = _tokens.skip_blank(value, found.end() + 1)
        named = _NAME.match(value, position)
        if named is not None:
            text, position = _read_value(value, _tokens.skip_blank(value, named.end()))
            read.append((named[1].decode("ascii").lower(), text))
    return _joined(read)


def _read_value(value: bytes, position: int) -> tuple[bytes, int]:
    if value[position : position + 1] == b'"':
        text, position, _ended = _tokens.read_quoted(value, position)
        return text, position
    found = _PLAIN.match(value, position)
    if found is not None:
        after = _tokens.skip_blank(value, found.end())
        if value[after : after + 1] in (b"", b";"):
            return found[0], after
    # No token: "filename=my report (1).pdf" means all of it.
    found = _UP_TO_SEMICOLON.match(value, position)
    assert found is not None
    return _tokens.unquote(found[0]).strip(), found.end()


# -- RFC 2231 ----------------------------------------------------------------


def _joined(read: list[tuple[str, bytes]]) -> Parameters:
    plain: dict[str, bytes] = {}
    sections: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, text in read:
        found = _SECTION.fullmatch(name)
        if found is None:
            # Of two with one name the first counts, everywhere.
            plain.setdefault(name, text)
            continue
        base, number, star = found[1], found[2], found[3]
        # "name*" alone is a whole value with a character set: its only section.
        extended = number is None or star == "*"
        sections.setdefault(base, {}).setdefault(int(number or 0), (text, extended))
        # Its place among the others.
        plain.setdefault(base + "*", b"")
    joined = []
    for name, text in plain.items():
        if name[-1:] != "*" or name[:-1] not in sections:
            joined.append((name, text))
        elif 0 in (numbered := sections[name[:-1]]):
            joined.append(_join(name[:-1], numbered))
    return tuple(joined)


def _join(base: str, sections: dict[int, tuple[bytes, bool]]) -> tuple[str, bytes]:
    # RFC 2231 section 3: numbered from 0, without gaps; what is behind a gap is lost.
    row: list[tuple[bytes, bool]] = []
    while (section := sections.get(len(row))) is not None:
        row.append(section)
    if not row[0][1]:
        return base, b"".join(text for text, _extended in row)
    charset, _, rest = row[0][0].partition(b"'")
    _language, quote, first = rest.partition(b"'")
    codec = codec_of(charset) if quote else None
    octets = _percent_decoded(first) + b"".join(
        _percent_decoded(text) if extended else text for text, extended in row[1:]
    )
    if codec is None and (charset or not quote):
        return base + "*", b"".join(text for text, _extended in row)
    # RFC 9051 section 7.5.2: converted to UTF-8.
    return base + "*", decoded(octets, codec or "utf-8").encode()


def _percent_decoded(text: bytes) -> bytes:
    return _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), text)
