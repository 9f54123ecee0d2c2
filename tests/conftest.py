"""
What tests of several rooms share: a PostgreSQL server, started when the first of them asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor

from pymta.aio import start
from pymta.database import Database
from tests.postgres import Server, serving


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One for the whole run."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(serving())
        except LookupError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Server, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of an empty database at the newest revision, to be copied."""
    name = postgres.database()

    async def make() -> None:
        folder = tmp_path_factory.mktemp("postgres")
        database = Database(cast("Any", reactor), str(folder), url=postgres.url(name))
        await database.open()
        await database.close()

    pytest_twisted.blockon(start(make()))
    return name


@pytest.fixture(scope="session")
def _shared_database(postgres: Server, postgres_template: str) -> str:
    return postgres.database(postgres_template)


@pytest.fixture
def postgres_database(postgres: Server, _shared_database: str) -> str:
    """The name of a database with our tables, which are empty; the next test has the same one."""
    postgres.empty(_shared_database)
    return _shared_database
