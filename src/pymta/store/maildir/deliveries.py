"""
The keys by which deliveries are known again.
"""

from __future__ import annotations

import hashlib

from pymta.mailbox import UID
from pymta.store.maildir.boxes import Box
from pymta.store.maildir.work import Work

__all__ = ["KEPT", "delivered", "key_of", "remember"]

KEPT = 31 * 86400 * 1_000_000
"""Microseconds that a delivery is known, also when its message is gone."""


def key_of(delivery_id: str | None) -> str | None:
    """What stands in names of files, so that an index made anew knows it too."""
    if delivery_id is None:
        return None
    return hashlib.sha256(delivery_id.encode()).hexdigest()[:32]


def delivered(work: Work, box: Box, key: str | None) -> UID | None:
    """The UID that it has, or had."""
    if key is None:
        return None
    row = work.connection.execute(
        "SELECT uid FROM deliveries WHERE box = ? AND key = ?", (box.id, key)
    ).fetchone()
    return None if row is None else UID(row[0])


def remember(work: Work, box: Box, key: str | None, uid: int) -> None:
    """It was delivered."""
    if key is not None:
        row = (box.id, key, uid, work.rules.now())
        work.connection.execute("INSERT INTO deliveries VALUES (?, ?, ?, ?)", row)
