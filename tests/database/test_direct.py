"""
Tests for statements that are given to the driver as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    MetaData,
    Table,
    Text,
    bindparam,
    select,
    update,
)

from pymta.database import direct
from pymta.database.rows import among, insert_rows, keys, through
from pymta.database.sqlite import SQLite

THINGS = Table(
    "things",
    MetaData(),
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text),
    Column("octets", LargeBinary),
)
ROWS = [(1, "one", b"\0\xff"), (2, None, b""), (3, "drei", None)]

BY_ID = select(THINGS).where(THINGS.c.id == bindparam("id"))
BETWEEN = (
    select(THINGS.c.name, THINGS.c.id)
    .where(THINGS.c.id >= bindparam("first"), THINGS.c.id <= bindparam("last"))
    .order_by(THINGS.c.id)
)
AMONG = select(THINGS.c.id).where(among(THINGS.c.id, "ids"), THINGS.c.name == "one")
RENAME = (
    update(THINGS)
    .where(THINGS.c.id == bindparam("which"))
    .values(name=bindparam("new"))
    .returning(THINGS.c.name)
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    database = SQLite(str(tmp_path / "x.db"))
    database.create()
    connection = database.writer()
    with connection.begin():
        THINGS.create(connection)
        insert_rows(through(connection), THINGS, ROWS)
    yield connection
    connection.close()


def test_rows_have_names_and_the_same_values(connection: Connection) -> None:
    """What SQLAlchemy would give: numbers, texts, octets, nothing."""
    with connection.begin():
        ours = [direct.first(connection, BY_ID, {"id": number}) for number in (1, 2, 3)]
        theirs = [connection.execute(BY_ID, {"id": number}).one() for number in (1, 2, 3)]

        assert [tuple(row) for row in theirs] == ours
        assert ["one", None, "drei"] == [row.name for row in ours]
        assert direct.first(connection, BY_ID, {"id": 4}) is None


def test_values_go_by_their_names(connection: Connection) -> None:
    """In whatever order they are given; values of the statement's own are there, too."""
    with connection.begin():
        found = direct.rows(connection, BETWEEN, {"last": 2, "first": 1})
        assert [("one", 1), (None, 2)] == direct.tuples(
            connection, BETWEEN, {"first": 1, "last": 2}
        )
        assert [1, 2] == [row.id for row in found]
        assert [(1,)] == direct.tuples(connection, AMONG, {"ids": keys([1, 2, 3])})


def test_within_the_transaction(connection: Connection) -> None:
    """What is changed so is rolled back with the rest."""
    with connection.begin() as transaction:
        assert [("uno",)] == direct.tuples(connection, RENAME, {"which": 1, "new": "uno"})
        transaction.rollback()
    with connection.begin():
        assert "one" == direct.first(connection, BY_ID, {"id": 1}).name
