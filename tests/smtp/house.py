"""
An SMTP listener at home, where mail is collected.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from pymta.session import Role
from pymta.smtp.listener import smtp_listener
from pymta.smtp.settings import Settings
from tests.edge.home import ALICE, Home, with_tls
from tests.edge.player import PEER, Player
from tests.smtp.receivers import Collector

PLAIN = b64encode(f"\0{ALICE}\0sesame".encode()).decode()


class House(Home):
    """What is given replaces fields of the settings; nobody can log in."""

    def __init__(self, *, clock: Clock | None = None, **given: object) -> None:
        super().__init__("mx.example.test", clock=clock, domain="example.test")
        self.waits: dict[str, Deferred[None]] = {}
        self.collector = Collector(self.wait)
        self.settings = Settings(
            receiver=self.collector,
            hostname="mx.example.test",
            role=Role.SMTP,
            clock=self.clock,
            now=lambda: self.now,
            observer=self.observer,
        )
        self.listen(**given)

    def listen(self, **given: object) -> None:
        """With other settings, from now on."""
        self.settings = replace(self.settings, **given)  # type: ignore[arg-type]
        self.listener = smtp_listener(self.settings)

    async def wait(self, stage: str) -> None:
        if stage in self.waits:
            await self.waits[stage]

    def logged_in(self) -> Player:
        """Alice, behind her login."""
        player, _ = greeted(self)
        assert player.line(f"AUTH PLAIN {PLAIN}").startswith("235 ")
        return player


def home(**settings: Any) -> House:
    """A house whose three accounts can log in, without TLS from one peer."""
    house = with_tls(House)
    house.listen(login=house.login, **settings)
    return house


def greeted(house: House, peer: str = PEER) -> tuple[Player, str]:
    """A player behind EHLO, and what it was told."""
    player = house.player(peer)
    player.heard()
    return player, player.line("EHLO client.example")
