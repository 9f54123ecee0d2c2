"""
Delivery to nowhere: for addresses whose mail nobody wants, and for measuring the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.outcome import Dropped
from pymta.reply import Reply

__all__ = ["DiscardAgent"]

DISCARDED = Reply(250, "2.0.0", "Discarded")


@implementer(IDeliveryAgent)
class DiscardAgent:
    """Says yes, and keeps nothing."""

    recipient_limit = 1000

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return [Result(recipient.id, Dropped(DISCARDED)) for recipient in attempt.recipients]
