"""
Delivery into files, one a recipient: for test harnesses, and for looking at what would be sent.

``QUEUEID-RECIPIENT.eml`` holds Return-Path, Delivered-To, and then the message octet for octet.
It is there whole or not at all: written under another name, synced, renamed.  A repeated attempt
writes the same file once more.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from twisted.internet.interfaces import IReactorFromThreads
from zope.interface import implementer

from pymta.aio import Pool
from pymta.envelope import Recipient
from pymta.interfaces.content import SLICE, IContent, prefixed
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.message.trace import delivered_to, return_path
from pymta.outcome import Delivered, Failed, Scope
from pymta.reply import Reply

__all__ = ["FileAgent"]

WRITTEN = Reply(250, "2.0.0", "Written to a file")
NOT_WRITTEN = Reply(451, "4.3.0", "The file cannot be written now")

WAITING = 1000


@implementer(IDeliveryAgent)
class FileAgent:
    """
    A part as well: to be started before its first attempt, stopped after the last.

    :param directory: made at the start if it is not there; its files are for its owner alone.
    """

    # Each recipient is a file of its own, as each is a commit of its own in a mailbox.
    recipient_limit = 1

    def __init__(self, reactor: IReactorFromThreads, directory: str) -> None:
        self._directory = directory
        # One thread: what belongs to one file is done in its order, also behind a cancellation.
        self._pool = Pool(reactor, threads=1, limit=WAITING, name="pymta-files")

    async def start(self) -> None:
        """Make the folder."""
        self._pool.start()
        await self._pool.run(os.makedirs, self._directory, mode=0o700, exist_ok=True)

    async def stop(self) -> None:
        """Wait for what is being written."""
        await self._pool.stop()

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return [await self._deliver(attempt, recipient) for recipient in attempt.recipients]

    async def _deliver(self, attempt: Attempt, recipient: Recipient) -> Result:
        prefix = return_path(attempt.sender.reverse_path) + delivered_to(recipient.address)
        path = os.path.join(self._directory, f"{attempt.queue_id}-{recipient.id}.eml")
        try:
            await self._write(path, prefixed(prefix, attempt.content))
        except OSError as error:
            failed = Failed(reply=NOT_WRITTEN, scope=Scope.DESTINATION, diagnostic=str(error))
            return Result(recipient.id, failed)
        return Result(recipient.id, Delivered(WRITTEN))

    async def _write(self, path: str, content: IContent) -> None:
        part = _Part(path)
        try:
            for at in range(0, content.size, SLICE):
                await self._pool.run(part.write, await content.read(at, at + SLICE))
            await self._pool.run(part.finish)
        except BaseException:
            # Behind whatever of it is under way in the thread.
            _ = self._pool.run(part.discard)
            raise


class _Part:
    """A file that is not whole yet; used in the thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        folder, name = os.path.split(path)
        self._folder = folder
        self._part = os.path.join(folder, f".{name}.part")
        self._file: int | None = None

    def write(self, octets: bytes) -> None:
        if self._file is None:
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
            self._file = os.open(self._part, flags, 0o600)
        left = memoryview(octets)
        while left:
            left = left[os.write(self._file, left) :]

    def finish(self) -> None:
        """Make it durable, by its name too."""
        assert self._file is not None, "Return-Path and Delivered-To are always there"
        os.fsync(self._file)
        self._close()
        os.rename(self._part, self._path)
        folder = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def discard(self) -> None:
        self._close()
        try:
            os.unlink(self._part)
        except FileNotFoundError:
            pass

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            os.close(file)
