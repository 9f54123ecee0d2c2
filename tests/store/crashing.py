"""
Processes that work on mailboxes and die at a given point: ``python -m tests.store.crashing``.

For each line ``DIRECTORY POINT COUNT`` on its standard input it forks one, which notes each step
that is done in ``DIRECTORY/steps`` and stops itself with SIGKILL when the point is passed for the
nth time; then it writes how that one ended.  Forked, since what is imported takes a second.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure

from pymta.aio import start
from pymta.database import Database, contents
from pymta.interfaces.content import Octets
from pymta.interfaces.mailbox import IMailboxStore, NewMessage
from pymta.mailbox import (
    DELETED,
    INBOX,
    SEEN,
    UID,
    FlagChange,
    FlagMode,
    MailboxName,
    ModSeq,
    UIDSet,
    Wanted,
)
from pymta.store.sql.resources import Resources
from pymta.store.sql.store import SQLMailStore

__all__ = ["STEPS", "Steps", "content_of", "state_of"]

A, B = MailboxName("a"), MailboxName("b")
HOURS = 2 * 3600 * 1_000_000


def content_of(number: int) -> bytes:
    """The octets of message ``number``: every third is too large for a row."""
    body = b"%d " % number * (40_000 if number % 3 == 0 else 10)
    return b"Subject: %d\r\n\r\n" % number + body + b"\r\n"


def new(number: int) -> NewMessage:
    """The message, with a delivery id."""
    return NewMessage(content=Octets(content_of(number)), delivery_id=f"d{number}")


class Steps(Protocol):
    """Who runs the steps."""

    store: IMailboxStore

    async def sweep(self) -> None:
        """Two hours later."""


async def _append(run: Steps, *numbers: int) -> None:
    inbox = await run.store.open(INBOX)
    await inbox.append([new(number) for number in numbers])


async def _flags(run: Steps) -> None:
    inbox = await run.store.open(INBOX)
    change = FlagChange(FlagMode.ADD, frozenset({SEEN, DELETED, "kw"}))
    await inbox.change_flags(UIDSet([1, 4]), change)


async def _copy(run: Steps) -> None:
    await (await run.store.open(INBOX)).copy(UIDSet([1, 2, 3]), A)


async def _move(run: Steps) -> None:
    await (await run.store.open(INBOX)).move(UIDSet([2, 3]), A)


async def _expunge(run: Steps) -> None:
    await (await run.store.open(INBOX)).expunge()


async def _replace(run: Steps) -> None:
    await (await run.store.open(INBOX)).replace(UID(5), INBOX, new(9))


async def _remove(run: Steps) -> None:
    await (await run.store.open(B)).remove(UIDSet([1, 3]))


STEPS: list[Callable[[Steps], Awaitable[object]]] = [
    lambda run: _append(run, 1),
    lambda run: _append(run, 2, 3),
    lambda run: run.store.create(A),
    lambda run: _append(run, 4, 5, 6),
    _flags,
    _copy,
    _expunge,
    _move,
    _replace,
    lambda run: run.store.rename(A, B),
    _remove,
    lambda run: run.sweep(),
    lambda run: run.store.create(A),
    lambda run: run.store.rename(INBOX, MailboxName("old")),
    lambda run: run.store.delete(B),
    lambda run: run.store.subscribe(A),
    lambda run: run.sweep(),
    lambda run: run.store.delete(MailboxName("old")),
    lambda run: run.sweep(),
    lambda run: _append(run, 7),
]


async def state_of(store: IMailboxStore) -> list[Any]:
    """All that a client can see, but for dates and ids."""
    state: list[Any] = []
    for info in await store.mailboxes():
        counts = (info.messages, info.unseen, info.deleted, info.size, info.uid_next)
        state.append((info.name, info.modseq, info.subscribed, counts))
        mailbox = await store.open(info.name)
        uids = (await mailbox.snapshot()).uids
        rows = await mailbox.records(uids, [Wanted.FLAGS, Wanted.MODSEQ, Wanted.SIZE])
        state.append([tuple(row) for row in rows])
        for uid in uids:
            content = await mailbox.content(uid)
            octets = b"".join([await content.read(at, content.size) for at in _slices(content)])
            assert octets == content_of(int(octets[9 : octets.index(b"\r")]))
            state.append(octets[:20])
        changes = await mailbox.changes(ModSeq(0), uids)
        state.append((changes.arrived, changes.vanished))
    return state


def _slices(content: Any) -> range:
    return range(0, content.size, 64 * 1024)


# -- the process ----------------------------------------------------------------


class Points:
    """Stops the process at the nth time that a point is passed."""

    def __init__(self, point: str, count: int) -> None:
        self._point = point
        self._left = count

    def passed(self, point: str) -> None:
        """Here we are."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def install(self) -> None:
        """At every place where a crash may fall."""
        self._before_commits()
        self._after_commits()
        self._around_contents()

    def _before_commits(self) -> None:
        bind = Resources._bind

        def bound(resources: Resources, batch: Any) -> Any:
            run = bind(resources, batch)

            def watched(connection: Any, entries: Any) -> Any:
                results = run(connection, entries)
                self.passed(f"{batch.__name__}: written")
                return results

            return watched

        Resources._bind = bound  # type: ignore[method-assign,assignment]

    def _after_commits(self) -> None:
        write = Resources.write

        def watched(resources: Resources, batch: Any, entry: Any, *, size: int = 0) -> Any:
            def committed(result: Any) -> Any:
                self.passed(f"{batch.__name__}: committed")
                return result

            return write(resources, batch, entry, size=size).addCallback(committed)

        Resources.write = watched  # type: ignore[method-assign,assignment]

    def _around_contents(self) -> None:
        place, unlink = contents.Contents.place, vars(contents)["unlink_file"]

        async def placing(where: contents.Contents, what: Any) -> Any:
            placed = await place(where, what)
            self.passed("placed")
            return placed

        def unlinking(folder: str, name: str) -> None:
            self.passed("unlinking")
            unlink(folder, name)

        contents.Contents.place = placing  # type: ignore[method-assign,assignment]
        vars(contents)["unlink_file"] = unlinking


class Process:
    """Runs the steps."""

    def __init__(self, reactor: EPollReactor, directory: str) -> None:
        self._ahead = 0
        self.database = Database(reactor, directory, now=self._now)
        self._stores = SQLMailStore(self.database, reactor)
        self.store: IMailboxStore = self._stores.mailboxes("anna")

    def _now(self) -> int:
        return 1_700_000_000_000_000 + self._ahead

    async def sweep(self) -> None:
        """Two hours later."""
        self._ahead += HOURS
        await self._stores.sweep()

    async def run(self, steps: int) -> None:
        """
        All steps.

        :param steps: a descriptor; what is written there survives the process.
        """
        await self.database.open()
        for number, step in enumerate(STEPS, 1):
            await step(self)
            os.write(steps, b"%d\n" % number)


def work(directory: str, point: str, count: int) -> None:
    """In a process of its own; it ends all of it."""
    Points(point, count).install()
    reactor = EPollReactor()
    process = Process(reactor, directory)
    steps = os.open(os.path.join(directory, "steps"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def ended(result: object) -> None:
        if isinstance(result, Failure):
            result.printTraceback()
        os._exit(1)

    def run() -> None:
        _ = start(process.run(steps)).addBoth(ended)

    reactor.callWhenRunning(run)
    reactor.run()


def main() -> None:
    """One process a line."""
    for line in sys.stdin:
        directory, point, count = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            work(directory, point, int(count))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
