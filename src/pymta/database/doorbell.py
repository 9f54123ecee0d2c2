"""
The doorbell: something was committed, here or in another process.

Own commits ring at once.  Those of others are seen by a look at the database while anybody watches:
every 50 ms at ``PRAGMA data_version`` on the writer's connection, where own commits do not move it,
if a witness saw a commit at all; or every half second at PostgreSQL's snapshot.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pymta.aio import sleep, start
from pymta.errors import StoreClosed

__all__ = ["Doorbell"]

_log = Logger(namespace="pymta.database")


class Doorbell:
    """
    :param version: what differs from the last one when somebody else has committed.
    :param moment: what differs when anybody has, at once; None: nobody knows.
    :param seconds: from one look to the next.
    """

    def __init__(
        self,
        clock: IReactorTime,
        version: Callable[[], Awaitable[object]],
        moment: Callable[[], object | None],
        *,
        seconds: float,
    ) -> None:
        self._clock = clock
        self._version = version
        self._moment = moment
        self._seconds = seconds
        self._bells: dict[object, tuple[Callable[[], None], bool]] = {}
        self._polling: Deferred[None] | None = None
        self._open = False

    def open(self) -> None:
        """From now on ask, if anybody watches."""
        self._open = True
        self._settle()

    def close(self) -> None:
        """Ask no more.  Bells stay hung, for the next :meth:`open`."""
        self._open = False
        self._settle()

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Hang a bell.  :returns: takes it down; idempotent."""
        return self._hang(ring, True)

    def watch_others(self, ring: Callable[[], None]) -> Callable[[], None]:
        """Hang a bell that own commits do not ring."""
        return self._hang(ring, False)

    def ring(self) -> None:
        """We have committed."""
        self._ring([ring for ring, own in self._bells.values() if own])

    def _hang(self, ring: Callable[[], None], own: bool) -> Callable[[], None]:
        key = object()
        self._bells[key] = (ring, own)
        self._settle()

        def take_down() -> None:
            self._bells.pop(key, None)
            self._settle()

        return take_down

    def _ring(self, bells: Sequence[Callable[[], None]]) -> None:
        for bell in bells:
            try:
                bell()
            except Exception:  # noqa: BLE001  a watcher's bug is not the writer's
                _log.failure("a watcher failed")

    def _settle(self) -> None:
        if self._open and self._bells and self._polling is None:
            self._polling = start(self._poll())
            _ = self._polling.addBoth(self._ended)
        elif not self._open and self._polling is not None:
            self._polling.cancel()

    def _ended(self, end: Failure | None) -> None:
        self._polling = None
        if end is not None:
            end.trap(CancelledError, StoreClosed)

    async def _poll(self) -> None:
        # Whoever goes from one mailbox to another takes one bell down and hangs another up: that
        # nobody watches any more counts at the next look.
        known, seen = None, None
        while self._bells:
            now = self._moment()
            if now is None or now != seen:
                version = await self._look(known, now)
                if version is not None:
                    known, seen = version, now
            await sleep(self._clock, self._seconds)

    async def _look(self, known: object | None, now: object | None) -> object | None:
        """:returns: the version; None: nobody knows, and the next look may be luckier."""
        try:
            version = await self._version()
        except (CancelledError, StoreClosed):
            raise
        except Exception as error:  # noqa: BLE001  as it says
            _log.debug("nobody knows whether others have committed: {error}", error=str(error))
            return None
        # What was committed between the hanging of the bell and the first look is not in the
        # version: without a witness that nothing was, that one rings.
        nothing = known is None and now is not None and self._moment() == now
        if version != known and not nothing:
            self._ring([ring for ring, _ in self._bells.values()])
        return version
