"""
Content in a file that no commit has named yet.
"""

from __future__ import annotations

from zope.interface import implementer

from pymta.aio import Pool
from pymta.database.files import NewFile
from pymta.interfaces.content import SLICE, IContent

__all__ = ["FileContent"]


@implementer(IContent)
class FileContent:
    """
    A finished file, readable through its own descriptor.

    :ivar number: what it will be called in the table of contents; 0 before anybody asked.
    :ivar named: that commit is durable: whoever names it again refers to the row.  Set by the
        writer's thread, between two batches.
    """

    __slots__ = ("_placings", "_pool", "file", "named", "number", "size")

    def __init__(self, pool: Pool, file: NewFile) -> None:
        self._pool = pool
        self._placings = 0
        self.file = file
        self.size = file.size
        self.number = 0
        self.named = False

    @property
    def placed(self) -> bool:
        """Whether a commit that names it is under way or done: ``discard`` comes too late."""
        return self.file.kept

    def place(self) -> None:
        """One more commit will name it."""
        self._placings += 1
        self.file.kept = True

    def displace(self) -> bool:
        """
        A commit that was to name it did not come about.  :returns: whether no other will.

        Counted: of two deliveries that name one file, one may fail before the other is done.
        """
        self._placings -= 1
        self.file.kept = self._placings > 0
        return not self._placings

    async def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, self.size, start + SLICE)
        return await self._pool.run(self.file.read, start, stop)

    def __repr__(self) -> str:
        return f"<FileContent {self.size}>"
