"""
What tests of the database share: an open one, in a folder of its own.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor

from pymta.aio import start, timeout
from pymta.database import Database

Run = Callable[[Coroutine[Any, Any, Any]], Any]


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run it on the reactor, no longer than half a minute."""
    return pytest_twisted.blockon(start(timeout(cast("Any", reactor), 30, coroutine)))


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty database at the newest revision, to be copied."""
    folder = tmp_path_factory.mktemp("database") / "template"

    async def make() -> None:
        database = Database(cast("Any", reactor), str(folder))
        await database.open()
        await database.close()

    run(make())
    return folder


@pytest.fixture
def folder(tmp_path: Path, template: Path) -> Path:
    """A folder with an empty database."""
    shutil.copytree(template, tmp_path / "db")
    return tmp_path / "db"


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    """A database, open."""
    opened = Database(cast("Any", reactor), str(folder))
    run(opened.open())
    yield opened
    run(opened.close())
