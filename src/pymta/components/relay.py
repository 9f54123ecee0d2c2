"""
Mail for elsewhere, as long as nobody carries it: kept, due, and neither tried nor returned.

The lane of a next hop is suspended from the start, with a reason that ``pymta queue why`` shows:
what waits in a suspended lane is not claimed, so it makes no attempts and does not age.  Whoever
retries it all the same meets an agent that says "not yet".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import Annotated, TypeAlias

from zope.interface import implementer

from pymta.address import parse_domain
from pymta.edge.peers import Peers
from pymta.envelope import Recipient
from pymta.errors import Mistake
from pymta.inbound.flow import RelayPermission
from pymta.interfaces.content import Lane, Origin
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.interfaces.queue import IQueueStore
from pymta.outcome import Failed, Scope
from pymta.reply import Reply

__all__ = ["AGENT", "Hop", "NotYet", "Waiting", "next_hop", "whoever_logged_in", "with_peers"]

AGENT = "relay"
"""The name of the agent that will carry mail to a next hop, ``[host]:port``."""

REASON = "this release queues mail for next hops and does not deliver it yet"
NOT_YET = Reply(451, "4.3.5", "Nobody delivers to this next hop yet")
# A year that a release with a relay agent, which ends the suspension, comes before.
_FOR_EVER = datetime(9999, 1, 1, tzinfo=UTC)


_HOP = re.compile(r"\[([^\[\]]+)\]:([0-9]{1,5})|([^:\[\]]+):([0-9]{1,5})")


def next_hop(text: str) -> str:
    """
    ``host:port`` or ``[address]:port``, as ``[host]:port``.

    :raises Mistake: it is neither.
    """
    found = _HOP.fullmatch(text)
    host = "" if found is None else found[1] or found[3]
    port = 0 if found is None else int(found[2] or found[4])
    if not 0 < port < 65536 or not _is_host(host):
        raise Mistake(f"no next hop: {text!r}", hint='"host:port" or "[address]:port"')
    return f"[{host}]:{port}"


def _is_host(host: str) -> bool:
    try:
        return bool(ip_address(host) if ":" in host else parse_domain(host))
    except ValueError:
        return False


Hop: TypeAlias = Annotated[str, next_hop]


async def whoever_logged_in(recipient: Recipient, origin: Origin) -> bool:
    """Permission to relay for sessions with an identity."""
    return origin.session.identity is not None


def with_peers(peers: Peers) -> RelayPermission:
    """Permission to relay for these clients, and for whoever logged in."""

    async def permission(recipient: Recipient, origin: Origin) -> bool:
        if origin.session.peer.host in peers:
            return True
        return await whoever_logged_in(recipient, origin)

    return permission


@implementer(IDeliveryAgent)
class NotYet:
    """Stands in for the relay agent: nothing is carried, and the lane is left alone."""

    recipient_limit = 1000

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        failed = Failed(reply=NOT_YET, scope=Scope.DESTINATION)
        return [Result(recipient.id, failed) for recipient in attempt.recipients]


class Waiting:
    """A part: started before the queue's runner, so that it never sees these lanes."""

    def __init__(self, store: IQueueStore, lanes: Iterable[Lane]) -> None:
        self._store = store
        self._lanes = tuple(lanes)

    async def start(self) -> None:
        for lane in self._lanes:
            await self._store.suspend(lane, _FOR_EVER, REASON)

    async def stop(self) -> None: ...
