"""
Tests for lists and aliases with many targets.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from zope.interface import implementer

from pymta.address import Address
from pymta.envelope import Notify, Sender
from pymta.events import Attempted, Faulted
from pymta.interfaces.content import octets_of
from pymta.interfaces.queue import (
    QueueState,
)
from pymta.interfaces.routing import Expand, IMembers
from pymta.outcome import Delivered, Expanded
from pymta.reply import Reply
from tests.queue.house import (
    RELAY,
    START,
    House,
    Table,
    mail,
    with_notify,
)


@implementer(IMembers)
class Members:
    """Of a list; fails at one page once, if it is told to."""

    def __init__(self, size: int, fails_at: int | None = None) -> None:
        self.all = [Address(f"m{number:05}", "members.test") for number in range(size)]
        self.fails_at = fails_at
        self.limits: list[int] = []

    async def read(self, after: Address | None, limit: int) -> Sequence[Address]:
        at = 0 if after is None else self.all.index(after) + 1
        self.limits.append(limit)
        if self.fails_at is not None and at >= self.fails_at:
            self.fails_at = None
            raise RuntimeError("crash")
        return self.all[at : at + limit]


OWNER = Sender(reverse_path=Address("owner", "lists.test"))


def expanding(members: Members, sender: Sender | None = OWNER) -> House:
    """A house with a list named bob, whose members' lane is suspended: they stay to be seen."""
    table = Table({"bob": Expand(members, sender)})
    house = House(router=table).begin()
    far = START + timedelta(days=300)
    house.do(house.store.suspend(RELAY, far, "not now"))
    return house


def test_a_list_becomes_mails_of_its_members() -> None:
    """With the list's reverse path, and a Delivered-To field in front of the same content."""
    house = expanding(Members(3))
    house.send(with_notify(mail(1, lane=None), Notify.SUCCESS))
    [entry] = house.entries()
    assert (str(entry.sender), entry.origin.sender) == ("owner@lists.test", OWNER)
    assert [str(each.recipient) for each in entry.recipients] == [
        f"m0000{number}@members.test" for number in range(3)
    ]
    assert {each.recipient.notify for each in entry.recipients} == {None}
    assert {each.lane for each in entry.recipients} == {RELAY}
    assert house.do(octets_of(entry.content)) == (
        b"Delivered-To: bob@example.test\r\nSubject: x\r\n\r\nHello\r\n"
    )
    [event] = house.told.of(Attempted)
    assert event.outcome == Delivered(Reply(250, "2.0.0", "to the list of 3"))


def test_an_alias_keeps_the_sender_and_what_he_asked_for() -> None:
    """But SUCCESS, which is answered by "expanded" (RFC 3461 section 5.2.7.3 (c))."""
    house = expanding(Members(2), None)
    house.send(with_notify(mail(1, lane=None), Notify.SUCCESS | Notify.FAILURE))
    [entry] = house.entries()
    assert str(entry.sender) == "alice@example.test"
    assert {each.recipient.notify for each in entry.recipients} == {Notify.FAILURE}
    [event] = house.told.of(Attempted)
    assert event.outcome == Expanded(2)


def members_of(house: House) -> list[str]:
    """All recipients in the queue, by address."""
    return [str(each.recipient) for entry in house.entries() for each in entry.recipients]


def test_a_list_of_50_000_is_expanded_in_slices_and_a_crash_adds_nothing_twice() -> None:
    """It breaks down after 30 pages; repeated, the queue has every member once."""
    members = Members(50_000, fails_at=30_000)
    house = expanding(members)
    house.do(house.queue.submit([mail(1, lane=None)]))
    house.run(30, 1)
    assert len(house.told.of(Faulted)) == 1
    half = members_of(house)
    assert half[0] == "bob@example.test"
    assert 29_000 <= len(half) <= 30_000
    house.run(400, 10)
    assert sorted(members_of(house)) == [str(address) for address in members.all]
    assert {len(entry.recipients) for entry in house.entries()} == {1000}
    assert set(members.limits) == {1000}


def test_s23_a_list_that_goes_round_is_stopped() -> None:
    """A list that is its own member: its content shows that it was here."""
    members = Members(0)
    members.all = [Address("bob", "example.test")]
    house = House(router=Table({"bob": Expand(members, OWNER)})).begin()
    house.send(mail(1, lane=None))
    house.run(2)
    [entry] = house.entries()
    assert entry.recipients[0].reason is not None
    assert entry.recipients[0].reason.startswith("554 5.4.6 Mail loop")


def test_an_empty_list_is_a_failure() -> None:
    """Otherwise the message would be nowhere, and nobody would know."""
    house = House(router=Table({"bob": Expand(Members(0), OWNER)})).begin()
    house.send(mail(1, lane=None))
    [entry] = house.entries()
    assert entry.recipients[0].state is QueueState.HELD


def test_members_that_cannot_be_routed_are_queued_all_the_same() -> None:
    """What becomes of them is told when they are due."""
    house = expanding(Members(2))
    house.router.routes["m00000"] = RuntimeError("table")
    house.send(mail(1, lane=None))
    assert len(members_of(house)) == 2
    [first] = [each for entry in house.entries() for each in entry.recipients if each.reply]
    assert str(first.recipient) == "m00000@members.test"
