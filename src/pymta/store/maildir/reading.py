"""
Octets of messages, slice by slice from their files.

What other programs put there has lines ended by LF alone, as Unix has; it is read with CRLF, as
:rfc:`5322#section-2.1` has.  What was appended here is read as it was appended.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from zope.interface import implementer

from pymta.errors import MessageGone
from pymta.interfaces.content import SLICE, IContent, Octets
from pymta.mailbox import UID
from pymta.store.maildir.expunging import RETENTION
from pymta.store.maildir.filenames import is_as_is
from pymta.store.maildir.looking import structure_of
from pymta.store.maildir.work import Work

__all__ = [
    "File",
    "FileContent",
    "Found",
    "Letter",
    "find",
    "letter",
    "letters",
    "lined",
    "open_content",
    "read_whole",
]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """
    Where a message is.

    :param size: as it is told; :param as_is: whether its octets are served as they are.
    """

    path: str
    size: int
    as_is: bool
    is_buried: bool = False


def find(work: Work, guid: str, uid: UID) -> Found:
    """
    A message that is there, or was within the last hour.

    :raises MessageGone: neither.
    """
    box = work.box(guid)
    row = work.connection.execute(
        "SELECT place, file, size FROM messages WHERE box = ? AND uid = ?", (box.id, uid)
    ).fetchone()
    if row is not None:
        place, file, size = row
        return Found(work.path(box.folder, place, file), size, is_as_is(file))
    row = work.connection.execute(
        "SELECT file, base, size FROM buried WHERE box = ? AND uid = ? AND since >= ?",
        (box.id, uid, work.rules.now() - RETENTION),
    ).fetchone()
    if row is None:
        raise MessageGone(f"no message {uid} in {box.name}")
    file, base, size = row
    return Found(work.path(file), size, is_as_is(base), is_buried=True)


def lined(octets: bytes, last: bytes) -> bytes:
    """With CRLF for each LF.  :param last: the octet in front of them."""
    head = b""
    if last == b"\r" and octets[:1] == b"\n":
        head, octets = b"\n", octets[1:]
    return head + octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


@dataclass(slots=True)
class File:
    """
    Reads one message.  Blocks.

    :ivar starts: places from which reading may begin: octets told, octets of the file, and the
        octet in front; for files whose lines are ended while they are read.
    """

    found: Found
    physical: int = -1
    starts: list[tuple[int, int, bytes]] = field(default_factory=lambda: [(0, 0, b"")])

    def read(self, start: int, stop: int) -> bytes:
        """:raises FileNotFoundError: it was renamed, or is gone."""
        file = os.open(self.found.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            if self.physical < 0:
                self.physical = os.fstat(file).st_size
            if self.found.as_is or self.physical == self.found.size:
                return os.pread(file, max(0, stop - start), start)
            return self._read_lined(file, start, stop)
        finally:
            os.close(file)

    def _read_lined(self, file: int, start: int, stop: int) -> bytes:
        at = bisect_right(self.starts, start, key=lambda each: each[0]) - 1
        told, place, last = self.starts[at]
        made: list[bytes] = []
        while told < stop and (octets := os.pread(file, SLICE, place)):
            ended = lined(octets, last)
            made.append(ended[max(0, start - told) : stop - told])
            told, place, last = told + len(ended), place + len(octets), octets[-1:]
            if told > self.starts[-1][0]:
                self.starts.append((told, place, last))
        return b"".join(made)


@dataclass(frozen=True, slots=True)
class Letter:
    """
    :param octets: all of them, if the message is small.
    :param structure: None if nobody computed it yet, or it is expunged.
    """

    found: Found
    octets: bytes | None
    structure: bytes | None


def letters(work: Work, guid: str, uids: Sequence[UID]) -> dict[UID, Letter]:
    """Those of several; messages that are gone are not in it."""
    found = {}
    for uid in uids:
        try:
            found[uid] = letter(work, guid, uid)
        except MessageGone:
            continue
    return found


def letter(work: Work, guid: str, uid: UID) -> Letter:
    """
    A message, in one call.

    :raises MessageGone: as :func:`find`.
    """
    found = find(work, guid, uid)
    return Letter(found, _small(found), structure_of(work, guid, uid))


def _small(found: Found) -> bytes | None:
    """The octets of a small message; None if it is large, or is just being renamed."""
    if found.size > SLICE:
        return None
    try:
        octets = File(found).read(0, SLICE + 1)
    except FileNotFoundError:
        return None
    return octets if len(octets) == found.size else None


def read_whole(work: Work, guid: str, uids: list[UID]) -> dict[UID, bytes]:
    """Small messages, whole; those that are large, or just being renamed, are not in it."""
    found: dict[UID, bytes] = {}
    for uid in uids:
        octets = _small(find(work, guid, uid))
        if octets is not None:
            found[uid] = octets
    return found


Run = Callable[[Callable[[], bytes]], Awaitable[bytes]]


@implementer(IContent)
class FileContent:
    """
    A message in a file, which may be renamed while it is read.

    :param again: where it is now, after a look into the folder.
    :param run: runs a call in a thread.
    """

    __slots__ = ("_again", "_file", "_run", "size")

    def __init__(self, file: File, *, run: Run, again: Callable[[], Awaitable[Found]]) -> None:
        self.size = file.found.size
        self._file = file
        self._run = run
        self._again = again

    async def read(self, start: int, stop: int) -> bytes:
        stop = min(stop, start + SLICE, self.size)
        if stop <= start:
            return b""
        for _ in range(3):
            try:
                octets = await self._run(lambda: self._file.read(start, stop))
            except FileNotFoundError:
                found = await self._again()
                self._file = File(found, starts=self._file.starts)
            else:
                # Somebody shortened it: sizes that were told hold.
                return octets.ljust(stop - start, b"\0")
        raise MessageGone("the file of the message is gone")


async def open_content(
    found: Found, *, run: Run, again: Callable[[], Awaitable[Found]]
) -> IContent:
    """Small content is read at once, and in memory."""
    content = FileContent(File(found), run=run, again=again)
    if content.size > SLICE:
        return content
    return Octets(await content.read(0, SLICE))
