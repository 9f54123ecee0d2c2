"""
The contract kit of :class:`~pymta.interfaces.delivery.IDeliveryAgent`.

Subclass it, override :meth:`~DeliveryAgentContract.make` and what else your agent needs, and let
pytest find it::

    class TestMyAgent(DeliveryAgentContract):
        idempotent = True
        async def make(self) -> IDeliveryAgent: ...
        async def delivered(self, agent: IDeliveryAgent) -> Sequence[bytes]: ...

Without ``delivered``, what is said of the octets that arrive is skipped, and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import pytest
from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer
from zope.interface.verify import verifyObject

from pymta.address import Address
from pymta.aio import deferred, gather
from pymta.envelope import Recipient, RecipientID, Sender
from pymta.errors import SpoolError
from pymta.interfaces.content import SLICE, IContent, Octets, Origin, QueueID
from pymta.interfaces.delivery import Attempt, IDeliveryAgent, Result
from pymta.outcome import Delivered, Dropped, Expanded, Failed, Relayed
from pymta.session import Endpoint, Role, Session
from pymta.testing.contracts.provider_case import ProviderCase, case

__all__ = ["DeliveryAgentContract"]

_NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
_SESSION = Session(id="kit", role=Role.LOCAL, peer=Endpoint(""), local=Endpoint(""), started=_NOW)
_SMALL = b"Subject: kit\r\n\r\n.\r\n..\r\nFrom the kit\r\n"
_LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcde\r\n" * (3 * SLICE // 17)

CONTENTS = [
    pytest.param(_SMALL, id="small"),
    pytest.param(b"Subject: \xc3\xbc\r\n\r\n\xff\r\n", id="eight bits"),
    pytest.param(b"\r\nno header\r\n", id="no header"),
    pytest.param(_LARGE, id="several slices"),
]

_ALICE = Address("alice", "example.test")
SENDERS = [
    pytest.param(_ALICE, id="a sender"),
    pytest.param(None, id="the null reverse path"),
    pytest.param(Address("a b@c", "example.test"), id="a quoted local part"),
]


@implementer(IContent)
class _Broken:
    """Cannot be read."""

    size = 3 * SLICE

    async def read(self, start: int, stop: int) -> bytes:
        raise SpoolError("broken on purpose")


@implementer(IContent)
class _Slow:
    """Is not read before it is told to."""

    size = len(_SMALL)

    def __init__(self) -> None:
        self.reading: list[Deferred[bytes]] = []

    async def read(self, start: int, stop: int) -> bytes:
        waiting: Deferred[bytes] = Deferred()
        self.reading.append(waiting)
        return await waiting


class DeliveryAgentContract(ProviderCase[IDeliveryAgent]):
    """
    What every agent does.

    :cvar idempotent: whether a second attempt of the same queue id and recipient id does nothing.
    :cvar next_hop: one that takes mail for :attr:`address`.
    :cvar unknown: a next hop that there is not; None where there is no such thing.
    """

    idempotent: ClassVar[bool] = False
    next_hop: ClassVar[str] = ""
    unknown: ClassVar[str | None] = None
    address: ClassVar[Address] = Address("bob", "example.test")

    async def delivered(self, agent: IDeliveryAgent) -> Sequence[bytes]:
        """All messages that have arrived, one for each recipient."""
        pytest.skip("what arrives cannot be seen: delivered() is not overridden")

    def attempt(
        self,
        content: IContent | bytes = _SMALL,
        *,
        queue_id: str = "Q1",
        recipients: int = 1,
        number: int = 1,
        sender: Address | None = _ALICE,
        next_hop: str | None = None,
    ) -> Attempt:
        """An attempt; ids of recipients are 7, 8, …"""
        said = Sender(reverse_path=sender)
        return Attempt(
            queue_id=QueueID(queue_id),
            number=number,
            sender=said,
            recipients=tuple(
                Recipient(id=RecipientID(7 + at), address=self.address) for at in range(recipients)
            ),
            next_hop=self.next_hop if next_hop is None else next_hop,
            content=Octets(content) if isinstance(content, bytes) else content,
            origin=Origin(_SESSION, said),
            arrived=_NOW,
        )

    # -- results ---------------------------------------------------------------

    @case
    async def test_provides(self, agent: IDeliveryAgent) -> None:
        """It has the method and the attribute."""
        assert verifyObject(IDeliveryAgent, agent)

    @case
    async def test_the_limit_is_a_number_of_recipients(self, agent: IDeliveryAgent) -> None:
        """One at least."""
        assert isinstance(agent.recipient_limit, int)
        assert agent.recipient_limit >= 1

    @case
    async def test_as_many_results_as_recipients(self, agent: IDeliveryAgent) -> None:
        """One for each id that was given, up to the limit, and no other."""
        most = min(agent.recipient_limit, 100)
        for recipients in {1, most}:
            attempt = self.attempt(queue_id=f"Q{recipients}", recipients=recipients)
            results = await agent.deliver(attempt)
            given = sorted(result.id for result in results)
            assert [each.id for each in attempt.recipients] == given

    @pytest.mark.parametrize("sender", SENDERS)
    @case
    async def test_any_sender(self, agent: IDeliveryAgent, sender: Address | None) -> None:
        """Delivered for any of them, the null reverse path among them."""
        assert _succeeded(await agent.deliver(self.attempt(sender=sender)))

    @case
    async def test_an_unknown_next_hop_is_a_failure(self, agent: IDeliveryAgent) -> None:
        """A value with a reply that is a "no", not an exception."""
        if self.unknown is None:
            pytest.skip("there is no unknown next hop: unknown is not set")
        [result] = await agent.deliver(self.attempt(next_hop=self.unknown))
        assert isinstance(result.outcome, Failed)
        assert not result.outcome.reply.positive

    @case
    async def test_attempts_side_by_side(self, agent: IDeliveryAgent) -> None:
        """Each gets its own results."""
        attempts = [self.attempt(queue_id=f"Q{number}") for number in range(20)]
        assert all(_succeeded(results) for results in await gather(map(agent.deliver, attempts)))

    # -- octets ----------------------------------------------------------------

    @pytest.mark.parametrize("octets", CONTENTS)
    @case
    async def test_octets_arrive_as_they_are(self, agent: IDeliveryAgent, octets: bytes) -> None:
        """Header fields may be in front of them; nothing is changed or behind them."""
        assert _succeeded(await agent.deliver(self.attempt(octets)))
        [arrived] = await self.delivered(agent)
        assert arrived.endswith(octets)

    @case
    async def test_content_that_cannot_be_read_is_not_delivered(
        self, agent: IDeliveryAgent
    ) -> None:
        """It raises, or all have failed for now; half a message arrives nowhere."""
        try:
            results = await agent.deliver(self.attempt(_Broken()))
        except SpoolError:
            results = ()
        for result in results:
            assert isinstance(result.outcome, Failed)
            assert result.outcome.reply.transient
        assert list(await self.delivered(agent)) == []

    # -- again -----------------------------------------------------------------

    @case
    async def test_a_repeated_attempt(self, agent: IDeliveryAgent) -> None:
        """Another yes; and nothing else, where that is claimed."""
        first = await agent.deliver(self.attempt())
        again = await agent.deliver(self.attempt(number=2))
        assert _succeeded(first)
        assert _succeeded(again)
        # What follows is committed with the result, and may have been the first time as well.
        assert _following(first) == _following(again)
        assert len(await self.delivered(agent)) == (1 if self.idempotent else 2)

    @case
    async def test_another_message_is_no_repetition(self, agent: IDeliveryAgent) -> None:
        """Nor is another recipient of the same: each arrives."""
        await agent.deliver(self.attempt())
        await agent.deliver(self.attempt(queue_id="Q2"))
        other = self.attempt(recipients=2)
        await agent.deliver(replace(other, recipients=other.recipients[1:]))
        assert len(await self.delivered(agent)) == 3

    @case
    async def test_a_cancelled_attempt_ends(self, agent: IDeliveryAgent) -> None:
        """At once, and can be made again; what had not arrived does not arrive later."""
        content = _Slow()
        delivering = deferred(agent.deliver(self.attempt(content)))
        if delivering.called:
            pytest.skip("the agent does not wait for content")
        ended: list[object] = []
        delivering.addBoth(ended.append)  # type: ignore[unused-awaitable]  # seen in ended
        delivering.cancel()
        assert ended, "a cancelled attempt goes on"
        assert getattr(ended[0], "type", None) is CancelledError, "the cancellation is swallowed"
        assert _succeeded(await agent.deliver(self.attempt()))
        assert len(await self.delivered(agent)) == 1


def _succeeded(results: Sequence[Result]) -> bool:
    good = Delivered | Dropped | Relayed | Expanded
    return bool(results) and all(isinstance(result.outcome, good) for result in results)


def _following(results: Sequence[Result]) -> list[QueueID]:
    return [mail.id for result in results for mail in result.then]
