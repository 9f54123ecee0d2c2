"""
The contract kit against the mailboxes in SQL.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from twisted.internet.epollreactor import EPollReactor

from tests.store.conftest import Run
from tests.store.contract import HouseContract
from tests.store.house import House, opened


@pytest.fixture(scope="class")
def house(
    reactor: EPollReactor,
    run: Run,
    template: Callable[[Path], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """One for all tests of a class, each of which has an account of its own."""
    with opened(reactor, run, template, tmp_path_factory.mktemp("house")) as made:
        yield made


class TestSQL(HouseContract):
    """A restart closes the database and opens it again."""
