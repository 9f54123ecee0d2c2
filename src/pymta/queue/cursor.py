"""
Where a page of the queue goes on: behind the mail of that number.
"""

from __future__ import annotations

__all__ = ["number_of"]


def number_of(cursor: str | None) -> int:
    """
    The number of the last mail of the page before; 0 where there was none.

    :raises ValueError: no queue has given this one.
    """
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdigit()):
        raise ValueError(f"no cursor of this queue: {cursor!r}")
    return int(cursor)
