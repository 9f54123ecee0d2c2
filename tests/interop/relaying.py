"""
A mail system in this process that relays, and what its observer has seen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from twisted.internet.endpoints import serverFromString
from zope.interface import implementer

from pymta.address import Address
from pymta.aio import sleep
from pymta.components.relay import Relaying
from pymta.components.routes import Routes
from pymta.components.system import MailSystem
from pymta.delivery.mx import MXFinder
from pymta.edge.peers import LOOPBACK
from pymta.envelope import Body, Recipient, RecipientID, Sender
from pymta.events import Attempted, Event
from pymta.interfaces.content import Origin
from pymta.interfaces.dns import IDNSClient
from pymta.interfaces.observe import IObserver
from pymta.outcome import Outcome
from pymta.queue.retry import Backoff, RetryRules
from pymta.queue.schedule import Schedule
from pymta.service import Listening, MailService
from pymta.session import Endpoint, Role, Session

__all__ = ["Relay", "mx_finder", "relaying"]

SECONDS = 30.0
QUICKLY = RetryRules(backoff=Backoff(first=timedelta(seconds=0.3), most=timedelta(seconds=1)))


@implementer(IObserver)
class Seen(list[Event]):
    """What was told."""

    def observe(self, event: Event) -> None:
        self.append(event)

    @property
    def attempts(self) -> list[Attempted]:
        """One a recipient and attempt."""
        return [event for event in self if isinstance(event, Attempted)]


@dataclass(frozen=True, slots=True)
class Relay:
    """One that runs.  :param port: of its SMTP listener."""

    system: MailSystem
    seen: Seen
    port: int

    async def submit(
        self,
        recipients: Sequence[str],
        octets: bytes,
        *,
        sender: str = "ann@here.test",
        body: Body = Body.EIGHT_BIT,
    ) -> None:
        """Put a message into the queue."""
        here = Endpoint("127.0.0.1")
        now = self.system.now()
        session = Session(id="test", role=Role.LOCAL, peer=here, local=here, started=now)
        mail_session = await self.system.receiver.connected(session)
        said = Sender(reverse_path=Address.parse(sender), body=body)
        transaction = await mail_session.begin(said)
        for number, recipient in enumerate(recipients, 1):
            await transaction.add_recipient(
                Recipient(id=RecipientID(number), address=Address.parse(recipient))
            )
        await transaction.begin_content()
        for at in range(0, len(octets), 65536):
            await transaction.write(octets[at : at + 65536])
        await transaction.commit()
        mail_session.closed()

    async def settled(self, recipients: Sequence[str]) -> dict[str, list[Attempted]]:
        """All attempts for each of them, as soon as the last one is over."""
        return await self._attempted(recipients, lambda tries: tries[-1].final)

    async def tried(self, recipient: str) -> Outcome:
        """What the first attempt for somebody ended with."""
        attempts = await self._attempted([recipient], bool)
        return attempts[recipient][0].outcome

    async def _attempted(
        self, recipients: Sequence[str], enough: Callable[[list[Attempted]], bool]
    ) -> dict[str, list[Attempted]]:
        for _ in range(int(SECONDS / 0.05)):
            found: dict[str, list[Attempted]] = {name: [] for name in recipients}
            for each in self.seen.attempts:
                found.get(str(each.recipient), []).append(each)
            if all(tries and enough(tries) for tries in found.values()):
                return found
            await sleep(self.system.clock, 0.05)
        raise AssertionError(self.seen)


def mx_finder(reactor: Any, dns: IDNSClient, *, port: int) -> MXFinder:
    """By MX records, on this port; loopback addresses are allowed."""
    return MXFinder(
        dns,
        reactor,
        hostname="here.test",
        below=lambda limit: 0,
        allow=LOOPBACK,
        port=port,
    )


async def everybody(recipient: Recipient, origin: Origin) -> bool:
    """May relay."""
    return True


@asynccontextmanager
async def relaying(
    reactor: Any, *, routes: Routes, relaying: Relaying | None = None, **arguments: Any
) -> AsyncIterator[Relay]:
    """One, until the end of the block; what failed for now is tried again within a second."""
    seen = Seen()
    system = MailSystem(
        reactor,
        hostname="here.test",
        domains=arguments.pop("domains", ["here.test"]),
        routes=routes,
        relay=everybody,
        observers=[seen],
        schedule=Schedule(retry=QUICKLY),
        relaying=relaying,
        limit_logins=None,
        connections=None,
        **arguments,
    )
    endpoint = serverFromString(reactor, "tcp:0:interface=127.0.0.1")
    listening = Listening("smtp", endpoint, system.smtp())
    service = MailService(system.clock, system.parts, [listening])
    service.startService()
    await service.ready
    try:
        yield Relay(system, seen, listening.address.port)
    finally:
        await service.stopService()
