"""
What was claimed is routed once more, since tables change while mail waits, and becomes works:
recipients of one message that go the same way, no more of them than their agent takes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from twisted.internet.interfaces import IReactorTime

from pymta.aio import CancelledError, breathe
from pymta.envelope import Recipient
from pymta.events import Discarded, Event
from pymta.interfaces.content import Lane
from pymta.interfaces.delivery import Result
from pymta.interfaces.queue import Claim, Claimed
from pymta.interfaces.routing import Drop, Expand, IRouter, Refusal, Via
from pymta.outcome import Dropped, Failed, Outcome, Scope
from pymta.queue.attempt import Faults, limited
from pymta.queue.expansion import EXPANSION
from pymta.queue.leases import part
from pymta.queue.schedule import Work
from pymta.reply import Reply

__all__ = ["Sorted", "Sorter"]

# Routing 50 recipients takes a millisecond or two; then others have their turn.
_BREATH = 50

_Way: TypeAlias = Via | Expand | Outcome


@dataclass(frozen=True, slots=True)
class Sorted:
    """
    What is to be done for a claim.

    :param works: to be scheduled.
    :param ended: results of recipients that need no attempt: refused, dropped, not routable now.
    """

    works: tuple[Work, ...]
    ended: tuple[Result, ...]


class Sorter:
    """
    Routes claims.

    :param limit: how many recipients an agent takes at once, by its name.
    :param seconds: how long one look-up may take.
    """

    def __init__(
        self,
        router: IRouter,
        *,
        clock: IReactorTime,
        seconds: float,
        limit: Callable[[str], int],
        faults: Faults,
        tell: Callable[[Event], None],
    ) -> None:
        self._router = router
        self._clock = clock
        self._seconds = seconds
        self._limit = limit
        self._faults = faults
        self._tell = tell

    async def sort(self, claim: Claim, taken: datetime) -> Sorted:
        """Where to, for each of its recipients.  Raises nothing but CancelledError."""
        lanes: dict[Lane, list[Recipient]] = {}
        works: list[Work] = []
        ended: list[Result] = []
        for number, claimed in enumerate(claim.recipients, 1):
            match await self._way(claim, claimed):
                case Via(lane=lane, recipient=recipient):
                    lanes.setdefault(lane, []).append(recipient)
                case Expand() as route:
                    works.append(_expansion(claim, claimed, route, taken))
                case outcome:
                    ended.append(Result(claimed.recipient.id, outcome))
            if number % _BREATH == 0:
                await breathe(self._clock)
        for lane, recipients in lanes.items():
            works.extend(self._works(claim, lane, recipients, taken))
        return Sorted(tuple(works), tuple(ended))

    async def _way(self, claim: Claim, claimed: Claimed) -> _Way:
        recipient = claimed.recipient
        if claimed.verdict is not None:
            return Failed(reply=claimed.verdict, scope=Scope.RECIPIENT)
        if claimed.pinned:
            return Via(lane=claim.lane, recipient=recipient)
        try:
            route = await limited(
                self._clock, self._seconds, self._router.route(recipient, claim.origin)
            )
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  the fence round an attempt, of which this is the first step
            number = self._faults.caught(f"routing {claim.queue_id} to {recipient}")
            reply = Reply(451, "4.3.0", f"Internal error ({number})")
            return Failed(reply=reply, scope=Scope.RECIPIENT)
        match route:
            case Refusal(reply=reply):
                return Failed(reply=reply, scope=Scope.RECIPIENT)
            case Drop(reason):
                session, sender = claim.origin.session, claim.sender
                self._tell(
                    Discarded(
                        queue_id=claim.queue_id, session=session, sender=sender, reason=reason
                    )
                )
                return Dropped(Reply(250, "2.0.0", "Dropped"))
            case Via() if route.recipient.id != recipient.id:
                self._faults.seen(f"routing {claim.queue_id}", "the recipient's id was changed")
                reply = Reply(451, "4.3.5", "It is not set up correctly")
                return Failed(reply=reply, scope=Scope.RECIPIENT)
        return route

    def _works(
        self, claim: Claim, lane: Lane, recipients: Sequence[Recipient], taken: datetime
    ) -> Iterator[Work]:
        limit = self._limit(lane.agent)
        for at in range(0, len(recipients), limit):
            chosen = tuple(recipients[at : at + limit])
            these = part(claim, [recipient.id for recipient in chosen])
            yield Work(claim=these, lane=lane, recipients=chosen, taken=taken)


def _expansion(claim: Claim, claimed: Claimed, route: Expand, taken: datetime) -> Work:
    return Work(
        claim=part(claim, [claimed.recipient.id]),
        lane=EXPANSION,
        recipients=(claimed.recipient,),
        taken=taken,
        route=route,
    )
