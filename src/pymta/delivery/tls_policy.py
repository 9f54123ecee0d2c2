"""
How connections are protected, as an operator has written it down: one policy for all, and others
by next hop or domain.

Opportunistic by default (:rfc:`7435`): TLS where it is offered, clear text where not.
"""

from __future__ import annotations

from collections.abc import Mapping

from zope.interface import implementer

from pymta.interfaces.relay import Destination, Host, ITLSPolicySource, TLSLevel, TLSPolicy

__all__ = ["TLSPolicies"]

OPPORTUNISTIC = TLSPolicy(level=TLSLevel.MAY)
CLEAR = TLSPolicy(level=TLSLevel.NONE)


@implementer(ITLSPolicySource)
class TLSPolicies:
    """
    :param table: by next hop, as lanes have it; ``.example.org`` is every domain below
        ``example.org``.
    :param default: for all others; a UNIX socket, which nobody listens in on, is spoken to in
        clear text.
    """

    def __init__(
        self, table: Mapping[str, TLSPolicy] | None = None, *, default: TLSPolicy = OPPORTUNISTIC
    ) -> None:
        self._table = dict(table or {})
        self._default = default

    async def policy(self, destination: Destination, host: Host) -> TLSPolicy:
        next_hop = destination.next_hop
        found = self._table.get(next_hop)
        while found is None and "." in next_hop and not next_hop.startswith(("[", "unix:")):
            next_hop = next_hop.partition(".")[2]
            found = self._table.get(f".{next_hop}")
        if found is not None:
            return found
        return CLEAR if host.port == 0 else self._default
