"""
From TOML values to constructors: one table, one dataclass, one key, one field.

The dataclass says everything: which keys there are, of what types, which may be left out.  A
mistake is noted and reading goes on, so that all of them are told at once.
"""

from __future__ import annotations

import difflib
import math
import re
import types
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from datetime import timedelta
from enum import Enum
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

from pymta.address import Address
from pymta.config.lines import Path, spelled
from pymta.edge.peers import Peers
from pymta.errors import Mistake

__all__ = ["NONE", "Missing", "Reader", "Rest", "default_of", "duration", "hints_of", "suggestion"]

T = TypeVar("T")

NONE = "none"
"""Stands for None, which TOML has not, where a field has another default."""


class Rest:
    """Marks the field that gets the keys that no other field has: ``Annotated[…, Rest]``."""


class Missing:
    """What a value is that could not be read: a mistake was noted."""


_MISSING = Missing()
_MAPPING = get_origin(Mapping[str, object])

_LONGEST = 36_500 * 86_400.0
_HUGE = 10**300  # near where whole numbers have no float any more
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?) ?([smhd])")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_NAMES: Mapping[type, str] = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "an array",
    dict: "a table",
}


class Reader:
    """:param lines: of :func:`~pymta.config.lines.key_lines`."""

    def __init__(self, lines: Mapping[Path, int]) -> None:
        self._lines = lines
        self._mistakes: list[Mistake] = []
        self.made: dict[Path, object] = {}
        """The tables that could be read, each by its path."""

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        """In the order of their lines."""
        return tuple(sorted(self._mistakes, key=lambda mistake: mistake.line or 0))

    def note(self, path: Path, message: str, hint: str = "") -> None:
        """Something is wrong there."""
        line = self.line(path)
        self._mistakes.append(Mistake(message, path=spelled(path), line=line, hint=hint))

    def line(self, path: Path) -> int | None:
        """Where it stands, or the nearest table round it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path)

    def table(
        self, kind: type[T], values: Mapping[str, Any], path: Path, default: T | None = None
    ) -> T | Missing:
        """
        Make one of these from a table.

        :param default: what keys that are left out are taken from, in place of the class's own.
        """
        hints = hints_of(kind)
        rest = _rest(hints)
        read: dict[str, Any] = {}
        for each in _given_at_construction(kind):
            if each.name != rest:
                read[each.name] = self._field(each, hints[each.name], values, path, default)
        others = {key: value for key, value in values.items() if key not in read}
        if rest is not None:
            read[rest] = others
        else:
            self._unknown(others, read, path)
        if _MISSING in read.values():
            return _MISSING
        made = self._called(kind, read, path)
        if made is not _MISSING:
            self.made[path] = made
        return made

    def value(self, wanted: Any, value: object, path: Path, default: Any = None) -> Any:
        """Make a value of the annotated type."""
        if get_origin(wanted) is Annotated:
            inner, *checks = get_args(wanted)
            if get_origin(inner) is Callable:
                inner = str  # a function is written as text, which the check reads
            return self._checked(self.value(inner, value, path, default), checks, path)
        if get_origin(wanted) in (Union, types.UnionType):
            return self._optional(wanted, value, path, default)
        if get_origin(wanted) is tuple:
            return self._array(get_args(wanted)[0], value, path)
        if get_origin(wanted) is _MAPPING:
            return self._mapping(get_args(wanted), value, path)
        if is_dataclass(wanted) and wanted is not Address:
            assert isinstance(wanted, type)
            values = self._typed(dict, value, path)
            return values if values is _MISSING else self.table(wanted, values, path, default)
        return self._leaf(wanted, value, path)

    # -- one field -----------------------------------------------------------------

    def _field(
        self, each: Field[Any], wanted: Any, values: Mapping[str, Any], path: Path, default: object
    ) -> Any:
        own = default_of(each) if default is None else getattr(default, each.name)
        if each.name in values:
            read = self.value(wanted, values[each.name], (*path, each.name), own)
            # One mistake must not hide others: what needs this table goes on with the default.
            return own if read is _MISSING and own is not MISSING else read
        if own is MISSING:
            self.note(path, f"{each.name} is missing")
            return _MISSING
        return own

    def _unknown(self, others: Iterable[str], known: Iterable[str], path: Path) -> None:
        for key in others:
            self.note((*path, key), "unknown key", suggestion(key, known))

    def _called(self, kind: Callable[..., T], read: Mapping[str, Any], path: Path) -> T | Missing:
        try:
            return kind(**read)
        except ValueError as error:
            self._wrong(path, error)
            return _MISSING

    def _wrong(self, path: Path, error: ValueError) -> None:
        hint = error.hint if isinstance(error, Mistake) else ""
        self.note(path, str(error), hint)

    # -- kinds of values -------------------------------------------------------------

    def _checked(self, value: Any, checks: Iterable[Any], path: Path) -> Any:
        for check in checks:
            if value is _MISSING or check is Rest:
                return value
            if not callable(check):
                continue  # somebody else's note
            value = self._called(lambda check=check, value=value: check(value), {}, path)
        return value

    def _optional(self, wanted: Any, value: object, path: Path, default: object) -> Any:
        inner = [kind for kind in get_args(wanted) if kind is not types.NoneType]
        if len(inner) > 1:
            return value  # somebody else's constructor knows which
        if value == NONE and inner[0] is not str and not _is_choice(inner[0]):
            return None
        if value == 0 and not isinstance(value, bool) and default is not None:
            self.note(path, "0 lets nothing through", f'"{NONE}" is no limit')
            return _MISSING
        return self.value(inner[0], value, path, default)

    def _array(self, wanted: Any, value: object, path: Path) -> Any:
        values = self._typed(list, value, path)
        if values is _MISSING:
            return _MISSING
        read = [self.value(wanted, each, (*path, at)) for at, each in enumerate(values)]
        return _MISSING if _MISSING in read else tuple(read)

    def _mapping(self, wanted: tuple[Any, Any], value: object, path: Path) -> Any:
        values = self._typed(dict, value, path)
        if values is _MISSING:
            return _MISSING
        keys = [self.value(wanted[0], key, (*path, key)) for key in values]
        read = [self.value(wanted[1], each, (*path, key)) for key, each in values.items()]
        if _MISSING in keys or _MISSING in read:
            return _MISSING
        return dict(zip(keys, read, strict=True))

    def _leaf(self, wanted: Any, value: object, path: Path) -> Any:
        if _is_choice(wanted):
            return self._choice(wanted, value, path)
        if wanted is timedelta:
            return self._duration(value, path)
        if wanted is Peers:
            names = self._array(str, value, path)
            return names if names is _MISSING else self._called(Peers, {"networks": names}, path)
        if wanted is Address:
            text = self._typed(str, value, path)
            parse = {"text": text}
            return text if text is _MISSING else self._called(Address.parse, parse, path)
        return self._plain(wanted, value, path)

    def _plain(self, wanted: type, value: object, path: Path) -> Any:
        if wanted not in _NAMES:
            return value  # somebody else's type, in somebody else's constructor
        value = self._typed(wanted, value, path)
        if isinstance(value, int | float) and not 0 <= value < math.inf:
            self.note(path, "a number below 0" if value < 0 else "no finite number")
            return _MISSING
        return value

    def _choice(self, wanted: type[Enum], value: object, path: Path) -> Any:
        text = self._typed(str, value, path)
        if text is _MISSING:
            return _MISSING
        names = {_name(member): member for member in wanted}
        if text not in names:
            known = ", ".join(f'"{name}"' for name in names)
            self.note(path, f'"{text}" is none of {known}', suggestion(text, names))
            return _MISSING
        return names[text]

    def _duration(self, value: object, path: Path) -> Any:
        if isinstance(value, str):
            return self._called(duration, {"text": value}, path)
        seconds = self._plain(float, value, path)
        return seconds if seconds is _MISSING else self._called(_span, {"seconds": seconds}, path)

    def _typed(self, wanted: type, value: object, path: Path) -> Any:
        if wanted is float and type(value) is int:
            return float(value) if abs(value) < _HUGE else math.inf if value > 0 else -math.inf
        # A bool is an int in Python, and is none here.
        if type(value) is not wanted:
            self.note(path, f"{_described(value)} where {_NAMES[wanted]} is expected")
            return _MISSING
        return value


def duration(text: str) -> timedelta:
    """``30s``, ``5m``, ``4h`` or ``5d``.  :raises Mistake: it is none."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise Mistake(f'"{text}" is no time', hint='seconds, or "30s", "5m", "4h", "5d"')
    return _span(float(found[1]) * _UNITS[found[2]])


def _span(seconds: float) -> timedelta:
    """:raises Mistake: so long that now and it might be no date any more."""
    if seconds > _LONGEST:
        raise Mistake("longer than a hundred years")
    return timedelta(seconds=seconds)


def suggestion(word: str, known: Iterable[str]) -> str:
    """A hint with the nearest of the known words; empty if none is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else ""


def hints_of(kind: type[Any]) -> dict[str, Any]:
    """The annotations of a dataclass, resolved."""
    return get_type_hints(kind, include_extras=True)


def _is_choice(wanted: Any) -> bool:
    return isinstance(wanted, type) and issubclass(wanted, Enum)


def _rest(hints: Mapping[str, Any]) -> str | None:
    return next((name for name, hint in hints.items() if Rest in get_args(hint)), None)


def _given_at_construction(kind: Any) -> list[Field[Any]]:
    return [each for each in fields(kind) if each.init]


def default_of(each: Field[Any]) -> Any:
    """Of one field; ``dataclasses.MISSING`` for none."""
    if each.default_factory is not MISSING:
        return each.default_factory()
    return each.default


def _name(member: Enum) -> str:
    return str(member.value) if isinstance(member.value, str) else member.name.lower()


def _described(value: object) -> str:
    if isinstance(value, dict | list):
        return _NAMES[type(value)]
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    return repr(text if len(text) <= 40 else f"{text[:37]}…") if isinstance(value, str) else text
