"""
The doorbell: the database says that something was committed, here or elsewhere, and one look at a
counter says in which accounts.

It rings for all who watch anything of an account: a mailbox more or less in there costs one look.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, bindparam, select
from twisted.logger import Logger

from pymta.aio import start
from pymta.database import Database
from pymta.errors import StoreClosed, TooManyWaiting
from pymta.store.sql.tables import state, stores

__all__ = ["Bells"]

_log = Logger(namespace="pymta.store")

_NOW = select(state.c.changed)
_CHANGED = select(stores.c.id).where(stores.c.changed > bindparam("since"))


class Bells:
    """Opens nothing before the first :meth:`watch`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rings: dict[int | None, dict[object, Callable[[], None]]] = {}
        self._down: Callable[[], None] | None = None
        self._since: int | None = None
        self._again = False
        self._looking = False

    def watch(self, store: int | None, ring: Callable[[], None]) -> Callable[[], None]:
        """
        Hang a bell.  :returns: takes it down; idempotent.

        :param store: of an account; None where its number is not known yet: of all of them.
        """
        key = object()
        self._rings.setdefault(store, {})[key] = ring
        if self._down is None:
            self._since = None
            self._down = self._database.watch(self._look)

        def take_down() -> None:
            rings = self._rings.get(store, {})
            rings.pop(key, None)
            if not rings:
                self._rings.pop(store, None)
            if not self._rings:
                self.close()

        return take_down

    def close(self) -> None:
        """Take all of them down."""
        self._rings.clear()
        if self._down is not None:
            self._down()
            self._down = None

    def _look(self) -> None:
        """Something was committed: look once more after the look that is under way."""
        self._again = True
        if not self._looking:
            self._looking = True
            _ = start(self._look_until_quiet()).addErrback(
                lambda failure: _log.failure("nobody was told of changes", failure)
            )

    async def _look_until_quiet(self) -> None:
        try:
            while self._again:
                self._again = False
                await self._look_once()
        except StoreClosed:
            pass
        finally:
            self._looking = False

    async def _look_once(self) -> None:
        try:
            since = self._since
            now, changed = await self._database.read(lambda c: _look(c, since))
        except TooManyWaiting:
            # Nobody can say what moved: everybody looks.
            changed = None
        else:
            self._since = now
        if changed is None:
            self._ring(list(self._rings))
        elif changed:
            self._ring([None, *changed])

    def _ring(self, which: Iterable[int | None]) -> None:
        for store in which:
            for ring in list(self._rings.get(store, {}).values()):
                ring()


def _look(connection: Connection, since: int | None) -> tuple[int, list[int] | None]:
    """The number of the last change, and the accounts that changed; None is all of them."""
    now = connection.scalar(_NOW)
    assert now is not None
    if since is None:
        return now, None
    return now, list(connection.execute(_CHANGED, {"since": since}).scalars())
