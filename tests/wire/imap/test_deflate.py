"""
Tests for compression: bounded, whatever the peer sends.
"""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.wire.imap.deflate import BadDeflate, Deflater, Inflater


def deflated(*parts: bytes, window: int = -15) -> bytes:
    """As a client sends it: each part flushed."""
    stream = zlib.compressobj(6, zlib.DEFLATED, window)
    return b"".join(stream.compress(part) + stream.flush(zlib.Z_SYNC_FLUSH) for part in parts)


def inflated(inflater: Inflater, limit: int = 1_000) -> bytes:
    """All that comes out."""
    return b"".join(iter(lambda: inflater.read(limit), b""))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(1, 50), st.integers(1, 400))
def test_inflates(parts: list[bytes], cut: int, limit: int) -> None:
    """What was deflated comes out, however it was cut, in slices no longer than asked for."""
    data = deflated(*parts)
    inflater = Inflater()
    found = []
    for at in range(0, len(data), cut):
        inflater.feed(data[at : at + cut])
        while plain := inflater.read(limit):
            assert len(plain) <= limit
            found.append(plain)
    assert b"".join(parts) == b"".join(found)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=300), max_size=5))
def test_deflates(parts: list[bytes]) -> None:
    """Each call can be read whole by the peer, at once; the end ends the stream."""
    deflater, peer = Deflater(), zlib.decompressobj(-15)
    assert parts == [peer.decompress(deflater.deflate(part)) for part in parts]
    peer.decompress(deflater.end())
    assert peer.eof


@pytest.mark.parametrize("cut", range(1, 40))
@pytest.mark.parametrize("finish", [False, True], ids=["flushed", "finished"])
def test_leaves_the_stream(finish: bool, cut: int) -> None:
    """Behind the flush, or the end, of the peer's stream octets are plain, however they come."""
    stream = zlib.compressobj(wbits=-15)
    end = zlib.Z_FINISH if finish else zlib.Z_SYNC_FLUSH
    data = stream.compress(b"A UNAUTHENTICATE\r\n") + stream.flush(end) + b"B NOOP\r\n"
    inflater = Inflater()
    read, rest = b"", b""
    left = False
    for at in range(0, len(data), cut):
        if left:
            rest += data[at : at + cut]
            continue
        inflater.feed(data[at : at + cut])
        if not read.endswith(b"\r\n"):
            read += inflater.read(100)
        if read.endswith(b"\r\n"):
            plain = inflater.leave()
            left = plain is not None
            rest += plain or b""
    assert (b"A UNAUTHENTICATE\r\n", b"B NOOP\r\n") == (read, rest)


def test_leaves_another_kind_of_stream() -> None:
    """A peer that flushes without a mark is taken at its word where inflation fails."""
    inflater = Inflater()
    stream = zlib.compressobj(wbits=-15)
    inflater.feed(stream.compress(b"A\r\n") + stream.flush(zlib.Z_PARTIAL_FLUSH))
    assert b"A\r\n" == inflater.read(100)
    inflater.feed(b"\xff\xff\xff\xff")
    assert b"\xff\xff\xff\xff" == inflater.leave()


def test_ended_stream() -> None:
    """Behind the end of a stream nothing is inflated."""
    inflater = Inflater()
    stream = zlib.compressobj(wbits=-15)
    inflater.feed(stream.compress(b"abc") + stream.flush() + b"plain")
    assert b"abc" == inflated(inflater)
    inflater.feed(b" and more")
    assert (b"", b"plain and more") == (inflater.read(10), inflater.leave())


def test_bomb_is_read_in_slices() -> None:
    """A hundred megabytes in a hundred kilobytes never are in memory at once."""
    inflater = Inflater()
    inflater.feed(deflated(b"\0" * 100_000_000))
    taken = [len(inflater.read(32_768)) for _ in range(50)]
    assert 32_768 == max(taken)
    assert 0 < min(taken)


def test_empty_blocks_are_linear() -> None:
    """Many flushes of nothing take no longer than their octets."""
    inflater = Inflater()
    inflater.feed(b"\x00\x00\x00\xff\xff" * 13_000)
    assert b"" == inflater.read(100)
    assert b"" == inflater.leave()


@pytest.mark.parametrize("data", [b"A NOOP\r\n" * 3, b"\xff" * 20], ids=["plain", "ones"])
def test_no_deflate(data: bytes) -> None:
    """Other octets are no deflate stream."""
    inflater = Inflater()
    inflater.feed(data)
    with pytest.raises(BadDeflate):
        inflated(inflater)
