"""
A process that adds, claims, settles and dies: run by ``test_sql_crash``.

Says on standard output what it knows to be durable, a line each, flushed before the next step.
"""

from __future__ import annotations

import os
import sys
from typing import Any, cast

from twisted.internet import reactor

from pymta.aio import gather, start
from pymta.database import Database, writer
from pymta.database.times import to_microseconds
from pymta.interfaces.content import SLICE, NewMail
from pymta.queue.sql import SQLQueueStore
from pymta.testing.contracts.queue_case import Bench, QueueCase


def say(*words: str) -> None:
    os.write(1, (" ".join(words) + "\n").encode())


def die_before(what: str, number: int) -> None:
    """Be killed at the n-th time that this step is reached."""
    left = [number]

    def reached() -> None:
        left[0] -= 1
        if left[0] <= 0:
            os.kill(os.getpid(), 9)

    if what == "commit":

        def transacted(connection: Any, group: Any) -> Any:
            ended: Any
            with connection.begin():
                batches: dict[Any, Any] = {}
                for waiter in group:
                    batches.setdefault(waiter.batch, []).append(waiter)
                ended = []
                for batch, waiters in batches.items():
                    results = batch(connection, [each.entry for each in waiters])
                    ended += zip((w.waiting for w in waiters), results, strict=True)
                reached()
            return ended

        writer._transact = transacted
        return
    module, _, name = what.partition(".")
    target: Any = {"os": os, "writer": writer.Writer}[module]
    original = getattr(target, name)

    def wrapped(*args: Any, **more: Any) -> Any:
        reached()
        return original(*args, **more)

    setattr(target, name, wrapped)


async def one(queue: Bench, number: int) -> None:
    """The life of one mail and its report."""
    id_ = f"{os.getpid()}x{number}"
    content = queue.store.create()
    for _ in range(3 if number % 3 == 0 else 1):
        await content.write(bytes(SLICE // 2 + number))
    mail: NewMail = queue.mail(id_, content=await content.finish())
    [claim] = await queue.add(mail, owner="crash")
    say("kept", id_)
    if number % 4 == 3:
        await queue.store.settle([queue.postponed(claim)])
        say("postponed", id_)
        return
    report = queue.mail(f"R{id_}", content=claim.content if number % 2 else b"report")
    await queue.store.settle([queue.done(claim, report)])
    say("done", id_)


async def main(folder: str, url: str | None, what: str, number: int) -> None:
    queue = Bench(QueueCase())
    database = Database(
        cast("Any", reactor), folder, url=url, now=lambda: to_microseconds(queue.now())
    )
    await database.open()
    queue.store = SQLQueueStore(database)
    await queue.store.recover("crash")
    die_before(what, number)
    for begin in range(0, 1_000, 5):
        await gather(one(queue, begin + n) for n in range(5))


if __name__ == "__main__":
    folder, url, what, number = sys.argv[1:]
    loop = cast("Any", reactor)
    ended = start(main(folder, url or None, what, int(number)))
    _ = ended.addErrback(lambda failure: failure.printTraceback())
    _ = ended.addBoth(lambda _: os._exit(1))
    loop.run()
