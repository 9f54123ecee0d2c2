"""
What is computed of a message once, when it is appended: envelope and structure, as octets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pymta.message.structure import Structure
from pymta.message.structure_codec import to_bytes
from pymta.message.structure_reader import StructureReader

__all__ = ["Digest", "DigestReader"]


@dataclass(frozen=True, slots=True)
class Digest:
    """
    Both as :func:`pymta.message.structure_codec.to_bytes` writes them.

    :param unended: whether the last line lacks its CRLF.
    :param envelope: a structure without parts, whose root has the envelope: the short form for
        whoever needs no more.
    """

    envelope: bytes
    structure: bytes
    unended: bool


class DigestReader:
    """Computes it while the octets pass: ``feed`` all of them, then ``finish``."""

    __slots__ = ("_reader", "_tail")

    def __init__(self) -> None:
        self._reader = StructureReader()
        self._tail = b""

    def feed(self, octets: bytes) -> None:
        """Take the next slice."""
        self._reader.feed(octets)
        self._tail = (self._tail + octets[-2:])[-2:]

    def finish(self) -> Digest:
        """All has been fed."""
        structure = self._reader.finish()
        root = structure.root
        unended = bool(self._tail) and self._tail != b"\r\n"
        if not root.parts and root.message is None:
            octets = to_bytes(structure)
            return Digest(octets, octets, unended)
        alone = replace(root, parts=(), message=None)
        return Digest(to_bytes(Structure(alone)), to_bytes(structure), unended)
