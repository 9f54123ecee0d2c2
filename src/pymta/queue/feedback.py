"""
How many attempts a lane bears at once: it follows the lane's luck.

With N attempts allowed, a success counts 1/N towards one more and a failure 1/N towards one less,
so that a whole round of them moves it by one, however large N is.  Failures without a success in
between that add up to a round ("pseudo-cohorts") mean that nobody is there: the lane is dead.
Only failures that speak of the destination are told here.
"""

from __future__ import annotations

__all__ = ["Concurrency"]

# N times 1/N may fall short of 1 by a rounding error.
_ROUND = 1 - 1e-9


class Concurrency:
    """
    How many at once.

    :param initial: to begin with, and after a death that was not one.
    :param most: the highest it gets.
    :param cohorts: how many rounds of failures are a death.
    """

    __slots__ = ("_cohorts", "_credit", "_debt", "_initial", "_most", "_trouble", "level", "proven")

    def __init__(self, *, initial: int = 5, most: int = 20, cohorts: float = 1.0) -> None:
        self._most = most
        self._initial = min(initial, most)
        self._cohorts = cohorts
        self.level = self._initial
        self.proven = True
        """False between a death and the next success: then there is one probe at a time."""
        self._credit = 0.0
        self._debt = 0.0
        self._trouble = 0.0

    def succeeded(self, active: int) -> None:
        """
        Somebody is there.

        :param active: attempts under way, with this one: room that is not used proves nothing.
        """
        self._trouble = 0.0
        if not self.proven:
            self.proven = True
            self.level = self._initial
            return
        if self.level >= min(self._most, active + self._initial):
            return
        self._credit += 1 / self.level
        if self._credit >= _ROUND:
            self.level += 1
            self._credit = self._debt = 0.0

    def failed(self) -> bool:
        """Nobody was there.  :returns: whether the lane is dead; then it is on probation."""
        self._trouble += 1 / self.level
        if not self.proven or self._trouble >= self._cohorts * _ROUND:
            self._die()
            return True
        # The first failure of a round counts at once: going down must not be slower than up.
        if self._debt <= 1 - _ROUND:
            self.level = max(1, self.level - 1)
            self._credit = 0.0
            self._debt = 1.0
        self._debt -= 1 / self.level
        return False

    def _die(self) -> None:
        self.proven = False
        self.level = 1
        self._credit = self._debt = self._trouble = 0.0
