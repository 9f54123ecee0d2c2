"""
What is done later: octets that nobody can ask for any more, and what a crash left lying about.
"""

from __future__ import annotations

import os
import time

from pymta.store.maildir import subscriptions, uidlist
from pymta.store.maildir.deliveries import KEPT
from pymta.store.maildir.expunging import RETENTION
from pymta.store.maildir.locking import break_stale
from pymta.store.maildir.steps import read_names
from pymta.store.maildir.work import REMOVED, STAGED, Work

__all__ = ["sweep"]

_ABANDONED = 36 * 3600
"""Seconds after which a file in ``tmp`` is nobody's: what Maildir has always said."""


def sweep(work: Work) -> None:
    """All of an account, under its lock: nobody has anything under way."""
    now = work.rules.now()
    run = work.connection.execute
    rows = run("SELECT file FROM buried WHERE since < ?", (now - RETENTION,)).fetchall()
    for (file,) in rows:
        work.rules.disk.unlink(work.path(file))
    run("DELETE FROM buried WHERE since < ?", (now - RETENTION,))
    run("DELETE FROM deliveries WHERE at < ?", (now - KEPT,))
    _sweep_removed(work)
    for name in os.listdir(work.path(STAGED)):
        work.rules.disk.remove_tree(work.path(STAGED, name))
    for (folder,) in run("SELECT folder FROM boxes").fetchall():
        _sweep_old(work, work.path(folder, "tmp"), _ABANDONED)
        for lock in (uidlist.LOCK, subscriptions.LOCK):
            break_stale(work.path(folder, lock))


def _sweep_removed(work: Work) -> None:
    """Folders of deleted mailboxes, and files that an index which is gone knew."""
    known = {file for (file,) in work.connection.execute("SELECT file FROM buried")}
    for name in os.listdir(work.path(REMOVED)):
        path = work.path(REMOVED, name)
        if os.path.isdir(path) and not os.path.islink(path):
            work.rules.disk.remove_tree(path)
        elif f"{REMOVED}/{name}" not in known and _is_older(path, RETENTION // 1_000_000):
            work.rules.disk.unlink(path)


def _sweep_old(work: Work, folder: str, seconds: float) -> None:
    for name in read_names(folder):
        path = os.path.join(folder, name)
        if _is_older(path, seconds):
            work.rules.disk.unlink(path)


def _is_older(path: str, seconds: float) -> bool:
    # The time of change is the internal date; this one is when it came here.
    try:
        return os.lstat(path).st_ctime < time.time() - seconds
    except FileNotFoundError:
        return False
