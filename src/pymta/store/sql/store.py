"""
The mailboxes of all accounts in one database.
"""

from __future__ import annotations

from datetime import UTC, tzinfo

from twisted.internet.interfaces import IReactorTime

from pymta.database import Database
from pymta.store.sql import naming, snapshots
from pymta.store.sql.mailboxes import SQLMailboxes
from pymta.store.sql.resources import Resources
from pymta.store.sql.sweeping import sweep

__all__ = ["TOMBSTONES", "SQLMailStore"]

TOMBSTONES = 100_000
"""Expunged UIDs a mailbox remembers at least: what a phone misses in a month, many times over."""


class SQLMailStore:
    """
    Opens nothing; the database is opened before its first use, and closed after :meth:`close`, by
    whoever wired both.

    :param clock: renews locks; the reactor, if it is not given.
    :param zone: whose calendar internal dates are searched by.
    :param tombstones: how many expunged UIDs a mailbox remembers at least.
    """

    def __init__(
        self,
        database: Database,
        reactor: IReactorTime,
        *,
        clock: IReactorTime | None = None,
        zone: tzinfo = UTC,
        tombstones: int = TOMBSTONES,
    ) -> None:
        self._resources = Resources(
            database, reactor, clock=clock or reactor, zone=zone, tombstones=tombstones
        )

    def mailboxes(self, account: str) -> SQLMailboxes:
        """
        The account's mailboxes; ``INBOX`` exists once anything is asked of them.

        Whether there is such an account is the directory's affair.
        """
        return SQLMailboxes(self._resources, account)

    async def remove(self, account: str) -> None:
        """All of the account's mailboxes are gone, also for whoever has them open."""
        await self._resources.write(naming.remove_account, account)

    async def sweep(self) -> None:
        """
        What is done later: to be called every minute or so, by one process.

        Octets of messages that were expunged an hour ago go, messages of deleted mailboxes, and
        delivery ids of a month ago, in chunks.
        """
        for unsaved in self._resources.maps.take_unsaved():
            await self._resources.write(snapshots.save, unsaved)
        while await self._resources.write(sweep, None):
            pass

    def close(self) -> None:
        """Ring no more bells, renew no more locks."""
        self._resources.bells.close()
        self._resources.leases.close()
