"""
What a copy must not pass over: messages that a client knows by their numbers.

Others may remove them up to the moment of the commit, so it is there that they are looked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from pymta.errors import MessageGone
from pymta.mailbox import UIDSet

__all__ = ["check_needed"]


def check_needed(needed: UIDSet | None, there: Iterable[int]) -> None:
    """:raises MessageGone: one that is needed is not there."""
    if needed is not None and (gone := needed - UIDSet(there)):
        raise MessageGone(f"gone meanwhile: {gone}")
