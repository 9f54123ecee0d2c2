"""
All that changes files, one call a step: what a crash leaves is what lies between two of them.

Links are never followed: what a folder holds was put there by whoever may write to it, and must not
lead out of it.  Who may read a new file is who may read its folder, as Dovecot has it: where a
group shares a Maildir, it shares all of it.
"""

from __future__ import annotations

import os
import shutil
import stat

__all__ = ["Disk"]

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
_FOLDER = 0o700
_READ_AND_WRITE = 0o666


class Disk:
    """Blocks: for threads."""

    def write(self, path: str, octets: bytes) -> None:
        """Add octets at the end of a file, which is made if it is not there."""
        file = _create(path, os.O_APPEND)
        try:
            _write(file, octets)
        finally:
            os.close(file)

    def seal(self, path: str, date: int | None) -> None:
        """Make a file durable.  :param date: its time of change, in nanoseconds."""
        file = os.open(path, _FLAGS | os.O_RDONLY)
        try:
            if date is not None:
                os.utime(file, ns=(date, date))
            os.fsync(file)
        finally:
            os.close(file)

    def append(self, path: str, octets: bytes) -> None:
        """Add octets at the end of a file that is there, durably."""
        file = os.open(path, _FLAGS | os.O_WRONLY | os.O_APPEND)
        try:
            _write(file, octets)
            os.fsync(file)
        finally:
            os.close(file)

    def put(self, path: str, octets: bytes) -> None:
        """A whole file in place of the one that is there, if any: as it was or as it is to be."""
        beside = f"{path}.pymta"
        file = _create(beside, os.O_TRUNC)
        try:
            _write(file, octets)
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(beside, path)
        self.sync_folder(os.path.dirname(path))

    def rename(self, source: str, target: str) -> None:
        """:raises FileNotFoundError: as it says."""
        os.rename(source, target)

    def link(self, source: str, target: str) -> None:
        """A second name.  :raises FileNotFoundError: as it says."""
        os.link(source, target, follow_symlinks=False)

    def unlink(self, path: str) -> None:
        """It is not there any more, whether it was or not."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass

    def make_folder(self, path: str, like: str) -> None:
        """It is there, with the folders above; a new one has the mode of ``like``, if that is."""
        if os.path.isdir(path):
            return
        os.makedirs(path, _FOLDER, exist_ok=True)
        os.chmod(path, stat.S_IMODE(os.stat(like).st_mode))

    def sync_folder(self, path: str) -> None:
        """Make the names in it durable; one that is gone has none."""
        try:
            folder = os.open(path, _FLAGS | os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            return
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def remove_tree(self, path: str) -> None:
        """A folder with all that is in it."""
        shutil.rmtree(path, ignore_errors=True)


def _create(path: str, flags: int) -> int:
    file = os.open(path, _FLAGS | os.O_WRONLY | os.O_CREAT | flags, 0o600)
    mode = os.stat(os.path.dirname(path)).st_mode & _READ_AND_WRITE
    if mode != 0o600:
        # Not by open(): the umask is for what has no folder to go by.
        os.fchmod(file, mode)
    return file


def _write(file: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(file, rest) :]
