"""
Open sessions, kept for a moment after a transaction in case that another one follows.

Sessions are interchangeable if they are of one :class:`Way`: the same host, port and address,
opened under the same TLS policy, with the same credentials (S27: what was opened under a weaker
policy is never used where a stronger one holds).  A session belongs to whoever took it until it
is given back; what is idle here belongs to the pool, which ends it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from pymta.aio import Shared, gather, start
from pymta.envelope import Recipient, Sender
from pymta.errors import Refused
from pymta.interfaces.content import IContent
from pymta.interfaces.relay import Host, TLSPolicy
from pymta.reply import Reply
from pymta.sasl import Credentials
from pymta.smtp.client_answers import Answer
from pymta.wire.smtp.capabilities import Capabilities

__all__ = ["Dial", "Lease", "Pool", "PoolLimits", "PoolStatistics", "Session", "Way"]

_log = Logger(namespace="pymta.relay")

STOPPED = Reply(451, "4.3.2", "This server is shutting down")


class Session(Protocol):
    """What is asked of a :class:`~pymta.smtp.client_session.ClientSession`."""

    @property
    def capabilities(self) -> Capabilities:
        """What the server announced."""

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin."""

    @property
    def closed(self) -> Shared[None]:
        """Ends with the connection."""

    async def send(
        self, sender: Sender, recipients: Sequence[Recipient], content: IContent
    ) -> Sequence[Answer]:
        """One answer for each recipient."""

    async def quit(self) -> None:
        """Take leave; bounded."""

    def abort(self) -> None:
        """Close it now."""


Dial: TypeAlias = Callable[[Host, str, TLSPolicy, Credentials | None], Awaitable[Session]]
"""
Open a session with one address of a host.  :raises pymta.errors.Refused: there is none.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """
    How a session is opened; two of one way are interchangeable.

    :param name: of the host, as its certificate should have it.
    """

    name: str
    port: int
    address: str
    policy: TLSPolicy
    credentials: Credentials | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolLimits:
    """
    How long sessions are kept for more mail.

    :param idle: seconds that one is kept; other servers put up with few idle clients, and
        Postfix keeps them for two as well.
    :param each: kept with one address of one host: as many as a lane has attempts at once, or
        those that end together would be closed, and opened again for the next messages.
    :param total: kept in all; 0 keeps none.
    :param transactions: of one session.
    :param age: seconds from its opening; an old one is not used again.
    """

    idle: float = 2.0
    each: int = 20
    total: int = 200
    transactions: int = 100
    age: float = 300.0

    def __post_init__(self) -> None:
        if self.transactions < 1:
            raise ValueError("transactions is more than 0")


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolStatistics:
    """
    :param opened: sessions, since the start.
    :param reused: how often one that was kept was taken.
    """

    idle: int
    taken: int
    opened: int
    reused: int


class Lease:
    """
    A session that is somebody's.

    :ivar reused: it has served before, and the peer may have closed it meanwhile.
    """

    __slots__ = ("_timer", "_transactions", "opened", "reused", "session", "way")

    def __init__(self, way: Way, session: Session, opened: float) -> None:
        self.way = way
        self.session = session
        self.opened = opened
        self.reused = False
        self._transactions = 0
        self._timer: IDelayedCall | None = None

    async def send(
        self, sender: Sender, recipients: Sequence[Recipient], content: IContent
    ) -> Sequence[Answer]:
        """One transaction."""
        self._transactions += 1
        return await self.session.send(sender, recipients, content)

    def worn(self, limits: PoolLimits, now: float) -> bool:
        """Whether it should not be used any more."""
        return (
            not self.session.usable
            or self._transactions >= limits.transactions
            or now - self.opened >= limits.age
        )

    def rest(self, timer: IDelayedCall) -> None:
        """It is idle; the timer ends that."""
        self._timer = timer

    def wake(self) -> None:
        """It is idle no more."""
        timer, self._timer = self._timer, None
        if timer is not None and timer.active():
            timer.cancel()


class Pool:
    """
    :param dial: opens one more.
    """

    def __init__(self, dial: Dial, *, clock: IReactorTime, limits: PoolLimits) -> None:
        self._dial = dial
        self._clock = clock
        self._limits = limits
        # In the order in which they became idle, all of them and of each way.
        self._idle: dict[Lease, None] = {}
        self._ways: dict[Way, list[Lease]] = {}
        self._taken: set[Lease] = set()
        self._leaving: set[Deferred[None]] = set()
        self._stopped = False
        self._opened = 0
        self._reused = 0

    @property
    def statistics(self) -> PoolStatistics:
        """What there is now."""
        return PoolStatistics(
            idle=len(self._idle),
            taken=len(self._taken),
            opened=self._opened,
            reused=self._reused,
        )

    def reuse(self, way: Way) -> Lease | None:
        """One that is there, or None; the last one that was given back: the others may end."""
        for lease in reversed(self._ways.get(way, ())):
            self._forget(lease)
            if lease.worn(self._limits, self._clock.seconds()):
                self._leave(lease)
                continue
            lease.reused = True
            self._reused += 1
            self._taken.add(lease)
            return lease
        return None

    async def open(self, way: Way) -> Lease:
        """A new one.  :raises pymta.errors.Refused: there is none, or none any more."""
        self._go_on()
        host = Host(name=way.name, addresses=(way.address,), port=way.port)
        session = await self._dial(host, way.address, way.policy, way.credentials)
        try:
            self._go_on()
        except Refused:
            session.abort()
            raise
        lease = Lease(way, session, self._clock.seconds())
        self._opened += 1
        self._taken.add(lease)
        session.closed.tell(lambda: self._forget(lease))
        return lease

    def give_back(self, lease: Lease) -> None:
        """Keep it for the next one, or end it."""
        self._taken.discard(lease)
        if self._stopped or lease.worn(self._limits, self._clock.seconds()):
            self._leave(lease)
            return
        self._idle[lease] = None
        of_way = self._ways.setdefault(lease.way, [])
        of_way.append(lease)
        lease.rest(self._clock.callLater(self._limits.idle, self._drop, lease))
        if len(of_way) > self._limits.each:
            self._drop(of_way[0])
        if len(self._idle) > self._limits.total:
            self._drop(next(iter(self._idle)))

    def abort(self, lease: Lease) -> None:
        """Nobody knows what it is in the middle of: close it."""
        self._taken.discard(lease)
        lease.session.abort()

    def start(self) -> None:
        """Again after :meth:`stop`; a new pool needs none."""
        self._stopped = False

    async def stop(self) -> None:
        """Take leave of all that are idle, close those that somebody still has; open no more."""
        self._stopped = True
        for lease in list(self._taken):
            self.abort(lease)
        for lease in list(self._idle):
            self._drop(lease)
        await gather(list(self._leaving))

    def _go_on(self) -> None:
        if self._stopped:
            raise Refused(STOPPED)

    # -- one of them -------------------------------------------------------------

    def _drop(self, lease: Lease) -> None:
        self._forget(lease)
        self._leave(lease)

    def _forget(self, lease: Lease) -> None:
        """It is not here any more: taken, told to end, or closed by the peer."""
        lease.wake()
        if lease not in self._idle:
            return
        del self._idle[lease]
        of_way = self._ways[lease.way]
        of_way.remove(lease)
        if not of_way:
            del self._ways[lease.way]

    def _leave(self, lease: Lease) -> None:
        leaving = start(lease.session.quit())
        if leaving.called and not leaving.paused:
            leaving.addErrback(_told)  # type: ignore[unused-awaitable]  # over already
            return
        self._leaving.add(leaving)

        def left(result: object) -> None:
            self._leaving.discard(leaving)
            if isinstance(result, Failure):
                _told(result)

        leaving.addBoth(left)  # type: ignore[unused-awaitable]  # stop() waits for it


def _told(failure: Failure) -> None:
    _log.failure("a session did not end well", failure=failure)
