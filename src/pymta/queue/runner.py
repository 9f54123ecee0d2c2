"""
The runner: does what the schedule decides, with one process's share of the queue.

A recipient's way, each step one function here: claimed (by the :mod:`filler <.filling>`, or
handed over by ``submit`` without a second commit) -> routed again (:mod:`.sorting`) -> waits in
the :mod:`schedule <.schedule>` -> attempted (:mod:`.attempt`, :mod:`.expansion`) -> found to be
gone, due later or held (:mod:`.outcomes`) -> settled (:mod:`.settling`).  What a crash leaves of
it is in :mod:`pymta.interfaces.queue`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pymta.aio import CancelledError, TimeLimit, forever, sleep, start, timeout
from pymta.envelope import Recipient
from pymta.errors import StoreClosed
from pymta.events import Attempted, Event, Stale
from pymta.interfaces.content import Lane, NewMail
from pymta.interfaces.delivery import IDeliveryAgent, IRewriter, Result
from pymta.interfaces.observe import IObserver
from pymta.interfaces.queue import Claim, IQueueStore, SuspendedLane
from pymta.interfaces.routing import IRouter
from pymta.outcome import Failed, Scope
from pymta.queue.attempt import Faults, Tried, Trying, limited
from pymta.queue.concluding import Concluder
from pymta.queue.expansion import Expander
from pymta.queue.filling import Filler
from pymta.queue.holdings import Holdings
from pymta.queue.leases import part
from pymta.queue.lifetimes import LOOK_SECONDS, Lifetimes
from pymta.queue.outcomes import Reports
from pymta.queue.schedule import Death, Expired, Health, Schedule, Work
from pymta.queue.settling import Ending, Fate, Settler
from pymta.queue.sorting import Sorter
from pymta.queue.under_way import UnderWay
from pymta.queue.why import LaneSuspended
from pymta.reply import Reply

__all__ = ["Runner", "RunnerLimits"]

_log = Logger(namespace="pymta.queue")

# Works started, and claims routed, in one turn of the reactor.
_A_TURN = 20
# Claims that are being routed at once: look-ups have pools with bounds of their own.
_ROUTING = 20
_SUSPEND_AGAIN = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerLimits:
    """
    How long things may take, in seconds.

    :param attempt: an agent, for one attempt; then it is cancelled, what it knows by then counts,
        and whoever is left is tried again (451 4.4.2).  More than what the relay agent allows
        itself for hosts, commands and answers, so that what is left is for the content.
    :param route: one look-up of a route.
    :param report: writing reports.
    :param grace: attempts under way at the stop; then they are cancelled and given back.
    :param stop: the whole stop.
    """

    attempt: float = 3600.0
    route: float = 60.0
    report: float = 60.0
    grace: float = 3.0
    stop: float = 10.0

    def __post_init__(self) -> None:
        # NaN is not between anything; what has no end would be renewed for ever.
        if not all(0 < seconds < inf for seconds in (self.attempt, self.route, self.report)):
            raise ValueError("attempt, route and report are more than 0, and have an end")
        if not 0 <= self.grace <= self.stop < inf:
            raise ValueError("grace is from 0 to stop, and stop has an end")


class Runner:
    """
    Works on a queue store, from :meth:`start` to :meth:`stop`.

    Opens nothing before ``start``.  Several runners may work on one store; each has an owner
    name of its own, and the same one after a restart, so that it gets its claims back at once.

    :param agents: by the name that routes use.
    :param rewriters: by name of agent.
    :param now: aware wall time.
    :param random: chance, from 0 up to 1.
    :param ids: makes the numbers that faults are logged by.
    :param reports: writes reports; without it what must be reported is held.
    """

    def __init__(
        self,
        store: IQueueStore,
        router: IRouter,
        *,
        agents: Mapping[str, IDeliveryAgent],
        owner: str,
        clock: IReactorTime,
        now: Callable[[], datetime],
        random: Callable[[], float],
        ids: Callable[[], str],
        observer: IObserver | None = None,
        rewriters: Mapping[str, Sequence[IRewriter]] | None = None,
        reports: Reports | None = None,
        schedule: Schedule | None = None,
        limits: RunnerLimits | None = None,
    ) -> None:
        self._store = store
        self._owner = owner
        self._clock = clock
        self._now = now
        self._random = random
        self._observer = observer
        self.schedule = schedule or Schedule()
        self._limits = limits = limits or RunnerLimits()
        self._faults = faults = Faults(ids, self._tell)
        retry = self.schedule.retry

        # What is here.
        self._holdings = Holdings(self.schedule)
        self._arrived: deque[tuple[Claim, datetime]] = deque()
        self._routing = 0
        self._under_way = UnderWay(clock, faults, self._let_go)

        # What a recipient meets, in the order of its way.
        self._filler = Filler(
            store,
            owner=owner,
            clock=clock,
            now=now,
            room=self._holdings.room,
            take=self._take,
            faults=faults,
        )
        self._trying = Trying(
            agents, rewriters or {}, clock=clock, seconds=limits.attempt, faults=faults
        )
        self._sorter = Sorter(
            router,
            clock=clock,
            seconds=limits.route,
            limit=self._trying.limit,
            faults=faults,
            tell=self._tell,
        )
        self._expander = Expander(store, router, clock=clock, now=now)
        self._settler = Settler(store, clock=clock, faults=faults, told=self._settled)
        self._concluder = Concluder(
            self._settler,
            reports,
            retry=retry,
            clock=clock,
            now=now,
            random=random,
            faults=faults,
            seconds=limits.report,
        )
        passing = 2 * self.schedule.limits.suspend.most
        self._lifetimes = Lifetimes(store, retry, passing=passing, now=now)

        # What the reactor will call.
        self._running = False
        self._turn: IDelayedCall | None = None
        self._wake: IDelayedCall | None = None
        self._duties: list[Deferred[None]] = []

    # -- life -----------------------------------------------------------------

    async def start(self) -> None:
        """
        Take back what a former life of this owner had claimed, and begin.

        :raises Exception: the store cannot be used; nothing was begun.
        """
        recovered = await self._store.recover(self._owner)
        if recovered:
            _log.info("{count} recipients are due again after a crash", count=recovered)
        self._running = True
        self._filler.start()
        self._again(self._store.lease_seconds / 3, self._renew, "renewing leases")
        self._again(0.0, self._look, "looking for mail that waited too long")

    def _again(self, seconds: float, step: Callable[[], Awaitable[None]], what: str) -> None:
        duty = start(forever(self._clock, seconds, step, what))
        duty.addErrback(_cancelled)  # type: ignore[unused-awaitable]  # ends in stop()
        self._duties.append(duty)

    async def stop(self) -> None:
        """
        Start nothing more, let attempts end for a moment, settle what has ended, and give back
        the rest.  Ends within its limit, whatever the agents and the store do.
        """
        if not self._running:
            return
        self._running = False
        self._schedule_wake(None)
        if self._turn is not None:
            self._turn.cancel()
            self._turn = None
        try:
            await timeout(self._clock, self._limits.stop, self._stop())
        except TimeLimit:
            _log.error("the queue did not end in time; leases will run out")
        finally:
            self._settler.stop()

    async def _stop(self) -> None:
        await self._filler.stop()
        self.schedule.drain()
        self._arrived.clear()
        await self._under_way.end(self._limits.grace)
        for duty in self._duties:
            duty.cancel()
        self._duties.clear()
        await self._settler.flushed()
        try:
            await self._store.release(self._holdings.leases.all())
        except StoreClosed:
            _log.error("the queue's store is closed: leases are left to the next start")

    # -- what others see ------------------------------------------------------

    def reserve(self, mails: Sequence[NewMail]) -> str | None:
        """
        Whether to add these with an owner, and which: then they are worked on without a claim.

        None if they are better left to the queue; otherwise :meth:`hand_over` follows, always.
        """
        return self._owner if self._running and self._holdings.reserve(mails) else None

    def hand_over(self, mails: Sequence[NewMail], claims: Sequence[Claim]) -> None:
        """What came of adding mails that were reserved; does not wait."""
        self._holdings.release(mails)
        self._take(claims, self._now())
        self._notice_room(None)

    # -- claimed --------------------------------------------------------------

    def _take(self, claims: Sequence[Claim], asked: datetime) -> None:
        for claim in claims:
            self._holdings.leases.take(claim)
            self._arrived.append((claim, asked))
        if self._running:
            self._kick()
        elif claims:
            self._under_way.begin(self._give_back(claims))

    async def _give_back(self, claims: Sequence[Claim]) -> None:
        self._let_go(claims)
        await self._store.release(claims)

    def _let_go(self, claims: Sequence[Claim]) -> None:
        for claim in claims:
            self._holdings.leases.end(claim)
        self._notice_room(None)

    async def _look(self) -> None:
        # Not at the start, where a queue of a million would be counted before anything else.
        await sleep(self._clock, LOOK_SECONDS)
        await self._lifetimes.look()

    async def _renew(self) -> None:
        third = timedelta(seconds=self._store.lease_seconds / 3)
        now = self._now()
        ending = self._holdings.leases.ending(now + 2 * third)
        for at in range(0, len(ending), 1000):
            claims = ending[at : at + 1000]
            stale = await self._store.renew(claims, now + 3 * third)
            self._holdings.leases.renewed(claims, now + 3 * third)
            self._let_go(stale)

    # -- turns of the reactor -------------------------------------------------

    def _kick(self) -> None:
        if self._turn is None and self._running:
            self._turn = self._clock.callLater(0, self._take_turn)

    def _take_turn(self) -> None:
        self._turn = None
        if not self._running:
            return
        for _ in range(_A_TURN):
            if not self._arrived or self._routing >= _ROUTING:
                break
            claim, asked = self._arrived.popleft()
            self._under_way.begin(self._sort(claim, asked), [claim])
        started = 0
        while started < _A_TURN and (work := self.schedule.next(self._now())) is not None:
            started += 1
            self._under_way.begin(self._run(work), [work.claim])
        if started == _A_TURN or (self._arrived and self._routing < _ROUTING):
            self._kick()
        self._schedule_wake(self.schedule.wake_at())

    def _schedule_wake(self, at: datetime | None) -> None:
        if self._wake is not None and self._wake.active():
            self._wake.cancel()
        self._wake = None
        if at is not None:
            seconds = (at - self._now()) / timedelta(seconds=1)
            self._wake = self._clock.callLater(max(0.0, min(seconds, 60.0)), self._kick)

    # -- routed ---------------------------------------------------------------

    async def _sort(self, claim: Claim, asked: datetime) -> None:
        self._routing += 1
        try:
            found = await self._sorter.sort(claim, asked)
        finally:
            self._routing -= 1
            self._kick()
        self._plan(found.works)
        if found.ended:
            by_id = {each.recipient.id: each.recipient for each in claim.recipients}
            ended = Work(
                claim=part(claim, [result.id for result in found.ended]),
                lane=claim.lane,
                recipients=tuple(by_id[result.id] for result in found.ended),
                taken=asked,
            )
            await self._concluder.conclude(ended, found.ended, self._now())

    def _plan(self, works: Sequence[Work]) -> None:
        """Put works into the schedule; what it does not take is given back, or fails."""
        back = []
        for work in works:
            match self.schedule.add(work, self._now()):
                case None:
                    pass
                case Expired(reason):
                    self._under_way.begin(self._fail(work, Reply(451, "4.4.7", reason)))
                case LaneSuspended() if work.lane == work.claim.lane:
                    back.append(work.claim)
                case LaneSuspended():
                    self._under_way.begin(self._fail(work, Reply(451, "4.4.1", "Nobody is there")))
        if back:
            self._under_way.begin(self._give_back(back))

    async def _fail(self, work: Work, reply: Reply) -> None:
        failed = Failed(reply=reply, scope=Scope.DESTINATION)
        results = [Result(recipient.id, failed) for recipient in work.recipients]
        await self._concluder.conclude(work, results, self._now())

    # -- attempted ------------------------------------------------------------

    async def _run(self, work: Work) -> None:
        health, reason = Health.UNKNOWN, ""
        try:
            # A stale one is somebody else's by now.
            if self._holdings.leases.holds(work.claim):
                health, reason = await self._carry_out(work)
        finally:
            death = self.schedule.finish(
                work, health, now=self._now(), random=self._random(), reason=reason
            )
            if death is not None:
                self._under_way.begin(self._bury(death))
            self._notice_room(work.lane)
            self._kick()

    async def _carry_out(self, work: Work) -> tuple[Health, str]:
        if work.route is not None:
            await self._expand(work)
            return Health.UNKNOWN, ""
        attempts = await self._trying.attempts(work)
        if isinstance(attempts, Tried):
            await self._concluder.conclude(work, attempts.results, self._now())
            return attempts.health, attempts.reason
        health, reason = Health.UNKNOWN, ""
        for attempt in attempts:
            began = self._now()
            tried = await self._trying.deliver(work.lane.agent, attempt)
            # Each by itself, at once: what is settled is not repeated after a crash.
            await self._concluder.conclude(_of(work, attempt.recipients), tried.results, began)
            if health is not Health.BAD:
                health, reason = tried.health, tried.reason
        return health, reason

    async def _expand(self, work: Work) -> None:
        began = self._now()
        try:
            expanding = self._expander.expand(work)
            results = await limited(self._clock, self._limits.attempt, expanding)
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  the fence round an attempt
            number = self._faults.caught(f"expanding {work.claim.queue_id}")
            await self._fail(work, Reply(451, "4.3.0", f"Internal error ({number})"))
        else:
            await self._concluder.conclude(work, results, began)

    async def _bury(self, death: Death) -> None:
        """Tell the store of it; until it has heard, nothing of the lane is claimed here."""
        lane = death.suspended.lane
        self._holdings.suspending.add(lane)
        told = await self._suspended(death.suspended)
        self._plan(death.leaving)
        while not told:
            await sleep(self._clock, _SUSPEND_AGAIN)
            told = await self._suspended(death.suspended)
        self._holdings.suspending.discard(lane)
        self._filler.ring()

    async def _suspended(self, suspended: SuspendedLane) -> bool:
        _log.info(
            "{lane} is suspended until {until}: {reason}",
            lane=suspended.lane,
            until=suspended.until,
            reason=suspended.reason,
        )
        try:
            await self._store.suspend(suspended.lane, suspended.until, suspended.reason)
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  the fence round an attempt
            self._faults.caught(f"suspending {suspended.lane}")
            return False
        return True

    # -- settled --------------------------------------------------------------

    def _settled(self, ending: Ending, fate: Fate) -> None:
        claim = ending.settlement.claim
        for event in ending.events:
            self._tell(_as_settled(event, fate))
        if fate is Fate.STALE:
            recipients = tuple(each.recipient for each in claim.recipients)
            self._tell(Stale(claim.queue_id, recipients))
        self._let_go([claim])

    def _notice_room(self, lane: Lane | None) -> None:
        if self._holdings.has_come(lane):
            self._filler.ring()

    def _tell(self, event: Event) -> None:
        if self._observer is None:
            return
        try:
            self._observer.observe(event)
        except Exception:  # noqa: BLE001  the fence round an observer
            _log.failure("an observer failed")


def _cancelled(failure: Failure) -> None:
    failure.trap(CancelledError)


def _of(work: Work, recipients: Sequence[Recipient]) -> Work:
    """The work for these recipients alone."""
    chosen = part(work.claim, [recipient.id for recipient in recipients])
    return replace(work, claim=chosen, recipients=tuple(recipients))


def _as_settled(event: Event, fate: Fate) -> Event:
    if isinstance(event, Attempted) and fate is not Fate.DONE:
        return replace(event, final=False)
    return event
