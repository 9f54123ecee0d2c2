"""
Fills a folder's queue, as it is when much has been deferred.

``python -m tests.benchmarks.servers.backlog '{"folder": ..., "hop": ..., "recipients": 100000}'``

Nine of ten are for one next hop, and due; the others were deferred for two hours, on a thousand.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet import task

from pymta.address import Address
from pymta.aio import start
from pymta.database import Database
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.interfaces.content import Lane, NewMail, Octets, Origin, QueueID
from pymta.queue.sql import SQLQueueStore
from pymta.session import Endpoint, Role, Session

__all__ = ["PER_MAIL"]

PER_MAIL = 10
_LANES = 1000
_TOGETHER = 500
_SENDER = Sender(reverse_path=Address("source", "sender.test"))
_SESSION = Session(
    id="backlog",
    role=Role.SMTP,
    peer=Endpoint("127.0.0.1", 1025),
    local=Endpoint("127.0.0.1", 25),
    started=datetime.now(UTC),
)


def _mail(number: int, lane: Lane, due: datetime) -> NewMail:
    recipients = tuple(
        Recipient(id=RecipientID(at), address=Address(f"r{number}x{at}", "elsewhere.test"))
        for at in range(1, PER_MAIL + 1)
    )
    return NewMail(
        id=QueueID(f"W{number}"),
        envelope=Envelope(sender=_SENDER, recipients=recipients),
        content=Octets(b"Subject: it waits\r\n\r\nHello\r\n"),
        origin=Origin(_SESSION, _SENDER),
        arrived=datetime.now(UTC),
        lanes=dict.fromkeys((each.id for each in recipients), lane),
        due=due,
    )


def _mails(dead: Lane, recipients: int) -> Iterator[NewMail]:
    now = datetime.now(UTC)
    for number in range(recipients // PER_MAIL):
        if number % 10:
            yield _mail(number, dead, now)
        else:
            lane = Lane(dead.agent, f"[h{number // 10 % _LANES}.test]:25")
            yield _mail(number, lane, now + timedelta(hours=2))


async def _fill(reactor: Any, options: dict[str, Any]) -> None:
    database = Database(reactor, options["folder"])
    await database.open()
    store = SQLQueueStore(database)
    mails = list(_mails(Lane("relay", options["hop"]), options["recipients"]))
    for first in range(0, len(mails), _TOGETHER):
        await store.add(mails[first : first + _TOGETHER])
    await database.close()


if __name__ == "__main__":
    task.react(lambda reactor: start(_fill(reactor, json.loads(sys.argv[1]))))
