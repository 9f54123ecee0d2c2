"""
How many connections: in all, from one address, and from one network; and how long they may take.

A network is a /24 of IPv4 or a /64 of IPv6: what one customer of a provider usually gets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Any

__all__ = ["ConnectionCount", "ConnectionLimits", "check_seconds", "network_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLimits:
    """
    Connections open at once; None is no limit.

    The defaults: Postfix allows one client 50 connections, large senders keep some dozens open;
    1,000 in all fit the default limit of 1,024 open files.
    """

    address: int | None = 100
    network: int | None = 300
    total: int | None = 1000


class ConnectionCount:
    """Counts what is open; shared by the listeners that share the limits."""

    def __init__(self, limits: ConnectionLimits) -> None:
        self._limits = limits
        self._open: Counter[str] = Counter()

    def enter(self, host: str) -> bool:
        """
        Count one more connection from this address, if it is within the limits.

        :returns: whether it is; then, and only then, :meth:`leave` must follow.
        """
        keys = list(self._keys(host))
        if any(limit is not None and self._open[key] >= limit for key, limit in keys):
            return False
        self._open.update(key for key, _ in keys)
        return True

    def leave(self, host: str) -> None:
        """It is closed."""
        for key, _ in self._keys(host):
            self._open[key] -= 1
            if not self._open[key]:
                del self._open[key]

    def _keys(self, host: str) -> Iterator[tuple[str, int | None]]:
        yield "", self._limits.total
        yield host, self._limits.address
        network = network_of(host)
        if network is not None:
            yield network, self._limits.network


@lru_cache(maxsize=1024)  # asked at both ends of a connection: 60 us of its 500
def network_of(host: str) -> str | None:
    """The /24 or /64 that an address is in; None for what is no IP address."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    prefix = 24 if isinstance(address, IPv4Address) else 64
    return str(ip_network((address, prefix), strict=False))


def check_seconds(timeouts: Any) -> None:
    """
    Each field of a dataclass of time limits is a time.

    :raises ValueError: one of them would be over before it began.
    """
    for each in fields(timeouts):
        # NaN is not more than anything.
        if not getattr(timeouts, each.name) > 0:
            raise ValueError(f"{each.name} is not more than 0")
