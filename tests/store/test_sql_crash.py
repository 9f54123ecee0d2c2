"""
Killed between every two rows of the state table: what was told is there, and nothing by halves.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.database import Database
from pymta.interfaces.mailbox import IMailboxStore
from pymta.store.memory.mailboxes import MemoryMailStore
from pymta.store.sql.store import SQLMailStore
from tests.store.crashing import STEPS, state_of
from tests.store.ledger import mistakes

ROOT = Path(__file__).parents[2]

POINTS = [
    # nothing -> there
    ("open_account: written", 1),
    ("placed", 1),
    ("placed", 3),
    ("append: written", 1),
    ("append: written", 2),
    ("append: committed", 1),
    ("append: committed", 3),
    ("copy: written", 1),
    ("copy: committed", 1),
    ("replace: written", 1),
    ("replace: committed", 1),
    ("create: written", 1),
    ("change_flags: written", 1),
    ("change_flags: committed", 1),
    # there -> expunged
    ("expunge: written", 1),
    ("expunge: committed", 1),
    ("move: written", 1),
    ("move: committed", 1),
    ("remove: written", 1),
    ("rename: written", 1),
    ("rename: committed", 2),
    # expunged -> octets gone
    ("sweep: written", 1),
    ("unlinking", 1),
    ("sweep: committed", 1),
    ("delete_mailbox: written", 1),
    ("delete_mailbox: committed", 1),
    ("sweep: written", 3),
    ("unlinking", 2),
]


class Reference:
    """The same steps in memory."""

    def __init__(self) -> None:
        self._now = datetime(2024, 1, 1, tzinfo=UTC)
        self.store: IMailboxStore = MemoryMailStore(now=lambda: self._now).mailboxes("anna")

    async def sweep(self) -> None:
        """Two hours later."""
        self._now += timedelta(hours=2)


async def expected(done: int) -> list[list[Any]]:
    """What may be there when a process dies behind step ``done``: it, or the next one as well."""
    reference = Reference()
    states = [await state_of(reference.store)]
    for step in STEPS[: done + 1]:
        await step(reference)
        states.append(await state_of(reference.store))
    return states[done:]


class Nursery:
    """Where processes come from that die."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.crashing"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}"},
        )

    def work_and_die(self, directory: Path, point: str, count: int) -> int:
        """:returns: how many steps were told."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{directory}\t{point}\t{count}\n")
        assert -signal.SIGKILL == int(self._process.stdout.readline())
        return len((directory / "steps").read_text().split())

    def close(self) -> None:
        """No more of them."""
        self._process.communicate()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all tests."""
    made = Nursery()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("point", "count"), POINTS, ids=[f"{point} {count}" for point, count in POINTS]
)
def test_d02_killed(
    tmp_path: Path,
    reactor: EPollReactor,
    run: Callable[..., Any],
    template: Callable[[Path], None],
    nursery: Nursery,
    point: str,
    count: int,
) -> None:
    """
    All steps that were told are there, the one under way as a whole or not at all; counters and
    references add up, and what is swept later leaves nothing behind.
    """
    template(tmp_path)
    done = nursery.work_and_die(tmp_path, point, count)

    assert [] == mistakes(tmp_path)

    async def look() -> None:
        database = Database(reactor, str(tmp_path))
        await database.open()
        store = SQLMailStore(database, reactor)
        try:
            assert await state_of(store.mailboxes("anna")) in await expected(done)
            await store.remove("anna")
            await store.sweep()
        finally:
            store.close()
            await database.close()

    run(look)
    assert [] == mistakes(tmp_path)
