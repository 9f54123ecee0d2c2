"""
Tests for what differs from one worker to the next.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from pymta.components.worker import ALONE, Worker
from pymta.edge.limits import ConnectionLimits
from pymta.queue.schedule import AgentRules, Rate

SECRET = bytes(range(32))


def worker(number: int, of: int = 3) -> Worker:
    """One of three."""
    return Worker(number=number, of=of, secret=SECRET)


def counting(octets: int) -> bytes:
    """No chance at all."""
    return b"r" * octets


def test_alone() -> None:
    """A server of one process is its own first worker, with all of the limits and its own keys."""
    assert ALONE.first
    assert "pymta" == ALONE.named("pymta")
    assert b"r" * 32 == ALONE.key("logins", counting)
    assert ConnectionLimits() == ALONE.connections(ConnectionLimits())
    assert AgentRules() == ALONE.rules(AgentRules())


def test_names_differ() -> None:
    """The first one's is that of a server alone, so that it goes on with what that has left."""
    assert ["pymta", "pymta.2", "pymta.3"] == [worker(n).named("pymta") for n in (1, 2, 3)]
    assert [True, False, False] == [worker(n).first for n in (1, 2, 3)]


def test_keys_are_shared() -> None:
    """By all workers, another for each purpose; nothing of the secret is shown."""
    first, second = worker(1), worker(2)
    assert first.key("logins", counting) == second.key("logins", counting)
    assert first.key("logins", counting) != first.key("pseudonyms", counting)
    assert 32 == len(first.key("logins", counting))
    assert "secret" not in repr(first)


@pytest.mark.parametrize(
    ("limit", "of", "part"),
    [
        pytest.param(100, 1, 100, id="all of it"),
        pytest.param(100, 3, 34, id="rounded up"),
        pytest.param(99, 3, 33, id="even"),
        pytest.param(1, 3, 1, id="one at least"),
        pytest.param(None, 3, None, id="no limit"),
    ],
)
def test_part(limit: int | None, of: int, part: int | None) -> None:
    """Of a limit of the whole server."""
    assert part == worker(1, of).part(limit)


def test_parts_of_limits() -> None:
    """Connections and attempts are divided; a rate is kept by all together."""
    limits = ConnectionLimits(address=10, network=None, total=1000)
    assert ConnectionLimits(address=4, network=None, total=334) == worker(2).connections(limits)
    rules = AgentRules(most=30, lane_initial=1, lane_most=4, rate=Rate(1, timedelta(minutes=1)))
    expected = AgentRules(most=10, lane_initial=1, lane_most=2, rate=Rate(1, timedelta(minutes=3)))
    assert expected == worker(2).rules(rules)


@pytest.mark.parametrize(
    ("number", "of", "secret"),
    [(0, 1, None), (2, 1, SECRET), (1, 2, None), (1, 2, b"short")],
    ids=["from 1", "up to all", "a secret", "of 32 octets"],
)
def test_no_worker(number: int, of: int, secret: bytes | None) -> None:
    """What cannot be is refused where it is made."""
    with pytest.raises(ValueError):
        Worker(number=number, of=of, secret=secret)
