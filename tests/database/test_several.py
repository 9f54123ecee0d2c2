"""
Several processes on one folder: who waits for whom, who tidies up, and whose numbers are whose.

Two databases in one process do here, each with connections of its own: locks are the files'.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection, text
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from pymta.aio import gather, sleep, start
from pymta.database import Database, sqlite, writer
from pymta.database import database as module
from pymta.database.duty import Duty
from pymta.database.sqlite import SQLite
from pymta.errors import Mistake, SpoolError, TooManyWaiting


def _opened(folder: Path, *, daemon: bool) -> Database:
    return Database(cast("Any", reactor), str(folder), daemon=daemon)


def _table(connection: Connection, entries: Sequence[object]) -> list[None]:
    connection.execute(text("CREATE TABLE IF NOT EXISTS numbers (value BLOB)"))
    return [None] * len(entries)


def _nothing(connection: Connection, entries: Sequence[object]) -> list[None]:
    return [None for _ in entries]


def _insert(connection: Connection, entries: Sequence[object]) -> list[None]:
    rows = [{"value": entry} for entry in entries]
    connection.execute(text("INSERT INTO numbers VALUES (:value)"), rows)
    return [None] * len(entries)


def _count(connection: Connection) -> int:
    count: int = connection.execute(text("SELECT count(*) FROM numbers")).scalar_one()
    return count


@contextmanager
def _locked(folder: Path) -> Iterator[sqlite3.Connection]:
    """Another process that is writing; whoever is inside may let go of it from any thread."""
    other = sqlite3.connect(
        folder / "pymta.db", isolation_level=None, timeout=20, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    try:
        yield other
    finally:
        if other.in_transaction:
            other.rollback()
        other.close()


@ensureDeferred
async def test_whoever_waits_for_another_process_is_next_at_once(
    database: Database, folder: Path
) -> None:
    """A group begins within a few milliseconds of the end of the one that it waits for."""
    await database.write(_table, None)
    late = 0.0
    for _ in range(4):
        ended: list[float] = []
        with _locked(folder) as other:

            def let_go(other: sqlite3.Connection = other, ended: list[float] = ended) -> None:
                ended.append(time.monotonic())
                other.rollback()

            # SQLite itself would look after 178 and 228 ms.
            threading.Timer(0.18, let_go).start()
            await database.write(_insert, 1)
            late += time.monotonic() - ended[0]
    assert late < 0.1


@ensureDeferred
async def test_whoever_waits_too_long_may_come_again(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of it is kept, all of a group are told that it is for now, and the next one fits."""
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.2)
    await database.write(_table, None)
    told = []
    with _locked(folder):
        waiting: list[Deferred[Any]] = [database.write(_insert, n) for n in range(3)]
        for each in waiting:
            try:
                await each
            except TooManyWaiting as error:
                told.append(str(error))
    assert 3 == len(told)
    assert "another process" in told[0]

    await gather([database.write(_insert, n) for n in range(2)])
    assert 2 == await database.read(_count)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may give files away")
@ensureDeferred
async def test_what_a_command_of_roots_makes_is_the_servers(tmp_path: Path) -> None:
    """The server, which is another user, must be able to open it: database, locks, reserve."""
    folder = tmp_path / "store"
    folder.mkdir(mode=0o700)
    os.chown(folder, 65_534, 65_533)
    databases = [_opened(folder, daemon=daemon) for daemon in (False, True)]
    for each in databases:
        await each.open()
    for each in databases:  # what the writer's thread makes behind the opening is there
        await each.write(_nothing, None)
    owners = {file.name: file.stat().st_uid for file in folder.iterdir() if file.is_file()}
    for each in databases:
        await each.close()
    assert {"pymta.db-opening.lock", "pymta.db-numbers-01.lock", "reserve"} <= owners.keys()
    assert {65_534} == set(owners.values())


# -- opening ---------------------------------------------------------------------------------------


@ensureDeferred
async def test_births_at_once(tmp_path: Path) -> None:
    """All who start in a new folder at one moment find the same database in it."""
    for n in range(5):
        databases = [_opened(tmp_path / f"{n}", daemon=k == 0) for k in range(4)]
        await gather([start(each.open()) for each in databases])
        for k, each in enumerate(databases):
            await each.write(_table, None)
            await each.write(_insert, k)
        assert [4] * 4 == [await each.read(_count) for each in databases]
        for each in databases:
            await each.close()


@ensureDeferred
async def test_opening_beside_one_that_upgrades(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever starts meanwhile waits, and not for ever."""
    duty = Duty(str(folder / "pymta.db-opening.lock"))
    assert duty.take()
    database = _opened(folder, daemon=False)
    threading.Timer(0.2, duty.leave).start()
    await database.open()
    await database.close()

    monkeypatch.setattr(module, "_OPENING", 0.1)
    assert duty.take()
    with pytest.raises(Mistake, match="another process"):
        await database.open()
    duty.leave()
    await database.open()
    await database.close()


@ensureDeferred
async def test_opening_beside_one_that_writes(folder: Path) -> None:
    """Opening commits nothing of its own: the file is looked at while somebody writes."""
    with _locked(folder):
        SQLite(str(folder / "pymta.db")).create()


# -- numbers ---------------------------------------------------------------------------------------


@ensureDeferred
async def test_numbers_of_two_processes_never_meet(folder: Path) -> None:
    """Also where both make them at one moment, by the thousand."""
    clock = [1_900_000_000_000_000]
    databases = [
        Database(cast("Any", reactor), str(folder), daemon=False, now=lambda: clock[0])
        for _ in range(3)
    ]
    for each in databases:
        await each.open()
    taken: list[int] = []
    for n in range(3_000):
        clock[0] += n % 3
        for each in databases:
            first = each.numbers.take(1 + n % 200)
            taken += range(first, first + 1 + n % 200)
    assert len(taken) == len(set(taken))
    for each in databases:
        await each.close()


@ensureDeferred
async def test_numbers_of_more_processes_than_there_are_places(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They have chance, as all had; who comes when one has gone has its place."""
    monkeypatch.setattr(module, "PLACES", 1)
    databases = [_opened(folder, daemon=False) for _ in range(3)]
    first, second, third = databases
    await first.open()
    await second.open()
    assert first.numbers.take() != second.numbers.take()
    await first.close()
    await third.open()
    blocks = {third.numbers.take() >> 16 & 15 for _ in range(50)}
    assert {0} == blocks
    await second.close()
    await third.close()


# -- the log ---------------------------------------------------------------------------------------


@ensureDeferred
async def test_an_idle_daemon_tidies_up_behind_a_busy_process(
    database: Database, folder: Path
) -> None:
    """What others commit is moved into the file, too, by the daemon, which commits nothing."""
    take_down = database.watch_others(lambda: None)
    busy = _opened(folder, daemon=False)
    await busy.open()
    await busy.write(_table, None)
    await busy.write(_insert, b"the needle in the log")
    for n in range(100):
        await busy.write(_insert, n)
        await sleep(cast("Any", reactor), 0.05)
        if b"the needle in the log" in (folder / "pymta.db").read_bytes():
            break
    else:
        raise AssertionError("it is in the log still")
    take_down()
    await busy.close()


class _Checkpoints:
    """Counts those of each database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.by: list[SQLite] = []
        checkpoint = SQLite.checkpoint

        def counted(dialect: SQLite, connection: Connection) -> None:
            self.by.append(dialect)
            checkpoint(dialect, connection)

        monkeypatch.setattr(SQLite, "checkpoint", counted)


@ensureDeferred
async def test_of_two_daemons_one_tidies_up(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other takes over when that is gone, and begins with what is committed from then on."""
    checkpoints = _Checkpoints(monkeypatch)
    monkeypatch.setattr(writer, "_CHECKPOINT_GROUPS", 2)
    second = _opened(folder, daemon=True)
    await second.open()
    await second.write(_table, None)
    for n in range(6):
        await second.write(_insert, n)
    assert [] == checkpoints.by
    for n in range(6):
        await database.write(_insert, n)
    assert {database.dialect} == set(checkpoints.by)

    await database.close()
    checkpoints.by.clear()
    for n in range(5):  # it is noticed when two are due; then two more, and one behind them
        await second.write(_insert, n)
    await second.close()
    assert [second.dialect] == checkpoints.by


@ensureDeferred
async def test_nothing_to_tidy_up(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups that changed nothing bring no checkpoint: it would have nothing to do."""
    checkpoints = _Checkpoints(monkeypatch)
    monkeypatch.setattr(writer, "_CHECKPOINT_GROUPS", 2)
    await database.write(_table, None)
    for _ in range(6):
        await database.write(lambda c, entries: list(entries), None)
    assert [] == checkpoints.by


@ensureDeferred
async def test_a_long_log_begins_again(
    database: Database, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody reads at each checkpoint, others wait for him once the log is long."""
    monkeypatch.setattr(sqlite, "_LONG", 20)
    monkeypatch.setattr(writer, "_CHECKPOINT_GROUPS", 4)
    await database.write(_table, None)
    reading = sqlite3.connect(folder / "pymta.db", isolation_level=None, check_same_thread=False)

    def read_on() -> None:
        """A reader that never leaves for longer than a moment."""
        while not ended.wait(0.0005):
            reading.execute("BEGIN")
            reading.execute("SELECT count(*) FROM numbers").fetchone()
            ended.wait(0.004)
            reading.execute("COMMIT")

    ended = threading.Event()
    thread = threading.Thread(target=read_on)
    thread.start()
    for n in range(300):
        await database.write(_insert, bytes(3_000) + bytes([n % 256]))
    ended.set()
    thread.join()
    reading.close()
    assert (folder / "pymta.db-wal").stat().st_size < 1_000_000


def test_a_duty(tmp_path: Path) -> None:
    """One has it, until it leaves it or is gone."""
    path = str(tmp_path / "lock")
    first, second = Duty(path), Duty(path)
    assert (True, False) == (first.take(), second.take())
    assert (True, True, False) == (first.take(), first.mine, second.mine)
    first.leave()
    first.leave()
    assert (True, False) == (second.take(), first.take())
    second.leave()


# -- a full disk -----------------------------------------------------------------------------------


def _essential(connection: Connection, entries: Sequence[object]) -> list[None]:
    return _insert(connection, entries)


def _limit(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    [pages] = driver.execute("PRAGMA page_count").fetchone()
    driver.execute(f"PRAGMA max_page_count = {pages}")


@ensureDeferred
async def test_d04_one_reserve_for_all(database: Database, folder: Path) -> None:
    """Whoever finds the disk full first lets it go, for what is essential to all and no other."""
    take_down = database.watch_others(lambda: None)
    other = _opened(folder, daemon=False)
    await other.open()
    for each in (database, other):
        each.essential(_essential)
        await each.write(_table, None)
    await sleep(cast("Any", reactor), 0.2)
    for each in (database, other):
        await each._writer.call(_limit)
    with pytest.raises(SpoolError, match="no room"):
        await other.write(_insert, bytes(3_000_000))
    await other.write(_essential, bytes(20_000))
    await sleep(cast("Any", reactor), 0.3)
    with pytest.raises(SpoolError, match="no room"):
        await database.write(_insert, bytes(100))
    for each in (other, database) * 5:
        await each.write(_essential, bytes(20_000))
    take_down()
    await other.close()
