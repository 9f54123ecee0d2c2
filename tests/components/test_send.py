"""An application's own mail: one call, and it is in the queue for good."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_twisted import ensureDeferred
from twisted.internet import reactor
from twisted.internet.interfaces import IReactorTime

from pymta.aio import sleep
from pymta.components.people import springing
from pymta.components.system import MailSystem
from pymta.errors import AddressError
from pymta.interfaces.queue import QueueQuery
from pymta.mailbox import INBOX

MESSAGE = b"Subject: ours\r\n\r\n.Hello\r\n"


def system() -> MailSystem:
    here: Any = reactor
    return MailSystem(here, domains=["example.test"], people=springing(["example.test"]))


@ensureDeferred
async def test_it_arrives() -> None:
    """What was sent is in the mailbox of each recipient, behind the trace fields."""
    ours = system()
    for part in ours.parts:
        await part.start()
    try:
        to = ["ann@example.test", "bob@example.test"]
        queue_id = await ours.send(MESSAGE, sender="shop@example.test", to=to)
        assert queue_id
        clock = IReactorTime(reactor)
        while (await ours.queue.statistics()).messages:
            await sleep(clock, 0.01)
        for name in to:
            account = await ours.people.directory.open(name)
            inbox = await account.mailboxes.open(INBOX, read_only=True)
            [first] = (await inbox.snapshot()).uids
            content = await inbox.content(first)
            octets = await content.read(0, content.size)
            assert octets.startswith(b"Return-Path: <shop@example.test>\r\n")
            assert octets.endswith(MESSAGE)
            inbox.close()
    finally:
        for part in reversed(ours.parts):
            await part.stop()


@ensureDeferred
@pytest.mark.parametrize(
    ("sender", "to"),
    [
        pytest.param("no address", ["ann@example.test"], id="sender"),
        pytest.param("", ["ann@example.test", "no address"], id="one recipient"),
    ],
)
async def test_no_address_no_mail(sender: str, to: list[str]) -> None:
    """An address that is none fails the whole, and nothing is queued."""
    ours = system()

    with pytest.raises(AddressError):
        await ours.send(MESSAGE, sender=sender, to=to)
    assert () == tuple((await ours.queue.select(QueueQuery())).entries)
