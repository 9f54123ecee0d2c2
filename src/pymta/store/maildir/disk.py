"""
All that changes files, one call a step: what a crash leaves is what lies between two of them.

Links are never followed: what a folder holds was put there by whoever may write to it, and must not
lead out of it.
"""

from __future__ import annotations

import os
import shutil

__all__ = ["Disk"]

_FLAGS = os.O_CLOEXEC | os.O_NOFOLLOW
_FILE = 0o600
_FOLDER = 0o700


class Disk:
    """Blocks: for threads."""

    def write(self, path: str, octets: bytes) -> None:
        """Add octets at the end of a file, which is made if it is not there."""
        file = os.open(path, _FLAGS | os.O_WRONLY | os.O_APPEND | os.O_CREAT, _FILE)
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
        file = os.open(beside, _FLAGS | os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE)
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

    def make_folder(self, path: str) -> None:
        """It is there, with the folders above."""
        os.makedirs(path, _FOLDER, exist_ok=True)

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


def _write(file: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(file, rest) :]
