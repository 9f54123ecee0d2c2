"""
A POP3 listener at home.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from twisted.internet.task import Clock

from pymta.pop3.listener import pop3_listener
from pymta.pop3.settings import Settings
from tests.edge.home import ALICE, Home
from tests.edge.player import Player
from tests.sasl.accounts import counting

ONE = b"Subject: one\r\n\r\nfirst\r\n.dot\r\n"
TWO = b"Subject: two\r\n\r\n1\r\n2\r\n3\r\n"
LARGE = b"Subject: large\r\n\r\n" + b".x" * 39 + b"\r\n" + b"y" * 78 + b"\r\n" * 60_000

LOGIN = f"""
    C: USER {ALICE}
    S: +OK send your password
    C: PASS sesame
    S: +OK ...
"""


class House(Home):
    """What is given replaces fields of the settings."""

    def __init__(self, *, apop: bool = False, clock: Clock | None = None, **given: object) -> None:
        super().__init__("pop.example.test", apop=apop, clock=clock)
        made = Settings(
            hostname="pop.example.test",
            clock=self.clock,
            now=lambda: self.now,
            random=counting,
            login=self.login,
            observer=self.observer,
        )
        self.settings = replace(made, **given)  # type: ignore[arg-type]
        self.listen_again()

    def listen_again(self) -> None:
        """After a stop, which ends a listener for good."""
        self.listener = pop3_listener(self.settings)

    def logged_in(self) -> Player:
        """Alice, behind her login."""
        player = self.player()
        player.play("S: +OK pop.example.test ready\n" + LOGIN)
        return player


def lines(answer: bytes) -> Sequence[str]:
    """The lines of an answer, without the first and the last, dots not unstuffed."""
    first, *rest, last, end = answer.decode().split("\r\n")
    assert first.startswith("+OK")
    assert (".", "") == (last, end)
    return rest
