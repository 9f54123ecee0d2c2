"""
What the SQL providers share: one database, one writer thread, one group commit.

Queue, mailboxes, accounts and shared state of one server live in one
:class:`~pymta.database.database.Database`, so that what they commit at one time is one sync.
``write`` hands entries that queued up for the same function to it together; ``read`` runs in a
small pool; ``watch`` is a doorbell for the commits of this and of other processes.
"""

from __future__ import annotations

from pymta.database.database import Database

__all__ = ["Database"]
