"""
Next hops as text, in the forms of :class:`~pymta.interfaces.relay.IDestinationFinder`.

Which form it is tells who wrote it: a recipient's domain is a domain or an IP address in brackets
(:rfc:`5321#section-4.1.3`) and nothing else, so that a port, a name in brackets or a path was
written by the operator.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import TypeAlias

from pymta.dns.names import canonical
from pymta.errors import NoSuchName

__all__ = ["Direct", "Domain", "Hop", "Literal", "Socket", "is_host", "parse"]

_UNIX = "unix:"
_HOP = re.compile(r"(?:\[([^\[\]]+)\]|([^\[\]:/]+))(?::([0-9]{1,5}))?")
# Underscores are in the names of real mail hosts.  A last label of digits alone makes it the
# text of an IPv4 address, which some resolvers answer as one.
_HOST = re.compile(r"(?:[a-z0-9_-]+\.)*(?![0-9]+\Z)[a-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Domain:
    """To its MX hosts.  :param port: of the operator's, otherwise None."""

    name: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Direct:
    """To that host itself; written by the operator."""

    name: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Literal:
    """To that IP address; a recipient's, perhaps, without a port."""

    address: str
    port: int | None


@dataclass(frozen=True, slots=True)
class Socket:
    """To that UNIX socket."""

    path: str


Hop: TypeAlias = Domain | Direct | Literal | Socket


@lru_cache(maxsize=1024)  # once an attempt, and attempts go to few
def parse(text: str) -> Hop:
    """
    What it means; names come in lower case, as A-labels.

    :raises ValueError: it is none of the forms.
    """
    if text.startswith(_UNIX + "/"):
        return Socket(text.removeprefix(_UNIX))
    found = _HOP.fullmatch(text)
    if found is None:
        raise ValueError(f"no next hop: {text[:80]!r}")
    port = None if found[3] is None else _port(found[3])
    if found[2] is not None:
        return Domain(_name(found[2]), port)
    address = _address(found[1])
    return Direct(_name(found[1]), port) if address is None else Literal(address, port)


def is_host(name: str) -> bool:
    """Whether a canonical name can be a host's, and is not the text of an IP address."""
    return bool(_HOST.fullmatch(name))


def _port(text: str) -> int:
    if not 0 < int(text) < 65536:
        raise ValueError(f"no port: {text}")
    return int(text)


def _name(text: str) -> str:
    try:
        name = canonical(text)
    except NoSuchName as error:
        raise ValueError(str(error)) from None
    if not is_host(name):
        raise ValueError(f"no host name: {name}")
    return name


def _address(text: str) -> str | None:
    if text[:5].upper() == "IPV6:":
        text = text[5:]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
