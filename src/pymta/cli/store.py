"""
Commands that work on a server's store, whether the server runs or not.

They open the same SQLite file, as further processes that leave housekeeping to the server.
"""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from twisted.logger import LogLevel

from pymta.accounts.passwords import Cost
from pymta.cli.errors import NOT_DONE, Usage
from pymta.cli.process import begin_log, own_reactor, run
from pymta.components.parts import Part
from pymta.components.people import Ground, People, kept
from pymta.components.stores import Mailboxes, Stores, visited_stores

__all__ = ["Place", "between", "on_store", "people_of", "place_of"]


class Place:
    """
    Where a store is, and what its server is configured to.

    :param cost: of a password's check.
    :param separator: of sub-addresses.
    :param hostname: of the server, where it is known.
    :param maildirs: the folder of mailboxes, if it is another.
    """

    def __init__(
        self,
        directory: str,
        cost: Cost | None = None,
        separator: str = "+",
        hostname: str | None = None,
        maildirs: str | None = None,
    ) -> None:
        self.directory = directory
        self.cost = cost
        self.separator = separator
        self.hostname = hostname
        self.maildirs = maildirs

    def check(self) -> None:
        """:raises Usage: there is no store."""
        if os.path.exists(self.directory) and not os.path.isdir(self.directory):
            raise Usage(f"{self.directory} is a file: a store is a folder")
        if not os.path.exists(os.path.join(self.directory, "pymta.db")):
            raise Usage(f"there is no store in {self.directory}")


def place_of(arguments: Namespace, reactor: Any) -> Place:
    """
    As ``--store`` or ``--config`` say.

    :raises pymta.errors.ConfigurationError: mistakes in the file.
    """
    if arguments.store is not None:
        return Place(arguments.store)
    # A configuration knows every part of a server: loaded by those who have one.
    from pymta.config.file import load

    configuration = load(arguments.config, reactor).configuration
    return Place(
        configuration.directory,
        configuration.accounts.cost,
        configuration.routing.separator,
        configuration.hostname,
        configuration.maildirs or None,
    )


def on_store(
    arguments: Namespace,
    work: Callable[[Stores, Place, Any], Awaitable[int]],
    *,
    make: Callable[[Place], None] = Place.check,
) -> int:
    """
    Do something with an open store.

    :param make: says whether there must be one already.
    :returns: the exit status.
    """

    reactor = own_reactor()
    place = place_of(arguments, reactor)
    make(place)
    begin_log(sys.stderr, LogLevel.critical)
    mailboxes = Mailboxes(maildirs=place.maildirs)
    stores = visited_stores(reactor, place.directory, mailboxes=mailboxes)

    async def task() -> int:
        return await between(stores.parts, lambda: work(stores, place, reactor))

    return run(reactor, task)


async def between(parts: Iterable[Part], work: Callable[[], Awaitable[int]]) -> int:
    """Start parts, work, and stop them in the other order."""
    started: list[Part] = []
    status = NOT_DONE
    try:
        for part in parts:
            await part.start()
            started.append(part)
        status = await work()
    finally:
        while started:
            await started.pop().stop()
    return status


def people_of(stores: Stores, place: Place, reactor: Any) -> People:
    """The accounts in a store."""
    ground = Ground(
        reactor=reactor,
        stores=stores,
        random=os.urandom,
        domain=None,
        separator=place.separator,
    )
    return kept(place.cost)(ground)
