"""
The contract kit against mailboxes in Maildirs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.testing.contracts.mailbox_sharing import RightsContract
from tests.store.conftest import Run
from tests.store.contract import HouseContract
from tests.store.maildir.maildir_house import MaildirHouse, quick_folder


@pytest.fixture(scope="class")
def house(reactor: EPollReactor, run: Run) -> Iterator[MaildirHouse]:
    """One for all tests of a class, each of which has an account of its own."""
    with quick_folder() as directory:
        made = MaildirHouse(reactor, directory)
        yield made
        run(made.close)


class TestMaildir(HouseContract):
    """A restart closes everything and opens it again."""

    # A Maildir is its account's alone: no rights of others.
    locals().update(dict.fromkeys(each for each in vars(RightsContract) if each[:5] == "test_"))
