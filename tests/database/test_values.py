"""
Tests for what rows are made of: times, numbers, sets of keys, lists of rows.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Column, Integer, MetaData, Table, Text, create_engine, select

from pymta.database.duty import Duty
from pymta.database.numbers import Numbers
from pymta.database.rows import among, insert_rows, keys, pairs, through
from pymta.database.times import from_microseconds, to_microseconds

_numbers = Table(
    "numbers", MetaData(), Column("id", Integer, primary_key=True), Column("name", Text)
)


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))
def test_times_round_trip(naive: datetime) -> None:
    """Exactly, to the microsecond, in every zone."""
    moment = naive.replace(tzinfo=timezone(timedelta(hours=5, minutes=30)))

    assert moment == from_microseconds(to_microseconds(moment))
    assert UTC is from_microseconds(to_microseconds(moment)).tzinfo


def test_naive_times_are_refused() -> None:
    """A time without a zone is nobody's time."""
    with pytest.raises(TypeError):
        to_microseconds(datetime(2030, 1, 1))


@given(st.lists(st.tuples(st.integers(-(10**12), 10**12), st.integers(1, 1_000)), max_size=50))
def test_numbers_ascend(steps: list[tuple[int, int]]) -> None:
    """Whatever the clock does, and however many are taken at once."""
    clock = [1_900_000_000_000_000]
    numbers = Numbers(lambda: clock[0])
    last = 0
    for step, count in steps:
        clock[0] += step
        first = numbers.take(count)
        assert last < first
        last = first + count - 1
    assert last < 2**63


@given(
    st.lists(
        st.tuples(st.integers(-(10**4), 10**5), st.sampled_from([1, 2, 100, 65_536, 200_000])),
        max_size=50,
    )
)
def test_numbers_of_a_place_ascend(steps: list[tuple[int, int]]) -> None:
    """And are its own, but for more than it has at once."""
    clock = [1_900_000_000_000_000]
    numbers = Numbers(lambda: clock[0])
    with TemporaryDirectory() as folder:
        numbers.settle(Duty(f"{folder}/{n}") for n in range(3))
        last = 0
        for step, count in steps:
            clock[0] += step
            first = numbers.take(count)
            assert last < first
            last = first + count - 1
            assert 0 == first >> 16 & 15
            assert count > 65_536 or 0 == last >> 16 & 15
        numbers.leave()
    assert last < 2**63


def test_numbers_after_a_restart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also in the same moment, and in the same place: they begin where chance says."""
    draws = iter(range(1, 100))
    monkeypatch.setattr(
        "pymta.database.numbers.os.urandom", lambda octets: bytes([next(draws)]) * octets
    )
    seen: set[int] = set()
    for _ in range(20):
        numbers = Numbers(lambda: 1_900_000_000_000_000)
        numbers.settle([Duty(str(tmp_path / "place"))])
        taken = {numbers.take() for _ in range(50)}
        assert not seen & taken
        seen |= taken
        numbers.leave()


def test_numbers_from_threads() -> None:
    """Each number once."""
    numbers = Numbers(lambda: 1_900_000_000_000_000)
    taken: list[int] = []
    threads = [
        Thread(target=lambda: taken.extend(numbers.take() for _ in range(1_000))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert 4_000 == len(set(taken))


@pytest.mark.parametrize("count", [0, 1, 2, 3, 127, 128, 129, 1_000])
def test_insert_rows(count: int) -> None:
    """All of them, whatever their number, in few statements."""
    statements = []
    with create_engine("sqlite://").connect() as connection:
        _numbers.create(connection)
        execute = through(connection)

        def counted(statement: str, values: tuple[object, ...]) -> object:
            statements.append(statement)
            return execute.run(statement, values)

        insert_rows(execute._replace(run=counted), _numbers, [(n, f"n{n}") for n in range(count)])
        found = connection.execute(select(_numbers).order_by(_numbers.c.id)).all()

    assert [(n, f"n{n}") for n in range(count)] == [tuple(row) for row in found]
    assert len(statements) <= count / 128 + 7


@given(st.sets(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_among_numbers(wanted: set[int]) -> None:
    """Sets of keys are one parameter, exact to 64 bits."""
    everybody = wanted | {1, 2, 3}
    with create_engine("sqlite://").connect() as connection:
        _numbers.create(connection)
        insert_rows(through(connection), _numbers, [(n, None) for n in everybody])
        query = select(_numbers.c.id).where(among(_numbers.c.id, "ids"))

        assert wanted == set(connection.scalars(query, {"ids": keys(wanted)}).all())


@given(st.sets(st.text(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != "\0"))))
def test_s17_among_texts(wanted: set[str]) -> None:
    """Texts of any kind are values, never statements."""
    with create_engine("sqlite://").connect() as connection:
        _numbers.create(connection)
        insert_rows(through(connection), _numbers, list(enumerate(["x", *wanted])))
        query = select(_numbers.c.name).where(among(_numbers.c.name, "names"))

        assert wanted == set(connection.scalars(query, {"names": keys(wanted)}).all())


def test_pairs() -> None:
    """Pairs are a table of two columns."""
    asked = pairs("pairs")
    with create_engine("sqlite://").connect() as connection:
        found = connection.execute(
            select(asked.c.first, asked.c.second), {"pairs": keys([("a", 1), ("12", 2**62)])}
        ).all()

    assert [("a", 1), ("12", 2**62)] == [tuple(row) for row in found]
