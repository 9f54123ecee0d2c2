"""
Settling in batches: what ended while the last commit ran goes into the next one.

A settlement is repeated until the store has taken it, since its message was delivered already:
the batch, then each by itself, then again after a while, as long as the lease may last.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from pymta.aio import CancelledError, Shared, start
from pymta.errors import StoreClosed
from pymta.events import Event
from pymta.interfaces.queue import Claim, IQueueStore, Settlement
from pymta.queue.attempt import Faults

__all__ = ["Ending", "Fate", "Settler"]

BATCH = 256
"""Settlements a call; the writer's own batches are no larger."""

TRIES = 10
PAUSE = 5.0


class Fate(Enum):
    """What the store did with a settlement."""

    DONE = auto()
    STALE = auto()
    """The lease had run out, and somebody else has the recipients."""
    LOST = auto()
    """It was not taken, however often it was asked; the lease will run out."""


@dataclass(slots=True)
class Ending:
    """A settlement on its way, with the events that tell of it.  :param tries: failed ones."""

    settlement: Settlement
    events: Sequence[Event] = ()
    tries: int = 0


class Settler:
    """
    Brings endings to the store.

    :param told: hears of each ending what became of it, once.
    """

    def __init__(
        self,
        store: IQueueStore,
        *,
        clock: IReactorTime,
        faults: Faults,
        told: Callable[[Ending, Fate], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._faults = faults
        self._told = told
        self._waiting: deque[Ending] = deque()
        self._open = 0
        self._busy = False
        self._idle: Shared[None] | None = None
        self._pauses: set[IDelayedCall] = set()

    @property
    def open(self) -> int:
        """Endings that were not told yet."""
        return self._open

    def put(self, ending: Ending) -> None:
        """Take one more; does not wait."""
        self._open += 1
        self._again(ending)

    def flushed(self) -> Deferred[None]:
        """Fires when all that was put is told."""
        if not self._open:
            return start(_nothing())
        if self._idle is None:
            self._idle = Shared()
        return self._idle.wait()

    def stop(self) -> None:
        """Give up what is not settled yet."""
        for pause in self._pauses:
            pause.cancel()
        self._pauses.clear()

    def _again(self, ending: Ending) -> None:
        self._waiting.append(ending)
        if not self._busy:
            self._busy = True
            start(self._work())  # type: ignore[unused-awaitable]  # ends by itself; see _idle

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                await self._settle(batch)
        finally:
            self._busy = False

    async def _settle(self, batch: Sequence[Ending]) -> None:
        try:
            stale = await self._store.settle([ending.settlement for ending in batch])
        except CancelledError:
            raise
        except StoreClosed:
            # It stays closed until somebody restarts it; recover() will see what was kept.
            self._faults.caught("settling")
            for ending in batch:
                self._tell(ending, Fate.LOST)
        except Exception:  # noqa: BLE001  the fence round an attempt, of which this is the last step
            self._faults.caught("settling")
            await self._one_by_one(batch)
        else:
            gone = {key for claim in stale for key in _keys(claim)}
            for ending in batch:
                is_stale = not gone.isdisjoint(_keys(ending.settlement.claim))
                self._tell(ending, Fate.STALE if is_stale else Fate.DONE)

    async def _one_by_one(self, batch: Sequence[Ending]) -> None:
        if len(batch) == 1:
            self._failed(batch[0])
            return
        for ending in batch:
            await self._settle([ending])

    def _failed(self, ending: Ending) -> None:
        ending.tries += 1
        if ending.tries >= TRIES:
            self._tell(ending, Fate.LOST)
            return

        def again() -> None:
            self._pauses.discard(pause)
            self._again(ending)

        pause = self._clock.callLater(PAUSE, again)
        self._pauses.add(pause)

    def _tell(self, ending: Ending, fate: Fate) -> None:
        self._open -= 1
        self._told(ending, fate)
        if not self._open and self._idle is not None:
            idle, self._idle = self._idle, None
            idle.succeed(None)


async def _nothing() -> None:
    pass


def _keys(claim: Claim) -> Collection[tuple[str, int, int]]:
    return {(claim.queue_id, claim.fence, each.recipient.id) for each in claim.recipients}
