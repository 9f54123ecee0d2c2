"""
An IMAP listener at home.
"""

from __future__ import annotations

from dataclasses import replace

from twisted.internet.task import Clock
from zope.interface import implementedBy

from pymta.imap.listener import imap_listener
from pymta.imap.settings import Settings
from pymta.queue.memory import MemoryQueueStore
from pymta.store.memory.mailboxes import TOMBSTONES, MemoryMailboxes
from tests.edge.home import ALICE, PASSWORDS, Home
from tests.edge.player import Player

ONE = b"Subject: one\r\nFrom: a@example.test\r\n\r\nfirst\r\n"
TWO = b"Subject: two\r\n\r\n1\r\n2\r\n"


class House(Home):
    """What is given replaces fields of the settings."""

    def __init__(
        self, *, clock: Clock | None = None, tombstones: int = TOMBSTONES, **given: object
    ) -> None:
        super().__init__("imap.example.test", clock=clock, tombstones=tombstones)
        made = Settings(
            hostname="imap.example.test",
            clock=self.clock,
            now=lambda: self.now,
            login=self.login,
            create=MemoryQueueStore(lambda: self.now).create,
            provided=tuple(implementedBy(MemoryMailboxes)),
            observer=self.observer,
        )
        self.settings = replace(made, **given)  # type: ignore[arg-type]
        self.listener = imap_listener(self.settings)

    def logged_in(self, account: str = ALICE) -> Player:
        """Behind a login."""
        player = self.player()
        player.play(
            f"""
            S: * OK [CAPABILITY ...
            C: l LOGIN {account} {PASSWORDS[account]}
            S: l OK [CAPABILITY ...
            """
        )
        return player

    def selected(self, account: str = ALICE) -> Player:
        """With INBOX open."""
        player = self.logged_in(account)
        assert "s OK [READ-WRITE]" in player.line("s SELECT INBOX")
        return player
