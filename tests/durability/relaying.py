"""
The part of the server that is killed which carries mail to a sink, impatiently.
"""

from __future__ import annotations

import functools
import json
import os
import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from pymta.components.relay import next_hop, with_peers
from pymta.components.routes import Routes
from pymta.delivery.mx import MXFinder
from pymta.edge.peers import LOOPBACK
from pymta.envelope import Recipient
from pymta.interfaces.dns import MX, A
from pymta.queue.reporting import ReportLimits
from pymta.queue.retry import Backoff, RetryRules
from pymta.queue.schedule import Schedule, ScheduleLimits
from pymta.testing.dns import FakeDNS
from pymta.wire.smtp.client import SMTPClient

__all__ = ["GATEWAY", "REMOTE", "relaying", "report_often", "witness"]

REMOTE = "remote.test"
"""Has two MX hosts: one that is dead, and the sink."""

GATEWAY = "gateway.test"
"""Goes to the sink by LMTP."""

_RETRY = Backoff(first=timedelta(seconds=0.5), most=timedelta(seconds=2))
_DEAD = Backoff(first=timedelta(seconds=0.3), most=timedelta(seconds=1))


def relaying(reactor: Any, sink: str, *, hostname: str, patience: float) -> dict[str, Any]:
    """
    What a :class:`~pymta.components.system.MailSystem` is given more.

    :param sink: its address and port.
    :param patience: seconds until mail is given up.
    """
    address, _, port = sink.partition(":")
    finder = MXFinder(
        FakeDNS(
            {
                REMOTE: {
                    "": [MX(5, f"dead.{REMOTE}"), MX(10, f"mx.{REMOTE}")],
                    "dead": [A(address.replace("127.77.", "127.76."))],
                    "mx": [A(address)],
                }
            }
        ),
        reactor,
        hostname=hostname,
        below=secrets.randbelow,
        allow=LOOPBACK,
        port=int(port),
    )
    return {
        "finder": finder,
        "routes": Routes(hops={GATEWAY: next_hop(f"lmtp:{sink}")}, mx=True),
        "relay": with_peers(LOOPBACK),
        "schedule": Schedule(
            # Few are claimed: whoever is, has a strike when this life is killed.
            ScheduleLimits(window=400, per_lane=40, suspend=_DEAD),
            RetryRules(backoff=_RETRY, life=timedelta(seconds=patience)),
        ),
    }


def report_often(system: Any) -> None:
    """A hundred an hour to one address are few, where most of the mail fails."""
    system.reports._limits = ReportLimits(mails=1_000_000)


def witness() -> None:
    """Have each positive answer to content written down, before anybody acts on it."""
    machine: Any = SMTPClient
    content, delivery = machine._content_answered, machine._recipient_delivered

    @functools.wraps(content)
    def content_answered(self: Any, reply: Any) -> None:
        transaction = self._current()
        if reply.positive and not transaction.over:
            _tell(transaction.accepted)
        content(self, reply)

    @functools.wraps(delivery)
    def recipient_delivered(self: Any, reply: Any) -> None:
        transaction = self._current()
        if reply.positive:
            _tell([transaction.accepted[transaction.delivered]])
        delivery(self, reply)

    machine._content_answered = content_answered
    machine._recipient_delivered = recipient_delivered


def _tell(recipients: Iterable[Recipient]) -> None:
    told = {"event": "Answered", "recipients": [str(each) for each in recipients]}
    os.write(2, (json.dumps(told) + "\n").encode())
