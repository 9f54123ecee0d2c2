"""
Another process on a Maildir: ``python -m tests.store.maildir.worker DIRECTORY``.

Each line on its standard input is a command, each answer one line on its standard output.
"""

from __future__ import annotations

import sys
from threading import Thread
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.threads import blockingCallFromThread

from pymta.aio import start
from pymta.errors import MailboxInUse
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailbox, NewMessage
from pymta.mailbox import INBOX, FlagChange, FlagMode, UIDSet
from pymta.store.maildir.store import MaildirMailStore

__all__ = ["ACCOUNT", "message"]

ACCOUNT = "anna"


def message(text: str) -> NewMessage:
    """A small message, delivered."""
    octets = f"Subject: {text}\r\n\r\n{text}\r\n".encode()
    return NewMessage(content=Octets(octets), delivery_id=text)


async def do(inbox: IMailbox, command: str, *words: str) -> str:
    """One command."""
    match command:
        case "append":
            first, last, prefix = int(words[0]), int(words[1]), words[2]
            for n in range(first, last):
                await inbox.append([message(f"{prefix}{n}")])
            return "done"
        case "flag":
            change = FlagChange(FlagMode.ADD, frozenset({words[0]}))
            for uid in range(1, int(words[1]) + 1):
                await inbox.change_flags(UIDSet([uid]), change)
            return "done"
        case "remove":
            return str((await inbox.remove(UIDSet(map(int, words)))).uids)
        case "lock":
            try:
                await inbox.lock()
            except MailboxInUse:
                return "in use"
            return "locked"
        case "uids":
            return str((await inbox.snapshot()).uids)
        case _:
            raise AssertionError(command)


def main() -> None:
    """Until its standard input ends."""
    reactor = EPollReactor()
    thread = Thread(target=reactor.run, kwargs={"installSignalHandlers": False}, daemon=True)
    thread.start()
    store = MaildirMailStore(reactor, sys.argv[1])

    async def call(*words: str) -> Any:
        inbox = await store.mailboxes(ACCOUNT).open(INBOX)
        return await do(inbox, *words)

    for line in sys.stdin:
        words = line.split()
        print(blockingCallFromThread(reactor, lambda words=words: start(call(*words))), flush=True)


if __name__ == "__main__":
    main()
