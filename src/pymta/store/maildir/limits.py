"""
Limits of an account: one line in a file of ours, so that they outlive the index.
"""

from __future__ import annotations

from pymta.store.maildir.boxes import used
from pymta.store.maildir.work import FOLDER, Work, read_file

__all__ = ["check_room", "limits_of", "set_limits"]

_FILE = f"{FOLDER}/quota"


def limits_of(work: Work) -> tuple[int | None, int | None]:
    """Octets and messages; None is no limit."""
    words = read_file(work.path(_FILE)).split()
    if len(words) != 2:
        return None, None
    octets, messages = (int(word) if word.isdigit() else None for word in words)
    return octets, messages


def set_limits(work: Work, octets: int | None, messages: int | None) -> None:
    """Keep them."""
    words = ("-" if limit is None else str(limit) for limit in (octets, messages))
    work.rules.disk.put(work.path(_FILE), " ".join(words).encode() + b"\n")


def check_room(work: Work, octets: int, messages: int) -> None:
    """:raises pymta.errors.OverQuota: that many more would not fit."""
    limits = limits_of(work)
    if limits != (None, None):
        used(work.connection, limits).check(octets, messages)
