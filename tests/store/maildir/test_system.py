"""
A whole server whose accounts have Maildirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.interfaces import IReactorTime

from pymta.aio import sleep
from pymta.components.people import springing
from pymta.components.stores import Mailboxes, durable_stores, provided_by
from pymta.components.system import MailSystem
from pymta.interfaces.mailbox import IQuotaRootStore
from pymta.interfaces.sharing import IACLStore
from pymta.mailbox import INBOX
from pymta.store.maildir.store import MaildirMailStore
from tests.config.files import GOOD, mistakes, wired
from tests.store.conftest import Run
from tests.store.maildir.maildir_house import quick_folder

MESSAGE = b"Subject: ours\r\n\r\nHello\r\n"


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where everything is."""
    with quick_folder() as made:
        yield made


def test_delivered(folder: Path, reactor: EPollReactor, run: Run) -> None:
    """Mail comes into the Maildir of its account, beside the mailboxes that it begins with."""
    maildirs = folder / "mail"
    here: Any = reactor
    system = MailSystem(
        here,
        domains=["example.test"],
        directory=str(folder / "state"),
        people=springing(["example.test"]),
        mailboxes=Mailboxes(maildirs=str(maildirs)),
    )

    async def deliver() -> list[str]:
        for part in system.parts:
            await part.start()
        try:
            to = ["ann@example.test", "bob@example.test"]
            await system.send(MESSAGE, sender="shop@example.test", to=to)
            while (await system.queue.statistics()).messages:
                await sleep(IReactorTime(here), 0.01)
            account = await system.people.directory.open("ann@example.test")
            inbox = await account.mailboxes.open(INBOX)
            assert 1 == (await inbox.info()).messages
            return [info.name for info in await account.mailboxes.mailboxes()]
        finally:
            for part in reversed(system.parts):
                await part.stop()

    names = run(deliver)
    assert ["INBOX", "Archive", "Drafts", "Junk", "Sent", "Trash"] == names
    for name in ("ann@example.test", "bob@example.test"):
        [path] = (maildirs / name / "new").iterdir()
        assert path.read_bytes().endswith(MESSAGE)
        assert {".Sent", ".Trash"} <= {each.name for each in (maildirs / name).iterdir()}


def test_what_is_offered(reactor: EPollReactor) -> None:
    """What a Maildir cannot do is announced by nobody."""
    provided = provided_by(MaildirMailStore(reactor, "/nowhere"))
    assert IQuotaRootStore in provided
    assert IACLStore not in provided


def test_configured(tmp_path: Path) -> None:
    """A path in a file is meant from the file's folder on, and must be none of a file."""
    made = wired(tmp_path, f'maildirs = "boxes"\n{GOOD}')
    mail = made.system.stores.mail
    assert isinstance(mail, MaildirMailStore)
    assert str(tmp_path / "boxes") == mail.directory
    (tmp_path / "boxes").write_text("")
    [mistake] = mistakes(tmp_path, f'maildirs = "boxes"\n{GOOD}')
    assert "boxes is not a folder" in mistake


@pytest.mark.parametrize("kwargs", [{"public": "all"}, {"vault": print}], ids=["public", "vault"])
def test_what_it_has_not(folder: Path, reactor: EPollReactor, kwargs: dict[str, Any]) -> None:
    """Who asks for what a Maildir has not is told so at once."""
    mailboxes = Mailboxes(maildirs=str(folder), **kwargs)
    with pytest.raises(ValueError, match="Maildirs"):
        durable_stores(reactor, str(folder), mailboxes=mailboxes)
