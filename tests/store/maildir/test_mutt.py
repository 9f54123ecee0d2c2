"""
mutt on a Maildir of ours: it reads what we wrote, and we see what it does.
"""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.internet.epollreactor import EPollReactor

from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import NewMessage
from pymta.mailbox import FLAGGED, INBOX, SEEN, MailboxName, UIDSet, Wanted
from tests.store.conftest import Run
from tests.store.maildir.maildir_house import MaildirHouse, quick_folder
from tests.store.maildir.peers import told_by_us

SECONDS = 30.0
SETTINGS = """\
set mbox_type=Maildir folder={folder} spoolfile={folder} record="" postponed=""
set quit=yes delete=yes move=no confirmappend=no wait_key=no mark_old=no read_inc=0
set header_cache="" sort=subject copy=no
push "{keys}"
"""


@pytest.fixture
def house(reactor: EPollReactor, run: Run) -> Iterator[MaildirHouse]:
    """With one account."""
    with quick_folder() as directory:
        made = MaildirHouse(reactor, directory)
        yield made
        run(made.close)


def mutt(folder: Path, keys: str) -> None:
    """Press keys in it, on a terminal; the last of them ends it."""
    path = shutil.which("mutt")
    if path is None:
        pytest.skip("mutt is not installed")
    settings = folder.parent / "muttrc"
    settings.write_text(SETTINGS.format(folder=folder, keys=keys))
    ours, theirs = pty.openpty()
    environment = {"HOME": str(folder.parent), "TERM": "vt100", "PATH": os.environ["PATH"]}
    process = subprocess.Popen(
        [path, "-n", "-F", str(settings), "-f", str(folder)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    os.close(theirs)
    try:
        _read_until_it_ends(ours, process)
        assert 0 == process.wait(1)
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def _read_until_it_ends(terminal: int, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + SECONDS
    while process.poll() is None and time.monotonic() < end:
        if select.select([terminal], [], [], 0.05)[0]:
            try:
                os.read(terminal, 4096)
            except OSError:
                continue


def new(number: int, *flags: str) -> NewMessage:
    """A small message."""
    octets = b"From: a@b.test\r\nSubject: %d\r\n\r\nText\r\n" % number
    return NewMessage(content=Octets(octets), flags=frozenset(flags))


def test_flags_come_back(house: MaildirHouse, run: Run) -> None:
    """What it marks is marked, what it deletes is gone, what it copies has arrived."""

    async def make() -> object:
        store = house.store.mailboxes("ann")
        await store.create(MailboxName("Kept"))
        inbox = await store.open(INBOX)
        await inbox.append([new(1, SEEN, "kw"), new(2), new(3, SEEN), new(4)])
        return (await inbox.snapshot()).modseq

    since = run(make)
    folder = house.directory / "ann"
    keys = "<first-entry><flag-message><jump>3<enter><copy-message>=.Kept<enter>"
    mutt(folder, f"{keys}<jump>3<enter><delete-message><jump>2<enter><clear-flag>N<quit>")

    async def look() -> None:
        store = house.store.mailboxes("ann")
        inbox, kept = await store.open(INBOX), await store.open(MailboxName("Kept"))
        changes = await inbox.changes(since)
        assert (UIDSet(), UIDSet([3])) == (changes.arrived, changes.vanished)
        rows = await inbox.records(UIDSet([1, 2, 4]), [Wanted.FLAGS])
        assert [(1, {SEEN, FLAGGED, "kw"}), (2, {SEEN}), (4, set())] == rows
        [(uid, flags, size, _, octets)] = await told_by_us(kept)
        # It writes lines as Unix has them; they are read as they were.
        assert b"\r\n\r\nText\r\n" in octets
        assert (1, frozenset({SEEN}), len(octets)) == (uid, flags, size)

    run(look)
