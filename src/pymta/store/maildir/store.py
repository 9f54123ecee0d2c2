"""
The mailboxes of all accounts, each in a Maildir of its own below one folder.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, tzinfo
from secrets import token_hex
from typing import Any

from twisted.internet.interfaces import IReactorTime

from pymta.aio import Pool
from pymta.mailbox import MailboxName
from pymta.store.maildir.account import Account, Resources
from pymta.store.maildir.disk import Disk
from pymta.store.maildir.index import FILE
from pymta.store.maildir.leases import Leases
from pymta.store.maildir.mailboxes import MaildirMailboxes
from pymta.store.maildir.sweeping import sweep
from pymta.store.maildir.watching import Watches, watches
from pymta.store.maildir.work import FOLDER, Rules

__all__ = ["TOMBSTONES", "MaildirMailStore", "folder_name"]

TOMBSTONES = 100_000
"""Expunged UIDs a mailbox remembers: what a phone misses in a month, many times over."""

_THREADS = 4
_WAITING = 10_000
"""Accounts with a call under way; each has one at a time."""
_REMOVED = ".removed-"
_SPECIAL = re.compile(r"[^A-Za-z0-9@._+=-]|\A\.")
_LONGEST = 200


def _now() -> int:
    return time.time_ns() // 1000


def folder_name(account: str) -> str:
    """What an account's folder is called: its name, without what a path could be misled by."""
    name = _SPECIAL.sub(lambda match: "".join(f"%{o:02x}" for o in match[0].encode()), account)
    if 0 < len(name) <= _LONGEST:
        return name
    return f"%{hashlib.sha256(account.encode()).hexdigest()}"


class MaildirMailStore:
    """
    Opens nothing before the first call.

    :param directory: its folders are the accounts'.
    :param clock: renews locks; the reactor, if it is not given.
    :param now: microseconds.
    :param zone: whose calendar internal dates are searched by.
    :param tombstones: how many expunged UIDs a mailbox remembers.
    :param furnished: what a new account has beside its inbox, all subscribed: names, and what they
        are for.
    :param about: shared annotations of the server.
    """

    def __init__(
        self,
        reactor: Any,
        directory: str,
        *,
        clock: IReactorTime | None = None,
        now: Callable[[], int] = _now,
        zone: tzinfo = UTC,
        tombstones: int = TOMBSTONES,
        furnished: Mapping[MailboxName, frozenset[str]] | None = None,
        about: Mapping[str, bytes] | None = None,
        disk: Disk | None = None,
    ) -> None:
        self.directory = directory
        self._about = about
        self._reactor = reactor
        # Maildir: what a name must not have in its host.
        host = socket.gethostname().replace("/", "\\057").replace(":", "\\072")
        rules = Rules(
            disk=disk or Disk(),
            now=now,
            tombstones=tombstones,
            host=host,
            furnished=furnished or {},
        )
        self._resources = Resources(
            reactor,
            Pool(reactor, threads=_THREADS, limit=_WAITING, name="maildir"),
            clock=clock or IReactorTime(reactor),
            zone=zone,
            rules=rules,
            watches=self._get_watches,
        )
        self._leases = Leases(self._resources.clock)
        self._accounts: dict[str, Account] = {}
        self._watches: Watches | None = None
        self._looked_for_others = False

    def mailboxes(self, account: str) -> MaildirMailboxes:
        """
        The account's mailboxes; ``INBOX`` exists once anything is asked of them.

        Whether there is such an account is the directory's affair.
        """
        kept = self._account(folder_name(account))
        return MaildirMailboxes(kept, self._leases, about=self._about)

    async def remove(self, account: str) -> None:
        """All of the account's mailboxes are gone, also for whoever has them open."""
        folder = folder_name(account)
        kept = self._account(folder)
        away = os.path.join(self.directory, _REMOVED + token_hex(8))

        def remove() -> None:
            kept.maildir.close()
            disk = self._resources.rules.disk
            try:
                disk.rename(kept.maildir.root, away)
            except FileNotFoundError:
                return
            disk.sync_folder(self.directory)
            disk.remove_tree(away)

        await kept.run(remove)
        kept.bells.ring()

    async def sweep(self) -> None:
        """
        What is done later: to be called every minute or so, by one process.

        Of accounts that somebody used since the last time; the first time, of all of them.
        """
        if not self._looked_for_others:
            self._looked_for_others = True
            for folder in await self._resources.run(self._find_others):
                self._account(folder)
        for folder, account in list(self._accounts.items()):
            if account.is_idle:
                if not account.bells.are_watched:
                    await account.rest()
                    self._accounts.pop(folder, None)
                continue
            await account.change(sweep)
            account.is_idle = True

    def close(self) -> None:
        """Ring no more bells, renew no more locks."""
        self._leases.close()
        for account in self._accounts.values():
            account.bells.close()
        if self._watches is not None:
            self._watches.close()
            self._watches = None

    async def stop(self) -> None:
        """:meth:`close`, and wait for what is under way."""
        self.close()
        for account in self._accounts.values():
            await account.rest()
        self._accounts.clear()
        await self._resources.stop()

    # -- inside ----------------------------------------------------------------

    def _account(self, folder: str) -> Account:
        kept = self._accounts.get(folder)
        if kept is None:
            kept = Account(os.path.join(self.directory, folder), self._resources)
            self._accounts[folder] = kept
        return kept

    def _find_others(self) -> list[str]:
        """What a process before this one left behind, is this one's to sweep."""
        found: list[str] = []
        try:
            names = os.listdir(self.directory)
        except FileNotFoundError:
            return found
        for name in names:
            path = os.path.join(self.directory, name)
            if name.startswith(_REMOVED):
                self._resources.rules.disk.remove_tree(path)
            elif os.path.exists(os.path.join(path, FOLDER, FILE)):
                found.append(name)
        return found

    def _get_watches(self) -> Watches:
        if self._watches is None:
            self._watches = watches(self._reactor)
        return self._watches
