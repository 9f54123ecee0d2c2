"""
One account, on the reactor: its calls run in a thread of the pool, one after the other.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from datetime import tzinfo
from functools import partial
from typing import Any, TypeVar

from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pymta.aio import Pool, Shared, breathe, start
from pymta.errors import PymtaError, SpoolError
from pymta.store.maildir.bells import Bells
from pymta.store.maildir.boxes import box_of
from pymta.store.maildir.filenames import unique
from pymta.store.maildir.maildir import Maildir
from pymta.store.maildir.roots import is_all_fresh, scan_all
from pymta.store.maildir.scanning import is_fresh, scan
from pymta.store.maildir.watching import Watches
from pymta.store.maildir.work import Rules, Work

__all__ = ["MAX_OPEN", "Account", "Resources"]

T = TypeVar("T")

MAX_OPEN = 100
"""Accounts whose indexes are open: three files each, of the 1,024 that a process has by default."""

_log = Logger(namespace="pymta.store")


class Resources:
    """
    What all accounts of a store have in common.

    :param clock: renews locks and lets others have their turn.
    :param zone: whose calendar internal dates are searched by.
    """

    def __init__(
        self,
        reactor: Any,
        pool: Pool,
        *,
        clock: IReactorTime,
        zone: tzinfo,
        rules: Rules,
        watches: Callable[[], Watches],
    ) -> None:
        self.reactor = reactor
        self.pool = pool
        self.clock = clock
        self.zone = zone
        self.rules = rules
        self.watches = watches
        self._started = False
        self._open: dict[Account, None] = {}
        self._numbers = itertools.count(1)

    def name(self, mark: str) -> str:
        """A name for a new message.  Also from threads: a counter's step is one."""
        rules = self.rules
        return unique(rules.now(), os.getpid(), next(self._numbers), host=rules.host, mark=mark)

    def start(self) -> None:
        """Have threads, from the first call on: a process may fork between wiring and running."""
        if not self._started:
            self._started = True
            self.pool.start()

    async def stop(self) -> None:
        """Wait for what is under way."""
        if self._started:
            self._started = False
            await self.pool.stop()

    def used(self, account: Account) -> Account | None:
        """:returns: one that was not used for long, if too many are open."""
        self._open.pop(account, None)
        self._open[account] = None
        if len(self._open) <= MAX_OPEN:
            return None
        oldest = next(iter(self._open))
        del self._open[oldest]
        return oldest

    async def run(self, call: Callable[[], T]) -> T:
        """Run it in a thread."""
        self.start()
        return await self.pool.run(call)

    async def breathe(self) -> None:
        """Let others have their turn."""
        await breathe(self.reactor)


class Account:
    """Opens nothing before the first call."""

    def __init__(self, root: str, resources: Resources) -> None:
        self.resources = resources
        self.maildir = Maildir(root, resources.rules)
        self.bells = Bells(
            resources.reactor, root, watches=resources.watches, folders=self._tell_folders
        )
        self._lock = DeferredLock()
        self.is_idle = False

    async def look(self, query: Callable[[Work], T]) -> T:
        """Ask the index, as it is."""
        return await self.run(partial(self.maildir.look, query))

    async def look_again(self, guid: str | None, query: Callable[[Work], T]) -> T:
        """
        Ask the index, after a look into the folder of a mailbox, or into all of them.

        :param guid: None is all.
        """
        while True:
            found, changed, more = await self.run(partial(self._looked, guid, query))
            if changed:
                self.bells.ring()
            if not more:
                return found
            await self.resources.breathe()

    async def change(self, change: Callable[[Work], T]) -> T:
        """Change something; who watches is told.  It goes on though the caller is cancelled."""
        changed = await self.run(partial(self.maildir.change, change))
        if changed.changed:
            self.bells.ring()
        return changed.result

    async def run(self, call: Callable[[], T]) -> T:
        """
        Run it in a thread, when its turn comes.

        :raises FileNotFoundError: as it says, for whoever looks again then.
        :raises SpoolError: another I/O error.
        """
        self.is_idle = False
        return await Shared(self._in_turn(call)).wait()

    async def _in_turn(self, call: Callable[[], T]) -> T:
        await self._lock.acquire()
        try:
            return await self.resources.run(call)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise SpoolError(f"{self.maildir.root}: {error}") from error
        finally:
            self._lock.release()
            oldest = self.resources.used(self)
            if oldest is not None:
                _ = start(oldest.rest()).addErrback(_log_failure)

    async def rest(self) -> None:
        """Let go of files, when its turn comes; the next call has them again."""
        await self._lock.acquire()
        try:
            await self.resources.run(self.maildir.close)
        finally:
            self._lock.release()

    # -- in a thread -----------------------------------------------------------

    def _looked(self, guid: str | None, query: Callable[[Work], T]) -> tuple[T, bool, bool]:
        changed = more = False
        if not self.maildir.look(partial(_fresh, guid)):
            scanned = self.maildir.change(partial(_scan, guid))
            changed, more = scanned.changed, scanned.more
        return self.maildir.look(query), changed, more

    # -- what is watched -------------------------------------------------------

    def _tell_folders(
        self, guids: frozenset[str] | None, tell: Callable[[Iterable[str]], None]
    ) -> None:
        finding = start(self.look(partial(_folders, guids)))
        _ = finding.addCallback(tell)
        # Whoever cannot be told by the kernel is told now and then.
        _ = finding.addErrback(lambda failure: failure.trap(PymtaError) and None)


def _log_failure(failure: Failure) -> None:
    _log.failure("an index was not closed", failure)


def _fresh(guid: str | None, work: Work) -> bool:
    if guid is None:
        return is_all_fresh(work)
    return is_fresh(work, work.box(guid))


def _scan(guid: str | None, work: Work) -> None:
    if guid is None:
        scan_all(work)
        return
    scan(work, work.box_to_change(guid))


def _folders(guids: frozenset[str] | None, work: Work) -> list[str]:
    if guids is None:
        rows = work.connection.execute("SELECT folder FROM boxes").fetchall()
        return [folder for (folder,) in rows]
    boxes = [box_of(work.connection, "guid", guid) for guid in guids]
    return [box.folder for box in boxes if box is not None]
