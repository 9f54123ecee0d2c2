"""
What the small servers do before they say 250: one file a message, synced, and its folder synced.
"""

from __future__ import annotations

import os
from itertools import count

__all__ = ["Folder"]


class Folder:
    """A folder with a file for each message."""

    def __init__(self, path: str) -> None:
        os.makedirs(path, exist_ok=True)
        self._path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        self._numbers = count(1)
        self.stored = 0

    def store(self, content: bytes) -> None:
        """Durable when this returns: it waits for the disk, twice."""
        name = os.path.join(self._path, f"{next(self._numbers)}.eml")
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.fsync(self._descriptor)
        self.stored += 1
