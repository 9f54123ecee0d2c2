"""
Tests for the names of listeners, in the sessions that observers hear of.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.testing import MemoryReactorClock, StringTransport
from zope.interface import implementer

from pymta.components.system import MailSystem
from pymta.events import Connected, Event
from pymta.interfaces.observe import IObserver
from pymta.session import Session


class Reactor(MemoryReactorClock):
    """Also for those who would hand it results from threads."""

    def callFromThread(self, function: Any, *args: Any, **kwargs: Any) -> None:
        self.callLater(0, function, *args, **kwargs)


@implementer(IObserver)
class Sessions:
    """Those that have begun."""

    def __init__(self) -> None:
        self.begun: list[Session] = []

    def observe(self, event: Event) -> None:
        if isinstance(event, Connected):
            self.begun.append(event.session)


def begun(protocol: str, name: str) -> list[Session]:
    """Two sessions with a listener of that name."""
    reactor: Any = Reactor()
    sessions = Sessions()
    system = MailSystem(reactor, domains=["example.test"], observers=[sessions])
    listener = getattr(system, protocol)(door=replace(system.door, name=name))
    for _ in range(2):
        listener.buildProtocol(None).makeConnection(StringTransport())
        reactor.advance(0)
    return sessions.begun


@pytest.mark.parametrize("protocol", ["smtp", "submission", "lmtp", "pop3", "imap"])
@pytest.mark.parametrize(
    ("name", "ids"),
    [
        pytest.param("mx.public-2", ["mx.public-2-1", "mx.public-2-2"], id="a word"),
        pytest.param(
            "from outside\n[é]", ["from_outside____-1", "from_outside____-2"], id="no word"
        ),
    ],
)
def test_sessions_tell_their_listener(protocol: str, name: str, ids: list[str]) -> None:
    """As its name is, and in their ids, which are in every line, as a word."""
    sessions = begun(protocol, name)
    assert [name, name] == [each.listener for each in sessions]
    assert ids == [each.id for each in sessions]


@pytest.mark.parametrize("protocol", ["smtp", "submission", "lmtp", "pop3", "imap"])
def test_without_a_name_they_tell_the_role(protocol: str) -> None:
    """As in an application that names nothing."""
    assert [f"{protocol}-1", f"{protocol}-2"] == [each.id for each in begun(protocol, "")]
