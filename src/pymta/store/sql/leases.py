"""
Locks that this process holds, and the timers that renew them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from secrets import token_hex
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from pymta.aio import forever, sleep, start
from pymta.errors import PymtaError, StoreClosed
from pymta.store.sql import locks

__all__ = ["Leases"]


class _Write(Protocol):
    def __call__(self, batch: Any, entry: Any, *, size: int = 0) -> Deferred[Any]: ...


class Leases:
    """:param write: hands an entry to a batch."""

    def __init__(self, clock: IReactorTime, write: _Write) -> None:
        self._clock = clock
        self._write = write
        self._renewing: dict[locks.Lease, Deferred[None]] = {}

    async def take(self, mailbox: int) -> Callable[[], Awaitable[None]]:
        """
        Take the lock of a mailbox, and renew it from now on.

        :returns: gives it back; idempotent.
        :raises MailboxInUse: :raises NoSuchMailbox: as they say.
        """
        lease = locks.Lease(mailbox, token_hex(16))
        try:
            await self._write(locks.take, lease)
        except CancelledError:
            # It may be taken all the same, by nobody then.
            giving = start(self._give_back(lease))
            _ = giving.addErrback(lambda failure: failure.trap(PymtaError))
            raise
        self._renewing[lease] = start(self._renew(lease))
        return lambda: self._release(lease)

    def close(self) -> None:
        """Renew no more: what is held ends by itself, as if the process had."""
        for renewing in self._renewing.values():
            renewing.cancel()
        self._renewing.clear()

    async def _renew(self, lease: locks.Lease) -> None:
        async def step() -> None:
            await sleep(self._clock, locks.RENEWAL)
            await self._write(locks.renew, lease)

        try:
            await forever(self._clock, 0, step, "renewing the lock of a mailbox")
        except CancelledError:
            pass

    async def _release(self, lease: locks.Lease) -> None:
        renewing = self._renewing.pop(lease, None)
        if renewing is not None:
            renewing.cancel()
            await self._give_back(lease)

    async def _give_back(self, lease: locks.Lease) -> None:
        try:
            await self._write(locks.give_back, lease)
        except StoreClosed:
            pass  # it ends by itself
