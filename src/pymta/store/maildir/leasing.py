"""
The lock of POP3 against POP3: a lease in a row of the index.

A process that dies renews nothing, and its lease ends :data:`LEASE` seconds later at most.
"""

from __future__ import annotations

from pymta.errors import MailboxInUse
from pymta.store.maildir.work import Work

__all__ = ["LEASE", "RENEWAL", "give_back", "renew", "take"]

LEASE = 45.0
RENEWAL = 15.0
"""Seconds: two renewals may fail before the lease ends, and it ends within a minute."""


def take(work: Work, guid: str, owner: str) -> None:
    """:raises MailboxInUse: :raises NoSuchMailbox: as they say."""
    box, now = work.box(guid), work.rules.now()
    # A lease longer than any was taken before the clock went back: it would have been renewed.
    held = work.connection.execute(
        "SELECT 1 FROM locks WHERE box = ? AND until > ? AND until <= ?", (box.id, now, _until(now))
    ).fetchone()
    if held is not None:
        raise MailboxInUse(f"{box.name} is locked by another session")
    row = (box.id, owner, _until(now))
    work.connection.execute("INSERT OR REPLACE INTO locks VALUES (?, ?, ?)", row)


def renew(work: Work, owner: str) -> None:
    """Make a lease longer.  One that ended and went to somebody else stays theirs."""
    until = _until(work.rules.now())
    work.connection.execute("UPDATE locks SET until = ? WHERE owner = ?", (until, owner))


def give_back(work: Work, owner: str) -> None:
    """Let go; of one that is somebody else's by now, nothing."""
    work.connection.execute("DELETE FROM locks WHERE owner = ?", (owner,))


def _until(now: int) -> int:
    return now + int(LEASE * 1_000_000)
