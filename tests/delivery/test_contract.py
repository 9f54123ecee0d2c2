"""
Tests for the kit of delivery agents: each clause fails on an agent that breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

import pytest
from twisted.internet.defer import CancelledError
from zope.interface import implementer

from pymta.address import Address
from pymta.envelope import RecipientID
from pymta.errors import SpoolError
from pymta.interfaces.content import QueueID, octets_of
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.outcome import Delivered, Failed, Scope
from pymta.reply import Reply
from pymta.testing.contracts.delivery import DeliveryAgentContract


@implementer(IDeliveryAgent)
class Good:
    """Keeps what it gets, in a list; the base of all that is bad."""

    recipient_limit = 10

    def __init__(self) -> None:
        self.kept: dict[tuple[QueueID, RecipientID], bytes] = {}

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        if attempt.next_hop == "unknown":
            no = Failed(reply=Reply(550, "5.1.2", "No"), scope=Scope.RECIPIENT)
            return [Result(each.id, no) for each in attempt.recipients]
        octets = await octets_of(attempt.content)
        for each in attempt.recipients:
            self.kept[attempt.queue_id, each.id] = octets
        return [Result(each.id, Delivered()) for each in attempt.recipients]


class Unlimited(Good):
    recipient_limit = 0


class Forgetful(Good):
    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return (await super().deliver(attempt))[:1]


class Inventive(Good):
    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return [*await super().deliver(attempt), Result(RecipientID(99), Delivered())]


class Snob(Good):
    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        if attempt.sender.reverse_path is None:
            raise ValueError("who are you?")
        return await super().deliver(attempt)


class Naive(Good):
    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        return await super().deliver(replace(attempt, next_hop=""))


class Single(Good):
    """One attempt at a time, the others are refused."""

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        if self.kept and attempt.queue_id == "Q7":
            return ()
        return await super().deliver(attempt)


class Tidy(Good):
    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        results = await super().deliver(attempt)
        self.kept = {key: octets.strip() for key, octets in self.kept.items()}
        return results


class Short(Good):
    """Reads one slice, and thinks that is all."""

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        octets = await attempt.content.read(0, attempt.content.size)
        for each in attempt.recipients:
            self.kept[attempt.queue_id, each.id] = octets
        return [Result(each.id, Delivered()) for each in attempt.recipients]


class Careless(Good):
    """Half a message is better than none."""

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        try:
            return await super().deliver(attempt)
        except SpoolError:
            self.kept[attempt.queue_id, attempt.recipients[0].id] = b"half"
            return [Result(each.id, Delivered()) for each in attempt.recipients]


class Doubling(Good):
    """Claims to be idempotent and is not."""

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        attempt = replace(attempt, queue_id=QueueID(f"{attempt.queue_id}/{attempt.number}"))
        return await super().deliver(attempt)


class Lumping(Good):
    """Takes another recipient for a repetition."""

    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        results = await super().deliver(attempt)
        self.kept = {
            (queue_id, RecipientID(0)): octets for (queue_id, _), octets in self.kept.items()
        }
        return results


class Swallowing(Good):
    async def deliver(self, attempt: Attempt) -> Sequence[Result]:
        try:
            return await super().deliver(attempt)
        except CancelledError:
            return ()


class Kit(DeliveryAgentContract):
    """The kit for one of them; not collected by itself."""

    idempotent: ClassVar[bool] = True
    unknown: ClassVar[str | None] = "unknown"

    def __init__(self, agent: Callable[[], Good]) -> None:
        self.agent = agent

    async def make(self) -> IDeliveryAgent:
        """A new one."""
        return self.agent()

    async def delivered(self, agent: IDeliveryAgent) -> Sequence[bytes]:
        """What it kept."""
        assert isinstance(agent, Good)
        return list(agent.kept.values())


LARGE = b"x" * 200_000
BREACHES = [
    (Unlimited, "test_the_limit_is_a_number_of_recipients", ()),
    (Forgetful, "test_as_many_results_as_recipients", ()),
    (Inventive, "test_as_many_results_as_recipients", ()),
    (Snob, "test_any_sender", (None,)),
    (Naive, "test_an_unknown_next_hop_is_a_failure", ()),
    (Single, "test_attempts_side_by_side", ()),
    (Tidy, "test_octets_arrive_as_they_are", (b"a\r\n",)),
    (Short, "test_octets_arrive_as_they_are", (LARGE,)),
    (Careless, "test_content_that_cannot_be_read_is_not_delivered", ()),
    (Doubling, "test_a_repeated_attempt", ()),
    (Lumping, "test_another_message_is_no_repetition", ()),
    (Swallowing, "test_a_cancelled_attempt_ends", ()),
]


@pytest.mark.parametrize(
    ("agent", "clause", "arguments"), BREACHES, ids=[each[0].__name__ for each in BREACHES]
)
def test_a_clause_fails_on_who_breaks_it(
    agent: type[Good], clause: str, arguments: tuple[object, ...]
) -> None:
    """And holds on who keeps it."""
    getattr(Kit(Good), clause)(*arguments)
    with pytest.raises((AssertionError, ValueError)):
        getattr(Kit(agent), clause)(*arguments)


def test_an_agent_must_say_what_it_is() -> None:
    """A class that does not provide the interface does not pass."""

    class Undeclared:
        recipient_limit = 1

    class UndeclaredKit(DeliveryAgentContract):
        async def make(self) -> IDeliveryAgent:
            return Undeclared()  # type: ignore[return-value]  # on purpose

    with pytest.raises(Exception, match="Does not declaratively implement"):
        UndeclaredKit().test_provides()


def test_every_clause_is_broken_by_somebody() -> None:
    """So that no clause holds for everybody."""
    clauses = {name for name in dir(DeliveryAgentContract) if name.startswith("test_")}
    assert clauses == {clause for _, clause, _ in BREACHES} | {"test_provides"}


def test_the_kits_address_is_an_address() -> None:
    """What subclasses may change has a value that works."""
    assert Address.parse(str(DeliveryAgentContract.address)) == DeliveryAgentContract.address
