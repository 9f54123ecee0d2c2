"""
The one writer of a database: a thread, and the group commit.

What queued up while the last commit ran is one transaction: no timer, so that a lone entry waits
for nobody, only for the few turns of the reactor in which its like arrive.  Entries for one batch
function are handed to it together.  A group that fails is rolled back and repeated entry by entry:
one bad row fails alone.  After an I/O error the writer stops for good, since a second sync of the
same pages proves nothing.

Cancelling a waiter ends its waiting and nothing else: the entry is committed all the same.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorFromThreads, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pymta.database.dialect import Dialect, Fault
from pymta.database.duty import Duty
from pymta.database.reserve import Reserve
from pymta.errors import SpoolError, StoreClosed, TooManyWaiting

__all__ = ["Batch", "Writer", "after_commit", "after_telling"]

Entry = TypeVar("Entry")
Result = TypeVar("Result")
Batch: TypeAlias = Callable[[Connection, Sequence[Entry]], Sequence[Result | Exception]]

MOST_ENTRIES = 256
MOST_OCTETS = 4 * 1024 * 1024
"""Of one group: about what one sync of an ordinary disk can carry within 50 ms."""

MOST_WAITING = 20_000
MOST_OCTETS_WAITING = 64 * 1024 * 1024

# From the first entry of a group until the thread may take it.  Connections that were answered
# together come again in the next few turns: without these, 600 messages of 20 made 270 groups,
# with one turn 163, with three 107, at the same speed.  An idle reactor has three turns in 0.1 ms.
_TURNS = 3

# Seconds of telling the waiters of a group: what each of them does at once is an answer, a log line
# and the next step of a delivery, and twenty of those were turns of 15-20 ms.
_TELLING = 0.003

# Groups between two checkpoints; a checkpoint syncs twice, and the log may grow by 4 MiB a group.
_CHECKPOINT_GROUPS = 64
_CHECKPOINT_OCTETS = 8 * 1024 * 1024
# For how many a look counts that finds commits of other processes: within 50 ms there may have been
# as many of a busy one, and who commits once a minute must not bring two syncs each time.
_FOREIGN_GROUPS = 8

_COMMITTED = "pymta_committed"
_TOLD = "pymta_told"

_log = Logger(namespace="pymta.database")


@dataclass(slots=True)
class _Waiter:
    """One entry; ``batch`` None: a call outside of any transaction."""

    batch: Callable[[Connection, Sequence[Any]], Sequence[Any]] | None
    entry: Any
    size: int
    waiting: Deferred[Any]


_Ended: TypeAlias = tuple[Deferred[Any], Any]
_Call: TypeAlias = Callable[[], None]


def after_commit(connection: Connection, call: Callable[[], None]) -> None:
    """
    For a batch: do this in the writer's thread once its transaction is durable, or never.

    Before its waiters know and before the next batch runs: it must be quick.
    """
    connection.info.setdefault(_COMMITTED, []).append(call)


def after_telling(connection: Connection, call: Callable[[], None]) -> None:
    """
    The same, but when its waiters have been told: for what may take a moment.

    What a crash forgets must be found again at the next start.
    """
    connection.info.setdefault(_TOLD, []).append(call)


class Writer:
    """
    :param connect: makes the connection, in the thread.
    :param committed: called on the reactor's thread after each commit that changed something, once
        its waiters know.
    :param checkpoints: whoever has it moves the log into the file, also what others commit; None
        for those who never do, and who do not fill the reserve at the start either.
    """

    def __init__(
        self,
        reactor: IReactorFromThreads,
        database: Dialect,
        *,
        connect: Callable[[], Connection],
        committed: Callable[[], None],
        checkpoints: Duty | None,
        reserve: Reserve | None,
    ) -> None:
        self._reactor = reactor
        self._clock = IReactorTime(reactor)
        self._database = database
        self._connect = connect
        self._committed = committed
        self._checkpoints = checkpoints
        self._reserve = reserve
        self._short = False
        self._essential: set[object] = set()
        self._queue: deque[_Waiter] = deque()
        self._octets = 0
        self._turns = 0
        self._ripe = False
        self._changed = Condition()
        self._closed = True
        self._broken = False
        self._thread: Thread | None = None
        self._gone: Deferred[None] = Deferred()
        self._told: deque[_Ended | _Call] = deque()
        self._rest: IDelayedCall | None = None
        # Since the last checkpoint, and only those that have changed something: a checkpoint with
        # nothing to do, while another process begins the log again, is how SQLite before 3.51.3
        # damages its file.
        self._groups = 0
        self._written = 0
        self._version: object = None

    # -- the reactor's side ---------------------------------------------------

    def start(self) -> Deferred[None]:
        """Open; fires when the connection is there, or fails as ``connect`` did."""
        opened: Deferred[None] = Deferred()
        self._closed = self._broken = False
        self._gone = Deferred()
        self._thread = Thread(target=self._run, args=(opened,), name="pymta-writer", daemon=True)
        self._thread.start()
        return opened

    def write(self, batch: Batch[Entry, Result], entry: Entry, size: int = 0) -> Deferred[Result]:
        """
        Commit it together with others.

        :param size: octets that it will write, roughly; 0 for small rows.
        :raises pymta.errors.TooManyWaiting: :raises pymta.errors.StoreClosed: at once.
        """
        waiting: Deferred[Result] = Deferred()
        self._put(_Waiter(batch, entry, size, waiting))
        return waiting

    def essential(self, batch: Batch[Entry, Result]) -> None:
        """What this batch writes may use the reserve when the disk is full."""
        self._essential.add(batch)

    def call(self, function: Callable[[Connection], Result]) -> Deferred[Result]:
        """Run it in the thread between two groups, outside of any transaction."""
        waiting: Deferred[Result] = Deferred()
        self._put(_Waiter(None, function, 0, waiting))
        return waiting

    def look(self) -> Deferred[object]:
        """What differs from the last one if another process has committed since."""
        return self.call(self._look)

    async def stop(self) -> None:
        """Let nothing more in, commit what waits, end the thread."""
        if self._thread is None:
            return
        with self._changed:
            self._closed = True
            self._changed.notify()
        await self._gone
        self._thread.join()
        self._thread = None

    @property
    def closed(self) -> bool:
        """Whether nothing more is let in."""
        return self._closed

    def _put(self, waiter: _Waiter) -> None:
        with self._changed:
            if self._closed:
                raise StoreClosed("the database is closed")
            if len(self._queue) >= MOST_WAITING or (
                self._queue and self._octets + waiter.size > MOST_OCTETS_WAITING
            ):
                raise TooManyWaiting(f"{len(self._queue)} wait for the writer")
            self._queue.append(waiter)
            self._octets += waiter.size
        if not self._turns:
            self._turns = _TURNS
            self._clock.callLater(0, self._turn)

    def _turn(self) -> None:
        self._turns -= 1
        if self._turns:
            self._clock.callLater(0, self._turn)
            return
        with self._changed:
            self._ripe = True
            self._changed.notify()

    def _fire(self, ended: Sequence[_Ended | _Call]) -> None:
        self._told += ended
        if self._rest is None:
            self._tell_some()

    def _tell_some(self) -> None:
        """Tell the waiters, in the order of their commits, and give way when it takes long."""
        self._rest = None
        until = self._clock.seconds() + _TELLING
        while self._told:
            first = self._told.popleft()
            if isinstance(first, tuple):
                _end(*first)
            else:
                first()
            if self._clock.seconds() > until and self._told:
                self._rest = self._clock.callLater(0, self._tell_some)
                return

    # -- the thread's side ----------------------------------------------------

    def _run(self, opened: Deferred[None]) -> None:
        try:
            connection = self._connect()
        except Exception as error:  # noqa: BLE001  told to whoever opened it
            self._closed = True
            self._post([(opened, error)])
        else:
            if self._reserve is not None and self._checkpoints is not None:
                self._fill(connection)
            self._post([(opened, None)])
            self._work(connection)
        self._post([(self._gone, None)])

    def _work(self, connection: Connection) -> None:
        duty = self._checkpoints
        if duty is not None:
            _attempt(lambda _: duty.take(), connection)
        while group := self._next():
            self._serve_safely(connection, group)
        close = self._database.abandon if self._broken else Connection.close
        _attempt(close, connection)
        if duty is not None:
            duty.leave()

    def _next(self) -> list[_Waiter]:
        """The next group; nothing when all is done."""
        with self._changed:
            while not (self._queue and self._ripe) and not self._closed:
                self._changed.wait()
            group: list[_Waiter] = []
            octets = 0
            while self._queue and len(group) < MOST_ENTRIES:
                first = self._queue[0]
                if group and (octets + first.size > MOST_OCTETS or first.batch is None):
                    break
                group.append(self._queue.popleft())
                octets += first.size
                if first.batch is None:
                    break
            self._ripe = bool(self._queue)
            self._octets -= octets
            return group

    def _serve_safely(self, connection: Connection, group: list[_Waiter]) -> None:
        try:
            self._serve(connection, group)
        except BaseException as error:  # noqa: BLE001  nobody waits for a thread that has gone
            self._break(group, error)

    def _serve(self, connection: Connection, group: list[_Waiter]) -> None:
        if group[0].batch is None:
            self._post([(group[0].waiting, _attempt(group[0].entry, connection))])
        else:
            self._commit(connection, group)
        due = self._groups >= _CHECKPOINT_GROUPS or self._written >= _CHECKPOINT_OCTETS
        if due and self._checkpoints is not None and not self._closed:
            self._groups = self._written = 0
            self._checkpoint(connection, self._checkpoints)

    def _commit(self, connection: Connection, group: list[_Waiter]) -> None:
        if self._short:
            group = self._spare(connection, group)
        if not group:
            return
        before = self._database.changes(connection)
        try:
            ended = _transact(connection, group)
        except Exception as error:  # noqa: BLE001  told to the waiters
            self._fail(connection, group, error)
            return
        for call in connection.info.pop(_COMMITTED, ()):
            call()
        changed = self._database.changes(connection) != before
        self._groups += changed
        self._written += sum(waiter.size for waiter in group)
        self._post([*ended, self._committed] if changed else ended)
        for call in connection.info.pop(_TOLD, ()):
            try:
                call()
            except Exception as error:  # noqa: BLE001  the next start does it again
                _log.warn("not done after a commit: {error}", error=str(error))

    def _fail(self, connection: Connection, group: list[_Waiter], error: Exception) -> None:
        connection.info.pop(_COMMITTED, None)
        connection.info.pop(_TOLD, None)
        fault = self._database.fault(error)
        if fault is Fault.BROKEN:
            self._break(group, error)
        elif fault is Fault.FULL and self._release(connection):
            self._commit(connection, self._essential_of(group))
        elif len(group) == 1 or fault is Fault.BUSY:
            self._tell(group, _told(fault, error))
        else:
            self._commit_each(connection, group, error)

    def _commit_each(self, connection: Connection, group: list[_Waiter], error: Exception) -> None:
        for done, waiter in enumerate(group):
            if self._broken:
                self._break(group[done:], error)
                return
            self._commit(connection, [waiter])

    # -- a full disk ----------------------------------------------------------

    def _release(self, connection: Connection) -> bool:
        """Let the reserve go, for what must go on.  :returns: whether that may help."""
        if self._reserve is None or self._short:
            return False
        _log.warn("no room: nothing is taken until there is some again")
        self._short = True
        released = _attempt(self._reserve.release, connection)
        return not isinstance(released, Exception)

    def _spare(self, connection: Connection, group: list[_Waiter]) -> list[_Waiter]:
        """Those for whom there is room: all, once the reserve is there again."""
        if any(waiter.batch not in self._essential for waiter in group):
            self._fill(connection)
        return self._essential_of(group) if self._short else group

    def _essential_of(self, group: Sequence[_Waiter]) -> list[_Waiter]:
        """Those that go on; the others are told that there is no room."""
        self._tell([w for w in group if w.batch not in self._essential], _told(Fault.FULL))
        return [w for w in group if w.batch in self._essential]

    def _fill(self, connection: Connection) -> None:
        assert self._reserve is not None
        filled = _attempt(self._reserve.fill, connection)
        self._short = isinstance(filled, Exception)

    def _tell(self, group: Sequence[_Waiter], error: Exception) -> None:
        self._post([(waiter.waiting, error) for waiter in group])

    # -- a broken disk --------------------------------------------------------

    def _break(self, group: list[_Waiter], error: BaseException) -> None:
        """Stop for good; whoever waits is in doubt."""
        if not self._broken:
            _log.critical("the database stopped: {error!r}", error=error)
        with self._changed:
            self._closed = self._broken = True
            group = group + list(self._queue)
            self._queue.clear()
        self._tell(group, StoreClosed(f"the database stopped: {error}"))

    # -- the log -------------------------------------------------------------

    def _look(self, connection: Connection) -> object:
        version = self._database.version(connection)
        if version != self._version and self._version is not None:
            self._groups += _FOREIGN_GROUPS
            if self._reserve is not None and not self._short:
                self._short = not self._reserve.is_there(connection)
        self._version = version
        return version

    def _checkpoint(self, connection: Connection, duty: Duty) -> None:
        try:
            if not duty.mine:
                # Somebody has it; or had it, and may have left nothing to do.
                duty.take()
                return
            self._database.checkpoint(connection)
            self._version = self._database.version(connection)
        except Exception as error:  # noqa: BLE001  no commit depends on it
            if self._database.fault(error) is Fault.BROKEN:
                self._break([], error)
            else:
                _log.warn("no checkpoint: {error}", error=str(error))

    def _post(self, ended: Sequence[_Ended | _Call]) -> None:
        self._reactor.callFromThread(self._fire, ended)


def _end(waiting: Deferred[Any], result: Any) -> None:
    if waiting.called:  # cancelled
        return
    if isinstance(result, Exception):
        waiting.errback(Failure(result))
    else:
        waiting.callback(result)


def _attempt(call: Callable[[Connection], Any], connection: Connection) -> Any:
    """What the call gives, or what it raises."""
    try:
        return call(connection)
    except Exception as error:  # noqa: BLE001  told to the waiter
        return error


def _transact(connection: Connection, group: Sequence[_Waiter]) -> list[_Ended]:
    """One transaction for all of them."""
    batches: dict[Any, list[_Waiter]] = {}
    for waiter in group:
        batches.setdefault(waiter.batch, []).append(waiter)
    ended: list[_Ended] = []
    with connection.begin():
        for batch, waiters in batches.items():
            results = _results(batch, connection, waiters)
            ended += zip((w.waiting for w in waiters), results, strict=True)
    return ended


def _results(batch: Any, connection: Connection, waiters: Sequence[_Waiter]) -> Sequence[Any]:
    entries = [waiter.entry for waiter in waiters]
    try:
        results: Sequence[Any] = batch(connection, entries)
    except Exception:
        raise
    except BaseException as error:
        # SystemExit and its like would end the thread, for which everybody waits.
        raise RuntimeError(f"a batch raised {error!r}") from error
    return results


def _told(fault: Fault, error: Exception | None = None) -> Exception:
    if fault is Fault.BUSY:
        return TooManyWaiting("another process has had the database for too long")
    if error is None or fault is Fault.FULL:
        return SpoolError("no room: the disk or the database is full")
    return error
