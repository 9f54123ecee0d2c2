"""
Content files: larger than a row should hold, made durable before the commit that names them.

A file on its way, and a finished one that no commit has named yet, is locked (``flock``) by whoever
writes it; the sweep of another process leaves locked files alone, so a restart needs to ask no
clock which orphans are old enough.  Names are random and say nothing (no subject, no sender).

All methods block: they run in threads of the database's pool.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pymta.database.location import give_to_the_server
from pymta.errors import MessageGone, SpoolError

__all__ = ["NewFile", "is_file_name", "read_file", "sync_folder", "unlink_file", "unlocked"]

_NAME = re.compile(r"[0-9a-f]{32}")
_PRIVATE = os.O_NOFOLLOW | os.O_CLOEXEC


class NewFile:
    """
    A file that grows.  Order: ``append`` any number of times, then ``sync`` or ``unlink``.

    Open and locked as long as anybody holds this object, so that no read meets another file
    under a descriptor that was closed meanwhile.  Unlinked with it, too, unless ``kept``: what
    was copied instead of named leaves nothing behind.

    :param random: that many random octets.
    """

    __slots__ = ("_broken", "_fd", "_unlinked", "folder", "kept", "name", "size")

    def __init__(self, folder: str, random: Callable[[int], bytes] = os.urandom) -> None:
        self.folder = folder
        self.name = random(16).hex()
        self.size = 0
        self.kept = False
        self._broken = False
        self._unlinked = False
        self._fd = -1
        with _no_room():
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | _PRIVATE
            self._fd = os.open(os.path.join(folder, self.name), flags, 0o600)
        give_to_the_server(self._fd, folder)
        fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def append(self, data: bytes) -> None:
        """:raises pymta.errors.SpoolError: no room, or an I/O error."""
        with _no_room():
            rest = memoryview(data)
            while rest:
                written = os.write(self._fd, rest)
                self.size += written
                rest = rest[written:]

    def read(self, start: int, stop: int) -> bytes:
        """The octets from ``start`` up to ``stop``."""
        return _read(self._fd, start, stop)

    def sync(self) -> None:
        """
        Make octets and name durable.

        :raises pymta.errors.SpoolError: they may not be.  From then on it always is: a second
            sync would succeed and prove nothing.
        """
        if self._broken:
            raise SpoolError("an earlier sync of this content failed")
        self._broken = True
        with _no_room():
            os.fsync(self._fd)
            sync_folder(self.folder)
        self._broken = False

    def unlink(self) -> None:
        """Nobody wants it.  Idempotent."""
        self._unlinked = True
        unlink_file(self.folder, self.name)

    def __del__(self) -> None:
        if self._fd < 0:
            return
        if not (self.kept or self._unlinked):
            unlink_file(self.folder, self.name)
        os.close(self._fd)


def sync_folder(folder: str) -> None:
    """Make the names in it durable."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_file(folder: str, name: str, start: int, stop: int) -> bytes:
    """
    The octets from ``start`` up to ``stop``.

    Opened for each call: what waits in the queue must not hold descriptors.

    :raises pymta.errors.MessageGone: the file has been unlinked.
    :raises pymta.errors.SpoolError: it cannot be read.
    """
    if not is_file_name(name):
        raise SpoolError(f"no name of a content file: {name!r}")
    try:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY | _PRIVATE)
    except FileNotFoundError:
        raise MessageGone("the content is no longer kept") from None
    except OSError as error:
        raise SpoolError(f"content cannot be read: {error.strerror}") from error
    try:
        return _read(fd, start, stop)
    finally:
        os.close(fd)


def unlink_file(folder: str, name: str) -> None:
    """Unlink it, if it is there."""
    if is_file_name(name):
        try:
            os.unlink(os.path.join(folder, name))
        except FileNotFoundError:
            pass


def is_file_name(name: str) -> bool:
    """Whether a file of ours could have that name: nothing else is opened or unlinked."""
    return _NAME.fullmatch(name) is not None


@contextmanager
def unlocked(folder: str, name: str) -> Iterator[bool]:
    """Whether nobody has it locked; while inside, nobody else can."""
    try:
        fd = os.open(os.path.join(folder, name), os.O_RDONLY | _PRIVATE)
    except OSError:
        yield False
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(fd)


def _read(fd: int, start: int, stop: int) -> bytes:
    wanted = stop - start
    read = []
    while wanted > 0:
        try:
            octets = os.pread(fd, wanted, start)
        except OSError as error:
            raise SpoolError(f"content cannot be read: {error.strerror}") from error
        if not octets:
            raise SpoolError("content is shorter than it was")
        read.append(octets)
        start += len(octets)
        wanted -= len(octets)
    return read[0] if len(read) == 1 else b"".join(read)


@contextmanager
def _no_room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        room = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise SpoolError(f"no room: {error}" if room else f"content: {error}") from error
