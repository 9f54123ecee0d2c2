"""
Crashes of the durable queue: killed between any two rows of its state table, nothing is lost.

And owners that are not dead, but late (D06).
"""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import text
from twisted.internet import reactor

from pymta.database import Database
from pymta.database.times import to_microseconds
from pymta.errors import QueueError, StoreClosed
from pymta.queue.sql import SQLQueueStore
from pymta.testing.contracts.queue_case import Bench, QueueCase
from tests.queue.crashed import check_kept, check_nothing_leaked, die

CLOCK = cast("Any", reactor)

STEPS = [
    pytest.param("os.fsync", 1, id="before a content file is synced"),
    pytest.param("os.fsync", 2, id="before its name is synced"),
    pytest.param("os.write", 11, id="while a content file is written"),
    pytest.param("writer._commit", 4, id="before a later commit begins"),
    pytest.param("commit", 1, id="with the first rows written, not committed"),
    pytest.param("commit", 2, id="with a settlement written, not committed"),
    pytest.param("commit", 5, id="with later rows written, not committed"),
    pytest.param("writer._post", 1, id="committed, and nobody was told"),
    pytest.param("writer._post", 2, id="settled, and nobody was told"),
    pytest.param("writer._fire", 3, id="told, and nobody has heard"),
    pytest.param("os.unlink", 1, id="before the file of a settled mail is unlinked"),
    pytest.param("writer._checkpoint", 1, id="before a checkpoint"),
]


async def _opened(folder: Path) -> tuple[Database, Bench]:
    queue = Bench(QueueCase())
    database = Database(CLOCK, str(folder), now=lambda: to_microseconds(queue.now()))
    await database.open()
    queue.store = SQLQueueStore(database)
    return database, queue


@pytest.mark.parametrize(("what", "number"), STEPS)
@ensureDeferred
async def test_d02_killed(tmp_path: Path, queue_template: Path, what: str, number: int) -> None:
    """All that was said to be kept is there, whole; what was done is done; no octet too many."""
    folder = tmp_path / "db"
    shutil.copytree(queue_template, folder)
    said = die(folder, what, number)
    database, queue = await _opened(folder)
    await check_kept(database, queue, said)
    await check_nothing_leaked(database, folder)
    checked = await database.read(lambda c: c.scalar(text("PRAGMA integrity_check")))
    await database.close()

    assert "ok" == checked


@ensureDeferred
async def test_d06_two_runners_one_stopped(tmp_path: Path, queue_template: Path) -> None:
    """Two processes' stores on one file: the one that slept beyond its lease settles nothing."""
    folder = tmp_path / "db"
    shutil.copytree(queue_template, folder)
    first_database, queue = await _opened(folder)
    second_database = Database(CLOCK, str(folder), daemon=False)
    await second_database.open()
    second = SQLQueueStore(second_database)
    await queue.add(*queue.mails(5))
    mine = await queue.claim("first")
    later = queue.later(seconds=queue.store.lease_seconds)
    theirs = await second.claim("second", later, 3, 3)
    stale = await queue.store.settle(
        [queue.done(each, queue.mail(f"R{each.queue_id}")) for each in mine]
    )

    assert 3 == len(theirs)
    assert {each.queue_id for each in theirs} == {each.queue_id for each in stale}
    assert [] == list(await second.settle([queue.done(each) for each in theirs]))
    assert 2 == len(await queue.entries()), "the reports of the two that were not taken over"
    await second_database.close()
    await first_database.close()


@ensureDeferred
async def test_claims_of_two_runners_are_apart(tmp_path: Path, queue_template: Path) -> None:
    """Two stores that claim in turn never have one recipient twice."""
    folder = tmp_path / "db"
    shutil.copytree(queue_template, folder)
    first_database, queue = await _opened(folder)
    second_database, other = await _opened(folder)
    await queue.add(*queue.mails(200))
    taken: list[str] = []
    for _ in range(10):
        for owner, bench in (("first", queue), ("second", other)):
            taken += [each.queue_id for each in await bench.claim(owner, limit=10)]

    assert 200 == len(taken) == len(set(taken))
    await second_database.close()
    await first_database.close()


@ensureDeferred
async def test_d04_eio(tmp_path: Path, queue_template: Path, monkeypatch: Any) -> None:
    """After an I/O error an ``add`` is in doubt, and everything after it is refused."""
    folder = tmp_path / "db"
    shutil.copytree(queue_template, folder)
    database, queue = await _opened(folder)
    await queue.add(queue.mail("A1"))

    def broken(connection: Any, entries: Any) -> Any:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    monkeypatch.setattr(queue.store, "_add", broken)
    content = queue.store.create()
    for _ in range(3):
        await content.write(bytes(60_000))
    for id_ in ("A2", "A3"):
        with pytest.raises(StoreClosed):
            await queue.add(queue.mail(id_))
    await database.close()

    database, queue = await _opened(folder)
    assert ["A1"] == await queue.ids()
    await database.close()


@ensureDeferred
async def test_d04_without_a_reserve(tmp_path: Path, queue_template: Path) -> None:
    """The clause of the full disk fails on a store that declares nothing essential."""
    folder = tmp_path / "db"
    shutil.copytree(queue_template, folder)
    database, queue = await _opened(folder)
    database._writer._essential.clear()
    claims = await queue.add(*queue.mails(40, content=b"x" * 5_000), owner="me")

    def fill(connection: Any) -> None:
        driver = connection.connection.driver_connection
        [pages] = driver.execute("PRAGMA page_count").fetchone()
        driver.execute(f"PRAGMA max_page_count = {pages}")

    await database._writer.call(fill)
    with pytest.raises(QueueError, match="no room"):
        await queue.add(*queue.mails(50, content=b"x" * 60_000, prefix="BIG"))
    report = queue.mail("REPORT", content=b"x" * 60_000)
    with pytest.raises(QueueError, match="no room"):
        await queue.store.settle([queue.done(claims[0], report)])
    await database.close()
