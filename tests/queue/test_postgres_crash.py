"""
Crashes around a queue on PostgreSQL: of the process, of the server, and of what is between them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection, text
from twisted.internet import reactor

from pymta.aio import sleep, timeout
from pymta.database import Database
from pymta.database.times import to_microseconds
from pymta.errors import Mistake, QueueError, StoreClosed
from pymta.interfaces.content import octets_of
from pymta.interfaces.queue import Claim
from pymta.queue.sql import SQLQueueStore
from pymta.testing.contracts.queue_case import Bench, QueueCase, mail_ids
from tests.postgres import Server
from tests.queue.crashed import check_kept, check_nothing_leaked, die

CLOCK = cast("Any", reactor)

STEPS = [
    pytest.param("os.fsync", 2, id="before the name of a content file is synced"),
    pytest.param("commit", 1, id="with the first rows written, not committed"),
    pytest.param("commit", 2, id="with a settlement written, not committed"),
    pytest.param("writer._post", 1, id="committed, and nobody was told"),
    pytest.param("writer._post", 2, id="settled, and nobody was told"),
    pytest.param("os.unlink", 1, id="before the file of a settled mail is unlinked"),
]


class Place:
    """Where a queue on PostgreSQL is."""

    def __init__(self, server: Server, name: str, folder: Path) -> None:
        self.server = server
        self.name = name
        self.folder = folder
        self.url = server.url(name)

    async def open(self, *, daemon: bool = True) -> tuple[Database, Bench]:
        queue = Bench(QueueCase())
        database = Database(
            CLOCK,
            str(self.folder),
            url=self.url,
            daemon=daemon,
            now=lambda: to_microseconds(queue.now()),
        )
        await database.open()
        queue.store = SQLQueueStore(database)
        return database, queue


@pytest.fixture
def place(tmp_path: Path, postgres: Server, postgres_database: str) -> Iterator[Place]:
    """An empty one; afterwards the server runs, whatever was done to it."""
    yield Place(postgres, postgres_database, tmp_path / "db")
    postgres.start()


@pytest.mark.parametrize(("what", "number"), STEPS)
@ensureDeferred
async def test_d02_killed(place: Place, what: str, number: int) -> None:
    """All that was said to be kept is there, whole; what was done is done; no octet too many."""
    said = die(place.folder, what, number, url=place.url)
    database, queue = await place.open()
    await check_kept(database, queue, said)
    await check_nothing_leaked(database, place.folder)
    await database.close()


@ensureDeferred
async def test_d02_server_crashes(place: Place) -> None:
    """What was acknowledged is there when it comes again, large and small."""
    database, queue = await place.open()
    large = queue.store.create()
    for _ in range(5):
        await large.write(bytes(range(256)) * 100)
    await queue.add(queue.mail("SMALL"), queue.mail("LARGE", content=await large.finish()))
    claims = await queue.claim()
    await queue.store.settle([queue.postponed(claims[0])])
    place.server.crash()
    with pytest.raises(StoreClosed):
        await queue.add(queue.mail("LOST"))
    await timeout(CLOCK, 10, database.close())
    place.server.start()

    database, queue = await place.open()
    assert ["SMALL", "LARGE"] == await queue.ids()
    entry = await queue.entry("LARGE")
    assert bytes(range(256)) * 500 == await octets_of(entry.content)
    assert 1 == await queue.store.recover("first")
    await database.close()


@pytest.mark.parametrize("how", ["stop", "crash", "disconnect"])
@ensureDeferred
async def test_lost_in_a_commit(place: Place, how: str) -> None:
    """
    Whoever waits is told that nobody knows, and everything after it is refused at once; the
    process goes on.  An ``add`` that is repeated after a restart is one mail.
    """
    database, queue = await place.open()
    begun, go_on = threading.Event(), threading.Event()

    def wait(connection: Connection, entries: Sequence[None]) -> Sequence[None]:
        begun.set()
        go_on.wait(10)
        return entries

    waiting = database.write(wait, None)
    adding = database.write(_one, None)
    while not begun.is_set():
        await sleep(CLOCK, 0.01)
    if how == "disconnect":
        place.server.disconnect(place.name)
    else:
        getattr(place.server, how)()
    go_on.set()
    with pytest.raises(StoreClosed):
        await waiting
    with pytest.raises(StoreClosed):
        await adding
    with pytest.raises(StoreClosed):
        await queue.add(queue.mail("A1"))
    await timeout(CLOCK, 10, database.close())
    place.server.start()

    database, queue = await place.open()
    await queue.add(queue.mail("A1"))
    await queue.add(queue.mail("A1"))
    assert ["A1"] == await queue.ids()
    await database.close()


def _one(connection: Connection, entries: Sequence[None]) -> Sequence[None]:
    connection.execute(text("SELECT 1"))
    return entries


@ensureDeferred
async def test_readers_connect_again(place: Place) -> None:
    """Looking needs no restart: what fails once is an error, and the next look is well."""
    database, queue = await place.open()
    await queue.add(queue.mail("A1"))
    assert ["A1"] == await queue.ids()
    place.server.stop()
    with pytest.raises(QueueError):
        await queue.ids()
    with pytest.raises(QueueError):
        await queue.ids()
    place.server.start()

    assert ["A1"] == await queue.ids()
    await database.close()


@ensureDeferred
async def test_no_server_at_the_start(place: Place) -> None:
    """A start says why it fails, without anybody's password; the next one is well."""
    place.server.stop()
    database = Database(CLOCK, str(place.folder), url=place.url.replace("pymta@", "pymta:geheim@"))
    with pytest.raises(Mistake, match="cannot be used") as caught:
        await database.open()
    assert "geheim" not in str(caught.value)
    await database.close()
    place.server.start()
    await database.open()
    await database.close()


@ensureDeferred
async def test_d06_two_processes(place: Place) -> None:
    """
    Two that claim in turn never have one recipient twice, and the one that slept beyond its lease
    settles nothing.
    """
    first_database, queue = await place.open()
    second_database, other = await place.open(daemon=False)
    await queue.add(*queue.mails(40))
    mine, theirs = list[Claim](), list[Claim]()
    for _ in range(5):
        mine += await queue.claim("first", limit=4)
        theirs += await other.claim("second", limit=4)
    assert 20 == len(mine) == len(theirs)
    assert 40 == len({*mail_ids(mine), *mail_ids(theirs)})

    other.wait(hours=1)
    assert 40 == len(await other.claim("second"))
    assert mine == list(await queue.store.settle([queue.done(each) for each in mine]))
    await second_database.close()
    await first_database.close()
