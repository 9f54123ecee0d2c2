"""
Both databases say the same of the forms that statements are made of.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    MetaData,
    Table,
    Text,
    create_engine,
    delete,
    select,
)
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from pymta.database.dialect import among, each, ends_in, later, pairs, through
from pymta.database.rows import Packed, Removal, insert_rows, keys
from tests.postgres import Server

ROWS = Table("forms", MetaData(), Column("id", BigInteger, primary_key=True), Column("name", Text))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != "\0"), max_size=9)
NUMBERS = st.integers(-(2**63), 2**63 - 1)
Both: TypeAlias = tuple[Connection, Connection]

SHARED = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def both(postgres: Server) -> Iterator[Both]:
    """
    A connection to an empty table of each kind.

    Not a parameter: pytest-twisted wraps a property once for each.
    """
    with ExitStack() as stack:
        made = []
        for url in ("sqlite://", postgres.url()):
            engine = create_engine(url, poolclass=NullPool)
            made.append(stack.enter_context(engine.connect()))
            made[-1].execute(_temporary())
        yield made[0], made[1]


def _temporary() -> CreateTable:
    columns = [column._copy() for column in ROWS.columns]
    return CreateTable(Table("forms", MetaData(), *columns, prefixes=["TEMPORARY"]))


def _fill(both: Both, rows: list[tuple[int, str]]) -> None:
    for connection in both:
        connection.execute(ROWS.delete())
        insert_rows(through(connection), ROWS, rows)


def _ask(both: Both, query: Any, asked: Any = None) -> list[tuple[Any, ...]]:
    """Its rows, of which both say the same."""
    one, other = (sorted(tuple(row) for row in c.execute(query, asked or {})) for c in both)
    assert one == other
    return one


def _values(both: Both, query: Any, asked: Any = None) -> set[Any]:
    """Of its only column."""
    return {row[0] for row in _ask(both, query, asked)}


@SHARED
@given(wanted=st.sets(NUMBERS, max_size=20))
def test_among_numbers(both: Both, wanted: set[int]) -> None:
    """Sets of keys are one parameter, exact to 64 bits."""
    _fill(both, [(n, "") for n in wanted | {1, 2, 3}])
    asked = {"ids": keys(wanted)}
    query = select(ROWS.c.id).where(among(ROWS.c.id, "ids"))
    others = select(ROWS.c.id).where(~among(ROWS.c.id, "ids"))

    assert wanted == _values(both, query, asked)
    assert {1, 2, 3} - wanted == _values(both, others, asked)


@SHARED
@given(wanted=st.sets(TEXTS, max_size=20))
def test_s17_among_texts(both: Both, wanted: set[str]) -> None:
    """Texts of any kind are values, never statements."""
    _fill(both, list(enumerate(sorted(wanted | {"x"}))))
    query = select(ROWS.c.name).where(among(ROWS.c.name, "names"))
    asked = each("names", "asked")
    joined = select(ROWS.c.name).join(asked, asked.c.value == ROWS.c.name)

    assert wanted == _values(both, query, {"names": keys(wanted)})
    assert wanted == _values(both, joined, {"names": keys(wanted)})


@SHARED
@given(wanted=st.lists(st.tuples(TEXTS, NUMBERS), max_size=9))
def test_s17_pairs(both: Both, wanted: list[tuple[str, int]]) -> None:
    """Pairs are a table of two columns."""
    asked = pairs("pairs")
    query = select(asked.c.first, asked.c.second)

    assert sorted(wanted) == _ask(both, query, {"pairs": keys(wanted)})


@SHARED
@given(name=TEXTS, end=TEXTS.filter(bool))
def test_s17_ends_in(both: Both, name: str, end: str) -> None:
    """Octet for octet: neither case nor wild cards."""
    _fill(both, [(1, name + end), (2, name), (3, (name + end).swapcase()), (4, "%")])
    found = _values(both, select(ROWS.c.id).where(ends_in(ROWS.c.name, end)))
    rows = {1: name + end, 2: name, 3: (name + end).swapcase(), 4: "%"}

    assert {number for number, text in rows.items() if text.endswith(end)} == found


def test_later(both: Both) -> None:
    """The greater of two columns."""
    _fill(both, [(1, ""), (7, "")])
    other = ROWS.alias("other")
    query = select(later(ROWS.c.id, other.c.id)).where(ROWS.c.id != other.c.id)

    assert [(7,), (7,)] == _ask(both, query)


@SHARED
@given(rows=st.dictionaries(NUMBERS, TEXTS | st.none(), max_size=9), chosen=st.sets(NUMBERS))
def test_rows_that_come_out_in_one_step(
    both: Both, rows: dict[int, str | None], chosen: set[int]
) -> None:
    """They are those of the query, whatever is in them; none of nothing."""
    packed = Packed(select(ROWS.c.id, ROWS.c.name.label("called")).where(among(ROWS.c.id, "ids")))
    wanted = chosen | set(list(rows)[::2])
    expected = {(number, name) for number, name in rows.items() if number in wanted}
    for connection in both:
        _filled(connection, rows)
        found = packed.all(connection, {"ids": keys(wanted)})
        assert expected == {(row.id, row.called) for row in found}
        assert len(expected) == len(found)


@SHARED
@given(rows=st.dictionaries(NUMBERS, TEXTS | st.none(), max_size=9), chosen=st.sets(NUMBERS))
def test_removal(both: Both, rows: dict[int, str | None], chosen: set[int]) -> None:
    """What is removed is told, and the rest stays."""
    removal = Removal(ROWS, among(ROWS.c.id, "ids"), told=[ROWS.c.id, ROWS.c.name])
    chosen |= set(list(rows)[::2])
    for connection in both:
        _filled(connection, rows)
        gone = removal.run(connection, {"ids": keys(chosen)})
        left = connection.execute(select(ROWS.c.id, ROWS.c.name)).all()
        assert {(n, name) for n, name in rows.items() if n in chosen} == {tuple(r) for r in gone}
        assert {(n, name) for n, name in rows.items() if n not in chosen} == {*map(tuple, left)}


def _filled(connection: Connection, rows: dict[int, str | None]) -> None:
    connection.execute(delete(ROWS))
    insert_rows(through(connection), ROWS, list(rows.items()))
