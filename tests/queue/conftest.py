"""
What tests of the queue share: an empty database, made once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from pymta.database import Database

pytest.register_assert_rewrite("pymta.testing.contracts")


@pytest.fixture(scope="session")
def queue_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an empty database at the newest revision, to be copied."""
    folder = tmp_path_factory.mktemp("queue") / "template"

    async def make() -> None:
        database = Database(cast("Any", reactor), str(folder))
        await database.open()
        await database.close()

    pytest_twisted.blockon(Deferred.fromCoroutine(make()))
    return folder
