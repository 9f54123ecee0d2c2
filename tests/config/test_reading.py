"""
Tests for reading tables into dataclasses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, Literal

import pytest

from pymta.address import Address
from pymta.config.reading import Missing, Reader, Rest, duration, suggestion
from pymta.edge.peers import Peers
from pymta.errors import Mistake


class Colour(Enum):
    """A choice."""

    RED = "red"
    GREEN = "green"


def even(number: int) -> int:
    """A check."""
    if number % 2:
        raise Mistake(f"{number} is odd", hint=f"{number + 1}")
    return number


def adder(text: str) -> Callable[[int], int]:
    """Reads a function."""
    by = int(text)
    return lambda number: number + by


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A table in a table."""

    first: int
    second: int = 2

    def __post_init__(self) -> None:
        if self.first > self.second:
            raise ValueError("first above second")


@dataclass(frozen=True, kw_only=True)
class Outer:
    """Every kind of value."""

    text: str = ""
    number: int = 0
    real: float = 0.0
    truth: bool = False
    colour: Colour = Colour.RED
    span: timedelta = timedelta(0)
    peers: Peers = field(default_factory=Peers)
    address: Address | None = None
    limit: int | None = 5
    maybe: int | None = None
    even: Annotated[int, even] = 0
    call: Annotated[Callable[[int], int], adder] = field(default=lambda number: number)
    row: tuple[int, ...] = ()
    by_name: Mapping[str, int] = field(default_factory=dict)
    inner: Inner = field(default=Inner(first=1))
    inners: tuple[Inner, ...] = ()
    rest: Annotated[Mapping[str, object], Rest] = field(default_factory=dict)


def read(values: Mapping[str, Any]) -> tuple[Outer, list[str]]:
    """What becomes of a table, and what is wrong with it."""
    reader = Reader({})
    made = reader.table(Outer, values, ())
    assert isinstance(made, Outer)
    return made, [
        f"{each.path}: {each.message}" + (f" ({each.hint})" if each.hint else "")
        for each in reader.mistakes
    ]


VALUES = [
    pytest.param("text", "x", "x", id="string"),
    pytest.param("number", 3, 3, id="number"),
    pytest.param("real", 3, 3.0, id="whole number for a number"),
    pytest.param("truth", True, True, id="truth"),
    pytest.param("colour", "green", Colour.GREEN, id="choice"),
    pytest.param("span", "5m", timedelta(minutes=5), id="time with a unit"),
    pytest.param("span", 5, timedelta(seconds=5), id="time in seconds"),
    pytest.param("span", 0.5, timedelta(seconds=0.5), id="time in parts of seconds"),
    pytest.param("address", "a@b.test", Address("a", "b.test"), id="address"),
    pytest.param("limit", "none", None, id="no limit"),
    pytest.param("limit", 7, 7, id="limit"),
    pytest.param("maybe", 0, 0, id="zero where None is the default"),
    pytest.param("even", 4, 4, id="checked"),
    pytest.param("row", [1, 2], (1, 2), id="array"),
    pytest.param("by_name", {"a": 1}, {"a": 1}, id="table of values"),
    pytest.param("inner", {"first": 2}, Inner(first=2), id="table"),
    pytest.param("inner", {"second": 9}, Inner(first=1, second=9), id="table over a default"),
    pytest.param("inners", [{"first": 2}], (Inner(first=2),), id="array of tables"),
]


@pytest.mark.parametrize(("key", "value", "expected"), VALUES)
def test_value(key: str, value: object, expected: object) -> None:
    """
    Each kind of value is read.
    """
    made, mistakes = read({key: value})

    assert [] == mistakes
    assert expected == getattr(made, key)
    assert type(expected) is type(getattr(made, key))


def test_peers_and_functions() -> None:
    """
    So are those that cannot be compared.
    """
    made, mistakes = read({"peers": ["192.0.2.0/24", "unix"], "call": "3"})

    assert [] == mistakes
    assert "192.0.2.7" in made.peers
    assert 5 == made.call(2)


@pytest.mark.parametrize(
    ("wanted", "value"),
    [
        pytest.param(int | str, "x", id="one of two types"),
        pytest.param(int | list[str] | None, ["x"], id="one of two types, or None"),
        pytest.param(Annotated[str, "what it is for"], "x", id="a note that checks nothing"),
        pytest.param(dict[str, int], {"a": 1}, id="a dict"),
        pytest.param(Literal["a", "b"], "a", id="a literal"),
    ],
)
def test_annotations_of_somebody_else(wanted: Any, value: object) -> None:
    """
    What a constructor of other people wants, and nobody here knows to read, it gets as it is.
    """
    reader = Reader({})

    assert value == reader.value(wanted, value, ("key",))
    assert () == reader.mistakes


def test_rest() -> None:
    """
    Keys that no field has are kept where a field wants them.
    """
    made, mistakes = read({"nobody": [1], "knows": {"it": 2}})

    assert [] == mistakes
    assert {"nobody": [1], "knows": {"it": 2}} == made.rest


MISTAKES = [
    pytest.param({"text": 3}, ["text: 3 where a string is expected"], id="no string"),
    pytest.param({"number": "3"}, ["number: '3' where a whole number is expected"], id="text"),
    pytest.param({"number": True}, ["number: true where a whole number is expected"], id="bool"),
    pytest.param({"number": 1.5}, ["number: 1.5 where a whole number is expected"], id="float"),
    pytest.param({"number": [1]}, ["number: an array where a whole number is expected"], id="row"),
    pytest.param({"number": -1}, ["number: a number below 0"], id="below zero"),
    pytest.param({"truth": 1}, ["truth: 1 where true or false is expected"], id="no bool"),
    pytest.param({"row": 1}, ["row: 1 where an array is expected"], id="no array"),
    pytest.param({"row": [1, "2"]}, ["row[1]: '2' where a whole number is expected"], id="element"),
    pytest.param({"inner": 1}, ["inner: 1 where a table is expected"], id="no table"),
    pytest.param({"by_name": [1]}, ["by_name: an array where a table is expected"], id="no names"),
    pytest.param(
        {"by_name": {"a b": "c"}},
        ["by_name.\"a b\": 'c' where a whole number is expected"],
        id="value by name",
    ),
    pytest.param(
        {"colour": "gren"},
        ['colour: "gren" is none of "red", "green" (did you mean green?)'],
        id="no choice",
    ),
    pytest.param(
        {"span": "5 weeks"},
        ['span: "5 weeks" is no time (seconds, or "30s", "5m", "4h", "5d")'],
        id="no time",
    ),
    pytest.param(
        {"span": "99999999999d"}, ['span: "99999999999d" is no time'], id="too many digits"
    ),
    pytest.param({"span": "9999999d"}, ["span: longer than a hundred years"], id="too many days"),
    pytest.param({"span": 10**20}, ["span: longer than a hundred years"], id="too many seconds"),
    pytest.param({"span": float("nan")}, ["span: no finite number"], id="span of nan"),
    pytest.param({"real": float("nan")}, ["real: no finite number"], id="nan"),
    pytest.param({"real": float("inf")}, ["real: no finite number"], id="infinite"),
    pytest.param({"real": 10**400}, ["real: no finite number"], id="no float"),
    pytest.param({"real": -(10**400)}, ["real: a number below 0"], id="no float below 0"),
    pytest.param({"address": "x"}, ["address: '@' expected"], id="no address"),
    pytest.param({"limit": 0}, ['limit: 0 lets nothing through ("none" is no limit)'], id="zero"),
    pytest.param({"even": 3}, ["even: 3 is odd (4)"], id="check with a hint"),
    pytest.param({"even": "x"}, ["even: 'x' where a whole number is expected"], id="check of none"),
    pytest.param({"inner": {"first": 3}}, ["inner: first above second"], id="contradiction"),
    pytest.param({"inners": [{}]}, ["inners[0]: first is missing"], id="missing key"),
    pytest.param(
        {"inners": [{"first": 1, "secnd": 2}]},
        ["inners[0].secnd: unknown key (did you mean second?)"],
        id="unknown key",
    ),
    pytest.param({"peers": ["x/y"]}, ["peers: 'x/y' does not appear"], id="no network"),
    pytest.param(
        {"number": "x" * 100}, [f"number: {'x' * 37 + '…'!r} where"], id="long values are cut"
    ),
]


@pytest.mark.parametrize(("values", "expected"), MISTAKES)
def test_mistake(values: Mapping[str, Any], expected: list[str]) -> None:
    """
    What is wrong is told with its path, and its default stands in for it.
    """
    made, mistakes = read(values)

    assert len(expected) == len(mistakes)
    assert all(each.startswith(start) for each, start in zip(mistakes, expected, strict=True))
    assert Outer().number == made.number


def test_all_at_once() -> None:
    """
    One mistake hides no other, in the same table or another.
    """
    _, mistakes = read({"text": 1, "number": "a", "inner": {"first": "b", "x": 1}, "row": ["c"]})

    assert ["text", "number", "row[0]", "inner.first", "inner.x"] == [
        each.partition(":")[0] for each in mistakes
    ]


def test_lines() -> None:
    """
    A mistake has the line of its key, or of the nearest table round it; they come in order.
    """
    reader = Reader({(): 1, ("row",): 5, ("inner",): 3})
    made = reader.table(Outer, {"row": ["x"], "inner": {"first": "x"}}, ())

    assert isinstance(made, Outer)
    assert [("inner.first", 3), ("row[0]", 5)] == [(m.path, m.line) for m in reader.mistakes]


def test_table_that_cannot_be_made() -> None:
    """
    Where a key must be given and is not, there is no table.
    """
    assert isinstance(Reader({}).table(Inner, {}, ()), Missing)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("30s", 30), ("5m", 300), ("4h", 14_400), ("5d", 432_000), ("1.5h", 5_400), ("1 d", 86_400)],
)
def test_duration(text: str, expected: float) -> None:
    """
    A number and a unit.
    """
    assert timedelta(seconds=expected) == duration(text)


@pytest.mark.parametrize("text", ["", "5", "m", "-5m", "5w", "5mm", "5m ", "1e3s", "٣m", "9" * 20])
def test_no_duration(text: str) -> None:
    """
    Nothing else.
    """
    with pytest.raises(Mistake):
        duration(text)


@pytest.mark.parametrize(
    ("word", "known", "expected"),
    [
        ("hostnam", ["hostname", "domains"], "did you mean hostname?"),
        ("zzz", ["hostname", "domains"], ""),
        ("x", [], ""),
    ],
)
def test_suggestion(word: str, known: list[str], expected: str) -> None:
    """
    The nearest word, if one is near.
    """
    assert expected == suggestion(word, known)
