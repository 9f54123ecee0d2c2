"""
Bars for what takes longer: on standard error, if that is a terminal and nobody wants quiet.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Callable
from typing import Any, TypeAlias

from tqdm import tqdm

__all__ = ["Bar", "bar", "bar_beside_lines", "bar_beside_octets"]

Bar: TypeAlias = Callable[[Namespace, int, str], Any]
"""Makes a context manager with ``update(count)`` and ``write(line, file)``, gone when it ends."""


def bar(arguments: Namespace, total: int, unit: str) -> Any:
    """For commands that say what they did when they have done it."""
    return _bar(_silent(arguments), total=total, unit=f" {unit}")


def bar_beside_lines(arguments: Namespace, total: int, unit: str) -> Any:
    """For commands that write as they go: what comes on the terminal is progress enough."""
    return _bar(_silent(arguments, sys.stdout), total=total, unit=f" {unit}")


def bar_beside_octets(arguments: Namespace, total: int) -> Any:
    """The same, for octets."""
    return _bar(_silent(arguments, sys.stdout), total=total, unit="B", unit_scale=True)


def _silent(arguments: Namespace, *others: Any) -> bool:
    shown_elsewhere = any(file.isatty() for file in others)
    return arguments.quiet or shown_elsewhere or not sys.stderr.isatty()


def _bar(silent: object, **settings: Any) -> Any:
    return tqdm(file=sys.stderr, disable=silent, leave=False, **settings)
