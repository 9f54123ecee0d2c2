"""
Locks between processes: ours between ours, and those of files that other programs write too.

Ours is ``flock``, which ends with its process.  Theirs is a *dotlock*: a file that is made and
removed, with ``PID:HOST`` in it.  Always in this order, dotlocks sorted; other programs have one
at a time.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pymta.errors import MailboxError

__all__ = ["break_stale", "dotlocked", "flocked"]

_WAIT = 30.0
"""Seconds.  Who holds one longer is stopped or dead; the caller answers "later"."""
_STALE = 120.0
"""Seconds after which Dovecot takes a dotlock for one of a process that died; so do we."""


@contextmanager
def flocked(path: str) -> Iterator[None]:
    """
    Have the lock of a file, which is made if it is not there.

    :raises MailboxError: nobody gave it back for half a minute.
    """
    file = _flock(path)
    try:
        yield
    finally:
        os.close(file)


def _flock(path: str) -> int:
    until = time.monotonic() + _WAIT
    pause = 0.001
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _same(file, path):
                return file
        except BlockingIOError:
            pass
        except BaseException:
            os.close(file)
            raise
        # Taken by another process, or removed while we waited for it.
        os.close(file)
        if time.monotonic() > until:
            raise MailboxError("the mailboxes are locked by another process")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def _same(file: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(path))
    except FileNotFoundError:
        return False


@contextmanager
def dotlocked(path: str) -> Iterator[None]:
    """
    Have a dotlock.

    :raises MailboxError: another program held it for half a minute.
    """
    until = time.monotonic() + _WAIT
    while not _make(path):
        if _is_stale(path):
            _remove(path)
            continue
        if time.monotonic() > until:
            raise MailboxError("a mailbox is locked by another program")
        time.sleep(0.01)
    try:
        yield
    finally:
        _remove(path)


def break_stale(path: str) -> None:
    """Remove the dotlock of a process that died."""
    if _is_stale(path):
        _remove(path)


def _make(path: str) -> bool:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return False
    try:
        os.write(file, f"{os.getpid()}:{socket.gethostname()}".encode())
    finally:
        os.close(file)
    return True


def _is_stale(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            owner = file.read(300)
            age = time.time() - os.fstat(file.fileno()).st_mtime
    except FileNotFoundError:
        return False
    pid, _, host = owner.partition(b":")
    if host.decode("utf-8", "replace") == socket.gethostname() and pid.isdigit():
        return not _is_alive(int(pid))
    return age > _STALE


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
