"""
The resolvers that are asked: as an operator names them, or as ``/etc/resolv.conf`` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from typing import Any

from dns.exception import Timeout
from dns.message import Message, QueryMessage
from dns.nameserver import Do53Nameserver

from pymta.dns.exchange import Clock, by_tcp, by_udp

__all__ = ["LOCAL", "Server", "at", "available", "resolv_conf"]

LOCAL = "127.0.0.1"
"""Who is asked where nobody is named, as resolv.conf(5) says."""

# As long a time as a server that gave no answer is asked after the others.
_REST = 30.0
_WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::([0-9]{1,5}))?|([^:]+):([0-9]{1,5})")


class Server(Do53Nameserver):
    """
    A resolver that remembers that it was silent.

    :param now: seconds, of the reactor's clock.
    """

    def __init__(self, address: str, port: int, now: Clock) -> None:
        super().__init__(address, port)
        self._now = now
        self._rests_until: float | None = None

    @property
    def resting(self) -> bool:
        """Whether others should be asked first."""
        return self._rests_until is not None and self._now() < self._rests_until

    async def async_query(
        self,
        request: QueryMessage,
        timeout: float,
        source: str | None,
        source_port: int,
        max_size: bool,
        backend: Any,
        one_rr_per_rrset: bool = False,
        ignore_trailing: bool = False,
    ) -> Message:
        exchange = by_tcp if max_size else by_udp
        where = (self.address, self.port)
        try:
            response = await exchange(request, where, backend, seconds=timeout, now=self._now)
        except (Timeout, OSError):
            self._rests_until = self._now() + _REST
            raise
        self._rests_until = None
        return response


def at(text: str) -> tuple[str, int]:
    """
    Address and port of ``192.0.2.1``, ``192.0.2.1:5353``, ``2001:db8::1`` or
    ``[2001:db8::1]:5353``.

    :raises ValueError: it is none of them.
    """
    found = _WITH_PORT.fullmatch(text) if text.count(":") < 2 or text.startswith("[") else None
    host = text if found is None else found[1] or found[3]
    port = 53 if found is None else int(found[2] or found[4] or 53)
    if not 0 < port < 65536:
        raise ValueError(f"no port: {port}")
    return str(ip_address(host)), port


def available(servers: Iterable[Server]) -> Sequence[Server]:
    """In the order in which they are named, but those that rest behind the others."""
    return sorted(servers, key=lambda server: server.resting)


def resolv_conf(text: str) -> Sequence[str]:
    """
    The addresses of ``nameserver`` lines; without any, this machine's.

    Search lists and options are not ours: relays never complete names
    (:rfc:`5321#section-5.1`), and times are set where the client is made.
    """
    lines = [line.split() for line in text.splitlines()]
    named = [line[1] for line in lines if len(line) > 1 and line[0] == "nameserver"]
    return list(filter(_is_address, named)) or [LOCAL]


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False
