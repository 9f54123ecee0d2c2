"""
A server of our own that listens on this machine, and agents that carry mail to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.endpoints import serverFromString

from pymta.components.people import springing
from pymta.components.system import MailSystem
from pymta.delivery.mx import MXFinder
from pymta.delivery.relay import RelayAgent
from pymta.edge.peers import LOOPBACK
from pymta.interfaces.content import octets_of
from pymta.interfaces.dns import MX, A
from pymta.mailbox import INBOX
from pymta.service import Listening, MailService
from pymta.session import Role
from pymta.smtp.client_dialler import Dialler
from pymta.smtp.client_settings import ClientSettings
from pymta.testing.dns import FakeDNS, Zones

__all__ = ["ZONES", "Destination"]

ZONES: Zones = {"example.test": {"": [MX(10, "mx.example.test")], "mx": [A("127.0.0.1")]}}


class Destination:
    """
    Takes mail for every address of ``example.test``, and has delivered it when it says yes.

    :param endpoint: where it listens.
    """

    def __init__(self, reactor: Any, endpoint: str = "tcp:0:interface=127.0.0.1") -> None:
        self._reactor = reactor
        self.system = MailSystem(
            reactor,
            hostname="mx.example.test",
            domains=["example.test"],
            people=springing(["example.test"]),
            observers=[],
            limit_logins=None,
            connections=None,
        )
        receiver = self.system.delivering_receiver
        listeners = {
            Role.SMTP: self.system.smtp(receiver=receiver),
            Role.LMTP: self.system.lmtp(),
        }
        self._listening = {
            role: Listening(role.value, serverFromString(reactor, endpoint), listener)
            for role, listener in listeners.items()
        }
        self._service = MailService(
            self.system.clock, self.system.parts, tuple(self._listening.values())
        )
        self._agents: list[RelayAgent] = []

    async def start(self) -> None:
        """Listen."""
        self._service.startService()
        await self._service.ready

    async def stop(self) -> None:
        """End its agents, and it."""
        for agent in self._agents:
            await agent.stop()
        await self._service.stopService()

    def agent(
        self, role: Role = Role.SMTP, *, chunking: bool = True, zones: Zones = ZONES
    ) -> RelayAgent:
        """One that finds it by the DNS."""
        settings = ClientSettings(helo="here.test", role=role, chunking=chunking)
        dialler = Dialler(self._reactor, self._reactor, settings, random=bytes)
        finder = MXFinder(
            FakeDNS(zones),
            self._reactor,
            hostname="here.test",
            below=lambda limit: 0,
            allow=LOOPBACK,
            port=self._listening[role].address.port,
        )
        agent = RelayAgent(finder, dialler.open, clock=self._reactor, role=role)
        self._agents.append(agent)
        return agent

    async def messages(self, account: str = "bob@example.test") -> Sequence[bytes]:
        """All that is in an inbox."""
        found = await self.system.people.directory.open(account)
        mailbox = await found.mailboxes.open(INBOX)
        sizes = await mailbox.sizes()
        return [await octets_of(await mailbox.content(uid)) for uid, _ in sizes]
