"""
Tests for finding the line of a key.
"""

from __future__ import annotations

import time
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.config.lines import Path, key_lines, spelled

DOCUMENT = '''\
# a comment, with a [table] in it
hostname = "a # b" # c
domains = [
    "a", # one
    "b, ]",
]
a.b . "c.d" = 1

[tls]
certificate = """
[not.a.table]
x = 1
"""
'key' = 'C:\\'
[tls.names]
"mail.example.org" = { certificate = "a", key = "b" }

[[listeners]]
endpoint = "tcp:25"

[[listeners]]
  endpoint = "tcp:26"
  [listeners.more]
  x = 2026-01-01T00:00:00Z
[[listeners.inner]]
y = [[1, 2], [
3]]
'''

PLACES = [
    (("hostname",), 2),
    (("domains",), 3),
    (("domains", 0), 4),
    (("domains", 1), 5),
    (("a",), 7),
    (("a", "b"), 7),
    (("a", "b", "c.d"), 7),
    (("tls",), 9),
    (("tls", "certificate"), 10),
    (("tls", "key"), 14),
    (("tls", "names"), 15),
    (("tls", "names", "mail.example.org"), 16),
    (("tls", "names", "mail.example.org", "key"), 16),
    (("listeners",), 18),
    (("listeners", 0), 18),
    (("listeners", 0, "endpoint"), 19),
    (("listeners", 1), 21),
    (("listeners", 1, "endpoint"), 22),
    (("listeners", 1, "more"), 23),
    (("listeners", 1, "more", "x"), 24),
    (("listeners", 1, "inner", 0), 25),
    (("listeners", 1, "inner", 0, "y"), 26),
    (("listeners", 1, "inner", 0, "y", 1, 0), 27),
]


def paths(value: Any, path: Path = ()) -> list[Path]:
    """All paths of a parsed document."""
    found = [path]
    steps: dict[Any, Any] = value if isinstance(value, dict) else {}
    if isinstance(value, list):
        steps = dict(enumerate(value))
    for step, inner in steps.items():
        found += paths(inner, (*path, step))
    return found


@pytest.mark.parametrize(("path", "line"), PLACES, ids=lambda value: str(value))
def test_line_of_a_key(path: Path, line: int) -> None:
    """
    Each key is found on its line, whatever stands in strings and comments.
    """
    assert line == key_lines(DOCUMENT)[path]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_key_is_found(newline: str) -> None:
    """
    The scanner finds exactly what tomllib finds, with either end of line.
    """
    text = DOCUMENT.replace("\n", newline)

    assert set(paths(tomllib.loads(text))) == set(key_lines(text))


KEYS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), max_size=5)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(KEYS, st.dictionaries(KEYS, st.text(max_size=3), max_size=3), max_size=4))
def test_any_keys(tables: dict[str, dict[str, str]]) -> None:
    """
    Whatever characters the keys have: each is found, on its line.
    """
    expected: dict[Path, int] = {(): 1}
    lines = []
    for name, table in tables.items():
        lines.append(f'["{name}"] # ]')
        expected[(name,)] = len(lines)
        for key, value in table.items():
            literal = "".join(f"\\U{ord(character):08x}" for character in value)
            lines.append(f'"{key}" = "{literal}"')
            expected[(name, key)] = len(lines)
    text = "\n".join(lines)

    assert set(expected) == set(paths(tomllib.loads(text)))
    assert expected == key_lines(text)


@pytest.mark.parametrize("text", ["[", "a = [", "= 1", "a = {b", 'a = "', "[[", "a", "a =", "]"])
def test_no_document(text: str) -> None:
    """
    What is no TOML costs lines, and raises nothing.
    """
    assert {(): 1} == {path: line for path, line in key_lines(text).items() if not path}


def test_large_document_is_linear() -> None:
    """
    A document of a megabyte takes a moment.
    """
    text = "".join(f"key{number} = [1, 2, {{a = 'b'}}]\n" for number in range(40_000))
    began = time.perf_counter()

    assert 40_000 == key_lines(text)["key39999",]
    assert time.perf_counter() - began < 5


def test_deep_document() -> None:
    """
    Nesting without end is no crash.
    """
    assert 1 == key_lines("a = " + "[" * 100_000)["a",]


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("hostname",), "hostname"),
        (("listeners", 0, "endpoint"), "listeners[0].endpoint"),
        (("tls", "names", "a.b"), 'tls.names."a.b"'),
    ],
)
def test_spelled(path: Path, text: str) -> None:
    """
    A path is written as TOML would write it.
    """
    assert text == spelled(path)
