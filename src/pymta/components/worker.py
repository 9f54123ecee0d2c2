"""
One server in several processes: what differs from one worker to the next.

Python keeps one core busy.  Workers are whole servers, each with a reactor of its own, on one
folder and at the same ports; :class:`~pymta.workers.Workers` starts them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import overload

from pymta.edge.limits import ConnectionLimits
from pymta.queue.schedule import AgentRules

__all__ = ["ALONE", "Worker"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """
    :param number: from 1.  The first does what one process alone does in a folder: it sweeps,
        indexes, and moves the log into the database.
    :param of: how many there are.
    :param secret: of all of them together, 32 random octets made anew at each start; None where
        nothing is shared.
    """

    number: int = 1
    of: int = 1
    secret: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(f"worker {self.number} of {self.of}")
        if self.of > 1 and (self.secret is None or len(self.secret) < 32):
            raise ValueError("workers share a secret of 32 octets")

    @property
    def first(self) -> bool:
        """Whether it does what is to be done once."""
        return self.number == 1

    def named(self, name: str) -> str:
        """A name that no other worker has: ``pymta``, ``pymta.2``, ``pymta.3``."""
        return name if self.first else f"{name}.{self.number}"

    def key(self, purpose: str, random: Callable[[int], bytes]) -> bytes:
        """32 secret octets, the same in all workers; others at the next start."""
        if self.secret is None:
            return random(32)
        return hashlib.blake2b(purpose.encode(), key=self.secret[:64], digest_size=32).digest()

    @overload
    def part(self, limit: int) -> int: ...
    @overload
    def part(self, limit: None) -> None: ...
    @overload
    def part(self, limit: int | None) -> int | None: ...
    def part(self, limit: int | None) -> int | None:
        """
        Its part of a limit of the whole server, rounded up.

        The kernel deals connections out by chance: who uses nearly all of a limit may meet it in
        one worker a little before.
        """
        return limit if limit is None else -(-limit // self.of)

    def connections(self, limits: ConnectionLimits) -> ConnectionLimits:
        """Its part of the limits on connections."""
        return replace(
            limits,
            address=self.part(limits.address),
            network=self.part(limits.network),
            total=self.part(limits.total),
        )

    def rules(self, rules: AgentRules) -> AgentRules:
        """Its part of what an agent bears; a lane bears one attempt of each worker at least."""
        rate = rules.rate
        return replace(
            rules,
            most=self.part(rules.most),
            lane_initial=self.part(rules.lane_initial),
            lane_most=self.part(rules.lane_most),
            rate=None if rate is None else replace(rate, period=rate.period * self.of),
        )


ALONE = Worker()
"""A server of one process."""
