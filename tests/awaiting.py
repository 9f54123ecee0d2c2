"""
Awaitables in tests whose clock stands still: what does not wait has ended at once.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TypeVar

from pymta.aio import deferred

__all__ = ["now_done"]

T = TypeVar("T")


def now_done(awaitable: Awaitable[T]) -> T:
    """The result of what does not wait, or its exception."""
    results: list[T] = []
    failures: list[BaseException] = []
    waiting = deferred(awaitable)
    waiting.addCallbacks(results.append, lambda no: failures.append(no.value))  # type: ignore[unused-awaitable]  # seen below
    if failures:
        raise failures[0]
    assert results, "it waits"
    return results[0]
