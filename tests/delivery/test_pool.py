"""
Tests for kept sessions: which may serve again, for how long, and that each has an end.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from twisted.internet.task import Clock

from pymta.address import Address
from pymta.aio import deferred
from pymta.delivery.pool import Lease, Pool, PoolLimits, PoolStatistics, Way
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.errors import Refused
from pymta.interfaces.content import Octets
from pymta.interfaces.relay import TLSLevel, TLSPolicy
from pymta.sasl import Credentials
from tests.awaiting import now_done
from tests.delivery.net import DOWN, FakeSession, Net

WAY = Way(name="mx.test", port=25, address="192.0.2.1", policy=TLSPolicy())
BOB = Recipient(id=RecipientID(1), address=Address("bob", "elsewhere.test"))


class House:
    """A pool, its clock and whom it dials."""

    def __init__(self, **limits: Any) -> None:
        self.clock = Clock()
        self.net = Net()
        self.pool = Pool(self.net.dial, clock=self.clock, limits=PoolLimits(**limits))

    def opened(self, way: Way = WAY) -> Lease:
        """A new session."""
        return now_done(self.pool.open(way))

    def kept(self, way: Way = WAY) -> FakeSession:
        """A new session, idle in the pool."""
        lease = self.opened(way)
        self.pool.give_back(lease)
        session = lease.session
        assert isinstance(session, FakeSession)
        return session

    def send(self, lease: Lease) -> None:
        """One transaction."""
        _ = now_done(lease.send(Sender(reverse_path=None), [BOB], Octets(b"x")))


def test_it_is_used_again() -> None:
    """
    What is given back is the next one's, and marked as used.
    """
    house = House()
    first = house.opened()
    house.pool.give_back(first)
    again = house.pool.reuse(WAY)

    assert again is not None
    assert (first.session, True) == (again.session, again.reused)
    assert house.pool.reuse(WAY) is None
    assert PoolStatistics(idle=0, taken=1, opened=1, reused=1) == house.pool.statistics


def test_a_new_one_is_no_used_one() -> None:
    """
    Whoever opens knows that nobody had it before him.
    """
    assert not House().opened().reused


def test_it_dials_one_address() -> None:
    """
    The host is the way's, with the one address.
    """
    house = House()
    way = replace(WAY, policy=TLSPolicy(level=TLSLevel.NONE), credentials=Credentials(username="u"))
    house.opened(way)
    (dialled,) = house.net.dialled

    assert ("mx.test", 25, ("192.0.2.1",)) == (
        dialled.host.name,
        dialled.host.port,
        dialled.host.addresses,
    )
    assert ("192.0.2.1", way.policy, way.credentials) == (
        dialled.address,
        dialled.policy,
        dialled.credentials,
    )


def test_it_cannot_be_opened() -> None:
    """
    Whoever wants it is told; nothing is kept of it.
    """
    house = House()
    house.net.scripts[WAY.address] = [DOWN]
    with pytest.raises(Refused):
        house.opened()

    assert PoolStatistics(idle=0, taken=0, opened=0, reused=0) == house.pool.statistics


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "other.test"},
        {"port": 587},
        {"address": "192.0.2.2"},
        {"policy": TLSPolicy(level=TLSLevel.NONE)},
        {"policy": TLSPolicy(level=TLSLevel.ENCRYPT)},
        {"policy": TLSPolicy(level=TLSLevel.VERIFY)},
        {"policy": TLSPolicy(names=("mx.test",))},
        {"policy": TLSPolicy(implicit=True)},
        {"credentials": Credentials(username="ann", password="x")},
    ],
    ids=lambda changed: "-".join(f"{key}={value}" for key, value in changed.items()),
)
def test_s27_another_way_is_another_session(changed: dict[str, Any]) -> None:
    """
    What was opened under another TLS policy, for another host or as somebody else is never used.
    """
    house = House()
    house.kept()

    assert house.pool.reuse(replace(WAY, **changed)) is None
    assert house.pool.reuse(WAY) is not None


def test_s27_other_passwords() -> None:
    """
    One user with two passwords is two people, and neither is shown.
    """
    house = House()
    one, other = (
        replace(WAY, credentials=Credentials(username="ann", password=word)) for word in ("x", "y")
    )
    house.kept(one)

    assert house.pool.reuse(other) is None
    assert "ann" not in repr(one)


def test_the_last_one_serves_first() -> None:
    """
    The others may end for want of work.
    """
    house = House()
    leases = [house.opened() for _ in range(3)]
    for lease in leases:
        house.pool.give_back(lease)

    assert leases[2] is house.pool.reuse(WAY)
    assert leases[1] is house.pool.reuse(WAY)


def test_idle_for_too_long() -> None:
    """
    It is told QUIT when its seconds are over, and not before.
    """
    house = House(idle=2)
    session = house.kept()
    house.clock.advance(1.9)
    assert "" == session.left
    house.clock.advance(0.2)

    assert "quit" == session.left
    assert house.pool.reuse(WAY) is None
    assert [] == house.clock.getDelayedCalls()


def test_a_taken_one_is_not_idle() -> None:
    """
    No timer ends what somebody uses.
    """
    house = House(idle=2)
    session = house.kept()
    assert house.pool.reuse(WAY) is not None
    house.clock.advance(10)

    assert "" == session.left


def test_the_peer_closes_it() -> None:
    """
    An idle session whose server has closed it is forgotten at once.
    """
    house = House()
    session = house.kept()
    session.close()

    assert house.pool.reuse(WAY) is None
    assert PoolStatistics(idle=0, taken=0, opened=1, reused=0) == house.pool.statistics
    assert [] == house.clock.getDelayedCalls()


def test_no_more_transactions() -> None:
    """
    A session that may not begin another one (MAILMAX, 421) is not kept.
    """
    house = House()
    lease = house.opened()
    assert isinstance(lease.session, FakeSession)
    lease.session.usable = False
    house.pool.give_back(lease)

    assert "quit" == lease.session.left
    assert house.pool.reuse(WAY) is None


def test_so_many_transactions() -> None:
    """
    After as many it ends.
    """
    house = House(transactions=3)
    lease: Lease | None = house.opened()
    for _ in range(3):
        assert lease is not None
        house.send(lease)
        house.pool.give_back(lease)
        lease = house.pool.reuse(WAY)

    assert lease is None
    assert ["quit"] == [session.left for session in house.net.sessions]


def test_age() -> None:
    """
    An old one is not kept, and not used.
    """
    house = House(age=10, idle=60)
    lease = house.opened()
    house.clock.advance(9)
    house.pool.give_back(lease)
    house.clock.advance(2)
    assert house.pool.reuse(WAY) is None
    assert ["quit"] == [session.left for session in house.net.sessions]


def test_limits() -> None:
    """
    So many of one way and so many in all are kept: the longest idle ends.
    """
    house = House(each=2, total=3)
    mine = [house.opened() for _ in range(3)]
    for lease in mine:
        house.pool.give_back(lease)
    others = [house.kept(replace(WAY, port=port)) for port in (26, 27)]

    assert ["quit", "quit", ""] == [session.left for session in house.net.sessions[:3]]
    assert ["", ""] == [session.left for session in others]
    assert 3 == house.pool.statistics.idle


def test_nothing_is_kept() -> None:
    """
    A total of 0 is a session a transaction.
    """
    house = House(total=0)

    assert "quit" == house.kept().left


def test_stop() -> None:
    """
    Idle ones take leave; those that somebody has are closed, and what is given back later is not
    kept.
    """
    house = House()
    idle = house.kept()
    taken, late = house.opened(), house.opened()
    house.pool.give_back(late)
    assert late is house.pool.reuse(WAY)
    now_done(house.pool.stop())
    house.pool.give_back(late)

    assert isinstance(taken.session, FakeSession)
    assert isinstance(late.session, FakeSession)
    assert ("quit", "abort", "abort") == (idle.left, taken.session.left, late.session.left)
    assert PoolStatistics(idle=0, taken=0, opened=3, reused=1) == house.pool.statistics
    assert [] == house.clock.getDelayedCalls()


def test_stop_waits_for_leave_taking() -> None:
    """
    It ends when the last QUIT has.
    """
    from twisted.internet.defer import Deferred

    waiting: Deferred[None] = Deferred()

    class Slow(FakeSession):
        async def quit(self) -> None:
            await waiting

    house = House()
    house.net.scripts[WAY.address] = [Slow()]
    house.kept()
    stopping = deferred(house.pool.stop())
    assert not stopping.called
    waiting.callback(None)

    assert stopping.called


@settings(max_examples=60, stateful_step_count=30, deadline=None)
class Machine(RuleBasedStateMachine):
    """Whatever is done in whatever order, sessions belong to one, and limits hold."""

    def __init__(self) -> None:
        super().__init__()
        self.house = House(idle=2, each=2, total=3, transactions=4, age=20)
        self.taken: list[Lease] = []
        self.ways = [replace(WAY, port=port) for port in (25, 26, 27)]

    @rule(at=st.integers(0, 2))
    def take(self, at: int) -> None:
        way = self.ways[at]
        lease = self.house.pool.reuse(way) or self.house.opened(way)
        assert way == lease.way
        assert lease.session.usable
        assert all(lease.session is not other.session for other in self.taken)
        self.house.send(lease)
        self.taken.append(lease)

    @precondition(lambda self: self.taken)
    @rule(at=st.integers(0, 9), broken=st.booleans())
    def give_back(self, at: int, broken: bool) -> None:
        lease = self.taken.pop(at % len(self.taken))
        if broken:
            self.house.pool.abort(lease)
        else:
            self.house.pool.give_back(lease)

    @precondition(lambda self: self.house.net.sessions)
    @rule(at=st.integers(0, 99))
    def close(self, at: int) -> None:
        sessions = self.house.net.sessions
        session = sessions[at % len(sessions)]
        if not any(lease.session is session for lease in self.taken):
            session.close()

    @rule(seconds=st.sampled_from([0.5, 1, 3, 30]))
    def wait(self, seconds: float) -> None:
        self.house.clock.advance(seconds)

    @invariant()
    def limits_hold(self) -> None:
        statistics = self.house.pool.statistics
        assert statistics.idle <= 3
        assert len(self.taken) == statistics.taken
        open_now = [session for session in self.house.net.sessions if not session.closed.ended]
        assert statistics.idle + statistics.taken == len(open_now)
        assert statistics.idle == len(self.house.clock.getDelayedCalls())
        assert all(len(session.sent) <= 4 for session in self.house.net.sessions)

    def teardown(self) -> None:
        """All of them end."""
        now_done(self.house.pool.stop())
        assert all(session.closed.ended for session in self.house.net.sessions)


TestMachine = Machine.TestCase
