"""
Which addresses other people's DNS may send us to.

A domain's owner writes any address into it: this machine's, the router's, a database's next door.
Whoever connects there on request is a way into the network (S30).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

__all__ = ["is_public"]

# RFC 4291 section 2.4 and IANA: all that was ever given to hosts.
_GLOBAL = ip_network("2000::/3")
# RFC 6052 section 2.1: a translator's, by which a network without IPv4 reaches it.
_TRANSLATED = ip_network("64:ff9b::/96")


def is_public(text: str) -> bool:
    """
    Whether a host of the Internet can have it.

    Not loopback, private, link-local, unspecified, shared, multicast, reserved or documentation,
    also not wrapped in IPv6.

    :param text: an IP address.
    """
    address = ip_address(text)
    if isinstance(address, IPv6Address):
        inside = _wrapped(address)
        if inside is not None:
            return is_public(str(inside))
        if address not in _GLOBAL:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _wrapped(address: IPv6Address) -> IPv4Address | None:
    if address in _TRANSLATED:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
