"""
Tests for the schedule: who is next, how many at once, and who must wait for what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pymta.address import Address
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.interfaces.content import Lane, Octets, Origin, QueueID
from pymta.interfaces.queue import Claim, Claimed
from pymta.queue.retry import Again, Backoff, RetryRules
from pymta.queue.schedule import (
    AgentRules,
    Death,
    Expired,
    Health,
    Rate,
    Schedule,
    ScheduleLimits,
    Work,
)
from pymta.queue.why import Busy, LaneSuspended, RateLimited
from pymta.session import Endpoint, Role, Session

START = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
SESSION = Session(id="s", role=Role.LOCAL, peer=Endpoint(""), local=Endpoint(""), started=START)
SENDER = Sender(reverse_path=Address("a", "example.test"))
ORIGIN = Origin(SESSION, SENDER)
NOTHING = Octets(b"")


def lane(name: str, agent: str = "relay") -> Lane:
    """A lane of that next hop."""
    return Lane(agent, name)


def work(
    name: str,
    number: int = 0,
    *,
    agent: str = "relay",
    priority: int = 0,
    recipients: int = 1,
    arrived: datetime = START,
    taken: datetime = START,
) -> Work:
    """Work for a lane; the number makes its queue id."""
    asked = tuple(
        Recipient(id=RecipientID(at), address=Address("r", "example.test"))
        for at in range(recipients)
    )
    claim = Claim(
        queue_id=QueueID(f"Q{number}"),
        lane=lane(name, agent),
        fence=1,
        owner="me",
        until=START + timedelta(hours=1),
        recipients=tuple(Claimed(recipient=each) for each in asked),
        sender=SENDER,
        content=NOTHING,
        origin=ORIGIN,
        arrived=arrived,
        priority=priority,
    )
    return Work(claim=claim, lane=claim.lane, recipients=asked, taken=taken)


def all_next(schedule: Schedule, now: datetime = START) -> list[str]:
    """Start whatever may start; its queue ids in order."""
    started = []
    while (each := schedule.next(now)) is not None:
        started.append(str(each.claim.queue_id))
    return started


def end(
    schedule: Schedule, each: Work, health: Health = Health.GOOD, now: datetime = START
) -> Death | None:
    """End an attempt without luck on either side."""
    return schedule.finish(each, health, now=now, random=0.5, reason="no answer")


def test_nothing_comes_of_nothing() -> None:
    """An empty schedule starts nothing and waits for nothing."""
    schedule = Schedule()
    assert schedule.next(START) is None
    assert schedule.wake_at() is None
    assert schedule.why(lane("a"), START) is None


def test_one_lane_keeps_its_order() -> None:
    """First come, first served."""
    schedule = Schedule()
    for number in range(3):
        assert schedule.add(work("a", number), START) is None
    assert (schedule.ready, schedule.active) == (3, 0)
    assert all_next(schedule) == ["Q0", "Q1", "Q2"]
    assert (schedule.ready, schedule.active) == (0, 3)


def test_lanes_take_turns() -> None:
    """A lane with much does not keep one with little waiting."""
    schedule = Schedule()
    for number in range(4):
        schedule.add(work("much", number), START)
    schedule.add(work("little", 9), START)
    assert all_next(schedule) == ["Q0", "Q9", "Q1", "Q2", "Q3"]


def test_agents_take_turns() -> None:
    """Nor does an agent with many lanes."""
    schedule = Schedule()
    for number in range(3):
        schedule.add(work(f"lane{number}", number), START)
    schedule.add(work("box", 9, agent="local"), START)
    assert all_next(schedule) == ["Q0", "Q9", "Q1", "Q2"]


def test_the_higher_priority_goes_first_within_a_lane_and_between_lanes() -> None:
    """Whatever came before."""
    schedule = Schedule()
    schedule.add(work("a", 1), START)
    schedule.add(work("a", 2, priority=5), START)
    schedule.add(work("b", 3), START)
    schedule.add(work("b", 4, priority=9), START)
    schedule.add(work("c", 5, agent="local", priority=7), START)
    assert all_next(schedule)[:3] == ["Q4", "Q5", "Q2"]


def test_a_lane_has_so_many_attempts_at_once() -> None:
    """Five to begin with; each end makes room for one more."""
    schedule = Schedule()
    works = [work("a", number) for number in range(8)]
    for each in works:
        schedule.add(each, START)
    assert all_next(schedule) == ["Q0", "Q1", "Q2", "Q3", "Q4"]
    assert schedule.why(lane("a"), START) == Busy("to relay:a", 5)
    end(schedule, works[0])
    assert all_next(schedule) == ["Q5"]


def test_a_lane_that_does_well_grows_to_its_most() -> None:
    """Thousands of successes later there are twenty at once."""
    schedule = Schedule()
    most = 0
    under_way: list[Work] = []
    for number in range(1000):
        schedule.add(work("a", number), START)
    while schedule.ready:
        while (each := schedule.next(START)) is not None:
            under_way.append(each)
        most = max(most, len(under_way))
        end(schedule, under_way.pop(0))
    assert most == 20


def test_an_agent_has_so_many_attempts_at_once() -> None:
    """Whatever its lanes would bear; other agents are not kept."""
    schedule = Schedule(agents={"relay": AgentRules(most=2)})
    works = [work(f"l{number}", number) for number in range(3)]
    for each in works:
        schedule.add(each, START)
    schedule.add(work("box", 9, agent="local"), START)
    assert sorted(all_next(schedule)) == ["Q0", "Q1", "Q9"]
    assert schedule.why(lane("l2"), START) == Busy("by relay", 2)
    end(schedule, works[0])
    assert all_next(schedule) == ["Q2"]


def test_there_are_so_many_attempts_in_all() -> None:
    """Of all agents together."""
    schedule = Schedule(ScheduleLimits(attempts=2))
    for number in range(3):
        schedule.add(work(f"l{number}", number, agent=f"a{number}"), START)
    assert all_next(schedule) == ["Q0", "Q1"]
    assert schedule.why(lane("l2", "a2"), START) == Busy("in all", 2)


def test_a_rate_holds_messages_back_until_their_time() -> None:
    """Two a minute: the third one starts a minute after the first."""
    schedule = Schedule(agents={"relay": AgentRules(rate=Rate(2, MINUTE))})
    for number in range(4):
        schedule.add(work("a", number), START)
    schedule.add(work("b", 9), START)
    assert sorted(all_next(schedule)) == ["Q0", "Q1", "Q9"]
    assert schedule.wake_at() == START + MINUTE
    assert schedule.why(lane("a"), START) == RateLimited(START + MINUTE)
    assert all_next(schedule, START + MINUTE - SECOND) == []
    assert all_next(schedule, START + MINUTE) == ["Q2", "Q3"]


@settings(max_examples=30)
@given(st.lists(st.integers(0, 40), max_size=30), st.integers(1, 4))
def test_no_period_has_more_than_its_rate(steps: list[int], messages: int) -> None:
    """However work and time come."""
    rate = Rate(messages, MINUTE)
    schedule = Schedule(agents={"relay": AgentRules(rate=rate)})
    now, starts = START, list[datetime]()
    for number, step in enumerate(steps):
        now += step * SECOND
        schedule.add(work("a", number), now)
        while (each := schedule.next(now)) is not None:
            starts.append(now)
            end(schedule, each, now=now)
    for first in starts:
        assert sum(first <= each < first + MINUTE for each in starts) <= messages


def test_a_clock_that_is_set_back_lames_no_rate_and_no_lane() -> None:
    """D04: what was to last a minute does not last the year that the clock went back."""
    rules = AgentRules(lane_initial=1, rate=Rate(2, MINUTE))
    schedule = Schedule(agents={"relay": rules})
    dead = work("a")
    schedule.add(dead, START)
    assert schedule.next(START) is dead
    assert end(schedule, dead, Health.BAD) is not None
    back = START - timedelta(days=365)
    assert schedule.add(work("a", 1, arrived=back), back) is None
    assert all_next(schedule, back) == ["Q1"]


# -- death --------------------------------------------------------------------


def kill(schedule: Schedule, name: str, now: datetime = START) -> Death:
    """Let attempts of a lane fail until it is dead."""
    for number in range(100):
        assert schedule.add(work(name, number, arrived=now, taken=now), now) is None
        each = schedule.next(now)
        assert each is not None
        death = end(schedule, each, Health.BAD, now)
        if death is not None:
            return death
    raise AssertionError("it does not die")


def test_a_dead_lane_gives_its_work_back() -> None:
    """It is suspended for five minutes, and what waited leaves the window in its order."""
    schedule = Schedule()
    works = [work("a", number) for number in range(9)]
    for each in works:
        schedule.add(each, START)
    assert len(all_next(schedule)) == 5
    deaths = [end(schedule, each, Health.BAD) for each in works[:5]]
    assert deaths[:4] == [None] * 4
    assert deaths[4] is not None
    suspended = deaths[4].suspended
    assert (suspended.lane, suspended.until, suspended.reason) == (
        lane("a"),
        START + 5 * MINUTE,
        "no answer",
    )
    assert deaths[4].leaving == tuple(works[5:])
    assert (schedule.ready, schedule.active) == (0, 0)


def test_a_dead_lane_takes_nothing_until_its_time() -> None:
    """And says why; another lane is not concerned."""
    schedule = Schedule()
    death = kill(schedule, "a")
    why = LaneSuspended(lane("a"), START + 5 * MINUTE, "no answer")
    assert schedule.add(work("a"), START + MINUTE) == why
    assert schedule.why(lane("a"), START + MINUTE) == why
    assert schedule.is_full(lane("a"), 0)
    assert schedule.add(work("b"), START) is None
    assert schedule.add(work("a"), death.suspended.until) is None


def test_a_lane_that_was_dead_is_probed_by_one() -> None:
    """One attempt; if it is good, the lane is as new; if not, the next pause is longer."""
    schedule = Schedule()
    now = kill(schedule, "a").suspended.until
    works = [work("a", number, arrived=now) for number in range(9)]
    for each in works:
        schedule.add(each, now)
    assert all_next(schedule, now) == ["Q0"]
    end(schedule, works[0], Health.GOOD, now)
    assert all_next(schedule, now) == ["Q1", "Q2", "Q3", "Q4", "Q5"]


def test_pauses_grow_to_the_longest_and_start_anew_after_a_success() -> None:
    """5, 10, 20, 40, 60 minutes and no more; then 5 again."""
    schedule = Schedule()
    now, pauses = START, list[timedelta]()
    for _ in range(6):
        until = kill(schedule, "a", now).suspended.until
        pauses.append(until - now)
        now = until
    assert pauses == [minutes * MINUTE for minutes in (5, 10, 20, 40, 60, 60)]
    good = work("a", arrived=now)
    schedule.add(good, now)
    schedule.next(now)
    end(schedule, good, Health.GOOD, now)
    assert kill(schedule, "a", now).suspended.until - now == 5 * MINUTE


def test_the_pause_is_jittered() -> None:
    """What died together is not probed together."""
    schedule = Schedule(agents={"relay": AgentRules(lane_initial=1)})
    pauses = []
    for name, random in (("a", 0.0), ("b", 0.999)):
        each = work(name)
        schedule.add(each, START)
        schedule.next(START)
        death = schedule.finish(each, Health.BAD, now=START, random=random)
        assert death is not None
        pauses.append(death.suspended.until - START)
    assert pauses[0] == 4 * MINUTE < pauses[1] < 6 * MINUTE


def test_attempts_that_end_after_the_death_change_nothing() -> None:
    """One death is one suspension, however many were under way."""
    schedule = Schedule()
    works = [work("a", number) for number in range(25)]
    for each in works:
        schedule.add(each, START)
    all_next(schedule)
    under_way = works[:5]
    told = [end(schedule, each, Health.BAD) for each in under_way]
    assert [death is not None for death in told] == [False] * 4 + [True]


def test_faults_teach_nothing() -> None:
    """An agent that fails by its own fault neither kills a lane nor proves that it lives."""
    schedule = Schedule()
    for number in range(50):
        each = work("a", number)
        schedule.add(each, START)
        assert schedule.next(START) is each
        assert end(schedule, each, Health.UNKNOWN) is None


def test_what_is_claimed_after_the_death_shows_that_the_pause_was_ended() -> None:
    """Somebody said "retry now": the store gave it out, so the lane is probed at once."""
    schedule = Schedule()
    kill(schedule, "a")
    later = START + MINUTE
    assert schedule.add(work("a", 1, taken=later), later) is None
    assert all_next(schedule, later) == ["Q1"]


def test_old_mail_for_a_lane_that_is_dead_fails_without_an_attempt() -> None:
    """A million messages expire at once, though the lane is probed by one at a time."""
    schedule = Schedule()
    kill(schedule, "a")
    old = work("a", arrived=START - timedelta(days=5))
    assert isinstance(schedule.add(old, START + MINUTE), Expired)
    assert isinstance(schedule.add(old, START + timedelta(hours=1)), Expired)


def test_old_mail_for_a_lane_that_nobody_tried_gets_its_attempt() -> None:
    """We were away for a week: that is no reason to send everything back."""
    schedule = Schedule()
    assert schedule.add(work("a", arrived=START - timedelta(days=7)), START) is None
    assert all_next(schedule) == ["Q0"]


# -- the window ---------------------------------------------------------------


def test_room_is_a_window_and_worth_a_claim() -> None:
    """Nothing is claimed for the last few places: a claim is a commit."""
    schedule = Schedule(ScheduleLimits(window=160))
    assert [schedule.room(held) for held in (0, 100, 150, 151, 160, 300)] == [
        160, 60, 10, 0, 0, 0,
    ]  # fmt: skip


def test_a_lane_with_its_share_waiting_is_full() -> None:
    """Nothing more of it is to be claimed until half of it has gone."""
    schedule = Schedule(ScheduleLimits(window=1000, per_lane=20))
    schedule.add(work("a", recipients=19), START)
    assert list(schedule.full(19)) == []
    schedule.add(work("a", 1), START)
    schedule.add(work("b", 2), START)
    assert list(schedule.full(21)) == [lane("a")]
    assert (schedule.is_full(lane("a"), 21), schedule.is_full(lane("b"), 21)) == (True, False)
    assert schedule.next(START) is not None
    assert list(schedule.full(21)) == []


def test_shares_shrink_as_the_window_fills() -> None:
    """Slow lanes leave room for others."""
    schedule = Schedule()
    assert [schedule.share(held) for held in (0, 16_800, 18_400, 19_999)] == [200, 200, 100, 8]


def test_idle_lanes_are_remembered_up_to_a_limit() -> None:
    """Then the one that was idle longest is forgotten, and may begin anew."""
    schedule = Schedule(ScheduleLimits(lanes=2))
    kill(schedule, "a")
    kill(schedule, "b")
    assert schedule.why(lane("a"), START) is not None
    kill(schedule, "c")
    assert schedule.why(lane("a"), START) is None
    assert schedule.why(lane("c"), START) is not None


def test_the_window_can_be_drained() -> None:
    """At the stop, all that was not started is given back."""
    schedule = Schedule(agents={"relay": AgentRules(rate=Rate(1, MINUTE))})
    works = [work(name, number) for number, name in enumerate("abab")]
    for each in works:
        schedule.add(each, START)
    started = schedule.next(START)
    assert started is works[0]
    drained = schedule.drain()
    assert sorted(str(each.claim.queue_id) for each in drained) == ["Q1", "Q2", "Q3"]
    assert (schedule.ready, schedule.next(START), schedule.wake_at()) == (0, None, None)
    end(schedule, works[0])
    assert schedule.active == 0


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("+-?>")), max_size=80))
def test_nothing_is_lost_and_nothing_is_done_twice(story: list[tuple[str, str]]) -> None:
    """Each work is waiting, under way, ended or given back, whatever happens."""
    schedule = Schedule(ScheduleLimits(attempts=4, lanes=1))
    now, number = START, 0
    waiting, under_way, gone = Counter[str](), dict[str, list[Work]](), 0
    for name, what in story:
        now += 20 * SECOND
        if what == ">":
            refused = schedule.add(work(name, number, arrived=now), now)
            number += 1
            waiting[name] += refused is None
            gone += refused is not None
        elif under_way.get(name):
            each = under_way[name].pop()
            health = {"+": Health.GOOD, "-": Health.BAD, "?": Health.UNKNOWN}[what]
            death = end(schedule, each, health, now)
            gone += 1
            if death is not None:
                assert len(death.leaving) == waiting[name]
                gone += waiting.pop(name)
        while (started := schedule.next(now)) is not None:
            waiting[started.lane.next_hop] -= 1
            under_way.setdefault(started.lane.next_hop, []).append(started)
        active = sum(map(len, under_way.values()))
        assert (schedule.active, schedule.ready) == (active, waiting.total())
        assert number == gone + active + waiting.total()


# -- simulations --------------------------------------------------------------


class Simulation:
    """A queue with time and chance of its own: lanes answer after a second, or not at all."""

    def __init__(self, schedule: Schedule, alive: dict[str, bool]) -> None:
        self.schedule = schedule
        self.alive = alive
        self.now = START
        self.random = Random(7)
        self.delivered = dict[str, datetime]()
        self.attempts = Counter[str]()
        self.backlog: list[tuple[datetime, int, Work]] = []
        self.under_way: list[tuple[datetime, Work]] = []
        self.suspended = dict[Lane, datetime]()

    def run(self, until: datetime) -> None:
        """Second by second: claim what is due as a store would, start, and end."""
        while self.now < until:
            self.claim()
            while (each := self.schedule.next(self.now)) is not None:
                alive = self.alive[each.lane.next_hop]
                self.under_way.append((self.now + SECOND * (1 if alive else 30), each))
            for ends, each in list(self.under_way):
                if ends <= self.now:
                    self.under_way.remove((ends, each))
                    self.end(each)
            self.now += SECOND

    def claim(self) -> None:
        """Oldest first, by lane, nothing of suspended or full lanes."""
        held = self.schedule.ready + self.schedule.active
        room, share = self.schedule.room(held), self.schedule.share(held)
        without = set(self.schedule.full(held))
        taken = Counter[Lane]()
        left = []
        for at, (due, number, each) in enumerate(self.backlog):
            if not room:
                left.extend(self.backlog[at:])
                break
            lane = each.lane
            asleep = self.suspended.get(lane, START) > self.now or lane in without
            if due > self.now or asleep or taken[lane] >= share:
                left.append((due, number, each))
                continue
            taken[lane] += 1
            room -= 1
            assert self.schedule.add(each, self.now) is None
        self.backlog = left

    def end(self, each: Work) -> None:
        """Delivered, or again later."""
        name = each.lane.next_hop
        self.attempts[name] += 1
        health = Health.GOOD if self.alive[name] else Health.BAD
        if health is Health.GOOD:
            self.delivered[str(each.claim.queue_id)] = self.now
        else:
            self.backlog.append((self.now + 5 * MINUTE, 0, each))
        death = self.schedule.finish(each, health, now=self.now, random=self.random.random())
        if death is not None:
            self.suspended[death.suspended.lane] = death.suspended.until
            self.backlog += [(self.now, 0, left) for left in death.leaving]


@pytest.mark.parametrize("dead_share", [0, 9], ids=["all alive", "90 % dead"])
def test_d07_one_dead_destination_does_not_slow_the_others(dead_share: int) -> None:
    """With nine messages to a dead lane for each other one, the others go out in seconds."""
    schedule = Schedule(ScheduleLimits(window=200, per_lane=50, attempts=20))
    simulation = Simulation(
        schedule, {"dead": False, **{f"ok{number}": True for number in range(10)}}
    )
    number = 0
    for healthy in range(100):
        for _ in range(dead_share):
            simulation.backlog.append((START, number, work("dead", number + 1000)))
            number += 1
        simulation.backlog.append((START, number, work(f"ok{healthy % 10}", healthy)))
    simulation.run(START + 10 * MINUTE)
    assert len(simulation.delivered) == 100
    assert max(simulation.delivered.values()) <= START + 15 * SECOND
    # Five at once until it was dead, then one probe a pause.
    assert simulation.attempts["dead"] <= (5 + 5 if dead_share else 0)


def test_a_year_of_a_recipient_that_never_answers_is_five_days_long() -> None:
    """All jitters: between 20 and 60 attempts, the last exactly at the end of its life."""
    rules = RetryRules()
    random = Random(3)
    for _ in range(500):
        now, attempts = START, 0
        while True:
            attempts += 1
            decision = rules.after(
                attempts, arrived=START, now=now, warned=False, random=random.random()
            )
            if not isinstance(decision, Again):
                break
            assert now < decision.due
            now = decision.due
        assert now == START + timedelta(days=5)
        assert 20 <= attempts <= 60


def test_a_year_of_a_lane_that_comes_and_goes() -> None:
    """Alive every other day for a year: it is dead within minutes, alive again within the hour."""
    rules = AgentRules(lane_initial=2)
    limits = ScheduleLimits(suspend=Backoff(first=5 * MINUTE, most=60 * MINUTE))
    schedule = Schedule(limits, agents={"relay": rules})
    random = Random(5)
    now, number = START, 0
    good, deaths = 0, 0
    while now < START + timedelta(days=365):
        number += 1
        each = work("a", number, arrived=now)
        alive = (now - START).days % 2 == 0
        refused = schedule.add(each, now)
        if isinstance(refused, LaneSuspended):
            assert timedelta(0) < refused.until - now <= 72 * MINUTE
            now = refused.until
            continue
        assert schedule.next(now) is each
        health = Health.GOOD if alive else Health.BAD
        death = schedule.finish(each, health, now=now, random=random.random())
        good += alive
        deaths += death is not None
        now += 10 * MINUTE
    # 183 good days of 144 messages, each a few minutes to an hour late; 182 bad ones.
    assert 183 * 130 <= good <= 183 * 144
    assert 182 * 20 <= deaths <= 182 * 60


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: ScheduleLimits(window=0), id="no window"),
        pytest.param(lambda: ScheduleLimits(per_lane=0), id="nothing of a lane"),
        pytest.param(lambda: AgentRules(most=0), id="no attempt"),
        pytest.param(lambda: AgentRules(lane_most=0), id="no attempt in a lane"),
        pytest.param(lambda: Rate(0, timedelta(1)), id="no message"),
        pytest.param(lambda: Rate(1, timedelta(0)), id="in no time"),
        pytest.param(lambda: RetryRules(life=timedelta(0)), id="no life"),
        pytest.param(lambda: RetryRules(attempts=0), id="never"),
        pytest.param(lambda: Backoff(first=timedelta(0), most=timedelta(1)), id="at once"),
        pytest.param(lambda: Backoff(first=timedelta(2), most=timedelta(1)), id="downwards"),
        pytest.param(
            lambda: Backoff(first=timedelta(1), most=timedelta(1), factor=0.5), id="shrinking"
        ),
        pytest.param(
            lambda: Backoff(first=timedelta(1), most=timedelta(1), jitter=1), id="into the past"
        ),
    ],
)
def test_rules_that_deliver_nothing(make: Callable[[], object]) -> None:
    """Rules by which nothing could be delivered are a mistake of who sets them."""
    with pytest.raises(ValueError):
        make()
