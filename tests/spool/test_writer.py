"""
Tests for content on its way in: small in memory, large in a private file, bounded in between.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from zope.interface.verify import verifyObject

from pymta.aio import CancelledError, Pool, sleep, start
from pymta.database.filecontent import FileContent
from pymta.database.files import NewFile
from pymta.errors import SpoolError, TooManyWaiting
from pymta.interfaces.content import SLICE, IContent, IContentWriter, Octets, octets_of
from pymta.spool.writer import Spool

CLOCK = cast("Any", reactor)
DATA = b"".join(n.to_bytes(3) for n in range(70_000))


@pytest.fixture
def pool() -> Iterator[Pool]:
    """One thread, eight calls."""
    made = Pool(CLOCK, threads=1, limit=7, name="spool test")
    made.start()
    yield made
    pytest_twisted.blockon(start(made.stop()))


@pytest.fixture
def spool(pool: Pool, tmp_path: Path) -> Spool:
    """A spool in an empty folder."""
    return Spool(pool, str(tmp_path))


async def _gone(folder: Path) -> bool:
    for _ in range(200):
        if not os.listdir(folder):
            return True
        await sleep(CLOCK, 0.01)
    return False


@pytest.mark.parametrize("cut", [1, 999, SLICE - 1, SLICE])
@pytest.mark.parametrize("size", [0, 1, SLICE, SLICE + 1, 2 * SLICE, 200_000])
@ensureDeferred
async def test_octets_come_back(spool: Spool, tmp_path: Path, size: int, cut: int) -> None:
    """However it is cut; a file is there exactly for what is larger than a slice."""
    if size > 2 * SLICE and cut == 1:
        size = SLICE + 5_000
    writer = spool.create()
    assert verifyObject(IContentWriter, writer)
    for begin in range(0, size, cut):
        await writer.write(DATA[begin : min(size, begin + cut)])
    content = await writer.finish()

    assert verifyObject(IContent, content)
    assert size == content.size
    assert (FileContent if size > SLICE else Octets) is type(content)
    assert (size > SLICE) == bool(os.listdir(tmp_path))
    assert DATA[:size] == await octets_of(content)
    assert DATA[5:9][: max(0, size - 5)] == await content.read(5, min(9, max(size, 5)))
    writer.discard()
    assert await _gone(tmp_path)


@ensureDeferred
async def test_s15_nothing_to_find(spool: Spool, tmp_path: Path) -> None:
    """The file is nobody else's, and its name says nothing."""
    writer = spool.create()
    for _ in range(3):
        await writer.write(bytes(SLICE))
    [name] = os.listdir(tmp_path)

    assert 0o600 == os.stat(tmp_path / name).st_mode & 0o777
    assert 32 == len(name)
    assert set(name) <= set("0123456789abcdef")
    writer.discard()


@ensureDeferred
async def test_memory_is_bounded(spool: Spool) -> None:
    """At most two slices are held, whatever is written."""
    writer = spool.create()
    for _ in range(50):
        await writer.write(bytes(10_000))
        assert sum(map(len, writer._held)) <= 2 * SLICE
    writer.discard()


@ensureDeferred
async def test_waiting_is_the_back_pressure(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the disk hangs, a writer waits, and nobody writes beside it."""
    gate = threading.Event()
    append = NewFile.append

    def slow(self: NewFile, data: bytes) -> None:
        assert gate.wait(20)
        append(self, data)

    monkeypatch.setattr(NewFile, "append", slow)
    writer = spool.create()
    await writer.write(bytes(SLICE))
    waiting = start(writer.write(bytes(SLICE)))
    await sleep(CLOCK, 0.05)
    assert not waiting.called
    with pytest.raises(SpoolError, match="out of order"):
        await writer.write(b"x")
    with pytest.raises(SpoolError, match="out of order"):
        await writer.finish()
    gate.set()
    await waiting
    assert 2 * SLICE == (await writer.finish()).size
    writer.discard()


@ensureDeferred
async def test_discard_while_writing(
    spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session that is cancelled in the middle of a write leaves no file."""
    gate = threading.Event()
    append = NewFile.append

    def slow(self: NewFile, data: bytes) -> None:
        assert gate.wait(20)
        append(self, data)

    monkeypatch.setattr(NewFile, "append", slow)
    writer = spool.create()
    await writer.write(bytes(SLICE))
    waiting = start(writer.write(bytes(SLICE)))
    await sleep(CLOCK, 0.05)
    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting
    writer.discard()
    gate.set()

    assert await _gone(tmp_path)


@ensureDeferred
async def test_failed_write(spool: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a failure the content is not finished: half of it may be missing."""

    def full(self: NewFile, data: bytes) -> None:
        raise SpoolError("no room")

    monkeypatch.setattr(NewFile, "append", full)
    writer = spool.create()
    await writer.write(bytes(SLICE))
    with pytest.raises(SpoolError, match="no room"):
        await writer.write(b"x")
    with pytest.raises(SpoolError, match="out of order"):
        await writer.finish()
    writer.discard()

    assert await _gone(tmp_path)


@ensureDeferred
async def test_too_many_waiting(pool: Pool, spool: Spool, tmp_path: Path) -> None:
    """A full pool is "later", not a longer queue; discarding works all the same."""
    writer = spool.create()
    for _ in range(3):
        await writer.write(bytes(SLICE))
    gate = threading.Event()
    running = [pool.run(gate.wait, 20) for _ in range(8)]
    with pytest.raises(TooManyWaiting):
        await writer.write(bytes(SLICE))
    writer.discard()
    gate.set()
    for each in running:
        await each

    assert await _gone(tmp_path)


@ensureDeferred
async def test_dropped_without_a_word(spool: Spool, tmp_path: Path) -> None:
    """Nobody holds it, nobody named it: the file goes."""
    writer = spool.create()
    for _ in range(3):
        await writer.write(bytes(SLICE))
    assert os.listdir(tmp_path)
    del writer

    assert await _gone(tmp_path)


@ensureDeferred
async def test_free(spool: Spool, tmp_path: Path) -> None:
    """What an ordinary user may still write: the floor of 452 is measured with it."""
    free = await spool.free()

    assert 0 < free <= os.statvfs(tmp_path).f_blocks * os.statvfs(tmp_path).f_frsize
