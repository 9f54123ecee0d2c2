"""
Killed between every two rows of the state table: what was told is there, nothing is by halves,
and whoever comes next goes on.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.interfaces.mailbox import IMailboxStore
from pymta.store.maildir import uidlist
from pymta.store.maildir.filenames import base_of
from pymta.store.memory.mailboxes import MemoryMailStore
from tests.store.conftest import Run
from tests.store.crashing import STEPS, state_of
from tests.store.maildir.crashing import ACCOUNT
from tests.store.maildir.maildir_house import MaildirHouse, quick_folder

ROOT = Path(__file__).parents[3]
GROUPS = 8
"""Of points, each a test."""
STRIDE = int(os.environ.get("PYMTA_CRASH_STRIDE", "11"))
"""One of so many points; with 1 it takes half a minute."""


class Reference:
    """The same steps in memory."""

    def __init__(self) -> None:
        self._now = datetime(2024, 1, 1, tzinfo=UTC)
        self.store: IMailboxStore = MemoryMailStore(now=lambda: self._now).mailboxes(ACCOUNT)

    async def sweep(self) -> None:
        """Two hours later."""
        self._now += timedelta(hours=2)


class Restarted:
    """A process behind the one that died."""

    def __init__(self, reactor: EPollReactor, directory: Path) -> None:
        self.house = MaildirHouse(reactor, directory, tombstones=100_000)
        self.store: IMailboxStore = self.house.store.mailboxes(ACCOUNT)

    async def sweep(self) -> None:
        """Two hours later."""
        await self.house.elapse(7200)


async def seen(store: IMailboxStore) -> list[Any]:
    """What a client sees; of modseqs their order alone, for they begin with the time."""
    state = await state_of(store)
    found = {entry[1] for entry in state if _is_info(entry)}
    found |= {row[2] for rows in state if isinstance(rows, list) for row in rows}
    rank = {modseq: n for n, modseq in enumerate(sorted(found))}
    made: list[Any] = []
    for entry in state:
        if _is_info(entry):
            made.append((entry[0], rank[entry[1]], *entry[2:]))
        elif isinstance(entry, list):
            made.append([(row[0], row[1], rank[row[2]], *row[3:]) for row in entry])
        else:
            made.append(entry)
    return made


def _is_info(entry: object) -> bool:
    return isinstance(entry, tuple) and isinstance(entry[0], str)


@pytest.fixture(scope="module")
def states(run: Run) -> list[list[Any]]:
    """What is there behind each step."""

    async def make() -> list[list[Any]]:
        reference = Reference()
        made = [await seen(reference.store)]
        for step in STEPS:
            await step(reference)
            made.append(await seen(reference.store))
        return made

    found: list[list[Any]] = run(make)
    return found


class Nursery:
    """Where processes come from that die."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.store.maildir.crashing"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}"},
        )

    def work(self, directory: Path, point: int) -> int:
        """:returns: how it ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{directory}\t{point}\n")
        return int(self._process.stdout.readline())

    def close(self) -> None:
        """No more of them."""
        self._process.communicate()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    """One for all tests."""
    made = Nursery()
    yield made
    made.close()


@pytest.fixture(scope="module")
def points(nursery: Nursery) -> int:
    """How many there are where nobody dies."""
    with quick_folder() as directory:
        assert 0 == nursery.work(directory, 0)
        return int((directory / "points").read_text())


def mistakes(account: Path) -> list[str]:
    """What does not agree: the index, folders and UID lists."""
    connection = sqlite3.connect(account / "pymta" / "index.db")
    found: list[str] = []
    if connection.execute("SELECT count(*) FROM journal").fetchone()[0]:
        found.append("the journal is not empty")
    for box, folder, validity, uid_next in connection.execute(
        "SELECT id, folder, validity, uid_next FROM boxes"
    ).fetchall():
        rows = connection.execute(
            "SELECT place || '/' || file, uid FROM messages WHERE box = ?", (box,)
        ).fetchall()
        path = account / folder
        files = {f"{place}/{each}" for place in ("new", "cur") for each in os.listdir(path / place)}
        if files != {file for file, _ in rows}:
            found.append(f"{folder}: files and rows differ")
        listed = uidlist.parse((path / "dovecot-uidlist").read_bytes())
        if listed is None or not listed.sound or listed.validity != validity:
            found.append(f"{folder}: no list")
        elif {base_of(file[4:]): uid for file, uid in rows} != {
            base: entry.uid
            for base, entry in listed.entries.items()
            if base in {base_of(file[4:]) for file, _ in rows}
        } or listed.uid_next > uid_next:
            found.append(f"{folder}: another list")
    connection.close()
    left = [str(each) for place in ("staged",) for each in (account / "pymta" / place).iterdir()]
    return found + left + [str(lock) for lock in account.rglob("*.lock")]


@pytest.mark.parametrize("group", range(GROUPS))
def test_killed(
    group: int,
    points: int,
    *,
    nursery: Nursery,
    states: list[list[Any]],
    reactor: EPollReactor,
    run: Run,
) -> None:
    """After each death it is as before the step or behind it, and the rest can be done."""
    for point in range(1 + group * STRIDE, points + 1, GROUPS * STRIDE):
        with quick_folder() as directory:
            assert -signal.SIGKILL == nursery.work(directory, point)
            done = len((directory / "steps").read_text().split())

            async def look(directory: Path = directory, done: int = done) -> list[str]:
                restarted = Restarted(reactor, directory)
                state = await seen(restarted.store)
                assert state in states[done : done + 2], f"step {done + 1}"
                await restarted.sweep()
                for step in STEPS[done + states[done : done + 2].index(state) :]:
                    await step(restarted)
                assert states[-1] == await seen(restarted.store)
                await restarted.sweep()
                await restarted.house.close()
                return mistakes(directory / ACCOUNT)

            assert [] == run(look), f"killed at {point}"
