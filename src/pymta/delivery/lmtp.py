"""
Delivery by LMTP (:rfc:`2033`) to one server, whatever the lane's next hop is.

The agent is :class:`~pymta.delivery.relay.RelayAgent` with the role LMTP, a dialler that speaks
it, and :class:`Fixed` as its finder: a yes is a delivery, and each recipient has its own.
"""

from __future__ import annotations

from zope.interface import implementer

from pymta.interfaces.relay import Destination, IDestinationFinder

__all__ = ["Fixed"]


@implementer(IDestinationFinder)
class Fixed:
    """
    The same hosts for all next hops.

    :param next_hop: whose hosts: ``[host]:port`` or ``unix:/path``.
    """

    def __init__(self, finder: IDestinationFinder, next_hop: str) -> None:
        self._finder = finder
        self._next_hop = next_hop

    async def find(self, next_hop: str) -> Destination:
        return await self._finder.find(self._next_hop)
