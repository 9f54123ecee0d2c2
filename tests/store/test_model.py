"""
Mailboxes against a model: a dict that a child could have written, and a client that believes
nothing but ``changes()``.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from pymta.aio import start
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, NewMessage
from pymta.mailbox import (
    DELETED,
    INBOX,
    SEEN,
    FlagChange,
    FlagMode,
    MailboxName,
    ModSeq,
    UIDSet,
    Wanted,
)
from pymta.store.memory.mailboxes import MemoryMailStore
from tests.store.conftest import Run
from tests.store.house import House, opened

OTHER = MailboxName("other")
FLAGS = [SEEN, DELETED, "one", "two"]

some_uids = st.sets(st.integers(1, 12)).map(UIDSet)
some_flags = st.frozensets(st.sampled_from(FLAGS))
changes_of_flags = st.builds(FlagChange, st.sampled_from(FlagMode), some_flags)


@dataclass
class Model:
    """UID to flags, of two mailboxes."""

    boxes: dict[MailboxName, dict[int, frozenset[str]]] = field(
        default_factory=lambda: {INBOX: {}, OTHER: {}}
    )
    next: dict[MailboxName, int] = field(default_factory=lambda: {INBOX: 1, OTHER: 1})

    def add(self, box: MailboxName, flags: frozenset[str]) -> None:
        self.boxes[box][self.next[box]] = flags
        self.next[box] += 1

    def change(self, box: MailboxName, uids: UIDSet, change: FlagChange) -> None:
        for uid, flags in self.boxes[box].items():
            if uid in uids:
                self.boxes[box][uid] = {
                    FlagMode.ADD: flags | change.flags,
                    FlagMode.REMOVE: flags - change.flags,
                    FlagMode.REPLACE: change.flags,
                }[change.mode]

    def remove(self, box: MailboxName, uids: UIDSet) -> None:
        self.boxes[box] = {u: f for u, f in self.boxes[box].items() if u not in uids}

    def deleted(self, box: MailboxName) -> UIDSet:
        return UIDSet(uid for uid, flags in self.boxes[box].items() if DELETED in flags)

    def copy(self, box: MailboxName, target: MailboxName, uids: UIDSet) -> None:
        for flags in [flags for uid, flags in self.boxes[box].items() if uid in uids]:
            self.add(target, flags)


class Client:
    """Knows what it was told: flags by UID, fetched when ``changes()`` says so."""

    def __init__(self, mailbox: IMailbox) -> None:
        self._mailbox = mailbox
        self._since = ModSeq(0)
        self.flags: dict[int, frozenset[str]] = {}

    async def catch_up(self, *, tell_known: bool) -> None:
        """Ask what happened, and fetch it."""
        known = UIDSet(self.flags) if tell_known else None
        changes = await self._mailbox.changes(self._since, known)
        changed = UIDSet(uid for uid, _ in changes.changed)
        assert not changes.arrived & changed
        assert not changes.arrived & changes.vanished
        assert not changed & changes.vanished
        assert not changes.arrived & UIDSet(self.flags)
        assert all(self._since < modseq <= changes.until for _, modseq in changes.changed)
        assert changes.until >= self._since
        for uid in changes.vanished:
            self.flags.pop(uid, None)
        for uid, flags in await self._mailbox.records(changes.arrived | changed, [Wanted.FLAGS]):
            self.flags[uid] = flags
        self._since = changes.until


class World:
    """A store, its model, and two clients of each mailbox, one of which seldom asks."""

    def __init__(self, store: IMailboxStore) -> None:
        self.store = store
        self.model = Model()

    async def begin(self) -> None:
        """Make mailboxes, and open them."""
        await self.store.create(OTHER)
        self.boxes = {each: await self.store.open(each) for each in (INBOX, OTHER)}
        self.eager = {each: Client(box) for each, box in self.boxes.items()}
        self.lazy = {each: Client(box) for each, box in self.boxes.items()}

    async def append(self, box: MailboxName, flags: frozenset[str]) -> None:
        await self.boxes[box].append([NewMessage(content=Octets(b"x" * 7), flags=flags)])
        self.model.add(box, flags)

    async def change(self, box: MailboxName, uids: UIDSet, change: FlagChange) -> None:
        await self.boxes[box].change_flags(uids, change)
        self.model.change(box, uids, change)

    async def expunge(self, box: MailboxName, uids: UIDSet | None) -> None:
        deleted = self.model.deleted(box)
        expected = deleted if uids is None else deleted & uids
        assert expected == (await self.boxes[box].expunge(uids)).uids
        self.model.remove(box, expected)

    async def remove(self, box: MailboxName, uids: UIDSet) -> None:
        await self.boxes[box].remove(uids)
        self.model.remove(box, uids)

    async def copy(self, box: MailboxName, target: MailboxName, uids: UIDSet) -> None:
        await self.boxes[box].copy(uids, target)
        self.model.copy(box, target, uids)

    async def move(self, box: MailboxName, target: MailboxName, uids: UIDSet) -> None:
        uids = uids & UIDSet(self.model.boxes[box])
        await self.boxes[box].move(uids, target)
        self.model.copy(box, target, uids)
        self.model.remove(box, uids)

    async def ask(self, box: MailboxName, *, known: bool) -> None:
        """The lazy client asks at last."""
        await self.lazy[box].catch_up(tell_known=known)
        assert self.model.boxes[box] == self.lazy[box].flags

    async def check(self) -> None:
        """What the store says is what the model says, and what a client knows by now."""
        for name, box in self.boxes.items():
            expected = self.model.boxes[name]
            snapshot, info = await box.snapshot(), await box.info()
            assert UIDSet(expected) == snapshot.uids
            assert self.model.next[name] == snapshot.uid_next
            assert snapshot.modseq == info.modseq
            unseen = sum(SEEN not in flags for flags in expected.values())
            counts = (len(expected), unseen, len(self.model.deleted(name)), 7 * len(expected))
            assert counts == (info.messages, info.unseen, info.deleted, info.size)
            await self.eager[name].catch_up(tell_known=False)
            assert expected == self.eager[name].flags


boxes = st.sampled_from([INBOX, OTHER])


class MemoryMachine(RuleBasedStateMachine):
    """Anything in any order, in memory, with so few tombstones that they do not suffice."""

    @initialize()
    def begin(self) -> None:
        """An empty world."""
        accounts = MemoryMailStore(now=lambda: datetime(2024, 1, 1, tzinfo=UTC), tombstones=3)
        self.world = World(accounts.mailboxes("anna"))
        self._run(self.world.begin())

    def _run(self, step: Coroutine[Any, Any, None]) -> None:
        ended: list[Any] = []
        assert start(step).addBoth(ended.append).called
        if ended[0] is not None:
            ended[0].raiseException()

    @rule(box=boxes, flags=some_flags)
    def append(self, box: MailboxName, flags: frozenset[str]) -> None:
        self._run(self.world.append(box, flags))

    @rule(box=boxes, uids=some_uids, change=changes_of_flags)
    def change(self, box: MailboxName, uids: UIDSet, change: FlagChange) -> None:
        self._run(self.world.change(box, uids, change))

    @rule(box=boxes, uids=st.none() | some_uids)
    def expunge(self, box: MailboxName, uids: UIDSet | None) -> None:
        self._run(self.world.expunge(box, uids))

    @rule(box=boxes, uids=some_uids)
    def remove(self, box: MailboxName, uids: UIDSet) -> None:
        self._run(self.world.remove(box, uids))

    @rule(box=boxes, where=boxes, uids=some_uids)
    def copy(self, box: MailboxName, where: MailboxName, uids: UIDSet) -> None:
        self._run(self.world.copy(box, where, uids))

    @rule(box=boxes, where=boxes, uids=some_uids)
    def move(self, box: MailboxName, where: MailboxName, uids: UIDSet) -> None:
        self._run(self.world.move(box, where, uids))

    @rule(box=boxes, known=st.booleans())
    def ask(self, box: MailboxName, known: bool) -> None:
        self._run(self.world.ask(box, known=known))

    @invariant()
    def agrees(self) -> None:
        """After every step."""
        self._run(self.world.check())


TestMemoryMachine = MemoryMachine.TestCase
TestMemoryMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


STEPS = st.one_of(
    st.tuples(st.just("append"), boxes, some_flags),
    st.tuples(st.just("change"), boxes, some_uids, changes_of_flags),
    st.tuples(st.just("expunge"), boxes, st.none() | some_uids),
    st.tuples(st.just("remove"), boxes, some_uids),
    st.tuples(st.just("copy"), boxes, boxes, some_uids),
    st.tuples(st.just("move"), boxes, boxes, some_uids),
)


@pytest.fixture(scope="module")
def house(
    reactor: Any,
    run: Run,
    template: Callable[[Any], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Any:
    """One for all examples, each of which has an account of its own."""
    with opened(reactor, run, template, tmp_path_factory.mktemp("model"), tombstones=3) as made:
        yield made


_numbers = iter(range(10**9))


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEPS, max_size=25), asked=st.sets(st.integers(0, 24)))
def test_sql_agrees_with_the_model(
    house: House, run: Run, steps: list[Any], asked: set[int]
) -> None:
    """The same steps in SQL, a sweep among them."""

    async def whole() -> None:
        world = World(house.store.mailboxes(f"account {next(_numbers)}"))
        await world.begin()
        for n, (what, *arguments) in enumerate(steps):
            await getattr(world, what)(*arguments)
            await world.check()
            if n in asked:
                await house.elapse(4000)
                await world.ask(INBOX, known=bool(n % 2))

    run(whole)
