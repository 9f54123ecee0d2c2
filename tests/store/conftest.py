"""
A reactor of our own, in a thread: tests of what waits for disk hand it coroutines.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.threads import blockingCallFromThread

from pymta.aio import start
from pymta.database import Database

Run = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture(scope="session")
def reactor() -> Iterator[EPollReactor]:
    """Runs as long as the tests do."""
    made = EPollReactor()
    thread = Thread(target=made.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    yield made
    made.callFromThread(made.stop)
    thread.join(10)


@pytest.fixture(scope="session")
def template(
    reactor: EPollReactor, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[Path], None]:
    """Puts a new database into a folder: making the tables anew for each test takes seconds."""
    made = tmp_path_factory.mktemp("template")

    async def make() -> None:
        database = Database(reactor, str(made))
        await database.open()
        await database.close()

    def copy(folder: Path) -> None:
        shutil.copytree(made, folder, dirs_exist_ok=True)

    in_thread(reactor, make)
    return copy


@pytest.fixture(scope="session")
def run(reactor: EPollReactor) -> Run:
    """Runs a coroutine to its end, on the reactor."""
    return lambda call: in_thread(reactor, call)


def in_thread(reactor: EPollReactor, call: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine on a reactor of another thread."""

    def begin() -> Deferred[Any]:
        return start(call())

    return blockingCallFromThread(reactor, begin)
