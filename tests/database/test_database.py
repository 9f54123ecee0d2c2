"""
Tests for the database as a whole: its birth, its place, its doorbell, several at one file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from pytest_twisted import ensureDeferred
from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError
from twisted.internet import reactor

from pymta.aio import sleep
from pymta.database import Database
from pymta.database.location import make_folder, make_private_file, refuse_network
from pymta.database.migrate import VERSION_TABLE, migrate
from pymta.database.sqlite import APPLICATION_ID, SQLite
from pymta.database.tables import METADATA
from pymta.errors import Mistake
from pymta.queue import sql_tables

CLOCK = cast("Any", reactor)


def _pragmas(path: Path) -> dict[str, Any]:
    connection = sqlite3.connect(path)
    names = ("application_id", "auto_vacuum", "page_size", "journal_mode")
    found = {name: connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names}
    connection.close()
    return found


def test_birth(template: Path) -> None:
    """What cannot be changed later is right from the first page."""
    assert {
        "application_id": APPLICATION_ID,
        "auto_vacuum": 2,
        "page_size": 4096,
        "journal_mode": "wal",
    } == _pragmas(template / "pymta.db")


def test_constructor_opens_nothing(tmp_path: Path) -> None:
    """No file, no thread: twistd forks between wiring and running."""
    Database(CLOCK, str(tmp_path / "new"))

    assert [] == os.listdir(tmp_path)


@ensureDeferred
async def test_each_connection(database: Database) -> None:
    """Synced at each commit; nobody but the daemon's writer moves the log."""

    def pragmas(connection: Connection) -> list[int | None]:
        names = ("synchronous", "wal_autocheckpoint", "foreign_keys", "temp_store")
        return [connection.scalar(text(f"PRAGMA {name}")) for name in names]

    assert [2, 0, 0, 2] == await database.read(pragmas)
    assert [2, 0, 0, 2] == await database._writer.call(pragmas)


@ensureDeferred
async def test_tables_are_as_described(database: Database) -> None:
    """What the code believes is what the migrations made, name by name."""
    assert sql_tables.mails.metadata is METADATA

    def columns(connection: Connection) -> dict[str, list[str]]:
        found = inspect(connection)
        ours = [name for name in METADATA.tables if name.startswith(("pymta_queue", "pymta_c"))]
        return {name: [column["name"] for column in found.get_columns(name)] for name in ours}

    for name, found in (await database.read(columns)).items():
        assert [column.name for column in METADATA.tables[name].columns] == found


def test_migrate_is_nothing_the_second_time(template: Path) -> None:
    """At the newest revision a start needs no Alembic."""
    connection = SQLite(str(template / "pymta.db")).writer()
    before = connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    connection.commit()
    migrate(connection)
    assert before == connection.scalar(text(f"SELECT version_num FROM {VERSION_TABLE}"))
    connection.close()


@ensureDeferred
async def test_later_release(folder: Path) -> None:
    """A database of the future is refused, not guessed at."""
    connection = sqlite3.connect(folder / "pymta.db")
    connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    connection.commit()
    connection.close()
    database = Database(CLOCK, str(folder))
    with pytest.raises(Mistake, match="later release"):
        await database.open()
    await database.close()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param("PRAGMA application_id = 7", "another application", id="another's"),
        pytest.param(None, "no SQLite database", id="no database"),
    ],
)
@ensureDeferred
async def test_foreign_file(tmp_path: Path, make: str | None, message: str) -> None:
    """Somebody else's file is refused and left as it was."""
    path = tmp_path / "pymta.db"
    if make is None:
        path.write_bytes(b"Dear diary, " * 100)
    else:
        connection = sqlite3.connect(path)
        connection.execute(make)
        connection.execute("CREATE TABLE theirs (x)")
        connection.close()
    octets = path.read_bytes()
    database = Database(CLOCK, str(tmp_path))
    with pytest.raises(Mistake, match=message):
        await database.open()

    assert octets == path.read_bytes()


@ensureDeferred
async def test_application_that_has_tables_of_its_own(tmp_path: Path) -> None:
    """In its file we live beside its tables, and its id stays."""
    connection = sqlite3.connect(tmp_path / "app.db")
    connection.execute("CREATE TABLE orders (x)")
    connection.close()
    database = Database(CLOCK, str(tmp_path), file="app.db")
    await database.open()
    await database.read(lambda c: c.execute(text("SELECT * FROM orders")).all())
    await database.close()

    assert 0 == _pragmas(tmp_path / "app.db")["application_id"]


@ensureDeferred
async def test_two_births_at_once(tmp_path: Path) -> None:
    """Two that open one folder for the first time both succeed."""
    pair = [Database(CLOCK, str(tmp_path / "new")) for _ in range(2)]
    opening = [database._writer.start() for database in pair]
    for each in opening:
        await each
    for database in pair:
        assert database._witness is not None
        database._witness.close()
        await database._writer.stop()


@ensureDeferred
async def test_doorbell(database: Database, folder: Path) -> None:
    """Own commits ring at once, another's soon; own ones not for those who ask for others'."""
    rings: list[str] = []
    take_down = database.watch(lambda: rings.append("any"))
    database.watch_others(lambda: rings.append("others"))
    await sleep(CLOCK, 0.1)
    assert [] == rings, "nothing came before the first look"
    await database.write(_create, "a")
    await sleep(CLOCK, 0)
    assert ["any"] == rings
    await sleep(CLOCK, 0.1)
    assert ["any"] == rings
    await database.write(_look, "a")
    assert ["any"] == rings, "a commit that changes nothing rings nobody"

    other = Database(CLOCK, str(folder), daemon=False)
    await other.open()
    await other.write(_create, "b")
    for _ in range(200):
        if len(rings) > 1:
            break
        await sleep(CLOCK, 0.01)
    assert {"any", "others"} == set(rings[1:])
    take_down()
    take_down()
    await other.close()


def _create(connection: Connection, entries: Sequence[str]) -> list[None]:
    for name in entries:
        connection.execute(text(f"CREATE TABLE {name} (x)"))
        connection.execute(text(f"INSERT INTO {name} VALUES (1)"))
    return [None] * len(entries)


def _insert(connection: Connection, entries: Sequence[str]) -> list[None]:
    for name in entries:
        connection.execute(text(f"INSERT INTO {name} VALUES (2)"))
    return [None] * len(entries)


def _look(connection: Connection, entries: Sequence[str]) -> list[int | None]:
    return [connection.scalar(text(f"SELECT count(*) FROM {name}")) for name in entries]


@ensureDeferred
async def test_nobody_watches_nobody_polls(database: Database) -> None:
    """The doorbell costs nothing while nobody listens: its next look is the last."""
    assert database._doorbell._polling is None
    take_down = database.watch(lambda: None)
    assert database._doorbell._polling is not None
    take_down()
    await sleep(CLOCK, 0.1)
    assert database._doorbell._polling is None


# -- the moment --------------------------------------------------------------------------------


@ensureDeferred
async def test_moment(database: Database, folder: Path) -> None:
    """It is another one behind every commit, whoever's it is, and behind nothing else."""
    moments = [database.moment()]
    await database.write(_create, "a")
    moments.append(database.moment())
    other = Database(CLOCK, str(folder), daemon=False)
    await other.open()
    await other.write(_create, "b")
    moments.append(database.moment())
    await other.write(_insert, "b")
    moments.append(database.moment())
    with pytest.raises(OperationalError):
        await other.write(_create, "b")
    await database.read(lambda c: _look(c, ["a"]))
    await other.write(_look, "b")
    await other.close()
    assert None not in moments
    assert 4 == len(set(moments))
    assert moments[-1] == database.moment()


@ensureDeferred
async def test_moments_of_two_openings(database: Database) -> None:
    """None while it is closed; and what somebody did meanwhile makes another moment."""
    before = database.moment()
    await database.close()
    assert database.moment() is None
    await database.open()
    assert database.moment() not in (None, before)


@ensureDeferred
async def test_moment_beside_a_writer(database: Database, folder: Path) -> None:
    """Whoever writes does not make it wait, is not seen before the commit, and at once then."""
    connection = sqlite3.connect(folder / "pymta.db", isolation_level=None)
    before = database.moment()
    connection.execute("BEGIN EXCLUSIVE")
    connection.execute("CREATE TABLE c (x)")
    assert before == database.moment()
    connection.execute("COMMIT")
    assert before != database.moment()
    connection.close()


@ensureDeferred
async def test_moment_keeps_no_transaction_open(database: Database, folder: Path) -> None:
    """The whole log can be moved into the file behind it; what comes in another one is seen."""
    await database.write(_create, "a")
    assert database.moment() is not None
    connection = sqlite3.connect(folder / "pymta.db")
    [(busy, _, _)] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert 0 == busy
    before = database.moment()
    connection.execute("INSERT INTO a VALUES (2)")
    connection.commit()
    connection.close()
    assert before != database.moment()


@ensureDeferred
async def test_moment_of_a_broken_database(database: Database) -> None:
    """Nobody knows, which is no error."""
    assert database._witness is not None
    database._witness.close()
    assert database.moment() is None


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /mail rw,relatime shared:2 - nfs4 server:/mail rw
31 30 8:2 / /mail/local rw,relatime - xfs /dev/sdb1 rw
32 22 0:27 / /with\\040space rw - fuse.sshfs a:b rw
"""


@pytest.mark.parametrize(
    ("path", "refused"),
    [
        ("/", None),
        ("/srv/mail", None),
        ("/mail", "nfs4"),
        ("/mail/store", "nfs4"),
        ("/mail/local/store", None),
        ("/mailbox", None),
        ("/with space/x", "fuse.sshfs"),
    ],
)
def test_network_file_systems(tmp_path: Path, path: str, refused: str | None) -> None:
    """The folder's own mount decides; the message names it."""
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    if refused is None:
        refuse_network(path, str(mounts))
    else:
        with pytest.raises(Mistake, match=refused):
            refuse_network(path, str(mounts))


def test_no_mount_table(tmp_path: Path) -> None:
    """Elsewhere than on Linux nobody is asked."""
    refuse_network(str(tmp_path), str(tmp_path / "none"))


def test_folder_that_is_something_else(tmp_path: Path) -> None:
    """A link or a file in a folder's place is refused; so is a folder in a file's."""
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "there")
    with pytest.raises(Mistake):
        make_folder(str(tmp_path / "link"))
    with pytest.raises(Mistake):
        make_private_file(str(tmp_path / "link"))
    assert make_private_file(str(tmp_path / "new"))
    assert not make_private_file(str(tmp_path / "new"))
