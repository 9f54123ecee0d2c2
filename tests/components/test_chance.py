"""
Tests for the three forms of chance.
"""

from __future__ import annotations

import os

import pytest

from pymta.components.chance import Chance


def zeros(size: int) -> bytes:
    """The smallest."""
    return bytes(size)


def ones(size: int) -> bytes:
    """The largest."""
    return b"\xff" * size


@pytest.mark.parametrize("limit", [1, 2, 10, 2**20, 32**4, 2**64])
def test_below(limit: int) -> None:
    """
    Always below the limit, whatever the octets are.
    """
    for octets in (zeros, ones, os.urandom):
        assert 0 <= Chance(octets).below(limit) < limit


def test_below_reaches_all() -> None:
    """
    Every number comes.
    """
    chance = Chance(os.urandom)

    assert set(range(5)) == {chance.below(5) for _ in range(500)}


def test_no_number_comes_twice() -> None:
    """
    Octets are asked for by the thousand, and each serves once.
    """
    asked: list[int] = []

    def octets(size: int) -> bytes:
        asked.append(size)
        return os.urandom(size)

    chance = Chance(octets)

    assert 500 == len({chance.below(2**64) for _ in range(500)})
    assert len(asked) < 20


def test_fraction() -> None:
    """
    From 0 up to 1, without 1.
    """
    assert 0.0 == Chance(zeros).fraction()
    assert 0.0 <= Chance(ones).fraction() < 1.0


def test_name() -> None:
    """
    Short, and another one each time.
    """
    assert "00000000" == Chance(zeros).name()
    assert Chance(os.urandom).name() != Chance(os.urandom).name()
