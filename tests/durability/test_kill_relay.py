"""
``kill -9`` while mail is relayed: nothing is lost, and what is doubled is counted and explained.

Twenty clients send to boxes of ours, and by SMTP and LMTP to a sink, which refuses some of it, so
that its authors get reports.  The server is killed at every step of its way to the sink, in turn,
and at random moments; the sink is killed now and then where its 250 is due.  A copy is one too
many only where the 250 was not heard, or what it led to was not settled, when somebody was killed.
``PYMTA_KILLS=60`` is the long form.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.durability.audit import (
    check_database,
    check_mail,
    held,
    queued,
    read_mail,
    retry_all,
    until,
)
from tests.durability.child import Child, child, start_child, start_sink
from tests.durability.faults import Fault
from tests.durability.journeys import (
    Journeys,
    draw,
    hostname,
    of_ours,
    read_kept,
    read_lives,
    read_reports,
)
from tests.durability.load import Books, Clients

KILLS = int(os.environ.get("PYMTA_KILLS", "5"))
SEED = int(os.environ.get("PYMTA_SEED", "2026"))
LISTENERS = ("smtp", "smtp", "queued", "smtp", "lmtp")

# In the order in which the short form takes them: the gravest first.
POINTS = (
    "given/after",
    "answered/after",
    "report/after",
    "settle/after",
    "delivered/after",
    "",
    "commit/after",
    "relay/after",
    "told/before",
    "ending/after",
    "content/before",
    "rcpt/after",
    "mail/after",
    "begin/after",
    "greeting/after",
    "greeting/before",
    "connect/after",
    "connect/before",
    "find/after",
    "find/before",
    "relay/before",
    "begin/before",
    "content/after",
    "given/before",
    "answered/before",
    "report/before",
    "ending/before",
    "settle/before",
    "commit/before",
    "commit/during",
    "claim/after",
    "told/after",
    "",
)
"""Place and moment; an empty one is a moment of chance from outside."""

BEFORE = {
    *("relay/before", "find/before", "find/after", "connect/before", "connect/after"),
    *("greeting/before", "greeting/after", "begin/before", "begin/after"),
    *("mail/after", "rcpt/after", "given/before", "content/before"),
}
"""Where the sink cannot have yet what the kill is about; other sessions were under way."""

BEHIND = {"told/before", "told/after"}
"""Where what the kill is about is settled, and comes never again."""

_RARE = {
    "connect": 2,
    "greeting": 2,
    "claim": 3,
    "settle": 6,
    "find": 6,
    "report": 6,
    "delivered": 6,
}
_OFTEN = 15
_LIFE = 2.0 if KILLS < 20 else 5.0
# In the short form the last life waits for all of it.
_PATIENCE = 3.0 if KILLS < 20 else 15.0
# Twenty clients without one write more than is worked off between two kills; whoever waits for
# long is claimed in three lives, and held.
_PAUSE = 0.3


class Sinks:
    """One life of the sink after the other, on one port; each ends when it has kept some mail."""

    def __init__(self, folder: Path) -> None:
        self.book = folder / "sink.book"
        self.number = 0
        self.died = 0
        self._log = folder / "sink.log"
        self._chance = random.Random(SEED)
        # An address of our own: no connection that somebody makes can take the port meanwhile.
        pid = os.getpid()
        self._address = f"127.77.{pid >> 8 & 255}.{pid & 255}"
        with closing(socket.create_server((self._address, 0))) as probe:
            self._port = probe.getsockname()[1]
        self._current: Child | None = None

    @property
    def where(self) -> str:
        """For the server's routes."""
        return f"{self._address}:{self._port}"

    def begin(self, die_at: int) -> None:
        """Another life."""
        self.end()
        self.number += 1
        self._current = start_sink(
            self._log,
            address=self._address,
            port=self._port,
            number=self.number,
            book=str(self.book),
            die_at=die_at,
        )
        assert self._current.wait_for_ports(), self._log.read_text()[-4000:]

    def end(self) -> None:
        """Kill it, if it lives."""
        current, self._current = self._current, None
        if current is not None:
            current.close()

    async def keep(self) -> None:
        """Begin it again whenever it has died; until cancelled."""
        while True:
            if self._current is None or not self._current.alive:
                self.died += self._current is not None
                await asyncio.sleep(0.2)
                await asyncio.to_thread(self.begin, self._chance.randint(15, 60))
            await asyncio.sleep(0.02)


@contextmanager
def _sinks(folder: Path) -> Iterator[Sinks]:
    sinks = Sinks(folder)
    try:
        yield sinks
    finally:
        sinks.end()


def _fault(point: str, chance: random.Random) -> list[Fault]:
    if not point:
        return []
    place, when = point.split("/")
    call = chance.randint(1, _RARE.get(place, _OFTEN))
    return [Fault(place=place, when=when, call=call, seconds=chance.random() * 0.004)]


def _mark(directory: Path, number: int, point: str | None) -> None:
    told = {"event": "Life", "number": number, "point": point}
    with (directory.parent / "pymta.log").open("a") as log:
        log.write(json.dumps(told) + "\n")


async def _live(server: Child, clients: Clients, seconds: float) -> None:
    """One life, until its fault strikes or it is killed."""
    if await asyncio.to_thread(server.wait_for_ports):
        clients.serve(server.ports)
        await asyncio.to_thread(server.wait_for_end, seconds)
        clients.gone()
    await asyncio.to_thread(server.close)


async def _kill_often(directory: Path, books: Books, sinks: Sinks) -> None:
    chance = random.Random(SEED)
    clients = Clients(books, seed=SEED, listeners=LISTENERS, draw=draw, pause=_PAUSE)
    clients.begin()
    keeping = asyncio.create_task(sinks.keep())
    try:
        for kill in range(KILLS):
            assert not keeping.done()
            point = POINTS[kill % len(POINTS)]
            _mark(directory, kill, "")
            server = start_child(
                directory,
                faults=_fault(point, chance),
                hostname=hostname(kill),
                sink=sinks.where,
                patience=_PATIENCE,
            )
            await _live(server, clients, _LIFE if point else chance.uniform(0.3, 1.5))
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await clients.end()


def _drained(directory: Path, books: Books, sinks: Sinks) -> Journeys:
    """A last life, in which nobody is killed: until the queue is empty; and what there is then."""
    retry_all(directory)
    sinks.begin(die_at=0)
    _mark(directory, KILLS, None)
    options = {"hostname": hostname(KILLS), "sink": sinks.where, "patience": _PATIENCE}
    with child(directory, **options) as server:
        until(lambda: not queued(directory), 60, "the queue is not worked off")
        check_mail(of_ours(books), read_mail(server.ports["pop3"], books))
        reported = read_reports(server.ports["pop3"], books)
        server.terminate()
    kept = read_kept(sinks.book, books)
    journeys = Journeys(books, kept, reported, read_lives(server.log))
    journeys.compare()
    return journeys


def _print(journeys: Journeys, struck: int, sinks: Sinks) -> None:
    books, reported = journeys.books, journeys.reported
    elsewhere = sum("@" in to for _, to in books.acknowledged)
    hit = Counter(life.point for life in journeys.lives.values() if life.point is not None)
    why = Counter[str]()
    for (_, reason), times in journeys.doubled.items():
        why[reason] += times
    print(
        f"\n{KILLS} kills, {sinks.died} of the sink; {len(books.sent)} sent, "
        f"{len(books.acknowledged) - elsewhere} recipients of ours and {elsewhere} elsewhere "
        f"acknowledged; {journeys.relayed} relayed in {len(journeys.kept)} copies, "
        f"{len(reported.times)} reported in {reported.mails} reports, {journeys.both} both; "
        f"{struck} had been held\nagain: {dict(why)}, {sorted(journeys.doubled.items())}"
        f"\nhit: {dict(hit)}\n{dict(books.answers)}; status {dict(reported.status)}"
    )
    for point, met in journeys.victims().items():
        print(f"{point}: {met}")


def test_d02_kill_while_relaying_loses_nothing_and_explains_what_it_doubles(
    tmp_path: Path,
) -> None:
    """
    Who was acknowledged is in his mailbox, at the sink, or reported to the author, exactly once
    but for the copies that a kill explains; a failure is never reported twice.
    """
    directory, books = tmp_path / "store", Books()
    with _sinks(tmp_path) as sinks:
        asyncio.run(_kill_often(directory, books, sinks))
        struck = held(directory)
        journeys = _drained(directory, books, sinks)
        _print(journeys, struck, sinks)
    assert [] == journeys.wrong
    check_database(directory)
    for point, met in journeys.victims().items():
        assert not (met.kept and point in BEFORE), f"the sink had what {point} was about: {met}"
        assert not (met.doubled and point in BEHIND), f"{point} has doubled: {met}"
    assert journeys.relayed > 2 * KILLS
    assert journeys.reported.mails > KILLS
    if len(POINTS) <= KILLS:
        assert set(POINTS) <= {life.point for life in journeys.lives.values()}
