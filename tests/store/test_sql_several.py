"""
The contract kit on two stores of two databases on one folder: each mailbox is open in both, and
each call goes to the other one.  Whatever one process does holds for the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from itertools import count, cycle
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import func, select
from twisted.internet.epollreactor import EPollReactor

from pymta.aio import sleep
from pymta.errors import NoSuchMailbox
from pymta.interfaces.mailbox import IMailbox, IMailboxStore
from pymta.mailbox import INBOX, UID, MailboxName, ModSeq, Snapshot, UIDSet, UIDValidity
from pymta.store.sql import snapshots
from pymta.store.sql.snapshots import UIDMap
from pymta.store.sql.tables import mailboxes, uid_maps
from pymta.testing.contracts.mailbox import MailboxContract
from pymta.testing.contracts.mailbox_case import message, name
from tests.store.conftest import Run
from tests.store.house import House
from tests.store.ledger import mistakes

_accounts = count(1)


@pytest.fixture(scope="class")
def houses(
    reactor: EPollReactor,
    run: Run,
    template: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[list[House]]:
    """Two, for all tests of a class, each of which has an account of its own."""
    directory = tmp_path_factory.mktemp("houses")
    template(directory)
    made = [House(reactor, directory) for _ in range(2)]
    for each in made:
        run(each.open)
    yield made
    for each in made:
        run(each.close)
    assert [] == mistakes(directory)


class _ByTurns:
    """Several as one."""

    def __init__(self, each: list[Any]) -> None:
        self._each = each
        self._turns: Iterator[Any] = cycle(each)

    def __getattr__(self, name: str) -> Any:
        return getattr(next(self._turns), name)

    def watch(self, ring: Callable[[], None]) -> Callable[[], None]:
        """At one: of the other's commits it hears within 50 ms."""
        down: Callable[[], None] = next(self._turns).watch(ring)
        return down


class _Box(_ByTurns):
    """A mailbox, open in each."""

    def close(self) -> None:
        for each in self._each:
            each.close()


class _Boxes(_ByTurns):
    """An account's."""

    async def open(self, name: MailboxName, read_only: bool = False) -> IMailbox:
        opened = [await each.open(name, read_only) for each in self._each]
        for each in opened:
            # Whoever was asked nothing yet means whatever has the name then.
            with suppress(NoSuchMailbox):
                await each.info()
        return cast("IMailbox", _Box(opened))


class TestContract(MailboxContract):
    """A restart closes the databases and opens them again."""

    tombstones = 50

    @pytest.fixture(autouse=True)
    def place(self, houses: list[House], run: Run) -> None:
        self.houses = houses
        self.drive = run

    def run(self, test: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self.drive(test)

    def _boxes(self) -> IMailboxStore:
        each = [house.store.mailboxes(self.account) for house in self.houses]
        return cast("IMailboxStore", _Boxes(each))

    async def make(self) -> IMailboxStore:
        self.account = f"account {next(_accounts)}"
        return self._boxes()

    async def reopen(self, store: IMailboxStore) -> IMailboxStore:
        for each in self.houses:
            await each.reopen()
        return self._boxes()

    async def another(self, store: IMailboxStore) -> IMailboxStore:
        return self._boxes()

    async def elapse(self, seconds: float) -> None:
        self.houses[1].ahead += int(seconds * 1_000_000)
        self.houses[1].clock.advance(seconds)
        await self.houses[0].elapse(seconds)

    async def pause(self) -> None:
        await sleep(self.houses[0].reactor, 0.1)


def test_the_bell_rings_soon(
    reactor: EPollReactor, run: Run, template: Callable[[Path], None], tmp_path: Path
) -> None:
    """A process that is told of another's delivery mostly is within a tenth of a second."""
    template(tmp_path)
    here, there = (House(reactor, tmp_path) for _ in range(2))
    run(here.open)
    run(there.open)

    async def test() -> None:
        inbox = await here.store.mailboxes("anna").open(INBOX)
        await inbox.info()
        theirs = await there.store.mailboxes("anna").open(INBOX)
        rung: list[float] = []
        inbox.watch(lambda: rung.append(time.monotonic()))
        await sleep(reactor, 0.2)  # the first look rings in any case
        late = []
        for n in range(9):
            before = len(rung)
            await theirs.append([message(f"{n}")])
            began = time.monotonic()
            while len(rung) == before and time.monotonic() < began + 10:
                await sleep(reactor, 0.001)
            late.append(time.monotonic() - began)
        assert sorted(late)[len(late) // 2] < 0.1

    run(test)
    run(here.close)
    run(there.close)


def _map(modseq: int) -> UIDMap:
    return UIDMap(ModSeq(modseq), UID(9), UIDSet([1, 2, 8]))


def test_the_later_map_is_kept(
    reactor: EPollReactor, run: Run, template: Callable[[Path], None], tmp_path: Path
) -> None:
    """Whoever saves last may have looked first."""
    template(tmp_path)
    house = House(reactor, tmp_path)
    run(house.open)

    async def test() -> None:
        boxes = house.store.mailboxes("anna")
        await boxes.create(name("Big"))
        resources = house.store._resources
        box = await resources.read(lambda c: c.scalar(select(func.max(mailboxes.c.id))))
        for modseq in (7, 9, 8):
            await resources.write(snapshots.save, snapshots.SavedMap(box, _map(modseq)))
        saved = select(uid_maps.c.modseq)
        assert [9] == await resources.read(lambda c: c.scalars(saved).all())

    run(test)
    run(house.close)


def test_maps_that_nobody_saves_are_bounded() -> None:
    """Of a process that leaves sweeping to another."""
    maps = snapshots.Maps()
    snapshot = Snapshot(
        uids=UIDSet([1, 2, 8]),
        uid_validity=UIDValidity(1),
        uid_next=UID(9),
        modseq=ModSeq(7),
        recent=UID(1),
    )
    for box in range(snapshots.MAPS + 5):
        maps.put(box, snapshots.Looked(snapshot, _map(7), snapshots.WORTH_SAVING))
    unsaved = [each.mailbox for each in maps.take_unsaved()]
    assert list(range(5, snapshots.MAPS + 5)) == unsaved
    assert [] == maps.take_unsaved()
