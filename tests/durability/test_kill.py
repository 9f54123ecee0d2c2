"""
``kill -9`` under load: whatever was acknowledged is there, once, octet for octet.

Twenty clients send to the queue and, by LMTP, straight into mailboxes, on both sides of 64 KiB.
The server is killed at every state of its table, in turn, and at random moments, and started
again on the same folder.  ``PYMTA_KILLS=200`` is the long form.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
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
from tests.durability.child import Child, child, start_child, start_testserver
from tests.durability.faults import Fault
from tests.durability.load import Books, Clients

KILLS = int(os.environ.get("PYMTA_KILLS", "9"))
SEED = int(os.environ.get("PYMTA_SEED", "2026"))

# In the order in which the short form takes them: the gravest first.
POINTS = (
    "commit/after",
    "add/after",
    "settle/before",
    "commit/during",
    "append/after",
    "data/before",
    "sync/after",
    "",
    "claim/after",
    "commit/before",
    "settle/after",
    "append/before",
    "add/before",
    "claim/before",
    "file/during",
    "sync/before",
    "unlink/before",
    "unlink/after",
    "checkpoint/before",
    "checkpoint/after",
    "checkpoint/during",
    "answer/before",
    "recover/before",
    "recover/after",
    "sweep/before",
    "sweep/after",
    "",
)
"""Place and moment; an empty one is a moment of chance from outside."""

# Calls until the strike: what happens once a life, or rarely, strikes at its first.
_RARE = {"recover": 1, "sweep": 1, "checkpoint": 1, "claim": 2, "unlink": 8, "sync": 8, "file": 12}
_OFTEN = 60
_LIFE = 4.0
"""Seconds after which a server is killed whose fault has not struck."""


def _fault(point: str, chance: random.Random) -> list[Fault]:
    if not point:
        return []
    place, when = point.split("/")
    call = chance.randint(1, _RARE.get(place, _OFTEN))
    return [Fault(place=place, when=when, call=call, seconds=chance.random() * 0.004)]


async def _live(server: Child, clients: Clients, seconds: float) -> None:
    """One life, until its fault strikes or it is killed."""
    if await asyncio.to_thread(server.wait_for_ports):
        clients.serve(server.ports)
        await asyncio.to_thread(server.wait_for_end, seconds)
        clients.gone()
    await asyncio.to_thread(server.close)


async def _kill_often(directory: Path, books: Books, kills: int) -> Counter[str]:
    """:returns: how often which point was hit."""
    chance = random.Random(SEED)
    clients = Clients(books, seed=SEED)
    clients.begin()
    hit: Counter[str] = Counter()
    try:
        for kill in range(kills):
            point = POINTS[kill % len(POINTS)]
            server = start_child(directory, faults=_fault(point, chance))
            before = server.text().count("\nkilled: ")
            await _live(server, clients, _LIFE if point else chance.uniform(0.05, 1.0))
            struck = server.text().count("\nkilled: ") > before
            hit[point if struck else ""] += 1
    finally:
        await clients.end()
    return hit


async def _kill_testserver(directory: Path, books: Books, kills: int) -> None:
    chance = random.Random(SEED)
    clients = Clients(books, seed=SEED)
    clients.begin()
    try:
        for _ in range(kills):
            await _live(start_testserver(directory), clients, chance.uniform(0.3, 1.5))
    finally:
        await clients.end()


def test_kill_of_the_command_testserver_loses_nothing(tmp_path: Path) -> None:
    """The same, of ``python -m pymta testserver --store DIR``, at moments of chance."""
    directory = tmp_path / "store"
    books = Books()
    asyncio.run(_kill_testserver(directory, books, max(2, KILLS // 10)))
    with child(directory) as server:
        until(lambda: not queued(directory), 60, "the queue is not worked off")
        delivered = read_mail(server.ports["pop3"], books)
        server.terminate()
    check_mail(books, delivered)
    check_database(directory)
    assert books.acknowledged


def test_d02_kill_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Acknowledged is delivered, after any number of kills anywhere; nothing is there twice."""
    directory = tmp_path / "store"
    books = Books()
    hit = asyncio.run(_kill_often(directory, books, KILLS))
    with child(directory) as server:
        until(lambda: queued(directory) == held(directory), 60, "the queue is not worked off")
        struck = held(directory)
        server.terminate()
    retry_all(directory)
    with child(directory) as server:
        until(lambda: not queued(directory), 60, "what was held is not delivered")
        delivered = read_mail(server.ports["pop3"], books)
        server.terminate()
    print(
        f"\n{KILLS} kills; {len(books.sent)} sent, {len(books.acknowledged)} acknowledged, "
        f"{sum(delivered.times.values())} delivered, {struck} had been held; "
        f"{dict(books.answers)}; {dict(hit)}"
    )
    check_mail(books, delivered)
    check_database(directory)
    assert len(books.acknowledged) >= 5 * KILLS
    if len(POINTS) <= KILLS:
        assert set(POINTS) <= set(hit)
