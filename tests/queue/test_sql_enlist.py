"""
Tests for queueing in the application's own transaction.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from pytest_twisted import ensureDeferred
from sqlalchemy import create_engine
from twisted.internet import reactor

from pymta.aio import sleep, start
from pymta.database import Database
from pymta.errors import QueueError
from pymta.interfaces.content import IContent, Lane, octets_of
from pymta.interfaces.queue import QueueQuery
from pymta.queue.sql import SQLQueueStore
from pymta.testing.contracts.queue_case import Bench, QueueCase
from pymta.testing.contracts.queue_contents import Foreign

CLOCK = cast("Any", reactor)


@pytest.fixture
def queue(tmp_path: Path, queue_template: Path) -> Iterator[Bench]:
    """A store, and mail for it."""
    shutil.copytree(queue_template, tmp_path / "db")
    database = Database(CLOCK, str(tmp_path / "db"))
    pytest_twisted.blockon(start(database.open()))
    bench = Bench(QueueCase())
    bench.store = SQLQueueStore(database)
    yield bench
    pytest_twisted.blockon(start(database.close()))


def _enlist(queue: Bench, connection: object, *mails: Any) -> None:
    assert isinstance(queue.store, SQLQueueStore)
    queue.store.enlist(connection, mails)


async def _ids(queue: Bench) -> list[str]:
    return [entry.id for entry in (await queue.store.select(QueueQuery())).entries]


@pytest.mark.parametrize("by", ["sqlite3", "sqlalchemy"])
@ensureDeferred
async def test_enlisted_with_the_callers_commit(queue: Bench, tmp_path: Path, by: str) -> None:
    """An order is paid and its mail is queued, in one commit; or neither, on rollback."""
    path = tmp_path / "db" / "pymta.db"
    mails = [queue.mail("A1", "a@example.net", "b@example.net"), queue.mail("A2", held="x")]
    connection: Any
    if by == "sqlite3":
        connection = sqlite3.connect(path)
    else:
        connection = create_engine(f"sqlite:///{path}").connect()
    _enlist(queue, connection, *mails)
    connection.rollback()
    assert [] == await _ids(queue)

    _enlist(queue, connection, *mails)
    assert [] == await _ids(queue)
    connection.commit()
    assert ["A1", "A2"] == await _ids(queue)
    _enlist(queue, connection, *mails)
    connection.commit()
    connection.close()
    assert ["A1", "A2"] == await _ids(queue)
    claim = await queue.claim_one()
    assert 2 == len(claim.recipients)
    assert b"Subject: kit\r\n\r\nText\r\n" == await octets_of(claim.content)
    assert [] == list(await queue.store.settle([queue.done(claim)]))


@ensureDeferred
async def test_enlisted_rings(queue: Bench, tmp_path: Path) -> None:
    """The runner hears of it, though another connection committed."""
    rings: list[None] = []
    take_down = queue.store.watch(lambda: rings.append(None))
    await sleep(CLOCK, 0.1)
    connection = sqlite3.connect(tmp_path / "db" / "pymta.db")
    _enlist(queue, connection, queue.mail())
    connection.commit()
    connection.close()
    for _ in range(200):
        if rings:
            break
        await sleep(CLOCK, 0.01)
    take_down()

    assert rings


@ensureDeferred
async def test_large_content_in_a_row(queue: Bench, tmp_path: Path) -> None:
    """Whatever its size: a rollback leaves no file."""
    octets = bytes(range(256)) * 1_000
    content: IContent = Foreign(octets)
    connection = sqlite3.connect(tmp_path / "db" / "pymta.db")
    _enlist(queue, connection, queue.mail(content=content))
    connection.commit()
    connection.close()
    claim = await queue.claim_one()

    assert octets == await octets_of(claim.content)
    assert octets[70_000:70_009] == await claim.content.read(70_000, 70_009)


class _Waits(Foreign):
    async def read(self, start: int, stop: int) -> bytes:
        await sleep(CLOCK, 0.001)
        return await super().read(start, stop)


@ensureDeferred
async def test_content_that_must_be_waited_for(queue: Bench, tmp_path: Path) -> None:
    """Refused: the call is synchronous."""
    connection = sqlite3.connect(tmp_path / "db" / "pymta.db")
    with pytest.raises(QueueError, match="in memory"):
        _enlist(queue, connection, queue.mail(content=_Waits(b"x")))
    connection.close()


@ensureDeferred
async def test_database_without_our_tables(queue: Bench) -> None:
    """Refused with what the driver says."""
    connection = sqlite3.connect(":memory:")
    with pytest.raises(QueueError, match="no such table"):
        _enlist(queue, connection, queue.mail())
    connection.close()


REFUSED = {
    "NUL": ({"held": "a\0b"}, "can be kept"),
    "half a surrogate pair": ({"held": "\ud800"}, "can be kept"),
    "no name of an agent": ({"lanes": {"one@example.net": Lane("a\tb", "")}}, "delivery agent"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
@ensureDeferred
async def test_refused_before_anything_is_written(
    queue: Bench, tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """One bad mail of two: neither is written, also if the caller commits."""
    connection = sqlite3.connect(tmp_path / "db" / "pymta.db")
    with pytest.raises(QueueError, match=message):
        _enlist(queue, connection, queue.mail("GOOD"), queue.mail("BAD", **changes))
    connection.commit()
    connection.close()

    assert [] == await _ids(queue)


@ensureDeferred
async def test_no_transaction(queue: Bench, tmp_path: Path) -> None:
    """A connection that commits each statement is refused, but for a transaction begun by hand."""
    connection = sqlite3.connect(tmp_path / "db" / "pymta.db", isolation_level=None)
    with pytest.raises(QueueError, match="no transaction"):
        _enlist(queue, connection, queue.mail())
    connection.execute("BEGIN")
    _enlist(queue, connection, queue.mail(), queue.mail())
    assert [] == await _ids(queue)
    connection.execute("COMMIT")
    connection.close()

    assert ["A1"] == await _ids(queue)
