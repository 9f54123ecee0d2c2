"""
Tests for the door of the queue.
"""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from zope.interface.verify import verifyClass

from pymta.errors import QueueError
from pymta.interfaces.content import NewMail, octets_of
from pymta.interfaces.queue import Claim, Hold, IQueue, QueueQuery, QueueState
from pymta.queue.memory import MemoryQueueStore
from pymta.queue.queue import Queue
from tests.queue.house import House, mail


def test_it_provides_the_interface() -> None:
    """With every method as the interface has it."""
    assert verifyClass(IQueue, Queue)


def test_content_made_here_can_be_submitted() -> None:
    """Written, finished, named by a mail, delivered octet for octet."""
    house = House().begin()
    writer = house.queue.create()
    house.do(writer.write(b"Subject: y\r\n"))
    house.do(writer.write(b"\r\n"))
    content = house.do(writer.finish())
    house.send(mail(1, content=content))
    [attempt] = house.agent.attempts
    assert house.do(octets_of(attempt.content)) == b"Subject: y\r\n\r\n"


def test_several_mails_are_one_commit() -> None:
    """A message and its journal copy: both go out."""
    house = House().begin()
    house.send(mail(1), mail(2, "journal"))
    assert [attempt.queue_id for attempt in house.agent.attempts] == ["M1", "M2"]


def test_what_the_store_refuses_is_refused() -> None:
    """And the room that was reserved for it is free again."""

    class Full(MemoryQueueStore):
        async def add(self, mails: Sequence[NewMail], owner: str | None = None) -> Sequence[Claim]:
            raise QueueError("no room")

    house = House()
    runner = house.make(store=Full(house.now))
    house.do(runner.start())
    queue = Queue(Full(house.now), runner)
    for _ in range(30):
        with pytest.raises(QueueError):
            house.do(queue.submit([mail(1, *(f"u{number}" for number in range(1000)))]))
    assert runner.reserve([mail(1)]) == "me"


def test_without_a_runner_mail_is_kept() -> None:
    """Another process delivers it."""
    house = House()
    queue = Queue(house.store)
    house.do(queue.submit([mail(1)]))
    assert house.do(queue.statistics()).recipients[QueueState.DUE] == 1


def test_it_can_be_looked_at_and_changed() -> None:
    """Selection and change are the store's."""
    house = House()
    house.do(house.queue.submit([mail(1), mail(2)]))
    assert house.do(house.queue.change(QueueQuery(recipient="bob@example.test"), Hold("why"))) == 2
    page = house.do(house.queue.select(QueueQuery(state=QueueState.HELD)))
    assert [entry.id for entry in page.entries] == ["M1", "M2"]


def test_a_mail_that_is_due_later_waits() -> None:
    """It is not handed over, and goes out when its time has come."""
    house = House().begin()
    later = house.now().replace(hour=13)
    house.send(mail(1, due=later))
    assert house.agent.attempts == []
    house.run(3601, 10)
    assert len(house.agent.attempts) == 1
