"""
Tests for what carries mail over sockets: the kit of agents, by SMTP and LMTP, to our own server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any, ClassVar, cast

import pytest
import pytest_twisted
from twisted.internet import reactor

from pymta.address import Address
from pymta.aio import gather, start, timeout
from pymta.envelope import Body
from pymta.interfaces.content import Octets
from pymta.interfaces.delivery import Attempt, IDeliveryAgent
from pymta.interfaces.dns import AAAA, A
from pymta.outcome import Delivered, Failed, Relayed
from pymta.session import Role
from pymta.testing.contracts.delivery import DeliveryAgentContract
from pymta.testing.contracts.provider_case import case
from tests.delivery.houses import Destination
from tests.delivery.test_relay import attempt_to

REACTOR = cast("Any", reactor)


class Carried(DeliveryAgentContract):
    """The kit, over sockets of this machine."""

    next_hop: ClassVar[str] = "example.test"
    unknown: ClassVar[str | None] = "nowhere.test"
    role: ClassVar[Role]
    chunking: ClassVar[bool] = True

    async def make(self) -> IDeliveryAgent:
        """With a server of its own."""
        self.destination = Destination(REACTOR)
        await self.destination.start()
        return self.destination.agent(self.role, chunking=self.chunking)

    async def close(self, provider: IDeliveryAgent) -> None:
        """End both."""
        await self.destination.stop()

    async def delivered(self, agent: IDeliveryAgent) -> Sequence[bytes]:
        """What the server has in bob's inbox."""
        return await self.destination.messages()

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> object:
        """On the reactor, with a time limit."""
        return start(timeout(REACTOR, 30, test()))


class TestBySMTP(Carried):
    """Responsibility moves."""

    role = Role.SMTP

    @case
    async def test_it_is_relayed(self, agent: IDeliveryAgent) -> None:
        """With the duty to report, for our server knows DSN."""
        [result] = await agent.deliver(self.attempt())
        assert isinstance(result.outcome, Relayed)
        assert ("mx.example.test", True) == (result.outcome.remote, result.outcome.dsn)
        assert 0 < result.connecting.total_seconds() < 10


class TestByData(Carried):
    """The same without BDAT."""

    role = Role.SMTP
    chunking = False


class TestByLMTP(Carried):
    """A yes is a delivery."""

    role = Role.LMTP

    @case
    async def test_it_is_delivered(self, agent: IDeliveryAgent) -> None:
        """In the mailbox's own words."""
        [result] = await agent.deliver(self.attempt())
        assert isinstance(result.outcome, Delivered)

    @case
    async def test_each_has_its_answer(self, agent: IDeliveryAgent) -> None:
        """One is over quota, the other has it."""
        mail: Any = self.destination.system.stores.mail
        await mail.mailboxes("carl@example.test").set_quota(10)
        attempt = self.attempt(recipients=2)
        carl = replace(attempt.recipients[1], address=Address("carl", "example.test"))
        first, second = await agent.deliver(
            replace(attempt, recipients=(attempt.recipients[0], carl))
        )
        assert isinstance(first.outcome, Delivered)
        assert isinstance(second.outcome, Failed)
        assert "5.2.2" == second.outcome.reply.status
        assert 1 == len(await self.destination.messages())


def sent_to_bob(octets: bytes, body: Body, queue_id: str) -> Attempt:
    """An attempt for him."""
    attempt = attempt_to(1, next_hop="example.test", content=Octets(octets), queue_id=queue_id)
    bob = replace(attempt.recipients[0], address=Address("bob", "example.test"))
    return replace(attempt, sender=replace(attempt.sender, body=body), recipients=(bob,))


async def compared(contents: Sequence[bytes], body: Body, *, chunking: bool) -> None:
    """Send each, one behind the other, and see that it arrives as it was."""
    destination = Destination(REACTOR)
    await destination.start()
    try:
        agent = destination.agent(chunking=chunking)
        for number, octets in enumerate(contents):
            (result,) = await agent.deliver(sent_to_bob(octets, body, f"Q{number}"))
            assert isinstance(result.outcome, Relayed), result
        messages = await destination.messages()
        assert len(contents) == len(messages)
        for octets, message in zip(contents, messages, strict=True):
            assert message.endswith(octets)
            assert 1 == message[: -len(octets)].count(b"Received: ")
        assert 1 == agent.pool.statistics.opened
    finally:
        await destination.stop()


def limited(test: Callable[[], Awaitable[None]]) -> Any:
    """With a time limit."""
    return start(timeout(REACTOR, 60, test()))


HEADER = b"Subject: x\r\n\r\n"


@pytest.mark.parametrize("chunking", [True, False], ids=["BDAT", "DATA"])
@pytest_twisted.ensureDeferred
async def test_crlf_at_the_boundaries(chunking: bool) -> None:
    """
    CRLF, dots and lone line ends of a line cut at every place round the ends of slices and
    chunks.
    """
    contents = []
    for cut in range(-6, 7):
        fill = 65536 + cut - len(HEADER)
        contents.append(
            HEADER + b"a" * (fill - 2) + b"\r\n.\r\n..\r\n" + b"b" * 65530 + b"\r\n.\r\n"
        )

    await limited(lambda: compared(contents, Body.EIGHT_BIT, chunking=chunking))


@pytest_twisted.ensureDeferred
async def test_binary() -> None:
    """
    NULs, lone CRs and LFs and a last line without an end go by BINARYMIME (RFC 3030).
    """
    contents = [
        HEADER + b"\0\r\n.\r\n\n\r\0",
        HEADER + bytes(range(256)) * 1024,
        HEADER + b"\r" * 65536 + b"\n" * 65536 + b"\r",
    ]
    await limited(lambda: compared(contents, Body.BINARY, chunking=True))


@pytest_twisted.ensureDeferred
async def test_binary_for_who_takes_none() -> None:
    """
    Without BDAT it cannot be sent, and is a failure of the message for good (section 3).
    """
    destination = Destination(REACTOR)
    await destination.start()
    try:
        agent = destination.agent(chunking=False)
        (result,) = await agent.deliver(sent_to_bob(HEADER + b"\0", Body.BINARY, "Q1"))
    finally:
        await destination.stop()

    assert isinstance(result.outcome, Failed)
    assert (554, "5.6.3") == (result.outcome.reply.code, result.outcome.reply.status)


@pytest.mark.parametrize("interface", ["127.0.0.1", "::1"])
@pytest_twisted.ensureDeferred
async def test_both_families(interface: str) -> None:
    """
    A host with two addresses, of which one leads nowhere, is reached by the other.
    """
    kind = "tcp6" if ":" in interface else "tcp"
    escaped = interface.replace(":", r"\:")
    destination = Destination(REACTOR, f"{kind}:0:interface={escaped}")
    await destination.start()
    try:
        agent = destination.agent(zones={"example.test": [AAAA("::1"), A("127.0.0.1")]})
        (result,) = await agent.deliver(sent_to_bob(HEADER, Body.SEVEN_BIT, "Q1"))
    finally:
        await destination.stop()

    assert isinstance(result.outcome, Relayed), result
    assert "example.test" == result.outcome.remote


@pytest_twisted.ensureDeferred
async def test_many_side_by_side() -> None:
    """
    Each message has a session of its own while it is sent; all arrive, once.
    """
    destination = Destination(REACTOR)
    await destination.start()
    try:
        agent = destination.agent()
        attempts = [sent_to_bob(HEADER + b"%d\r\n" % n, Body.SEVEN_BIT, f"Q{n}") for n in range(30)]
        await timeout(REACTOR, 60, gather(map(agent.deliver, attempts)))
        messages = await destination.messages()
    finally:
        await destination.stop()

    assert sorted(b"%d" % n for n in range(30)) == sorted(m.split()[-1] for m in messages)
    assert 0 == agent.pool.statistics.taken
