"""
Shared state in memory: the contract, and its bounds.
"""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from pymta.interfaces.shared import ISharedState
from pymta.shared.memory import MemorySharedState
from pymta.testing.contracts.shared import SharedStateContract
from tests.awaiting import now_done


class TestMemory(SharedStateContract):
    """The contract."""

    async def make(self) -> ISharedState:
        """With a clock of ours."""
        self.clock = Clock()
        return MemorySharedState(self.clock)

    async def elapse(self, seconds: float) -> None:
        """The clock goes on."""
        self.clock.advance(seconds)


def test_the_oldest_make_room() -> None:
    """More keys than the limit are never kept; what is expired goes first."""
    clock = Clock()
    state = MemorySharedState(clock, limit=3)
    now_done(state.add("long", b"", 1000))
    now_done(state.add("short", b"", 10))
    now_done(state.add("long too", b"", 1000))
    clock.advance(11)
    now_done(state.add("new", b"", 1000))
    assert [b"", None, b"", b""] == [
        now_done(state.get(k)) for k in ("long", "short", "long too", "new")
    ]
    now_done(state.add("newer", b"", 1000))

    assert [None, b"", b"", b""] == [
        now_done(state.get(k)) for k in ("long", "long too", "new", "newer")
    ]
    assert 3 == len(state)


@pytest.mark.parametrize("rounds", [20_000])
def test_keys_that_come_and_go_leave_nothing(rounds: int) -> None:
    """Removing a key long before its end gives its memory back."""
    state = MemorySharedState(Clock())
    for n in range(rounds):
        now_done(state.add(f"k{n}", b"", 31_622_400))
        now_done(state.remove(f"k{n}"))

    assert 0 == len(state)
    assert 1001 >= len(state._ends)
