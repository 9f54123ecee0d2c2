"""
Tests for queueing in an application's own transaction on PostgreSQL, beside a queue that works.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
import pytest_twisted
from psycopg.rows import dict_row
from pytest_twisted import ensureDeferred
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool
from twisted.internet import reactor

from pymta.aio import sleep, start, timeout
from pymta.database import Database
from pymta.errors import QueueError
from pymta.interfaces.content import Lane, NewMail, QueueID, octets_of
from pymta.interfaces.queue import QueueState
from pymta.queue.sql import SQLQueueStore
from pymta.testing.contracts.queue_case import LANE, Bench, QueueCase, mail_ids
from pymta.testing.contracts.queue_contents import Foreign
from tests.postgres import Server

CLOCK = cast("Any", reactor)


@pytest.fixture
def queue(tmp_path: Path, postgres: Server, postgres_database: str) -> Iterator[Bench]:
    """A store, and mail for it."""
    database = Database(CLOCK, str(tmp_path / "db"), url=postgres.url(postgres_database))
    pytest_twisted.blockon(start(database.open()))
    bench = Bench(QueueCase())
    bench.store = SQLQueueStore(database)
    yield bench
    pytest_twisted.blockon(start(database.close()))


class Application:
    """Makes connections, and closes them after the test."""

    def __init__(self, server: Server, name: str) -> None:
        self.server = server
        self.name = name
        self.made: list[Any] = []

    def connect(self, **more: Any) -> psycopg.Connection[Any]:
        connection: psycopg.Connection[Any] = self.server.connect(self.name, **more)
        self.made.append(connection)
        return connection

    def sqlalchemy(self, **more: Any) -> Any:
        connection = create_engine(self.server.url(self.name), poolclass=NullPool, **more).connect()
        self.made.append(connection)
        return connection


@pytest.fixture
def application(postgres: Server, postgres_database: str) -> Iterator[Application]:
    """Whose transactions they are."""
    made = Application(postgres, postgres_database)
    yield made
    for connection in made.made:
        connection.close()


def _enlist(queue: Bench, connection: object, *mails: NewMail) -> None:
    assert isinstance(queue.store, SQLQueueStore)
    queue.store.enlist(connection, mails)


@pytest.mark.parametrize("by", ["psycopg", "rows as dicts", "sqlalchemy"])
@ensureDeferred
async def test_enlisted_with_the_callers_commit(
    queue: Bench, application: Application, by: str
) -> None:
    """An order is paid and its mail is queued, in one commit; or neither, on rollback."""
    mails = [queue.mail("A1", "a@example.net", "b@example.net"), queue.mail("A2", held="x")]
    connection: Any
    if by == "sqlalchemy":
        connection = application.sqlalchemy()
    else:
        rows = {"row_factory": dict_row} if by == "rows as dicts" else {}
        connection = application.connect(**rows)
    _enlist(queue, connection, *mails)
    connection.rollback()
    assert [] == await queue.ids()
    assert 0 == await queue.case.kept_octets(queue.store)

    _enlist(queue, connection, *mails)
    assert [] == await queue.ids()
    connection.commit()
    assert ["A1", "A2"] == await queue.ids()
    _enlist(queue, connection, *mails)
    connection.commit()
    assert ["A1", "A2"] == await queue.ids()
    claim = await queue.claim_one()
    assert 2 == len(claim.recipients)
    assert b"Subject: kit\r\n\r\nText\r\n" == await octets_of(claim.content)
    assert [] == list(await queue.store.settle([queue.done(claim)]))
    _enlist(queue, connection, mails[0])
    connection.commit()
    assert ["A2"] == await queue.ids(), "what was delivered an hour ago is known"


@ensureDeferred
async def test_transaction_of_psycopg(queue: Bench, application: Application) -> None:
    """A block of a connection that commits by itself is a transaction, too."""
    connection = application.connect(autocommit=True)
    with connection.transaction():
        _enlist(queue, connection, queue.mail("A1"))
    with connection.transaction():
        _enlist(queue, connection, queue.mail("A2"))
        raise psycopg.Rollback

    assert ["A1"] == await queue.ids()


@ensureDeferred
async def test_runner_hears_of_it(queue: Bench, application: Application) -> None:
    """Of another connection's commit, within a second; and when it would have had to look."""
    rings: list[None] = []
    take_down = queue.store.watch(lambda: rings.append(None))
    await sleep(CLOCK, 0.6)
    rings.clear()
    await sleep(CLOCK, 1.1)
    assert not rings, "nobody has committed"
    connection = application.connect()
    _enlist(queue, connection, queue.mail(due=queue.later(minutes=1)))
    connection.commit()
    await sleep(CLOCK, 1.0)
    take_down()

    assert rings
    assert queue.later(minutes=1) == await queue.store.next_due(queue.time)
    assert [] == await queue.claim()
    queue.wait(minutes=1)
    assert ["A1"] == mail_ids(await queue.claim())


@ensureDeferred
async def test_nobody_waits_for_an_application(queue: Bench, application: Application) -> None:
    """
    While one thinks before its commit, others enlist, and the queue adds, claims and settles mail
    of the same lane; then its mail is claimed, though its lane had gone meanwhile.
    """
    slow, quick = application.connect(), application.connect()
    _enlist(queue, slow, queue.mail("SLOW"))

    async def meanwhile() -> None:
        _enlist(queue, quick, queue.mail("QUICK"))
        quick.commit()
        await queue.add(queue.mail("OURS"))
        claims = await queue.claim()
        assert {"QUICK", "OURS"} == set(mail_ids(claims))
        await queue.store.settle([queue.done(claim) for claim in claims])
        queue.wait(hours=1)
        assert [] == await queue.claim()
        assert await queue.store.next_due(queue.time) is None

    await timeout(CLOCK, 3, meanwhile())
    slow.commit()
    due = await queue.store.next_due(queue.time)
    assert due is not None
    assert due <= queue.time
    assert ["SLOW"] == mail_ids(await queue.claim())


@ensureDeferred
async def test_arrivals_are_taken_in_once(queue: Bench, application: Application) -> None:
    """By lane and rank; and what is suspended waits as any other."""
    connection = application.connect()
    lanes = [Lane("relay", f"{n}.example") for n in range(5)]
    for n, lane in enumerate(lanes):
        mails = queue.mails(3, lane, prefix=f"M{n}", priority=n % 2)
        _enlist(queue, connection, *mails)
    connection.commit()
    await queue.store.suspend(lanes[0], queue.later(hours=1), "dead")
    assert 12 == len(await queue.claim())
    assert [] == await queue.claim()
    connection.rollback()
    assert [(0,)] == connection.execute("SELECT count(*) FROM pymta_queue_arrivals").fetchall()
    queue.wait(hours=2)
    claims = await queue.claim("second")
    assert 3 + 12 == len(claims), "the suspension and the leases have ended"


@ensureDeferred
async def test_large_content_in_a_row(queue: Bench, application: Application) -> None:
    """Whatever its size: a rollback leaves no file."""
    octets = bytes(range(256)) * 1_000
    connection = application.connect()
    _enlist(queue, connection, queue.mail(content=Foreign(octets)))
    connection.commit()
    claim = await queue.claim_one()

    assert octets == await octets_of(claim.content)
    assert octets[70_000:70_009] == await claim.content.read(70_000, 70_009)


class _Waits(Foreign):
    async def read(self, start: int, stop: int) -> bytes:
        await sleep(CLOCK, 0.001)
        return await super().read(start, stop)


REFUSED = {
    "content to be waited for": ({"content": _Waits(b"x")}, "in memory"),
    "NUL": ({"held": "a\0b"}, "can be kept"),
    "half a surrogate pair": ({"held": "\ud800"}, "can be kept"),
    "no name of an agent": ({"lanes": {"one@example.net": Lane("a\tb", "")}}, "delivery agent"),
}


@pytest.mark.parametrize(("changes", "message"), REFUSED.values(), ids=REFUSED)
@ensureDeferred
async def test_refused_before_anything_is_written(
    queue: Bench, application: Application, changes: dict[str, Any], message: str
) -> None:
    """One bad mail of two: neither is written, and the caller's transaction goes on."""
    connection = application.connect()
    connection.execute("CREATE TEMPORARY TABLE orders (id int)")
    with pytest.raises(QueueError, match=message):
        _enlist(queue, connection, queue.mail("GOOD"), queue.mail("BAD", **changes))
    connection.execute("INSERT INTO orders VALUES (1)")
    connection.commit()

    assert [(1,)] == connection.execute("SELECT id FROM orders").fetchall()
    assert [] == await queue.ids()


@pytest.mark.parametrize("by", ["psycopg", "sqlalchemy"])
@ensureDeferred
async def test_no_transaction(queue: Bench, application: Application, by: str) -> None:
    """A connection that commits each statement would queue half a mail: refused."""
    connection: object
    if by == "psycopg":
        connection = application.connect(autocommit=True)
    else:
        connection = application.sqlalchemy(isolation_level="AUTOCOMMIT")
    with pytest.raises(QueueError, match="no transaction"):
        _enlist(queue, connection, queue.mail())

    assert [] == await queue.ids()


@ensureDeferred
async def test_one_id_from_two_applications(queue: Bench, application: Application) -> None:
    """The second waits for the first, and has to roll back; it sees the id when it repeats."""
    first, second = application.connect(), application.connect()
    second.execute("SET lock_timeout = '100ms'")
    second.commit()
    _enlist(queue, first, queue.mail("A1"))
    with pytest.raises(QueueError, match="not enlisted"):
        _enlist(queue, second, queue.mail("A1"))
    second.rollback()
    first.commit()
    _enlist(queue, second, queue.mail("A1"), queue.mail("A2"))
    second.commit()

    assert ["A1", "A2"] == await queue.ids()


@ensureDeferred
async def test_one_id_twice_in_a_call(queue: Bench, application: Application) -> None:
    """Once in the queue, as with ``add``."""
    connection = application.connect()
    mail = queue.mail("A1")
    _enlist(queue, connection, mail, replace(mail, id=QueueID("A1")))
    connection.commit()

    assert [QueueState.DUE] == await queue.states("A1")


@ensureDeferred
async def test_database_without_our_tables(queue: Bench, postgres: Server) -> None:
    """Refused with what the server says."""
    with postgres.connect() as connection, pytest.raises(QueueError, match="does not exist"):
        _enlist(queue, connection, queue.mail())


def test_an_unopened_store_enlists(
    tmp_path: Path, postgres: Server, postgres_database: str, application: Application
) -> None:
    """An application that only queues needs no reactor that runs, no thread and no folder."""
    bench = Bench(QueueCase())
    url = postgres.url(postgres_database)
    bench.store = SQLQueueStore(Database(CLOCK, str(tmp_path / "none"), url=url))
    connection = application.connect()
    _enlist(bench, connection, bench.mail(lanes={"one@example.net": LANE}))
    connection.commit()

    assert [(1,)] == connection.execute("SELECT count(*) FROM pymta_queue_mails").fetchall()
    assert not (tmp_path / "none").exists()


RIGHTS = """
CREATE ROLE shop LOGIN;
GRANT INSERT ON pymta_contents, pymta_queue_mails, pymta_queue_recipients, pymta_queue_arrivals
TO shop; GRANT SELECT ON pymta_queue_mails, pymta_queue_settled TO shop
"""


@ensureDeferred
async def test_a_role_that_may_only_enlist(queue: Bench, application: Application) -> None:
    """An application needs no more rights than the documentation says."""
    owner = application.connect(autocommit=True)
    owner.execute(RIGHTS)
    connection = application.connect(user="shop")
    try:
        _enlist(queue, connection, queue.mail())
        connection.commit()
    finally:
        connection.close()
        owner.execute("DROP OWNED BY shop; DROP ROLE shop")

    assert ["A1"] == mail_ids(await queue.claim())
