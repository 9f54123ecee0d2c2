"""
Locks that this process holds, and the timers that renew them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from secrets import token_hex

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime

from pymta.aio import forever, sleep, start
from pymta.errors import PymtaError
from pymta.store.maildir.account import Account
from pymta.store.maildir.leasing import RENEWAL, give_back, renew, take

__all__ = ["Leases"]


class Leases:
    """Of all accounts."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._renewing: dict[str, Deferred[None]] = {}

    async def take(self, account: Account, guid: str) -> Callable[[], Awaitable[None]]:
        """
        Take the lock of a mailbox, and renew it from now on.

        :returns: gives it back; idempotent.
        :raises MailboxInUse: :raises NoSuchMailbox: as they say.
        """
        owner = token_hex(16)
        try:
            await account.change(lambda work: take(work, guid, owner))
        except CancelledError:
            # It may be taken all the same, by nobody then.
            giving = start(self._give_back(account, owner))
            _ = giving.addErrback(lambda failure: failure.trap(PymtaError))
            raise
        self._renewing[owner] = start(self._renew(account, owner))
        return lambda: self._release(account, owner)

    def close(self) -> None:
        """Renew no more: what is held ends by itself, as if the process had."""
        for renewing in self._renewing.values():
            renewing.cancel()
        self._renewing.clear()

    async def _renew(self, account: Account, owner: str) -> None:
        async def step() -> None:
            await sleep(self._clock, RENEWAL)
            await account.change(lambda work: renew(work, owner))

        try:
            await forever(self._clock, 0, step, "renewing the lock of a mailbox")
        except CancelledError:
            pass

    async def _release(self, account: Account, owner: str) -> None:
        renewing = self._renewing.pop(owner, None)
        if renewing is not None:
            renewing.cancel()
            await self._give_back(account, owner)

    async def _give_back(self, account: Account, owner: str) -> None:
        await account.change(lambda work: give_back(work, owner))
