"""
The chain: asks one router after the other, follows what they forward, and refuses the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from zope.interface import implementer

from pymta.envelope import Recipient
from pymta.interfaces.content import Origin
from pymta.interfaces.routing import Expand, IRouter, Refusal, Route, Via
from pymta.routing.partial import (
    LOOP,
    NOT_MINE,
    RELAY_DENIED,
    Answer,
    ListedMembers,
    PartialRouter,
    Readdress,
)

__all__ = ["FirstOf"]

# Nobody forwards so often on purpose.
_MOST_STEPS = 16


@implementer(IRouter)
class FirstOf:
    """
    :param routers: in the order in which they are asked.
    :param otherwise: what nobody knows hears.
    """

    def __init__(
        self, routers: Sequence[PartialRouter], *, otherwise: Refusal = RELAY_DENIED
    ) -> None:
        self._routers = tuple(routers)
        self._otherwise = otherwise

    async def route(self, recipient: Recipient, origin: Origin) -> Route:
        """
        See :class:`~pymta.interfaces.routing.IRouter`.

        What is forwarded to the outside becomes an expansion of one member: the operator's table
        wants it, whoever sends it needs no permission to relay.
        """
        seen = {recipient.address.key}
        current = recipient
        while True:
            answer = await self._first(current, origin)
            if not isinstance(answer, Readdress):
                break
            current = replace(recipient, address=answer.address)
            if answer.address.key in seen or len(seen) > _MOST_STEPS:
                return LOOP
            seen.add(answer.address.key)
        if answer is NOT_MINE:
            return self._otherwise
        if current is not recipient and isinstance(answer, Via) and not answer.local:
            return Expand(ListedMembers([current.address]), sender=None)
        return answer

    async def _first(self, recipient: Recipient, origin: Origin) -> Answer:
        for router in self._routers:
            answer = await router.route(recipient, origin)
            if answer is not NOT_MINE:
                return answer
        return NOT_MINE
