"""
Writing content: small in memory, large in a file that grows in a thread.

Waiting for ``write`` is the back-pressure: one writer has at most one call under way and at most
128 KiB in memory, however large its message and however slow the disk.  Files are private, have
random names and are unlinked by ``discard``; what a crash leaves is swept at the next start.
"""

from __future__ import annotations

import os

from zope.interface import implementer

from pymta.aio import Pool
from pymta.database.filecontent import FileContent
from pymta.database.files import NewFile
from pymta.errors import SpoolError, TooManyWaiting
from pymta.interfaces.content import SLICE, IContent, IContentWriter, Octets

__all__ = ["Spool", "SpoolWriter"]


class Spool:
    """
    A folder for content on its way in.

    :param pool: threads that write.
    :param folder: there already, private.
    """

    __slots__ = ("_folder", "_pool")

    def __init__(self, pool: Pool, folder: str) -> None:
        self._pool = pool
        self._folder = folder

    def create(self) -> SpoolWriter:
        """A new writer; opens nothing before its content is large."""
        return SpoolWriter(self._pool, self._folder)

    async def free(self) -> int:
        """Octets that an ordinary user may still write there: what 452 4.3.1 is decided by."""
        return await self._pool.run(_free, self._folder)


def _free(folder: str) -> int:
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


@implementer(IContentWriter)
class SpoolWriter:
    """
    One content.  ``finish`` gives :class:`~pymta.interfaces.content.Octets` or a
    :class:`~pymta.database.filecontent.FileContent`.
    """

    __slots__ = (
        "_content",
        "_discarded",
        "_file",
        "_folder",
        "_held",
        "_pool",
        "_size",
        "_writing",
    )

    def __init__(self, pool: Pool, folder: str) -> None:
        self._pool = pool
        self._folder = folder
        self._held: list[bytes] = []
        self._size = 0
        self._file: NewFile | None = None
        self._content: IContent | None = None
        self._writing = False
        self._discarded = False

    async def write(self, data: bytes) -> None:
        self._check_open()
        self._held.append(data)
        self._size += len(data)
        if self._size > SLICE:
            await self._flush()

    async def finish(self) -> IContent:
        self._check_open()
        if self._file is not None and self._held:
            await self._flush()
        if self._file is None:
            self._content = Octets(b"".join(self._held))
        else:
            self._content = FileContent(self._pool, self._file)
        self._held = []
        return self._content

    def discard(self) -> None:
        self._discarded = True
        self._held = []
        if self._file is None or (isinstance(self._content, FileContent) and self._content.placed):
            return
        file, self._file = self._file, None
        try:
            # Not waited for, and nothing to be told: what stays is swept.
            _ = self._pool.run(file.unlink).addErrback(lambda _: None)
        except TooManyWaiting:
            file.unlink()

    def _check_open(self) -> None:
        if self._writing or self._discarded or self._content is not None:
            raise SpoolError("a content writer was used out of order")

    async def _flush(self) -> None:
        data = b"".join(self._held)
        self._held = []
        self._size = 0
        self._writing = True
        # Left True by a failure: half of the octets may be there.
        await self._pool.run(self._append, data)
        self._writing = False

    def _append(self, data: bytes) -> None:  # in a thread
        if self._file is None:
            self._file = NewFile(self._folder)
        file = self._file
        file.append(data)
        if self._discarded:
            file.unlink()
