"""
Take mail with one function: a listener around :class:`~pymta.inbound.taking.Taking`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IReactorTime

from pymta.aio import start
from pymta.edge.listening import Listening
from pymta.inbound.taking import Take, Taking
from pymta.session import Role
from pymta.smtp.listener import smtp_listener
from pymta.smtp.settings import Settings

__all__ = ["receive"]


def receive(reactor: Any, endpoint: str, take: Take, **settings: Any) -> Deferred[Listening]:
    """
    Listen, and give each message to ``take``.

    :param reactor: of the endpoint; also the clock.
    :param endpoint: a server endpoint string: ``"tcp:0:interface=127.0.0.1"``.
    :param settings: of :class:`~pymta.smtp.settings.Settings`, where they are to be others.
    :returns: fires when the port is bound; ``.port.getHost()`` says where.  ``stop()`` it.
    """
    clock = IReactorTime(reactor)
    made = Settings(
        receiver=Taking(take),
        hostname="localhost",
        role=Role.SMTP,
        clock=clock,
        now=lambda: datetime.now(UTC),
    )
    listener = smtp_listener(replace(made, **settings))
    return start(_listening(Listening("smtp", serverFromString(reactor, endpoint), listener)))


async def _listening(listening: Listening) -> Listening:
    await listening.start()
    return listening
