"""
One server a folder and owner name, for as long as it lives.

Whoever starts takes back at once what an owner of its name had claimed before a crash: a second
server of the same name would take it from the first while that works on it, and mail would be
delivered twice.  The lock (``flock``) is the process's own, so that no crash leaves one behind,
and it is taken by ``start``: what ``twistd`` forks before that has none.

==========  ==========================  ======================================
state       on disk                     what a crash leaves
==========  ==========================  ======================================
free        no file, or one unlocked    the same
held        the file, locked            the file, unlocked: free
==========  ==========================  ======================================
"""

from __future__ import annotations

import fcntl
import os
from hashlib import sha256

from pymta.database.location import make_folder
from pymta.errors import Mistake

__all__ = ["Ownership"]

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


class Ownership:
    """
    A part, to be started before anything in the folder is touched.

    :param directory: made if it is not there.
    :param owner: servers of other names may work there as well.
    """

    def __init__(self, directory: str, owner: str) -> None:
        self._directory = directory
        self._owner = owner
        self._file: int | None = None

    @property
    def path(self) -> str:
        """The file that is locked.  It is never removed: that could not be done in one step."""
        # S14: what an operator has written is no file name.
        name = sha256(self._owner.encode()).hexdigest()[:16]
        return os.path.join(self._directory, f"owner-{name}.lock")

    async def start(self) -> None:
        """:raises Mistake: there is another one.  :raises OSError: the file cannot be made."""
        make_folder(self._directory)
        file = os.open(self.path, _FLAGS, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            other = os.read(file, 20).decode("ascii", "replace").strip()
            os.close(file)
            raise Mistake(self._taken(other)) from None
        except BaseException:
            os.close(file)
            raise
        self._file = file
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())

    def _taken(self, other: str) -> str:
        who = f" (process {other})" if other.isdigit() else ""
        return (
            f"{self._directory}: another server is at work there as {self._owner!r}{who}; "
            "a second one needs another queue.owner"
        )

    async def stop(self) -> None:
        """Let others in."""
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
