"""
Tests for the writer: group commit, failures that stay alone, and disks that fail.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection, text
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from pymta.aio import CancelledError, gather, sleep, timeout
from pymta.database import Database, writer
from pymta.database.sqlite import SQLite
from pymta.database.writer import after_commit, after_telling
from pymta.errors import SpoolError, StoreClosed, TooManyWaiting


class Commits:
    """Counts the transactions of a database, and what each held."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.groups: list[int] = []
        transact = writer._transact

        def counted(connection: Connection, group: Sequence[Any]) -> Any:
            ended = transact(connection, group)
            self.groups.append(len(group))
            return ended

        monkeypatch.setattr(writer, "_transact", counted)


@pytest.fixture
def commits(monkeypatch: pytest.MonkeyPatch) -> Commits:
    """Counts commits."""
    return Commits(monkeypatch)


def _table(connection: Connection, entries: Sequence[str]) -> list[None]:
    for entry in entries:
        connection.execute(text(f"CREATE TABLE {entry} (value INTEGER PRIMARY KEY)"))
    return [None] * len(entries)


def _insert(connection: Connection, entries: Sequence[int]) -> list[int | Exception]:
    for entry in entries:
        if entry != 13:
            connection.execute(text("INSERT INTO numbers VALUES (:value)"), {"value": entry})
    return [ValueError("no thirteen") if entry == 13 else entry * 2 for entry in entries]


def _other(connection: Connection, entries: Sequence[int]) -> list[int]:
    connection.execute(
        text("INSERT INTO numbers VALUES (:value)"), [{"value": entry} for entry in entries]
    )
    return list(entries)


def _all(connection: Connection) -> list[int]:
    return list(connection.scalars(text("SELECT value FROM numbers ORDER BY value")).all())


class _Gate:
    """A batch that waits, so that others queue up behind it."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()

    def batch(self, connection: Connection, entries: Sequence[None]) -> list[None]:
        self.entered.set()
        assert self.open.wait(20)
        return [None] * len(entries)


@ensureDeferred
async def test_group_commit(database: Database, commits: Commits) -> None:
    """What queued up while a commit ran is one commit, for several batch functions together."""
    await database.write(_table, "numbers")
    gate = _Gate()
    blocked = database.write(gate.batch, None)
    waiting = [database.write(_insert if n % 2 else _other, n) for n in range(100, 300)]
    gate.open.set()
    await blocked
    results = await gather(waiting)

    assert [n * 2 if n % 2 else n for n in range(100, 300)] == results
    assert list(range(100, 300)) == await database.read(_all)
    assert 201 == sum(commits.groups[1:])
    assert len(commits.groups) <= 4


@ensureDeferred
async def test_groups_are_bounded(database: Database, commits: Commits) -> None:
    """At most 256 entries and 4 MiB a group."""
    await database.write(_table, "numbers")
    gate = _Gate()
    blocked = database.write(gate.batch, None)
    small = [database.write(_other, n) for n in range(600)]
    large = [database.write(_other, n, size=3 * 1024 * 1024) for n in range(1000, 1004)]
    gate.open.set()
    await blocked
    await gather([*small, *large])

    assert max(commits.groups) <= 256
    assert [1] * 3 == commits.groups[-3:]


@ensureDeferred
async def test_lone_entry_waits_for_nobody(database: Database, commits: Commits) -> None:
    """No timer: one entry is one commit, at once."""
    await database.write(_table, "numbers")
    for n in range(5):
        assert n == await database.write(_other, n)

    assert [1] * 6 == commits.groups


@ensureDeferred
async def test_result_that_is_an_exception(database: Database) -> None:
    """It is raised to its own waiter; the others of the group are committed."""
    await database.write(_table, "numbers")
    waiting = [database.write(_insert, n) for n in (12, 13, 14)]

    assert 24 == await waiting[0]
    with pytest.raises(ValueError, match="no thirteen"):
        await waiting[1]
    assert 28 == await waiting[2]
    assert [12, 14] == await database.read(_all)


@ensureDeferred
async def test_bad_entry_fails_alone(database: Database) -> None:
    """A batch that raises is repeated entry by entry: one fails, the others are kept."""
    await database.write(_table, "numbers")
    await database.write(_other, 7)
    gate = _Gate()
    blocked = database.write(gate.batch, None)
    waiting = [database.write(_other, n) for n in (5, 6, 7, 8, 9)]
    gate.open.set()
    await blocked
    for n, each in zip((5, 6, 7, 8, 9), waiting, strict=True):
        if n == 7:
            with pytest.raises(Exception, match="UNIQUE"):
                await each
        else:
            assert n == await each

    assert [5, 6, 7, 8, 9] == await database.read(_all)


@ensureDeferred
async def test_cancelled_waiter(database: Database) -> None:
    """Cancelling ends the waiting and nothing else: the entry is committed all the same."""
    await database.write(_table, "numbers")
    gate = _Gate()
    blocked = database.write(gate.batch, None)
    cancelled = database.write(_other, 1)
    cancelled.cancel()
    with pytest.raises(CancelledError):
        await cancelled
    gate.open.set()
    await blocked
    await database.write(_other, 2)

    assert [1, 2] == await database.read(_all)


@ensureDeferred
async def test_reads_see_what_fired(database: Database) -> None:
    """After each commit, and while the next one runs."""
    await database.write(_table, "numbers")
    for n in range(20):
        await database.write(_other, n)
        next_one = database.write(_other, 100 + n)
        assert n in await database.read(_all)
        await next_one


@ensureDeferred
async def test_readers_cannot_write(database: Database) -> None:
    """A query that writes is refused."""
    with pytest.raises(Exception, match="readonly"):
        await database.read(lambda c: c.execute(text("CREATE TABLE x (y INTEGER)")))


@ensureDeferred
async def test_hooks_after_the_commit(database: Database) -> None:
    """They run once, after it; those of a transaction that was rolled back never do."""
    ran: list[str] = []

    def batch(connection: Connection, entries: Sequence[str]) -> list[None]:
        for entry in entries:
            after_commit(connection, partial(ran.append, f"{entry} committed"))
            after_telling(connection, partial(ran.append, f"{entry} told"))
            if entry == "bad":
                raise ValueError(entry)
        return [None] * len(entries)

    gate = _Gate()
    blocked = database.write(gate.batch, None)
    waiting = [database.write(batch, entry) for entry in ("a", "bad", "b")]
    gate.open.set()
    await blocked
    await waiting[0]
    with pytest.raises(ValueError, match="bad"):
        await waiting[1]
    await waiting[2]
    await database.write(gate.batch, None)

    assert ["a committed", "a told", "b committed", "b told"] == ran


@ensureDeferred
async def test_a_hook_that_fails(database: Database) -> None:
    """What is done after the telling may fail (a file that cannot be unlinked): others go on."""
    ran: list[str] = []

    def fail() -> None:
        raise PermissionError("not permitted")

    def batch(connection: Connection, entries: Sequence[str]) -> list[None]:
        after_telling(connection, fail)
        after_telling(connection, partial(ran.append, entries[0]))
        return [None] * len(entries)

    await database.write(batch, "a")
    await timeout(cast("Any", reactor), 5, database.write(batch, "b"))
    await database.write(_table, "numbers")

    assert ["a", "b"] == ran


@ensureDeferred
async def test_a_batch_that_wants_to_end_the_thread(database: Database) -> None:
    """SystemExit is a failure like others: its waiter is told, and the next goes on."""

    def leave(connection: Connection, entries: Sequence[None]) -> list[None]:
        raise SystemExit(1)

    with pytest.raises(RuntimeError, match="SystemExit"):
        await timeout(cast("Any", reactor), 5, database.write(leave, None))
    await database.write(_table, "numbers")


@ensureDeferred
async def test_nobody_waits_for_a_thread_that_has_gone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Should the writer itself fail, whoever waits is told StoreClosed, and nobody is let in."""
    database = Database(cast("Any", reactor), str(folder))
    await database.open()

    def fail(connection: Connection) -> int:
        raise MemoryError

    monkeypatch.setattr(SQLite, "changes", lambda self, connection: fail(connection))
    with pytest.raises(StoreClosed):
        await timeout(cast("Any", reactor), 5, database.write(_table, "numbers"))
    with pytest.raises(StoreClosed):
        await database.write(_table, "numbers")
    await timeout(cast("Any", reactor), 5, gather([database.close()]))


@ensureDeferred
async def test_too_many_waiting(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The queue for the writer is bounded, by entries and by octets."""
    monkeypatch.setattr(writer, "MOST_WAITING", 5)
    monkeypatch.setattr(writer, "MOST_OCTETS_WAITING", 100)
    await database.write(_table, "numbers")
    gate = _Gate()
    blocked = database.write(gate.batch, None)
    while not gate.entered.is_set():
        await sleep(cast("Any", reactor), 0.001)
    waiting = [database.write(_other, 1, size=60)]
    with pytest.raises(TooManyWaiting):
        await database.write(_other, 2, size=60)
    waiting += [database.write(_other, n) for n in range(3, 7)]
    with pytest.raises(TooManyWaiting):
        await database.write(_other, 7)
    gate.open.set()
    await blocked
    await gather(waiting)

    assert [1, 3, 4, 5, 6] == await database.read(_all)


@ensureDeferred
async def test_close_commits_what_waits(folder: Path) -> None:
    """Nothing that was let in is dropped; nothing more is let in."""
    database = Database(cast("Any", reactor), str(folder))
    await database.open()
    await database.write(_table, "numbers")
    waiting = [database.write(_other, n) for n in range(50)]
    closing = gather([database.close()])
    assert list(range(50)) == await gather(waiting)
    await closing
    await database.close()
    for call in (lambda: database.write(_other, 1), lambda: database.read(_all)):
        with pytest.raises(StoreClosed):
            call()


@ensureDeferred
async def test_opened_again(folder: Path) -> None:
    """The same object, after it was closed."""
    database = Database(cast("Any", reactor), str(folder))
    for n in range(2):
        await database.open()
        await database.write(_table, f"numbers{n}")
        await database.close()


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _fill(connection: Connection) -> None:
    [pages] = _driver(connection).execute("PRAGMA page_count").fetchone()
    _driver(connection).execute(f"PRAGMA max_page_count = {pages}")


def _blob(connection: Connection, entries: Sequence[int]) -> list[None]:
    for entry in entries:
        connection.execute(text("INSERT INTO blobs VALUES (zeroblob(:n))"), {"n": entry})
    return [None] * len(entries)


def _small(connection: Connection, entries: Sequence[int]) -> list[None]:
    return _blob(connection, entries)


@ensureDeferred
async def test_d04_full_database(database: Database) -> None:
    """No room: SpoolError, nothing kept, and the writer goes on when there is room again."""
    await database.write(lambda c, e: [c.execute(text("CREATE TABLE blobs (b BLOB)"))], 0)
    await database._writer.call(_fill)
    waiting = [database.write(_blob, 3_000_000) for _ in range(3)]
    for each in waiting:
        with pytest.raises(SpoolError, match="no room"):
            await each
    count = text("SELECT count(*) FROM blobs")
    assert 0 == await database.read(lambda c: c.scalar(count))

    await database._writer.call(
        lambda c: _driver(c).execute("PRAGMA max_page_count = 1000000").fetchall()
    )
    await database.write(_blob, 3_000_000)
    assert 1 == await database.read(lambda c: c.scalar(count))


@ensureDeferred
async def test_d04_what_is_essential_goes_on(database: Database) -> None:
    """On a full disk a batch that gives back more than it takes has the reserve."""
    database.essential(_small)
    await database.write(lambda c, e: [c.execute(text("CREATE TABLE blobs (b BLOB)"))], 0)
    await database._writer.call(_fill)
    with pytest.raises(SpoolError):
        await database.write(_blob, 3_000_000)
    for _ in range(10):
        await database.write(_small, 20_000)
        with pytest.raises(SpoolError):
            await database.write(_blob, 1_200_000)


def _broken(code: int) -> Callable[[Connection, Sequence[int]], list[int]]:
    """A batch that ends as a commit does whose sync fails."""

    def batch(connection: Connection, entries: Sequence[int]) -> list[int]:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = code
        raise error

    return batch


SQLITE_IOERR_FSYNC = 1034


@ensureDeferred
@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR, SQLITE_IOERR_FSYNC, sqlite3.SQLITE_CORRUPT])
async def test_d04_eio_stops_the_writer(folder: Path, code: int) -> None:
    """After an I/O error everybody is told StoreClosed, and nothing is let in: no second sync."""
    database = Database(cast("Any", reactor), str(folder))
    await database.open()
    await database.write(_table, "numbers")
    gate = _Gate()
    waiting: list[Deferred[Any]] = [
        database.write(gate.batch, None),
        database.write(_other, 1),
        database.write(_broken(code), 2),
        database.write(_other, 3),
    ]
    gate.open.set()
    outcomes = []
    for each in waiting:
        try:
            await each
        except StoreClosed:
            outcomes.append("closed")
        else:
            outcomes.append("kept")
    assert "closed" == outcomes[2]
    assert "closed" == outcomes[3]
    with pytest.raises(StoreClosed):
        await database.write(_other, 4)
    await database.close()

    again = Database(cast("Any", reactor), str(folder))
    await again.open()
    assert {1: ["kept"], 0: ["closed"]}[len(await again.read(_all))] == [outcomes[1]]
    await again.close()


@ensureDeferred
async def test_checkpoints(database: Database, folder: Path) -> None:
    """The log does not grow with what was ever written."""
    await database.write(lambda c, e: [c.execute(text("CREATE TABLE blobs (b BLOB)"))], 0)
    for _ in range(100):
        await database.write(_blob, 1_000_000, size=1_000_000)

    assert (folder / "pymta.db-wal").stat().st_size < 40_000_000


@ensureDeferred
async def test_many_waiters_are_told_in_turns(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever else waits for the reactor has his turn while a large group is told, in order."""
    monkeypatch.setattr(writer, "_TELLING", 0.0)
    await database.write(_table, "numbers")
    told: list[int] = []
    others: list[int] = []
    writes = [database.write(_insert, number).addCallback(told.append) for number in (1, 2, 3)]
    writes[0] = writes[0].addCallback(
        lambda _: cast("Any", reactor).callLater(0, lambda: others.append(len(told)))
    )
    await gather(writes)

    assert [2, 4, 6] == told
    assert others
    assert others[0] < 3


@ensureDeferred
async def test_telling_goes_on_behind_one_that_is_told_for_long(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A later group waits for the rest of the earlier one: answers keep the order of commits."""
    monkeypatch.setattr(writer, "_TELLING", 0.0)
    await database.write(_table, "numbers")
    told: list[int] = []
    later: list[Deferred[Any]] = []

    def write_again(_: object) -> None:
        later.append(database.write(_insert, 4).addCallback(told.append))

    first = database.write(_insert, 1).addCallback(told.append).addCallback(write_again)
    await gather([first, *(database.write(_insert, n).addCallback(told.append) for n in (2, 3))])
    await gather(later)

    assert [2, 4, 6, 8] == told
