"""
Tests for the database on PostgreSQL: its start, its writer, its readers and its doorbell.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DBAPIError
from twisted.internet import reactor

from pymta.aio import gather, sleep, start
from pymta.database import Database
from pymta.database import postgres as module
from pymta.database.dialect import Fault
from pymta.database.migrate import VERSION_TABLE
from pymta.database.postgres import PostgreSQL
from pymta.database.tables import METADATA
from pymta.errors import Mistake, SpoolError, TooManyWaiting
from pymta.interfaces.content import octets_of
from pymta.queue import sql_tables
from tests.postgres import Server

CLOCK = cast("Any", reactor)


class Place:
    """A database with a table ``numbers``, and as many objects on it as a test makes."""

    def __init__(self, server: Server, name: str, folder: Path) -> None:
        self.server = server
        self.name = name
        self.folder = folder
        self.made: list[Database] = []

    async def open(self, **more: Any) -> Database:
        database = Database(CLOCK, str(self.folder), url=self.server.url(self.name), **more)
        self.made.append(database)
        await database.open()
        return database


@pytest.fixture
def place(tmp_path: Path, postgres: Server, postgres_database: str) -> Iterator[Place]:
    """What was opened is closed after the test."""
    made = Place(postgres, postgres_database, tmp_path / "db")
    with postgres.connect(postgres_database) as connection:
        connection.execute("DROP TABLE IF EXISTS numbers")
        connection.execute("CREATE TABLE numbers (value INT PRIMARY KEY CHECK (value < 100))")
    yield made
    for database in made.made:
        pytest_twisted.blockon(start(database.close()))


def _insert(connection: Connection, entries: Sequence[int]) -> list[int | Exception]:
    for entry in entries:
        if entry != 13:
            connection.execute(text("INSERT INTO numbers VALUES (:value)"), {"value": entry})
    return [ValueError("no thirteen") if entry == 13 else entry * 2 for entry in entries]


def _more(connection: Connection, entries: Sequence[None]) -> list[None]:
    """Reads and writes: two at one time would lose one."""
    for _ in entries:
        count = connection.scalar(text("SELECT count(*) FROM numbers"))
        connection.execute(text("INSERT INTO numbers VALUES (:value)"), {"value": count})
    return [None] * len(entries)


def _nothing(connection: Connection, entries: Sequence[None]) -> list[None]:
    connection.execute(text("DELETE FROM numbers WHERE value = 99"))
    return [None] * len(entries)


def _all(connection: Connection) -> list[int]:
    return list(connection.scalars(text("SELECT value FROM numbers ORDER BY value")).all())


# -- the start -------------------------------------------------------------------------------------


@ensureDeferred
async def test_tables_are_as_described(place: Place) -> None:
    """What the code believes is what the migrations made, name by name."""
    assert sql_tables.mails.metadata is METADATA
    database = await place.open()

    def columns(connection: Connection) -> dict[str, list[str]]:
        found = inspect(connection)
        ours = [name for name in METADATA.tables if name.startswith(("pymta_queue", "pymta_c"))]
        return {name: [column["name"] for column in found.get_columns(name)] for name in ours}

    for name, found in (await database.read(columns)).items():
        assert [column.name for column in METADATA.tables[name].columns] == found


@ensureDeferred
async def test_two_births_at_once(tmp_path: Path, postgres: Server) -> None:
    """Two that open one empty database for the first time both succeed."""
    url = postgres.url(postgres.database())
    pair = [Database(CLOCK, str(tmp_path / "new"), url=url) for _ in range(2)]
    await gather(database.open() for database in pair)
    for database in pair:
        await database.close()


@ensureDeferred
async def test_later_release(tmp_path: Path, postgres: Server, postgres_template: str) -> None:
    """A database of the future is refused, not guessed at."""
    name = postgres.database(postgres_template)
    with postgres.connect(name) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    database = Database(CLOCK, str(tmp_path), url=postgres.url(name))
    with pytest.raises(Mistake, match="later release"):
        await database.open()
    await database.close()


def test_another_encoding(postgres: Server) -> None:
    """Refused: addresses may be in any script."""
    with postgres.connect(autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS latin")
        connection.execute("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    with pytest.raises(Mistake, match="encoding is LATIN1"):
        PostgreSQL(postgres.url("latin")).create()


def test_no_such_database(postgres: Server) -> None:
    """The server's own words."""
    with pytest.raises(Mistake, match='"nowhere" does not exist'):
        PostgreSQL(postgres.url("nowhere")).create()


@pytest.mark.parametrize(
    "url", ["", "mail.db", "sqlite:///mail.db", "postgresql+psycopg2://host/name", "mysql://a/b"]
)
def test_no_url_of_ours(tmp_path: Path, url: str) -> None:
    """Refused by the constructor, which opens nothing."""
    with pytest.raises(Mistake) as caught:
        Database(CLOCK, str(tmp_path / "new"), url=url)
    assert caught.value.hint.startswith("postgresql+psycopg://")
    assert not (tmp_path / "new").exists()


def test_old_server() -> None:
    """Refused with both numbers."""

    class Answer:
        def fetchone(self) -> tuple[int, str, str]:
            return 12_22, "UTF8", "on"

    with pytest.raises(Mistake, match="too old: 13"):
        PostgreSQL("postgresql://host/name")._check(lambda _: Answer())


@ensureDeferred
async def test_commits_reach_the_disk(place: Place) -> None:
    """Whatever the server's default says."""
    with place.server.connect(place.name) as connection:
        connection.execute(f"ALTER DATABASE {place.name} SET synchronous_commit = off")
    database = await place.open()
    said = await database._writer.call(_synchronous)
    with place.server.connect(place.name) as connection:
        connection.execute(f"ALTER DATABASE {place.name} RESET synchronous_commit")

    assert "on" == said


def _synchronous(connection: Connection) -> Any:
    with connection.begin():
        return connection.scalar(text("SHOW synchronous_commit"))


# -- writing and reading ---------------------------------------------------------------------------


@ensureDeferred
async def test_group_commit(place: Place) -> None:
    """What waits together is one transaction, of which one entry may fail alone."""
    database = await place.open()
    writing = [database.write(_insert, value) for value in (1, 2, 13, 4)]
    with pytest.raises(ValueError, match="thirteen"):
        await writing.pop(2)

    assert [2, 4, 8] == await gather(writing)
    assert [1, 2, 4] == await database.read(_all)
    with place.server.connect(place.name) as connection:
        transactions = connection.execute("SELECT DISTINCT xmin::text FROM numbers").fetchall()
    assert 1 == len(transactions)


@ensureDeferred
async def test_refused_row_fails_alone(place: Place) -> None:
    """The group is repeated entry by entry."""
    database = await place.open()
    writing = [database.write(_insert, value) for value in (1, 1_000, 3)]
    with pytest.raises(DBAPIError):
        await writing.pop(1)

    assert [2, 6] == await gather(writing)
    assert [1, 3] == await database.read(_all)


@ensureDeferred
async def test_one_writes_at_a_time(place: Place) -> None:
    """Of two processes: nothing that one reads and writes is changed by the other between."""
    pair = [await place.open(), await place.open(daemon=False)]
    await gather(database.write(_more, None) for _ in range(20) for database in pair)

    assert list(range(40)) == await pair[0].read(_all)


@ensureDeferred
async def test_lock_held_too_long(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was kept, and the next is well."""
    monkeypatch.setattr(module, "_EACH_CONNECTION", ("SET lock_timeout = '100ms'",))
    database = await place.open()
    with place.server.connect(place.name) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (module.LOCK,))
        with pytest.raises(TooManyWaiting, match="another process"):
            await database.write(_insert, 1)
    await database.write(_insert, 2)

    assert [2] == await database.read(_all)


@ensureDeferred
async def test_reads_see_one_moment_and_write_nothing(place: Place) -> None:
    """Two statements of a read agree, whatever is committed between them."""
    database = await place.open()
    begun, go_on = threading.Event(), threading.Event()

    def twice(connection: Connection) -> list[list[int]]:
        first = _all(connection)
        begun.set()
        go_on.wait(10)
        return [first, _all(connection)]

    reading = database.read(twice)
    while not begun.is_set():
        await sleep(CLOCK, 0.01)
    await database.write(_insert, 1)
    go_on.set()
    assert [[], []] == await reading
    with pytest.raises(DBAPIError, match="read-only"):
        await database.read(lambda c: _insert(c, [2]))


@ensureDeferred
async def test_large_content_in_a_row_is_read_in_slices(place: Place) -> None:
    """What an application enlisted: no slice unpacks all of it."""
    octets = bytes(range(256)) * 4_000
    database = await place.open()
    with place.server.connect(place.name) as connection:
        connection.execute(
            "INSERT INTO pymta_contents VALUES (1, %s, %s, NULL, 1)", (len(octets), octets)
        )
        [storage] = connection.execute(
            "SELECT attstorage FROM pg_attribute WHERE attname = 'octets' "
            "AND attrelid = 'pymta_contents'::regclass"
        ).fetchone() or [None]

    assert octets == await octets_of(database.contents.stored(1, len(octets)))
    assert storage in ("e", b"e"), "external: kept as it is, not compressed"


# -- bells -----------------------------------------------------------------------------------------


@ensureDeferred
async def test_doorbell(place: Place) -> None:
    """Own commits ring at once, an application's soon, and nobody's not at all."""
    database = await place.open()
    rings: list[str] = []
    database.watch(lambda: rings.append("any"))
    database.watch_others(lambda: rings.append("others"))
    await sleep(CLOCK, 0.7)
    rings.clear()
    await sleep(CLOCK, 1.1)
    assert [] == rings
    await database.write(_nothing, None)
    await database.write(_insert, 1)
    await sleep(CLOCK, 0)
    assert ["any"] == rings, "a commit that changes nothing rings nobody"
    await sleep(CLOCK, 0.7)
    rings.clear()
    with place.server.connect(place.name) as connection:
        connection.execute("INSERT INTO numbers VALUES (2)")
    await sleep(CLOCK, 0.7)
    assert ["any", "others"] == sorted(rings)


# -- errors ----------------------------------------------------------------------------------------

FAULTS = {
    "53100": Fault.FULL,
    "55P03": Fault.BUSY,
    "57P01": Fault.BROKEN,
    "58030": Fault.BROKEN,
    "XX001": Fault.BROKEN,
    "25006": Fault.BROKEN,
    "08006": Fault.BROKEN,
    "23505": Fault.OTHER,
    "40P01": Fault.OTHER,
    "53300": Fault.OTHER,
    "57014": Fault.OTHER,
}


@pytest.mark.parametrize(("state", "fault"), FAULTS.items(), ids=FAULTS)
def test_faults(postgres: Server, state: str, fault: Fault) -> None:
    """What the server's codes say of the entries and of the database."""
    dialect = PostgreSQL(postgres.url())
    connection = dialect.writer()
    with pytest.raises(DBAPIError) as caught, connection.begin():
        connection.exec_driver_sql(f"DO $$ BEGIN RAISE 'x' USING ERRCODE = '{state}'; END $$")
    connection.close()

    assert fault is dialect.fault(caught.value)


def test_faults_of_the_driver(postgres: Server) -> None:
    """A lost connection breaks the database; a value that it refuses is the entry's own."""
    dialect = PostgreSQL(postgres.url())
    connection = dialect.writer()
    with pytest.raises(DBAPIError) as refused, connection.begin():
        connection.execute(text("SELECT :value"), {"value": "a\0b"})
    assert Fault.OTHER is dialect.fault(refused.value)
    postgres.disconnect("postgres")
    with pytest.raises(DBAPIError) as lost, connection.begin():
        pass
    assert Fault.BROKEN is dialect.fault(lost.value)
    dialect.abandon(connection)


@ensureDeferred
async def test_full_disk_is_told(place: Place) -> None:
    """In the same words as SQLite's."""
    database = await place.open()

    def full(connection: Connection, entries: Sequence[None]) -> list[None]:
        connection.exec_driver_sql("DO $$ BEGIN RAISE 'x' USING ERRCODE = 'disk_full'; END $$")
        return list(entries)

    with pytest.raises(SpoolError, match="no room"):
        await database.write(full, None)
