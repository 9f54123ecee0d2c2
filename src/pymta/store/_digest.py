"""
What is computed of a message once, when it is appended: envelope and structure, as octets, for
whoever asks for them and as IMAP writes them; and a preview.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from pymta.interfaces.content import SLICE, IContent
from pymta.message.casemap import Casemap
from pymta.message.index import IndexEntry, index_entry
from pymta.message.preview import preview
from pymta.message.structure import Structure
from pymta.message.structure_codec import from_bytes, to_bytes
from pymta.message.structure_reader import StructureReader
from pymta.wire.imap.response.bodystructure import write_body_structure
from pymta.wire.imap.response.envelope import write_envelope

__all__ = ["Digest", "DigestReader", "digest_of", "imap_envelope", "imap_structure"]

# What is looked through within 5 ms; three times as much, if nothing of it is encoded.
_OCTETS_A_TURN = 4 * SLICE
# Parts of one octet each come 500 in such a piece.
_PIECE = 4 * 1024
_ENTITIES_A_TURN = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """
    Envelope and structure as :func:`pymta.message.structure_codec.to_bytes` writes them.

    :param unended: whether the last line lacks its CRLF.
    :param envelope: a structure without parts, whose root has the envelope: the short form for
        whoever needs no more.
    :param imap_envelope: for a client without UTF8=ACCEPT; as ``imap_structure`` is.
    :param index: what SORT, THREAD and SEARCH compare.
    :param preview: None until :func:`digest_of` has looked for it.
    """

    envelope: bytes
    structure: bytes
    unended: bool
    imap_envelope: bytes
    imap_structure: bytes
    index: IndexEntry
    preview: str | None = None


async def digest_of(content: IContent, breathe: Callable[[], Awaitable[None]]) -> Digest:
    """
    Read it, and compute.

    :param breathe: lets others have their turn.
    """
    reader = DigestReader()
    worked = _Work(reader, breathe)
    for start in range(0, content.size, SLICE):
        octets = await content.read(start, start + SLICE)
        for piece in range(0, len(octets), _PIECE):
            reader.feed(octets[piece : piece + _PIECE])
            await worked.on(_PIECE)
    digest = reader.finish()
    assert reader.structure is not None
    return replace(digest, preview=await preview(content, reader.structure))


class _Work:
    """Counts what was done since the last breath."""

    def __init__(self, reader: DigestReader, breathe: Callable[[], Awaitable[None]]) -> None:
        self._reader = reader
        self._breathe = breathe
        self._octets = 0
        self._entities = 0

    async def on(self, octets: int) -> None:
        """So many were fed."""
        self._octets += octets
        new = self._reader.entities - self._entities
        if self._octets >= _OCTETS_A_TURN or new >= _ENTITIES_A_TURN:
            self._octets = 0
            self._entities = self._reader.entities
            await self._breathe()


def imap_envelope(envelope: bytes) -> bytes:
    """Of an earlier release's record.  :param envelope: as its column holds it."""
    return write_envelope(from_bytes(envelope).root.envelope, utf8=False)


def imap_structure(structure: bytes) -> bytes:
    """The same of a structure."""
    return write_body_structure(from_bytes(structure), utf8=False)


class DigestReader:
    """
    Computes it while the octets pass: ``feed`` all of them, then ``finish``.

    :ivar structure: what was found, behind ``finish``.
    """

    __slots__ = ("_reader", "_tail", "structure")

    def __init__(self) -> None:
        self._reader = StructureReader()
        self._tail = b""
        self.structure: Structure | None = None

    @property
    def entities(self) -> int:
        """Parts that were found so far."""
        return self._reader.entities

    def feed(self, octets: bytes) -> None:
        """Take the next slice."""
        self._reader.feed(octets)
        self._tail = (self._tail + octets[-2:])[-2:]

    def finish(self) -> Digest:
        """All has been fed."""
        self.structure = structure = self._reader.finish()
        root = structure.root
        whole = to_bytes(structure)
        alone = whole
        if root.parts or root.message is not None:
            alone = to_bytes(Structure(replace(root, parts=(), message=None)))
        header = self._reader.header
        assert header is not None
        return Digest(
            envelope=alone,
            structure=whole,
            unended=bool(self._tail) and self._tail != b"\r\n",
            imap_envelope=write_envelope(root.envelope, utf8=False),
            imap_structure=write_body_structure(structure, utf8=False),
            index=index_entry(header, Casemap(), envelope=root.envelope),
        )
