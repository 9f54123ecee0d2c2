"""
A disk that fails once, at every point: whoever asked is told, and whoever asks again finds either
all of it or nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.errors import SpoolError
from pymta.interfaces.mailbox import IMailboxStore
from pymta.store.maildir.disk import Disk
from tests.store.conftest import Run
from tests.store.crashing import STEPS
from tests.store.maildir.maildir_house import MaildirHouse, quick_folder
from tests.store.maildir.test_crash import mistakes, seen, states

__all__ = ["states"]

STRIDE = int(os.environ.get("PYMTA_CRASH_STRIDE", "11"))


class Failing:
    """:param at: fails at the nth thing it is asked for, and never again; 0 is never."""

    def __init__(self, at: int) -> None:
        self._disk = Disk()
        self._at = at
        self.done = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        call = getattr(self._disk, name)

        def fail(*args: Any) -> Any:
            self.done += 1
            if self.done == self._at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return call(*args)

        return fail


class Running:
    """A process that goes on."""

    def __init__(self, reactor: EPollReactor, directory: Path, disk: Failing) -> None:
        self.house = MaildirHouse(reactor, directory, tombstones=100_000, disk=cast("Disk", disk))
        self.store: IMailboxStore = self.house.store.mailboxes("anna")

    async def sweep(self) -> None:
        """Two hours later."""
        await self.house.elapse(7200)


async def do_all(running: Running, states: list[list[Any]]) -> int:
    """All steps.  :returns: how often a step was refused."""
    refused = done = 0
    while done < len(STEPS):
        try:
            await STEPS[done](running)
        except SpoolError:
            refused += 1
            assert refused < 3
            state = await seen(running.store)
            assert state in states[done : done + 2], f"step {done + 1}"
            done += states[done : done + 2].index(state)
        else:
            done += 1
    assert states[-1] == await seen(running.store)
    await running.sweep()
    await running.house.close()
    return refused


def test_each_fault(reactor: EPollReactor, run: Run, states: list[list[Any]]) -> None:
    """It is told by an error that is the store's, and nothing is by halves."""
    never = Failing(0)
    with quick_folder() as directory:
        running = Running(reactor, directory, never)
        assert 0 == run(partial(do_all, running, states))
    told = 0
    for at in range(1, never.done + 1, STRIDE):
        with quick_folder() as directory:
            running = Running(reactor, directory, Failing(at))
            told += run(partial(do_all, running, states))
            assert [] == mistakes(directory / "anna"), f"failed at {at}"
    # What fails in a sweep fails for nobody.
    assert told


@pytest.mark.parametrize("name", ["cur", "pymta"])
def test_a_file_where_a_folder_should_be(
    reactor: EPollReactor, run: Run, name: str, tmp_path: Path
) -> None:
    """Who asks is told that nothing can be read."""
    running = Running(reactor, tmp_path, Failing(0))
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna" / name).write_bytes(b"")

    async def ask() -> None:
        with pytest.raises(SpoolError):
            await running.store.mailboxes()
        await running.house.close()

    run(ask)
