"""
The lane of a mail that the queue makes itself: a member's of a list, a report's.
"""

from __future__ import annotations

from pymta.aio import CancelledError
from pymta.envelope import Recipient
from pymta.interfaces.content import Lane, Origin
from pymta.interfaces.routing import IRouter, Via

__all__ = ["lane_now"]


async def lane_now(router: IRouter, recipient: Recipient, origin: Origin) -> Lane | None:
    """Where it goes; None for what has to be routed, or refused, when it is due."""
    try:
        route = await router.route(recipient, origin)
    except CancelledError:
        raise
    except Exception:  # noqa: BLE001  what cannot be routed now is routed, and told, when due
        return None
    return route.lane if isinstance(route, Via) else None
