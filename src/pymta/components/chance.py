"""
Chance, in the three forms in which it is asked for, from one source.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Chance"]


class Chance:
    """:param octets: so many octets, unpredictable: ``os.urandom``, or what a test prefers."""

    def __init__(self, octets: Callable[[int], bytes]) -> None:
        self.octets = octets

    def below(self, limit: int) -> int:
        """A whole number from 0, below ``limit``."""
        # 64 bits more than needed: the bias of the remainder is below 2**-64.
        size = (limit.bit_length() + 64 + 7) // 8
        return int.from_bytes(self.octets(size)) % limit

    def fraction(self) -> float:
        """From 0 up to, and without, 1."""
        return self.below(2**53) / 2**53

    def name(self) -> str:
        """Eight hexadecimal digits: what a fault is logged and told by."""
        return self.octets(4).hex()
