"""
Finding the hosts of a next hop, and how their connections are to be protected.
"""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from enum import Enum

from zope.interface import Interface

__all__ = [
    "Destination",
    "Host",
    "IDestinationFinder",
    "ITLSPolicySource",
    "TLSLevel",
    "TLSPolicy",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """
    One that takes mail for a next hop.

    :param name: as the MX record or the next hop has it, for TLS and the log; an address
        literal's address, or a path, where there is no name.
    :param addresses: IP addresses, in the order in which they are tried; at least one.  Or the
        path of one UNIX socket, with port 0.
    """

    name: str
    addresses: tuple[str, ...]
    port: int = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """
    :param next_hop: what was asked for.
    :param hosts: in the order in which they are tried; at least one.
    :param authentic: whether DNSSEC proves that these are the hosts (:rfc:`7672#section-2.2`).
    """

    next_hop: str
    hosts: tuple[Host, ...]
    authentic: bool = False


class IDestinationFinder(Interface):
    """From next hops to hosts."""

    def find(next_hop: str) -> Awaitable[Destination]:
        """
        The hosts, best first.

        :param next_hop: a domain, for its MX hosts; with ``:port``, on another port; in brackets
            (``[host]``, ``[host]:port``, ``[192.0.2.1]``, ``[2001:db8::1]:25``), that host
            itself; ``unix:/path``, that socket.
        :raises pymta.errors.Refused: there are none now (4xx) or none at all (5xx), with the
            status that a report should carry.
        """


class TLSLevel(Enum):
    """How much is asked of a connection."""

    NONE = "none"
    """Clear text, also where TLS is offered."""
    MAY = "may"
    """TLS where it is offered and works, whoever is there; clear text otherwise."""
    ENCRYPT = "encrypt"
    """TLS, whoever is there."""
    VERIFY = "verify"
    """TLS, with a certificate for one of the names (:rfc:`6125`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSPolicy:
    """
    :param names: that the certificate may be for, with VERIFY; empty is the host's name.
    :param implicit: TLS from the first octet (:rfc:`8314#section-3.3`), no STARTTLS.
    """

    level: TLSLevel = TLSLevel.MAY
    names: tuple[str, ...] = ()
    implicit: bool = False


class ITLSPolicySource(Interface):
    """Asked for each host before it is connected to."""

    def policy(destination: Destination, host: Host) -> Awaitable[TLSPolicy]:
        """
        What is asked of connections to this host.

        :raises pymta.errors.Refused: it must not be connected to (now).
        """
