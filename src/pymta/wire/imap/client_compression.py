"""
COMPRESS=DEFLATE at a client (:rfc:`4978`).

What comes is inflated a slice at a time, as it is asked for: a few octets that stand for a
gigabyte are never that gigabyte at once.
"""

from __future__ import annotations

import zlib
from typing import Final

__all__ = ["Deflater", "Inflater"]

# RFC 4978 section 3: raw deflate, which zlib writes as a negative window.
_RAW: Final = -15
_SLICE: Final = 65_536


class Deflater:
    """One direction, outwards."""

    def __init__(self) -> None:
        self._zlib = zlib.compressobj(wbits=_RAW)

    def write(self, data: bytes) -> bytes:
        """Compress, so that the server can read all of it."""
        return self._zlib.compress(data) + self._zlib.flush(zlib.Z_SYNC_FLUSH)

    def end(self, data: bytes) -> bytes:
        """The last of it (:rfc:`8437#section-4.1`)."""
        return self._zlib.compress(data) + self._zlib.flush(zlib.Z_FINISH)


class Inflater:
    """One direction, inwards."""

    def __init__(self) -> None:
        self._zlib = zlib.decompressobj(wbits=_RAW)
        self._waiting = b""

    def feed(self, data: bytes) -> None:
        """Add a slice."""
        self._waiting += data

    def read(self) -> bytes:
        """
        At most 64 KiB of what it stands for; empty when more must come.

        :raises zlib.error: it is not compressed.
        """
        if not self._waiting or self._zlib.eof:
            return b""
        data = self._zlib.decompress(self._waiting, _SLICE)
        self._waiting = self._zlib.unconsumed_tail
        return data

    @property
    def ended(self) -> bool:
        """The server has ended the compression."""
        return self._zlib.eof

    def rest(self) -> bytes:
        """What came behind the end."""
        return self._zlib.unused_data + self._waiting
