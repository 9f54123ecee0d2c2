"""
Next hops that are ports of this very server: mail for there would come back until it has been
through a hundred times (S23).

Told before anything runs, as far as the file alone tells: by address and port, by path, and by
names that are this server's.  What a name that is somebody's else means is the DNS's affair; MX
records that lead here are found at delivery.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeAlias, assert_never

from pymta.address import ascii_domain
from pymta.components.relay import PORT, lane_of
from pymta.config.lines import Path
from pymta.config.reading import Reader
from pymta.config.tables import Configuration, ListenerTable
from pymta.delivery.hops import Direct, Domain, Literal, Socket, parse

__all__ = ["check_loops"]

IP: TypeAlias = IPv4Address | IPv6Address

_HINT = "mail for there would come back; a next hop is another server"
_ANY = {"tcp": "0.0.0.0", "tcp6": "::"}  # noqa: S104  what an endpoint without interface means
_TCP = ("port", "interface")
_UNIX = ("address",)
"""Twisted's arguments, in the order in which they may stand without their names."""


@dataclass(frozen=True, slots=True)
class _Port:
    """Where a listener listens."""

    number: int
    interface: IP

    @property
    def dual(self) -> bool:
        """Whether IPv4 gets in as well, whose addresses IPv6 has its own for."""
        return self.interface.version == 6 and self.interface.is_unspecified

    def has(self, address: IP, configuration: Configuration) -> bool:
        """Whether a connection to that address of this machine, or of others, comes here."""
        if not self.interface.is_unspecified:
            return address == self.interface
        if address.version != self.interface.version and not self.dual:
            return False
        ours = address.is_loopback or address.is_unspecified
        return ours or str(address) in configuration.relay.addresses


def check_loops(
    configuration: Configuration, listeners: Mapping[Path, ListenerTable], reader: Reader
) -> None:
    """
    Note next hops that lead here.

    :param listeners: those that could be read, by their path.
    """
    for path, hop in _hops(configuration):
        for (_, at), listener in listeners.items():
            if _leads_to(hop, listener.endpoint, configuration):
                name = listener.name or listener.protocol.value
                reader.note(path, f"listeners[{at}] ({name}) listens there", _HINT)
                break


def _hops(configuration: Configuration) -> Iterator[tuple[Path, str]]:
    routing = configuration.routing
    for domain, hop in routing.hops.items():
        yield ("routing", "hops", domain), hop
    if routing.next_hop is not None:
        yield ("routing", "next_hop"), routing.next_hop


def _leads_to(hop: str, endpoint: str, configuration: Configuration) -> bool:
    match parse(lane_of(hop).next_hop):
        case Socket(path):
            own = _socket_of(endpoint)
            return own is not None and os.path.realpath(own) == os.path.realpath(path)
        case Literal(address, number):
            port = _port_of(endpoint)
            to = ip_address(address)
            return port is not None and _is(port, number) and port.has(to, configuration)
        case Direct(name, number):
            port = _port_of(endpoint)
            return port is not None and _is(port, number) and _is_name(name, port, configuration)
        case Domain():
            return False  # its MX records say
        case hop_of_no_kind:
            assert_never(hop_of_no_kind)


def _is(port: _Port, number: int | None) -> bool:
    return port.number == (number or PORT)


def _is_name(name: str, port: _Port, configuration: Configuration) -> bool:
    if name == "localhost":
        return port.interface.is_unspecified or port.interface.is_loopback
    own = {ascii_domain(each) for each in (configuration.hostname, *configuration.relay.names)}
    # By its name a server is reached from elsewhere; on a loopback interface it is not there.
    return name in own and not port.interface.is_loopback


def _port_of(endpoint: str) -> _Port | None:
    """None where it is no such port, or one that is not known before it is open."""
    kind, _, rest = endpoint.partition(":")
    if kind not in _ANY:
        return None
    arguments = _arguments(rest, _TCP)
    try:
        number = int(arguments.get("port", ""))
        interface = ip_address((arguments.get("interface") or _ANY[kind]).partition("%")[0])
    except ValueError:
        return None  # which is a mistake of its own
    return _Port(number, interface) if number else None


def _socket_of(endpoint: str) -> str | None:
    kind, _, rest = endpoint.partition(":")
    return _arguments(rest, _UNIX).get("address") if kind == "unix" else None


def _arguments(text: str, names: tuple[str, ...]) -> dict[str, Any]:
    """By name, as Twisted reads them; a colon with a backslash before it is part of a value."""
    found = {}
    for position, argument in enumerate(text.replace("\\:", "\0").split(":")):
        name, equals, value = argument.partition("=")
        if not equals:
            name, value = "".join(names[position : position + 1]), argument
        found[name] = value.replace("\0", ":")
    return found
