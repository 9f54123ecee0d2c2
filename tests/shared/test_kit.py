"""
The kit itself: each of its clauses fails on a provider that breaks just that.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.task import Clock
from zope.interface import implementer

from pymta.interfaces.shared import ISharedState
from pymta.shared.memory import MemorySharedState
from pymta.testing.contracts.shared import SharedStateContract


@implementer(ISharedState)
class Sound:
    """Nothing broken; each mutant replaces a method."""

    def __init__(self, clock: Clock) -> None:
        self.inner = MemorySharedState(clock)

    async def add(self, key: str, value: bytes, ttl: float) -> bytes | None:
        return await self.inner.add(key, value, ttl)

    async def get(self, key: str) -> bytes | None:
        return await self.inner.get(key)

    async def count(self, key: str, ttl: float, by: int = 1) -> int:
        return await self.inner.count(key, ttl, by)

    async def remove(self, key: str) -> None:
        await self.inner.remove(key)


class Overwrites(Sound):
    async def add(self, key: str, value: bytes, ttl: float) -> bytes | None:
        there = await self.inner.get(key)
        await self.inner.remove(key)
        await self.inner.add(key, value, ttl)
        return there


class FoldsCase(Sound):
    async def add(self, key: str, value: bytes, ttl: float) -> bytes | None:
        return await self.inner.add(key.casefold(), value, ttl)


class TakesAnything(Sound):
    async def add(self, key: str, value: bytes, ttl: float) -> bytes | None:
        return await self.inner.add((key or "k")[:100], value[:4096], 60)


class CountsByOne(Sound):
    async def count(self, key: str, ttl: float, by: int = 1) -> int:
        return await self.inner.count(key, ttl)


class ForgetsToRemove(Sound):
    async def remove(self, key: str) -> None: ...


class NeverEnds(Sound):
    def __init__(self, clock: Clock) -> None:
        super().__init__(Clock())


class LivesOn(Sound):
    """Each count makes the life longer."""

    async def count(self, key: str, ttl: float, by: int = 1) -> int:
        before = int(await self.inner.get(key) or 0)
        await self.inner.remove(key)
        return await self.inner.count(key, ttl, before + by)


class Lacks:
    """No provider at all."""

    def __init__(self, clock: Clock) -> None: ...


MUTANTS = [
    pytest.param(Lacks, "test_provides", {}, id="lacks methods"),
    pytest.param(Overwrites, "test_add_sets_if_absent", {}, id="overwrites"),
    pytest.param(FoldsCase, "test_keys_have_case", {}, id="folds case"),
    pytest.param(
        TakesAnything,
        "test_what_does_not_fit",
        {"call": lambda s: s.add("k" * 256, b"v", 9)},
        id="takes anything",
    ),
    pytest.param(CountsByOne, "test_count", {}, id="counts by one"),
    pytest.param(ForgetsToRemove, "test_remove", {}, id="does not remove"),
    pytest.param(NeverEnds, "test_a_value_ends", {}, id="values never end"),
    pytest.param(NeverEnds, "test_a_counter_ends", {}, id="counters never end"),
    pytest.param(LivesOn, "test_a_counter_ends", {}, id="counting makes lives longer"),
]


def contract(provider: Callable[[Clock], ISharedState]) -> SharedStateContract:
    """The kit, against that."""

    class Case(SharedStateContract):
        async def make(self) -> ISharedState:
            self.clock = Clock()
            return provider(self.clock)

        async def elapse(self, seconds: float) -> None:
            self.clock.advance(seconds)

    return Case()


@pytest.mark.parametrize(("mutant", "test", "arguments"), MUTANTS)
def test_mutants_fail(
    mutant: Callable[[Clock], ISharedState], test: str, arguments: dict[str, object]
) -> None:
    """What is broken is found, and what is not passes the same test."""
    getattr(contract(Sound), test)(**arguments)

    with pytest.raises((Exception, pytest.fail.Exception)):
        getattr(contract(mutant), test)(**arguments)
