"""
Ways to cut octets in slices: whole, octet by octet, and at random.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from random import Random

import pytest

__all__ = ["CUTS", "Cutter", "random_cuts"]

Cutter = Callable[[bytes], Iterator[bytes]]


def whole(octets: bytes) -> Iterator[bytes]:
    """In one slice."""
    yield octets


def single(octets: bytes) -> Iterator[bytes]:
    """Octet by octet."""
    for n in range(len(octets)):
        yield octets[n : n + 1]


def random_cuts(seed: int) -> Cutter:
    """In random slices, many of them short, some of them empty."""

    def cut(octets: bytes) -> Iterator[bytes]:
        random = Random(seed)
        while octets:
            size = random.choice((0, 1, 1, 2, 3, 7, 40))
            yield octets[:size]
            octets = octets[size:]

    return cut


CUTS = [
    pytest.param(whole, id="whole"),
    pytest.param(single, id="octet by octet"),
    *(pytest.param(random_cuts(seed), id=f"cut {seed}") for seed in range(2)),
]
