"""
Filling the window: claiming what is due, when something is and when there is room.

Three things ask for it: the store's doorbell, the time of what is due next, and room that was
not there before.  A look costs one read; a claim, which is a commit, follows only if something
is due.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pymta.aio import CancelledError, Shared, start
from pymta.interfaces.content import Lane
from pymta.interfaces.queue import Claim, IQueueStore
from pymta.queue.attempt import Faults

__all__ = ["Filler", "Room"]

CLAIM = 1000
"""The most recipients a claim: what one commit takes a few milliseconds for."""

# Rings come with every commit of somebody; looking more often than this gains nothing.
_PAUSE = 0.02
# Behind a look that found nothing due: where all the mail that comes waits for a lane that is
# suspended, looks were a twentieth of the work.
_PAUSE_IN_VAIN = 0.1
# Wall clocks jump and doorbells of other processes fail: never sleep longer than this.
_LONGEST = 60.0
_AFTER_FAULT = 5.0
# Something is due and could not be claimed: another process has it, or it was held.
_AFTER_NOTHING = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """
    What may be claimed now.

    :param limit: recipients; 0 is nothing.
    :param per_lane: recipients of each lane.
    :param without: lanes that give nothing.
    """

    limit: int
    per_lane: int
    without: Collection[Lane] = ()


class Filler:
    """
    Claims.

    :param room: asked before every claim.
    :param take: gets what was claimed, and when that was asked for; must not wait.
    """

    def __init__(
        self,
        store: IQueueStore,
        *,
        owner: str,
        clock: IReactorTime,
        now: Callable[[], datetime],
        room: Callable[[], Room],
        take: Callable[[Sequence[Claim], datetime], None],
        faults: Faults,
    ) -> None:
        self._store = store
        self._owner = owner
        self._clock = clock
        self._now = now
        self._room = room
        self._take = take
        self._faults = faults
        self._unwatch: Callable[[], None] | None = None
        self._timer: IDelayedCall | None = None
        self._looking: Shared[None] | None = None
        self._rung = False
        self._last = float("-inf")
        self._pause = _PAUSE

    def start(self) -> None:
        """Begin with a look."""
        self._unwatch = self._store.watch(self.ring)
        self.ring()

    async def stop(self) -> None:
        """No more looks.  A claim under way is waited for: what it brings is to be given back."""
        if self._unwatch is not None:
            self._unwatch()
            self._unwatch = None
        self._set_timer(None)
        if self._looking is not None:
            await self._looking.wait()

    def ring(self) -> None:
        """There may be something to claim now."""
        if self._unwatch is None:
            return
        self._rung = True
        if self._looking is None:
            since = self._clock.seconds() - self._last
            self._set_timer(max(0.0, self._pause - since))

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._timer = None if seconds is None else self._clock.callLater(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        self._rung = False
        self._looking = Shared()
        start(self._looked())  # type: ignore[unused-awaitable]  # stop() waits for _looking

    async def _looked(self) -> None:
        try:
            seconds = await self._fill()
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  the fence round an attempt, which begins with a claim
            self._faults.caught("claiming")
            seconds = _AFTER_FAULT
        self._last = self._clock.seconds()
        looking, self._looking = self._looking, None
        if self._unwatch is not None:
            self._set_timer(self._pause if self._rung else seconds)
        assert looking is not None
        looking.succeed(None)

    async def _fill(self) -> float | None:
        """Claim once, if there is something.  :returns: how long to wait; None is for a ring."""
        room = self._room()
        if not room.limit:
            return None
        asked = self._now()
        due = await self._store.next_due(asked, room.without)
        self._pause = _PAUSE_IN_VAIN if due is None or due > asked else _PAUSE
        if due is None:
            return _LONGEST
        if due > asked:
            return min(_LONGEST, (due - asked) / timedelta(seconds=1))
        if self._unwatch is None:
            return None
        claims = await self._store.claim(
            self._owner, asked, min(room.limit, CLAIM), room.per_lane, room.without
        )
        if claims:
            self._take(claims, asked)
            return _PAUSE
        return _AFTER_NOTHING
