"""
Chance, in the three forms in which it is asked for, from one source.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Chance"]

# Asked for together: a call to the system for each number took 5 us of its 6, and let other
# threads have the interpreter.
_MANY = 1024


class Chance:
    """:param octets: so many octets, unpredictable: ``os.urandom``, or what a test prefers."""

    def __init__(self, octets: Callable[[int], bytes]) -> None:
        self.octets = octets
        self._octets = b""  # filled by the first number: processes fork before it
        self._used = 0

    def below(self, limit: int) -> int:
        """A whole number from 0, below ``limit``."""
        # 64 bits more than needed: the bias of the remainder is below 2**-64.
        size = (limit.bit_length() + 64 + 7) // 8
        start, self._used = self._used, self._used + size
        if self._used > len(self._octets):
            self._octets = self.octets(max(_MANY, size))
            start, self._used = 0, size
        return int.from_bytes(self._octets[start : self._used]) % limit

    def fraction(self) -> float:
        """From 0 up to, and without, 1."""
        return self.below(2**53) / 2**53

    def name(self) -> str:
        """Eight hexadecimal digits: what a fault is logged and told by."""
        return self.octets(4).hex()
