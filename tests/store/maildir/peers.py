"""
A Dovecot and a store of ours on one Maildir.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pymta.interfaces.mailbox import IMailbox
from pymta.mailbox import MailboxName, Wanted
from pymta.store.maildir.mailboxes import MaildirMailboxes
from pymta.wire.imap.client_data import Fetched, StatusOf
from tests.interop.dovecot import NOBODY, Dovecot, dovecot
from tests.interop.imap_session import Session
from tests.store.maildir.maildir_house import MaildirHouse

__all__ = ["Shared", "Told", "name", "shared", "told_by_us"]

Told = list[tuple[int, frozenset[str], int, str, bytes]]
"""UID, flags, size, internal date and octets."""


def name(text: str) -> MailboxName:
    """The name of a mailbox."""
    return MailboxName(text)


@dataclass(slots=True)
class Shared:
    """:ivar folder: the Maildir of both."""

    peer: Dovecot
    house: MaildirHouse

    @property
    def folder(self) -> Path:
        """The Maildir of both."""
        return self.peer.folder / "Maildir"

    @property
    def ours(self) -> MaildirMailboxes:
        """The account as we see it."""
        return self.house.store.mailboxes("Maildir")

    def give(self) -> None:
        """What we made is the other's too: tests of root run it as somebody else."""
        if self.peer.uid is None or not self.folder.exists():
            return
        for path, folders, files in os.walk(self.folder):
            for each in (path, *(os.path.join(path, entry) for entry in (*folders, *files))):
                os.chown(each, NOBODY, NOBODY, follow_symlinks=False)

    @contextmanager
    def session(self) -> Iterator[Session]:
        """The account as Dovecot sees it."""
        self.give()
        with self.peer.connect() as connection:
            yield Session(connection).greeted()

    def told_by_dovecot(self, mailbox: str) -> Told:
        """All messages."""
        with self.session() as session:
            session.select(mailbox)
            data = session.done("FETCH", b"1:* (UID FLAGS RFC822.SIZE INTERNALDATE BODY.PEEK[])")
        rows = [each.items for each in data if isinstance(each, Fetched) and "BODY[]" in each.items]
        return [_row(items) for items in rows]

    def status(self, mailbox: str) -> dict[str, Any]:
        """UIDVALIDITY and UIDNEXT, as Dovecot sees them."""
        with self.session() as session:
            asked = session.client.mailbox(mailbox)
            data = session.done("STATUS", asked, b" (UIDVALIDITY UIDNEXT MESSAGES UNSEEN SIZE)")
        [status] = [each for each in data if isinstance(each, StatusOf)]
        return dict(status.items)


def _row(items: Any) -> tuple[int, frozenset[str], int, str, bytes]:
    flags = frozenset(items["FLAGS"]) - {"\\Recent"}
    date = items["INTERNALDATE"].isoformat()
    return items["UID"], flags, items["RFC822.SIZE"], date, bytes(items["BODY[]"])


async def told_by_us(mailbox: IMailbox) -> Told:
    """All messages."""
    uids = (await mailbox.snapshot()).uids
    wanted = [Wanted.FLAGS, Wanted.SIZE, Wanted.INTERNAL_DATE]
    told = []
    for uid, flags, size, date in await mailbox.records(uids, wanted):
        content = await mailbox.content(uid)
        octets = await content.read(0, content.size)
        told.append((uid, flags, size, date.replace(microsecond=0).isoformat(), octets))
    return told


@contextmanager
def shared(reactor: Any, *, more: str = "") -> Iterator[Shared]:
    """Both, on an empty Maildir."""
    with dovecot(more=more) as peer:
        yield Shared(peer, MaildirHouse(reactor, peer.folder))
