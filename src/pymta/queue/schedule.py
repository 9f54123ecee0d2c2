"""
Who is next: the decisions of the queue, without its deeds.

Pure: ``now``, chance and facts come in, decisions come out, so that a year of queue life is
simulated in a second.  The schedule holds a window of the queue, never the queue: what was
claimed and waits for its turn.

An attempt may start if the whole, its agent and its lane have room, the lane is not suspended and
within its rate.  Of the lanes that may, those with the highest priority take turns.  A lane that
is dead gives its work back: it must not fill the window, and the store knows until when nobody
may claim from it (:class:`Death`).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from heapq import heappop, heappush
from typing import TypeAlias

from pymta.envelope import Recipient
from pymta.interfaces.content import Lane
from pymta.interfaces.queue import Claim, SuspendedLane
from pymta.interfaces.routing import Expand
from pymta.queue.feedback import Concurrency
from pymta.queue.retry import Backoff, RetryRules
from pymta.queue.why import Busy, LaneSuspended, RateLimited, WhyNot

__all__ = [
    "AgentRules",
    "Death",
    "Expired",
    "Health",
    "Rate",
    "Refused",
    "Schedule",
    "ScheduleLimits",
    "Work",
]


@dataclass(frozen=True, slots=True)
class Rate:
    """At most so many messages in any period of this length."""

    messages: int
    period: timedelta

    def __post_init__(self) -> None:
        if self.messages < 1 or self.period <= timedelta(0):
            raise ValueError("a rate is one message at least, in a time above 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRules:
    """
    What an agent bears.

    :param most: attempts at once, over all of its lanes.
    :param lane_initial: attempts at once in a lane that is new.
    :param lane_most: attempts at once in a lane, however well it goes.
    :param cohorts: how many rounds of failures are a death (:class:`Concurrency`).
    :param rate: messages a lane; None is no limit.
    """

    most: int = 200
    lane_initial: int = 5
    lane_most: int = 20
    cohorts: float = 1.0
    rate: Rate | None = None

    def __post_init__(self) -> None:
        if min(self.most, self.lane_initial, self.lane_most) < 1 or self.cohorts <= 0:
            raise ValueError("an agent bears one attempt at least, a lane too")


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleLimits:
    """
    :param window: recipients in memory, from their claim to their settlement.
    :param per_lane: recipients that one lane gives to a claim; a lane with as many waiting here
        gives none.
    :param attempts: attempts at once, of all agents.
    :param lanes: how many idle lanes are remembered, with what was learnt of them.
    :param suspend: how long a dead lane is left alone.
    """

    window: int = 20_000
    per_lane: int = 200
    attempts: int = 500
    lanes: int = 20_000
    suspend: Backoff = field(
        default=Backoff(first=timedelta(minutes=5), most=timedelta(hours=1)),
    )

    def __post_init__(self) -> None:
        if min(self.window, self.per_lane, self.attempts, self.lanes) < 1:
            raise ValueError("each limit of a schedule is 1 at least")


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """
    What one attempt is to do: recipients of one message, in one lane.

    :param claim: of these recipients alone.
    :param lane: as routed now; ``claim.lane`` is as it was routed before.
    :param recipients: as routed now: the ids of the claim, maybe with other addresses.
    :param route: what is to be done in place of a delivery.
    :param taken: when it came into the window.
    """

    claim: Claim
    lane: Lane
    recipients: tuple[Recipient, ...]
    taken: datetime
    route: Expand | None = None


class Health(Enum):
    """What an attempt taught about its lane."""

    GOOD = auto()
    """Somebody answered, whatever the answer was."""
    BAD = auto()
    """Nobody did."""
    UNKNOWN = auto()


@dataclass(frozen=True, slots=True)
class Expired:
    """Not taken: its life is over, and nobody has been there of late."""

    reason: str


Refused: TypeAlias = LaneSuspended | Expired


@dataclass(frozen=True, slots=True)
class Death:
    """
    A lane is to be suspended.

    :param leaving: work that was waiting for it: to be given back.
    """

    suspended: SuspendedLane
    leaving: tuple[Work, ...]


@dataclass(slots=True)
class _Agent:
    rules: AgentRules
    active: int = 0
    # Lanes that may start an attempt, in order of their turns, by the priority of their first.
    turns: dict[int, OrderedDict[Lane, None]] = field(default_factory=dict)


@dataclass(slots=True)
class _Lane:
    lane: Lane
    agent: _Agent
    concurrency: Concurrency
    ready: list[tuple[int, int, Work]] = field(default_factory=list)
    recipients: int = 0
    active: int = 0
    deaths: int = 0
    suspended: SuspendedLane | None = None
    died: datetime | None = None
    starts: deque[datetime] = field(default_factory=deque)
    turn: int | None = None
    waits: bool = False


class Schedule:
    """
    The window, and who in it is next.

    :param agents: rules by name of agent; one without gets the default.
    """

    def __init__(
        self,
        limits: ScheduleLimits | None = None,
        retry: RetryRules | None = None,
        *,
        agents: Mapping[str, AgentRules] | None = None,
    ) -> None:
        self.limits = limits or ScheduleLimits()
        self.retry = retry or RetryRules()
        self._rules = agents or {}
        self._agents: OrderedDict[str, _Agent] = OrderedDict()
        self._lanes: dict[Lane, _Lane] = {}
        self._idle: OrderedDict[Lane, None] = OrderedDict()
        self._large: set[Lane] = set()
        self._paced: list[tuple[datetime, int, Lane]] = []
        self._active = 0
        self._ready = 0
        self._number = 0

    # -- the window -----------------------------------------------------------

    @property
    def active(self) -> int:
        """Attempts under way."""
        return self._active

    @property
    def ready(self) -> int:
        """Work that waits for its turn."""
        return self._ready

    def room(self, held: int) -> int:
        """
        How many recipients may be claimed, where so many are held already.

        None at all below a sixteenth of the window: a claim is a commit and should be worth it.
        """
        room = self.limits.window - held
        return room if room >= max(1, self.limits.window // 16) else 0

    def share(self, held: int) -> int:
        """
        How many recipients one lane may have waiting, and give to a claim.

        It shrinks as the window fills, so that slow lanes leave room for others.
        """
        room = self.limits.window - held
        return min(self.limits.per_lane, max(room // 16, self._least_share))

    @property
    def _least_share(self) -> int:
        return min(self.limits.per_lane, 8)

    def full(self, held: int) -> Collection[Lane]:
        """The lanes that have their share waiting here: nothing of them is to be claimed."""
        share = self.share(held)
        return [lane for lane in self._large if self._lanes[lane].recipients >= share]

    def is_full(self, lane: Lane, held: int) -> bool:
        """Whether nothing of the lane is to be claimed."""
        known = self._lanes.get(lane)
        if known is None:
            return False
        return known.suspended is not None or known.recipients >= self.share(held)

    # -- work -----------------------------------------------------------------

    def add(self, work: Work, now: datetime) -> Refused | None:
        """
        Take it into the window; or say why not, and it is the caller's again.

        Work that was claimed after its lane's death shows that somebody has ended the suspension.
        """
        lane = self._lanes.get(work.lane) or self._new_lane(work.lane)
        self._revive(lane, now)
        if work.lane == work.claim.lane and lane.died is not None and work.taken > lane.died:
            lane.suspended = None
        if not lane.concurrency.proven and self.retry.expired(work.claim.arrived, now):
            return Expired("Not delivered in its time, and nobody has been there of late")
        if lane.suspended is not None:
            return _why_suspended(lane.suspended)
        self._number += 1
        heappush(lane.ready, (-work.claim.priority, self._number, work))
        self._count(lane, len(work.recipients))
        self._ready += 1
        self._idle.pop(lane.lane, None)
        self._queue(lane, now)
        return None

    def next(self, now: datetime) -> Work | None:
        """
        What is to be started now, if anything; ask until nothing is.

        It counts as under way until :meth:`finish`.
        """
        self._wake(now)
        if self._active >= self.limits.attempts:
            return None
        agent = self._next_agent()
        if agent is None:
            return None
        turns = agent.turns[max(agent.turns)]
        lane = self._lanes[next(iter(turns))]
        return self._start(lane, now)

    def wake_at(self) -> datetime | None:
        """When :meth:`next` may say something else though nothing has happened."""
        return self._paced[0][0] if self._paced else None

    def finish(
        self, work: Work, health: Health, *, now: datetime, random: float, reason: str = ""
    ) -> Death | None:
        """
        An attempt has ended.

        :param reason: what is wrong, if it is.
        :returns: set if that was one failure too many.
        """
        lane = self._lanes[work.lane]
        death = None
        if health is Health.GOOD:
            lane.deaths = 0
            lane.concurrency.succeeded(lane.active)
        elif health is Health.BAD and lane.suspended is None and lane.concurrency.failed():
            death = self._die(lane, now, random, reason)
        lane.active -= 1
        lane.agent.active -= 1
        self._active -= 1
        self._queue(lane, now)
        self._rest(lane)
        return death

    def drain(self) -> list[Work]:
        """Take all that waits out of the window: the end is near."""
        waiting = [work for lane in list(self._lanes.values()) for work in self._leave(lane)]
        self._paced.clear()
        return waiting

    def why(self, lane: Lane, now: datetime) -> WhyNot | None:
        """What keeps the lane's work waiting, as far as the schedule knows."""
        known = self._lanes.get(lane)
        if known is not None:
            if known.suspended is not None and known.suspended.until > now:
                return _why_suspended(known.suspended)
            if known.active >= known.concurrency.level:
                return Busy(f"to {lane}", known.concurrency.level)
            free = self._free_at(known, now)
            if free is not None:
                return RateLimited(free)
            if known.agent.active >= known.agent.rules.most:
                return Busy(f"by {lane.agent}", known.agent.rules.most)
        if self._active >= self.limits.attempts:
            return Busy("in all", self.limits.attempts)
        return None

    # -- lanes ----------------------------------------------------------------

    def _new_lane(self, lane: Lane) -> _Lane:
        agent = self._agents.get(lane.agent)
        if agent is None:
            agent = _Agent(self._rules.get(lane.agent, AgentRules()))
            self._agents[lane.agent] = agent
        rules = agent.rules
        concurrency = Concurrency(
            initial=rules.lane_initial, most=rules.lane_most, cohorts=rules.cohorts
        )
        self._lanes[lane] = made = _Lane(lane, agent, concurrency)
        self._rest(made)
        return made

    def _rest(self, lane: _Lane) -> None:
        """Remember an idle lane, until too many others have been idle after it."""
        if lane.active or lane.ready:
            return
        self._idle[lane.lane] = None
        self._idle.move_to_end(lane.lane)
        if len(self._idle) > self.limits.lanes:
            oldest, _ = self._idle.popitem(last=False)
            del self._lanes[oldest]

    def _count(self, lane: _Lane, recipients: int) -> None:
        lane.recipients += recipients
        if lane.recipients >= self._least_share:
            self._large.add(lane.lane)
        else:
            self._large.discard(lane.lane)

    def _revive(self, lane: _Lane, now: datetime) -> None:
        if lane.suspended is None:
            return
        left = lane.suspended.until - now
        # More than any suspension lasts: the clock was set back since.
        if left <= timedelta(0) or left > 2 * self.limits.suspend.most:
            lane.suspended = None

    def _die(self, lane: _Lane, now: datetime, random: float, reason: str) -> Death:
        lane.deaths += 1
        lane.died = now
        until = now + self.limits.suspend.wait(lane.deaths, random)
        lane.suspended = SuspendedLane(lane.lane, until, reason)
        return Death(lane.suspended, self._leave(lane))

    def _leave(self, lane: _Lane) -> tuple[Work, ...]:
        leaving = tuple(work for _, _, work in sorted(lane.ready, key=lambda each: each[:2]))
        lane.ready.clear()
        self._ready -= len(leaving)
        self._count(lane, -lane.recipients)
        self._unqueue(lane)
        self._rest(lane)
        return leaving

    # -- turns ----------------------------------------------------------------

    def _queue(self, lane: _Lane, now: datetime) -> None:
        """Give the lane a turn, if it may start something, where its first work belongs."""
        if not lane.ready or lane.suspended is not None:
            return
        if lane.active >= lane.concurrency.level:
            self._unqueue(lane)
            return
        free = self._free_at(lane, now)
        if free is not None:
            self._pace(lane, free)
            return
        priority = -lane.ready[0][0]
        if lane.turn != priority:
            self._unqueue(lane)
            lane.turn = priority
            lane.agent.turns.setdefault(priority, OrderedDict())[lane.lane] = None

    def _unqueue(self, lane: _Lane) -> None:
        if lane.turn is None:
            return
        turns = lane.agent.turns[lane.turn]
        del turns[lane.lane]
        if not turns:
            del lane.agent.turns[lane.turn]
        lane.turn = None

    def _next_agent(self) -> _Agent | None:
        """The one with room and the highest priority; among equals, they take turns."""
        best: tuple[int, str] | None = None
        for name, agent in self._agents.items():
            if agent.turns and agent.active < agent.rules.most:
                priority = max(agent.turns)
                if best is None or priority > best[0]:
                    best = priority, name
        if best is None:
            return None
        self._agents.move_to_end(best[1])
        return self._agents[best[1]]

    def _start(self, lane: _Lane, now: datetime) -> Work:
        _, _, work = heappop(lane.ready)
        self._ready -= 1
        self._count(lane, -len(work.recipients))
        lane.active += 1
        lane.agent.active += 1
        self._active += 1
        if lane.agent.rules.rate is not None:
            lane.starts.append(now)
        self._unqueue(lane)
        self._queue(lane, now)
        return work

    # -- rates ----------------------------------------------------------------

    def _free_at(self, lane: _Lane, now: datetime) -> datetime | None:
        """When the rate lets the next message go; None is now."""
        rate = lane.agent.rules.rate
        if rate is None:
            return None
        # A start in the future: the clock was set back since.
        while lane.starts and not lane.starts[0] <= now < lane.starts[0] + rate.period:
            lane.starts.popleft()
        if len(lane.starts) < rate.messages:
            return None
        return lane.starts[0] + rate.period

    def _pace(self, lane: _Lane, until: datetime) -> None:
        self._unqueue(lane)
        if not lane.waits:
            lane.waits = True
            self._number += 1
            heappush(self._paced, (until, self._number, lane.lane))

    def _wake(self, now: datetime) -> None:
        while self._paced and self._paced[0][0] <= now:
            _, _, name = heappop(self._paced)
            lane = self._lanes.get(name)
            if lane is not None:
                lane.waits = False
                self._queue(lane, now)


def _why_suspended(suspended: SuspendedLane) -> LaneSuspended:
    return LaneSuspended(suspended.lane, suspended.until, suspended.reason)
