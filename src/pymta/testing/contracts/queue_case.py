"""
What a clause of the queue's kit has in its hands: a store, a clock, and short ways to make mail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias
from unittest import SkipTest

from pymta.address import Address
from pymta.envelope import Envelope, Recipient, RecipientID, Sender
from pymta.interfaces.content import IContent, Lane, NewMail, Octets, Origin, QueueID
from pymta.interfaces.queue import (
    Claim,
    Deferred,
    Done,
    IQueueStore,
    QueueEntry,
    QueueQuery,
    QueueState,
    Settlement,
)
from pymta.outcome import Delivered
from pymta.reply import Reply
from pymta.session import Endpoint, Role, Session

__all__ = [
    "LANE",
    "NOT_NOW",
    "OTHER_LANE",
    "Bench",
    "Now",
    "QueueCase",
    "claimed_ids",
    "clause",
    "drive",
    "mail_ids",
]

Now: TypeAlias = Callable[[], datetime]

LANE = Lane("relay", "example.net")
OTHER_LANE = Lane("relay", "example.org")
NOT_NOW = Reply(451, "4.2.0", "Not now")

_START = datetime(2030, 1, 1, tzinfo=UTC)
_SESSION = Session(
    id="kit",
    role=Role.SMTP,
    peer=Endpoint("192.0.2.1", 50_000),
    local=Endpoint("192.0.2.25", 25),
    started=_START,
    helo="client.example",
    extended=True,
)


def drive(coroutine: Coroutine[Any, Any, None]) -> None:
    """
    Run a coroutine that never has to wait: for providers that need no reactor.

    :raises RuntimeError: it waits.
    """
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("the provider waits for a reactor: override `run` of the kit")


class QueueCase:
    """
    How a provider is made.  A subclass says ``make_store`` and what differs for it.

    :cvar durable: False declares that a restart loses everything: those clauses are skipped.
    :cvar can_fill: True where ``fill`` makes the disk full.
    """

    durable = True
    can_fill = False

    async def make_store(self, now: Now) -> IQueueStore:
        """A new and empty store, open.  :param now: its wall clock."""
        raise NotImplementedError

    async def restart(self, store: IQueueStore, now: Now) -> IQueueStore:
        """End that store as a crash would, and open what it left."""
        raise NotImplementedError

    async def close_store(self, store: IQueueStore) -> None:
        """Close it: afterwards everything raises StoreClosed."""
        raise NotImplementedError

    async def kept_octets(self, store: IQueueStore) -> int:
        """How many octets of content are stored, wherever: what is leaked counts."""
        return (await store.statistics()).octets

    async def fill(self, store: IQueueStore) -> None:
        """Make the disk full."""
        raise NotImplementedError

    async def relieve(self, store: IQueueStore) -> None:
        """Make room again."""
        raise NotImplementedError

    def run(self, coroutine: Coroutine[Any, Any, None]) -> object:
        """
        Run a clause to its end; as it is, for providers that never wait.

        Others return what pytest waits for: with pytest-twisted, ``pymta.aio.start(coroutine)``.
        """
        drive(coroutine)
        return None

    async def run_clause(self, function: Clause) -> None:
        """One clause, with a store of its own."""
        bench = Bench(self)
        bench.store = await self.make_store(bench.now)
        try:
            await function(self, bench)
        finally:
            await self.close_store(bench.store)


Clause: TypeAlias = Callable[[Any, "Bench"], Awaitable[None]]


def clause(function: Clause) -> Callable[[Any], object]:
    """Make a test of a clause.  Not ``wraps``: pytest would take its parameters for fixtures."""

    def test(self: QueueCase) -> object:
        return self.run(self.run_clause(function))

    test.__name__ = function.__name__
    test.__qualname__ = function.__qualname__
    test.__doc__ = function.__doc__
    test.__module__ = function.__module__
    return test


class Bench:
    """A store, a clock that stands still unless it is told, and mail."""

    store: IQueueStore

    def __init__(self, case: QueueCase) -> None:
        self.case = case
        self.time = _START

    def now(self) -> datetime:
        """The wall clock."""
        return self.time

    def later(self, **how_much: float) -> datetime:
        """A time after now."""
        return self.time + timedelta(**how_much)

    def wait(self, **how_much: float) -> None:
        """Let time pass."""
        self.time += timedelta(**how_much)

    async def restart(self) -> None:
        """A crash, and a new start."""
        if not self.case.durable:
            raise SkipTest("declared: this provider keeps nothing over a restart")
        self.store = await self.case.restart(self.store, self.now)

    # -- mail -----------------------------------------------------------------

    def mail(
        self,
        id_: str = "A1",
        *to: str,
        content: IContent | bytes = b"Subject: kit\r\n\r\nText\r\n",
        lanes: Mapping[str, Lane | None] | None = None,
        **changes: Any,
    ) -> NewMail:
        """
        A mail to these addresses, numbered from 1.

        :param lanes: by address, where not :data:`LANE`; None is unrouted.
        """
        sender = changes.pop("sender", Sender(reverse_path=Address("sender", "example.com")))
        recipients = tuple(
            Recipient(id=RecipientID(number), address=Address.parse(address))
            for number, address in enumerate(to or ("one@example.net",), 1)
        )
        routed = {r.id: (lanes or {}).get(str(r.address), LANE) for r in recipients}
        values: dict[str, Any] = {
            "id": QueueID(id_),
            "envelope": Envelope(sender=sender, recipients=recipients),
            "content": Octets(content) if isinstance(content, bytes) else content,
            "origin": Origin(_SESSION, sender),
            "arrived": self.time,
            "lanes": {number: lane for number, lane in routed.items() if lane is not None},
        }
        return NewMail(**(values | changes))

    def mails(self, count: int, lane: Lane = LANE, **changes: Any) -> list[NewMail]:
        """That many, to one lane, with ids of their own."""
        prefix = changes.pop("prefix", "M")
        lanes = {"one@example.net": lane}
        return [self.mail(f"{prefix}{n:06}", lanes=lanes, **changes) for n in range(count)]

    async def add(self, *mails: NewMail, owner: str | None = None) -> Sequence[Claim]:
        """Add them in one call."""
        return await self.store.add(mails, owner)

    # -- work -----------------------------------------------------------------

    async def claim(self, owner: str = "first", **changes: Any) -> Sequence[Claim]:
        """Claim at the clock's time, plenty unless told otherwise."""
        values: dict[str, Any] = {"limit": 10_000, "per_lane": 10_000, "without": ()}
        values |= changes
        return await self.store.claim(owner, self.time, **values)

    async def claim_one(self, owner: str = "first") -> Claim:
        """The only claim there is."""
        claims = await self.claim(owner)
        assert 1 == len(claims), f"one claim expected, not {claims}"
        return claims[0]

    def done(self, claim: Claim, *then: NewMail) -> Settlement:
        """All recipients delivered."""
        outcome = Done(Delivered())
        return Settlement(
            claim=claim, each={c.recipient.id: outcome for c in claim.recipients}, then=then
        )

    def postponed(self, claim: Claim, **changes: Any) -> Settlement:
        """All recipients later: in an hour, unless told otherwise."""
        values: dict[str, Any] = {"due": self.later(hours=1), "reply": NOT_NOW}
        what = Deferred(**(values | changes))
        return Settlement(claim=claim, each={c.recipient.id: what for c in claim.recipients})

    # -- looking --------------------------------------------------------------

    async def entries(self, **query: Any) -> list[QueueEntry]:
        """All entries that match, over all pages."""
        entries: list[QueueEntry] = []
        cursor = None
        while True:
            page = await self.store.select(QueueQuery(**query), cursor)
            entries += page.entries
            cursor = page.cursor
            if cursor is None:
                return entries

    async def ids(self, **query: Any) -> list[str]:
        """Their ids."""
        return [entry.id for entry in await self.entries(**query)]

    async def entry(self, id_: str = "A1") -> QueueEntry:
        """The entry of a mail that is there."""
        [entry] = await self.entries(ids=(QueueID(id_),))
        return entry

    async def states(self, id_: str = "A1") -> list[QueueState]:
        """Of its recipients, in order."""
        return [recipient.state for recipient in (await self.entry(id_)).recipients]


def claimed_ids(claims: Sequence[Claim]) -> list[tuple[str, int]]:
    """Which recipients of which mails."""
    return [(each.queue_id, one.recipient.id) for each in claims for one in each.recipients]


def mail_ids(claims: Sequence[Claim]) -> list[str]:
    """Which mails."""
    return [each.queue_id for each in claims]
