"""
Octets of a message's sections, cut out of it where :class:`~pymta.message.structure.Structure`
says they are (:rfc:`9051#section-6.4.5.1`, :rfc:`3516`).

Header, text and parts are stretches of the message, and reading them is reading those.  Here is
what is no stretch: some fields of a header, and a part without its transfer encoding.  The body
is never parsed again.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache

from pymta.errors import EncodingError
from pymta.message.source import SLICE, Source
from pymta.message.structure import BROKEN, Part
from pymta.message.transfer import transfer_of

__all__ = ["Decoded", "decoded_size", "fields_named", "fields_not_named"]


_FEW = 100
"""
Names that are sought by a pattern of their own: one of thousands takes 0.2 s to be made, and a
megabyte to be remembered.
"""

_FIELD = re.compile(rb"^([!-9;-~]++)[ \t]*+:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z)", re.MULTILINE)

# -- fields ----------------------------------------------------------------------


def fields_named(header: bytes, names: tuple[bytes, ...]) -> bytes:
    """
    HEADER.FIELDS: the fields with these names, in any case, and the empty line if there is one.

    :param header: whole, as :func:`pymta.message.header.parse_header` takes it.
    """
    found: Iterable[bytes]
    if len(names) > _FEW:
        wanted = _folded(names)
        found = (field[0] for field in _FIELD.finditer(header) if field[1].lower() in wanted)
    else:
        found = _pattern(names).findall(header)
    return b"".join([*found, _empty_line(header)])


def fields_not_named(header: bytes, names: tuple[bytes, ...]) -> bytes:
    """HEADER.FIELDS.NOT: all the rest of it, lines that are no field among it."""
    if len(names) > _FEW:
        wanted = _folded(names)
        return _FIELD.sub(lambda field: b"" if field[1].lower() in wanted else field[0], header)
    return _pattern(names).sub(b"", header)


@lru_cache(maxsize=4)
def _folded(names: tuple[bytes, ...]) -> frozenset[bytes]:
    return frozenset(name.lower() for name in names)


@lru_cache(maxsize=256)
def _pattern(names: tuple[bytes, ...]) -> re.Pattern[bytes]:
    # A field up to the next one, as parse_header has it; to search is five times as fast as
    # to make objects of all fields.  Linear: a line is matched once, from its start.
    either = b"|".join(re.escape(name) for name in names)
    return re.compile(
        rb"^(?:" + either + rb")[ \t]*:[^\n]*+(?:\n[ \t][^\n]*+)*+(?:\n|\Z)",
        re.MULTILINE | re.IGNORECASE,
    )


def _empty_line(header: bytes) -> bytes:
    for end in (b"\r\n", b"\n"):
        if header == end or header.endswith(b"\n" + end):
            return end
    return b""


# -- decoding ---------------------------------------------------------------------


async def decoded_size(source: Source, part: Part, breathe: Callable[[], Awaitable[None]]) -> int:
    """
    How many octets the part has without its encoding: as counted at append, or counted now.

    :param source: the whole message.
    :param breathe: lets others have their turn.
    :raises EncodingError: nobody can decode it.
    """
    known = part.decoded_octets
    if known == BROKEN:
        raise EncodingError(f"{part.encoding[:40]} cannot be decoded")
    if known is not None:
        return known
    transfer, size = transfer_of(part.encoding), 0
    for start in range(part.body, part.stop, SLICE):
        size += transfer.count(await source.read(start, min(start + SLICE, part.stop)))
        await breathe()
    return size + len(transfer.finish())


class Decoded:
    """
    A part without its encoding: a :class:`~pymta.message.source.Source`.

    To be read from front to back by one reader; going back starts again, going ahead reads what
    is passed over.

    :param source: the whole message.
    :param size: as :func:`decoded_size` says.
    """

    def __init__(self, source: Source, part: Part, size: int) -> None:
        self.size = size
        self._source = source
        self._part = part
        self._start_again()

    def _start_again(self) -> None:
        self._transfer = transfer_of(self._part.encoding)
        self._next = self._part.body
        self._ended = False
        # What is decoded and not read, and its place.
        self._held = b""
        self._at = 0

    async def read(self, start: int, stop: int) -> bytes:
        """
        As of every content.

        :raises EncodingError: it cannot be decoded; :func:`decoded_size` would have said so.
        """
        stop = min(stop, self.size, start + SLICE)
        if start < self._at:
            self._start_again()
        while self._at + len(self._held) < stop and not self._ended:
            passed = min(start - self._at, len(self._held))
            self._held = self._held[passed:] + await self._decode()
            self._at += passed
        first = start - self._at
        return self._held[first : first + stop - start] if stop > start else b""

    async def _decode(self) -> bytes:
        part, start = self._part, self._next
        if start >= part.stop:
            self._ended = True
            return self._transfer.finish()
        self._next = min(start + SLICE, part.stop)
        return self._transfer.decode(await self._source.read(start, self._next))
