"""
What is computed of a message once, when it is appended: envelope and structure, as octets, for
whoever asks for them and as IMAP writes them; and a preview.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

from pymta.interfaces.content import SLICE, IContent
from pymta.message.casemap import Casemap
from pymta.message.index import IndexEntry, index_entry
from pymta.message.preview import preview
from pymta.message.structure import Structure
from pymta.message.structure_codec import from_bytes, pieces, to_bytes
from pymta.message.structure_reader import StructureReader
from pymta.wire.imap.response.bodystructure import body_structure_pieces, write_body_structure
from pymta.wire.imap.response.envelope import write_envelope

__all__ = ["Digest", "DigestReader", "digest_of", "imap_envelope", "imap_structure"]

Breathe = Callable[[], Awaitable[None]]

# What is looked through within 5 ms; ten times as much, if nothing of it is encoded.
_OCTETS_A_TURN = 2 * SLICE
# Parts of one octet each come 128 in such a piece.
_PIECE = 1024
# Parts, or what costs as much as so many: 80 us each where they say much of themselves.
_WORK_A_TURN = 64


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


async def digest_of(content: IContent, breathe: Breathe) -> Digest:
    """
    Read it, and compute.

    :param breathe: lets others have their turn.
    """
    reader = DigestReader()
    for start in range(0, content.size, SLICE):
        await reader.feed_in_turns(await content.read(start, start + SLICE), breathe)
    digest = await reader.finish_in_turns(breathe)
    assert reader.structure is not None
    return replace(digest, preview=await preview(content, reader.structure))


def imap_envelope(envelope: bytes) -> bytes:
    """Of an earlier release's record.  :param envelope: as its column holds it."""
    return write_envelope(from_bytes(envelope).root.envelope, utf8=False)


def imap_structure(structure: bytes) -> bytes:
    """The same of a structure."""
    return write_body_structure(from_bytes(structure), utf8=False)


class DigestReader:
    """
    Computes it while the octets pass: feed all of them, then finish; in turns, since a stranger's
    message can take a tenth of a second.

    :param breathe: lets others have their turn.
    :ivar structure: what was found, when it has finished.
    """

    __slots__ = ("_octets", "_reader", "_tail", "_work", "structure")

    def __init__(self) -> None:
        self._reader = StructureReader()
        self._tail = b""
        self._octets = self._work = 0
        self.structure: Structure | None = None

    async def feed_in_turns(self, octets: bytes, breathe: Breathe) -> None:
        """Take the next slice."""
        for start in range(0, len(octets), _PIECE):
            piece = octets[start : start + _PIECE]
            self._reader.feed(piece)
            self._tail = (self._tail + piece[-2:])[-2:]
            self._octets += _PIECE
            work = self._reader.work
            if self._octets >= _OCTETS_A_TURN or work - self._work >= _WORK_A_TURN:
                self._octets, self._work = 0, work
                await breathe()

    async def finish_in_turns(self, breathe: Breathe) -> Digest:
        """All has been fed; most messages are one turn."""

        async def step() -> None:
            if self._reader.work >= _WORK_A_TURN:
                await breathe()

        self.structure = structure = self._reader.finish()
        root = structure.root
        await step()
        alone = whole = await _put_together(pieces(structure), step)
        if root.parts or root.message is not None:
            alone = to_bytes(Structure(replace(root, parts=(), message=None)))
        await step()
        imap_envelope = write_envelope(root.envelope, utf8=False)
        await step()
        imap_structure = await _put_together(body_structure_pieces(structure, utf8=False), step)
        header = self._reader.header
        assert header is not None
        index = index_entry(header, Casemap(), envelope=root.envelope)
        await step()
        return Digest(
            envelope=alone,
            structure=whole,
            unended=bool(self._tail) and self._tail != b"\r\n",
            imap_envelope=imap_envelope,
            imap_structure=imap_structure,
            index=index,
        )


async def _put_together(pieces: Iterator[bytes], step: Breathe) -> bytes:
    """A step for each of so many."""
    made: list[bytes] = []
    while some := list(islice(pieces, 4 * _WORK_A_TURN)):
        made += some
        await step()
    return b"".join(made)
