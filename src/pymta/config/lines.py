"""
On which line of a TOML document each key stands: ``tomllib`` parses, but does not tell.

The scanner reads what ``tomllib`` has accepted already, so it does not check anything; a document
that it does not understand costs line numbers and nothing else.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from typing import TypeAlias

__all__ = ["Path", "key_lines", "spelled"]

Path: TypeAlias = tuple[str | int, ...]
"""Keys, and positions in arrays, from the top."""

_SPACE = re.compile(r"[ \t]*")
_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\r\n#]*")


def key_lines(text: str) -> dict[Path, int]:
    """
    The line of each key, table and array element, from 1.

    A table made of several lines stands at its first; the document itself, ``()``, at line 1.
    """
    scanner = _Scanner(text)
    try:
        scanner.document()
    except (ValueError, IndexError, RecursionError):
        pass
    return scanner.lines


def spelled(path: Path) -> str:
    """``listeners[0].endpoint``: as in messages, positions from 0."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if _BARE_KEY.fullmatch(step) else f'"{step}"'
            text += f".{name}" if text else name
    return text


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        # Where the last line was counted, so that counting is linear.
        self._counted = (0, 1)
        self._elements: Counter[Path] = Counter()
        self.lines: dict[Path, int] = {(): 1}

    def document(self) -> None:
        table: Path = ()
        while True:
            self._skip(_BLANK)
            if self._at >= len(self._text):
                return
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> Path:
        start = self._at
        is_array = self._text.startswith("[[", self._at)
        self._at += 2 if is_array else 1
        path = self._resolved(self._key())
        if is_array:
            position = self._elements[path]
            self._elements[path] += 1
            self._note(path, start)
            path = (*path, position)
        self._note(path, start)
        self._at += 2 if is_array else 1
        return path

    def _resolved(self, key: Path) -> Path:
        """A header's path through arrays of tables, of which the last element is meant."""
        path: Path = ()
        for step in key[:-1]:
            path = (*path, step)
            if path in self._elements:
                path = (*path, self._elements[path] - 1)
        return (*path, key[-1])

    def _pair(self, table: Path) -> None:
        start = self._at
        key = self._key()
        path = (*table, *key)
        for length in range(len(table) + 1, len(path) + 1):
            self._note(path[:length], start)
        self._expect("=")
        self._skip(_SPACE)
        self._value(path)

    def _key(self) -> Path:
        steps = [self._simple_key()]
        while self._peek() == ".":
            self._at += 1
            steps.append(self._simple_key())
        return tuple(steps)

    def _simple_key(self) -> str:
        self._skip(_SPACE)
        quoted = self._text[self._at] in "\"'"
        found = (_STRING if quoted else _BARE_KEY).match(self._text, self._at)
        if found is None:
            raise ValueError("no key")
        self._at = found.end()
        self._skip(_SPACE)
        if not quoted:
            return found[0]
        key = tomllib.loads(f"key = {found[0]}")["key"]
        assert isinstance(key, str)
        return key

    def _value(self, path: Path) -> None:
        first = self._text[self._at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        elif first in "\"'":
            self._skip(_STRING)
        else:
            self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        self._at += 1
        position = 0
        while True:
            self._skip(_BLANK)
            if self._peek() == "]":
                self._at += 1
                return
            self._note((*path, position), self._at)
            self._value((*path, position))
            position += 1
            self._skip(_BLANK)
            if self._peek() == ",":
                self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while True:
            self._skip(_BLANK)
            if self._peek() == "}":
                self._at += 1
                return
            self._pair(path)
            self._skip(_BLANK)
            if self._peek() == ",":
                self._at += 1

    def _peek(self) -> str:
        return self._text[self._at]

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise ValueError(f"{character} expected")
        self._at += 1

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise ValueError("nothing to skip")
        self._at = found.end()

    def _note(self, path: Path, position: int) -> None:
        at, line = self._counted
        line += self._text.count("\n", at, position)
        self._counted = (position, line)
        self.lines.setdefault(path, line)
