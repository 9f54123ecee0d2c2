"""
Tests for contents and their files: durable before the commit, private, counted, swept.
"""

from __future__ import annotations

import errno
import gc
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection, select
from twisted.internet import reactor

from pymta.aio import Pool, sleep
from pymta.database import Database, contents, writer
from pymta.database.contents import Placed
from pymta.database.files import NewFile, read_file, unlocked
from pymta.database.tables import contents as table
from pymta.errors import MessageGone, SpoolError
from pymta.interfaces.content import SLICE, IContent, Joined, Octets, octets_of, prefixed
from pymta.spool.writer import Spool

LARGE = bytes(range(256)) * 1_000


async def _link(database: Database, *given: IContent) -> list[Placed]:
    placed = await database.contents.place(given)
    wrong = await database.write(_linked, (database, placed))
    assert [None] * len(placed) == wrong
    return placed


def _linked(
    connection: Connection, entries: Sequence[tuple[Database, Sequence[Placed]]]
) -> list[list[SpoolError | None]]:
    return [database.contents.link(connection, placed) for database, placed in entries]


async def _unlink(database: Database, *numbers: int) -> None:
    await database.write(_unlinked, (database, numbers))


def _unlinked(
    connection: Connection, entries: Sequence[tuple[Database, Sequence[int]]]
) -> list[None]:
    for database, numbers in entries:
        database.contents.unlink(connection, numbers)
    return [None] * len(entries)


async def _refs(database: Database) -> dict[int, int]:
    query = select(table.c.id, table.c.refs)
    return await database.read(lambda c: {row.id: row.refs for row in c.execute(query)})


async def _files(database: Database, wanted: int) -> list[str]:
    for _ in range(100):
        found = os.listdir(database.contents.folder)
        if len(found) == wanted:
            break
        await sleep(cast("Any", reactor), 0.02)
    return found


async def _written(database: Database, octets: bytes) -> IContent:
    spool = Spool(database.contents.pool, database.contents.folder).create()
    for start in range(0, len(octets), SLICE):
        await spool.write(octets[start : start + SLICE])
    return await spool.finish()


@ensureDeferred
async def test_small_in_a_row_large_in_a_file(database: Database) -> None:
    """On both sides of 64 KiB."""
    for size, in_files in ((0, 0), (SLICE, 0), (SLICE + 1, 1)):
        [placed] = await _link(database, Octets(bytes(size)))
        stored = database.contents.stored(placed.id, placed.size, placed.prefix)
        assert bytes(size) == await octets_of(stored)
        assert in_files == len(os.listdir(database.contents.folder))


@ensureDeferred
async def test_references(database: Database) -> None:
    """A second reference copies nothing; content goes with the last one, and its file too."""
    [first] = await _link(database, await _written(database, LARGE))
    stored = database.contents.stored(first.id, first.size)
    [second, third] = await _link(database, prefixed(b"A: b\r\n", stored), stored)

    assert first.id == second.id == third.id
    assert (b"A: b\r\n", b"") == (second.prefix, third.prefix)
    assert {first.id: 3} == await _refs(database)
    await _unlink(database, first.id)
    await _unlink(database, first.id)
    copy = database.contents.stored(second.id, second.size, second.prefix)
    assert b"A: b\r\n" + LARGE == await octets_of(copy)
    await _unlink(database, first.id)
    assert {} == await _refs(database)
    assert [] == await _files(database, 0)
    with pytest.raises(MessageGone):
        await stored.read(0, 10)


@ensureDeferred
async def test_many_references_at_once(database: Database) -> None:
    """Taken and dropped several at a time, in one batch."""
    one, two = Octets(b"one"), Octets(b"two")
    placed = await _link(database, one, two, one, one, two)
    assert {placed[0].id: 3, placed[1].id: 2} == await _refs(database)
    await _unlink(database, placed[0].id, placed[1].id, placed[0].id)
    assert {placed[0].id: 1, placed[1].id: 1} == await _refs(database)
    await _unlink(database, placed[0].id, placed[1].id)
    assert {} == await _refs(database)


@ensureDeferred
async def test_gone_before_it_was_linked(database: Database) -> None:
    """Who refers to what has gone is told so, in the batch."""
    [placed] = await _link(database, Octets(b"octets"))
    stored = database.contents.stored(placed.id, placed.size)
    again = await database.contents.place([stored, Octets(b"new")])
    await _unlink(database, placed.id)
    [gone, new] = await database.write(_linked, (database, again))

    assert isinstance(gone, SpoolError)
    assert new is None


@ensureDeferred
async def test_placing_nothing_of_a_call_that_fails(database: Database) -> None:
    """Copies made for it are unlinked."""

    class Bad(Octets):
        async def read(self, start: int, stop: int) -> bytes:
            raise SpoolError("bad block")

    bad = Joined(Bad(bytes(SLICE)), Octets(b"x"))
    with pytest.raises(SpoolError, match="bad block"):
        await database.contents.place([Octets(LARGE), bad])

    assert [] == await _files(database, 0)


@ensureDeferred
async def test_one_of_two_that_name_a_file_fails(database: Database) -> None:
    """The other names it, and keeps it: whatever its writer does, and when nobody holds it."""
    spool = Spool(database.contents.pool, database.contents.folder).create()
    await spool.write(LARGE)
    content = await spool.finish()
    fails, twice, commits = [await database.contents.place([content] * n) for n in (1, 2, 1)]
    database.contents.displace(fails)
    database.contents.displace(twice)
    spool.discard()
    assert [None] == await database.write(_linked, (database, commits))
    number, size = commits[0].id, content.size
    del spool, content, fails, twice, commits
    gc.collect()

    assert 1 == len(await _files(database, 1))
    assert LARGE == await octets_of(database.contents.stored(number, size))


@ensureDeferred
async def test_all_that_name_a_file_fail(database: Database) -> None:
    """Then it is its writer's again, which discards it."""
    spool = Spool(database.contents.pool, database.contents.folder).create()
    await spool.write(LARGE)
    content = await spool.finish()
    for placed in [await database.contents.place([content, content]) for _ in range(2)]:
        database.contents.displace(placed)
    spool.discard()

    assert [] == await _files(database, 0)


@ensureDeferred
async def test_s15_private(database: Database) -> None:
    """Folders are 0700 and files 0600, whatever the umask: nobody else reads mail."""
    before = os.umask(0)
    try:
        await _link(database, await _written(database, LARGE))
    finally:
        os.umask(before)
    _check_private(Path(database.directory))


@ensureDeferred
async def test_s15_private_from_birth(tmp_path: Path) -> None:
    """The same for a database that is made now, in a folder that is made now."""
    before = os.umask(0)
    try:
        made = Database(cast("Any", reactor), str(tmp_path / "a" / "b"))
        await made.open()
        await made.close()
    finally:
        os.umask(before)
    _check_private(tmp_path / "a")


def _check_private(folder: Path) -> None:
    for path in folder.rglob("*"):
        assert (0o700 if path.is_dir() else 0o600) == stat.S_IMODE(path.stat().st_mode), path


@pytest.mark.parametrize(
    "name", ["../passwd", "/etc/passwd", "", ".", "A" * 32, "0" * 31, "0" * 33, "0" * 31 + "\n"]
)
def test_s14_names(tmp_path: Path, name: str) -> None:
    """No other name than one of ours is opened, whatever stands in the database."""
    with pytest.raises(SpoolError, match="no name"):
        read_file(str(tmp_path), name, 0, 1)


def test_s14_links_are_not_followed(tmp_path: Path) -> None:
    """A symbolic link of the right name is no content."""
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / ("0" * 32)).symlink_to(tmp_path / "secret")
    with pytest.raises(SpoolError):
        read_file(str(tmp_path), "0" * 32, 0, 1)
    with pytest.raises(SpoolError):
        NewFile(str(tmp_path), bytes)
    assert b"secret" == (tmp_path / "secret").read_bytes()


class Order:
    """Notes what reaches the disk, in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.steps: list[str] = []
        fsync, transact = os.fsync, writer._transact

        def synced(fd: int) -> None:
            is_folder = stat.S_ISDIR(os.fstat(fd).st_mode)
            fsync(fd)
            self.steps.append("folder" if is_folder else "file")

        def transacted(*args: Any) -> Any:
            ended = transact(*args)
            self.steps.append("commit")
            return ended

        monkeypatch.setattr(os, "fsync", synced)
        monkeypatch.setattr(writer, "_transact", transacted)


@ensureDeferred
async def test_d01_file_then_folder_then_commit(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file and its name are synced before the commit that names it, and that before we know."""
    given = [await _written(database, LARGE), Octets(LARGE)]
    order = Order(monkeypatch)
    await _link(database, *given)
    order.steps.append("known")

    assert ["file", "folder", "file", "folder", "commit", "known"] == order.steps


class _Disk:
    """What content files see of the operating system, with one call that fails."""

    def __init__(self, name: str, code: int) -> None:
        self._name = name
        self._code = code

    def __getattr__(self, name: str) -> Any:
        return self._fail if name == self._name else getattr(os, name)

    def _fail(self, *args: object) -> None:
        raise OSError(self._code, os.strerror(self._code))


@ensureDeferred
async def test_d04_eio_on_a_content_file(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sync that fails: nothing is placed, and that file is never tried again."""
    spool = Spool(database.contents.pool, database.contents.folder).create()
    for _ in range(3):
        await spool.write(bytes(SLICE))
    content = await spool.finish()
    with monkeypatch.context() as patch:
        patch.setattr("pymta.database.files.os", _Disk("fsync", errno.EIO))
        with pytest.raises(SpoolError, match="Input/output"):
            await database.contents.place([content])
    with pytest.raises(SpoolError, match="earlier sync"):
        await database.contents.place([content])
    spool.discard()

    assert [] == await _files(database, 0)
    await _link(database, await _written(database, LARGE))


@ensureDeferred
async def test_d04_no_room_for_a_content_file(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC while it is written: SpoolError, and nothing stays."""
    with monkeypatch.context() as patch:
        patch.setattr("pymta.database.files.os", _Disk("write", errno.ENOSPC))
        with pytest.raises(SpoolError, match="no room"):
            await database.contents.place([Octets(LARGE)])

    assert [] == await _files(database, 0)


@ensureDeferred
async def test_sweep(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At open, files go that no row names and nobody writes; others' names are left alone."""
    monkeypatch.setattr(contents, "_SWEEP", 2)
    first = Database(cast("Any", reactor), str(folder))
    await first.open()
    await _link(first, *[await _written(first, LARGE + bytes([n])) for n in range(5)])
    growing = await _written(first, LARGE)
    for number in range(5):
        (folder / "content" / f"{number:032x}").write_bytes(b"orphan")
    (folder / "content" / "README").write_bytes(b"not ours")
    second = Database(cast("Any", reactor), str(folder))
    await second.open()
    assert second._sweeping is not None
    await second._sweeping

    assert 7 == len(os.listdir(folder / "content"))
    assert LARGE == await octets_of(growing)
    await second.close()
    await first.close()


@ensureDeferred
async def test_commands_do_not_sweep(folder: Path) -> None:
    """A command beside a running server leaves its files alone."""
    (folder / "content" / ("0" * 32)).write_bytes(b"orphan")
    command = Database(cast("Any", reactor), str(folder), daemon=False)
    await command.open()
    assert command._sweeping is None
    await command.close()


def test_lock(tmp_path: Path) -> None:
    """A file is locked as long as anybody holds it; unkept, it is unlinked then."""
    file = NewFile(str(tmp_path))
    name = file.name
    with unlocked(str(tmp_path), name) as free:
        assert not free
    file.kept = True
    del file
    with unlocked(str(tmp_path), name) as free:
        assert free
    file = NewFile(str(tmp_path))
    del file
    assert [name] == os.listdir(tmp_path)


@pytest.mark.parametrize("cut", [1, 100, SLICE, 2 * SLICE])
def test_file_reads_what_was_appended(tmp_path: Path, cut: int) -> None:
    """However it was fed, by its own descriptor and by name."""
    file = NewFile(str(tmp_path))
    octets = LARGE[:300] if cut == 1 else LARGE
    for start in range(0, len(octets), cut):
        file.append(octets[start : start + cut])
    file.sync()
    size = len(octets)

    assert size == file.size
    for start, stop in ((0, 0), (0, size), (5, 7), (size - 1, size)):
        assert octets[start:stop] == file.read(start, stop)
        assert octets[start:stop] == read_file(str(tmp_path), file.name, start, stop)
    with pytest.raises(SpoolError, match="shorter"):
        file.read(0, size + 1)


def test_file_that_has_gone(tmp_path: Path) -> None:
    """Unlinked: MessageGone, as for an expunged message."""
    file = NewFile(str(tmp_path))
    file.unlink()
    file.unlink()
    with pytest.raises(MessageGone):
        read_file(str(tmp_path), file.name, 0, 1)


@ensureDeferred
async def test_recent_contents_are_bounded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small contents are kept in memory for the delivery that follows; not more than so many."""
    recent = contents._Recent(1_000)
    for number in range(100):
        recent.put(number, bytes(100))
        recent.put(number, bytes(100))

    assert recent.get(0) is None
    assert bytes(100) == recent.get(99)
    assert recent._size <= 1_000
    recent.put(200, bytes(2_000))
    assert 0 == recent._size


@ensureDeferred
async def test_pool_of_files_is_bounded(tmp_path: Path) -> None:
    """The pool is asked for one call a writer: as many wait as there are writers."""
    pool = Pool(cast("Any", reactor), threads=1, limit=3, name="test")
    pool.start()
    writers = [Spool(pool, str(tmp_path)).create() for _ in range(4)]
    for each in writers:
        await each.write(bytes(SLICE))
    for each in writers:
        await each.write(bytes(SLICE))
        each.discard()
    await pool.stop()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give files away")
def test_a_file_that_root_makes_is_the_servers(tmp_path: Path) -> None:
    """
    A command that root runs puts mail into the queue of a server that is another user: that one
    must be able to read it.
    """
    os.chown(tmp_path, 65_534, 65_533)
    file = NewFile(str(tmp_path))
    file.append(LARGE)

    [made] = tmp_path.iterdir()
    found = made.stat()

    assert (65_534, 65_533, 0o600) == (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))
