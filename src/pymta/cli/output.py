"""
What commands write: on standard output what was asked for, on standard error all else.
"""

from __future__ import annotations

import json
import sys
from types import TracebackType
from typing import Any

__all__ = ["Listing", "complain", "counted", "say", "say_json"]


def say(text: str) -> None:
    """A line, or several, at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def say_json(value: Any) -> None:
    """One JSON value, in a line."""
    say(json.dumps(value))


def complain(text: str) -> None:
    """Why it was not done."""
    sys.stderr.write(f"pymta: {text}\n")


def counted(number: int, thing: str) -> str:
    """``1 recipient``, ``2 recipients``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


class Listing:
    """
    Many of a kind, each written as soon as it is known: as lines, or as one JSON array.

    :param as_json: which of the two.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._between = "["

    def __enter__(self) -> Listing:
        return self

    def add(self, line: str, value: Any) -> None:
        """One more."""
        if self._as_json:
            sys.stdout.write(f"{self._between}{json.dumps(value)}")
            self._between = ",\n"
        else:
            sys.stdout.write(f"{line}\n")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._as_json and error is None:
            sys.stdout.write("]\n" if self._between != "[" else "[]\n")
        sys.stdout.flush()
