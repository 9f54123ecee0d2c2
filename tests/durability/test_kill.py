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

import pytest

from tests.durability.audit import check_database, check_mail, held, queued, read_mail, until
from tests.durability.child import Child, child, start_child
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
        end = asyncio.get_running_loop().time() + seconds
        while server.alive and asyncio.get_running_loop().time() < end:
            await asyncio.sleep(0.02)
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


def _let_go(directory: Path) -> None:
    """What was held after three strikes is let go: three of the kills fell into its lease."""
    import sqlite3

    with sqlite3.connect(directory / "pymta.db") as db:
        held = db.execute("SELECT lane, rank FROM pymta_queue_recipients WHERE state = 2")
        for lane, rank in held.fetchall():
            db.execute(
                "INSERT INTO pymta_queue_heads VALUES (?, ?, 0) ON CONFLICT (lane, rank) "
                "DO UPDATE SET due = 0",
                (lane, rank),
            )
        db.execute(
            "UPDATE pymta_queue_recipients SET state = 0, wake = 0, due = 0, strikes = 0, "
            "owner = NULL WHERE state = 2"
        )
    db.close()


@pytest.mark.usefixtures("tmp_path")
def test_d02_kill_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    """Acknowledged is delivered, after any number of kills anywhere; nothing is there twice."""
    directory = tmp_path / "store"
    books = Books()
    hit = asyncio.run(_kill_often(directory, books, KILLS))
    with child(directory) as server:
        until(lambda: queued(directory) == held(directory), 60, "the queue is not worked off")
        struck = held(directory)
        server.terminate()
    if struck:
        _let_go(directory)
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
