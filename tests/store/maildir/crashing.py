"""
Processes that work on a Maildir and die: ``python -m tests.store.maildir.crashing``.

For each line ``DIRECTORY POINT`` on its standard input it forks one, which notes each step that is
done in ``DIRECTORY/steps`` and stops itself with SIGKILL at the nth thing it does to the disk or
the index; then it writes how that one ended.  Forked, since what is imported takes a second.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any, cast

from twisted.internet.epollreactor import EPollReactor
from twisted.python.failure import Failure

from pymta.aio import start
from pymta.interfaces.mailbox import IMailboxStore
from pymta.store.maildir.disk import Disk
from pymta.store.maildir.maildir import Maildir
from pymta.store.maildir.store import MaildirMailStore
from pymta.store.maildir.work import Work
from tests.store.crashing import HOURS, STEPS

__all__ = ["ACCOUNT"]

ACCOUNT = "anna"


class Points:
    """Stops the process at the nth point.  :param left: 0 is never."""

    def __init__(self, left: int) -> None:
        self._left = left
        self.passed_by = 0

    def passed(self) -> None:
        """Here we are."""
        self.passed_by += 1
        if self.passed_by == self._left:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The call, with a point in front."""

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.passed()
            return call(*args, **kwargs)

        return watched


class Watched:
    """A disk with a point in front of all that it does."""

    def __init__(self, points: Points) -> None:
        self._disk = Disk()
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return self._points.watch(getattr(self._disk, name))


class Process:
    """Runs the steps."""

    def __init__(self, reactor: EPollReactor, directory: str, points: Points) -> None:
        self._ahead = 0
        self._stores = MaildirMailStore(
            reactor, directory, now=self._now, disk=cast("Disk", Watched(points))
        )
        self.store: IMailboxStore = self._stores.mailboxes(ACCOUNT)

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
        for number, step in enumerate(STEPS, 1):
            await step(self)
            os.write(steps, b"%d\n" % number)


def work(directory: str, point: int) -> None:
    """In a process of its own; it ends all of it."""
    points = Points(point)
    # In front of the commit, and behind the last step.
    for owner, name in ((Work, "save"), (Maildir, "_done")):
        setattr(owner, name, points.watch(getattr(owner, name)))
    reactor = EPollReactor()
    process = Process(reactor, directory, points)
    steps = os.open(os.path.join(directory, "steps"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def ended(result: object) -> None:
        if isinstance(result, Failure):
            result.printTraceback()
            os._exit(1)
        with open(os.path.join(directory, "points"), "w") as file:
            file.write(str(points.passed_by))
        os._exit(0)

    def run() -> None:
        _ = start(process.run(steps)).addBoth(ended)

    reactor.callWhenRunning(run)
    reactor.run()


def main() -> None:
    """One process a line."""
    for line in sys.stdin:
        directory, point = line.rstrip("\n").split("\t")
        child = os.fork()
        if not child:
            work(directory, int(point))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
