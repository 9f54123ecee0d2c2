"""
Several processes on one Maildir.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.aio import sleep
from pymta.errors import MailboxInUse
from pymta.mailbox import INBOX, UIDSet, Wanted
from pymta.testing.contracts.mailbox_case import subjects
from tests.store.conftest import Run
from tests.store.maildir.maildir_house import MaildirHouse, quick_folder
from tests.store.maildir.worker import ACCOUNT, message

ROOT = Path(__file__).parents[3]


@pytest.fixture
def house(reactor: EPollReactor, run: Run) -> Iterator[MaildirHouse]:
    """Ours."""
    with quick_folder() as directory:
        made = MaildirHouse(reactor, directory)
        yield made
        run(made.close)


class Worker:
    """Another process."""

    def __init__(self, directory: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.maildir.worker", str(directory)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}"},
        )

    def ask(self, command: str) -> None:
        """Send a command."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")

    def answer(self) -> str:
        """Wait for what it says."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def done(self, command: str) -> str:
        """Both."""
        self.ask(command)
        return self.answer()


@pytest.fixture
def worker(house: MaildirHouse) -> Iterator[Callable[[], Worker]]:
    """Makes them; they end with the test."""
    made: list[Worker] = []

    def make() -> Worker:
        made.append(Worker(house.directory))
        return made[-1]

    yield make
    for each in made:
        each.process.kill()
        each.process.communicate()


def test_side_by_side(house: MaildirHouse, run: Run, worker: Callable[[], Worker]) -> None:
    """
    Three append and set flags at one time: no UID is given twice, no flag is lost, what several
    deliver is delivered once, and all see the same.
    """
    workers = [worker(), worker()]
    for each, prefix in zip(workers, "ab", strict=True):
        each.ask(f"append 0 30 {prefix}")
        each.ask("append 0 10 same")
        each.ask(f"flag {prefix} 20")

    async def ours() -> None:
        inbox = await house.store.mailboxes(ACCOUNT).open(INBOX)
        for n in range(30):
            await inbox.append([message(f"c{n}")])

    run(ours)
    assert [["done"] * 3] * 2 == [[each.answer() for _ in range(3)] for each in workers]

    async def look() -> list[str]:
        inbox = await house.store.mailboxes(ACCOUNT).open(INBOX)
        rows = await inbox.records(UIDSet(range(1, 21)), [Wanted.FLAGS])
        assert [frozenset("ab")] * 20 == [flags for _, flags in rows]
        assert {"1:100"} == {str((await inbox.snapshot()).uids), *(w.done("uids") for w in workers)}
        return await subjects(inbox)

    expected = [f"{prefix}{n}" for prefix in "abc" for n in range(30)]
    assert sorted([*expected, *(f"same{n}" for n in range(10))]) == sorted(run(look))


def test_the_bell_rings(house: MaildirHouse, run: Run, worker: Callable[[], Worker]) -> None:
    """Whoever watches is told of what another process does, and can ask what."""
    other = worker()

    async def watch() -> tuple[list[bool], int]:
        inbox = await house.store.mailboxes(ACCOUNT).open(INBOX)
        await inbox.append([message("1"), message("2")])
        rung: list[bool] = []
        inbox.watch(lambda: rung.append(True))
        await sleep(house.reactor, 0.1)
        return rung, (await inbox.snapshot()).modseq

    async def wait(rung: list[bool], since: int) -> None:
        inbox = await house.store.mailboxes(ACCOUNT).open(INBOX)
        for _ in range(500):
            if rung:
                changes = await inbox.changes(since)  # type: ignore[arg-type]  # a ModSeq
                assert (UIDSet([3]), UIDSet([1])) == (changes.arrived, changes.vanished)
                return
            await sleep(house.reactor, 0.01)
        raise AssertionError("nobody was told")

    rung, since = run(watch)
    assert "1" == other.done("remove 1")
    assert "done" == other.done("append 0 1 x")
    run(lambda: wait(rung, since))


def test_the_lock(house: MaildirHouse, run: Run, worker: Callable[[], Worker]) -> None:
    """POP3's lock is one for all processes, and ends a minute after a crash."""
    one, two = worker(), worker()
    assert "locked" == one.done("lock")
    assert "in use" == two.done("lock")

    async def lock() -> None:
        await (await house.store.mailboxes(ACCOUNT).open(INBOX)).lock()

    with pytest.raises(MailboxInUse):
        run(lock)
    one.process.kill()
    house.ahead = 60_000_000
    run(lock)
