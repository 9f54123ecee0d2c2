"""
Tests for delivery to nowhere.
"""

from __future__ import annotations

import pytest

from pymta.delivery.discard import DiscardAgent
from pymta.interfaces.delivery import IDeliveryAgent
from pymta.outcome import Dropped
from pymta.reply import Reply
from pymta.testing.contracts.delivery import DeliveryAgentContract
from pymta.testing.contracts.provider_case import case


class Kit(DeliveryAgentContract):
    """For the clauses that do not ask what arrives: nothing does."""

    async def make(self) -> IDeliveryAgent:
        """There is nothing to it."""
        return DiscardAgent()

    @case
    async def discarded(self, agent: IDeliveryAgent) -> None:
        """Three recipients, three replies that say what was done."""
        results = await agent.deliver(self.attempt(recipients=3))
        outcome = Dropped(Reply(250, "2.0.0", "Discarded"))
        assert [outcome] * 3 == [result.outcome for result in results]


@pytest.mark.parametrize(
    "clause",
    [
        "test_provides",
        "test_the_limit_is_a_number_of_recipients",
        "test_as_many_results_as_recipients",
        "test_attempts_side_by_side",
    ],
)
def test_it_keeps_the_contract(clause: str) -> None:
    """As far as it says anything of an agent that keeps nothing."""
    getattr(Kit(), clause)()


def test_it_says_what_it_does() -> None:
    """In the reply that is logged."""
    Kit().discarded()
