"""
The mailboxes of all accounts in one database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo

from twisted.internet.interfaces import IReactorTime

from pymta.database import Database
from pymta.database.times import from_microseconds
from pymta.interfaces.mailbox import Expiring, Vault
from pymta.mailbox import UID, MailboxName
from pymta.store.granting import Grant
from pymta.store.sql import naming, snapshots
from pymta.store.sql.access import granted_to
from pymta.store.sql.indexing import Indexer
from pymta.store.sql.mailboxes import SQLMailboxes
from pymta.store.sql.resources import Resources
from pymta.store.sql.sweeping import RETENTION, Overdue, overdue, sweep, sweep_taken

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
    :param furnished: mailboxes that a new account has beside its inbox, all subscribed, and what
        they are for.
    :param about: shared annotations of the server, such as ``/shared/admin``.
    :param vault: asked before octets of an expunged message go; without one, nobody is.
    """

    def __init__(
        self,
        database: Database,
        reactor: IReactorTime,
        *,
        clock: IReactorTime | None = None,
        zone: tzinfo = UTC,
        tombstones: int = TOMBSTONES,
        furnished: Mapping[MailboxName, frozenset[str]] | None = None,
        about: Mapping[str, bytes] | None = None,
        vault: Vault | None = None,
    ) -> None:
        self._vault = vault
        self._resources = Resources(
            database,
            reactor,
            clock=clock or reactor,
            zone=zone,
            tombstones=tombstones,
            furnished=furnished or {},
            about=about or {},
        )
        self._indexer = Indexer(self._resources, self._resources.stored)

    def mailboxes(self, account: str) -> SQLMailboxes:
        """
        The account's mailboxes; ``INBOX`` exists once anything is asked of them.

        Whether there is such an account is the directory's affair.
        """
        return self.visited(account, account)

    def visited(self, account: str, visitor: str) -> SQLMailboxes:
        """See :class:`~pymta.store.granting.GrantingMailStore`."""
        return SQLMailboxes(self._resources, account, visitor)

    async def granted(self, visitor: str) -> Sequence[Grant]:
        """See :class:`~pymta.store.granting.GrantingMailStore`."""
        return await self._resources.read(lambda c: granted_to(c, visitor))

    async def remove(self, account: str) -> None:
        """All of the account's mailboxes are gone, also for whoever has them open."""
        await self._resources.write(naming.remove_account, account)

    async def sweep(self) -> None:
        """
        What is done later: to be called every minute or so, by one process.

        Octets of messages that were expunged an hour ago go, messages of deleted mailboxes, and
        delivery ids of a month ago, in chunks.
        """
        await self.save_maps()
        if self._vault is None:
            while await self._resources.write(sweep, None):
                pass
        else:
            while await self._sweep_into(self._vault):
                pass

    async def save_maps(self) -> None:
        """
        Of :meth:`sweep` what each process does for itself: what it found out about large mailboxes
        spares the next start a look at all their rows.
        """
        for unsaved in self._resources.maps.take_unsaved():
            await self._resources.write(snapshots.save, unsaved)

    async def _sweep_into(self, vault: Vault) -> bool:
        """One chunk.  :returns: whether there may be more."""
        resources = self._resources
        before = resources.context.now() - RETENTION
        rows = await resources.read(lambda c: overdue(c, before))
        held = Counter[int]()
        for row in rows:
            held[row.letter] += 1
            # Where a copy stays, no octets go.
            if row.refs <= held[row.letter]:
                await vault(self._expiring(row))
        return await resources.write(sweep_taken, rows)

    def _expiring(self, row: Overdue) -> Expiring:
        contents = self._resources.context.contents
        return Expiring(
            account=row.account,
            mailbox=MailboxName(row.name),
            uid=UID(row.uid),
            internal_date=_moment(row.internal_date),
            since=_moment(row.since),
            content=contents.stored(row.content, row.size, row.prefix),
        )

    async def index(self) -> None:
        """Index the texts of what was appended since, now."""
        await self._indexer.catch_up()

    async def keep_indexed(self) -> None:
        """
        The same, in a quiet moment: to be called every second or so, by one process.

        What is not indexed yet is found as well, by reading it.
        """
        await self._indexer.keep_up()

    def close(self) -> None:
        """Ring no more bells, renew no more locks."""
        self._resources.bells.close()
        self._resources.leases.close()


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else from_microseconds(microseconds)
