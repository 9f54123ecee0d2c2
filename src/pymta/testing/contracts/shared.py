"""
The contract kit of :class:`~pymta.interfaces.shared.ISharedState`.

Subclass it, override what :class:`~pymta.testing.contracts.provider_case.ProviderCase` names, and
let pytest find it.  Without ``elapse`` what is said of time is skipped, and says so.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred
from zope.interface.verify import verifyObject

from pymta.aio import deferred, gather
from pymta.interfaces.shared import ISharedState
from pymta.testing.contracts.provider_case import ProviderCase, case

__all__ = ["SharedStateContract"]

BAD = [
    pytest.param(lambda s: s.add("", b"v", 9), id="add, no key"),
    pytest.param(lambda s: s.add("k\0", b"v", 9), id="add, NUL in the key"),
    pytest.param(lambda s: s.add("k" * 256, b"v", 9), id="add, long key"),
    pytest.param(lambda s: s.add("é" * 128, b"v", 9), id="add, key long in UTF-8"),
    pytest.param(lambda s: s.add("k", b"v" * 4097, 9), id="add, long value"),
    pytest.param(lambda s: s.add("k", b"v", 0.5), id="add, short life"),
    pytest.param(lambda s: s.add("k", b"v", 31_622_401), id="add, long life"),
    pytest.param(lambda s: s.add("k", b"v", float("nan")), id="add, no life"),
    pytest.param(lambda s: s.count("", 9), id="count, no key"),
    pytest.param(lambda s: s.count("k" * 256, 9), id="count, long key"),
    pytest.param(lambda s: s.count("k", 0), id="count, no life"),
]


class SharedStateContract(ProviderCase[ISharedState]):
    """What every provider does."""

    @case
    async def test_provides(self, state: ISharedState) -> None:
        """It has the methods, with their arguments."""
        assert verifyObject(ISharedState, state)

    @case
    async def test_add_sets_if_absent(self, state: ISharedState) -> None:
        """The first value stays, and the second caller is told it."""
        assert None is await state.add("k", b"first", 60)
        assert b"first" == await state.add("k", b"second", 60)
        assert b"first" == await state.get("k")

    @case
    async def test_get_of_nothing(self, state: ISharedState) -> None:
        """A key that nobody set has no value."""
        assert None is await state.get("k")

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            pytest.param("k", b"", id="empty value"),
            pytest.param("k" * 255, b"v" * 4096, id="as long as may be"),
            pytest.param("é" * 127, b"\0\xff\r\n", id="any octets"),
            pytest.param("a b'\";%\t\n", b"v", id="any characters"),
        ],
    )
    @case
    async def test_what_fits(self, state: ISharedState, key: str, value: bytes) -> None:
        """Keys and values come back as they were."""
        await state.add(key, value, 31_622_400)

        assert value == await state.get(key)

    @pytest.mark.parametrize("call", BAD)
    @case
    async def test_what_does_not_fit(
        self, state: ISharedState, call: Callable[[ISharedState], Deferred[object]]
    ) -> None:
        """What is too long, or lives too long, is refused and changes nothing."""
        with pytest.raises(ValueError):
            await call(state)
        assert None is await state.get("k")

    @case
    async def test_keys_have_case(self, state: ISharedState) -> None:
        """Two keys that differ in case are two, and one that begins like another is another."""
        await state.add("key", b"1", 60)

        assert None is await state.add("KEY", b"2", 60)
        assert None is await state.add("key ", b"3", 60)
        assert b"1" == await state.get("key")

    @case
    async def test_count(self, state: ISharedState) -> None:
        """A counter begins at nothing and gives its sum, also to get."""
        assert 1 == await state.count("c", 60)
        assert 2 == await state.count("c", 60)
        assert 12 == await state.count("c", 60, 10)
        assert 9 == await state.count("c", 60, -3)
        assert b"9" == await state.get("c")
        assert b"9" == await state.add("c", b"v", 60)

    @case
    async def test_a_value_is_no_counter(self, state: ISharedState) -> None:
        """What is no number cannot be counted on, and stays."""
        await state.add("k", b"value", 60)

        with pytest.raises(ValueError):
            await state.count("k", 60)
        assert b"value" == await state.get("k")

    @case
    async def test_remove(self, state: ISharedState) -> None:
        """What is removed can be set again; removing nothing is no error."""
        await state.remove("k")
        await state.add("k", b"first", 60)
        await state.remove("k")

        assert None is await state.get("k")
        assert None is await state.add("k", b"second", 60)
        assert b"second" == await state.get("k")

    @case
    async def test_at_one_time(self, state: ISharedState) -> None:
        """Of many that add one key at one time, one sets it; counts are all counted."""
        added = await gather([deferred(state.add("k", b"%d" % n, 60)) for n in range(50)])
        counted = await gather([deferred(state.count("c", 60)) for _ in range(50)])

        assert 1 == added.count(None)
        assert {await state.get("k")} == set(added) - {None}
        assert list(range(1, 51)) == sorted(counted)

    @case
    async def test_a_value_ends(self, state: ISharedState) -> None:
        """After its life a key is as if it had never been; adding does not make it longer."""
        await state.add("k", b"first", 60)
        await self.elapse(59)
        assert b"first" == await state.add("k", b"second", 60)
        await self.elapse(2)

        assert None is await state.get("k")
        assert None is await state.add("k", b"third", 60)
        assert b"third" == await state.get("k")

    @case
    async def test_a_counter_ends(self, state: ISharedState) -> None:
        """A counter's life starts with its first count; later ones do not make it longer."""
        await state.count("c", 60)
        await self.elapse(59)
        assert 2 == await state.count("c", 60)
        await self.elapse(2)

        assert None is await state.get("c")
        assert 1 == await state.count("c", 60)

    @case
    async def test_restart(self, state: ISharedState) -> None:
        """A provider that keeps anything keeps all of it."""
        await state.add("k", b"value", 600)
        await state.count("c", 600, 5)
        state = await self.reopen(state)

        assert b"value" == await state.get("k")
        assert 6 == await state.count("c", 600)
