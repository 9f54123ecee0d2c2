"""
The MIME structure as octets, for a column of a table: a version, and JSON (S16: nothing that
is stored is ever executed).

Versions are read for ever, and only the newest is written.  Octets are kept as ISO 8859-1
text, which every octet has a character in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from pymta.message.addresses import ListedAddress
from pymta.message.envelope import MessageEnvelope
from pymta.message.parameters import MediaType, Parameters
from pymta.message.structure import DEFAULT_MEDIA, Part, Structure

__all__ = ["from_bytes", "header_size", "pieces", "to_bytes"]

# The first octets name the version, before any parsing.
_VERSION_1 = b"1"
# With decoded sizes.
_VERSION_2 = b"2"

# One row a part; what is missing at its end is empty.  The order is the format: new columns
# go to the end and get a version of their own.
#   start, body, stop, lines, type, subtype, parameters, encoding, id, description, md5,
#   disposition, language, location, parts, message, envelope; since version 2: decoded
_COLUMNS = 18

# One for all: making it takes as long as a row.
_encoded: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def to_bytes(structure: Structure) -> bytes:
    """Write it."""
    return b"".join(pieces(structure))


def pieces(structure: Structure) -> Iterator[bytes]:
    """What :func:`to_bytes` writes, in pieces of a part at most: thousands take a while."""
    yield _VERSION_2
    for text in _part_text(structure.root):
        yield text.encode()


def from_bytes(octets: bytes) -> Structure:
    """
    Read what :func:`to_bytes` of this or an earlier release wrote.

    :raises ValueError: for a version that this release does not know, or for other octets.
    """
    if octets[:1] not in (_VERSION_1, _VERSION_2):
        raise ValueError(f"structure of an unknown version: {octets[:1]!r}")
    try:
        return Structure(_part(json.loads(octets[1:])))
    except (AttributeError, IndexError, KeyError, RecursionError, TypeError) as error:
        raise ValueError("no structure") from error


def header_size(octets: bytes) -> int:
    """
    The size of the message's header, without reading anything else: in a hundredth of the time.

    :param octets: as for :func:`from_bytes`, which raises what this does not look at.
    """
    start, size = octets[2:48].split(b",", 2)[:2]
    return int(start) + int(size)


def _part_text(part: Part) -> Iterator[str]:
    own, behind = _own_row(part), [part.envelope and _envelope_row(part.envelope), part.decoded]
    if not part.parts and part.message is None:
        yield _encoded(_stripped([*own, None, None, *behind]))
        return
    yield _encoded(own)[:-1]
    if part.parts:
        between = ",["
        for inner in part.parts:
            yield between
            yield from _part_text(inner)
            between = ","
        yield "]"
    else:
        yield ",null"
    if part.message is not None:
        yield ","
        yield from _part_text(part.message)
    elif behind != [None, None]:
        yield ",null"
    for value in _stripped(behind):
        yield "," + _encoded(value)
    yield "]"


def _stripped(row: list[Any]) -> list[Any]:
    while row and row[-1] is None:
        row.pop()
    return row


def _own_row(part: Part) -> list[Any]:
    """The columns in front of what is inside of it."""
    default = part.media == DEFAULT_MEDIA
    return [
        part.start,
        part.body - part.start,
        part.stop - part.body,
        part.lines,
        None if default else part.media.type,
        None if default else part.media.subtype,
        None if default else _parameters_row(part.media.parameters),
        None if part.encoding == "7bit" else part.encoding,
        _text(part.id),
        _text(part.description),
        _text(part.md5),
        part.disposition and [part.disposition[0], _parameters_row(part.disposition[1])],
        [_text(tag) for tag in part.language] or None,
        _text(part.location),
    ]


def _part(row: list[Any]) -> Part:
    if not all(type(number) is int for number in row[:4]):
        raise TypeError("no offsets")
    row = row + [None] * (_COLUMNS - len(row))
    if row[17] is not None and type(row[17]) is not int:
        raise TypeError("no size")
    start, body, stop = row[0], row[0] + row[1], row[0] + row[1] + row[2]
    return Part(
        start=start,
        body=body,
        stop=stop,
        lines=row[3],
        media=DEFAULT_MEDIA if row[4] is None else MediaType(row[4], row[5], _parameters(row[6])),
        encoding=row[7] or "7bit",
        id=_octets(row[8]),
        description=_octets(row[9]),
        md5=_octets(row[10]),
        disposition=row[11] and (row[11][0], _parameters(row[11][1])),
        language=tuple(tag.encode("latin-1") for tag in row[12] or ()),
        location=_octets(row[13]),
        parts=tuple(map(_part, row[14] or ())),
        message=row[15] and _part(row[15]),
        envelope=None if row[16] is None else _envelope(row[16]),
        decoded=row[17],
    )


def _text(octets: bytes | None) -> str | None:
    return None if octets is None else octets.decode("latin-1")


def _octets(text: str | None) -> bytes | None:
    return None if text is None else text.encode("latin-1")


def _parameters_row(parameters: Parameters) -> list[list[str]]:
    return [[name, value.decode("latin-1")] for name, value in parameters]


def _parameters(row: list[list[str]]) -> Parameters:
    return tuple((name, value.encode("latin-1")) for name, value in row)


def _envelope_row(envelope: MessageEnvelope) -> list[Any]:
    # Most senders and reply-tos are copies: None stands for "as From".
    same = envelope.from_
    return [
        _text(envelope.date),
        _text(envelope.subject),
        _addresses_row(same),
        None if envelope.sender == same else _addresses_row(envelope.sender),
        None if envelope.reply_to == same else _addresses_row(envelope.reply_to),
        _addresses_row(envelope.to),
        _addresses_row(envelope.cc),
        _addresses_row(envelope.bcc),
        _text(envelope.in_reply_to),
        _text(envelope.message_id),
    ]


def _envelope(row: list[Any]) -> MessageEnvelope:
    from_ = _addresses(row[2])
    return MessageEnvelope(
        date=_octets(row[0]),
        subject=_octets(row[1]),
        from_=from_,
        sender=from_ if row[3] is None else _addresses(row[3]),
        reply_to=from_ if row[4] is None else _addresses(row[4]),
        to=_addresses(row[5]),
        cc=_addresses(row[6]),
        bcc=_addresses(row[7]),
        in_reply_to=_octets(row[8]),
        message_id=_octets(row[9]),
    )


def _addresses_row(addresses: tuple[ListedAddress, ...]) -> list[list[str | None]]:
    return [[_text(text) for text in address] for address in addresses]


def _addresses(row: list[list[str | None]]) -> tuple[ListedAddress, ...]:
    return tuple(ListedAddress(*map(_octets, address)) for address in row)
