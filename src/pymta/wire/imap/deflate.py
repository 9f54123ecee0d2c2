"""
COMPRESS=DEFLATE (:rfc:`4978`): both directions of a machine, with bounded inflation.

What is inflated is taken in slices, and what waits stays compressed: a peer who sends a thousand
zeros in each octet makes us work no longer at once, and keep no more, than any other.
"""

from __future__ import annotations

import zlib
from typing import Final

__all__ = ["BadDeflate", "Deflater", "Inflater"]

#: Raw deflate (RFC 4978 section 3).  The peer may use a window of 32 KiB.
_INFLATE_WINDOW: Final = -15
#: Ours is 16 KiB, in 80 KiB of memory instead of 256: an idle session has to be small, and what
#: a server sends is seldom alike over longer distances.
_WINDOW: Final = -14
_MEMORY: Final = 5
#: The fastest level: structures and headers shrink to a third at any of them.
_LEVEL: Final = 1

#: What ends an empty stored block: a peer that flushes ends with it (RFC 1951 section 3.2.4).
_FLUSHED: Final = b"\0\0\xff\xff"

#: More than ever is behind the last octet that a flush lets us see.
_REST: Final = 1_024


class BadDeflate(Exception):
    """The peer's octets are no deflate stream."""


class Deflater:
    """What we say, compressed; each call is flushed, so that the peer can read all of it."""

    __slots__ = ("_stream",)

    def __init__(self) -> None:
        self._stream = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY)

    def deflate(self, data: bytes) -> bytes:
        """Octets to send for these."""
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        """The end of the stream."""
        return self._stream.flush(zlib.Z_FINISH)


class Inflater:
    """What the peer says: compressed octets in, slices of plain ones out."""

    __slots__ = ("_at", "_full", "_stream", "_waiting")

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(_INFLATE_WINDOW)
        self._waiting = b""
        self._at = 0
        self._full = False

    def feed(self, data: bytes) -> None:
        """Add compressed octets."""
        # The last four that were used stay: a flush may be cut by the network.
        kept = max(self._at - len(_FLUSHED), 0)
        self._waiting = self._waiting[kept:] + data
        self._at -= kept

    def read(self, limit: int) -> bytes:
        """
        The next plain octets, at most ``limit``, none if more compressed ones are needed.

        Never gives what stands on both sides of a flush: behind UNAUTHENTICATE octets are plain
        (:rfc:`8437#section-4.1`), and are not looked at before that was read.

        :raises BadDeflate: there are none such.
        """
        # What fitted into the decoder, but not into the last slice, comes first.
        plain = self._decompress(b"", limit) if self._full else b""
        while not plain and self._at < len(self._waiting) and not self._stream.eof:
            plain = self._decompress_to_flush(limit)
        return plain

    def leave(self) -> bytes | None:
        """
        The stream ends with the flush behind what was read last, or with its own end.

        :returns: what follows, as it came; None: more compressed octets have to be fed first.
        """
        while not (self._stream.eof or self._waiting[: self._at].endswith(_FLUSHED)):
            if self._at == len(self._waiting):
                return None
            try:
                self._decompress_to_flush(_REST)
            except BadDeflate:
                break  # a peer that flushes in some other way: these octets are plain already
        return self._waiting[self._at :]

    def _decompress_to_flush(self, limit: int) -> bytes:
        found = self._waiting.find(_FLUSHED, max(self._at - len(_FLUSHED) + 1, 0))
        stop = len(self._waiting) if found < 0 else found + len(_FLUSHED)
        plain = self._decompress(self._waiting[self._at : stop], limit)
        rest = len(self._stream.unconsumed_tail) + len(self._stream.unused_data)
        self._at = stop - rest
        return plain

    def _decompress(self, data: bytes, limit: int) -> bytes:
        try:
            plain = self._stream.decompress(data, limit)
        except zlib.error as error:
            raise BadDeflate(str(error)) from None
        self._full = len(plain) == limit
        return plain
