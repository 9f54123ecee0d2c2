"""
A mail store of one's own: every message that comes into a mailbox is also kept as a file, whatever
becomes of it in the mailbox.

``python examples/custom_store.py FOLDER [SMTP-PORT [POP3-PORT]]`` runs a server with it.
"""

import sys
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.internet import defer, task
from twisted.internet.endpoints import serverFromString

from pymta import Listening, MailService, MailSystem
from pymta.accounts.accounts import MailStore
from pymta.components import wrap
from pymta.components.people import springing
from pymta.components.stores import memory_stores
from pymta.interfaces.content import octets_of
from pymta.interfaces.mailbox import IMailbox, IMailboxStore, NewMessage
from pymta.mailbox import Appended, MailboxName


class Archiving:
    """
    Any mail store, and a folder.

    It wraps what the inner store gives: each wrapper offers exactly what is inside, with one
    method that is ours.
    """

    def __init__(self, inner: MailStore, folder: Path) -> None:
        self._inner = inner
        self._folder = folder

    def mailboxes(self, account: str) -> IMailboxStore:
        store = self._inner.mailboxes(account)

        async def open(name: MailboxName, read_only: bool = False) -> IMailbox:  # noqa: A001
            return self._archived(account, await store.open(name, read_only))

        return wrap(store, open=open)

    def _archived(self, account: str, mailbox: IMailbox) -> IMailbox:
        async def append(messages: Sequence[NewMessage]) -> Appended:
            self._folder.mkdir(parents=True, exist_ok=True)
            appended = await mailbox.append(messages)
            for uid, message in zip(appended.uids, messages, strict=True):
                name = f"{account}-{appended.uid_validity}-{uid}.eml"
                (self._folder / name).write_bytes(await octets_of(message.content))
            return appended

        return wrap(mailbox, append=append)

    def remove(self, account: str) -> Awaitable[None]:
        return self._inner.remove(account)


async def main(reactor: Any, folder: str, smtp: str = "2525", pop3: str = "2110") -> None:
    stores = memory_stores(reactor, now=lambda: datetime.now(UTC))
    system = MailSystem(
        reactor,
        domains=["example.test"],
        stores=replace(stores, mail=Archiving(stores.mail, Path(folder))),
        people=springing(["example.test"]),
    )
    ports = {"smtp": (smtp, system.smtp()), "pop3": (pop3, system.pop3())}
    listening = [
        Listening(name, serverFromString(reactor, f"tcp:{port}:interface=127.0.0.1"), listener)
        for name, (port, listener) in ports.items()
    ]
    service = MailService(reactor, system.parts, listening)
    service.startService()
    await service.ready
    for each in listening:
        print(f"{each.name} {each.address}", flush=True)
    await defer.Deferred()


if __name__ == "__main__":
    task.react(lambda reactor: defer.ensureDeferred(main(reactor, *sys.argv[1:])))
