"""
Lists of peers that are trusted with something: PROXY, XCLIENT, plaintext logins.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network

from pymta.errors import PymtaError

__all__ = ["LOOPBACK", "Peers", "PeersError", "unmapped"]


def unmapped(host: str) -> str:
    """An IPv4 address that IPv6 wraps (``::ffff:192.0.2.1``) as itself; others as they are."""
    if not host.startswith("::ffff:"):
        return host
    try:
        inside = IPv6Address(host).ipv4_mapped
    except ValueError:
        return host
    return host if inside is None else str(inside)


class PeersError(PymtaError, ValueError):
    """No address and no network."""


class Peers:
    """
    Addresses and networks; empty, it is nobody.

    :param networks: ``"192.0.2.1"``, ``"2001:db8::/32"``, or ``"unix"`` for UNIX sockets.
    :raises PeersError: for anything else.
    """

    def __init__(self, networks: Iterable[str] = ()) -> None:
        names = tuple(networks)
        self._unix = "unix" in names
        try:
            self._networks = tuple(ip_network(name) for name in names if name != "unix")
        except ValueError as error:
            raise PeersError(str(error)) from None
        # Asked several times a connection, and at each recipient.
        self._has = lru_cache(maxsize=1024)(self._find)

    def __contains__(self, host: object) -> bool:
        return isinstance(host, str) and bool(self) and self._has(host)

    def _find(self, host: str) -> bool:
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            # An address that nobody knows (XCLIENT) is no socket of this machine's.
            return self._unix and (not host or "/" in host or host[0] in "@\0")
        return any(address in network for network in self._networks)

    def __bool__(self) -> bool:
        return bool(self._networks) or self._unix


LOOPBACK = Peers(("127.0.0.0/8", "::1"))
"""This machine, by its loopback addresses."""
