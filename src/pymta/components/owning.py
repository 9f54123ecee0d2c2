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

import os
from hashlib import sha256

from pymta.database.duty import Duty
from pymta.database.location import make_folder
from pymta.errors import Mistake

__all__ = ["Ownership"]


class Ownership:
    """
    A part, to be started before anything in the folder is touched.

    :param directory: made if it is not there.
    :param owner: servers of other names may work there as well.
    """

    def __init__(self, directory: str, owner: str) -> None:
        self._directory = directory
        self._owner = owner
        # S14: what an operator has written is no file name.
        name = sha256(owner.encode()).hexdigest()[:16]
        self._duty = Duty(os.path.join(directory, f"owner-{name}.lock"))

    @property
    def path(self) -> str:
        """The file that is locked."""
        return self._duty.path

    async def start(self) -> None:
        """:raises Mistake: there is another one.  :raises OSError: the file cannot be made."""
        make_folder(self._directory)
        if not self._duty.take():
            raise Mistake(self._taken(self._duty.noted()))
        self._duty.note(str(os.getpid()))

    def _taken(self, other: str) -> str:
        who = f" (process {other})" if other.isdigit() else ""
        return (
            f"{self._directory}: another server is at work there as {self._owner!r}{who}; "
            "a second one needs another queue.owner"
        )

    async def stop(self) -> None:
        """Let others in."""
        self._duty.leave()
