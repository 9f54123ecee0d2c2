"""
One of several processes on one folder: a whole mail system, whose account three clients at a time
use by chance.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from random import Random
from typing import Any

from twisted.internet.epollreactor import EPollReactor
from twisted.internet.threads import deferToThreadPool

from pymta.aio import gather, start
from pymta.components.people import springing
from pymta.components.stores import durable_stores, visited_stores
from pymta.components.system import MailSystem
from pymta.errors import MessageGone, NoSuchMailbox
from pymta.interfaces.content import Octets, octets_of
from pymta.interfaces.mailbox import IMailbox, NewMessage
from pymta.mailbox import INBOX, UID, FlagChange, FlagMode, MailboxName, ModSeq, UIDSet
from tests.durability.load import message, trace_of

__all__ = ["ACCOUNT", "DOMAIN", "DONE", "Book", "hatch"]

DOMAIN = "example.test"
ACCOUNT = f"box@{DOMAIN}"
DONE = MailboxName("Done")
COPIES = MailboxName("Copies")
CLIENTS = 3

_ID = re.compile(rb"^X-Id: (\S+)\r\n", re.MULTILINE)
_FLAGS = [frozenset({each}) for each in ("\\Seen", "\\Flagged", "$Later", "work")]


@dataclass(slots=True)
class Book:
    """
    What one process was promised.

    :param kept: ids of what was appended or queued; :param removed: what it has removed itself.
    :param wrong: what should not have been.
    """

    kept: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    done: dict[str, int] = field(default_factory=dict)


class View:
    """What a client makes of one mailbox's changes, from the first to the last."""

    def __init__(self, inbox: IMailbox) -> None:
        self._inbox = inbox
        self._rung = True
        self.down = inbox.watch(self._ring)
        self.uids = UIDSet()
        self.since = ModSeq(0)

    def _ring(self) -> None:
        self._rung = True

    async def follow(self) -> None:
        """If the bell has rung."""
        if self._rung:
            self._rung = False
            changes = await self._inbox.changes(self.since)
            self.uids = (self.uids | changes.arrived) - changes.vanished
            self.since = changes.until


class Client:
    """Uses the account by chance."""

    def __init__(self, system: MailSystem, book: Book, name: str, chance: Random) -> None:
        self._system = system
        self._book = book
        self._name = name
        self._chance = chance
        self._boxes = system.stores.mail.mailboxes(ACCOUNT)
        self._number = 0

    async def work(self, seconds: float) -> None:
        """So long, one after the other."""
        clock = self._system.clock
        until = clock.seconds() + seconds
        inbox, done = await self._boxes.open(INBOX), await self._boxes.open(DONE)
        view = View(inbox)
        acts = [self._append, self._append, self._send, self._send, self._send, self._flag]
        acts += [self._read, self._read, self._move, self._copy, self._remove, self._expunge]
        acts += [self._name_and_forget, self._look]
        while clock.seconds() < until:
            act = self._chance.choice(acts)
            self._book.done[act.__name__] = self._book.done.get(act.__name__, 0) + 1
            try:
                await act(self._chance.choice([inbox, inbox, done]))
                await view.follow()
            except (MessageGone, NoSuchMailbox):
                pass  # by another client, meanwhile
            except Exception:  # noqa: BLE001  told to whoever reads the book
                self._book.wrong.append(traceback.format_exc())
        await self._settle(view, inbox)

    async def _settle(self, view: View, inbox: IMailbox) -> None:
        """What we were told of is what there is, as soon as the bells are silent."""
        view.down()
        changes = await inbox.changes(view.since)
        seen = (view.uids | changes.arrived) - changes.vanished
        if changes.until == (snapshot := await inbox.snapshot()).modseq and seen != snapshot.uids:
            self._book.wrong.append(f"{self._name}: told of {seen}, there is {snapshot.uids}")

    def _new(self) -> tuple[str, bytes]:
        self._number += 1
        name = f"{self._name}-{self._number}"
        size = 70_000 if self._chance.random() < 0.1 else self._chance.randrange(200, 3_000)
        return name, message(name, size)

    async def _append(self, box: IMailbox) -> None:
        name, octets = self._new()
        flags = self._chance.choice(_FLAGS)
        appended = await box.append([NewMessage(content=Octets(octets), flags=flags)])
        self._book.kept.append(name)
        if len(appended.uids) != 1:
            self._book.wrong.append(f"{name}: {appended}")

    async def _send(self, box: IMailbox) -> None:
        name, octets = self._new()
        await self._system.send(octets, sender=f"sender@{DOMAIN}", to=[ACCOUNT])
        self._book.kept.append(name)

    async def _one(self, box: IMailbox) -> UID | None:
        uids = (await box.snapshot()).uids
        return self._chance.choice(list(uids)) if uids else None

    async def _id(self, box: IMailbox, uid: UID) -> str:
        octets = await octets_of(await box.content(uid))
        found = _ID.search(octets)
        name = "" if found is None else found[1].decode()
        body = octets[len(trace_of(octets)) :]
        if body != message(name, len(body)):
            self._book.wrong.append(f"{uid} is not what {name} was")
        return name

    async def _flag(self, box: IMailbox) -> None:
        uids = (await box.snapshot()).uids
        some = UIDSet(self._chance.sample(list(uids), min(5, len(uids))))
        mode = self._chance.choice([FlagMode.ADD, FlagMode.REMOVE])
        await box.change_flags(some, FlagChange(mode, self._chance.choice(_FLAGS)))

    async def _read(self, box: IMailbox) -> None:
        if (uid := await self._one(box)) is not None:
            await self._id(box, uid)

    async def _move(self, box: IMailbox) -> None:
        if (uid := await self._one(box)) is not None:
            await box.move(UIDSet([uid]), DONE if box.name == INBOX else INBOX)

    async def _copy(self, box: IMailbox) -> None:
        if (uid := await self._one(box)) is not None:
            await box.copy(UIDSet([uid]), COPIES)

    async def _remove(self, box: IMailbox) -> None:
        if (uid := await self._one(box)) is not None:
            name = await self._id(box, uid)
            if uid in (await box.remove(UIDSet([uid]))).uids:
                self._book.removed.append(name)

    async def _expunge(self, box: IMailbox) -> None:
        copies = await self._boxes.open(COPIES)
        uids = (await copies.snapshot()).uids
        some = UIDSet(self._chance.sample(list(uids), len(uids) // 2))
        await copies.change_flags(some, FlagChange(FlagMode.ADD, frozenset({"\\Deleted"})))
        await copies.expunge()

    async def _name_and_forget(self, box: IMailbox) -> None:
        first, second = (MailboxName(f"{n}-{self._name}") for n in ("first", "second"))
        await self._boxes.create(first)
        opened = await self._boxes.open(first)
        await opened.append([NewMessage(content=Octets(self._new()[1]))])
        await self._boxes.rename(first, second)
        if len((await opened.snapshot()).uids) != 1:
            self._book.wrong.append(f"{first} lost its message with its name")
        await self._boxes.delete(second)

    async def _look(self, box: IMailbox) -> None:
        await box.info()
        await box.take_recent()
        await self._boxes.mailboxes()


async def soak(
    reactor: Any, folder: str, name: str, *, chance: Random, seconds: float, parent: Connection
) -> Book:
    """A life.  :param parent: told how far we are, and asked whether to go on."""
    make = durable_stores if name == "1" else visited_stores
    system = MailSystem(
        reactor,
        hostname="mail.example.test",
        domains=[DOMAIN],
        stores=make(reactor, folder),
        people=springing([DOMAIN]),
        observers=[],
        owner=name,
    )
    for part in system.parts:
        await part.start()
    boxes = system.stores.mail.mailboxes(ACCOUNT)
    if name == "1":
        for each in (DONE, COPIES):
            await boxes.create(each)
    book = Book()
    await _said(reactor, parent, "ready")
    clients = [Client(system, book, f"{name}{n}", Random(chance.random())) for n in range(CLIENTS)]
    await gather([start(client.work(seconds)) for client in clients])
    await _said(reactor, parent, "rested")
    for part in reversed(system.parts):
        await part.stop()
    return book


async def _said(reactor: Any, parent: Connection, what: str) -> None:
    """Say it, and wait for an answer."""
    parent.send(what)
    await deferToThreadPool(reactor, reactor.getThreadPool(), parent.recv)


def hatch(folder: str, name: str, seed: int, seconds: float, parent: Connection) -> None:
    """One life, in a process of its own; the parent gets its book, or what was wrong."""
    reactor = EPollReactor()

    async def live() -> None:
        try:
            chance = Random(seed)
            parent.send(
                await soak(reactor, folder, name, chance=chance, seconds=seconds, parent=parent)
            )
        except BaseException:  # noqa: BLE001  told to the parent, who fails of it
            parent.send(traceback.format_exc())
        reactor.stop()

    reactor.callWhenRunning(start, live())
    reactor.run(installSignalHandlers=False)
