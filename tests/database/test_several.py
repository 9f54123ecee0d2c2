"""
Several processes on one folder: who waits for whom, who tidies up, and whose numbers are whose.

Two databases in one process do here, each with connections of its own: locks are the files'.
"""

from __future__ import annotations

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

from pymta.aio import gather
from pymta.database import Database, sqlite
from pymta.errors import TooManyWaiting


def _opened(folder: Path, *, daemon: bool) -> Database:
    return Database(cast("Any", reactor), str(folder), daemon=daemon)


def _table(connection: Connection, entries: Sequence[object]) -> list[None]:
    connection.execute(text("CREATE TABLE IF NOT EXISTS numbers (value BLOB)"))
    return [None] * len(entries)


def _insert(connection: Connection, entries: Sequence[object]) -> list[None]:
    rows = [{"value": entry} for entry in entries]
    connection.execute(text("INSERT INTO numbers VALUES (:value)"), rows)
    return [None] * len(entries)


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
    query = text("SELECT count(*) FROM numbers")
    assert 2 == await database.read(lambda c: c.scalar(query))
