"""
What one process of several does: whoever has its file locked, for as long as it lives.

The lock (``flock``) goes with the process, whatever ends it, and the next one that asks has it.
"""

from __future__ import annotations

import fcntl
import os
import time

from pymta.database.location import give_to_the_server

__all__ = ["Duty"]

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Duty:
    """
    :param path: of the file, which is made and never removed: that could not be done in one step.
    """

    __slots__ = ("_file", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._file: int | None = None

    @property
    def mine(self) -> bool:
        """Whether we have taken it."""
        return self._file is not None

    def take(self) -> bool:
        """
        Take it, if nobody has it.  Idempotent.  :returns: whether it is ours.

        :raises OSError: the file cannot be made.
        """
        if self._file is None:
            file = os.open(self.path, _FLAGS, 0o600)
            try:
                give_to_the_server(file, os.path.dirname(self.path))
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                return False
            except BaseException:
                os.close(file)
                raise
            self._file = file
        return True

    def wait(self, seconds: float) -> bool:
        """The same, and wait for whoever has it.  Blocks."""
        until = time.monotonic() + seconds
        while not self.take():
            if time.monotonic() > until:
                return False
            time.sleep(0.005)
        return True

    def leave(self) -> None:
        """Let somebody else have it.  Idempotent."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)

    def note(self, text: str) -> None:
        """Say who has it, in the file; it is ours."""
        assert self._file is not None
        os.ftruncate(self._file, 0)
        os.write(self._file, f"{text}\n".encode())

    def noted(self) -> str:
        """
        What was said last by whoever has it, or had it: twenty characters at most.

        :raises OSError: it cannot be read.
        """
        file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            return os.read(file, 20).decode("ascii", "replace").strip()
        finally:
            os.close(file)
