"""
Messages on their way in: written to ``tmp``, read meanwhile for what is computed of them, and made
durable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from pymta.aio import start
from pymta.errors import MailboxError, PymtaError, SpoolError
from pymta.interfaces.content import SLICE
from pymta.interfaces.mailbox import NewMessage
from pymta.message.preview import preview
from pymta.store._digest import DigestReader
from pymta.store._flags import Parted
from pymta.store._incoming import checked_flags
from pymta.store.maildir.account import Account
from pymta.store.maildir.appending import Staged
from pymta.store.maildir.deliveries import key_of
from pymta.store.maildir.disk import Disk
from pymta.store.maildir.steps import staged_path
from pymta.store.maildir.work import Work

__all__ = ["receive_and"]

T = TypeVar("T")

_OCTETS_A_TURN = 8 * SLICE
"""What is looked through within 5 ms."""
_OCTETS_A_CALL = 1024 * 1024
_FILES_A_CALL = 200
_MESSAGE = 4096
"""What a message costs beside its octets, as octets."""

_START = datetime(1970, 1, 1, tzinfo=UTC)


async def receive_and(
    account: Account,
    messages: Sequence[NewMessage],
    change: Callable[[Work, Sequence[Staged]], T],
) -> T:
    """
    Stage messages, and run a change with them.

    :raises ValueError: flags or dates that cannot be.
    """
    receiving = _Receiving(account)
    flags = [checked_flags(message) for message in messages]
    staged = await receiving.stage(zip(messages, flags, strict=True))
    try:
        result = await account.change(lambda work: change(work, staged))
    except (MailboxError, ValueError):
        # Refused.  After any other error nobody knows whether it was committed.
        await receiving.discard()
        raise
    # What was delivered before was not taken.
    await receiving.discard_known(staged)
    return result


@dataclass(slots=True)
class _Writing:
    """What is to be done in one call: octets to files, and files that are whole, with dates."""

    octets: list[tuple[str, bytes]] = field(default_factory=list)
    sealed: list[tuple[str, int | None]] = field(default_factory=list)
    size: int = 0

    def is_enough(self) -> bool:
        return self.size >= _OCTETS_A_CALL or len(self.sealed) >= _FILES_A_CALL


class _Receiving:
    """One call of a session."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._resources = account.resources
        self._root = account.maildir.root
        self._writing = _Writing()
        self._turn = 0
        self._paths: list[str] = []

    async def stage(self, messages: Iterable[tuple[NewMessage, Parted]]) -> list[Staged]:
        """All of them, or none."""
        try:
            staged = [await self._receive(*each) for each in messages]
            await self.flush()
        except BaseException:
            # Cancelled too: somebody else removes what is left.
            _ = start(self.discard()).addErrback(lambda failure: failure.trap(PymtaError))
            raise
        return staged

    async def _receive(self, message: NewMessage, flags: Parted) -> Staged:
        key = key_of(message.delivery_id)
        stem = self._resources.name(f"{'' if key is None else 'R' + key}B")
        path, content = staged_path(stem), message.content
        self._paths.append(f"{self._root}/{path}")
        reader, lines, last = DigestReader(), 0, b""
        for at in range(0, content.size, SLICE):
            octets = await content.read(at, at + SLICE)
            await reader.feed_in_turns(octets, self._resources.breathe)
            lines += _bare(octets, last)
            last = octets[-1:]
            self._writing.octets.append((self._paths[-1], octets))
            await self._wrote(len(octets))
        if not content.size:
            self._writing.octets.append((self._paths[-1], b""))
        internal = _microseconds(message.internal_date)
        date = self._resources.rules.now() if internal is None else internal
        self._writing.sealed.append((self._paths[-1], date * 1000))
        await self._wrote(_MESSAGE)
        made = await reader.finish_in_turns(self._resources.breathe)
        assert reader.structure is not None
        return Staged(
            path=path,
            stem=stem,
            octets=content.size,
            lined=content.size + lines,
            digest=replace(made, preview=await preview(content, reader.structure)),
            flags=flags,
            internal=internal,
            key=key,
        )

    async def _wrote(self, size: int) -> None:
        self._writing.size += size
        self._turn += size
        if self._writing.is_enough():
            await self.flush()
        elif self._turn >= _OCTETS_A_TURN:
            await self._resources.breathe()
        else:
            return
        self._turn = 0

    async def flush(self) -> None:
        """Write what is waiting."""
        writing, self._writing = self._writing, _Writing()
        disk, maildir = self._resources.rules.disk, self._account.maildir

        def write() -> None:
            maildir.make()
            try:
                _write(disk, writing)
            except FileNotFoundError as error:
                raise SpoolError(f"{maildir.root} went away") from error

        await self._account.run(write)

    async def discard(self) -> None:
        """All of it was refused."""
        await self._unlink(self._paths)

    async def discard_known(self, staged: Sequence[Staged]) -> None:
        """Those that are still there, of which there are seldom any."""
        if any(each.key is not None for each in staged):
            await self._unlink(self._paths)

    async def _unlink(self, paths: Sequence[str]) -> None:
        disk = self._resources.rules.disk

        def unlink() -> None:
            for path in paths:
                disk.unlink(path)

        await self._account.run(unlink)


def _write(disk: Disk, writing: _Writing) -> None:
    for path, octets in writing.octets:
        disk.write(path, octets)
    for path, date in writing.sealed:
        disk.seal(path, date)


def _bare(octets: bytes, last: bytes) -> int:
    """Line feeds without a carriage return in front."""
    crossing = last == b"\r" and octets[:1] == b"\n"
    return octets.count(b"\n") - octets.count(b"\r\n") - crossing


def _microseconds(date: datetime | None) -> int | None:
    return None if date is None else (date - _START) // timedelta(microseconds=1)
